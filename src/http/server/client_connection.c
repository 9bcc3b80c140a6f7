/* http/server/client_connection.c: one connection's life, as bytes in and bytes out.
 *
 * Requests are taken one at a time: while one is away, or the socket has not taken the last answer,
 * nothing is parsed and what still comes is held, at most one read of it. That is all the
 * back-pressure there is, and it is enough. */
#include "http/server/client_connection.h"

#include "http/response.h"
#include "http/server/client_identity.h"
#include "http/server/fair_share.h"
#include "http/server/request_checks.h"
#include "http/server/request_metrics.h"
#include "http/server/stream.h"

#include <stdlib.h>

#define REFUSED_MS 1000 /* what a connection too many has to ask for health */
#define LINGER_MS  2000 /* how long a closing connection's input is thrown away */

/* A request begins on it. */
static struct exchange *connection_begin(void *context)
{
    struct connection *connection = context;
    struct exchange *exchange = exchange_acquire(connection->loop);

    ASSERT(!connection->exchange);
    connection->exchange = exchange;
    if (!exchange) return NULL;
    exchange->connection = connection;
    exchange->peer = &connection->peer;
    connection->phase = PHASE_RECEIVING;
    connection->refresh = true;
    return exchange;
}

void connection_init(struct connection *connection, struct event_loop *loop)
{
    connection->loop = loop;
    parser_init(&connection->parser, connection_begin, connection);
    counter_add(&loop->counters.connections, 1);
    connection->refresh = true;
}

void connection_gone(struct connection *connection)
{
    struct exchange *exchange = connection->exchange;

    event_loop_unwait(connection->loop, &connection->deadline);
    if (exchange && connection->phase == PHASE_AWAY) {
        exchange->connection = NULL; /* freed when its answer comes */
        exchange->peer = NULL;
    } else if (exchange) {
        exchange_release(exchange);
    }
    if (connection->stream) stream_gone(connection->stream);
    session_cache_free(connection->peer.session);
    free(connection->held);
    connection->exchange = NULL;
    connection->stream = NULL;
    connection->peer.session = NULL;
    connection->held = NULL;
}

static void connection_close_soon(struct connection *connection, bool linger)
{
    connection->closing = true;
    connection->linger = connection->linger || linger;
}

static void connection_stream_ready(struct connection *connection)
{
    connection_pump(connection);
    connection->loop->flush(connection);
}

/* Who closes while a stream runs, or before it began, is not reading it. */
static void connection_cut_stream(struct connection *connection)
{
    if (connection->phase == PHASE_STREAMING) connection->cut = true;
}

/* The connection goes on with the stream that its answer carries. */
static void connection_stream(struct connection *connection, struct stream *stream, bool close)
{
    connection->stream = stream;
    connection->phase = PHASE_STREAMING;
    connection->close_after_stream = close;
    stream_attach(stream, connection, connection_stream_ready);
    connection_pump(connection);
    if (connection->eof) connection_cut_stream(connection);
}

/* Puts the answer out and makes the connection ready for the next request. */
static void connection_finish(struct connection *connection, struct exchange *exchange)
{
    struct event_loop *loop = connection->loop;
    struct request *rq = &exchange->rq;
    bool close = !exchange->keep_alive || loop->stopping || (connection->eof && !connection->held);
    struct stream *stream = rq->reply.stream;

    connection->exchange = NULL;
    connection->phase = PHASE_IDLE;
    connection->refresh = true;
    connection->served = true;
    if (stream && exchange->http10) close = true; /* its end is the end of the connection */
    if (rq->reply.packing != PACK_NOT) reply_compress(rq, &loop->compressor);
    if (!response_append(&loop->out, rq, (struct response_form){exchange->http10, close}))
        close = true;
    request_metrics_answered(exchange);
    if (exchange->here_us) fair_share_charge(loop, rq, loop->clock_us - exchange->here_us);
    stream = rq->reply.stream;
    if (stream && rq->head_only) {
        stream_gone(stream); /* the head is all there is */
    } else if (stream) {
        connection_stream(connection, stream, close);
        close = false;
    }
    exchange_release(exchange);
    if (close) connection_close_soon(connection, connection->held != NULL);
}

void connection_answer(struct connection *connection, struct exchange *exchange)
{
    ASSERT(connection->exchange == exchange && connection->phase == PHASE_AWAY);
    connection_finish(connection, exchange);
}

void connection_refuse(struct connection *connection, enum err err)
{
    struct event_loop *loop = connection->loop;
    struct exchange *exchange = connection->exchange;

    if (err == ERR_TIMEOUT)
        counter_add(&loop->counters.deadline_cuts, 1);
    else if (err_status(err) < 500)
        counter_add(&loop->counters.bad_requests, 1);
    connection_close_soon(connection, true);
    if (!exchange) exchange = connection_begin(connection);
    if (!exchange) {
        response_append_unavailable(&loop->out);
        return;
    }
    exchange->keep_alive = false;
    client_identify(exchange);
    if (request_refusal_page(exchange, err)) {
        connection->phase = PHASE_AWAY;
        if (event_loop_hand_over(loop, &exchange->rq, loop->config->dispatch))
            connection_finish(connection, exchange);
        return;
    }
    reply_error(&exchange->rq, err);
    connection_finish(connection, exchange);
}

void connection_dispatch(struct connection *connection, struct exchange *exchange)
{
    struct event_loop *loop = connection->loop;

    exchange->here_us = event_loop_clock_us(loop);
    if (event_loop_hand_over(loop, &exchange->rq, loop->config->dispatch))
        connection_finish(connection, exchange);
    else
        exchange->here_us = 0;
}

/* The parser has a whole request. */
static void connection_received(struct connection *connection)
{
    struct event_loop *loop = connection->loop;
    struct exchange *exchange = connection->exchange;
    enum err err;

    exchange->started_us = event_loop_clock_us(loop);
    err = request_check(exchange);
    counter_add(&loop->counters.requests, 1);
    if (connection->refusal) {
        exchange->keep_alive = false;
        if (err != OK || exchange->rq.matched->access != ACCESS_HEALTH)
            err = (enum err)connection->refusal;
    }
    if (err != OK) {
        if (err == ERR_BAD_REQUEST) counter_add(&loop->counters.bad_requests, 1);
        reply_error(&exchange->rq, err);
        connection_finish(connection, exchange);
        return;
    }
    connection->phase = PHASE_AWAY;
    if (!fair_share_defer(loop, exchange)) connection_dispatch(connection, exchange);
}

static bool connection_can_parse(const struct connection *connection)
{
    return !connection->closing && !connection->blocked && connection->phase <= PHASE_RECEIVING &&
           connection->loop->out.len < OUT_HIGH;
}

/* The parser has given up at a method it does not know. 404, once its whole name is there. */
static enum err connection_unknown_method(struct connection *connection)
{
    connection->unknown_method = true;
    connection->refresh = connection->refresh || connection->phase == PHASE_IDLE;
    connection->phase = PHASE_RECEIVING;
    return framing_method_read(&connection->framing) ? ERR_NOT_FOUND : OK;
}

/* Hands the parser what framing.c found in order. */
static enum err connection_parse(struct connection *connection, struct str bytes, bool *whole)
{
    bool unknown_method = connection->unknown_method;
    enum err err = OK;

    if (!unknown_method) err = parser_execute(&connection->parser, bytes, whole, &unknown_method);
    return err == OK && unknown_method ? connection_unknown_method(connection) : err;
}

/* The end of a head or of a request, which the parser has to see there as well: parsed says that it
 * saw the end of a request. */
static enum err connection_check_end(struct connection *connection, enum framing_verdict verdict,
                                     bool parsed, bool *whole)
{
    const struct exchange *exchange = connection->exchange;

    *whole = verdict == FRAMING_MESSAGE;
    if (connection->unknown_method) return OK;
    if (verdict == FRAMING_HEAD) {
        if (!exchange || !exchange->head_done) return ERR_BAD_REQUEST;
        *whole = framing_body(&connection->framing, exchange->chunked, exchange->length);
    }
    return *whole == parsed ? OK : ERR_BAD_REQUEST;
}

/* Reads on, to the end of a head or of a request at most. */
static enum err connection_read_piece(struct connection *connection, struct str bytes, size_t *used,
                                      bool *whole)
{
    enum framing_verdict verdict = framing_read(&connection->framing, bytes, used);
    enum err err = OK;
    bool parsed = false;

    if (*used) TRY(connection_parse(connection, (struct str){bytes.at, *used}, &parsed));
    TRY(connection_check_end(connection, verdict, parsed, whole));
    if (verdict == FRAMING_TOO_LARGE) err = ERR_HEADERS_TOO_LARGE;
    if (verdict == FRAMING_BROKEN) err = ERR_BAD_REQUEST;
done:
    return err;
}

/* RFC 9110 section 10.1.1: go on, or what is the matter already. */
static void connection_answer_expectation(struct connection *connection)
{
    struct exchange *exchange = connection->exchange;

    exchange->waiting_for_continue = false;
    if (exchange->body.len) return;
    if (!request_route_known(exchange))
        connection_refuse(connection, ERR_NOT_FOUND);
    else
        buf_append(&connection->loop->out, STR("HTTP/1.1 100 Continue\r\n\r\n"));
}

/* Parses as far as it may; returns how many bytes it took. */
static size_t connection_consume(struct connection *connection, const char *at, size_t len)
{
    size_t used = 0;

    while (used < len && connection_can_parse(connection)) {
        bool whole = false;
        size_t took;
        enum err err =
            connection_read_piece(connection, (struct str){at + used, len - used}, &took, &whole);

        if (err != OK) {
            connection_refuse(connection, err);
            return len;
        }
        used += took;
        if (whole) connection_received(connection);
    }
    if (connection->closing) {
        connection->linger = connection->linger || used < len;
        return len;
    }
    if (connection->phase == PHASE_RECEIVING && !connection->unknown_method &&
        connection->exchange->waiting_for_continue)
        connection_answer_expectation(connection);
    return used;
}

static void connection_hold(struct connection *connection, const char *at, size_t len)
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
    used = connection_consume(connection, at, len);
    if (used < len) connection_hold(connection, at + used, len - used);
}

bool connection_resume(struct connection *connection)
{
    if (!connection->held || !connection_can_parse(connection)) return false;
    connection->held_at +=
        (uint32_t)connection_consume(connection, connection->held + connection->held_at,
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
    connection_cut_stream(
        connection); /* one who half-closes after a request still gets its answer */
}

void connection_pump(struct connection *connection)
{
    bool ended = false, overflow = false;

    if (!connection->stream || connection->blocked) return;
    stream_take(connection->stream, &connection->loop->out, &ended, &overflow);
    if (overflow) connection->cut = true;
    if (!ended) return;
    stream_finish(connection->stream);
    connection->stream = NULL;
    connection->phase = PHASE_IDLE;
    connection->refresh = true;
    if (connection->close_after_stream) connection_close_soon(connection, connection->held != NULL);
}

/* A slow reader is given more time as long as it reads at all. */
static bool connection_write_progressed(struct connection *connection)
{
    struct event_loop *loop = connection->loop;
    size_t unsent = loop->unsent ? loop->unsent(connection) : 0;
    bool progressed = unsent + WRITE_PROGRESS_MIN <= connection->unsent_mark;

    connection->unsent_mark = unsent;
    if (unsent == 0) connection->unread = false;
    return progressed || unsent == 0;
}

void connection_expire(struct connection *connection)
{
    if (connection->deadline.wait == WAIT_WRITE && connection_write_progressed(connection)) {
        connection->refresh = true;
        connection->cut = connection->closing && !connection->unread && !connection->blocked;
        return;
    }
    connection->reset = connection->deadline.wait == WAIT_WRITE;
    if (connection->deadline.wait == WAIT_REQUEST && connection->phase == PHASE_RECEIVING &&
        !connection->closing) {
        connection_refuse(connection, ERR_TIMEOUT);
        return;
    }
    if (connection->deadline.wait == WAIT_WRITE || connection->deadline.wait == WAIT_FRESH)
        counter_add(&connection->loop->counters.deadline_cuts, 1);
    connection->cut = true;
}

void connection_wind_down(struct connection *connection)
{
    struct stream *stream = connection->stream;

    if (connection->phase == PHASE_IDLE && !connection->held &&
        !(connection->peer.trusted && connection->loop->proxies_may))
        connection_close_soon(connection, false);
    if (!stream) return;
    if (!connection->blocked) connection_pump(connection);
    if (!connection->stream) return; /* it had ended by itself */
    connection->stream = NULL;
    connection->phase = PHASE_IDLE;
    stream_terminate(stream, &connection->loop->out);
    connection_close_soon(connection, false);
}

void connection_schedule(struct connection *connection)
{
    const struct http_config *config = connection->loop->config;
    enum wait wait = WAIT_FOREVER;
    int64_t after_ms = -1;

    if (connection->blocked ||
        (connection->unread && (connection->lingering || connection->phase == PHASE_IDLE))) {
        if ((connection->refresh || connection->deadline.wait != WAIT_WRITE) &&
            connection->loop->unsent)
            connection->unsent_mark = connection->loop->unsent(connection);
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
    if (connection->deadline.listed && connection->deadline.wait == wait && !connection->refresh)
        return;
    connection->refresh = false;
    event_loop_wait(connection->loop, &connection->deadline, wait, after_ms);
}
