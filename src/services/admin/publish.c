/* services/admin/publish.c: the operator's publisher. An event goes into the outbox it would
 * have come from had its service published it, through that service's own writer. */
#include "services/admin/admin.h"

static size_t service_index(const struct app *app, const char *name)
{
    size_t i = app_service_count(app);

    while (i-- > 0)
        if (strcmp(instance_name(app_service(app, i)), name) == 0) return i;
    return 0; /* the bus */
}

size_t publisher_of_subject(const struct app *app, struct str subject)
{
    enum event_type type = event_type_of(subject);

    return type == EVENT_TYPES ? 0 : service_index(app, event_publisher(type));
}

bool listener_name_valid(struct str name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.at[i] <= ' ' || name.at[i] > '~' || name.at[i] == '*' || name.at[i] == '>')
            return false;
    return name.len >= 1 && name.len <= LISTENER_NAME_MAX;
}

struct publication {
    struct str subject, payload;
    const char *warning; /* NULL: the catalogue has nothing against it */
};

/* Poison is published as it is asked for; its publisher is told what will become of it. */
static enum err warning_of(struct request *rq, const struct publication *publication,
                           const char **warning)
{
    enum event_type type = event_type_of(publication->subject);
    union event event;
    struct buf why;
    enum err err;

    *warning = type == EVENT_TYPES ? "unknown subject" : NULL;
    if (*warning) return OK;
    buf_init(&why, rq->arena, 256);
    err = event_decode(type, rq->arena, publication->payload, &event, &why);
    if (err != ERR_INVALID) return err;
    buf_char(&why, '\0');
    *warning = why.failed ? "not a valid event" : why.at;
    return OK;
}

/* Nobody will ever apply it. */
static enum err put_unknown_subject(struct tx *tx, int64_t sequence,
                                    const struct publication *publication)
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
    const struct publication *publication = rq->run->state;
    struct json_writer writer;
    int64_t sequence = 0;
    enum err err = OK;

    TRY(outbox_append(tx, publication->subject, publication->payload));
    TRY(outbox_last(tx, &sequence));
    TRY(request_changed(rq, publication->subject, STR("")));
    if (event_type_of(publication->subject) == EVENT_TYPES)
        TRY(put_unknown_subject(tx, sequence, publication));
    writer = reply_json(rp, 201);
    json_begin_object(&writer);
    json_member_text(&writer, "subject", publication->subject);
    json_member_int(&writer, "sequence", sequence);
    if (publication->warning) {
        json_member_text(&writer, "warning", str_of(publication->warning));
    }
    json_end_object(&writer);
done:
    return err;
}

enum err post_publish(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct publication *publication = arena_alloc(rq->arena, sizeof *publication);
    const struct app *app = rq->run->env->app;
    struct buf payload;
    enum err err;

    (void)tx, (void)rp;
    if (!publication) return ERR_MEMORY;
    if (!json_text(json_get(rq->body, "subject"), &publication->subject) ||
        !listener_name_valid(publication->subject))
        request_reject(rq, "subject", "Subject must be 1 to 100 printable characters");
    buf_init(&payload, rq->arena, EVENT_PAYLOAD_MAX);
    if (!json_member_compact(rq->body_bytes, STR("data"), &payload))
        request_reject(rq, "data", "Data must be provided");
    if (rq->error_count) return ERR_INVALID;
    if (payload.failed) return ERR_TOO_LARGE;
    publication->payload = buf_str(&payload);
    TRY(warning_of(rq, publication, &publication->warning));
    rq->run->state = publication;
    /* The rest happens in the writer of the service whose outbox it is. */
    request_move(rq, app_service(app, publisher_of_subject(app, publication->subject)));
    return request_then(rq, IN_WRITER, publish);
done:
    return err;
}
