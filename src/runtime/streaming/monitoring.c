/* runtime/streaming/monitoring.c: who may look, and the whole at a glance. The figures are gathered
 * in the bus's writer, where the listeners live. */
#include "runtime/limits.h"
#include "runtime/streaming/streaming.h"

#define LETTERS_BYTES_MAX (16 * 1024 * 1024)

static void put_text(struct json_writer *writer, const char *key, struct str text)
{
    json_key(writer, key);
    json_put_text(writer, text);
}

static void put_int(struct json_writer *writer, const char *key, int64_t number)
{
    json_key(writer, key);
    json_put_int(writer, number);
}

/* --- who may look -------------------------------------------------------------------------- */

bool monitoring_allowed(const struct request *rq)
{
    return rq->env->settings->monitoring_open || rq->from_loopback || rq->operator;
}

static enum err guarded(struct request *rq, handler_fn *show)
{
    return monitoring_allowed(rq) ? request_then(rq, IN_WRITER, show) : ERR_NOT_FOUND;
}

/* --- dead letters -------------------------------------------------------------------------- */

struct letters {
    struct dead_letter at[DEAD_LETTERS_SHOWN];
    const char *consumer[DEAD_LETTERS_SHOWN];
    size_t count;
    int64_t total, waiting;
};

/* Both lists are newest first; the newest of both stay. */
static void merge(struct letters *letters, const struct dead_letter *more, size_t count,
                  const char *consumer)
{
    struct letters all = {.count = 0, .total = letters->total, .waiting = letters->waiting};
    size_t i = 0, j = 0;

    while (all.count < DEAD_LETTERS_SHOWN && (i < letters->count || j < count)) {
        if (j == count || (i < letters->count && letters->at[i].dead_at_ms >= more[j].dead_at_ms)) {
            all.at[all.count] = letters->at[i];
            all.consumer[all.count++] = letters->consumer[i++];
        } else {
            all.at[all.count] = more[j++];
            all.consumer[all.count++] = consumer;
        }
    }
    *letters = all;
}

static enum err gather(struct streaming *streaming, struct arena *arena, struct letters *letters)
{
    struct dead_letter more[DEAD_LETTERS_SHOWN];
    struct house *house = streaming->house;
    enum err err = OK;

    for (size_t i = 0; i < house->service_count; i++) {
        struct tx *log = log_view(streaming, i);
        int64_t total = 0, waiting = 0;
        size_t count = 0;

        if (!log) return ERR_UNAVAILABLE;
        TRY(dead_letters(log, arena, more, DEAD_LETTERS_SHOWN, &count, &total));
        TRY(waiting_count(log, &waiting));
        letters->total += total;
        letters->waiting += waiting;
        merge(letters, more, count, house->services[i]->def->name);
    }
done:
    return err;
}

static void put_letters(struct json_writer *writer, const struct letters *letters)
{
    put_int(writer, "waiting_count", letters->waiting);
    put_int(writer, "dead_letter_count", letters->total);
    json_key(writer, "dead_letters");
    json_begin_array(writer);
    for (size_t i = 0; i < letters->count; i++) {
        const struct dead_letter *letter = &letters->at[i];

        json_begin_object(writer);
        put_text(writer, "consumer", str_of(letters->consumer[i]));
        put_text(writer, "source", letter->source);
        put_int(writer, "sequence", letter->sequence);
        put_text(writer, "subject", letter->subject);
        put_text(writer, "reason", letter->reason);
        put_text(writer, "payload", letter->payload);
        json_key(writer, "time");
        json_put_time(writer, letter->dead_at_ms);
        json_end_object(writer);
    }
    json_end_array(writer);
}

/* --- GET /streaming ------------------------------------------------------------------------ */

static void put_services(struct json_writer *writer, struct house *house)
{
    json_key(writer, "services");
    json_begin_array(writer);
    for (size_t i = 0; i < house->service_count; i++) {
        const struct service *service = house->services[i];

        json_begin_object(writer);
        put_text(writer, "name", str_of(service->def->name));
        json_key(writer, "writable");
        json_put_bool(writer, atomic_load(&service->healthy));
        put_int(writer, "routes", (int64_t)service->def->route_count);
        put_int(writer, "last_seq", bus_last_sequence(house->bus, service->def->name));
        json_key(writer, "listens_to");
        json_begin_array(writer);
        for (size_t j = 0; service->subjects[j]; j++)
            json_put_text(writer, str_of(service->subjects[j]));
        json_end_array(writer);
        json_end_object(writer);
    }
    json_end_array(writer);
}

static void put_http(struct json_writer *writer, struct house *house)
{
    const struct http_server *server = atomic_load(&house->server);
    struct http_counters counters = {0};

    if (server) counters = http_server_counters(server);
    json_key(writer, "http");
    json_begin_object(writer);
    put_int(writer, "connections_open", (int64_t)counters.connections_open);
    put_int(writer, "connections_total", (int64_t)counters.connections_total);
    put_int(writer, "connections_refused", (int64_t)counters.connections_refused);
    put_int(writer, "connections_refused_address", (int64_t)counters.connections_refused_address);
    put_int(writer, "connections_evicted", (int64_t)counters.connections_evicted);
    put_int(writer, "requests_total", (int64_t)counters.requests_total);
    put_int(writer, "deadline_cuts", (int64_t)counters.deadline_cuts);
    put_int(writer, "bad_requests", (int64_t)counters.bad_requests);
    json_end_object(writer);
}

static void put_limit(void *context, const char *name, uint64_t refused)
{
    put_int(context, name, (int64_t)refused);
}

static void put_limits(struct json_writer *writer)
{
    json_key(writer, "limits_refused");
    json_begin_object(writer);
    limits_each(put_limit, writer);
    json_end_object(writer);
}

static void put_counts(struct json_writer *writer, struct streaming *streaming,
                       const struct channel_row *rows, size_t count)
{
    const struct house *house = streaming->house;
    int64_t messages = 0, clients = 0, subscriptions = 0;

    for (size_t i = 0; i < count; i++)
        messages += rows[i].channel.count;
    for (size_t i = 0; i < house->service_count; i++) {
        const char *const *subjects = house->services[i]->subjects;

        clients += subjects[0] != NULL;
        for (; *subjects; subjects++)
            subscriptions++;
    }
    put_int(writer, "clients", clients + (int64_t)streaming->member_count);
    put_int(writer, "subscriptions", subscriptions + (int64_t)streaming->member_count);
    put_int(writer, "channels", (int64_t)count);
    put_int(writer, "total_msgs", messages);
}

static enum err show_streaming(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct streaming *streaming = streaming_of(rq->env);
    struct house *house = streaming->house;
    struct channel_row *rows = arena_alloc_raw(rq->arena, CHANNELS_MAX * sizeof *rows);
    struct arena *arena = arena_new(LETTERS_BYTES_MAX);
    struct letters letters = {.count = 0};
    struct json_writer writer;
    enum err err = ERR_MEMORY;

    if (!rows || !arena) goto done;
    TRY(gather(streaming, arena, &letters));
    writer = reply_json(rp, 200);
    json_begin_object(&writer);
    put_text(&writer, "server_id", str_of(streaming->server_id));
    put_text(&writer, "version", STR(BOXOFFICE_VERSION));
    json_key(&writer, "started");
    json_put_time(&writer, house->started_at_ms);
    json_key(&writer, "now");
    json_put_time(&writer, tx->now_ms);
    put_int(&writer, "uptime_seconds", (tx->now_ms - house->started_at_ms) / 1000);
    put_counts(&writer, streaming, rows, channel_rows(streaming, rq->arena, rows));
    put_services(&writer, house);
    put_http(&writer, house);
    put_limits(&writer);
    put_letters(&writer, &letters);
    json_end_object(&writer);
    err = rp->body.failed ? ERR_MEMORY : OK;
done:
    if (arena) arena_free(arena);
    return err;
}

enum err get_streaming(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx, (void)rp;
    return guarded(rq, show_streaming);
}

enum err get_clientsz(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx, (void)rp;
    return guarded(rq, show_clients);
}

enum err get_channelsz(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx, (void)rp;
    return guarded(rq, show_channels);
}
