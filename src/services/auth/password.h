/* services/auth/password.h: passwords at rest.
 *
 * argon2id (RFC 9106) with 19 MiB, two passes, one lane: OWASP's Password Storage Cheat Sheet, and
 * 12 to 20 ms of one CPU here. Each call is that slow and takes that memory: run them in the pool.
 * The only part of the service that draws randomness (salts), through libsodium. */
#ifndef SERVICES_AUTH_PASSWORD_H
#define SERVICES_AUTH_PASSWORD_H

#include "base/str.h"

#define PASSWORD_HASH_SIZE 256 /* with its NUL */

/* The PHC string: "$argon2id$v=19$m=19456,t=2,p=1$salt$hash". Filled with NULs to its end. */
struct password_hash {
    char text[PASSWORD_HASH_SIZE];
};

/* Once, before any other call here; calling it again is harmless. ERR_INTERNAL when the
 * library finds no source of randomness. */
enum err password_init(void);

/* With a fresh salt. ERR_MEMORY. Threads: any. The caller's text is read, never copied. */
enum err password_hash(struct str password, struct password_hash *out);

/* A hash no password is known for, of the same cost: what an unknown email is verified against, so
 * that its answer takes as long. */
enum err password_hash_of_nobody(struct password_hash *out);

/* True when the hash was made from this password. Takes the same time either way. Threads: any. */
bool password_verify(struct str password, const struct password_hash *hash);

/* --- hashes of the Node application --------------------------------------------------------- *
 * "$scrypt$ln=14,r=8,p=1$SALT$HASH": scrypt (RFC 7914) to 64 bytes, twice the time of ours. */

/* From its "hex.salt"; false when it is not that: 128 hex digits, 1 to IMPORTED_SALT_MAX printable
 * characters. */
#define IMPORTED_SALT_MAX 64
bool password_hash_imported(struct str text, struct password_hash *out);
bool password_is_imported(const struct password_hash *hash);
/* Takes the time of verifying the kind of hash that `hash` is not: so that it cannot be told which
 * kind somebody has, while there are both. */
void password_verify_other(struct str password, const struct password_hash *hash,
                           const struct password_hash *nobody);

/* hash from a row; false when it does not fit. */
bool password_hash_parse(struct str text, struct password_hash *out);

#endif
