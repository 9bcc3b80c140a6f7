/* Preloaded into the program by test_sandbox.py: once everything serves, its main thread waits for
 * a signal, and that call is taken over here to try what an intruder in the process would. Each try
 * is a line on standard error: "try NAME: RESULT ERRNO". */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static void told(const char *name, long result)
{
    int error = result < 0 ? errno : 0;

    fprintf(stderr, "try %s: %ld %s\n", name, result, error ? strerrorname_np(error) : "OK");
}

static long try_open(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);

    if (fd >= 0) close(fd);
    return fd < 0 ? -1 : 0;
}

static long try_bind(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(47999)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    long result = bind(fd, (struct sockaddr *)&any, sizeof any);

    close(fd);
    return result;
}

static long try_listen(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    long result = listen(fd, 1);

    close(fd);
    return result;
}

static long try_name(void)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    int result = getaddrinfo("localhost", "80", &hints, &found);

    if (found) freeaddrinfo(found);
    return result;
}

static void try_all(void)
{
    char *const words[] = {"true", NULL}, *const nothing[] = {NULL};
    const char *data = getenv("SHIM_DATA");
    char path[4096];

    told("execve", execve("/bin/true", words, nothing));
    told("ptrace", ptrace(PTRACE_TRACEME, 0, 0, 0));
    told("fork", syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
    told("unshare", unshare(CLONE_NEWUSER));
    told("mount", mount("none", "/mnt", "tmpfs", 0, NULL));
    told("kill", syscall(SYS_kill, getppid(), 0));
    told("bpf", syscall(SYS_bpf, 0, NULL, 0));
    told("io_uring", syscall(SYS_io_uring_setup, 1, NULL));
    told("raw-socket", socket(AF_PACKET, SOCK_RAW, 0));
    told("listen", try_listen());
    told("bind", try_bind());
    told("written-and-run", mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
                                ? -1
                                : 0);
    told("read-shadow", try_open("/etc/shadow", O_RDONLY));
    told("read-etc", try_open("/etc/hostname", O_RDONLY));
    told("read-root", try_open("/", O_RDONLY | O_DIRECTORY));
    told("write-tmp", try_open("/tmp/boxoffice-shim", O_WRONLY | O_CREAT));
    snprintf(path, sizeof path, "%s/shim", data ? data : ".");
    told("write-data", try_open(path, O_WRONLY | O_CREAT));
    told("remove-data", unlink(path));
    told("name", try_name());
    told("certificates", try_open("/etc/ssl", O_RDONLY | O_DIRECTORY));
    fprintf(stderr, "tried all\n");
}

int sigwait(const sigset_t *set, int *number)
{
    int (*real)(const sigset_t *, int *) = NULL;
    void *found = dlsym(RTLD_NEXT, "sigwait");

    memcpy(&real, &found, sizeof real);
    try_all();
    return real(set, number);
}
