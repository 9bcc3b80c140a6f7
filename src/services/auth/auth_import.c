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
