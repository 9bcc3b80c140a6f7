/* runtime/environment.c: see runtime/environment.h. */
#include "runtime/environment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_LEN_MAX 63
#define SUFFIX       "_FILE"
#define EDITS_MAX    2 /* letters that are missing, too many or others: a slip of the keyboard */

extern char **environ;

/* --- secrets in files ---------------------------------------------------------------------- */

static ssize_t read_whole(int fd, char *text, size_t size)
{
    size_t len = 0;
    ssize_t got;

    while (len < size && (got = read(fd, text + len, size - len)) != 0) {
        if (got < 0) return -1;
        len += (size_t)got;
    }
    return (ssize_t)len;
}

/* text: SECRET_FILE_MAX + 1 bytes. */
static bool read_secret(const char *variable, const char *path, char *text, struct buf *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read_whole(fd, text, SECRET_FILE_MAX + 1);

    if (len < 0) buf_printf(why, "%s: cannot read %s: %s", variable, path, strerror(errno));
    if (fd >= 0) close(fd);
    if (len > SECRET_FILE_MAX)
        buf_printf(why, "%s: %s is larger than %d bytes", variable, path, SECRET_FILE_MAX);
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        len--;
    if (!why->len && len == 0) buf_printf(why, "%s: %s is empty", variable, path);
    if (!why->len && memchr(text, '\0', (size_t)len))
        buf_printf(why, "%s: %s is not text", variable, path);
    if (!why->len) text[len] = '\0';
    return why->len == 0;
}

/* NAME, whose NAME_FILE is set. */
static bool take_file(const char *name, const char *variable, const char *path, struct buf *why)
{
    const char *there = getenv(name);
    char text[SECRET_FILE_MAX + 1];
    bool taken;

    if (there && *there) {
        buf_printf(why, "%s and %s are both set: leave one of them out", name, variable);
        return false;
    }
    taken = read_secret(variable, path, text, why) && setenv(name, text, 1) == 0 &&
            unsetenv(variable) == 0;
    explicit_bzero(text, sizeof text);
    return taken;
}

/* The length of a secret's name that the variable NAME_FILE is about; 0: it is about none. */
static size_t secret_of(const char *variable, const char *const *names)
{
    size_t len = strcspn(variable, "=");

    if (len <= strlen(SUFFIX) || len > NAME_LEN_MAX) return 0;
    len -= strlen(SUFFIX);
    if (strncmp(variable + len, SUFFIX "=", strlen(SUFFIX "=")) != 0) return 0;
    for (; *names; names++) {
        size_t wanted = strlen(*names);
        bool prefix = (*names)[wanted - 1] == '_';

        if (prefix ? len > wanted : len == wanted)
            if (strncmp(variable, *names, wanted) == 0) return len;
    }
    return 0;
}

bool environment_read_secrets(const char *const *names, struct buf *why)
{
    char **at = environ;

    while (at && *at) {
        size_t len = secret_of(*at, names);
        char name[NAME_LEN_MAX + 1], variable[NAME_LEN_MAX + 1];
        const char *path = *at + len + strlen(SUFFIX "=");

        if (!len || !*path) {
            at++;
            continue;
        }
        snprintf(name, sizeof name, "%.*s", (int)len, *at);
        snprintf(variable, sizeof variable, "%.*s" SUFFIX, (int)len, *at);
        if (!take_file(name, variable, path, why)) return false;
        at = environ; /* it has changed */
    }
    return true;
}

/* --- names that are nearly one ------------------------------------------------------------- */

/* Levenshtein's distance, or anything above EDITS_MAX. One row of the table at a time. */
static size_t edits(const char *a, size_t a_len, const char *b)
{
    size_t row[NAME_LEN_MAX + 1], b_len = strlen(b);

    if (a_len > NAME_LEN_MAX || b_len > NAME_LEN_MAX) return EDITS_MAX + 1;
    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);

            diagonal = row[j];
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[b_len];
}

static const char *nearest(const char *variable, size_t len, const char *const *names)
{
    const char *found = NULL;
    size_t least = EDITS_MAX + 1;

    for (; *names; names++) {
        size_t distance = edits(variable, len, *names);

        if (distance >= least) continue;
        least = distance;
        found = *names;
    }
    return least ? found : NULL;
}

void environment_misspelt(const char *const *names,
                          void (*found)(const char *variable, const char *name))
{
    for (char **at = environ; at && *at; at++) {
        size_t len = strcspn(*at, "=");
        const char *name = nearest(*at, len, names);
        char variable[NAME_LEN_MAX + 1];

        if (!name || len > NAME_LEN_MAX) continue;
        snprintf(variable, sizeof variable, "%.*s", (int)len, *at);
        found(variable, name);
    }
}
