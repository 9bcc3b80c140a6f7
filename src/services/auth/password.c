/* services/auth/password.c: argon2id through libsodium; the only file that includes it.
 *
 * No copy of a password is made here, so there is none to wipe but the one we draw ourselves. */
#include "services/auth/password.h"

#include "base/hex.h"

#include <sodium.h>
#include <stdio.h>

#define HASH_PASSES       2
#define HASH_MEMORY_BYTES ((size_t)19 * 1024 * 1024)

_Static_assert(PASSWORD_HASH_SIZE >= crypto_pwhash_STRBYTES, "struct password_hash holds a hash");
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

/* --- hashes of the Node application --------------------------------------------------------- */

#define SCRYPT_PREFIX "$scrypt$ln=14,r=8,p=1$"
#define SCRYPT_N      16384
#define SCRYPT_R      8
#define SCRYPT_P      1
#define SCRYPT_BYTES  64

bool password_hash_imported(struct str text, struct password_hash *out)
{
    struct str hex = {text.at, 2 * SCRYPT_BYTES}, salt;

    *out = (struct password_hash){0};
    if (text.len < hex.len + 2 || text.at[hex.len] != '.' || !hex_is_lower(hex)) return false;
    salt = (struct str){text.at + hex.len + 1, text.len - hex.len - 1};
    if (salt.len > IMPORTED_SALT_MAX) return false;
    for (size_t i = 0; i < salt.len; i++)
        if (salt.at[i] <= ' ' || salt.at[i] > '~' || salt.at[i] == '$') return false;
    snprintf(out->text, sizeof out->text, SCRYPT_PREFIX "%.*s$%.*s", (int)salt.len, salt.at,
             (int)hex.len, hex.at);
    return true;
}

bool password_is_imported(const struct password_hash *hash)
{
    return strncmp(hash->text, "$scrypt$", strlen("$scrypt$")) == 0;
}

/* The salt is used as the text it is, as Node's scrypt(password, salt, 64) does with one. */
static bool scrypt_verify(struct str password, struct str salt, struct str hex)
{
    unsigned char wanted[SCRYPT_BYTES], made[SCRYPT_BYTES];
    bool same;

    if (sodium_hex2bin(wanted, sizeof wanted, hex.at, hex.len, NULL, NULL, NULL) != 0) return false;
    if (crypto_pwhash_scryptsalsa208sha256_ll((const uint8_t *)password.at, password.len,
                                              (const uint8_t *)salt.at, salt.len, SCRYPT_N,
                                              SCRYPT_R, SCRYPT_P, made, sizeof made) != 0)
        return false; /* out of memory */
    same = sodium_memcmp(wanted, made, sizeof made) == 0;
    sodium_memzero(made, sizeof made);
    return same;
}

static bool imported_verify(struct str password, const struct password_hash *hash)
{
    const char *salt = hash->text + strlen(SCRYPT_PREFIX), *end = strrchr(hash->text, '$');

    if (strncmp(hash->text, SCRYPT_PREFIX, strlen(SCRYPT_PREFIX)) != 0 || end < salt ||
        strlen(end + 1) != (size_t)2 * SCRYPT_BYTES)
        return false;
    return scrypt_verify(password, (struct str){salt, (size_t)(end - salt)}, str_of(end + 1));
}

void password_verify_other(struct str password, const struct password_hash *hash,
                           const struct password_hash *nobody)
{
    static const char zeros[2 * SCRYPT_BYTES + 1] =
        "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
        "000000000000000000000000000000000000000000";

    if (password_is_imported(hash))
        (void)password_verify(password, nobody);
    else
        (void)scrypt_verify(password, STR("0123456789abcdef"), str_of(zeros));
}

/* --- either -------------------------------------------------------------------------------- */

bool password_verify(struct str password, const struct password_hash *hash)
{
    if (password_is_imported(hash)) return imported_verify(password, hash);
    return crypto_pwhash_str_verify(hash->text, password.at, password.len) == 0;
}

bool password_hash_parse(struct str text, struct password_hash *out)
{
    if (text.len >= sizeof out->text) return false;
    *out = (struct password_hash){0};
    if (text.len) memcpy(out->text, text.at, text.len);
    return true;
}
