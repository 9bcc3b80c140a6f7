/* services/entries/code.h: what a gate reads. Pure.
 *
 * 32 bytes: the show (12), the ticket (12), the entry's serial (5), its version (2, the higher byte
 * first) and the number of the key (1); then 64 bytes: an Ed25519 signature (RFC 8032) over
 * "boxoffice entry 1" and those 32. As text in Crockford's base 32: 154 characters, which is all
 * that the alphanumeric mode of a QR code of version 6 takes at level M. So a gate knows without a
 * network that a code was made here, for which show, and by its list of serials whether it still
 * counts. */
#ifndef SERVICES_ENTRIES_CODE_H
#define SERVICES_ENTRIES_CODE_H

#include "base/base32.h"
#include "base/object_id.h"
#include "services/entries/entry.h"

#define CODE_SIGNED_BYTES    32
#define CODE_SIGNATURE_BYTES 64
#define CODE_BYTES           (CODE_SIGNED_BYTES + CODE_SIGNATURE_BYTES)
#define CODE_CHARS           BASE32_CHARS(CODE_BYTES)
#define CODE_VERSION_MAX     65535
#define CODE_KEYS_MAX        255 /* their numbers: 1 and up */

#define KEY_SEED_BYTES   32
#define KEY_PUBLIC_BYTES 32
/* A key pair; the seed is secret. */
struct code_key {
    int64_t id;
    uint8_t seed[KEY_SEED_BYTES];
    uint8_t public[KEY_PUBLIC_BYTES];
};
/* The pair of a drawn seed. */
struct code_key code_key_of(int64_t id, const uint8_t seed[KEY_SEED_BYTES]);

struct code {
    struct object_id show_id, ticket_id;
    uint8_t serial[ENTRY_SERIAL_BYTES];
    int64_t version; /* at most CODE_VERSION_MAX */
    int64_t key_id;
};

struct code_text {
    char text[CODE_CHARS + 1]; /* NUL-terminated */
};
/* Signed by the key, whose id it carries: the same for the same entry and key. */
struct code_text code_write(const struct code *code, const struct code_key *key);

/* What is wrong with a text, before anybody looks at the entry. */
enum code_fault {
    CODE_GOOD,
    CODE_TRUNCATED, /* its end is missing */
    CODE_TOO_LONG,
    CODE_CHARACTERS, /* it has some that no code has */
    CODE_FORGED      /* the signature is not the key's: made by somebody else, or damaged */
};
/* Of either case, with spaces around it. Its signature is kept for code_check. CODE_GOOD,
 * CODE_TRUNCATED, CODE_TOO_LONG or CODE_CHARACTERS. */
struct code_read {
    struct code code;
    uint8_t bytes[CODE_BYTES];
};
enum code_fault code_parse(struct str text, struct code_read *out);
/* CODE_GOOD or CODE_FORGED, by the key that the code names. */
enum code_fault code_check(const struct code_read *read, const uint8_t public[KEY_PUBLIC_BYTES]);

#endif
