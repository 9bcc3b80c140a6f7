/* runtime/key.c: the session key: from JWT_KEY, or made once and kept in DATA/jwt.key. */
#include "runtime/key.h"

#include "base/random.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
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
static bool make_key(const char *path)
{
    char temporary[4096];
    unsigned char bytes[32];
    char hex[2 * sizeof bytes + 1];
    bool ok;
    int fd;

    if (snprintf(temporary, sizeof temporary, "%s.new", path) >= (int)sizeof temporary)
        return false;
    random_fill(&random_system, bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    hex[sizeof hex - 1] = '\n';
    fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return false;
    ok = write(fd, hex, sizeof hex) == (ssize_t)sizeof hex && fsync(fd) == 0;
    explicit_bzero(bytes, sizeof bytes);
    explicit_bzero(hex, sizeof hex);
    close(fd);
    return ok && rename(temporary, path) == 0;
}

struct session_keys *session_keys_open(const struct settings *settings, struct buf *why)
{
    char path[4096], text[KEY_TEXT_MAX];
    struct session_keys *keys;
    struct str key;

    if (settings->jwt_key) return session_keys_new(str_of(settings->jwt_key));
    if (snprintf(path, sizeof path, "%s/jwt.key", settings->data) >= (int)sizeof path) {
        buf_append(why, STR("--data: the path is too long"));
        return NULL;
    }
    if (!read_key(path, text, &key)) {
        if (errno == ENOENT && make_key(path) && read_key(path, text, &key)) {
            /* made just now */
        } else {
            buf_printf(why, "cannot read or make %s: %s", path, strerror(errno));
            return NULL;
        }
    }
    keys = session_keys_new(key);
    explicit_bzero(text, sizeof text);
    if (!keys)
        buf_printf(why, "%s must hold at least %d bytes; remove it to have one made", path,
                   SESSION_KEY_MIN);
    return keys;
}
