/* services/admin/listen_routes.c: the operator's listeners: a streamed answer each, and the way
 * back for acknowledgements. */
#include "services/admin/admin.h"

#define ACKS_MAX 1000 /* of one request */

/* In the loop thread. */
static void on_closed(void *context)
{
    struct member *member = context;

    atomic_store(&member->gone, true);
    env_job_wake(member->env, JOB_DELIVER);
}

/* --- opening ------------------------------------------------------------------------------- */

static bool take_flag(struct request *rq, const char *name)
{
    struct str text = request_query(rq, name);

    return str_eq(text, STR("1")) || str_eq(text, STR("true"));
}

static struct str take_name(struct request *rq, const char *name, const char *message)
{
    struct str text = request_query(rq, name);

    if (text.at && !listener_name_valid(text)) request_reject(rq, name, message);
    return text;
}

static int64_t take_number(struct request *rq, const char *name, int64_t absent, int64_t max,
                           const char *message)
{
    struct str text = request_query(rq, name);
    int64_t number;

    if (!text.at) return absent;
    if (str_to_int64(text, &number) && number >= 1 && number <= max) return number;
    request_reject(rq, name, message);
    return absent;
}

/* With a broker, services may run in other processes, and only an outbox of this one can be read.
 */
static bool is_here(const struct env *env, struct str subject)
{
    return !env->settings->broker || event_type_of(subject) == EVENT_TYPES ||
           publisher_of_subject(env->app, subject) != 0;
}

static struct listen_options take_options(struct request *rq)
{
    struct listen_options options = {
        .subject = request_query(rq, "subject"),
        .queue_group =
            take_name(rq, "queue_group", "Queue group must be 1 to 100 printable characters"),
        .durable = take_name(rq, "durable", "Durable must be 1 to 100 printable characters"),
        .manual_ack = take_flag(rq, "manual_ack"),
        .ack_wait_ms = 1000 * take_number(rq, "ack_wait", ACK_WAIT_S_DEFAULT, ACK_WAIT_S_MAX,
                                          "Ack wait must be 1 to 86400 seconds"),
        .in_flight_max = take_number(rq, "max_in_flight", IN_FLIGHT_DEFAULT, IN_FLIGHT_MAX,
                                     "Max in flight must be 1 to 10000"),
        .start = take_number(rq, "start_at_seq", 0, INT64_MAX,
                             "Start at seq must be a whole number, 1 or more"),
    };

    options.all = !options.start && take_flag(rq, "deliver_all");
    if (!listener_name_valid(options.subject))
        request_reject(rq, "subject", "Subject must be 1 to 100 printable characters");
    if (!is_here(rq->run->env, options.subject))
        request_reject(
            rq, "subject",
            "The service that publishes it runs elsewhere: listen on its data folder, or "
            "to the broker");
    return options;
}

/* The stream's first line. */
static bool send_hello(const struct member *member)
{
    struct buf line;
    bool alive;

    buf_init(&line, NULL, 256);
    buf_printf(&line, "{\"subscription\":\"%s\"}\n", member->id);
    alive = !line.failed && stream_write(member->stream, buf_str(&line));
    buf_free(&line);
    return alive;
}

static struct str not_kept(struct request *rq, const struct listen_options *options,
                           int64_t removed)
{
    struct buf text;

    buf_init(&text, rq->arena, 512);
    buf_printf(&text, "Events of %.*s up to %lld are no longer kept (RETENTION_DAYS): ",
               (int)options->subject.len, options->subject.at, (long long)removed);
    if (options->durable.len)
        buf_printf(&text,
                   "%.*s has not taken all of them. boxoffice events unsubscribe %.*s forgets how "
                   "far it was; then listen with --deliver-all",
                   (int)options->durable.len, options->durable.at, (int)options->durable.len,
                   options->durable.at);
    else
        buf_printf(&text, "start at %lld or later, or listen with --deliver-all",
                   (long long)removed + 1);
    return text.failed ? STR("Events that it would begin with are no longer kept") : buf_str(&text);
}

enum err get_listen(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct admin *admin = admin_of(rq->run->env);
    struct listen_options options = take_options(rq);
    struct member *member;
    int64_t removed = 0;
    enum err err = request_checked(rq);

    if (err) goto done;
    err = member_join(admin, rq->run->env, tx, &options, &member, &removed);
    if (err == ERR_CONFLICT) rq->error_message = not_kept(rq, &options, removed);
    if (err == ERR_QUEUE_FULL)
        rq->error_message = STR("There are 256 listeners or 4096 durable names, the most there can "
                                "be: boxoffice events durables shows the names, boxoffice events "
                                "unsubscribe NAME frees one");
    TRY(err);
    member->stream = reply_stream(rq, rp, "application/x-ndjson; charset=utf-8", on_closed, member);
    if (!member->stream || !send_hello(member)) {
        (void)member_leave(admin, tx, member, NULL);
        return ERR_MEMORY;
    }
    env_job_due(rq->run->env, JOB_DELIVER, tx->now);
done:
    return err;
}

/* --- acknowledging ------------------------------------------------------------------------- */

static enum err acknowledge(struct tx *tx, struct member *member, const struct json *value,
                            int64_t *count)
{
    int64_t sequence;
    bool acknowledged = false;
    enum err err;

    if (!json_int64(value, &sequence)) return ERR_INVALID;
    err = group_acknowledge(tx, member->group, sequence, &acknowledged);
    *count += acknowledged;
    return err;
}

/* POST /streaming/ack {"subscription":"…","sequence":N or [N,…]}. 200 {"acknowledged":how many were
 * waited for}; 404 no such subscription. */
enum err post_ack(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct json *sequence = json_get(rq->body, "sequence");
    struct member *member = NULL;
    struct str id;
    struct json_writer writer;
    int64_t count = 0;
    enum err err = OK;

    if (json_text(json_get(rq->body, "subscription"), &id))
        member = member_find(admin_of(rq->run->env), id);
    if (!member) return ERR_NOT_FOUND;
    if (json_type(sequence) != JSON_ARRAY) {
        TRY(acknowledge(tx, member, sequence, &count));
    } else {
        if (json_length(sequence) > ACKS_MAX) return ERR_TOO_LARGE;
        for (size_t i = 0; i < json_length(sequence); i++)
            TRY(acknowledge(tx, member, json_at(sequence, i), &count));
    }
    env_job_due(rq->run->env, JOB_DELIVER, tx->now);
    writer = reply_json(rp, 200);
    json_begin_object(&writer);
    json_member_int(&writer, "acknowledged", count);
    json_end_object(&writer);
done:
    if (err) { /* the rows are back, the entries are not */
        member->group->rewrite = member->group->durable[0] != '\0';
        env_job_due(rq->run->env, JOB_DELIVER, tx->now);
    }
    return err;
}
