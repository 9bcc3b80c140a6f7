/* services/auth/operator.c: what `boxoffice users …` shows and does, over the control socket of the
 * data folder. */
#include "services/auth/auth.h"
#include "services/auth/session.h"
#include "services/auth/store.h"

#define LIST_DEFAULT  50
#define LIST_MAX      200
#define REASON_POINTS 200

static void user_json(struct json_writer *json, const struct user *user)
{
    struct object_id_text id = object_id_text(user->id);

    json_begin_object(json);
    json_key(json, "id");
    json_put_text(json, str_of(id.hex));
    json_key(json, "email");
    json_put_text(json, user->email);
    json_key(json, "status");
    json_put_text(json, user_status_text(user->status));
    json_key(json, "version");
    json_put_int(json, user->version);
    if (user->status == USER_BANNED) {
        json_key(json, "bannedAt");
        json_put_time(json, user->banned_at_ms);
        json_key(json, "reason");
        json_put_text(json, user->ban_reason);
    }
    json_end_object(json);
}

static enum err reply_user(struct reply *rp, const struct user *user)
{
    struct json_writer json = reply_json(rp, 200);

    user_json(&json, user);
    return OK;
}

/* The body's "user": an id or an email address. */
static enum err take_user(struct request *rq, struct tx *tx, struct user *user)
{
    struct str who = request_body_text(rq, "user");
    struct object_id id;
    struct str key;
    enum err err;

    if (object_id_parse(who, &id)) {
        TRY(user_get(tx, rq->arena, id, user));
        return OK;
    }
    if (!email_valid(who))
        return request_reject(rq, "user",
                              "User must be an email address or an id of 24 hex digits");
    TRY(email_key(rq->arena, who, &key));
    TRY(user_find(tx, rq->arena, key, user));
done:
    if (err == ERR_NOT_FOUND) rq->error_message = STR("There is no such user");
    return err;
}

/* The changed user: the row, the event, and auth's own refusal of the sessions. */
static enum err user_save(struct request *rq, struct tx *tx, const struct user *user)
{
    struct object_id_text id = object_id_text(user->id);
    enum err err;

    TRY(user_ban_put(tx, user));
    TRY(publish_user_updated(tx, &(struct user_updated){.id = user->id,
                                                        .version = user->version,
                                                        .email = user->email,
                                                        .status = user_status_text(user->status)}));
    if (env_user_banned(rq->env, tx, str_of(id.hex), user->version, user->status == USER_BANNED) !=
        VERDICT_APPLIED)
        return ERR_UNAVAILABLE;
done:
    return err;
}

/* POST /operator/users/ban {user, reason}: no sign-in any more, all sessions end, every service is
 * told. 200 the user, also when banned before; 400; 404. */
enum err post_operator_ban(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct str reason = str_trim(request_body_text(rq, "reason"));
    struct object_id_text id;
    struct user user;
    int64_t ended;
    enum err err;

    if (str_code_points(reason) > REASON_POINTS)
        request_reject(rq, "reason", "Reason must be at most 200 characters");
    TRY(request_checked(rq));
    TRY(take_user(rq, tx, &user));
    if (!user_ban(&user, reason, tx->now_ms)) return reply_user(rp, &user);
    id = object_id_text(user.id);
    TRY(user_save(rq, tx, &user));
    TRY(sessions_end_all(rq->env, tx, str_of(id.hex), &ended));
    TRY(audit_request(rq, tx, "user.banned", str_of(id.hex), reason));
    return reply_user(rp, &user);
done:
    return err;
}

/* POST /operator/users/unban {user}: may sign in again. 200 the user; 400; 404. */
enum err post_operator_unban(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct object_id_text id;
    struct user user;
    enum err err;

    TRY(take_user(rq, tx, &user));
    if (!user_unban(&user)) return reply_user(rp, &user);
    id = object_id_text(user.id);
    TRY(user_save(rq, tx, &user));
    TRY(audit_request(rq, tx, "user.unbanned", str_of(id.hex), STR("")));
    return reply_user(rp, &user);
done:
    return err;
}

/* GET /operator/users/banned?limit=&after=: newest account first. */
enum err get_operator_banned(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct user users[LIST_MAX];
    struct object_id after;
    struct json_writer json;
    int64_t limit;
    size_t count;
    enum err err;

    request_limit(rq, LIST_DEFAULT, LIST_MAX, &limit);
    request_after(rq, &after);
    TRY(request_checked(rq));
    TRY(users_banned(tx, rq->arena, after, users, (size_t)limit, &count));
    json = reply_json(rp, 200);
    json_begin_array(&json);
    for (size_t i = 0; i < count; i++)
        user_json(&json, &users[i]);
    json_end_array(&json);
done:
    return err;
}
