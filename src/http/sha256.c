/* http/sha256.c: SHA-256, on OpenSSL. */
#include "http/sha256.h"

#include <openssl/evp.h>
#include <stdlib.h>

struct sha256 {
    EVP_MD_CTX *context;
    bool failed;
};

struct sha256 *sha256_begin(void)
{
    struct sha256 *sum = calloc(1, sizeof *sum);

    if (!sum) return NULL;
    sum->context = EVP_MD_CTX_new();
    sum->failed = !sum->context || EVP_DigestInit_ex(sum->context, EVP_sha256(), NULL) != 1;
    return sum;
}

void sha256_add(struct sha256 *sum, struct str bytes)
{
    if (!sum->failed) sum->failed = EVP_DigestUpdate(sum->context, bytes.at, bytes.len) != 1;
}

bool sha256_end(struct sha256 *sum, struct sha256_text *out)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[SHA256_HEX / 2];
    bool made;

    if (!sum) return false;
    made = !sum->failed && EVP_DigestFinal_ex(sum->context, digest, NULL) == 1;
    for (size_t i = 0; made && i < sizeof digest; i++) {
        out->hex[2 * i] = digits[digest[i] >> 4];
        out->hex[2 * i + 1] = digits[digest[i] & 15];
    }
    out->hex[SHA256_HEX] = '\0';
    EVP_MD_CTX_free(sum->context);
    free(sum);
    return made;
}
