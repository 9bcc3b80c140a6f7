/* runtime/notify.c: see runtime/notify.h. */
#include "runtime/notify.h"

#include "base/str.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int notify_fd = -1;

void notify_open(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = getenv("NOTIFY_SOCKET");
    size_t len = path ? strlen(path) : 0;

    if (len < 2 || len >= sizeof address.sun_path || (*path != '/' && *path != '@')) return;
    memcpy(address.sun_path, path, len);
    if (*path == '@') address.sun_path[0] = '\0'; /* the abstract namespace */
    notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (notify_fd < 0) return;
    if (connect(notify_fd, (struct sockaddr *)&address,
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) == 0)
        return;
    notify_close();
}

void notify_close(void)
{
    if (notify_fd >= 0) close(notify_fd);
    notify_fd = -1;
}

void notify_send(const char *state)
{
    if (notify_fd >= 0) (void)send(notify_fd, state, strlen(state), MSG_NOSIGNAL);
}

int64_t notify_watchdog_ms(void)
{
    const char *text = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    int64_t us, owner;

    if (notify_fd < 0 || !text || !str_to_int64(str_of(text), &us) || us < 2000) return 0;
    if (pid && *pid && (!str_to_int64(str_of(pid), &owner) || owner != getpid())) return 0;
    return us / 2000;
}
