/* http/session.h: the session cookie of docs/openapi.json and the token inside it.
 *
 * Cookie: session=BASE64({"jwt":"…"}), also read under its older name express:sess. Token: JWT
 * (RFC 7519), HS256 (RFC 7515, RFC 7518 section 3.2) and nothing else. */
#ifndef HTTP_SESSION_H
#define HTTP_SESSION_H

#include "base/random.h"
#include "http/request.h"

#define SESSION_KEY_MIN   32               /* bytes of each key */
#define SESSION_MAX_AGE_S (30 * 24 * 3600) /* for a token without exp, from its iat */

/* --- keys ---------------------------------------------------------------------------------- *
 * One key, or two while one takes over from the other: the first signs, both verify. A key's id
 * (kid, RFC 7515 section 4.1.4) is made of the key; a token that names one is tried with that one,
 * any other token with both. Threads: any, except where said. */
struct session_keys;

#define SESSION_KEYS_MAX 2
#define SESSION_KID_HEX  16
struct session_kid {
    char text[SESSION_KID_HEX + 1];
};

/* "new,old" when there is one comma, with SESSION_KEY_MIN bytes at least on either side, else the
 * text is one key. Returns how many there are; views of the same bytes. 0: one side of the comma
 * is long enough and the other is not, so that nobody can tell what was meant. */
size_t session_keys_split(struct str text, struct str keys[SESSION_KEYS_MAX]);
/* NULL when the text is shorter than SESSION_KEY_MIN, split says 0, or memory ran out. The text is
 * copied. */
struct session_keys *session_keys_new(struct str text);
void session_keys_free(struct session_keys *keys); /* wipes them */
/* Other keys from now on, at once and in all threads. False, and the old ones stay: see new. */
bool session_keys_set(struct session_keys *keys, struct str text);
/* The id of the key that signs. */
struct session_kid session_keys_kid(const struct session_keys *keys);
/* Grows with every session_keys_set: what was verified under another number has to be again. */
uint64_t session_keys_generation(const struct session_keys *keys);

/* --- tokens -------------------------------------------------------------------------------- */

/* Verifies the value of a Cookie header. False (and user zeroed) without a valid session: broken,
 * forged, other alg, a claim twice, expired, not yet valid, id not 1–64 printable characters.
 * user's strings live in the arena. now_s: seconds since 1970. A leeway of 0 s. */
bool session_from_cookie(const struct session_keys *keys, struct arena *arena, struct str cookie,
                         int64_t now_s, struct session_user *user);

/* Makes the token and sets the cookie on the reply. Secure when secure. */
enum err session_start(const struct session_keys *keys, struct reply *rp, struct arena *arena,
                       const struct session_user *user, bool secure);
/* Clears it in the browser (both names). */
void session_clear(struct reply *rp, bool secure);

/* A fresh session id: 128 random bits (the claim sid of OpenID Connect Front-Channel Logout), and
 * its SHA-256, which is all that is ever stored. */
void session_id_make(struct random *random, struct session_user *user);
/* Half of the token's life has gone, and its session may have a record: time for a fresh one. */
bool session_is_old(const struct session_user *user, int64_t now_s);

/* --- refused although their token is good ---------------------------------------------------- *
 * Banned users and ended sessions, kept in memory because every request asks. Threads: any. */
struct revoked;

enum revoked_kind { REVOKED_USER, REVOKED_SESSION };

struct revoked *revoked_new(void); /* NULL when memory ran out */
void revoked_free(struct revoked *revoked);
/* key: a user's id or the SHA-256 of a session's. until_ms in the past takes it out again. False
 * when memory ran out. */
bool revoked_put(struct revoked *revoked, enum revoked_kind kind, struct str key, int64_t until_ms,
                 int64_t now_ms);
/* Everything anew: `to` gets what `from` has, and from is freed. */
void revoked_replace(struct revoked *to, struct revoked *from);
/* Whether there is anybody in it at all: cheap, for before the time is read. */
bool revoked_any(const struct revoked *revoked);
bool session_is_revoked(struct revoked *revoked, const struct session_user *user, int64_t now_ms);

#endif
