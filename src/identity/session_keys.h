/* identity/session_keys.h: the keys of the sessions, and what they sign.
 *
 * One key, or two while one takes over from the other: the first signs, both verify. A key's id
 * (kid, RFC 7515 section 4.1.4) is made of the key; a token that names one is tried with that one,
 * any other token with both. Threads: any, except where said. */
#ifndef IDENTITY_SESSION_KEYS_H
#define IDENTITY_SESSION_KEYS_H

#include "base/arena.h"

#define SESSION_KEY_MIN   32   /* bytes of each key */
#define SESSION_TOKEN_MAX 4096 /* bytes of a token, and of what it is wrapped in */

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
 * not kept. */
struct session_keys *session_keys_new(struct str text);
void session_keys_free(struct session_keys *keys); /* wipes them */
/* Other keys from now on, at once and in all threads. False, and the old ones stay: see new. */
bool session_keys_set(struct session_keys *keys, struct str text);
/* The id of the key that signs. */
struct session_kid session_keys_kid(const struct session_keys *keys);
/* Grows with every session_keys_set: what was verified under another number has to be again. */
uint64_t session_keys_generation(const struct session_keys *keys);

/* --- seals --------------------------------------------------------------------------------- */

/* HMAC-SHA-256 of a text by the key that signs, in hex with its NUL: what only this program, and
 * whoever has its keys, can have made. The text must have a space in it, so that it is never the
 * signed part of a token. Threads: any. */
#define SESSION_SEAL_HEX 64
void session_keys_seal(const struct session_keys *keys, struct str text,
                       char seal[SESSION_SEAL_HEX + 1]);
/* Whether one of the keys made this seal of the text. */
bool session_keys_sealed(const struct session_keys *keys, struct str text, struct str seal);

/* --- signatures of tokens (JWS, RFC 7515, compact) ------------------------------------------- */

/* header.claims.signature by the key that signs; check token->failed. */
void session_keys_sign(const struct session_keys *keys, struct buf *token, struct str claims);
/* Whether one of the keys signed it: HS256 (RFC 7518 section 3.2) and nothing else. *claims: what
 * was signed, decoded, in the arena. */
bool session_keys_verify(const struct session_keys *keys, struct arena *arena, struct str token,
                         struct str *claims);
/* Base64 of at most SESSION_TOKEN_MAX bytes, in either alphabet, into the arena. */
bool session_decode(struct arena *arena, struct str text, struct str *out);

#endif
