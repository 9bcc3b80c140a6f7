/* runtime/key.c: the session keys: from JWT_KEY, or made here and kept in DATA/jwt.key. */
#include "runtime/key.h"

#include "base/random.h"
#include "runtime/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_TEXT_MAX 4096

static bool read_key(const char *path, char text[KEY_TEXT_MAX], struct str *key)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got;

    if (fd < 0) return false;
    got = read(fd, text, KEY_TEXT_MAX);
    close(fd);
    if (got < 0) return false;
    *key = str_trim((struct str){text, (size_t)got});
    return true;
}

/* Written under another name, flushed, then renamed: a key file is never half there. */
static bool write_key(const char *path, struct str text)
{
    char temporary[4096 + 8];
    bool ok;
    int fd;

    snprintf(temporary, sizeof temporary, "%s.new", path);
    fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return false;
    ok = write(fd, text.at, text.len) == (ssize_t)text.len && fsync(fd) == 0;
    close(fd);
    return ok && rename(temporary, path) == 0;
}

/* 256 random bits as hex digits, then ",old" unless that is empty. */
static bool make_keys(char text[KEY_TEXT_MAX], struct str old, struct str *out)
{
    struct buf keys = {.at = text, .cap = KEY_TEXT_MAX, .max = KEY_TEXT_MAX};
    unsigned char bytes[32];

    random_fill(&random_system, bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        buf_printf(&keys, "%02x", bytes[i]);
    explicit_bzero(bytes, sizeof bytes);
    if (old.len) buf_char(&keys, ',');
    buf_append(&keys, old);
    *out = buf_str(&keys);
    return !keys.failed;
}

static bool key_path(const struct settings *settings, char path[4096], struct buf *why)
{
    if (snprintf(path, 4096, "%s/jwt.key", settings->data) < 4096) return true;
    buf_append(why, STR("--data: the path is too long"));
    return false;
}

/* What the file holds, made when it is not there. */
static bool load_key(const char *path, char text[KEY_TEXT_MAX], struct str *key, struct buf *why)
{
    if (read_key(path, text, key)) return true;
    if (errno == ENOENT && make_keys(text, STR(""), key) && write_key(path, *key)) return true;
    buf_printf(why, "cannot read or make %s: %s", path, strerror(errno));
    return false;
}

struct session_keys *session_keys_open(const struct settings *settings, struct buf *why)
{
    char path[4096], text[KEY_TEXT_MAX];
    struct session_keys *keys;
    struct str key;

    if (settings->jwt_key) return session_keys_new(str_of(settings->jwt_key));
    if (!key_path(settings, path, why) || !load_key(path, text, &key, why)) return NULL;
    keys = session_keys_new(key);
    explicit_bzero(text, sizeof text);
    if (!keys)
        buf_printf(why,
                   "%s must hold one key of at least %d bytes, or two with a comma between them; "
                   "remove it to have one made",
                   path, SESSION_KEY_MIN);
    return keys;
}

/* --- rotation ------------------------------------------------------------------------------ */

/* The one of the file's keys that signs. */
static struct str signing_key(struct str text)
{
    struct str keys[SESSION_KEYS_MAX];

    (void)session_keys_split(text, keys);
    return keys[0];
}

enum err session_keys_rotate(const struct settings *settings, struct session_keys *keys,
                             struct buf *why)
{
    char path[4096], old_text[KEY_TEXT_MAX], new_text[KEY_TEXT_MAX];
    struct str old, fresh;
    enum err err = OK;

    if (settings->jwt_key) {
        buf_append(why, STR("the key is in JWT_KEY: put a new one in front of it, with a comma, "
                            "and start again"));
        return ERR_CONFLICT;
    }
    if (!key_path(settings, path, why) || !load_key(path, old_text, &old, why)) return ERR_IO;
    if (!make_keys(new_text, signing_key(old), &fresh) || !write_key(path, fresh)) {
        buf_printf(why, "cannot write %s: %s", path, strerror(errno));
        err = ERR_IO;
    } else if (keys && !session_keys_set(keys, fresh)) {
        buf_append(why, STR("no memory for the new key; it counts from the next start on"));
        err = ERR_MEMORY;
    }
    explicit_bzero(old_text, sizeof old_text);
    explicit_bzero(new_text, sizeof new_text);
    return err;
}

static enum err audit_rotation(struct db *db, struct str kid)
{
    struct env env = {.random = &random_system};
    char memory[32];
    struct buf uid = {.at = memory, .cap = sizeof memory, .max = sizeof memory};
    struct tx *tx;
    enum err err;

    object_id_source_init(&env.ids, env.random);
    buf_printf(&uid, "uid:%lld", (long long)getuid());
    err = tx_begin(db, &tx);
    if (err) return err;
    tx_item_begin(tx, clock_now_ms(&clock_system));
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

enum err session_keys_rotate_alone(const struct settings *settings, struct session_kid *kid,
                                   struct buf *why)
{
    struct session_keys *keys = NULL;
    char *place = NULL;
    struct db *db = NULL;
    enum err err;

    TRY(service_place(settings, bus_service.name, &place, why));
    TRY(db_open(place, DB_WRITER, &db, why));
    TRY(service_migrate(db, &bus_service, clock_now_ms(&clock_system), why));
    TRY(session_keys_rotate(settings, NULL, why));
    keys = session_keys_open(settings, why);
    if (!keys) err = ERR_IO;
    TRY(err);
    *kid = session_keys_kid(keys);
    TRY(audit_rotation(db, str_of(kid->text)));
done:
    session_keys_free(keys);
    db_close(db);
    free(place);
    if (err && why->len == 0) buf_append(why, str_of(err_message(err)));
    return err;
}
