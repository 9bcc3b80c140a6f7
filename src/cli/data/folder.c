/* cli/data/folder.c: the data folder's databases and its lock. */
#include "cli/data/folder.h"

#include "base/owner.h"
#include "bus/bus.h"
#include "cli/operate/packaged.h"
#include "runtime/membership.h"
#include "services/services.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

struct folder_lock {
    int fd;
};

const struct service_definition *folder_service(size_t index)
{
    return index == 0 ? &admin_service : cli_services[CLI_SERVICES - index];
}

const struct service_definition *folder_service_of(const char *name)
{
    for (size_t i = 0; i < FOLDER_DATABASES; i++)
        if (strcmp(folder_service(i)->name, name) == 0) return folder_service(i);
    return NULL;
}

enum err folder_members_check(const struct settings *settings, struct buf *why)
{
    const struct service_definition *all[FOLDER_DATABASES];

    for (size_t i = 0; i < FOLDER_DATABASES; i++)
        all[i] = folder_service(i);
    return members_check(settings, all, FOLDER_DATABASES, why);
}

bool cli_settings(const char *data, struct settings *out)
{
    char memory[1024];
    struct buf why = {.at = memory, .cap = sizeof memory, .max = sizeof memory};

    if (!packaged_settings(data ? data : DATA_DEFAULT, &why) ||
        !settings_from_environment(out, &why)) {
        cli_fail("%.*s", (int)why.len, memory);
        return false;
    }
    if (data) out->data = data;
    return true;
}

bool folder_settings(const char *data, struct settings *out)
{
    if (!cli_settings(data, out)) return false;
    if (!out->postgres_url && !out->broker) return true;
    cli_fail("this command is for embedded databases and events; with PostgreSQL or NATS use their "
             "own tools");
    return false;
}

/* The bus's database's lock says whose data folder it is (runtime/app.c). */
struct folder_lock *folder_lock(const struct settings *settings, struct buf *why)
{
    struct folder_lock *lock = calloc(1, sizeof *lock);
    char path[PATH_BYTES];

    if (!lock || !path_join(path, folder_of(settings), "bus.db.lock")) goto failed;
    lock->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock->fd < 0 || !owner_keep(lock->fd, path)) goto failed;
    if (flock(lock->fd, LOCK_EX | LOCK_NB) == 0) return lock;
    buf_printf(why, "%s is in use by another boxoffice process: stop it first",
               folder_of(settings));
    close(lock->fd);
    free(lock);
    return NULL;
failed:
    buf_printf(why, "cannot lock %s: %s", folder_of(settings), strerror(errno));
    free(lock);
    return NULL;
}

void folder_unlock(struct folder_lock *lock)
{
    if (!lock) return;
    close(lock->fd);
    free(lock);
}

bool folder_served(const struct settings *settings)
{
    char path[PATH_BYTES];
    int fd =
        path_join(path, folder_of(settings), "bus.db.lock") ? open(path, O_RDWR | O_CLOEXEC) : -1;
    bool served = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0;

    if (fd >= 0) close(fd);
    return served;
}
