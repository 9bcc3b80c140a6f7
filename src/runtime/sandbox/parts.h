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
/* No io_uring, as if the kernel had none: what goes through its rings passes no list of system
 * calls. Before libuv opens an event loop, for from 1.45 on it asks for one then, and does without
 * when there is none. In the main thread, before there is another one. */
const char *rings_refuse(void);
/* After rings_refuse. */
const char *syscalls_restrict(void);
/* "what: strerror(errno)". */
const char *sandbox_failed(const char *what);

#endif
