/* Any bytes as a Cookie header, and any bytes as the claims of a token that is signed as it should
 * be: so the reader of the claims is reached, too. Promise: a session that is believed has a user
 * id of 1 to 64 printable characters; one that is not leaves an empty user. */
#include "fuzz.h"
#include "identity/user_id.h"
#include "identity/session_cookie.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#define NOW_S INT64_C(1800000000)

static const struct str key = {"a key for fuzzing only, 0123456789", 34};

static void try_cookie(const struct session_keys *keys, struct str cookie)
{
    struct session_user user;
    bool believed = session_from_cookie(keys, NULL, fuzz_arena(), cookie, NOW_S, &user);

    ASSERT(believed ? user.id.len >= 1 : user.id.len == 0);
    ASSERT(!believed || user_id_valid(user.id));
    ASSERT(!believed || user.expires_at_s == 0 || user.expires_at_s > NOW_S);
}

/* session=BASE64({"jwt":"HEAD.CLAIMS.SIGNATURE"}) with any HEAD and CLAIMS; '\n' parts them. */
static void sign_cookie(struct str text, struct buf *cookie)
{
    const char *end = text.len ? memchr(text.at, '\n', text.len) : NULL;
    struct str head = STR("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"), claims = text;
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned mac_len = 0;
    struct buf token, outer;

    if (end) {
        head = (struct str){text.at, (size_t)(end - text.at)};
        claims = (struct str){end + 1, text.len - head.len - 1};
    }
    buf_init(&token, NULL, FUZZ_TEXT_MAX);
    buf_init(&outer, NULL, FUZZ_TEXT_MAX);
    base64_encode(&token, head, true);
    buf_char(&token, '.');
    base64_encode(&token, claims, true);
    HMAC(EVP_sha256(), key.at, (int)key.len, (const unsigned char *)token.at, token.len, mac,
         &mac_len);
    buf_char(&token, '.');
    base64_encode(&token, (struct str){(const char *)mac, mac_len}, true);
    buf_append(&outer, STR("{\"jwt\":\""));
    buf_append(&outer, buf_str(&token));
    buf_append(&outer, STR("\"}"));
    buf_append(cookie, STR("session="));
    base64_encode(cookie, buf_str(&outer), false);
    buf_free(&token);
    buf_free(&outer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct session_keys *keys;
    struct str text = fuzz_text(data, size);
    struct buf cookie;

    if (!keys) keys = session_keys_new(key);
    ASSERT(keys);
    try_cookie(keys, text);
    buf_init(&cookie, NULL, FUZZ_TEXT_MAX);
    sign_cookie(text, &cookie);
    try_cookie(keys, buf_str(&cookie));
    buf_free(&cookie);
    return 0;
}
