/* runtime/sandbox/sandbox.h: what the process gives up before it serves anybody, so that whoever
 * took it over could do little with it.
 *
 * Linux alone. Each part is used where the kernel has it, and the log says what is on and why the
 * rest is not. Nothing here is needed for the program to work. */
#ifndef RUNTIME_SANDBOX_H
#define RUNTIME_SANDBOX_H

#include "base/str.h"

struct sandbox_plan {
    const char *folders[3]; /* the only ones that may be written in; NULL-terminated */
    int ports[2];           /* the only TCP ports that may be bound; 0: any, the kernel picks it */
};

/* No new privileges, no capabilities, no core dumps, no other process's memory, no files but those
 * of the plan, libraries, certificates and what resolving names takes (Landlock). In the main
 * thread, before there is another one: threads inherit it. The folders must exist. */
void sandbox_begin(const struct sandbox_plan *plan);

/* The list of system calls that still work (seccomp), for all threads. After the sockets listen. A
 * call that is not on it fails with EPERM and is logged as sandbox.refused. Logs what is on. */
void sandbox_finish(void);

/* Why the program as it was built has none; NULL: it has one. */
const char *sandbox_missing(void);

#endif
