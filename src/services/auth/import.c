/* services/auth/import.c: people of the Node application, with the passwords they have. */
#include "services/import.h"

#include "events/events.h"
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
    TRY(email_key(arena, imported->email, &key));
    user = user_new(imported->id, imported->email, key, &hash, object_id_time_ms(imported->id));
    user.version = imported->version;
    TRY(user_insert(tx, &user));
    TRY(publish_user_created(tx, &(struct user_created){.id = user.id,
                                                        .version = user.version,
                                                        .email = user.email,
                                                        .status = user_status_text(user.status)}));
    *added = true;
done:
    return err;
}
