/* http/connection.c: one connection's life, as bytes in and bytes out.
 *
 * Requests are taken one at a time: while one is away, or the socket has not taken the last answer,
 * nothing is parsed and what still comes is held, at most one read of it. That is all the
 * back-pressure there is, and it is enough. */
#include "http/internal.h"

#include <stdlib.h>

void connection_init(struct connection *connection, struct lane *lane)
{
    connection->lane = lane;
    http_parser_init(&connection->parser, HTTP_REQUEST);
    connection->parser.data = connection;
    counter_add(&lane->counters.connections);
    connection->refresh = true;
}

void connection_gone(struct connection *connection)
{
    struct exchange *exchange = connection->exchange;

    lane_unwait(connection);
    if (exchange && connection->phase == PHASE_AWAY)
        exchange->connection = NULL; /* freed when its answer comes */
    else if (exchange)
        exchange_release(exchange);
    if (connection->stream) stream_gone(connection->stream);
    session_cache_free(connection->session);
    free(connection->held);
    connection->exchange = NULL;
    connection->stream = NULL;
    connection->session = NULL;
    connection->held = NULL;
}

static void close_soon(struct connection *connection, bool linger)
{
    connection->closing = true;
    connection->linger = connection->linger || linger;
}

/* Puts the answer out and makes the connection ready for the next request. */
static void finish(struct connection *connection, struct exchange *exchange)
{
    bool close = !exchange->keep_alive || connection->lane->stopping ||
                 (connection->eof && !connection->held);
    struct stream *stream = exchange->rq.reply.stream;

    connection->exchange = NULL;
    connection->phase = PHASE_IDLE;
    connection->refresh = true;
    connection->served = true;
    if (stream && exchange->http10) close = true; /* its end is the end of the connection */
    answer_append(&connection->lane->out, exchange, close);
    figures_answered(exchange);
    stream = exchange->rq.reply.stream;
    close = close || !exchange->keep_alive;
    if (stream && exchange->rq.head_only) {
        stream_gone(stream); /* the head is all there is */
    } else if (stream) {
        connection->stream = stream;
        connection->phase = PHASE_STREAMING;
        connection->close_after_stream = close;
        stream_attach(stream, connection);
        connection_pump(connection);
        close = false;
    }
    exchange_release(exchange);
    if (close) close_soon(connection, connection->held != NULL);
}

void connection_answer(struct connection *connection, struct exchange *exchange)
{
    ASSERT(connection->exchange == exchange && connection->phase == PHASE_AWAY);
    finish(connection, exchange);
}

void connection_refuse(struct connection *connection, enum err err)
{
    struct lane *lane = connection->lane;
    struct exchange *exchange = connection->exchange;

    if (err == ERR_TIMEOUT)
        counter_add(&lane->counters.deadline_cuts);
    else if (err_status(err) < 500)
        counter_add(&lane->counters.bad_requests);
    close_soon(connection, true);
    if (!exchange) exchange = exchange_acquire(lane, connection);
    if (!exchange) {
        answer_append_unavailable(&lane->out);
        return;
    }
    exchange->keep_alive = false;
    connection->exchange = exchange;
    reply_error(&exchange->rq, err);
    finish(connection, exchange);
}

/* The parser has a whole request. */
static void received(struct connection *connection)
{
    struct lane *lane = connection->lane;
    struct exchange *exchange = connection->exchange;
    enum err err;

    exchange->started_us = lane_clock_us(lane);
    err = exchange_prepare(exchange);
    counter_add(&lane->counters.requests);
    if (connection->refusal) {
        exchange->keep_alive = false;
        if (err != OK || exchange->rq.route->access != ACCESS_HEALTH)
            err = (enum err)connection->refusal;
    }
    if (err != OK) {
        if (err == ERR_BAD_REQUEST) counter_add(&lane->counters.bad_requests);
        reply_error(&exchange->rq, err);
        finish(connection, exchange);
        return;
    }
    connection->phase = PHASE_AWAY;
    if (lane_hand_over(lane, exchange, lane->config->dispatch)) finish(connection, exchange);
}

static bool can_parse(const struct connection *connection)
{
    return !connection->closing && !connection->blocked && connection->phase <= PHASE_RECEIVING &&
           connection->lane->out.len < OUT_HIGH;
}

/* The parser will not go on; what it left is at `at`. */
static void stopped(struct connection *connection, const char *at, size_t len)
{
    enum err err = connection->odd_method ? OK : parse_failure(connection);

    if (err == OK) {
        if (!connection->odd_method) connection->odd_len = connection->exchange ? 1 : 0;
        connection->odd_method = true;
        connection->refresh = connection->refresh || connection->phase == PHASE_IDLE;
        connection->phase = PHASE_RECEIVING;
        err = parse_odd_method(connection, at, len);
    }
    if (err != OK) connection_refuse(connection, err);
}

/* Parses as far as it may; returns how many bytes it took. */
static size_t consume(struct connection *connection, const char *at, size_t len)
{
    http_parser *parser = &connection->parser;
    size_t used = 0;

    if (connection->odd_method) {
        stopped(connection, at, len);
        return len;
    }
    while (used < len && can_parse(connection)) {
        size_t took = http_parser_execute(parser, &parser_settings, at + used, len - used);

        used += took;
        if (HTTP_PARSER_ERRNO(parser) == HPE_OK && took > 0) continue;
        if (HTTP_PARSER_ERRNO(parser) != HPE_PAUSED) {
            stopped(connection, at + used, len - used);
            return len;
        }
        http_parser_pause(parser, 0);
        received(connection);
    }
    if (connection->closing) {
        connection->linger = connection->linger || used < len;
        return len;
    }
    if (connection->phase == PHASE_RECEIVING && connection->exchange->waiting_for_continue) {
        connection->exchange->waiting_for_continue = false;
        if (connection->exchange->body.len == 0)
            buf_append(&connection->lane->out, STR("HTTP/1.1 100 Continue\r\n\r\n"));
    }
    return used;
}

static void hold(struct connection *connection, const char *at, size_t len)
{
    ASSERT(!connection->held && len <= READ_SIZE);
    connection->held = malloc(len);
    if (!connection->held) {
        connection->cut = true;
        return;
    }
    memcpy(connection->held, at, len);
    connection->held_at = 0;
    connection->held_len = (uint32_t)len;
}

void connection_input(struct connection *connection, const char *at, size_t len)
{
    size_t used;

    if (connection->closing) return; /* lingering: nobody reads it */
    ASSERT(!connection->held);
    used = consume(connection, at, len);
    if (used < len) hold(connection, at + used, len - used);
}

bool connection_resume(struct connection *connection)
{
    if (!connection->held || !can_parse(connection)) return false;
    connection->held_at += (uint32_t)consume(connection, connection->held + connection->held_at,
                                             connection->held_len - connection->held_at);
    if (connection->held_at == connection->held_len) {
        free(connection->held);
        connection->held = NULL;
    }
    return true;
}

void connection_eof(struct connection *connection)
{
    connection->eof = true;
    /* Who closes while a stream runs is not reading it any more. One who half-closes after a
     * request still gets its answer. */
    if (connection->phase == PHASE_STREAMING) connection->cut = true;
}

void connection_pump(struct connection *connection)
{
    bool ended = false, overflow = false;

    if (!connection->stream || connection->blocked) return;
    stream_take(connection->stream, &connection->lane->out, &ended, &overflow);
    if (overflow) connection->cut = true;
    if (!ended) return;
    stream_finish(connection->stream);
    connection->stream = NULL;
    connection->phase = PHASE_IDLE;
    connection->refresh = true;
    if (connection->close_after_stream) close_soon(connection, connection->held != NULL);
}

/* A slow reader is given more time as long as it reads at all. */
static bool write_progressed(struct connection *connection)
{
    struct lane *lane = connection->lane;
    size_t unsent = lane->unsent ? lane->unsent(connection) : 0;
    bool progressed = unsent + WRITE_PROGRESS_MIN <= connection->unsent_mark;

    connection->unsent_mark = unsent;
    return progressed;
}

void connection_expire(struct connection *connection)
{
    if (connection->wait == WAIT_WRITE && write_progressed(connection)) {
        connection->refresh = true;
        return;
    }
    if (connection->wait == WAIT_REQUEST && connection->phase == PHASE_RECEIVING &&
        !connection->closing) {
        connection_refuse(connection, ERR_TIMEOUT);
        return;
    }
    if (connection->wait == WAIT_WRITE || connection->wait == WAIT_FRESH)
        counter_add(&connection->lane->counters.deadline_cuts);
    connection->cut = true;
}

void connection_wind_down(struct connection *connection)
{
    struct stream *stream = connection->stream;

    if (connection->phase == PHASE_IDLE && !connection->held &&
        !(connection->peer_trusted && connection->lane->proxies_may))
        close_soon(connection, false);
    if (!stream) return;
    if (!connection->blocked) connection_pump(connection);
    if (!connection->stream) return; /* it had ended by itself */
    connection->stream = NULL;
    connection->phase = PHASE_IDLE;
    stream_terminate(stream, &connection->lane->out);
    close_soon(connection, false);
}

void connection_schedule(struct connection *connection)
{
    const struct http_config *config = connection->lane->config;
    enum wait wait = WAIT_FOREVER;
    int64_t after_ms = -1;

    if (connection->blocked) {
        if (connection->wait != WAIT_WRITE && connection->lane->unsent)
            connection->unsent_mark = connection->lane->unsent(connection);
        wait = WAIT_WRITE;
        after_ms = config->deadline_ms;
    } else if (connection->lingering) {
        wait = WAIT_LINGER;
        after_ms = LINGER_MS;
    } else if (connection->refusal && connection->phase <= PHASE_RECEIVING) {
        wait = WAIT_REFUSED;
        after_ms = REFUSED_MS;
    } else if (connection->phase == PHASE_IDLE && !connection->served) {
        wait = WAIT_FRESH;
        after_ms = config->deadline_ms;
    } else if (connection->phase == PHASE_RECEIVING) {
        wait = WAIT_REQUEST;
        after_ms = config->deadline_ms;
    } else if (connection->phase == PHASE_IDLE) {
        wait = WAIT_IDLE;
        after_ms = config->idle_ms;
    }
    if (connection->listed && connection->wait == wait && !connection->refresh) return;
    connection->refresh = false;
    lane_wait(connection, wait, after_ms);
}
