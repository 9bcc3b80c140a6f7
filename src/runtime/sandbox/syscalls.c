/* runtime/sandbox/syscalls.c: the system calls that still work, through libseccomp.
 *
 * A call that is not listed is told EPERM and logged (SIGSYS, whose handler puts the answer in
 * place), so that a forgotten one shows itself without taking the service down. Left out, above
 * all: running programs, new processes, tracing others, mounting, loading code into the kernel,
 * listening, memory that is written and run. */
#include "runtime/sandbox/parts.h"

#include "telemetry/log.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <ucontext.h>
#include <unistd.h>

#define REFUSALS_LOGGED 100 /* afterwards they are refused in silence */

static const char *const allowed[] = {
    /* memory */
    "brk",
    "munmap",
    "mremap",
    "madvise",
    "msync",
    "mincore",
    "membarrier",
    /* threads and time */
    "futex",
    "futex_waitv",
    "set_robust_list",
    "get_robust_list",
    "rseq",
    "set_tid_address",
    "gettid",
    "getpid",
    "getppid",
    "exit",
    "exit_group",
    "sched_yield",
    "sched_getaffinity",
    "sched_getparam",
    "sched_getscheduler",
    "getpriority",
    "getcpu",
    "restart_syscall",
    "clock_gettime",
    "clock_getres",
    "clock_nanosleep",
    "nanosleep",
    "gettimeofday",
    "time",
    "times",
    "getrusage",
    "sysinfo",
    "uname",
    "getrandom",
    "timerfd_create",
    "timerfd_settime",
    "timerfd_gettime",
    /* signals to itself */
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigtimedwait",
    "sigaltstack",
    /* who it is */
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "getgroups",
    "getrlimit",
    /* files; which ones is Landlock's matter */
    "read",
    "write",
    "readv",
    "writev",
    "pread64",
    "pwrite64",
    "preadv",
    "pwritev",
    "preadv2",
    "pwritev2",
    "open",
    "openat",
    "close",
    "close_range",
    "lseek",
    "fstat",
    "newfstatat",
    "stat",
    "lstat",
    "statx",
    "statfs",
    "fstatfs",
    "access",
    "faccessat",
    "faccessat2",
    "fsync",
    "fdatasync",
    "sync_file_range",
    "ftruncate",
    "truncate",
    "fallocate",
    "fadvise64",
    "copy_file_range",
    "sendfile",
    "unlink",
    "unlinkat",
    "rename",
    "renameat",
    "renameat2",
    "mkdir",
    "mkdirat",
    "rmdir",
    "fchmod",
    "chmod",
    "fchmodat",
    "fchown",
    "flock",
    "fcntl",
    "getdents64",
    "readlink",
    "readlinkat",
    "getcwd",
    "umask",
    "utimensat",
    "dup",
    "dup2",
    "dup3",
    "pipe2",
    "eventfd2",
    /* the network: connections, not listening; bind is for a question to the kernel's routing */
    "socketpair",
    "connect",
    "bind",
    "accept",
    "accept4",
    "getsockname",
    "getpeername",
    "setsockopt",
    "getsockopt",
    "sendto",
    "sendmsg",
    "sendmmsg",
    "recvfrom",
    "recvmsg",
    "recvmmsg",
    "shutdown",
    "poll",
    "ppoll",
    "select",
    "pselect6",
    "epoll_create",
    "epoll_create1",
    "epoll_ctl",
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
};

/* --- a call that is refused ---------------------------------------------------------------- */

static void put_result(void *context, long result)
{
    ucontext_t *machine = context;

#if defined(__x86_64__)
    machine->uc_mcontext.gregs[REG_RAX] = result;
#elif defined(__aarch64__)
    machine->uc_mcontext.regs[0] = (unsigned long long)result;
#else
    (void)machine, (void)result; /* see refusal() */
#endif
}

/* The kernel calls it in place of the system call: it may use what that may. log_event takes no
 * memory and no lock. */
static void on_refused(int number, siginfo_t *info, void *context)
{
    static atomic_int logged;
    int saved = errno;

    (void)number;
    if (atomic_fetch_add(&logged, 1) < REFUSALS_LOGGED) {
        log_event(LOG_ERROR, "boxoffice", "sandbox.refused", log_int("syscall", info->si_syscall),
                  log_text("advice", STR("a call the program does not need, or a forgotten one; "
                                         "SANDBOX=off lets it through")));
    }
    put_result(context, -EPERM);
    errno = saved;
}

static uint32_t refusal(void)
{
#if defined(__x86_64__) || defined(__aarch64__)
    return SCMP_ACT_TRAP;
#else
    return SCMP_ACT_ERRNO(EPERM);
#endif
}

/* --- the list ------------------------------------------------------------------------------ */

/* 0, also for a call this architecture does not have. */
static int filter_add(scmp_filter_ctx filter, uint32_t action, const char *name,
                      const struct scmp_arg_cmp *arguments, unsigned count)
{
    int number = seccomp_syscall_resolve_name(name);
    int result;

    if (number == __NR_SCMP_ERROR) return 0; /* younger than the library */
    result = seccomp_rule_add_array(filter, action, number, count, arguments);
    return result == -EDOM || result == -EOPNOTSUPP ? 0 : result;
}

/* Any of these values of one argument. */
static int add_values(scmp_filter_ctx filter, const char *name, unsigned argument,
                      const uint64_t *values, size_t count)
{
    int result = 0;

    for (size_t i = 0; i < count && result == 0; i++) {
        struct scmp_arg_cmp is = {argument, SCMP_CMP_EQ, values[i], 0};

        result = filter_add(filter, SCMP_ACT_ALLOW, name, &is, 1);
    }
    return result;
}

#define COUNT(array) (sizeof(array) / sizeof *(array))

static int add_narrow(scmp_filter_ctx filter)
{
    static const uint64_t families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};
    static const uint64_t controls[] = {FIONBIO, FIONREAD, FIOCLEX, TIOCOUTQ, TCGETS};
    static const uint64_t names[] = {PR_SET_NAME, PR_GET_NAME, 0x53564d41 /* PR_SET_VMA */};
    const struct scmp_arg_cmp data = {2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0};
    const struct scmp_arg_cmp code = {2, SCMP_CMP_MASKED_EQ, PROT_EXEC | PROT_WRITE, PROT_EXEC};
    const struct scmp_arg_cmp thread = {0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD};
    const struct scmp_arg_cmp self = {0, SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0};
    const struct scmp_arg_cmp own = {0, SCMP_CMP_EQ, 0, 0};
    const struct scmp_arg_cmp reads = {2, SCMP_CMP_EQ, 0, 0};
    int result = add_values(filter, "socket", 0, families, COUNT(families));

    if (!result) result = add_values(filter, "ioctl", 1, controls, COUNT(controls));
    if (!result) result = add_values(filter, "prctl", 0, names, COUNT(names));
    if (!result) result = filter_add(filter, SCMP_ACT_ALLOW, "mmap", &data, 1);
    if (!result) result = filter_add(filter, SCMP_ACT_ALLOW, "mmap", &code, 1);
    if (!result) result = filter_add(filter, SCMP_ACT_ALLOW, "mprotect", &data, 1);
    if (!result) result = filter_add(filter, SCMP_ACT_ALLOW, "clone", &thread, 1);
    if (!result) result = filter_add(filter, SCMP_ACT_ALLOW, "tgkill", &self, 1);
    if (!result) result = filter_add(filter, SCMP_ACT_ALLOW, "prlimit64", &reads, 1);
    /* One's own thread, and without privileges only downwards. */
    if (!result) result = filter_add(filter, SCMP_ACT_ALLOW, "sched_setattr", &own, 1);
    /* Its flags cannot be seen from here; the C library then uses clone. */
    if (!result) result = filter_add(filter, SCMP_ACT_ERRNO(ENOSYS), "clone3", NULL, 0);
    return result;
}

static int filter_fill(scmp_filter_ctx filter)
{
    int result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);

    if (!result) result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    for (size_t i = 0; i < COUNT(allowed) && !result; i++)
        result = filter_add(filter, SCMP_ACT_ALLOW, allowed[i], NULL, 0);
    return result ? result : add_narrow(filter);
}

const char *rings_refuse(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int result;

    if (!filter) return "libseccomp: out of memory";
    result = filter_add(filter, SCMP_ACT_ERRNO(ENOSYS), "io_uring_setup", NULL, 0);
    if (!result) result = seccomp_load(filter);
    seccomp_release(filter);
    if (!result) return NULL;
    errno = -result;
    return sandbox_failed("seccomp");
}

const char *syscalls_restrict(void)
{
    struct sigaction action = {.sa_sigaction = on_refused, .sa_flags = SA_SIGINFO | SA_NODEFER};
    scmp_filter_ctx filter = seccomp_init(refusal());
    int result;

    if (!filter) return "libseccomp: out of memory";
    if (sigaction(SIGSYS, &action, NULL) != 0) return sandbox_failed("SIGSYS");
    result = filter_fill(filter);
    if (!result) result = seccomp_load(filter);
    seccomp_release(filter);
    if (!result) return NULL;
    errno = -result;
    return sandbox_failed("seccomp");
}
