/* http/session.h: the session cookie of docs/openapi.json and the token inside it.
 *
 * Cookie: session=BASE64({"jwt":"…"}), also read under its older name express:sess. Token: JWT
 * (RFC 7519), HS256 (RFC 7515, RFC 7518 section 3.2) and nothing else. */
#ifndef HTTP_SESSION_H
#define HTTP_SESSION_H

#include "http/request.h"

struct session_keys; /* an HMAC key, prepared; immutable, any thread */

#define SESSION_KEY_MIN   32               /* bytes */
#define SESSION_MAX_AGE_S (30 * 24 * 3600) /* for a token without exp, from its iat */

/* NULL when key is shorter than SESSION_KEY_MIN or memory ran out. The key is copied. */
struct session_keys *session_keys_new(struct str key);
void session_keys_free(struct session_keys *keys); /* wipes it */

/* Verifies the value of a Cookie header. False (and user zeroed) without a valid session: broken,
 * forged, other alg, expired, not yet valid, id not 1–64 printable characters. user's strings live
 * in the arena. now_s: seconds since 1970. A leeway of 0 s. */
bool session_from_cookie(const struct session_keys *keys, struct arena *arena, struct str cookie,
                         int64_t now_s, struct session_user *user);

/* Makes the token and sets the cookie on the reply. Secure when secure. */
enum err session_start(const struct session_keys *keys, struct reply *rp, struct arena *arena,
                       const struct session_user *user, bool secure);
/* Clears it in the browser (both names). */
void session_clear(struct reply *rp, bool secure);

#endif
