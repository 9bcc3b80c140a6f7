/* services/admin/dead_letters.c: dead letters for the operator (boxoffice events dead …): read from
 * any service's database; put back or dropped in the writer of the service whose they are. */
#include "services/admin/admin.h"

#include "telemetry/log.h"

#include <stdio.h>

#define LIST_DEFAULT 20
#define LIST_MAX     100
#define ARENA_MAX    (16 * 1024 * 1024)

/* What is asked about: a service's letter. */
struct dead_letter_key {
    const struct instance *service;
    int64_t id;
};

static bool is_number(struct request *rq, const char *name, struct str text, int64_t *out)
{
    if (!text.at) return true;
    if (str_to_int64(text, out) && *out >= 1) return true;
    request_reject(rq, name, "Must be a whole number, 1 or more");
    return false;
}

static void put_dead_letter(struct json_writer *writer, const struct instance *service,
                            const struct dead_letter *letter)
{
    json_begin_object(writer);
    json_member_text(writer, "service", str_of(instance_name(service)));
    json_member_int(writer, "id", letter->id);
    json_member_text(writer, "source", letter->source);
    json_member_int(writer, "sequence", letter->sequence);
    json_member_text(writer, "subject", letter->subject);
    json_member_text(writer, "reason", letter->reason);
    json_member_text(writer, "payload", letter->payload);
    json_member_time(writer, "time", letter->dead_at);
    json_end_object(writer);
}

/* --- GET /streaming/dead ------------------------------------------------------------------- */

static enum err put_dead_letters_of(struct json_writer *writer, struct admin *admin,
                                    const struct instance *service, int64_t after, int64_t limit)
{
    struct tx *log = outbox_view(admin, service->index);
    struct arena *arena = arena_new(ARENA_MAX);
    struct dead_letter letters[LIST_MAX];
    size_t count;
    enum err err = ERR_UNAVAILABLE;

    if (!log || !arena) goto done;
    TRY(dead_letters_before(log, arena, after, letters, (size_t)limit, &count));
    for (size_t i = 0; i < count; i++)
        put_dead_letter(writer, service, &letters[i]);
done:
    if (arena) arena_free(arena);
    return err;
}

/* ?service=&limit=&after=: a service's, or every service's, each newest first: at most limit of
 * each, with ids below `after`. */
enum err get_dead(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct admin *admin = admin_of(rq->run->env);
    const struct app *app = admin->app;
    struct str name = request_query(rq, "service");
    const struct instance *only = name.at ? app_service_called(app, name) : NULL;
    int64_t after = INT64_MAX, limit = LIST_DEFAULT;
    struct json_writer writer;
    enum err err;

    (void)tx;
    if (name.at && !only) request_reject(rq, "service", "There is no such service here");
    (void)is_number(rq, "after", request_query(rq, "after"), &after);
    if (is_number(rq, "limit", request_query(rq, "limit"), &limit) && limit > LIST_MAX)
        request_reject(rq, "limit", "Limit must be at most 100");
    TRY(request_checked(rq));
    writer = reply_json(rp, 200);
    json_begin_array(&writer);
    for (size_t i = 0; i < app_service_count(app); i++)
        if (!only || only == app_service(app, i))
            TRY(put_dead_letters_of(&writer, admin, app_service(app, i), after, limit));
    json_end_array(&writer);
    if (rp->body.failed) err = ERR_MEMORY;
done:
    return err;
}

/* --- one of them --------------------------------------------------------------------------- */

static enum err take_key(struct request *rq, struct str name, const int64_t *id,
                         struct dead_letter_key *out)
{
    out->service = app_service_called(admin_of(rq->run->env)->app, name);
    if (!out->service) request_reject(rq, "service", "There is no such service here");
    if (!id || *id < 1) request_reject(rq, "id", "Id must be a whole number, 1 or more");
    if (id) out->id = *id;
    return request_checked(rq);
}

static enum err put_delivery_status(struct json_writer *writer, struct tx *tx, struct str source,
                                    int64_t sequence)
{
    static const char *const words[] = {"applied", "waiting", "dead"};
    enum event_delivery_status status;
    int64_t letter_id = 0;
    enum err err;

    TRY(event_delivery_status(tx, source, sequence, &status, &letter_id));
    json_begin_object(writer);
    json_member_text(writer, "status", str_of(words[status]));
    if (status == DELIVERY_DEAD) {
        json_member_int(writer, "id", letter_id);
    }
    json_end_object(writer);
done:
    return err;
}

/* GET ?service=&id=: the letter, its payload whole. ?service=&source=&sequence=: what became of an
 * event that was put back: {"status":"applied"}, "waiting", or "dead" and the letter's id. */
enum err get_dead_letter(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct admin *admin = admin_of(rq->run->env);
    struct str source = request_query(rq, "source");
    struct dead_letter_key key = {NULL, 0};
    struct dead_letter letter;
    struct json_writer writer;
    int64_t number = 0;
    bool given;
    struct tx *log;
    enum err err;

    (void)tx;
    given = str_to_int64(request_query(rq, source.at ? "sequence" : "id"), &number);
    TRY(take_key(rq, request_query(rq, "service"), given ? &number : NULL, &key));
    log = outbox_view(admin, key.service->index);
    if (!log) return ERR_UNAVAILABLE;
    if (source.at) {
        writer = reply_json(rp, 200);
        return put_delivery_status(&writer, log, source, number);
    }
    TRY(dead_letter_get(log, rq->arena, key.id, &letter));
    writer = reply_json(rp, 200);
    put_dead_letter(&writer, key.service, &letter);
done:
    return err;
}

/* --- changing it --------------------------------------------------------------------------- */

/* "orders/7" in the audit log, and what it was. */
static enum err letter_changed(struct request *rq, const struct instance *service,
                               const struct dead_letter *letter)
{
    char name[64], detail[192];

    snprintf(name, sizeof name, "%s/%lld", instance_name(service), (long long)letter->id);
    snprintf(detail, sizeof detail, "%.*s %.*s:%lld", (int)letter->subject.len, letter->subject.at,
             (int)letter->source.len, letter->source.at, (long long)letter->sequence);
    return request_changed(rq, str_of(name), str_of(detail));
}

/* A line in the audit log and one in the log, and the letter as it was for the operator. */
static enum err answer_changed(struct request *rq, struct reply *rp, const char *event,
                               const struct instance *service, const struct dead_letter *letter)
{
    struct json_writer writer;
    enum err err = letter_changed(rq, service, letter);

    if (err) return err;
    writer = reply_json(rp, 200);
    log_event(LOG_WARN, instance_name(service), event, log_text("subject", letter->subject),
              log_text("source", letter->source), log_int("sequence", letter->sequence),
              log_int("letter", letter->id), log_text("reason", letter->reason));
    put_dead_letter(&writer, service, letter);
    return OK;
}

static enum err retry(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct dead_letter_key *key = rq->run->state;
    struct dead_letter letter;
    enum err err;

    TRY(dead_letter_get(tx, rq->arena, key->id, &letter));
    if (!instance_listens(key->service, letter.subject))
        return request_reject(rq, "id", "The service does not listen to this subject: drop it");
    TRY(dead_letter_retry(tx, &letter));
    env_events_put_back(rq->run->env);
    TRY(answer_changed(rq, rp, "event.retried", key->service, &letter));
done:
    return err;
}

static enum err drop(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct dead_letter_key *key = rq->run->state;
    struct dead_letter letter;
    enum err err;

    TRY(dead_letter_get(tx, rq->arena, key->id, &letter));
    TRY(dead_letter_drop(tx, key->id));
    TRY(answer_changed(rq, rp, "event.dropped", key->service, &letter));
done:
    return err;
}

/* The rest happens in the writer of the service whose letter it is. */
static enum err over_there(struct request *rq, handler_fn *change)
{
    struct dead_letter_key *key = arena_alloc(rq->arena, sizeof *key);
    struct str name = request_body_text(rq, "service");
    int64_t id;
    enum err err = ERR_MEMORY;

    if (!key) goto done;
    TRY(take_key(rq, name, json_int64(json_get(rq->body, "id"), &id) ? &id : NULL, key));
    rq->run->state = key;
    request_move(rq, key->service);
    return request_then(rq, IN_WRITER, change);
done:
    return err;
}

/* POST {"service","id"}: deliver it once more. 200 the letter as it was; 400; 404. */
enum err post_dead_retry(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx, (void)rp;
    return over_there(rq, retry);
}

/* POST {"service","id"}: forget it for good; the log keeps a line. 200 the letter; 404. */
enum err post_dead_drop(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx, (void)rp;
    return over_there(rq, drop);
}
