/* services/auth/forgot_password.c: a link to a new password is asked for.
 *
 * Nobody learns whether there is such an account: what is asked is written down, and answered; a
 * job looks afterwards whose it is. The link goes by mail (reset:requested). */
#include "services/auth/auth.h"
#include "services/auth/links.h"
#include "services/auth/store.h"

#define REQUESTS_A_RUN   100
#define LOOK_MS          100
#define LINKS_A_USER_MAX 5 /* that may be opened: nobody fills a mailbox */

static enum err forgot_note(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct reset_request *wanted = rq->run->state;
    struct json_writer json;
    enum err err;

    TRY(reset_request_put(tx, wanted->key, wanted->before));
    /* not with this batch: the answer would wait for it */
    env_job_due(rq->run->env, RESETS, wall_after(tx->now, LOOK_MS));
    json = reply_json(rp, 200);
    json_begin_object(&json);
    json_end_object(&json);
    reply_header(rp, "Cache-Control", STR("no-store"));
done:
    return err;
}

/* POST /api/users/forgot {email}: a link to a new password is mailed, if there is such an account.
 * 200 {} in any case, after the same work; 400 Email must be valid; 429 after RESETS_PER_HOUR from
 * one address. */
enum err post_users_forgot(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct auth *auth = rq->run->env->state;
    struct str email = str_trim(request_body_text(rq, "email"));
    struct reset_request *wanted = arena_alloc(rq->arena, sizeof *wanted);
    enum err err;

    (void)tx, (void)rp;
    if (!wanted) return ERR_MEMORY;
    rq->run->state = wanted;
    if (!email_valid(email)) return request_reject(rq, "email", "Email must be valid");
    TRY(address_take(rq, auth->resets));
    TRY(email_key_before(rq->arena, email, &wanted->before));
    err = email_key(rq->arena, email, &wanted->key);
    if (err == ERR_INVALID) wanted->key = wanted->before; /* no domain that is one */
    if (err != ERR_INVALID) TRY(err);
    return request_then(rq, IN_WRITER, forgot_note);
done:
    return err;
}

/* The link of one who asked, and its mail; nothing for nobody. */
static enum err reset_send(struct env *env, struct tx *tx, const struct reset_request *wanted)
{
    struct object_id_text id;
    struct link link;
    struct user user;
    int64_t open;
    enum err err = user_find(tx, env->arena, wanted->key, wanted->before, &user);

    if (err == ERR_NOT_FOUND || (err == OK && user.status != USER_ACTIVE)) return OK;
    TRY(err);
    TRY(links_count(tx, LINK_RESET, user.id, &open));
    if (open >= LINKS_A_USER_MAX) return OK;
    TRY(link_open(env, tx, LINK_RESET, user.id, STR(""), &link));
    id = object_id_text(user.id);
    TRY(publish_reset_requested(tx, &(struct reset_requested){.id = link.id,
                                                              .user_id = str_of(id.hex),
                                                              .expires_at = link.ends_at}));
done:
    return err;
}

enum err resets_send(struct env *env, struct tx *tx, struct wall_ms *next)
{
    struct reset_request wanted[REQUESTS_A_RUN];
    size_t count;
    enum err err;

    TRY(reset_requests_take(tx, env->arena, wanted, REQUESTS_A_RUN, &count));
    for (size_t i = 0; i < count; i++)
        TRY(reset_send(env, tx, &wanted[i]));
    *next = count == REQUESTS_A_RUN ? tx->now : WALL_NEVER;
done:
    return err;
}
