/* http/server/listening_socket.c: listening sockets, made by hand because libuv knows no
 * SO_REUSEPORT here. */
#include "http/server/listening_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 4096

static _Thread_local char reason[256];

static int listening_failed(int fd, const char *what, const char *where, const char **why)
{
    snprintf(reason, sizeof reason, "cannot %s %s: %s", what, where, strerror(errno));
    *why = reason;
    if (fd >= 0) close(fd);
    return -1;
}

/* --- TCP ----------------------------------------------------------------------------------- */

union socket_name {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static bool socket_name_resolve(const char *host, int port, union socket_name *out, socklen_t *size)
{
    memset(out, 0, sizeof *out);
    if (strcmp(host, "localhost") == 0) host = "127.0.0.1";
    if (inet_pton(AF_INET, host, &out->v4.sin_addr) == 1) {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons((uint16_t)port);
        *size = sizeof out->v4;
        return true;
    }
    if (inet_pton(AF_INET6, host, &out->v6.sin6_addr) != 1) return false;
    out->v6.sin6_family = AF_INET6;
    out->v6.sin6_port = htons((uint16_t)port);
    *size = sizeof out->v6;
    return true;
}

static int socket_bind(const union socket_name *name, socklen_t size, bool share)
{
    int on = 1, off = 0, send_bytes = SOCKET_SEND_BYTES / 2, saved; /* the kernel doubles it */
    unsigned unread_ms = SOCKET_UNREAD_MS;
    int fd = socket(name->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (share) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (name->any.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    /* Accepted sockets inherit these. The kernel would keep megabytes for one that does not read.
     */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_bytes, sizeof send_bytes);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unread_ms, sizeof unread_ms);
    if (bind(fd, &name->any, size) == 0) return fd;
    saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static int socket_bound_port(int fd)
{
    union socket_name name;
    socklen_t size = sizeof name;

    if (getsockname(fd, &name.any, &size) != 0) return -1;
    return ntohs(name.any.sa_family == AF_INET6 ? name.v6.sin6_port : name.v4.sin_port);
}

int listening_tcp(const char *host, int *port, bool share, const char **why)
{
    union socket_name name;
    socklen_t size;
    char where[80];
    int fd;

    snprintf(where, sizeof where, "%s:%d", host, *port);
    errno = EINVAL;
    if (!socket_name_resolve(host, *port, &name, &size))
        return listening_failed(-1, "listen on", where, why);
    fd = socket_bind(&name, size, share);
    if (fd < 0 || listen(fd, BACKLOG) != 0) return listening_failed(fd, "listen on", where, why);
    *port = socket_bound_port(fd);
    if (*port <= 0) return listening_failed(fd, "listen on", where, why);
    return fd;
}

bool listening_busy(const char *setting, const char **why)
{
    static _Thread_local char named[sizeof reason + 128];

    snprintf(named, sizeof named, "%s: %s; give it another ADDRESS:PORT, port 0 takes a free one",
             setting, *why);
    *why = named;
    return false;
}

bool listening_port_free(const char *host, int port, const char **why)
{
    union socket_name name;
    socklen_t size;
    char where[80];
    int fd;

    snprintf(where, sizeof where, "%s:%d", host, port);
    errno = EINVAL;
    fd = socket_name_resolve(host, port, &name, &size) ? socket_bind(&name, size, false) : -1;
    if (fd < 0) return listening_failed(-1, "listen on", where, why) == 0;
    close(fd);
    return true;
}

/* --- the control socket -------------------------------------------------------------------- */

/* A path may be longer than sun_path: then its folder is named by an open descriptor. */
static int control_name(const char *path, struct sockaddr_un *name)
{
    const char *slash = strrchr(path, '/');
    char *folder;
    int fd;

    memset(name, 0, sizeof *name);
    name->sun_family = AF_UNIX;
    folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    if (!folder) return -1;
    fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    if (fd < 0) return -1;
    if ((size_t)snprintf(name->sun_path, sizeof name->sun_path, "%s", path) < sizeof name->sun_path)
        return fd;
    if ((size_t)snprintf(name->sun_path, sizeof name->sun_path, "/proc/self/fd/%d/%s", fd,
                         slash ? slash + 1 : path) < sizeof name->sun_path)
        return fd;
    close(fd);
    errno = ENAMETOOLONG;
    return -1;
}

/* True when somebody still answers there. */
static bool control_alive(const struct sockaddr_un *name)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool alive;

    if (fd < 0) return false;
    alive = connect(fd, (const struct sockaddr *)name, sizeof *name) == 0 || errno == EAGAIN;
    close(fd);
    return alive;
}

int listening_control(const char *path, const char **why)
{
    struct sockaddr_un name;
    struct stat there;
    int folder = control_name(path, &name), fd = -1;

    if (folder < 0) return listening_failed(-1, "make control socket", path, why);
    if (lstat(name.sun_path, &there) == 0) {
        errno = EADDRINUSE;
        if (!S_ISSOCK(there.st_mode) || control_alive(&name)) goto failed;
        unlink(name.sun_path);
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&name, sizeof name) != 0) goto failed;
    /* Nobody can connect before listen, so the mode is right before it matters. */
    if (chmod(name.sun_path, 0600) != 0 || listen(fd, BACKLOG) != 0) goto failed;
    close(folder);
    return fd;
failed:
    listening_failed(fd, "make control socket", path, why);
    close(folder);
    return -1;
}

void listening_control_remove(const char *path)
{
    struct sockaddr_un name;
    int folder = control_name(path, &name);

    if (folder < 0) return;
    unlink(name.sun_path);
    close(folder);
}
