/* services/admin/channels.c: channels, subscriptions and clients, in the words of NATS
 * Streaming's monitoring. */
#include "services/admin/admin.h"

#include <stdlib.h>

#define OFFLINE_MAX   1024
#define LIMIT_DEFAULT 1024 /* as NATS Streaming has it */

/* A subscription of a service, a listener, or a durable whose listener is away. */
struct subscription_row {
    const char *client_id, *queue_name, *durable_name; /* "": none */
    const struct channel_row *channel;
    int64_t position;  /* every event up to it was handed out */
    int64_t in_flight; /* of those, not acknowledged */
    int64_t last_sent, sent, max_inflight, ack_wait_s;
    bool manual_ack, offline;
};

/* One answer being written. */
struct view {
    struct admin *admin;
    struct tx *tx;
    struct json_writer *writer;
    struct channel_row *rows;
    size_t row_count;
    struct subscription_metrics metrics[SUBSCRIBER_METRICS];
    size_t metric_count;
    bool subscriptions;   /* are asked for */
    size_t offset, limit; /* of a list's items: the first, and how many at most */
    enum err err;
};

static void put_bool(struct json_writer *writer, const char *key, bool value)
{
    json_member_bool(writer, key, value);
}

/* --- which channels there are -------------------------------------------------------------- */

static struct channel_row *find_row(struct channel_row *rows, size_t count, struct str subject,
                                    size_t source)
{
    for (size_t i = 0; i < count; i++)
        if (rows[i].source == source && str_eq(rows[i].channel.subject, subject)) return &rows[i];
    return NULL;
}

/* The row of that subject, made when there is room. */
static struct channel_row *row_for(struct channel_row *rows, size_t *count, struct str subject,
                                   size_t source)
{
    struct channel_row *row = find_row(rows, *count, subject, source);

    if (row || *count == CHANNELS_MAX) return row;
    row = &rows[(*count)++];
    *row = (struct channel_row){{.subject = subject}, source};
    return row;
}

static void add_published(struct admin *admin, struct arena *arena, size_t source,
                          struct channel_row *rows, size_t *count)
{
    struct channel *channels = arena_alloc_raw(arena, CHANNELS_MAX * sizeof *channels);
    struct tx *log = outbox_view(admin, source);
    size_t found = 0;

    if (!channels || !log) return;
    if (outbox_channels(log, arena, channels, CHANNELS_MAX, &found) != OK) return;
    for (size_t i = 0; i < found; i++) {
        struct channel_row *row = row_for(rows, count, channels[i].subject, source);

        if (row) row->channel = channels[i];
    }
}

static int by_subject(const void *left, const void *right)
{
    const struct channel_row *a = left, *b = right;
    struct str x = a->channel.subject, y = b->channel.subject;
    int order = memcmp(x.at, y.at, x.len < y.len ? x.len : y.len);

    if (order) return order;
    if (x.len != y.len) return x.len < y.len ? -1 : 1;
    return a->source < b->source ? -1 : a->source > b->source;
}

size_t channel_rows(struct admin *admin, struct arena *arena, struct channel_row *out)
{
    const struct app *app = admin->app;
    size_t count = 0;

    for (enum event_type type = 0; type < EVENT_TYPES; type++) {
        struct str subject = str_of(event_subject(type));

        (void)row_for(out, &count, subject, publisher_of_subject(app, subject));
    }
    for (size_t i = 0; i < app_service_count(app); i++)
        add_published(admin, arena, i, out, &count);
    for (const struct group *group = admin->groups; group; group = group->next)
        (void)row_for(out, &count, str_of(group->subject), group->source);
    qsort(out, count, sizeof *out, by_subject);
    return count;
}

/* --- one subscription ---------------------------------------------------------------------- */

static void put_subscription(struct view *view, const struct subscription_row *row)
{
    const struct channel *channel = &row->channel->channel;
    struct json_writer *writer = view->writer;
    int64_t unsent = 0;
    enum err err = outbox_view_count(view->admin, row->channel->source, channel->subject,
                                     row->position, channel->last, &unsent);

    if (err) view->err = err;
    json_begin_object(writer);
    json_member_text(writer, "client_id", str_of(row->client_id));
    json_member_text(writer, "inbox", STR(""));
    json_member_text(writer, "ack_inbox", STR(""));
    json_member_text(writer, "channel", channel->subject);
    json_member_text(writer, "queue_name", str_of(row->queue_name));
    json_member_text(writer, "durable_name", str_of(row->durable_name));
    put_bool(writer, "is_durable", row->durable_name[0] != '\0');
    put_bool(writer, "is_offline", row->offline);
    put_bool(writer, "manual_ack", row->manual_ack);
    json_member_int(writer, "last_sent", row->last_sent);
    json_member_int(writer, "sent_count", row->sent);
    json_member_int(writer, "pending_count", row->in_flight);
    json_member_int(writer, "unsent_count", unsent);
    put_bool(writer, "is_stalled", row->in_flight >= row->max_inflight && row->max_inflight > 0);
    json_member_int(writer, "max_inflight", row->max_inflight);
    json_member_int(writer, "ack_wait", row->ack_wait_s);
    json_end_object(writer);
}

static void put_member(struct view *view, const struct member *member)
{
    const struct group *group = member->group;
    struct subscription_row row = {
        .client_id = member->id,
        .queue_name = group->queue_group,
        .durable_name = group->durable,
        .channel = find_row(view->rows, view->row_count, str_of(group->subject), group->source),
        .position = group->position,
        .in_flight = (int64_t)(member->in_flight + group->flight_returned),
        .last_sent = member->last_sent,
        .sent = member->sent,
        .max_inflight = (int64_t)member->in_flight_max,
        .ack_wait_s = member->ack_wait_ms / 1000,
        .manual_ack = member->manual_ack,
    };

    if (row.channel) put_subscription(view, &row);
}

/* With a broker a service is behind the stream as a whole; of one subject at most as much. */
static int64_t behind(const struct subscription_metrics *metrics, int64_t last)
{
    int64_t lag = metrics->last - metrics->position;

    return lag < last ? last - lag : 0;
}

/* A service's position counts all subjects of a source; of a single one, it is done with what lies
 * before. */
static void put_service(struct view *view, const struct instance *service,
                        const struct channel_row *channel)
{
    const struct app *app = view->admin->app;
    const char *source = instance_name(app_service(app, channel->source));
    struct subscription_row row = {
        .client_id = instance_name(service),
        .queue_name = instance_name(service),
        .durable_name = instance_name(service),
        .channel = channel,
        .max_inflight = DELIVERIES_MAX,
        .manual_ack = true,
    };

    for (size_t i = 0; i < view->metric_count; i++) {
        const struct subscription_metrics *metrics = &view->metrics[i];

        if (strcmp(metrics->service, instance_name(service)) != 0) continue;
        if (strcmp(metrics->source, source) == 0) row.position = metrics->position;
        if (view->admin->env->settings->broker)
            row.position = behind(metrics, channel->channel.last);
    }
    row.last_sent = row.position < channel->channel.last ? row.position : channel->channel.last;
    put_subscription(view, &row);
}

/* --- durables whose listener is away --------------------------------------------------------- */

static bool is_live(const struct admin *admin, const struct channel_row *channel,
                    struct str durable, struct str queue_group)
{
    for (const struct group *group = admin->groups; group; group = group->next)
        if (group->source == channel->source && str_eq(str_of(group->durable), durable) &&
            str_eq(str_of(group->queue_group), queue_group) &&
            str_eq(str_of(group->subject), channel->channel.subject))
            return true;
    return false;
}

static const char *name_in(char to[LISTENER_NAME_MAX + 1], struct str name)
{
    size_t len = name.len < LISTENER_NAME_MAX ? name.len : LISTENER_NAME_MAX;

    memcpy(to, name.at, len);
    to[len] = '\0';
    return to;
}

static void put_offline(struct view *view, const struct channel_row *channel)
{
    const struct app *app = view->admin->app;
    char name[LISTENER_NAME_MAX + 1], queue_group[LISTENER_NAME_MAX + 1];
    struct durable durable;
    struct rows rows;
    enum err err;

    durables_of_channel(view->tx, &rows, channel->channel.subject,
                        str_of(instance_name(app_service(app, channel->source))), OFFLINE_MAX);
    while (durable_next(&rows, &durable)) {
        struct subscription_row row = {.client_id = "", .channel = channel, .offline = true};

        if (is_live(view->admin, channel, durable.name, durable.queue_group)) continue;
        row.durable_name = name_in(name, durable.name);
        row.queue_name = name_in(queue_group, durable.queue_group);
        row.position = row.last_sent = durable.position;
        row.in_flight = durable.in_flight;
        put_subscription(view, &row);
    }
    err = rows_end(&rows);
    if (err) view->err = err;
}

/* --- channels ------------------------------------------------------------------------------ */

static void put_subscriptions_of(struct view *view, const struct channel_row *channel)
{
    const struct app *app = view->admin->app;

    json_key(view->writer, "subscriptions");
    json_begin_array(view->writer);
    for (size_t i = 0; i < app_service_count(app); i++)
        if (instance_listens(app_service(app, i), channel->channel.subject))
            put_service(view, app_service(app, i), channel);
    for (const struct group *group = view->admin->groups; group; group = group->next)
        for (const struct member *member = group->members; member; member = member->next)
            if (group->source == channel->source &&
                str_eq(str_of(group->subject), channel->channel.subject))
                put_member(view, member);
    put_offline(view, channel);
    json_end_array(view->writer);
}

static void put_channel(struct view *view, const struct channel_row *channel)
{
    json_begin_object(view->writer);
    json_member_text(view->writer, "name", channel->channel.subject);
    json_member_text(view->writer, "source",
                     str_of(instance_name(app_service(view->admin->app, channel->source))));
    json_member_int(view->writer, "msgs", channel->channel.count);
    json_member_int(view->writer, "bytes", channel->channel.bytes);
    json_member_int(view->writer, "first_seq", channel->channel.first);
    json_member_int(view->writer, "last_seq", channel->channel.last);
    if (view->subscriptions) put_subscriptions_of(view, channel);
    json_end_object(view->writer);
}

/* A number of the query: what is no number, or none at all, is 0. */
static size_t query_number(struct request *rq, const char *name)
{
    int64_t number = 0;

    if (!str_to_int64(request_query(rq, name), &number) || number < 0) return 0;
    return (size_t)number;
}

static bool open_view(struct view *view, struct request *rq, struct tx *tx,
                      struct json_writer *writer)
{
    size_t limit = query_number(rq, "limit");

    *view = (struct view){
        .admin = admin_of(rq->run->env),
        .tx = tx,
        .writer = writer,
        .subscriptions = str_eq(request_query(rq, "subs"), STR("1")),
        .offset = query_number(rq, "offset"),
        .limit = limit ? limit : LIMIT_DEFAULT,
    };
    view->rows = arena_alloc_raw(rq->arena, CHANNELS_MAX * sizeof *view->rows);
    if (!view->rows) return false;
    view->row_count = channel_rows(view->admin, rq->arena, view->rows);
    view->metric_count = bus_metrics(app_bus(view->admin->app), view->metrics, SUBSCRIBER_METRICS);
    if (view->metric_count > SUBSCRIBER_METRICS) view->metric_count = SUBSCRIBER_METRICS;
    return true;
}

/* Whether the item at that place of all is on the page that was asked for. */
static bool on_page(const struct view *view, size_t at)
{
    return at >= view->offset && at - view->offset < view->limit;
}

/* What stands before a list of `total`. */
static void put_page(struct view *view, size_t total)
{
    size_t rest = view->offset < total ? total - view->offset : 0;

    put_server(view->writer, view->admin, view->tx->now);
    json_member_int(view->writer, "offset", (int64_t)view->offset);
    json_member_int(view->writer, "limit", (int64_t)view->limit);
    json_member_int(view->writer, "count", (int64_t)(rest < view->limit ? rest : view->limit));
    json_member_int(view->writer, "total", (int64_t)total);
}

static const struct channel_row *channel_named(const struct view *view, struct str name)
{
    for (size_t i = 0; i < view->row_count; i++)
        if (str_eq(view->rows[i].channel.subject, name)) return &view->rows[i];
    return NULL;
}

static void put_channels(struct view *view)
{
    json_begin_object(view->writer);
    put_page(view, view->row_count);
    json_key(view->writer, view->subscriptions ? "channels" : "names");
    json_begin_array(view->writer);
    for (size_t i = 0; i < view->row_count; i++) {
        if (!on_page(view, i)) continue;
        if (view->subscriptions)
            put_channel(view, &view->rows[i]);
        else
            json_put_text(view->writer, view->rows[i].channel.subject);
    }
    json_end_array(view->writer);
    json_end_object(view->writer);
}

/* The names; ?subs=1 all of each, with subscriptions; ?channel=NAME that one alone. */
enum err get_channelsz(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct str name = request_query(rq, "channel");
    struct json_writer writer = reply_json(rp, 200);
    const struct channel_row *one;
    struct view view;

    if (!open_view(&view, rq, tx, &writer)) return ERR_MEMORY;
    if (name.len) {
        one = channel_named(&view, name);
        if (!one) return ERR_NOT_FOUND;
        put_channel(&view, one);
    } else {
        put_channels(&view);
    }
    return rp->body.failed ? ERR_MEMORY : view.err;
}

/* --- clients ------------------------------------------------------------------------------- */

/* A service that listens, or a listener from outside. */
struct client {
    const char *id;
    const struct instance *service; /* NULL: */
    const struct member *member;    /* this one */
};

#define CLIENTS_MAX (SERVICES_MAX + LISTENERS_MAX)

static int by_id(const void *left, const void *right)
{
    return strcmp(((const struct client *)left)->id, ((const struct client *)right)->id);
}

static size_t gather_clients(const struct admin *admin, struct client *out)
{
    const struct app *app = admin->app;
    size_t count = 0;

    for (size_t i = 0; i < app_service_count(app); i++) {
        const struct instance *service = app_service(app, i);

        if (instance_subjects(service)[0])
            out[count++] = (struct client){instance_name(service), service, NULL};
    }
    for (const struct group *group = admin->groups; group; group = group->next)
        for (const struct member *member = group->members; member && count < CLIENTS_MAX;
             member = member->next)
            out[count++] = (struct client){member->id, NULL, member};
    qsort(out, count, sizeof *out, by_id);
    return count;
}

/* By channel, each with a list. */
static void put_client_subscriptions(struct view *view, const struct client *client)
{
    char name[LISTENER_NAME_MAX + 1];

    json_key(view->writer, "subscriptions");
    json_begin_object(view->writer);
    for (size_t i = 0; i < view->row_count; i++) {
        const struct channel_row *row = &view->rows[i];
        bool listens = client->service ? instance_listens(client->service, row->channel.subject)
                                       : row->source == client->member->group->source &&
                                             str_eq(row->channel.subject,
                                                    str_of(client->member->group->subject));

        if (!listens) continue;
        json_key(view->writer, name_in(name, row->channel.subject));
        json_begin_array(view->writer);
        if (client->service)
            put_service(view, client->service, row);
        else
            put_member(view, client->member);
        json_end_array(view->writer);
    }
    json_end_object(view->writer);
}

static void put_client(struct view *view, const struct client *client)
{
    json_begin_object(view->writer);
    json_member_text(view->writer, "id", str_of(client->id));
    json_member_text(view->writer, "hb_inbox", STR(""));
    json_member_text(view->writer, "kind", client->service ? STR("service") : STR("listener"));
    json_key(view->writer, "since");
    json_put_time(view->writer,
                  client->service ? app_started_at(view->admin->app) : client->member->since);
    if (view->subscriptions) put_client_subscriptions(view, client);
    json_end_object(view->writer);
}

static enum err put_client_named(struct view *view, const struct client *clients, size_t count,
                                 struct str id)
{
    for (size_t i = 0; i < count; i++) {
        if (!str_eq(str_of(clients[i].id), id)) continue;
        put_client(view, &clients[i]);
        return OK;
    }
    return ERR_NOT_FOUND;
}

static void put_clients(struct view *view, const struct client *clients, size_t count)
{
    json_begin_object(view->writer);
    put_page(view, count);
    json_key(view->writer, "clients");
    json_begin_array(view->writer);
    for (size_t i = 0; i < count; i++)
        if (on_page(view, i)) put_client(view, &clients[i]);
    json_end_array(view->writer);
    json_end_object(view->writer);
}

/* All of them; ?subs=1 with subscriptions; ?client=ID that one alone. */
enum err get_clientsz(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct str id = request_query(rq, "client");
    struct json_writer writer = reply_json(rp, 200);
    struct client *clients = arena_alloc_raw(rq->arena, CLIENTS_MAX * sizeof *clients);
    struct view view;
    enum err err = OK;
    size_t count;

    if (!clients || !open_view(&view, rq, tx, &writer)) return ERR_MEMORY;
    count = gather_clients(view.admin, clients);
    if (id.len)
        err = put_client_named(&view, clients, count, id);
    else
        put_clients(&view, clients, count);
    if (err) return err;
    return rp->body.failed ? ERR_MEMORY : view.err;
}
