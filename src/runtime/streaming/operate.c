/* runtime/streaming/operate.c: what the operator does to the house as a whole: rotates the keys,
 * reads the audit trail. Over the control socket. */
#include "runtime/key.h"
#include "runtime/streaming/streaming.h"

#include <stdlib.h>

#define TRAIL_DEFAULT 100
#define TRAIL_MAX     500

/* POST /operator/keys/rotate: a new key signs from now on, the old one still verifies. 200 {"kid"};
 * 409 when the key is in JWT_KEY. */
enum err post_keys_rotate(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct session_keys *keys = rq->env->service->house->keys;
    struct json_writer json;
    struct session_kid kid;
    struct buf why;
    enum err err;

    buf_init(&why, rq->arena, 8192);
    err = session_keys_rotate(rq->env->settings, keys, &why);
    rq->error_message = buf_str(&why);
    TRY(err);
    kid = session_keys_kid(keys);
    TRY(audit_request(rq, tx, "keys.rotated", str_of(kid.text), STR("")));
    json = reply_json(rp, 200);
    json_begin_object(&json);
    json_key(&json, "kid");
    json_put_text(&json, str_of(kid.text));
    json_end_object(&json);
done:
    return err;
}

/* --- the audit trail ------------------------------------------------------------------------ */

struct trail_row {
    const char *service;
    struct audit_row row;
};

static int newest_first(const void *a, const void *b)
{
    const struct trail_row *x = a, *y = b;

    return -memcmp(&x->row.id, &y->row.id, sizeof x->row.id);
}

static void put_row(struct json_writer *json, const struct trail_row *entry)
{
    static const char *const names[AUDIT_TEXTS] = {"action", "actor", "subject", "address",
                                                   "detail"};
    struct object_id_text id = object_id_text(entry->row.id);

    json_begin_object(json);
    json_key(json, "id");
    json_put_text(json, str_of(id.hex));
    json_key(json, "time");
    json_put_time(json, entry->row.at_ms);
    json_key(json, "service");
    json_put_text(json, str_of(entry->service));
    for (size_t i = 0; i < AUDIT_TEXTS; i++) {
        json_key(json, names[i]);
        json_put_text(json, entry->row.texts[i]);
    }
    json_end_object(json);
}

/* Each service's newest, together. */
static enum err gather(struct request *rq, struct object_id after, size_t limit,
                       struct trail_row *out, size_t *count)
{
    struct streaming *streaming = streaming_of(rq->env);
    struct audit_row *rows = arena_alloc(rq->arena, limit * sizeof *rows);
    enum err err = OK;

    *count = 0;
    if (!rows) return ERR_MEMORY;
    for (size_t i = 0; i < streaming->house->service_count; i++) {
        struct tx *log = log_view(streaming, i);
        size_t found = 0;

        if (!log) return ERR_UNAVAILABLE;
        TRY(audit_page(log, rq->arena, after, rows, limit, &found));
        for (size_t j = 0; j < found; j++)
            out[(*count)++] = (struct trail_row){streaming->house->services[i]->def->name, rows[j]};
    }
    qsort(out, *count, sizeof *out, newest_first);
    if (*count > limit) *count = limit;
done:
    return err;
}

/* GET /operator/trail?limit=&after=: who did what, of all services here, newest first. Runs in the
 * writer, which the views of the logs belong to. */
enum err get_trail(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct trail_row *rows;
    struct json_writer json;
    struct object_id after;
    int64_t limit;
    size_t count;
    enum err err;

    (void)tx;
    request_limit(rq, TRAIL_DEFAULT, TRAIL_MAX, &limit);
    request_after(rq, &after);
    TRY(request_checked(rq));
    rows = arena_alloc(rq->arena, (size_t)limit * SERVICES_MAX * sizeof *rows);
    if (!rows) return ERR_MEMORY;
    TRY(gather(rq, after, (size_t)limit, rows, &count));
    json = reply_json(rp, 200);
    json_begin_array(&json);
    for (size_t i = 0; i < count; i++)
        put_row(&json, &rows[i]);
    json_end_array(&json);
done:
    return err;
}
