/* cli/operate/packaged.c: the settings of the packaged service (deploy/systemd): an operator's
 * command on its data folder must see what the server sees, or it looks at other databases than the
 * server. */
#include "cli/operate/packaged.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define DATA_FOLDER "/var/lib/boxoffice"
#define CONF_FOLDER "/etc/boxoffice"
#define LINE_MAX    8192
#define PATH_BYTES  4096

/* As systemd reads it (systemd.exec(5), EnvironmentFile=): NAME=VALUE, the value also in quotes. */
static void take_line(char *line)
{
    struct str text = str_trim(str_of(line)), key, value;
    char *equals = memchr(text.at, '=', text.len);
    char name[128], copy[LINE_MAX];

    if (text.len == 0 || *text.at == '#' || *text.at == ';' || !equals) return;
    value = str_trim((struct str){equals + 1, (size_t)(text.at + text.len - equals - 1)});
    if (value.len >= 2 && (*value.at == '"' || *value.at == '\'') &&
        value.at[value.len - 1] == *value.at) {
        value.at++;
        value.len -= 2;
    }
    key = str_trim((struct str){text.at, (size_t)(equals - text.at)});
    snprintf(name, sizeof name, "%.*s", (int)key.len, key.at);
    snprintf(copy, sizeof copy, "%.*s", (int)value.len, value.at);
    (void)setenv(name, copy, 0);
}

static bool take_file(const char *name, struct buf *why)
{
    char path[PATH_BYTES], line[LINE_MAX];
    FILE *file;

    if (snprintf(path, sizeof path, CONF_FOLDER "/%s.conf", name) >= (int)sizeof path) return true;
    file = fopen(path, "re");
    if (!file && errno == ENOENT) return true;
    if (!file) {
        buf_printf(why, "cannot read %s: %s: run this as root, or as the user boxoffice", path,
                   strerror(errno));
        return false;
    }
    while (fgets(line, sizeof line, file))
        take_line(line);
    fclose(file);
    return true;
}

bool packaged_settings(const char *data, struct buf *why)
{
    char *folder = realpath(data, NULL);
    const char *rest = NULL;
    bool ok = true;

    if (folder && strncmp(folder, DATA_FOLDER, strlen(DATA_FOLDER)) == 0)
        rest = folder + strlen(DATA_FOLDER);
    if (rest && *rest == '/') ok = take_file(rest + 1, why); /* an instance's own come first */
    if (rest && (!*rest || *rest == '/')) ok = ok && take_file("boxoffice", why);
    free(folder);
    return ok;
}
