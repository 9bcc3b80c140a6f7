/* services/entries/code.c: see services/entries/code.h. */
#include "services/entries/code.h"

#include <sodium.h>

/* Nothing else that these keys might ever sign can be taken for a code. */
#define PURPOSE     "boxoffice entry 1"
#define PURPOSE_LEN (sizeof PURPOSE - 1)

struct code_key code_key_of(int64_t id, const uint8_t seed[KEY_SEED_BYTES])
{
    struct code_key key = {.id = id};
    uint8_t secret[crypto_sign_SECRETKEYBYTES];

    memcpy(key.seed, seed, KEY_SEED_BYTES);
    (void)crypto_sign_seed_keypair(key.public, secret, seed);
    sodium_memzero(secret, sizeof secret);
    return key;
}

static void message_of(const uint8_t bytes[CODE_SIGNED_BYTES],
                       uint8_t out[PURPOSE_LEN + CODE_SIGNED_BYTES])
{
    memcpy(out, PURPOSE, PURPOSE_LEN);
    memcpy(out + PURPOSE_LEN, bytes, CODE_SIGNED_BYTES);
}

static void pack(const struct code *code, uint8_t out[CODE_SIGNED_BYTES])
{
    memcpy(out, code->show_id.bytes, 12);
    memcpy(out + 12, code->ticket_id.bytes, 12);
    memcpy(out + 24, code->serial, ENTRY_SERIAL_BYTES);
    out[29] = (uint8_t)(code->version >> 8);
    out[30] = (uint8_t)code->version;
    out[31] = (uint8_t)code->key_id;
}

static struct code unpack(const uint8_t bytes[CODE_SIGNED_BYTES])
{
    struct code code = {.version = bytes[29] << 8 | bytes[30], .key_id = bytes[31]};

    memcpy(code.show_id.bytes, bytes, 12);
    memcpy(code.ticket_id.bytes, bytes + 12, 12);
    memcpy(code.serial, bytes + 24, ENTRY_SERIAL_BYTES);
    return code;
}

struct code_text code_write(const struct code *code, const struct code_key *key)
{
    uint8_t bytes[CODE_BYTES], message[PURPOSE_LEN + CODE_SIGNED_BYTES];
    uint8_t secret[crypto_sign_SECRETKEYBYTES], public[KEY_PUBLIC_BYTES];
    struct code_text out;

    ASSERT(code->version >= 0 && code->version <= CODE_VERSION_MAX);
    ASSERT(key->id == code->key_id && key->id >= 1 && key->id <= CODE_KEYS_MAX);
    pack(code, bytes);
    message_of(bytes, message);
    (void)crypto_sign_seed_keypair(public, secret, key->seed);
    (void)crypto_sign_detached(bytes + CODE_SIGNED_BYTES, NULL, message, sizeof message, secret);
    sodium_memzero(secret, sizeof secret);
    crockford_encode(bytes, sizeof bytes, out.text);
    return out;
}

enum code_fault code_parse(struct str text, struct code_read *out)
{
    text = str_trim(text);
    for (size_t i = 0; i < text.len; i++)
        if (crockford_value(text.at[i]) < 0) return CODE_CHARACTERS;
    if (text.len < CODE_CHARS) return CODE_TRUNCATED;
    if (text.len > CODE_CHARS) return CODE_TOO_LONG;
    if (!crockford_decode(text, out->bytes, CODE_BYTES)) return CODE_CHARACTERS;
    out->code = unpack(out->bytes);
    return CODE_GOOD;
}

enum code_fault code_check(const struct code_read *read, const uint8_t public[KEY_PUBLIC_BYTES])
{
    uint8_t message[PURPOSE_LEN + CODE_SIGNED_BYTES];

    message_of(read->bytes, message);
    return crypto_sign_verify_detached(read->bytes + CODE_SIGNED_BYTES, message, sizeof message,
                                       public) == 0
               ? CODE_GOOD
               : CODE_FORGED;
}
