/* runtime/sandbox/privileges.c: nothing more than an ordinary process, for good. */
#include "runtime/sandbox/parts.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PRIVILEGED_PORTS 1024

const char *privileges_lock(void)
{
    static const struct rlimit none = {0, 0};

    if (setrlimit(RLIMIT_CORE, &none) != 0) return sandbox_failed("RLIMIT_CORE");
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return sandbox_failed("PR_SET_DUMPABLE");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return sandbox_failed("PR_SET_NO_NEW_PRIVS");
    return NULL;
}

/* A low port is bound after this; a superuser without privileges cannot open what others own. */
static uint32_t needed(const struct sandbox_plan *plan)
{
    uint32_t capabilities = 0;
    struct stat folder;

    for (size_t i = 0; i < sizeof plan->ports / sizeof *plan->ports; i++)
        if (plan->ports[i] > 0 && plan->ports[i] < PRIVILEGED_PORTS)
            capabilities |= 1u << CAP_NET_BIND_SERVICE;
    if (geteuid() == 0 && stat(plan->folders[0], &folder) == 0 && folder.st_uid != 0)
        capabilities |= 1u << CAP_DAC_OVERRIDE;
    return capabilities;
}

const char *capabilities_drop(const struct sandbox_plan *plan)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
    uint32_t keep = needed(plan);

    if (syscall(SYS_capget, &header, sets) != 0) return sandbox_failed("capget");
    if (sets[0].effective & 1u << CAP_SETPCAP)
        for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
            if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0)
                return sandbox_failed("PR_CAPBSET_DROP");
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    sets[0].effective &= keep;
    sets[0].permitted &= keep;
    sets[0].inheritable = 0;
    sets[1] = (struct __user_cap_data_struct){0, 0, 0};
    return syscall(SYS_capset, &header, sets) == 0 ? NULL : sandbox_failed("capset");
}
