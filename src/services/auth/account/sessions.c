/* services/auth/account/sessions.c: where somebody is signed in, and the end of it, of one session
 * or of all others. */
#include "services/auth/auth.h"
#include "services/auth/documents.h"
#include "services/auth/session.h"
#include "services/auth/store.h"

#include "base/hex.h"

/* GET /api/users/sessions: where the caller is signed in, what was used last first. Those of tokens
 * that were made elsewhere have no record and are not among them. 200; 401. */
enum err get_users_sessions(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct session_record records[SESSIONS_PER_USER_MAX];
    struct json_writer json;
    size_t count;
    enum err err;

    TRY(sessions_list(tx, rq->arena, rq->user.id, records, SESSIONS_PER_USER_MAX, &count));
    json = reply_json(rp, 200);
    json_begin_array(&json);
    for (size_t i = 0; i < count; i++)
        session_json(&json, &records[i], str_eq(records[i].id_hash, str_of(rq->user.sid_hash)));
    json_end_array(&json);
done:
    return err;
}

/* DELETE /api/users/sessions/:id: one of the caller's sessions ends, also this one, whose cookie is
 * cleared. 204; 400 no id; 401; 404 the caller has none of that id (any more). */
enum err delete_users_session(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct str id_hash = rq->params[0];
    struct session_record record;
    enum err err;

    if (id_hash.len != SESSION_ID_HASH_HEX || !hex_is_lower(id_hash)) return ERR_BAD_REQUEST;
    TRY(session_get(tx, rq->arena, id_hash, &record));
    if (!str_eq(record.user_id, rq->user.id)) return ERR_NOT_FOUND;
    TRY(session_end(rq->run->env, tx, rq->user.id, id_hash, WALL_NONE));
    TRY(audit_entry_put(rq, tx, AUDIT_ENDED, rq->user.id));
    if (str_eq(id_hash, str_of(rq->user.sid_hash)))
        session_cookie_clear(&rp->headers, rq->cookie_secure);
    return reply_empty(rp, 204);
done:
    return err;
}

/* POST /api/users/signout-others: all sessions of the caller end but this one. 200 {}; 401. */
enum err post_users_signout_others(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct json_writer json;
    int64_t ended;
    enum err err;

    TRY(sessions_end_others(rq->run->env, tx, rq->user.id, str_of(rq->user.sid_hash), &ended));
    if (ended) TRY(audit_entry_put(rq, tx, AUDIT_ENDED, rq->user.id));
    json = reply_json(rp, 200);
    json_begin_object(&json);
    json_end_object(&json);
done:
    return err;
}
