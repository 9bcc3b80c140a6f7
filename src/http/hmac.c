/* http/hmac.c: HMAC-SHA256, on OpenSSL. */
#include "http/hmac.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

static bool sign(EVP_MAC_CTX *context, struct str key, const struct str *parts, size_t count,
                 unsigned char mac[HMAC_HEX / 2])
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                           OSSL_PARAM_construct_end()};
    size_t size = 0;

    if (EVP_MAC_init(context, (const unsigned char *)key.at, key.len, params) != 1) return false;
    for (size_t i = 0; i < count; i++)
        if (EVP_MAC_update(context, (const unsigned char *)parts[i].at, parts[i].len) != 1)
            return false;
    return EVP_MAC_final(context, mac, &size, HMAC_HEX / 2) == 1 && size == HMAC_HEX / 2;
}

void hex_encode(const unsigned char *bytes, size_t size, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < size; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * size] = '\0';
}

bool hmac_sha256(struct str key, const struct str *parts, size_t count, struct hmac_text *out)
{
    EVP_MAC *algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *context = algorithm ? EVP_MAC_CTX_new(algorithm) : NULL;
    unsigned char mac[HMAC_HEX / 2];
    bool signed_it = context && sign(context, key, parts, count, mac);

    out->hex[0] = '\0';
    if (signed_it) hex_encode(mac, sizeof mac, out->hex);
    EVP_MAC_CTX_free(context);
    EVP_MAC_free(algorithm);
    return signed_it;
}
