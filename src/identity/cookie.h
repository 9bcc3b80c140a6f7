/* identity/cookie.h: the Cookie header, read (RFC 6265, section 5.4), and cookies that are set. */
#ifndef IDENTITY_COOKIE_H
#define IDENTITY_COOKIE_H

#include "base/str.h"

/* The next cookie of that name; there may be several. *cookies is then what follows it. value is a
 * view of the same bytes and may be empty. False: there is none. */
bool cookie_next(struct str *cookies, struct str name, struct str *value);
/* Appends a header line for this whole host that no script reads and no other site's form sends.
 * attributes: what else it has, each as "Max-Age=60; ". */
void cookie_put(struct buf *headers, const char *name, struct str value, const char *attributes,
                bool secure);

#endif
