/* unicode/domain.h: domains of email addresses as DNS has them (IDNA2008 with the mapping of UTS
 * 46, not transitional: ß is no ss). Threads: any. */
#ifndef UNICODE_DOMAIN_H
#define UNICODE_DOMAIN_H

#include "base/arena.h"

/* In ASCII and lower case, in the arena: Unicode and punycode are one. ERR_INVALID: it is none that
 * can be looked up. */
enum err domain_ascii(struct arena *arena, struct str domain, struct str *out);
/* local@domain with its domain as domain_ascii has it; the local part stays as it is. ERR_INVALID
 * also without an @. */
enum err address_ascii(struct arena *arena, struct str address, struct str *out);

#endif
