/* identity/session_cookie.h: the session cookie of docs/openapi.json.
 *
 * session=BASE64({"jwt":"…"}), named __Host-session where it carries Secure, also read under its
 * older name express:sess. */
#ifndef IDENTITY_SESSION_COOKIE_H
#define IDENTITY_SESSION_COOKIE_H

#include "identity/session_token.h"

/* Verifies the value of a Cookie header. False (and user zeroed) without a good token in it; see
 * session_token_verify. Threads: any. */
bool session_from_cookie(const struct session_keys *keys, struct revocation_table *known,
                         struct arena *arena, struct str cookies, int64_t now_s,
                         struct session_user *user);
/* Makes the token and appends the header lines that set the cookie and say that nobody keeps the
 * answer. ERR_MEMORY. */
enum err session_cookie_set(const struct session_keys *keys, struct buf *headers,
                            struct arena *arena, const struct session_user *user, bool secure);
/* Clears it in the browser, under each of its names. */
void session_cookie_clear(struct buf *headers, bool secure);

#endif
