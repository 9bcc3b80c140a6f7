/* runtime/streaming/channels.c: channels, subscriptions and clients, in the words of NATS
 * Streaming's monitoring. */
#include "runtime/streaming/streaming.h"

#define OFFLINE_MAX 1024

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
    struct streaming *streaming;
    struct tx *tx;
    struct json_writer *writer;
    struct channel_row *rows;
    size_t row_count;
    struct subscription_figures figures[SUBSCRIBER_FIGURES];
    size_t figure_count;
    enum err err;
};

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

static void put_bool(struct json_writer *writer, const char *key, bool value)
{
    json_key(writer, key);
    json_put_bool(writer, value);
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

static void add_published(struct streaming *streaming, struct arena *arena, size_t source,
                          struct channel_row *rows, size_t *count)
{
    struct channel *channels = arena_alloc_raw(arena, CHANNELS_MAX * sizeof *channels);
    struct tx *log = log_view(streaming, source);
    size_t found = 0;

    if (!channels || !log) return;
    if (outbox_channels(log, arena, channels, CHANNELS_MAX, &found) != OK) return;
    for (size_t i = 0; i < found; i++) {
        struct channel_row *row = row_for(rows, count, channels[i].subject, source);

        if (row) row->channel = channels[i];
    }
}

size_t channel_rows(struct streaming *streaming, struct arena *arena, struct channel_row *out)
{
    const struct house *house = streaming->house;
    size_t count = 0;

    for (enum event_type type = 0; type < EVENT_TYPES; type++) {
        struct str subject = str_of(event_subject(type));

        (void)row_for(out, &count, subject, streaming_source(house, subject));
    }
    for (size_t i = 0; i < house->service_count; i++)
        add_published(streaming, arena, i, out, &count);
    for (const struct group *group = streaming->groups; group; group = group->next)
        (void)row_for(out, &count, str_of(group->subject), group->source);
    return count;
}

/* --- one subscription ---------------------------------------------------------------------- */

static void put_subscription(struct view *view, const struct subscription_row *row)
{
    const struct channel *channel = &row->channel->channel;
    struct json_writer *writer = view->writer;
    int64_t waiting = 0;
    enum err err = log_count(view->streaming, row->channel->source, channel->subject, row->position,
                             channel->last, &waiting);

    if (err) view->err = err;
    json_begin_object(writer);
    put_text(writer, "client_id", str_of(row->client_id));
    put_text(writer, "channel", channel->subject);
    put_text(writer, "queue_name", str_of(row->queue_name));
    put_text(writer, "durable_name", str_of(row->durable_name));
    put_bool(writer, "is_durable", row->durable_name[0] != '\0');
    put_bool(writer, "is_offline", row->offline);
    put_bool(writer, "manual_ack", row->manual_ack);
    put_int(writer, "last_sent", row->last_sent);
    put_int(writer, "sent_count", row->sent);
    put_int(writer, "pending_count", row->in_flight + waiting);
    put_int(writer, "in_flight", row->in_flight);
    put_int(writer, "max_inflight", row->max_inflight);
    put_int(writer, "ack_wait", row->ack_wait_s);
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
static int64_t behind(const struct subscription_figures *figures, int64_t last)
{
    int64_t lag = figures->last - figures->position;

    return lag < last ? last - lag : 0;
}

/* A service's position counts all subjects of a source; of a single one, it has settled what lies
 * before. */
static void put_service(struct view *view, const struct service *service,
                        const struct channel_row *channel)
{
    const struct house *house = view->streaming->house;
    const char *source = house->services[channel->source]->def->name;
    struct subscription_row row = {
        .client_id = service->def->name,
        .queue_name = service->def->name,
        .durable_name = service->def->name,
        .channel = channel,
        .max_inflight = DELIVERIES_MAX,
        .manual_ack = true,
    };

    for (size_t i = 0; i < view->figure_count; i++) {
        const struct subscription_figures *figures = &view->figures[i];

        if (strcmp(figures->service, service->def->name) != 0) continue;
        if (strcmp(figures->source, source) == 0) row.position = figures->position;
        if (house->settings->broker) row.position = behind(figures, channel->channel.last);
    }
    row.last_sent = row.position < channel->channel.last ? row.position : channel->channel.last;
    put_subscription(view, &row);
}

/* --- durables whose listener is away --------------------------------------------------------- */

static bool is_live(const struct streaming *streaming, const struct channel_row *channel,
                    struct str durable, struct str queue_group)
{
    for (const struct group *group = streaming->groups; group; group = group->next)
        if (group->source == channel->source && str_eq(str_of(group->durable), durable) &&
            str_eq(str_of(group->queue_group), queue_group) &&
            str_eq(str_of(group->subject), channel->channel.subject))
            return true;
    return false;
}

static const char *name_in(char to[STREAMING_NAME_MAX + 1], struct str name)
{
    size_t len = name.len < STREAMING_NAME_MAX ? name.len : STREAMING_NAME_MAX;

    memcpy(to, name.at, len);
    to[len] = '\0';
    return to;
}

static void put_offline(struct view *view, const struct channel_row *channel)
{
    const struct house *house = view->streaming->house;
    char durable[STREAMING_NAME_MAX + 1], queue_group[STREAMING_NAME_MAX + 1];
    struct rows rows;
    enum err err;

    tx_query(view->tx, &rows,
             "SELECT name, queue_group, seq, (SELECT COUNT(*) FROM durable_in_flight "
             "WHERE durable_id = durables.id) FROM durables "
             "WHERE subject = $1 AND source = $2 ORDER BY name, queue_group LIMIT $3",
             sql_text(channel->channel.subject),
             sql_text(str_of(house->services[channel->source]->def->name)), sql_int(OFFLINE_MAX));
    while (rows_next(&rows)) {
        struct subscription_row row = {.client_id = "", .channel = channel, .offline = true};

        if (is_live(view->streaming, channel, rows_text(&rows, 0), rows_text(&rows, 1))) continue;
        row.durable_name = name_in(durable, rows_text(&rows, 0));
        row.queue_name = name_in(queue_group, rows_text(&rows, 1));
        row.position = row.last_sent = rows_int(&rows, 2);
        row.in_flight = rows_int(&rows, 3);
        put_subscription(view, &row);
    }
    err = rows_end(&rows);
    if (err) view->err = err;
}

/* --- channels ------------------------------------------------------------------------------ */

static void put_subscriptions_of(struct view *view, const struct channel_row *channel)
{
    const struct house *house = view->streaming->house;

    json_key(view->writer, "subscriptions");
    json_begin_array(view->writer);
    for (size_t i = 0; i < house->service_count; i++)
        if (service_listens(house->services[i], channel->channel.subject))
            put_service(view, house->services[i], channel);
    for (const struct group *group = view->streaming->groups; group; group = group->next)
        for (const struct member *member = group->members; member; member = member->next)
            if (group->source == channel->source &&
                str_eq(str_of(group->subject), channel->channel.subject))
                put_member(view, member);
    put_offline(view, channel);
    json_end_array(view->writer);
}

static void put_channel(struct view *view, const struct channel_row *channel, bool subscriptions)
{
    json_begin_object(view->writer);
    put_text(view->writer, "name", channel->channel.subject);
    put_text(view->writer, "source",
             str_of(view->streaming->house->services[channel->source]->def->name));
    put_int(view->writer, "first_seq", channel->channel.first);
    put_int(view->writer, "last_seq", channel->channel.last);
    put_int(view->writer, "msgs", channel->channel.count);
    if (subscriptions) put_subscriptions_of(view, channel);
    json_end_object(view->writer);
}

static bool open_view(struct view *view, struct request *rq, struct tx *tx,
                      struct json_writer *writer)
{
    *view = (struct view){.streaming = streaming_of(rq->env), .tx = tx, .writer = writer};
    view->rows = arena_alloc_raw(rq->arena, CHANNELS_MAX * sizeof *view->rows);
    if (!view->rows) return false;
    view->row_count = channel_rows(view->streaming, rq->arena, view->rows);
    view->figure_count =
        bus_figures(view->streaming->house->bus, view->figures, SUBSCRIBER_FIGURES);
    if (view->figure_count > SUBSCRIBER_FIGURES) view->figure_count = SUBSCRIBER_FIGURES;
    return true;
}

static const struct channel_row *channel_named(const struct view *view, struct str name)
{
    for (size_t i = 0; i < view->row_count; i++)
        if (str_eq(view->rows[i].channel.subject, name)) return &view->rows[i];
    return NULL;
}

/* ?subs=1 with subscriptions; ?channel=NAME that one alone. */
enum err show_channels(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct str name = request_query(rq, "channel");
    bool subscriptions = str_eq(request_query(rq, "subs"), STR("1"));
    struct json_writer writer = reply_json(rp, 200);
    const struct channel_row *one;
    struct view view;

    if (!open_view(&view, rq, tx, &writer)) return ERR_MEMORY;
    if (name.at) {
        one = channel_named(&view, name);
        if (!one) return ERR_NOT_FOUND;
        put_channel(&view, one, subscriptions);
    } else {
        json_begin_object(&writer);
        put_int(&writer, "count", (int64_t)view.row_count);
        json_key(&writer, "channels");
        json_begin_array(&writer);
        for (size_t i = 0; i < view.row_count; i++)
            put_channel(&view, &view.rows[i], subscriptions);
        json_end_array(&writer);
        json_end_object(&writer);
    }
    return rp->body.failed ? ERR_MEMORY : view.err;
}

/* --- clients ------------------------------------------------------------------------------- */

static void begin_client(struct json_writer *writer, const char *id, const char *kind,
                         int64_t since_ms)
{
    json_begin_object(writer);
    put_text(writer, "id", str_of(id));
    put_text(writer, "kind", str_of(kind));
    json_key(writer, "since");
    json_put_time(writer, since_ms);
    json_key(writer, "subscriptions");
    json_begin_array(writer);
}

static void end_client(struct json_writer *writer)
{
    json_end_array(writer);
    json_end_object(writer);
}

static int64_t put_service_clients(struct view *view)
{
    const struct house *house = view->streaming->house;
    int64_t count = 0;

    for (size_t i = 0; i < house->service_count; i++) {
        const struct service *service = house->services[i];

        if (!service->subjects[0]) continue;
        begin_client(view->writer, service->def->name, "service", house->started_at_ms);
        for (size_t j = 0; j < view->row_count; j++)
            if (service_listens(service, view->rows[j].channel.subject))
                put_service(view, service, &view->rows[j]);
        end_client(view->writer);
        count++;
    }
    return count;
}

enum err show_clients(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct json_writer writer = reply_json(rp, 200);
    struct view view;
    int64_t count;

    if (!open_view(&view, rq, tx, &writer)) return ERR_MEMORY;
    json_begin_object(&writer);
    json_key(&writer, "clients");
    json_begin_array(&writer);
    count = put_service_clients(&view);
    for (const struct group *group = view.streaming->groups; group; group = group->next) {
        for (const struct member *member = group->members; member; member = member->next) {
            begin_client(&writer, member->id, "listener", member->since_ms);
            put_member(&view, member);
            end_client(&writer);
            count++;
        }
    }
    json_end_array(&writer);
    put_int(&writer, "count", count);
    json_end_object(&writer);
    return rp->body.failed ? ERR_MEMORY : view.err;
}
