/* services/auth/auth_import.c: people of the Node application, with the passwords they have. */
#include "services/service_import.h"

#include "services/auth/auth.h"
#include "services/auth/store.h"

bool imported_email_valid(struct str email)
{
    return email_valid(email);
}

bool imported_password_valid(struct str password)
{
    struct password_hash hash;

    return password_hash_imported(password, &hash);
}

enum err import_user(struct tx *tx, struct arena *arena, const struct imported_user *imported,
                     bool *added)
{
    struct password_hash hash;
    struct user user;
    struct str key;
    enum err err = user_get(tx, arena, imported->id, &user);

    *added = false;
    if (err != ERR_NOT_FOUND) return err;
    if (!password_hash_imported(imported->password, &hash)) return ERR_INVALID;
    err = email_key(arena, imported->email, &key);
    if (err == ERR_INVALID) err = email_key_before(arena, imported->email, &key);
    TRY(err);
    user = user_new(imported->id, imported->email, key, &hash, object_id_time(imported->id));
    user.version = imported->version;
    TRY(user_add(tx, &user));
    *added = true;
done:
    return err;
}

enum err import_seller(struct request *rq, struct tx *tx, struct object_id *id)
{
    static const char message[] = "Seller must be the email address or id of an account";
    struct user user = {.version = 0};
    enum err err = user_named(tx, rq->arena, str_trim(request_body_text(rq, "seller")), &user);

    *id = user.id;
    if (err == ERR_INVALID)
        return request_reject_for(rq, "seller", message, "unreadable",
                                  "Write it as they signed up with it");
    if (err == ERR_NOT_FOUND)
        return request_reject_for(rq, "seller", message, "unknown_user",
                                  "Let them sign up first, or import users");
    if (err == OK && user.status == USER_BANNED)
        return request_reject_for(rq, "seller", message, "banned",
                                  "They were banned: name somebody else");
    return err;
}
