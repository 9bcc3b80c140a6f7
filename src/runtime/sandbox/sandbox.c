/* runtime/sandbox/sandbox.c: the parts in their order, and what the log says about them. */
#include "runtime/sandbox/parts.h"

#include "base/log.h"

#include <errno.h>
#include <stdio.h>

static struct {
    const char *privileges, *capabilities, *files;
    char reasons[3][128]; /* copies: the parts share one buffer */
    int landlock_abi;
} state;

const char *failed(const char *what)
{
    static _Thread_local char text[128];

    snprintf(text, sizeof text, "%s: %s", what, strerror(errno));
    return text;
}

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

static const char *keep(int part, const char *reason)
{
    if (!reason) return NULL;
    snprintf(state.reasons[part], sizeof state.reasons[part], "%s", reason);
    return state.reasons[part];
}

void sandbox_begin(const struct sandbox_plan *plan)
{
    state.capabilities = keep(1, capabilities_drop(plan)); /* while there is the right to */
    state.privileges = keep(0, privileges_lock());
    state.files = keep(2, landlock_restrict(plan, &state.landlock_abi));
}

static struct str told(const char *reason)
{
    return reason ? str_of(reason) : STR("on");
}

void sandbox_finish(void)
{
    const char *syscalls = syscalls_restrict();
    bool whole = !state.privileges && !state.capabilities && !state.files && !syscalls;

    log_event(whole ? LOG_INFO : LOG_WARN, "boxoffice", "sandbox",
              log_text("privileges", told(state.privileges)),
              log_text("capabilities", told(state.capabilities)),
              log_text("landlock", told(state.files)), log_int("landlockAbi", state.landlock_abi),
              log_text("seccomp", told(syscalls)));
}
