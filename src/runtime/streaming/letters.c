/* runtime/streaming/letters.c: dead letters for the operator (boxoffice events dead …): read from
 * any service's database; put back or dropped in the writer of the service whose they are. */
#include "runtime/streaming/streaming.h"

#include "base/log.h"

#define LIST_DEFAULT 20
#define LIST_MAX     100
#define ARENA_MAX    (16 * 1024 * 1024)

/* What is asked about: a service's letter. */
struct letter_key {
    struct service *service;
    int64_t id;
};

static struct service *service_called(const struct house *house, struct str name)
{
    for (size_t i = 0; i < house->service_count; i++)
        if (str_eq(str_of(house->services[i]->def->name), name)) return house->services[i];
    return NULL;
}

static size_t index_of(const struct house *house, const struct service *service)
{
    size_t i = 0;

    while (house->services[i] != service)
        i++;
    return i;
}

static bool is_number(struct request *rq, const char *name, struct str text, int64_t *out)
{
    if (!text.at) return true;
    if (str_to_int64(text, out) && *out >= 1) return true;
    request_reject(rq, name, "Must be a whole number, 1 or more");
    return false;
}

static void put_letter(struct json_writer *writer, const struct service *service,
                       const struct dead_letter *letter)
{
    json_begin_object(writer);
    json_key(writer, "service");
    json_put_text(writer, str_of(service->def->name));
    json_key(writer, "id");
    json_put_int(writer, letter->id);
    json_key(writer, "source");
    json_put_text(writer, letter->source);
    json_key(writer, "sequence");
    json_put_int(writer, letter->sequence);
    json_key(writer, "subject");
    json_put_text(writer, letter->subject);
    json_key(writer, "reason");
    json_put_text(writer, letter->reason);
    json_key(writer, "payload");
    json_put_text(writer, letter->payload);
    json_key(writer, "time");
    json_put_time(writer, letter->dead_at_ms);
    json_end_object(writer);
}

/* --- GET /streaming/dead ------------------------------------------------------------------- */

static enum err put_letters_of(struct json_writer *writer, struct streaming *streaming,
                               const struct service *service, int64_t after, int64_t limit)
{
    struct tx *log = log_view(streaming, index_of(streaming->house, service));
    struct arena *arena = arena_new(ARENA_MAX);
    struct dead_letter letters[LIST_MAX];
    size_t count;
    enum err err = ERR_UNAVAILABLE;

    if (!log || !arena) goto done;
    TRY(dead_letters_before(log, arena, after, letters, (size_t)limit, &count));
    for (size_t i = 0; i < count; i++)
        put_letter(writer, service, &letters[i]);
done:
    if (arena) arena_free(arena);
    return err;
}

/* ?service=&limit=&after=: a service's, or every service's, each newest first: at most limit of
 * each, with ids below `after`. */
enum err get_dead(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct streaming *streaming = streaming_of(rq->env);
    const struct house *house = streaming->house;
    struct str name = request_query(rq, "service");
    const struct service *only = name.at ? service_called(house, name) : NULL;
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
    for (size_t i = 0; i < house->service_count; i++)
        if (!only || only == house->services[i])
            TRY(put_letters_of(&writer, streaming, house->services[i], after, limit));
    json_end_array(&writer);
    if (rp->body.failed) err = ERR_MEMORY;
done:
    return err;
}

/* --- one of them --------------------------------------------------------------------------- */

static enum err take_key(struct request *rq, struct str name, const int64_t *id,
                         struct letter_key *out)
{
    out->service = service_called(streaming_of(rq->env)->house, name);
    if (!out->service) request_reject(rq, "service", "There is no such service here");
    if (!id || *id < 1) request_reject(rq, "id", "Id must be a whole number, 1 or more");
    if (id) out->id = *id;
    return request_checked(rq);
}

static enum err put_fate(struct json_writer *writer, struct tx *tx, struct str source,
                         int64_t sequence)
{
    static const char *const words[] = {"settled", "waiting", "dead"};
    enum event_fate fate;
    int64_t letter_id = 0;
    enum err err;

    TRY(event_fate(tx, source, sequence, &fate, &letter_id));
    json_begin_object(writer);
    json_key(writer, "fate");
    json_put_text(writer, str_of(words[fate]));
    if (fate == FATE_DEAD) {
        json_key(writer, "id");
        json_put_int(writer, letter_id);
    }
    json_end_object(writer);
done:
    return err;
}

/* GET ?service=&id=: the letter, its payload whole. ?service=&source=&sequence=: what became of an
 * event that was put back: {"fate":"settled"}, "waiting", or "dead" and the letter's id. */
enum err get_dead_letter(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct streaming *streaming = streaming_of(rq->env);
    struct str source = request_query(rq, "source");
    struct letter_key key = {NULL, 0};
    struct dead_letter letter;
    struct json_writer writer;
    int64_t number = 0;
    bool given;
    struct tx *log;
    enum err err;

    (void)tx;
    given = str_to_int64(request_query(rq, source.at ? "sequence" : "id"), &number);
    TRY(take_key(rq, request_query(rq, "service"), given ? &number : NULL, &key));
    log = log_view(streaming, index_of(streaming->house, key.service));
    if (!log) return ERR_UNAVAILABLE;
    if (source.at) {
        writer = reply_json(rp, 200);
        return put_fate(&writer, log, source, number);
    }
    TRY(dead_letter_get(log, rq->arena, key.id, &letter));
    writer = reply_json(rp, 200);
    put_letter(&writer, key.service, &letter);
done:
    return err;
}

/* --- changing it --------------------------------------------------------------------------- */

/* A line for the log, under that name, and the letter as it was for the operator. */
static void answer_changed(struct reply *rp, const char *event, const struct service *service,
                           const struct dead_letter *letter)
{
    struct json_writer writer = reply_json(rp, 200);

    log_event(LOG_WARN, service->def->name, event, log_text("subject", letter->subject),
              log_text("source", letter->source), log_int("sequence", letter->sequence),
              log_int("letter", letter->id), log_text("reason", letter->reason));
    put_letter(&writer, service, letter);
}

static enum err retry(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct letter_key *key = rq->state;
    struct dead_letter letter;
    enum err err;

    TRY(dead_letter_get(tx, rq->arena, key->id, &letter));
    if (!key->service->subscription || !service_listens(key->service, letter.subject))
        return request_reject(rq, "id", "The service does not listen to this subject: drop it");
    TRY(dead_letter_retry(tx, &letter));
    subscription_look(key->service->subscription);
    answer_changed(rp, "event.retried", key->service, &letter);
done:
    return err;
}

static enum err drop(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct letter_key *key = rq->state;
    struct dead_letter letter;
    enum err err;

    TRY(dead_letter_get(tx, rq->arena, key->id, &letter));
    TRY(dead_letter_drop(tx, key->id));
    answer_changed(rp, "event.dropped", key->service, &letter);
done:
    return err;
}

/* The rest happens in the writer of the service whose letter it is. */
static enum err over_there(struct request *rq, handler_fn *change)
{
    struct letter_key *key = arena_alloc(rq->arena, sizeof *key);
    struct str name = request_body_text(rq, "service");
    int64_t id;
    enum err err = ERR_MEMORY;

    if (!key) goto done;
    TRY(take_key(rq, name, json_int64(json_get(rq->body, "id"), &id) ? &id : NULL, key));
    rq->state = key;
    rq->env = &key->service->env;
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
