/* runtime/key_rotation.c: a fresh session key while nobody serves. */
#include "runtime/key_rotation.h"

#include "runtime/database.h"

#include <stdlib.h>
#include <unistd.h>

static enum err audit_rotation(struct db *db, struct str kid)
{
    struct object_id_source ids;
    struct env env = {.random = &random_system, .ids = &ids};
    char memory[32];
    struct buf uid = {.at = memory, .cap = sizeof memory, .max = sizeof memory};
    struct tx *tx;
    enum err err;

    object_id_source_init(&ids, env.random);
    buf_printf(&uid, "uid:%lld", (long long)getuid());
    err = tx_begin(db, &tx);
    if (err) return err;
    tx_item_begin(tx, clock_wall(&clock_system));
    err = audit_put(&env, tx,
                    &(struct audit){.action = "keys.rotated",
                                    .actor = buf_str(&uid),
                                    .subject = kid,
                                    .address = STR("local")});
    if (err == OK) err = tx_item_end(tx, true);
    if (err == OK) return tx_commit(tx);
    tx_rollback(tx);
    return err;
}

enum err session_keys_rotate_alone(const struct settings *settings,
                                   const struct service_definition *admin, struct session_kid *kid,
                                   struct buf *why)
{
    struct key_source source = settings_key_source(settings);
    struct session_keys *keys = NULL;
    char *dsn = NULL;
    struct db *db = NULL;
    enum err err;

    TRY(service_dsn(settings, admin->name, &dsn, why));
    TRY(db_open(dsn, DB_WRITER, &db, why));
    TRY(service_migrate(db, admin, clock_wall(&clock_system), why));
    TRY(session_keys_rotate(&source, NULL, why));
    keys = session_keys_open(&source, why);
    if (!keys) err = ERR_IO;
    TRY(err);
    *kid = session_keys_kid(keys);
    TRY(audit_rotation(db, str_of(kid->text)));
done:
    session_keys_free(keys);
    db_close(db);
    free(dsn);
    if (err && why->len == 0) buf_append(why, str_of(err_message(err)));
    return err;
}
