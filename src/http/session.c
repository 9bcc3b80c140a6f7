/* http/session.c: the session cookie and the token inside it (docs/openapi.json, "Session cookie").
 *
 * The signature is checked before anything signed is parsed. A verified context costs an
 * allocation, so a few prepared ones are kept and handed from thread to thread. */
#include "http/hmac.h"
#include "http/internal.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define SPARE_CONTEXTS 16
#define MAC_SIZE       32
#define TOKEN_MAX      4096 /* bytes of a cookie's value, encoded */
#define CANDIDATES_MAX 8    /* cookies of one name that are tried */
#define ID_CHARS_MAX   64
#define TIME_S_MAX     253402300799.0 /* year 9999 */
#define HEADER_MAX     128

struct session_key {
    struct session_kid kid;
    char header[HEADER_MAX]; /* of the tokens it signs, encoded */
    size_t header_len;
    EVP_MAC_CTX *prepared; /* only ever copied */
    _Atomic(EVP_MAC_CTX *) spare[SPARE_CONTEXTS];
};

struct key_ring {
    struct session_key at[SESSION_KEYS_MAX]; /* the first one signs */
    size_t count;
};

struct session_keys {
    pthread_rwlock_t lock; /* over ring; held while one of its keys is at work */
    struct key_ring *ring;
    _Atomic uint64_t generation;
};

/* --- keys ---------------------------------------------------------------------------------- */

static void key_free(struct session_key *key)
{
    for (size_t i = 0; i < SPARE_CONTEXTS; i++)
        EVP_MAC_CTX_free(atomic_load(&key->spare[i])); /* wipes its copy of the key */
    EVP_MAC_CTX_free(key->prepared);
}

static void ring_free(struct key_ring *ring)
{
    for (size_t i = 0; ring && i < ring->count; i++)
        key_free(&ring->at[i]);
    free(ring);
}

static bool key_header(struct session_key *key)
{
    char json[HEADER_MAX];
    struct buf header = {.at = key->header, .cap = HEADER_MAX, .max = HEADER_MAX};
    int len = snprintf(json, sizeof json, "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"%s\"}",
                       key->kid.text);

    base64_encode(&header, (struct str){json, (size_t)len}, true);
    key->header_len = header.len;
    return !header.failed;
}

static bool key_prepare(struct session_key *key, struct str text)
{
    static const struct str purpose = {"boxoffice key id", 16};
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                           OSSL_PARAM_construct_end()};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    struct hmac_text id;
    bool ready;

    if (mac) key->prepared = EVP_MAC_CTX_new(mac); /* holds on to the algorithm */
    EVP_MAC_free(mac);
    ready = key->prepared &&
            EVP_MAC_init(key->prepared, (const unsigned char *)text.at, text.len, params) == 1 &&
            hmac_sha256(text, &purpose, 1, &id);
    if (!ready) return false;
    memcpy(key->kid.text, id.hex, SESSION_KID_HEX);
    return key_header(key);
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

static struct key_ring *ring_new(struct str text)
{
    struct str keys[SESSION_KEYS_MAX];
    struct key_ring *ring;
    size_t count;

    count = session_keys_split(text, keys);
    if (text.len < SESSION_KEY_MIN || count == 0) return NULL;
    ring = calloc(1, sizeof *ring);
    if (!ring) return NULL;
    ring->count = count;
    for (size_t i = 0; i < count; i++) {
        if (key_prepare(&ring->at[i], keys[i])) continue;
        ring_free(ring);
        return NULL;
    }
    return ring;
}

struct session_keys *session_keys_new(struct str text)
{
    struct session_keys *keys = calloc(1, sizeof *keys);

    if (!keys) return NULL;
    pthread_rwlock_init(&keys->lock, NULL);
    keys->ring = ring_new(text);
    if (keys->ring) return keys;
    session_keys_free(keys);
    return NULL;
}

void session_keys_free(struct session_keys *keys)
{
    if (!keys) return;
    ring_free(keys->ring);
    pthread_rwlock_destroy(&keys->lock);
    free(keys);
}

bool session_keys_set(struct session_keys *keys, struct str text)
{
    struct key_ring *ring = ring_new(text), *old;

    if (!ring) return false;
    pthread_rwlock_wrlock(&keys->lock);
    old = keys->ring;
    keys->ring = ring;
    atomic_fetch_add(&keys->generation, 1);
    pthread_rwlock_unlock(&keys->lock);
    ring_free(old);
    return true;
}

/* Who verifies changes nothing that counts: spare contexts and the lock. */
static struct key_ring *ring_take(const struct session_keys *constant_keys)
{
    struct session_keys *keys = (struct session_keys *)constant_keys;

    pthread_rwlock_rdlock(&keys->lock);
    return keys->ring;
}

static void ring_give(const struct session_keys *constant_keys)
{
    pthread_rwlock_unlock(&((struct session_keys *)constant_keys)->lock);
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

static EVP_MAC_CTX *context_take(struct session_key *key)
{
    for (size_t i = 0; i < SPARE_CONTEXTS; i++) {
        EVP_MAC_CTX *context;

        if (!atomic_load_explicit(&key->spare[i], memory_order_relaxed)) continue;
        context = atomic_exchange(&key->spare[i], NULL);
        if (context) return context;
    }
    return EVP_MAC_CTX_dup(key->prepared);
}

static void context_give(struct session_key *key, EVP_MAC_CTX *context)
{
    for (size_t i = 0; i < SPARE_CONTEXTS; i++) {
        EVP_MAC_CTX *none = NULL;

        if (atomic_load_explicit(&key->spare[i], memory_order_relaxed)) continue;
        if (atomic_compare_exchange_strong(&key->spare[i], &none, context)) return;
    }
    EVP_MAC_CTX_free(context);
}

static bool sign(struct session_key *key, struct str text, uint8_t mac[MAC_SIZE])
{
    EVP_MAC_CTX *context = context_take(key);
    size_t size = 0;
    bool signed_it;

    if (!context) return false;
    signed_it = EVP_MAC_init(context, NULL, 0, NULL) == 1 &&
                EVP_MAC_update(context, (const unsigned char *)text.at, text.len) == 1 &&
                EVP_MAC_final(context, mac, &size, MAC_SIZE) == 1 && size == MAC_SIZE;
    context_give(key, context);
    return signed_it;
}

/* --- session ids --------------------------------------------------------------------------- */

static bool sid_hash(struct session_user *user)
{
    unsigned char hash[SESSION_ID_HASH_HEX / 2];
    unsigned int size = 0;

    if (EVP_Digest(user->sid, SESSION_ID_HEX, hash, &size, EVP_sha256(), NULL) != 1) return false;
    hex_encode(hash, sizeof hash, user->sid_hash);
    return true;
}

void session_id_make(struct random *random, struct session_user *user)
{
    unsigned char bytes[SESSION_ID_HEX / 2];

    random_fill(random, bytes, sizeof bytes);
    hex_encode(bytes, sizeof bytes, user->sid);
    ASSERT(sid_hash(user));
}

/* A sid of another form is another service's, and none here. */
static bool take_sid(const struct json *claims, struct session_user *user)
{
    struct str sid;

    if (!json_text(json_get(claims, "sid"), &sid) || sid.len != SESSION_ID_HEX) return true;
    for (size_t i = 0; i < sid.len; i++)
        if (!strchr("0123456789abcdef", sid.at[i])) return true;
    memcpy(user->sid, sid.at, SESSION_ID_HEX);
    user->sid[SESSION_ID_HEX] = '\0';
    return sid_hash(user);
}

bool session_is_old(const struct session_user *user, int64_t now_s)
{
    return user->sid[0] &&
           now_s >= user->issued_at_s + (user->expires_at_s - user->issued_at_s) / 2;
}

/* --- verifying ----------------------------------------------------------------------------- */

static bool decode(struct arena *arena, struct str text, struct str *out)
{
    struct buf bytes;

    buf_init(&bytes, arena, TOKEN_MAX);
    if (text.len > TOKEN_MAX || !base64_decode(&bytes, text) || bytes.failed) return false;
    *out = buf_str(&bytes);
    return true;
}

/* Exactly HS256, and no extension that would have to be understood (RFC 7515 section 4.1.11). Sets
 * *only to the one key that the header names, NULL when it names none of ours. */
static bool header_is_ours(struct key_ring *ring, struct arena *arena, struct str encoded,
                           struct session_key **only)
{
    static const struct str plain = {"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", 36};
    const struct json *header;
    struct str text, alg, kid;

    *only = NULL;
    for (size_t i = 0; i < ring->count && !*only; i++)
        if (str_eq(encoded, (struct str){ring->at[i].header, ring->at[i].header_len}))
            *only = &ring->at[i];
    if (*only || str_eq(encoded, plain)) return true; /* {"alg":"HS256","typ":"JWT"} */
    if (!decode(arena, encoded, &text)) return false;
    header = json_parse_unique(arena, text);
    if (!json_text(json_get(header, "alg"), &alg) || !str_eq(alg, STR("HS256")) ||
        json_get(header, "crit"))
        return false;
    if (!json_text(json_get(header, "kid"), &kid)) return true;
    for (size_t i = 0; i < ring->count; i++)
        if (str_eq(kid, str_of(ring->at[i].kid.text))) *only = &ring->at[i];
    return true;
}

static bool signature_is_right(struct session_key *key, struct str signed_part, struct str given)
{
    uint8_t mac[MAC_SIZE];

    return sign(key, signed_part, mac) &&
           str_eq_secret(given, (struct str){(const char *)mac, MAC_SIZE});
}

static bool verify_with(struct key_ring *ring, struct arena *arena, struct str header,
                        struct str signed_part, struct str given)
{
    struct session_key *only;

    if (!header_is_ours(ring, arena, header, &only)) return false;
    if (!decode(arena, given, &given) || given.len != MAC_SIZE) return false;
    if (only) return signature_is_right(only, signed_part, given);
    for (size_t i = 0; i < ring->count; i++)
        if (signature_is_right(&ring->at[i], signed_part, given)) return true;
    return false;
}

/* A NumericDate (RFC 7519 section 2) as whole seconds. Absent: *out stays. False when it is there
 * and is no time. */
static bool claim_time(const struct json *claims, const char *name, int64_t *out)
{
    const struct json *value = json_get(claims, name);
    double seconds;

    if (!value) return true;
    if (!json_double(value, &seconds) || !(seconds >= 0 && seconds <= TIME_S_MAX)) return false;
    *out = (int64_t)seconds;
    return true;
}

/* 1 to 64 characters, none of them a control character. */
static bool id_is_fine(struct str id)
{
    if (id.len == 0 || !str_is_utf8(id) || str_code_points(id) > ID_CHARS_MAX) return false;
    for (size_t i = 0; i < id.len; i++) {
        unsigned char c = (unsigned char)id.at[i];

        if (c < 0x20 || c == 0x7f) return false;
        if (c == 0xc2 && (unsigned char)id.at[i + 1] < 0xa0) return false; /* U+0080 to U+009F */
    }
    return true;
}

static bool claims_read(const struct json *claims, int64_t now_s, struct session_user *user)
{
    const struct json *email = json_get(claims, "email");
    int64_t not_before_s = 0, issued_at_s = 0, expires_at_s = 0;
    bool has_exp = json_get(claims, "exp") != NULL;

    memset(user, 0, sizeof *user);
    if (!json_text(json_get(claims, "id"), &user->id) || !id_is_fine(user->id)) return false;
    user->email = STR("");
    if (email && !json_text(email, &user->email)) return false;
    if (!claim_time(claims, "iat", &issued_at_s) || !claim_time(claims, "exp", &expires_at_s) ||
        !claim_time(claims, "nbf", &not_before_s))
        return false;
    user->issued_at_s = issued_at_s;
    user->expires_at_s = expires_at_s;
    if (!take_sid(claims, user)) return false;
    if (now_s < not_before_s) return false;
    return now_s < (has_exp ? expires_at_s : issued_at_s + SESSION_MAX_AGE_S);
}

static bool token_verify(const struct session_keys *keys, struct arena *arena, struct str token,
                         int64_t now_s, struct session_user *user)
{
    const char *dot1 = memchr(token.at, '.', token.len);
    const char *dot2 = memrchr(token.at, '.', token.len);
    struct str header, payload, signed_part, given, text;
    bool verified;

    if (!dot1 || dot1 == dot2) return false;
    header = (struct str){token.at, (size_t)(dot1 - token.at)};
    payload = (struct str){dot1 + 1, (size_t)(dot2 - dot1) - 1};
    signed_part = (struct str){token.at, (size_t)(dot2 - token.at)};
    given = (struct str){dot2 + 1, token.len - signed_part.len - 1};
    if (memchr(payload.at, '.', payload.len)) return false;
    verified = verify_with(ring_take(keys), arena, header, signed_part, given);
    ring_give(keys);
    return verified && decode(arena, payload, &text) &&
           claims_read(json_parse_unique(arena, text), now_s, user);
}

/* BASE64({"jwt":"…"}), perhaps in quotes, perhaps with '=' escaped. */
static bool value_verify(const struct session_keys *keys, struct arena *arena, struct str value,
                         int64_t now_s, struct session_user *user)
{
    struct str text, token;

    if (value.len >= 2 && value.at[0] == '"' && value.at[value.len - 1] == '"')
        value = (struct str){value.at + 1, value.len - 2};
    if (value.len == 0 || value.len > TOKEN_MAX) return false;
    if (memchr(value.at, '%', value.len) && !percent_decode(arena, value, false, &value))
        return false;
    if (!decode(arena, value, &text)) return false;
    return json_text(json_get(json_parse_unique(arena, text), "jwt"), &token) &&
           token_verify(keys, arena, token, now_s, user);
}

/* Tries each cookie of that name (RFC 6265 section 5.4: there may be several). */
static bool name_verify(const struct session_keys *keys, struct arena *arena, struct str cookie,
                        struct str name, int64_t now_s, struct session_user *user)
{
    int tries = 0;

    while (cookie.len && tries < CANDIDATES_MAX) {
        const char *end = memchr(cookie.at, ';', cookie.len);
        size_t len = end ? (size_t)(end - cookie.at) : cookie.len;
        struct str pair = str_trim((struct str){cookie.at, len});

        cookie.at += len + (end ? 1 : 0);
        cookie.len -= len + (end ? 1 : 0);
        if (pair.len <= name.len || pair.at[name.len] != '=' || !str_starts(pair, name)) continue;
        tries++;
        pair = (struct str){pair.at + name.len + 1, pair.len - name.len - 1};
        if (value_verify(keys, arena, pair, now_s, user)) return true;
        metric_add(METRIC_SESSIONS_REFUSED, 1);
    }
    return false;
}

bool session_from_cookie(const struct session_keys *keys, struct arena *arena, struct str cookie,
                         int64_t now_s, struct session_user *user)
{
    if (name_verify(keys, arena, cookie, STR("session"), now_s, user) ||
        name_verify(keys, arena, cookie, STR("express:sess"), now_s, user))
        return true;
    memset(user, 0, sizeof *user);
    return false;
}

/* --- making -------------------------------------------------------------------------------- */

static void put_claims(struct buf *out, const struct session_user *user)
{
    struct json_writer writer = json_writer_to(out);

    json_begin_object(&writer);
    json_key(&writer, "id");
    json_put_text(&writer, user->id);
    json_key(&writer, "email");
    json_put_text(&writer, user->email);
    json_key(&writer, "iat");
    json_put_int(&writer, user->issued_at_s);
    if (user->expires_at_s > 0) {
        json_key(&writer, "exp");
        json_put_int(&writer, user->expires_at_s);
    }
    if (user->sid[0]) {
        json_key(&writer, "sid");
        json_put_text(&writer, str_of(user->sid));
    }
    json_end_object(&writer);
}

static void put_cookie(struct reply *rp, const char *name, struct str value, const char *rest,
                       bool secure)
{
    struct buf *out = &rp->headers;

    buf_append(out, STR("Set-Cookie: "));
    buf_append(out, str_of(name));
    buf_append(out, STR("="));
    buf_append(out, value);
    buf_append(out, STR("; Path=/; "));
    buf_append(out, str_of(rest));
    buf_append(out, STR("HttpOnly; SameSite=Lax"));
    if (secure) buf_append(out, STR("; Secure"));
    buf_append(out, STR("\r\n"));
}

/* header.claims.signature, by the key that signs. */
static bool put_token(const struct session_keys *keys, struct buf *token, struct str claims)
{
    struct session_key *key = &ring_take(keys)->at[0];
    uint8_t mac[MAC_SIZE];
    bool signed_it;

    buf_append(token, (struct str){key->header, key->header_len});
    buf_char(token, '.');
    base64_encode(token, claims, true);
    signed_it = !token->failed && sign(key, buf_str(token), mac);
    ring_give(keys);
    if (!signed_it) return false;
    buf_char(token, '.');
    base64_encode(token, (struct str){(const char *)mac, MAC_SIZE}, true);
    return !token->failed;
}

enum err session_start(const struct session_keys *keys, struct reply *rp, struct arena *arena,
                       const struct session_user *user, bool secure)
{
    struct buf claims, token, wrapped, value;

    ASSERT(id_is_fine(user->id));
    buf_init(&claims, arena, TOKEN_MAX);
    buf_init(&token, arena, TOKEN_MAX);
    buf_init(&wrapped, arena, TOKEN_MAX);
    buf_init(&value, arena, TOKEN_MAX);
    put_claims(&claims, user);
    if (claims.failed || !put_token(keys, &token, buf_str(&claims))) return ERR_MEMORY;
    buf_append(&wrapped, STR("{\"jwt\":\""));
    buf_append(&wrapped, buf_str(&token));
    buf_append(&wrapped, STR("\"}"));
    base64_encode(&value, buf_str(&wrapped), false);
    if (wrapped.failed || value.failed) return ERR_MEMORY;
    put_cookie(rp, "session", buf_str(&value), "", secure);
    reply_header(rp, "Cache-Control", STR("no-store"));
    metric_add(METRIC_SESSIONS_ISSUED, 1);
    return rp->headers.failed ? ERR_MEMORY : OK;
}

void session_clear(struct reply *rp, bool secure)
{
    static const char past[] = "Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; ";

    put_cookie(rp, "session", STR(""), past, secure);
    put_cookie(rp, "express:sess", STR(""), past, secure);
}
