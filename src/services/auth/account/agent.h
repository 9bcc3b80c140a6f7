/* services/auth/account/agent.h: which browser somebody uses, and on what, by what it says of
 * itself (RFC 9110, section 10.1.5), in the words people have for them. What it says is not proven.
 */
#ifndef SERVICES_AUTH_ACCOUNT_AGENT_H
#define SERVICES_AUTH_ACCOUNT_AGENT_H

#include "base/str.h"

/* "Firefox", "Linux". Constants; empty: not known. */
struct agent {
    struct str browser, system;
};

/* Pure. Threads: any. */
struct agent agent_read(struct str user_agent);
/* "Firefox on Linux", or as much of it as is known, or "an unknown browser". */
void agent_put(struct buf *out, struct agent agent);

#endif
