/* services/auth/commands.c: what is stored of a person, and told of it, in one transaction. */
#include "services/auth/auth.h"
#include "services/auth/links.h"
#include "services/auth/store.h"

enum err user_add(struct tx *tx, const struct user *user)
{
    enum err err;

    TRY(user_insert(tx, user)); /* ERR_EMAIL_IN_USE from the unique index */
    TRY(publish_user_created(tx, &(struct user_created){.id = user->id,
                                                        .version = user->version,
                                                        .email = user->email,
                                                        .status = user_status_text(user->status)}));
done:
    return err;
}

enum err account_of(struct request *rq, struct tx *tx, struct user *user)
{
    struct object_id id;
    enum err err;

    if (!object_id_parse(rq->user.id, &id)) return ERR_NOT_AUTHORIZED;
    err = user_get(tx, rq->arena, id, user);
    return err == ERR_NOT_FOUND ? ERR_NOT_AUTHORIZED : err; /* a token made elsewhere */
}

enum err user_save(struct env *env, struct tx *tx, const struct user *user)
{
    struct object_id_text id = object_id_text(user->id);
    struct user_updated updated = {.id = user->id,
                                   .version = user->version,
                                   .email = user->email,
                                   .status = user_status_text(user->status),
                                   .confirmed = wall_known(user->confirmed_at)};
    enum err err;

    TRY(user_update(tx, user));
    TRY(publish_user_updated(tx, &updated));
    if (env_user_banned(env, tx, str_of(id.hex), user->version, user->status == USER_BANNED) !=
        VERDICT_APPLIED)
        return ERR_UNAVAILABLE;
done:
    return err;
}

enum err address_ask(struct env *env, struct tx *tx, struct object_id user_id, struct str email)
{
    struct object_id_text id = object_id_text(user_id);
    struct link link;
    enum err err;

    TRY(links_to_others_delete(tx, user_id, email));
    TRY(link_open(env, tx, LINK_ADDRESS, user_id, email, &link));
    TRY(publish_address_requested(tx, &(struct address_requested){.id = link.id,
                                                                  .user_id = str_of(id.hex),
                                                                  .email = email,
                                                                  .expires_at = link.ends_at}));
done:
    return err;
}
