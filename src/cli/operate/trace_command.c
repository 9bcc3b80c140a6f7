/* cli/operate/trace_command.c: boxoffice trace ORDER_ID: the life of an order, out of the services'
 * outboxes. Reads the databases themselves, so it makes no difference whether a server runs on
 * them. */
#include "cli/data/folder.h"

#include "base/clock.h"
#include "events/events.h"
#include "runtime/database.h"

#include <stdlib.h>
#include <unistd.h>

#define EVENTS_MAX      1000
#define PUBLISHERS_MAX  EVENT_TYPES
#define TEXTS_BYTES_MAX (64 * 1024 * 1024)
#define WHY_MAX         1024

struct timeline_event {
    struct outbox_event event;
    const char *service;
};

struct timeline {
    struct arena *arena;
    struct timeline_event at[EVENTS_MAX];
    size_t count;
    struct db *logs[PUBLISHERS_MAX];
    const char *services[PUBLISHERS_MAX];
    size_t service_count;
};

/* --- the outboxes -------------------------------------------------------------------------- */

static bool has_service(const struct timeline *timeline, const char *name)
{
    for (size_t i = 0; i < timeline->service_count; i++)
        if (strcmp(timeline->services[i], name) == 0) return true;
    return false;
}

/* Whether the service has ever run: else there is no such file, or no such table. */
static bool is_there(struct db *db)
{
    int64_t last;

    return outbox_last(tx_read(db, WALL_NONE), &last) == OK;
}

static enum err open_log(struct timeline *timeline, const struct settings *settings,
                         const char *service, struct buf *why)
{
    struct db **db = &timeline->logs[timeline->service_count];
    char *dsn = NULL;
    enum err err;

    TRY(service_dsn(settings, service, &dsn, why));
    if (!settings->postgres_url && access(dsn, F_OK) != 0) goto done;
    TRY(db_open(dsn, DB_READER, db, why));
    if (!settings->postgres_url || is_there(*db)) {
        timeline->services[timeline->service_count++] = service;
    } else {
        db_close(*db);
        *db = NULL;
    }
done:
    free(dsn);
    return err;
}

/* Those there are: a data folder may be of some services only. */
static bool open_logs(struct timeline *timeline, const struct settings *settings)
{
    struct buf why;
    bool fine = true;

    buf_init(&why, NULL, WHY_MAX);
    for (enum event_type type = 0; type < EVENT_TYPES && fine; type++) {
        const char *service = event_publisher(type);

        if (has_service(timeline, service)) continue;
        fine = open_log(timeline, settings, service, &why) == OK;
    }
    if (!fine) fprintf(stderr, "boxoffice: %.*s\n", (int)why.len, why.len ? why.at : "");
    if (fine && !timeline->service_count)
        fprintf(stderr, "boxoffice: there are no databases %s%s; %s says where they are\n",
                settings->postgres_url ? "on the server" : "in ",
                settings->postgres_url ? "" : folder_of(settings),
                settings->postgres_url ? "DATABASE_URL" : "--data");
    buf_free(&why);
    return fine && timeline->service_count;
}

static bool same_event(const struct timeline_event *one, const char *service, int64_t sequence)
{
    return one->service == service && one->event.sequence == sequence;
}

static bool is_known(const struct timeline *timeline, const char *service, int64_t sequence)
{
    for (size_t i = 0; i < timeline->count; i++)
        if (same_event(&timeline->at[i], service, sequence)) return true;
    return false;
}

/* The trace id alone. */
static struct str id_of(const struct outbox_event *event)
{
    return event->trace.len == TRACE_TEXT_LEN ? (struct str){event->trace.at + 3, 32} : STR("");
}

/* Adds every event that names the order. */
static enum err add_order(struct timeline *timeline, struct str id)
{
    struct outbox_event *found = arena_alloc(timeline->arena, EVENTS_MAX * sizeof *found);
    enum err err = ERR_MEMORY;

    for (size_t i = 0; found && i < timeline->service_count; i++) {
        size_t count = 0;

        TRY(outbox_find(tx_read(timeline->logs[i], WALL_NONE), timeline->arena, id, found,
                        EVENTS_MAX, &count));
        for (size_t j = 0; j < count && timeline->count < EVENTS_MAX; j++)
            timeline->at[timeline->count++] =
                (struct timeline_event){found[j], timeline->services[i]};
    }
done:
    return err;
}

static const struct outbox_event *timeline_find(const struct timeline *timeline,
                                                enum event_type type)
{
    for (size_t i = 0; i < timeline->count; i++)
        if (event_type_of(timeline->at[i].event.subject) == type) return &timeline->at[i].event;
    return NULL;
}

/* The ticket's way back: its event no longer names the order. It is the first one of the ticket
 * since the order was cancelled. */
static enum err add_freeing(struct timeline *timeline)
{
    struct outbox_event *found = arena_alloc(timeline->arena, EVENTS_MAX * sizeof *found);
    const struct outbox_event *cancelled = timeline_find(timeline, EVENT_ORDER_CANCELLED);
    union event event;
    struct buf why;
    enum err err = OK;

    if (!found) return ERR_MEMORY;
    buf_init(&why, timeline->arena, WHY_MAX);
    if (!cancelled || event_decode(EVENT_ORDER_CANCELLED, timeline->arena, cancelled->payload,
                                   &event, &why) != OK)
        return OK;
    for (size_t i = 0; i < timeline->service_count; i++) {
        struct object_id_text ticket = object_id_text(event.order_cancelled.ticket_id);
        size_t count = 0, j = 0;

        if (strcmp(timeline->services[i], event_publisher(EVENT_TICKET_UPDATED)) != 0) continue;
        TRY(outbox_find(tx_read(timeline->logs[i], WALL_NONE), timeline->arena, str_of(ticket.hex),
                        found, EVENTS_MAX, &count));
        while (j < count && (wall_before(found[j].published_at, cancelled->published_at) ||
                             is_known(timeline, timeline->services[i], found[j].sequence)))
            j++;
        if (j < count && timeline->count < EVENTS_MAX)
            timeline->at[timeline->count++] =
                (struct timeline_event){found[j], timeline->services[i]};
    }
done:
    return err;
}

/* --- printing ------------------------------------------------------------------------------ */

/* A service's index in the catalogue. */
static enum event_type rank(const struct timeline_event *one)
{
    enum event_type type = 0;

    while (strcmp(event_publisher(type), one->service) != 0)
        type++;
    return type;
}

static int compare(const void *a, const void *b)
{
    const struct timeline_event *one = a, *other = b;
    int64_t by_time = wall_since(one->event.published_at, other->event.published_at);

    if (by_time) return by_time < 0 ? -1 : 1;
    /* In the same millisecond: tickets follows orders, and orders follows those who come later. */
    if (rank(one) != rank(other)) return rank(one) > rank(other) ? -1 : 1;
    return one->event.sequence < other->event.sequence ? -1 : 1;
}

static void timeline_print(const struct timeline *timeline)
{
    struct wall_ms before = timeline->at[0].event.published_at;

    printf("%-24s  %12s  %-10s  %-20s  %8s  %s\n", "time", "after", "service", "event", "sequence",
           "trace");
    for (size_t i = 0; i < timeline->count; i++) {
        const struct outbox_event *event = &timeline->at[i].event;
        char time[ISO8601_LEN + 1], after[32] = "";

        iso8601_format(event->published_at, time);
        if (i)
            snprintf(after, sizeof after, "+%lld ms",
                     (long long)wall_since(event->published_at, before));
        printf("%-24s  %12s  %-10s  %-20.*s  %8lld  %.*s\n", time, after, timeline->at[i].service,
               (int)event->subject.len, event->subject.at, (long long)event->sequence,
               (int)id_of(event).len, id_of(event).at);
        before = event->published_at;
    }
}

/* Where the beginning is missing: whether events of that time are still kept. */
static void say_removed(const struct timeline *timeline)
{
    int64_t removed = 0, some;

    for (size_t i = 0; i < timeline->service_count; i++)
        if (outbox_removed(tx_read(timeline->logs[i], WALL_NONE), &some) == OK && some > removed)
            removed = some;
    if (removed)
        fprintf(stderr, "boxoffice: events older than RETENTION_DAYS are no longer kept\n");
}

/* --- the command --------------------------------------------------------------------------- */

static int trace_show(const struct settings *settings, struct object_id id)
{
    struct timeline *timeline = calloc(1, sizeof *timeline);
    enum err err;
    int code = 1;

    if (!timeline) return 1;
    timeline->arena = arena_new(TEXTS_BYTES_MAX);
    if (!timeline->arena || !open_logs(timeline, settings)) goto done;
    err = add_order(timeline, str_of(object_id_text(id).hex));
    if (err == OK) err = add_freeing(timeline);
    if (err) {
        fprintf(stderr, "boxoffice: cannot read the outboxes: %s\n", err_message(err));
    } else if (!timeline->count) {
        fprintf(stderr, "boxoffice: no event names the order %s\n", object_id_text(id).hex);
        say_removed(timeline);
    } else {
        qsort(timeline->at, timeline->count, sizeof timeline->at[0], compare);
        timeline_print(timeline);
        if (!timeline_find(timeline, EVENT_ORDER_CREATED)) say_removed(timeline);
        code = cli_finish();
    }
done:
    for (size_t i = 0; i < timeline->service_count; i++)
        db_close(timeline->logs[i]);
    if (timeline->arena) arena_free(timeline->arena);
    free(timeline);
    return code;
}

int cli_trace(int count, char **words)
{
    const char *data = NULL;
    const struct cli_option options[] = {{"data", &data, NULL}, {0}};
    struct settings settings;
    struct object_id id;
    int first, code = cli_options("trace", count, words, options, &first);

    if (code >= 0) return code;
    if (first + 1 != count || !object_id_parse(str_of(words[first]), &id))
        return cli_refuse("trace takes an order's id of 24 hex digits");
    if (!cli_settings(data, &settings)) return 1;
    return trace_show(&settings, id);
}
