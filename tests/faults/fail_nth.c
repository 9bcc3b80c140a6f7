/* tests/faults/fail_nth.c: preloaded into the real program, fails one call of the C library: the
 * n-th of its kind. FAIL_NTH=sync:3 in the environment. Kinds: write (to files), sync (fsync,
 * fdatasync), open (files for writing), memory (malloc, calloc, realloc), connect, send (to
 * sockets). Calls are counted from the start, or with FAIL_NTH_LATER from SIGRTMIN on. When the
 * call has failed, a mark is left in the file FAIL_NTH_MARK names. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { WRITE, SYNC, OPEN, MEMORY, CONNECT, SEND, KINDS };

static const char *const names[KINDS] = {"write", "sync", "open", "memory", "connect", "send"};
static atomic_long left[KINDS]; /* calls until the one that fails; 0: never */
static atomic_int ready;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

static void on_signal(int number)
{
    (void)number;
    atomic_store(&ready, 1);
}

__attribute__((constructor)) static void begin(void)
{
    const char *wanted = getenv("FAIL_NTH");
    const char *colon = wanted ? strchr(wanted, ':') : NULL;

    for (int kind = 0; colon && kind < KINDS; kind++)
        if (strncmp(wanted, names[kind], (size_t)(colon - wanted)) == 0)
            atomic_store(&left[kind], atol(colon + 1));
    unsetenv("LD_PRELOAD"); /* not for what the program may start */
    if (getenv("FAIL_NTH_LATER"))
        signal(SIGRTMIN, on_signal); /* the program ignores SIGUSR1 and SIGUSR2 */
    else
        atomic_store(&ready, 1);
}

static void leave_mark(void)
{
    const char *path = getenv("FAIL_NTH_MARK");
    long fd = path ? syscall(SYS_openat, AT_FDCWD, path, O_CREAT | O_WRONLY, 0600) : -1;

    if (fd >= 0) syscall(SYS_close, fd);
}

/* True for the one call that is to fail. */
static int is_the_one(enum kind kind, int error)
{
    if (!atomic_load(&ready) || atomic_load(&left[kind]) <= 0) return 0;
    if (atomic_fetch_sub(&left[kind], 1) != 1) return 0;
    leave_mark();
    errno = error;
    return 1;
}

static int is_file(int fd)
{
    struct stat about;

    return fd > 2 && fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
}

static int is_socket(int fd)
{
    struct stat about;

    return fd > 2 && fstat(fd, &about) == 0 && S_ISSOCK(about.st_mode);
}

static int write_fails(int fd)
{
    if (atomic_load(&left[WRITE]) > 0 && is_file(fd)) return is_the_one(WRITE, EIO);
    return atomic_load(&left[SEND]) > 0 && is_socket(fd) && is_the_one(SEND, ECONNRESET);
}

#define REAL(name, type) ((type)dlsym(RTLD_NEXT, name))

ssize_t write(int fd, const void *bytes, size_t size)
{
    return write_fails(fd) ? -1 : syscall(SYS_write, fd, bytes, size);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    return write_fails(fd) ? -1 : syscall(SYS_writev, fd, parts, count);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at)
{
    return write_fails(fd) ? -1 : syscall(SYS_pwrite64, fd, bytes, size, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at)
{
    return write_fails(fd) ? -1 : syscall(SYS_pwrite64, fd, bytes, size, at);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    return is_the_one(SEND, ECONNRESET) ? -1 : syscall(SYS_sendmsg, fd, message, flags);
}

int fsync(int fd)
{
    return is_the_one(SYNC, EIO) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return is_the_one(SYNC, EIO) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int connect(int fd, const struct sockaddr *address, socklen_t size)
{
    return is_the_one(CONNECT, ECONNREFUSED) ? -1 : (int)syscall(SYS_connect, fd, address, size);
}

static int open_any(const char *path, int flags, mode_t mode)
{
    if (flags & (O_WRONLY | O_RDWR) && is_the_one(OPEN, EMFILE)) return -1;
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    va_list arguments;
    mode_t mode;

    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
    return open_any(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list arguments;
    mode_t mode;

    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
    return open_any(path, flags, mode);
}

void *malloc(size_t size)
{
    return is_the_one(MEMORY, ENOMEM) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return is_the_one(MEMORY, ENOMEM) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return is_the_one(MEMORY, ENOMEM) ? NULL : __libc_realloc(old, size);
}
