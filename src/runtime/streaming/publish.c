/* runtime/streaming/publish.c: the operator's publisher. An event goes into the outbox it would
 * have come from had its service published it, through that service's own writer. */
#include "runtime/streaming/streaming.h"

static size_t service_index(const struct house *house, const char *name)
{
    size_t i = house->service_count;

    while (i-- > 0)
        if (strcmp(house->services[i]->def->name, name) == 0) return i;
    return 0; /* the bus */
}

size_t streaming_source(const struct house *house, struct str subject)
{
    enum event_type type = event_type_of(subject);

    return type == EVENT_TYPES ? 0 : service_index(house, event_publisher(type));
}

bool streaming_name_valid(struct str name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.at[i] <= ' ' || name.at[i] > '~' || name.at[i] == '*' || name.at[i] == '>')
            return false;
    return name.len >= 1 && name.len <= STREAMING_NAME_MAX;
}

struct publication {
    struct str subject, payload;
    const char *warning; /* NULL: the catalogue has nothing against it */
};

/* Poison is published as it is asked for; its publisher is told what will become of it. */
static const char *warning_of(struct request *rq, const struct publication *publication)
{
    enum event_type type = event_type_of(publication->subject);
    union event event;
    struct buf why;

    if (type == EVENT_TYPES) return "unknown subject";
    buf_init(&why, rq->arena, 256);
    if (event_decode(type, rq->arena, publication->payload, &event, &why) == OK) return NULL;
    buf_char(&why, '\0');
    return why.failed ? "not a valid event" : why.at;
}

/* Nobody will ever apply it. */
static enum err bury(struct tx *tx, int64_t sequence, const struct publication *publication)
{
    char trace[TRACE_TEXT_LEN];
    size_t trace_len = trace_known(&tx->trace) ? sizeof trace : 0;

    trace_format(&tx->trace, trace);
    return dead_letter_put(tx, &(struct dead_letter){.source = STR("bus"),
                                                     .sequence = sequence,
                                                     .subject = publication->subject,
                                                     .payload = publication->payload,
                                                     .trace = {trace, trace_len},
                                                     .reason = STR("unknown subject")});
}

static enum err publish(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct publication *publication = rq->state;
    struct json_writer writer;
    int64_t sequence = 0;
    enum err err = OK;

    TRY(outbox_append(tx, publication->subject, publication->payload));
    TRY(outbox_last(tx, &sequence));
    TRY(audit_request(rq, tx, "event.published", publication->subject, STR("")));
    if (event_type_of(publication->subject) == EVENT_TYPES) TRY(bury(tx, sequence, publication));
    writer = reply_json(rp, 201);
    json_begin_object(&writer);
    json_key(&writer, "subject");
    json_put_text(&writer, publication->subject);
    json_key(&writer, "sequence");
    json_put_int(&writer, sequence);
    if (publication->warning) {
        json_key(&writer, "warning");
        json_put_text(&writer, str_of(publication->warning));
    }
    json_end_object(&writer);
done:
    return err;
}

enum err post_publish(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct publication *publication = arena_alloc(rq->arena, sizeof *publication);
    const struct house *house = rq->env->service->house;
    struct buf payload;

    (void)tx, (void)rp;
    if (!publication) return ERR_MEMORY;
    if (!json_text(json_get(rq->body, "subject"), &publication->subject) ||
        !streaming_name_valid(publication->subject))
        request_reject(rq, "subject", "Subject must be 1 to 100 printable characters");
    buf_init(&payload, rq->arena, EVENT_PAYLOAD_MAX);
    if (!json_member_compact(rq->body_bytes, STR("data"), &payload))
        request_reject(rq, "data", "Data must be provided");
    if (rq->error_count) return ERR_INVALID;
    if (payload.failed) return ERR_TOO_LARGE;
    publication->payload = buf_str(&payload);
    publication->warning = warning_of(rq, publication);
    rq->state = publication;
    /* The rest happens in the writer of the service whose outbox it is. */
    rq->env = &house->services[streaming_source(house, publication->subject)]->env;
    return request_then(rq, IN_WRITER, publish);
}
