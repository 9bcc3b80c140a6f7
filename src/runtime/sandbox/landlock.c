/* runtime/sandbox/landlock.c: which files may be opened (Linux 5.13 and later; landlock(7)).
 *
 * The kernel's versions of Landlock know more and more; what this kernel does not know is left out.
 * The constants are here because the headers of Debian 12 end at version 2. */
#include "runtime/sandbox/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444 /* the same on every architecture */
#define SYS_landlock_add_rule       445
#define SYS_landlock_restrict_self  446
#endif

enum {
    FS_EXECUTE = 1 << 0,
    FS_WRITE_FILE = 1 << 1,
    FS_READ_FILE = 1 << 2,
    FS_READ_DIR = 1 << 3,
    FS_REMOVE_DIR = 1 << 4,
    FS_REMOVE_FILE = 1 << 5,
    FS_MAKE_DIR = 1 << 7,
    FS_MAKE_REG = 1 << 8,
    FS_MAKE_SOCK = 1 << 9,
    FS_REFER = 1 << 13,    /* version 2 */
    FS_TRUNCATE = 1 << 14, /* version 3 */
    NET_BIND_TCP = 1 << 0, /* version 4 */
    RULE_PATH = 1,
    RULE_PORT = 2,
    SCOPE_ABSTRACT_SOCKET = 1 << 0, /* version 6 */
    SCOPE_SIGNAL = 1 << 1,
    GET_VERSION = 1
};

#define FS_OF_FILES (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE)
#define FS_READ     (FS_READ_FILE | FS_READ_DIR)
#define FS_ALL_OURS                                                                                \
    (FS_READ | FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG |        \
     FS_MAKE_SOCK | FS_REFER | FS_TRUNCATE)

struct ruleset {
    uint64_t files, net, scoped;
};

struct path_rule {
    uint64_t access;
    int32_t fd;
} __attribute__((packed));

struct port_rule {
    uint64_t access, port;
};

/* What is read after the start: libraries of name services and of TLS, certificates, how names are
 * resolved, the time zone, the process's own metrics. */
static const char *const readable[] = {
    "/usr/lib",
    "/lib",
    "/lib64",
    "/usr/lib64",
    "/usr/local/lib",
    "/etc/ld.so.cache",
    "/etc/ssl",
    "/etc/pki",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
    "/etc/resolv.conf",
    "/run/systemd/resolve",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/passwd",
    "/etc/localtime",
    "/usr/share/zoneinfo",
    "/dev/urandom",
    "/proc/self",
    "/sys/devices/system/cpu",
};

/* The rights this version knows: 13 in the first, one more with each of 2, 3 and 5. */
static uint64_t known_files(int abi)
{
    uint64_t bits = abi >= 5 ? 16 : abi >= 3 ? 15 : abi == 2 ? 14 : 13;

    return (UINT64_C(1) << bits) - 1;
}

/* True also when there is nothing of that name. */
static bool allow(int rules, const char *path, uint64_t access, int abi)
{
    struct path_rule rule = {access & known_files(abi), open(path, O_PATH | O_CLOEXEC)};
    struct stat what;
    bool done;

    if (rule.fd < 0) return errno == ENOENT || errno == EACCES || errno == ENOTDIR;
    if (fstat(rule.fd, &what) == 0 && !S_ISDIR(what.st_mode)) rule.access &= FS_OF_FILES;
    done = syscall(SYS_landlock_add_rule, rules, RULE_PATH, &rule, 0) == 0;
    close(rule.fd);
    return done;
}

static bool allow_all(int rules, const struct sandbox_plan *plan, int abi)
{

    for (const char *const *folder = plan->folders; *folder; folder++)
        if (!allow(rules, *folder, FS_ALL_OURS, abi)) return false;
    for (size_t i = 0; i < sizeof readable / sizeof *readable; i++)
        if (!allow(rules, readable[i], FS_READ, abi)) return false;
    if (!allow(rules, "/dev/null", FS_READ_FILE | FS_WRITE_FILE, abi)) return false;
    for (size_t i = 0; abi >= 4 && i < sizeof plan->ports / sizeof *plan->ports; i++) {
        struct port_rule port = {NET_BIND_TCP, (uint64_t)plan->ports[i]};

        if (syscall(SYS_landlock_add_rule, rules, RULE_PORT, &port, 0) != 0) return false;
    }
    return true;
}

const char *landlock_restrict(const struct sandbox_plan *plan, int *abi)
{
    struct ruleset ruleset = {0, NET_BIND_TCP, SCOPE_ABSTRACT_SOCKET | SCOPE_SIGNAL};
    const char *why = NULL;
    size_t size = sizeof ruleset;
    int rules;

    *abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, GET_VERSION);
    if (*abi < 1) {
        *abi = 0;
        return sandbox_failed("the kernel has no Landlock");
    }
    ruleset.files = known_files(*abi);
    if (*abi < 6) size = 2 * sizeof(uint64_t);
    if (*abi < 4) size = sizeof(uint64_t);
    rules = (int)syscall(SYS_landlock_create_ruleset, &ruleset, size, 0);
    if (rules < 0) return sandbox_failed("landlock_create_ruleset");
    if (!allow_all(rules, plan, *abi))
        why = sandbox_failed("landlock_add_rule");
    else if (syscall(SYS_landlock_restrict_self, rules, 0) != 0)
        why = sandbox_failed("landlock_restrict_self");
    close(rules);
    return why;
}
