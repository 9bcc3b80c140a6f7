/* services/auth/auth_operator.c: what `boxoffice users …` shows and does, over the control socket
 * of the data folder. */
#include "services/auth/auth.h"
#include "services/auth/documents.h"
#include "services/auth/session.h"
#include "services/auth/store.h"

#define LIST_DEFAULT  50
#define LIST_MAX      200
#define REASON_POINTS 200

enum err reply_user(struct reply *rp, const struct user *user)
{
    struct json_writer json = reply_json(rp, 200);

    user_json(&json, user, NULL);
    return OK;
}

enum err user_named(struct tx *tx, struct arena *arena, struct str who, struct user *user)
{
    struct str key = STR(""), before;
    struct object_id id;
    enum err err;

    if (object_id_parse(who, &id)) return user_get(tx, arena, id, user);
    if (!email_valid(who)) return ERR_INVALID;
    TRY(email_key_before(arena, who, &before));
    err = email_key(arena, who, &key);
    if (err != ERR_INVALID) TRY(err);
    TRY(user_find(tx, arena, key, before, user));
done:
    return err;
}

enum err operator_user(struct request *rq, struct tx *tx, struct user *user)
{
    enum err err = user_named(tx, rq->arena, str_trim(request_body_text(rq, "user")), user);

    if (err == ERR_INVALID)
        return request_reject(rq, "user",
                              "User must be an email address or an id of 24 hex digits");
    if (err == ERR_NOT_FOUND) rq->error_message = STR("There is no such user");
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
    TRY(operator_user(rq, tx, &user));
    if (!user_ban(&user, reason, tx->now)) return reply_user(rp, &user);
    id = object_id_text(user.id);
    TRY(user_save(rq->run->env, tx, &user));
    TRY(sessions_end_all(rq->run->env, tx, str_of(id.hex), &ended));
    TRY(request_changed_id(rq, user.id, reason));
    return reply_user(rp, &user);
done:
    return err;
}

/* POST /operator/users/unban {user}: may sign in again. 200 the user; 400; 404. */
enum err post_operator_unban(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct user user;
    enum err err;

    TRY(operator_user(rq, tx, &user));
    if (!user_unban(&user)) return reply_user(rp, &user);
    TRY(user_save(rq->run->env, tx, &user));
    TRY(request_changed_id(rq, user.id, STR("")));
    return reply_user(rp, &user);
done:
    return err;
}

static void reply_users(struct reply *rp, const struct user *users, size_t count)
{
    struct json_writer json = reply_json(rp, 200);

    json_begin_array(&json);
    for (size_t i = 0; i < count; i++)
        user_json(&json, &users[i], NULL);
    json_end_array(&json);
}

/* GET /operator/users?status=&limit=&after=: newest account first; of one status, if it is given.
 */
enum err get_operator_users(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct str status = request_query(rq, "status");
    struct user users[LIST_MAX];
    struct object_id after;
    enum user_status only;
    int64_t limit;
    size_t count;
    enum err err;

    if (status.len && !user_status_parse(status, &only))
        request_reject(rq, "status", "Status must be active or banned");
    request_limit(rq, LIST_DEFAULT, LIST_MAX, &limit);
    request_after(rq, &after);
    TRY(request_checked(rq));
    TRY(users_page(tx, rq->arena, status.len ? &only : NULL, after, users, (size_t)limit, &count));
    reply_users(rp, users, count);
done:
    return err;
}

/* POST /operator/users/find {text}: whose address has it in it, newest account first, at most
 * LIST_DEFAULT. 200; 400. */
enum err post_operator_find(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct str text = str_trim(request_body_text(rq, "text")), key;
    struct user users[LIST_DEFAULT];
    size_t count;
    enum err err;

    if (!text.len || text.len > EMAIL_MAX)
        return request_reject(rq, "text", "Text must be a part of an email address");
    TRY(email_key_before(rq->arena, text, &key)); /* in lower case */
    TRY(users_called(tx, rq->arena, key, users, LIST_DEFAULT, &count));
    reply_users(rp, users, count);
done:
    return err;
}

/* --- roles --------------------------------------------------------------------------------- */

static enum err reply_user_with_roles(struct tx *tx, struct reply *rp, const struct user *user)
{
    struct object_id_text id = object_id_text(user->id);
    struct role_set roles;
    struct json_writer json;
    enum err err;

    TRY(user_roles(tx, str_of(id.hex), &roles));
    json = reply_json(rp, 200);
    user_json(&json, user, &roles);
done:
    return err;
}

/* POST /operator/users/show {user}: the account, with its roles. 200; 400; 404. */
enum err post_operator_show(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct user user;
    enum err err;

    TRY(operator_user(rq, tx, &user));
    return reply_user_with_roles(tx, rp, &user);
done:
    return err;
}

/* The body's user, locked, and role. */
static enum err take_role(struct request *rq, struct tx *tx, struct user *user, enum role *role)
{
    enum err err;

    if (!role_parse(str_trim(request_body_text(rq, "role")), role))
        request_reject(rq, "role", "Role must be support, finance, catalogue or admin");
    TRY(request_checked(rq));
    TRY(operator_user(rq, tx, user));
    TRY(user_get(tx, rq->arena, user->id, user));
done:
    return err;
}

/* POST /operator/users/grant {user, role}: sessions that begin, or are renewed, from now on have
 * it. 200 the user with all roles, also when it was granted before; 400; 404. */
enum err post_operator_grant(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct object_id_text id;
    struct user user;
    enum role role;
    bool changed;
    enum err err;

    TRY(take_role(rq, tx, &user, &role));
    id = object_id_text(user.id);
    TRY(user_role_grant(tx, str_of(id.hex), role, &changed));
    if (changed) TRY(request_changed_id(rq, user.id, role_text(role)));
    return reply_user_with_roles(tx, rp, &user);
done:
    return err;
}

/* POST /operator/users/revoke {user, role}: taken back at once: all sessions end, for what their
 * tokens say would be believed until they do. 200 the user with the roles left; 400; 404. */
enum err post_operator_revoke(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct object_id_text id;
    struct user user;
    enum role role;
    int64_t ended;
    bool changed;
    enum err err;

    TRY(take_role(rq, tx, &user, &role));
    id = object_id_text(user.id);
    TRY(user_role_revoke(tx, str_of(id.hex), role, &changed));
    if (changed) {
        TRY(sessions_end_all(rq->run->env, tx, str_of(id.hex), &ended));
        TRY(request_changed_id(rq, user.id, role_text(role)));
    }
    return reply_user_with_roles(tx, rp, &user);
done:
    return err;
}
