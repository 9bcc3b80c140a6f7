/* services/auth/password.c: argon2id through libsodium; the only file that includes it.
 *
 * No copy of a password is made here, so there is none to wipe but the one we draw ourselves. */
#include "services/auth/password.h"

#include <sodium.h>

#define HASH_PASSES       2
#define HASH_MEMORY_BYTES ((size_t)19 * 1024 * 1024)

_Static_assert(PASSWORD_HASH_SIZE == crypto_pwhash_STRBYTES, "struct password_hash holds a hash");
_Static_assert(crypto_pwhash_ALG_DEFAULT == crypto_pwhash_ALG_ARGON2ID13, "argon2id by default");

enum err password_init(void)
{
    return sodium_init() < 0 ? ERR_INTERNAL : OK;
}

enum err password_hash(struct str password, struct password_hash *out)
{
    *out = (struct password_hash){0};
    if (crypto_pwhash_str_alg(out->text, password.at, password.len, HASH_PASSES, HASH_MEMORY_BYTES,
                              crypto_pwhash_ALG_ARGON2ID13) != 0) {
        return ERR_MEMORY;
    }
    return OK;
}

enum err password_hash_of_nobody(struct password_hash *out)
{
    char password[32];
    enum err err;

    randombytes_buf(password, sizeof password);
    err = password_hash((struct str){password, sizeof password}, out);
    sodium_memzero(password, sizeof password);
    return err;
}

bool password_verify(struct str password, const struct password_hash *hash)
{
    return crypto_pwhash_str_verify(hash->text, password.at, password.len) == 0;
}

bool password_hash_parse(struct str text, struct password_hash *out)
{
    if (text.len >= sizeof out->text) return false;
    *out = (struct password_hash){0};
    if (text.len) memcpy(out->text, text.at, text.len);
    return true;
}
