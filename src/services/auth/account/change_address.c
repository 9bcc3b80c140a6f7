/* services/auth/account/change_address.c: another address for who is signed in and knows the
 * password.
 *
 * Nothing changes until a link that was mailed to the new address is opened. Whose that is, is not
 * looked at before: so the answer, the time and the mail are the same for every address, and
 * whoever learns that it has an account has its mailbox. */
#include "services/auth/account/own_password.h"
#include "services/auth/links.h"
#include "services/auth/session.h"
#include "services/auth/store.h"

/* rq->run->state; the texts are the request's. */
struct address_change {
    struct own_password password;
    struct str email; /* as typed, trimmed */
};

static enum err address_change_finish(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct address_change *change = rq->run->state;
    struct json_writer json;
    struct user user;
    bool right;
    enum err err;

    TRY(own_password_settle(rq, tx, &change->password, &user, &right));
    if (!right) return OK;
    TRY(address_asked(rq));
    TRY(address_ask(rq->run->env, tx, user.id, change->email));
    json = reply_json(rp, 200);
    json_begin_object(&json);
    json_end_object(&json);
done:
    return err;
}

/* In the pool. */
static enum err address_change_verify(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct address_change *change = rq->run->state;
    enum err err;

    (void)tx, (void)rp;
    TRY(own_password_verify(rq, &change->password));
    return request_then(rq, IN_WRITER, address_change_finish);
done:
    return err;
}

static enum err address_change_find(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct address_change *change = rq->run->state;

    (void)rp;
    return own_password_find(rq, tx, &change->password, address_change_verify);
}

/* POST /api/users/email {email, password}: a link is mailed to that address, which makes it the
 * account's (post_users_verify). Links to other addresses open nothing any more. 200 {}, whether
 * there is an account with it or not; 400 Email must be valid, You must supply a password, Invalid
 * credentials; 401 no session, or one of an account that is not kept here; 429 as for signing in
 * and for asking for a link. */
enum err post_users_email(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct address_change *change = arena_alloc(rq->arena, sizeof *change);
    struct str key;
    enum err err;

    (void)tx, (void)rp;
    if (!change) return ERR_MEMORY;
    rq->run->state = change;
    change->email = str_trim(request_body_text(rq, "email"));
    err = email_valid(change->email) ? email_key(rq->arena, change->email, &key) : ERR_INVALID;
    if (err == ERR_INVALID) err = OK, request_reject(rq, "email", "Email must be valid");
    TRY(err);
    TRY(own_password_read(rq, &change->password));
    TRY(request_checked(rq));
    return request_then(rq, IN_READER, address_change_find);
done:
    return err;
}

/* ERR_EMAIL_IN_USE: it is somebody else's, also by the key of before. */
static enum err nobody_elses(struct request *rq, struct tx *tx, const struct user *user,
                             struct str email, struct str *key)
{
    struct user holder;
    struct str before;
    enum err err;

    TRY(email_key_before(rq->arena, email, &before));
    TRY(email_key(rq->arena, email, key));
    err = user_find(tx, rq->arena, *key, before, &holder);
    if (err == ERR_NOT_FOUND) return OK;
    TRY(err);
    return object_id_eq(holder.id, user->id) ? OK : ERR_EMAIL_IN_USE;
done:
    return err;
}

enum err address_change(struct request *rq, struct tx *tx, struct str email, struct user *user)
{
    struct object_id_text id = object_id_text(user->id);
    struct str key, old = user->email;
    int64_t ended;
    enum err err;

    TRY(nobody_elses(rq, tx, user, email, &key));
    user->email = email;
    user->email_key = key;
    TRY(links_delete(tx, user->id));
    TRY(sessions_end_all(rq->run->env, tx, str_of(id.hex), &ended));
    TRY(publish_address_changed(tx, &(struct address_changed){.id = env_new_id(rq->run->env, tx),
                                                              .user_id = str_of(id.hex),
                                                              .email = old}));
done:
    return err;
}
