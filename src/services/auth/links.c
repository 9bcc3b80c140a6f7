/* services/auth/links.c: links that are sent, looked at and opened. */
#include "services/auth/links.h"
#include "services/auth/auth.h"

enum err link_open(struct env *env, struct tx *tx, enum link_kind kind, struct object_id user_id,
                   struct str email, struct link *out)
{
    enum err err;

    *out = (struct link){.id = env_new_id(env, tx),
                         .kind = kind,
                         .user_id = user_id,
                         .email = email,
                         .ends_at = wall_after(tx->now, LINK_LIVES_MS)};
    TRY(link_insert(tx, out));
    env_job_due(env, TIDY, out->ends_at);
done:
    return err;
}

static enum err link_find(struct env *env, struct tx *tx, struct arena *arena, enum link_kind kind,
                          struct str token, struct link *out)
{
    struct object_id id;
    enum err err;

    if (!link_token_open(env->keys, kind, token, &id)) return ERR_LINK_USED;
    err = link_get(tx, arena, id, kind, out);
    return err == ERR_NOT_FOUND ? ERR_LINK_USED : err;
}

enum err link_look(struct request *rq, struct tx *tx, enum link_kind kind, struct str token,
                   struct link *out)
{
    const struct auth *auth = rq->run->env->state;
    enum err err = link_find(rq->run->env, tx, rq->arena, kind, token, out);

    if (err != ERR_LINK_USED) return err;
    refusal_log(rq, REFUSED_LINK, STR(""));
    /* answered the same, the last one that is listened to */
    (void)limit_take(auth->resets, request_client_network(rq), env_mono(rq->run->env), rq);
    return err;
}

enum err link_take(struct env *env, struct tx *tx, struct arena *arena, enum link_kind kind,
                   struct str token, struct link *out)
{
    bool deleted;
    enum err err;

    TRY(link_find(env, tx, arena, kind, token, out));
    TRY(link_delete(tx, out->id, &deleted));
    if (!deleted) return ERR_LINK_USED; /* another replica was first */
done:
    return err;
}
