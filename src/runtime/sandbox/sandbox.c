/* runtime/sandbox/sandbox.c: the parts in their order, and what the log says about them. */
#include "runtime/sandbox/parts.h"

#include "telemetry/log.h"

#include <stdio.h>

static struct {
    const char *privileges, *capabilities, *files, *rings;
    char reasons[4][128]; /* copies: the parts share one buffer */
    int landlock_abi;
} state;

/* Sanitizers trace, map and look into files as no program does by itself. */
const char *sandbox_missing(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return "built with a sanitizer";
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
    return "built with a sanitizer";
#endif
#endif
    return NULL;
}

static const char *sandbox_keep(int part, const char *reason)
{
    if (!reason) return NULL;
    snprintf(state.reasons[part], sizeof state.reasons[part], "%s", reason);
    return state.reasons[part];
}

void sandbox_begin(const struct sandbox_plan *plan)
{
    state.capabilities = sandbox_keep(1, capabilities_drop(plan)); /* while there is the right to */
    state.privileges = sandbox_keep(0, privileges_lock());
    state.files = sandbox_keep(2, landlock_restrict(plan, &state.landlock_abi));
    state.rings = sandbox_keep(3, rings_refuse());
}

static struct str part_text(const char *reason)
{
    return reason ? str_of(reason) : STR("on");
}

void sandbox_finish(void)
{
    const char *syscalls = state.rings ? state.rings : syscalls_restrict();
    bool whole = !state.privileges && !state.capabilities && !state.files && !syscalls;

    log_event(whole ? LOG_INFO : LOG_WARN, "boxoffice", "sandbox",
              log_text("privileges", part_text(state.privileges)),
              log_text("capabilities", part_text(state.capabilities)),
              log_text("landlock", part_text(state.files)),
              log_int("landlockAbi", state.landlock_abi), log_text("seccomp", part_text(syscalls)));
}
