/* identity/key_file.c: the session keys: from JWT_KEY, or made here and kept in DATA/jwt.key. */
#include "identity/key_file.h"

#include "base/hex.h"
#include "base/owner.h"
#include "base/random.h"

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
    fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) return false;
    ok = owner_keep(fd, temporary) && write(fd, text.at, text.len) == (ssize_t)text.len &&
         fsync(fd) == 0;
    close(fd);
    return ok && rename(temporary, path) == 0;
}

/* 256 random bits as hex digits, then ",old" unless that is empty. */
static bool make_keys(char text[KEY_TEXT_MAX], struct str old, struct str *out)
{
    struct buf keys = {.at = text, .cap = KEY_TEXT_MAX, .max = KEY_TEXT_MAX};
    unsigned char bytes[32];
    char hex[2 * sizeof bytes + 1];

    random_fill(&random_system, bytes, sizeof bytes);
    hex_encode(bytes, sizeof bytes, hex);
    buf_append(&keys, str_of(hex));
    explicit_bzero(hex, sizeof hex);
    explicit_bzero(bytes, sizeof bytes);
    if (old.len) buf_char(&keys, ',');
    buf_append(&keys, old);
    *out = buf_str(&keys);
    return !keys.failed;
}

static bool key_path(const struct key_source *source, char path[4096], struct buf *why)
{
    if (snprintf(path, 4096, "%s/jwt.key", source->data) < 4096) return true;
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

static void refuse_key(const char *path, struct buf *why)
{
    buf_printf(why,
               "%s must hold one key of at least %d bytes, or two with a comma between them; "
               "remove it to have one made",
               path, SESSION_KEY_MIN);
}

struct session_keys *session_keys_open(const struct key_source *source, struct buf *why)
{
    char path[4096], text[KEY_TEXT_MAX];
    struct session_keys *keys;
    struct str key;

    if (source->jwt_key) return session_keys_new(str_of(source->jwt_key));
    if (!key_path(source, path, why) || !load_key(path, text, &key, why)) return NULL;
    keys = session_keys_new(key);
    explicit_bzero(text, sizeof text);
    if (!keys) refuse_key(path, why);
    return keys;
}

bool session_keys_reload(const struct key_source *source, struct session_keys *keys,
                         struct buf *why)
{
    char path[4096], text[KEY_TEXT_MAX];
    struct str key;
    bool taken;

    if (source->jwt_key) return true;
    if (!key_path(source, path, why)) return false;
    if (!read_key(path, text, &key)) {
        buf_printf(why, "cannot read %s: %s", path, strerror(errno));
        return false;
    }
    taken = session_keys_set(keys, key);
    explicit_bzero(text, sizeof text);
    if (!taken) refuse_key(path, why);
    return taken;
}

/* --- rotation ------------------------------------------------------------------------------ */

/* The one of the file's keys that signs. */
static struct str signing_key(struct str text)
{
    struct str keys[SESSION_KEYS_MAX];

    (void)session_keys_split(text, keys);
    return keys[0];
}

enum err session_keys_rotate(const struct key_source *source, struct session_keys *keys,
                             struct buf *why)
{
    char path[4096], old_text[KEY_TEXT_MAX], new_text[KEY_TEXT_MAX];
    struct str old, fresh;
    enum err err = OK;

    if (source->jwt_key) {
        buf_append(why, STR("the key is in JWT_KEY: put a new one in front of it, with a comma, "
                            "and start again"));
        return ERR_CONFLICT;
    }
    if (!key_path(source, path, why) || !load_key(path, old_text, &old, why)) return ERR_IO;
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
