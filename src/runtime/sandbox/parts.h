/* runtime/sandbox/parts.h: the parts of the sandbox. Each answers NULL when it is on, else a text
 * that says why it is not; constant or thread-local. */
#ifndef RUNTIME_SANDBOX_PARTS_H
#define RUNTIME_SANDBOX_PARTS_H

#include "runtime/sandbox/sandbox.h"

/* No core dump, no debugger of the same user, no privileges by exec. */
const char *privileges_lock(void);
/* All capabilities but what the plan's port and the first folder's owner make necessary. */
const char *capabilities_drop(const struct sandbox_plan *plan);
/* *abi: the kernel's version of Landlock. */
const char *landlock_restrict(const struct sandbox_plan *plan, int *abi);
const char *syscalls_restrict(void);
/* "what: strerror(errno)". */
const char *failed(const char *what);

#endif
