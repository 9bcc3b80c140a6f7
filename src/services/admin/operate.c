/* services/admin/operate.c: what the operator does to the app as a whole: rotates the keys,
 * reads the audit log. Over the control socket. */
#include "runtime/audit.h"
#include "services/admin/admin.h"

#include <stdlib.h>

#define AUDIT_DEFAULT 100
#define AUDIT_MAX     500

/* POST /operator/keys/rotate: a new key signs from now on, the old one still verifies. 200 {"kid"};
 * 409 when the key is in JWT_KEY. */
enum err post_keys_rotate(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct key_source source = settings_key_source(rq->run->env->settings);
    struct session_keys *keys = app_session_keys(rq->run->env->app);
    struct json_writer json;
    struct session_kid kid;
    struct buf why;
    enum err err;

    (void)tx;
    buf_init(&why, rq->arena, 8192);
    err = session_keys_rotate(&source, keys, &why);
    rq->error_message = buf_str(&why);
    TRY(err);
    kid = session_keys_kid(keys);
    TRY(request_changed(rq, str_of(kid.text), STR("")));
    json = reply_json(rp, 200);
    json_begin_object(&json);
    json_member_text(&json, "kid", str_of(kid.text));
    json_end_object(&json);
done:
    return err;
}

/* --- what it was started with ----------------------------------------------------------------- */

static struct str key_mode(const char *key)
{
    if (!key) return STR("none");
    return strstr(key, "_live_") ? STR("live") : STR("test");
}

/* GET /operator/settings: of the settings what boxoffice doctor judges, without secrets:
 * {"stripeKey", "stripePublishableKey": "none", "test" or "live", "stripeWebhook", "cookieSecure"}.
 */
enum err get_settings(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct settings *settings = rq->run->env->settings;
    struct json_writer json = reply_json(rp, 200);

    (void)tx;
    json_begin_object(&json);
    json_member_text(&json, "stripeKey", key_mode(settings->stripe_key));
    json_member_text(&json, "stripePublishableKey", key_mode(settings->stripe_publishable_key));
    json_member_bool(&json, "stripeWebhook", settings->stripe_webhook_secret != NULL);
    json_member_int(&json, "cookieSecure", settings->cookie_secure);
    json_end_object(&json);
    return OK;
}

/* --- the audit log ------------------------------------------------------------------------ */

struct audit_entry {
    const char *service;
    struct audit_row row;
};

static int newest_first(const void *a, const void *b)
{
    const struct audit_entry *x = a, *y = b;

    return -memcmp(&x->row.id, &y->row.id, sizeof x->row.id);
}

static void put_row(struct json_writer *json, const struct audit_entry *entry)
{
    static const char *const names[AUDIT_TEXTS] = {"action", "actor", "subject", "address",
                                                   "detail"};
    struct object_id_text id = object_id_text(entry->row.id);

    json_begin_object(json);
    json_member_text(json, "id", str_of(id.hex));
    json_member_time(json, "time", entry->row.at);
    json_member_text(json, "service", str_of(entry->service));
    for (size_t i = 0; i < AUDIT_TEXTS; i++) {
        json_member_text(json, names[i], entry->row.texts[i]);
    }
    json_end_object(json);
}

/* Each service's newest, together. */
static enum err gather(struct request *rq, struct object_id after, size_t limit,
                       struct audit_entry *out, size_t *count)
{
    struct admin *admin = admin_of(rq->run->env);
    struct audit_row *rows = arena_alloc(rq->arena, limit * sizeof *rows);
    enum err err = OK;

    *count = 0;
    if (!rows) return ERR_MEMORY;
    for (size_t i = 0; i < app_service_count(admin->app); i++) {
        struct tx *log = outbox_view(admin, i);
        size_t found = 0;

        if (!log) return ERR_UNAVAILABLE;
        TRY(audit_page(log, rq->arena, after, rows, limit, &found));
        for (size_t j = 0; j < found; j++)
            out[(*count)++] =
                (struct audit_entry){instance_name(app_service(admin->app, i)), rows[j]};
    }
    qsort(out, *count, sizeof *out, newest_first);
    if (*count > limit) *count = limit;
done:
    return err;
}

/* GET /operator/audit-log?limit=&after=: who did what, of all services here, newest first. Runs in
 * the writer, which the views of the logs belong to. */
enum err get_audit_log(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct audit_entry *rows;
    struct json_writer json;
    struct object_id after;
    int64_t limit;
    size_t count;
    enum err err;

    (void)tx;
    request_limit(rq, AUDIT_DEFAULT, AUDIT_MAX, &limit);
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
