/* identity/session_keys.c: the keys of the sessions, and what they sign. A key is made ready once;
 * each use of it copies that. */
#include "identity/session_keys.h"

#include "base/hex.h"
#include "base/json.h"
#include "base/sha256.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define HEADER_MAX 128

struct session_key {
    struct session_kid kid;
    char header[HEADER_MAX]; /* of the tokens it signs, encoded */
    size_t header_len;
    struct hmac_key hmac;
};

struct key_ring {
    struct session_key at[SESSION_KEYS_MAX]; /* the first one signs */
    size_t count;
};

struct session_keys {
    pthread_rwlock_t lock; /* over ring */
    struct key_ring ring;
    _Atomic uint64_t generation;
};

/* --- keys ---------------------------------------------------------------------------------- */

static void key_header(struct session_key *key)
{
    char json[HEADER_MAX];
    struct buf header = {.at = key->header, .cap = HEADER_MAX, .max = HEADER_MAX};
    int len = snprintf(json, sizeof json, "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"%s\"}",
                       key->kid.text);

    base64_encode(&header, (struct str){json, (size_t)len}, true);
    ASSERT(!header.failed);
    key->header_len = header.len;
}

static void key_init(struct session_key *key, struct str text)
{
    static const struct str purpose = {"boxoffice key id", 16};
    struct hmac_text id;

    hmac_key_init(&key->hmac, text);
    hmac_sha256(text, &purpose, 1, &id);
    memcpy(key->kid.text, id.hex, SESSION_KID_HEX);
    key_header(key);
}

size_t session_keys_split(struct str text, struct str keys[SESSION_KEYS_MAX])
{
    const char *comma = memchr(text.at, ',', text.len);
    size_t first = comma ? (size_t)(comma - text.at) : 0;
    size_t rest = comma ? text.len - first - 1 : 0;

    keys[0] = text;
    if (!comma || memchr(comma + 1, ',', rest)) return 1;
    if ((first < SESSION_KEY_MIN) != (rest < SESSION_KEY_MIN)) return 0;
    if (first < SESSION_KEY_MIN) return 1;
    keys[0] = (struct str){text.at, first};
    keys[1] = (struct str){comma + 1, rest};
    return 2;
}

static bool ring_init(struct key_ring *ring, struct str text)
{
    struct str keys[SESSION_KEYS_MAX];

    memset(ring, 0, sizeof *ring);
    ring->count = session_keys_split(text, keys);
    if (text.len < SESSION_KEY_MIN || ring->count == 0) return false;
    for (size_t i = 0; i < ring->count; i++)
        key_init(&ring->at[i], keys[i]);
    return true;
}

struct session_keys *session_keys_new(struct str text)
{
    struct session_keys *keys = calloc(1, sizeof *keys);

    if (!keys) return NULL;
    pthread_rwlock_init(&keys->lock, NULL);
    if (ring_init(&keys->ring, text)) return keys;
    session_keys_free(keys);
    return NULL;
}

void session_keys_free(struct session_keys *keys)
{
    if (!keys) return;
    explicit_bzero(&keys->ring, sizeof keys->ring);
    pthread_rwlock_destroy(&keys->lock);
    free(keys);
}

bool session_keys_set(struct session_keys *keys, struct str text)
{
    struct key_ring ring;
    bool good = ring_init(&ring, text);

    if (good) {
        pthread_rwlock_wrlock(&keys->lock);
        keys->ring = ring;
        atomic_fetch_add(&keys->generation, 1);
        pthread_rwlock_unlock(&keys->lock);
    }
    explicit_bzero(&ring, sizeof ring);
    return good;
}

/* Who verifies changes nothing that counts: the lock alone. */
static const struct key_ring *ring_take(const struct session_keys *keys)
{
    pthread_rwlock_rdlock(&((struct session_keys *)keys)->lock);
    return &keys->ring;
}

static void ring_give(const struct session_keys *keys)
{
    pthread_rwlock_unlock(&((struct session_keys *)keys)->lock);
}

struct session_kid session_keys_kid(const struct session_keys *keys)
{
    struct session_kid kid = ring_take(keys)->at[0].kid;

    ring_give(keys);
    return kid;
}

uint64_t session_keys_generation(const struct session_keys *keys)
{
    return atomic_load_explicit(&keys->generation, memory_order_acquire);
}

/* --- seals --------------------------------------------------------------------------------- */

_Static_assert(SESSION_SEAL_HEX == SHA256_HEX, "a seal is a MAC in hex");

static void key_seal(const struct session_key *key, struct str text, char seal[SHA256_HEX + 1])
{
    unsigned char mac[SHA256_BYTES];

    ASSERT(memchr(text.at, ' ', text.len));
    hmac_sign(&key->hmac, &text, 1, mac);
    hex_encode(mac, sizeof mac, seal);
}

void session_keys_seal(const struct session_keys *keys, struct str text,
                       char seal[SESSION_SEAL_HEX + 1])
{
    key_seal(&ring_take(keys)->at[0], text, seal);
    ring_give(keys);
}

bool session_keys_sealed(const struct session_keys *keys, struct str text, struct str seal)
{
    const struct key_ring *ring = ring_take(keys);
    char made[SESSION_SEAL_HEX + 1];
    bool sealed = false;

    for (size_t i = 0; i < ring->count && !sealed; i++) {
        key_seal(&ring->at[i], text, made);
        sealed = str_eq_secret(seal, (struct str){made, SESSION_SEAL_HEX});
    }
    ring_give(keys);
    return sealed;
}

/* --- signatures of tokens ------------------------------------------------------------------- */

void session_keys_sign(const struct session_keys *keys, struct buf *token, struct str claims)
{
    const struct session_key *key = &ring_take(keys)->at[0];
    unsigned char mac[SHA256_BYTES];
    struct str signed_part;

    buf_append(token, (struct str){key->header, key->header_len});
    buf_char(token, '.');
    base64_encode(token, claims, true);
    signed_part = buf_str(token);
    hmac_sign(&key->hmac, &signed_part, 1, mac);
    ring_give(keys);
    buf_char(token, '.');
    base64_encode(token, (struct str){(const char *)mac, sizeof mac}, true);
}

bool session_decode(struct arena *arena, struct str text, struct str *out)
{
    struct buf bytes;

    buf_init(&bytes, arena, SESSION_TOKEN_MAX);
    if (text.len > SESSION_TOKEN_MAX || !base64_decode(&bytes, text) || bytes.failed) return false;
    *out = buf_str(&bytes);
    return true;
}

/* Exactly HS256, and no extension that would have to be understood (RFC 7515 section 4.1.11). Sets
 * *only to the one key that the header names, NULL when it names none of ours. */
static bool header_is_ours(const struct key_ring *ring, struct arena *arena, struct str encoded,
                           const struct session_key **only)
{
    static const struct str plain = {"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", 36};
    const struct json *header;
    struct str text, alg, kid;

    *only = NULL;
    for (size_t i = 0; i < ring->count && !*only; i++)
        if (str_eq(encoded, (struct str){ring->at[i].header, ring->at[i].header_len}))
            *only = &ring->at[i];
    if (*only || str_eq(encoded, plain)) return true; /* {"alg":"HS256","typ":"JWT"} */
    if (!session_decode(arena, encoded, &text)) return false;
    header = json_parse_unique(arena, text);
    if (!json_text(json_get(header, "alg"), &alg) || !str_eq(alg, STR("HS256")) ||
        json_get(header, "crit"))
        return false;
    if (!json_text(json_get(header, "kid"), &kid)) return true;
    for (size_t i = 0; i < ring->count; i++)
        if (str_eq(kid, str_of(ring->at[i].kid.text))) *only = &ring->at[i];
    return true;
}

static bool key_signed(const struct session_key *key, struct str signed_part, struct str given)
{
    unsigned char mac[SHA256_BYTES];

    hmac_sign(&key->hmac, &signed_part, 1, mac);
    return str_eq_secret(given, (struct str){(const char *)mac, sizeof mac});
}

static bool ring_signed(const struct key_ring *ring, struct arena *arena, struct str header,
                        struct str signed_part, struct str given)
{
    const struct session_key *only;

    if (!header_is_ours(ring, arena, header, &only)) return false;
    if (!session_decode(arena, given, &given) || given.len != SHA256_BYTES) return false;
    if (only) return key_signed(only, signed_part, given);
    for (size_t i = 0; i < ring->count; i++)
        if (key_signed(&ring->at[i], signed_part, given)) return true;
    return false;
}

/* The signature is checked before anything signed is read. */
bool session_keys_verify(const struct session_keys *keys, struct arena *arena, struct str token,
                         struct str *claims)
{
    const char *dot1 = memchr(token.at, '.', token.len);
    const char *dot2 = memrchr(token.at, '.', token.len);
    struct str header, payload, signed_part, given;
    bool good;

    if (!dot1 || dot1 == dot2) return false;
    header = (struct str){token.at, (size_t)(dot1 - token.at)};
    payload = (struct str){dot1 + 1, (size_t)(dot2 - dot1) - 1};
    signed_part = (struct str){token.at, (size_t)(dot2 - token.at)};
    given = (struct str){dot2 + 1, token.len - signed_part.len - 1};
    if (memchr(payload.at, '.', payload.len)) return false;
    good = ring_signed(ring_take(keys), arena, header, signed_part, given);
    ring_give(keys);
    return good && session_decode(arena, payload, claims);
}
