/* services/admin/monitoring.c: the whole at a glance. The metrics are gathered in the bus's
 * writer, where the listeners live. */
#include "runtime/limits.h"
#include "runtime/process_metrics.h"
#include "services/admin/admin.h"

#include <stdio.h>

#define DEAD_LETTERS_BYTES_MAX (16 * 1024 * 1024)

/* --- dead letters -------------------------------------------------------------------------- */

struct dead_letter_list {
    struct dead_letter at[DEAD_LETTERS_SHOWN];
    const char *consumer[DEAD_LETTERS_SHOWN];
    size_t count;
    int64_t total, waiting;
};

/* Both lists are newest first; the newest of both stay. */
static void merge(struct dead_letter_list *letters, const struct dead_letter *more, size_t count,
                  const char *consumer)
{
    struct dead_letter_list all = {
        .count = 0, .total = letters->total, .waiting = letters->waiting};
    size_t i = 0, j = 0;

    while (all.count < DEAD_LETTERS_SHOWN && (i < letters->count || j < count)) {
        if (j == count ||
            (i < letters->count && !wall_before(letters->at[i].dead_at, more[j].dead_at))) {
            all.at[all.count] = letters->at[i];
            all.consumer[all.count++] = letters->consumer[i++];
        } else {
            all.at[all.count] = more[j++];
            all.consumer[all.count++] = consumer;
        }
    }
    *letters = all;
}

static enum err gather(struct admin *admin, struct arena *arena, struct dead_letter_list *letters)
{
    struct dead_letter more[DEAD_LETTERS_SHOWN];
    const struct app *app = admin->app;
    enum err err = OK;

    for (size_t i = 0; i < app_service_count(app); i++) {
        struct tx *log = outbox_view(admin, i);
        int64_t total = 0, waiting = 0;
        size_t count = 0;

        if (!log) return ERR_UNAVAILABLE;
        TRY(dead_letters(log, arena, more, DEAD_LETTERS_SHOWN, &count, &total));
        TRY(waiting_count(log, &waiting));
        letters->total += total;
        letters->waiting += waiting;
        merge(letters, more, count, instance_name(app_service(app, i)));
    }
done:
    return err;
}

static void put_dead_letters(struct json_writer *writer, const struct dead_letter_list *letters)
{
    json_member_int(writer, "waiting_count", letters->waiting);
    json_member_int(writer, "dead_letter_count", letters->total);
    json_key(writer, "dead_letters");
    json_begin_array(writer);
    for (size_t i = 0; i < letters->count; i++) {
        const struct dead_letter *letter = &letters->at[i];

        json_begin_object(writer);
        json_member_text(writer, "consumer", str_of(letters->consumer[i]));
        json_member_text(writer, "source", letter->source);
        json_member_int(writer, "sequence", letter->sequence);
        json_member_text(writer, "subject", letter->subject);
        json_member_text(writer, "reason", letter->reason);
        json_member_time(writer, "time", letter->dead_at);
        json_end_object(writer);
    }
    json_end_array(writer);
}

/* --- parts of GET /streaming --------------------------------------------------------------- */

static void put_services(struct json_writer *writer, const struct app *app)
{
    json_key(writer, "services");
    json_begin_array(writer);
    for (size_t i = 0; i < app_service_count(app); i++) {
        const struct instance *service = app_service(app, i);

        json_begin_object(writer);
        json_member_text(writer, "name", str_of(instance_name(service)));
        json_member_bool(writer, "writable", instance_writable(service));
        json_member_int(writer, "routes", (int64_t)instance_route_count(service));
        json_member_int(writer, "last_seq",
                        bus_last_sequence(app_bus(app), instance_name(service)));
        json_key(writer, "listens_to");
        json_begin_array(writer);
        for (size_t j = 0; instance_subjects(service)[j]; j++)
            json_put_text(writer, str_of(instance_subjects(service)[j]));
        json_end_array(writer);
        json_end_object(writer);
    }
    json_end_array(writer);
}

static void put_http(struct json_writer *writer, const struct app *app)
{
    const struct http_server *server = app_http_server(app);
    struct http_counters counters = {0};

    if (server) counters = http_server_counters(server);
    json_key(writer, "http");
    json_begin_object(writer);
    json_member_int(writer, "connections_open", (int64_t)counters.connections_open);
    json_member_int(writer, "connections_total", (int64_t)counters.connections_total);
    json_member_int(writer, "connections_refused", (int64_t)counters.connections_refused);
    json_member_int(writer, "connections_refused_address",
                    (int64_t)counters.connections_refused_address);
    json_member_int(writer, "connections_evicted", (int64_t)counters.connections_evicted);
    json_member_int(writer, "requests_total", (int64_t)counters.requests_total);
    json_member_int(writer, "deadline_cuts", (int64_t)counters.deadline_cuts);
    json_member_int(writer, "bad_requests", (int64_t)counters.bad_requests);
    json_member_int(writer, "unread_cuts", (int64_t)counters.unread_cuts);
    json_member_int(writer, "forwarded_untrusted", (int64_t)counters.forwarded_untrusted);
    json_end_object(writer);
}

static void put_limit(void *context, const char *name, uint64_t refused)
{
    json_member_int(context, name, (int64_t)refused);
}

static void put_limits(struct json_writer *writer)
{
    json_key(writer, "limits_refused");
    json_begin_object(writer);
    limits_each(put_limit, writer);
    json_end_object(writer);
}

/* --- the server ---------------------------------------------------------------------------- */

void put_server(struct json_writer *writer, const struct admin *admin, struct wall_ms now)
{
    json_member_text(writer, "cluster_id", STR("boxoffice"));
    json_member_text(writer, "server_id", str_of(admin->server_id));
    json_member_time(writer, "now", now);
}

static void put_messages(struct json_writer *writer, const struct channel_row *rows, size_t count)
{
    int64_t messages = 0, bytes = 0;

    for (size_t i = 0; i < count; i++) {
        messages += rows[i].channel.count;
        bytes += rows[i].channel.bytes;
    }
    json_member_int(writer, "total_msgs", messages);
    json_member_int(writer, "total_bytes", bytes);
}

static void put_counts(struct json_writer *writer, struct admin *admin,
                       const struct channel_row *rows, size_t count)
{
    const struct app *app = admin->app;
    int64_t clients = 0, subscriptions = 0;

    for (size_t i = 0; i < app_service_count(app); i++) {
        const char *const *subjects = app_service(app, i)->subjects;

        clients += subjects[0] != NULL;
        for (; *subjects; subjects++)
            subscriptions++;
    }
    json_member_int(writer, "clients", clients + (int64_t)admin->member_count);
    json_member_int(writer, "subscriptions", subscriptions + (int64_t)admin->member_count);
    json_member_int(writer, "channels", (int64_t)count);
    put_messages(writer, rows, count);
}

/* "3d4h5m6s", from the largest part that is not 0. */
static void put_uptime(struct json_writer *writer, int64_t seconds)
{
    const int64_t minutes = seconds / 60, hours = minutes / 60, days = hours / 24;
    const int64_t years = days / 365;
    char text[64];
    int len = 0;

    if (years) len += snprintf(text, sizeof text, "%lldy", (long long)years);
    if (days)
        len += snprintf(text + len, sizeof text - (size_t)len, "%lldd", (long long)days % 365);
    if (hours)
        len += snprintf(text + len, sizeof text - (size_t)len, "%lldh", (long long)hours % 24);
    if (minutes)
        len += snprintf(text + len, sizeof text - (size_t)len, "%lldm", (long long)minutes % 60);
    snprintf(text + len, sizeof text - (size_t)len, "%llds", (long long)seconds % 60);
    json_member_text(writer, "uptime", str_of(text));
}

static void put_traffic(struct json_writer *writer)
{
    json_member_int(writer, "in_msgs", metric_get(METRIC_EVENTS_PUBLISHED));
    json_member_int(writer, "in_bytes", metric_get(METRIC_EVENTS_PUBLISHED_BYTES));
    json_member_int(writer, "out_msgs", metric_get(METRIC_EVENTS_DELIVERED));
    json_member_int(writer, "out_bytes", metric_get(METRIC_EVENTS_DELIVERED_BYTES));
}

enum err get_serverz(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct admin *admin = admin_of(rq->run->env);
    struct channel_row *rows = arena_alloc_raw(rq->arena, CHANNELS_MAX * sizeof *rows);
    struct json_writer writer = reply_json(rp, 200);

    if (!rows) return ERR_MEMORY;
    json_begin_object(&writer);
    put_server(&writer, admin, tx->now);
    json_member_text(&writer, "version", STR(BOXOFFICE_VERSION));
    json_member_text(&writer, "go", STR(""));
    json_member_text(&writer, "state", STR("STANDALONE"));
    json_member_time(&writer, "start_time", app_started_at(admin->app));
    put_uptime(&writer, app_uptime_ms(admin->app) / 1000);
    put_counts(&writer, admin, rows, channel_rows(admin, rq->arena, rows));
    put_traffic(&writer);
    json_member_int(&writer, "open_fds", process_descriptors());
    json_member_int(&writer, "max_fds", process_descriptors_max());
    json_end_object(&writer);
    return rp->body.failed ? ERR_MEMORY : OK;
}

/* 0: without a limit. */
static void put_store_limits(struct json_writer *writer)
{
    json_key(writer, "limits");
    json_begin_object(writer);
    json_member_int(writer, "max_channels", 0);
    json_member_int(writer, "max_msgs", 0);
    json_member_int(writer, "max_bytes", 0);
    json_member_int(writer, "max_age", 0);
    json_member_int(writer, "max_subscriptions", 0);
    json_member_int(writer, "max_inactivity", 0);
    json_end_object(writer);
}

enum err get_storez(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct admin *admin = admin_of(rq->run->env);
    struct channel_row *rows = arena_alloc_raw(rq->arena, CHANNELS_MAX * sizeof *rows);
    struct json_writer writer = reply_json(rp, 200);

    if (!rows) return ERR_MEMORY;
    json_begin_object(&writer);
    put_server(&writer, admin, tx->now);
    json_member_text(&writer, "type", STR("SQL"));
    put_store_limits(&writer);
    put_messages(&writer, rows, channel_rows(admin, rq->arena, rows));
    json_end_object(&writer);
    return rp->body.failed ? ERR_MEMORY : OK;
}

/* --- GET /streaming ------------------------------------------------------------------------ */

enum err get_monitoring(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct admin *admin = admin_of(rq->run->env);
    const struct app *app = admin->app;
    struct channel_row *rows = arena_alloc_raw(rq->arena, CHANNELS_MAX * sizeof *rows);
    struct arena *arena = arena_new(DEAD_LETTERS_BYTES_MAX);
    struct dead_letter_list letters = {.count = 0};
    struct json_writer writer;
    enum err err = ERR_MEMORY;

    if (!rows || !arena) goto done;
    TRY(gather(admin, arena, &letters));
    writer = reply_json(rp, 200);
    json_begin_object(&writer);
    put_server(&writer, admin, tx->now);
    json_member_text(&writer, "version", STR(BOXOFFICE_VERSION));
    json_member_time(&writer, "started", app_started_at(app));
    json_member_int(&writer, "uptime_seconds", app_uptime_ms(app) / 1000);
    put_counts(&writer, admin, rows, channel_rows(admin, rq->arena, rows));
    put_services(&writer, app);
    put_http(&writer, app);
    put_limits(&writer);
    put_dead_letters(&writer, &letters);
    json_end_object(&writer);
    err = rp->body.failed ? ERR_MEMORY : OK;
done:
    if (arena) arena_free(arena);
    return err;
}
