/* delay/tls.c: see delay/tls.h. hiredis leaves it to us whose certificate is believed: its own
 * context does not look at the host's name. */
#include "delay/tls.h"

#ifdef WITH_REDIS_TLS

#include <hiredis/hiredis_ssl.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#define SYSTEM_AUTHORITIES "/etc/ssl/certs/ca-certificates.crt"

bool delay_tls(void)
{
    return true;
}

static SSL_CTX *context_of(struct tls *tls)
{
    return (SSL_CTX *)(void *)tls;
}

/* How many certificates of the text are believed now. */
static size_t believe(SSL_CTX *context, const char *ca)
{
    BIO *text = BIO_new_mem_buf(ca, -1);
    X509 *certificate;
    size_t count = 0;

    if (!text) return 0;
    while ((certificate = PEM_read_bio_X509(text, NULL, NULL, NULL))) {
        count += X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate) == 1;
        X509_free(certificate);
    }
    BIO_free(text);
    return count;
}

struct tls *tls_open(const char *ca)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    bool good;

    if (!context) return NULL;
    good = ca ? believe(context, ca) > 0
              : SSL_CTX_load_verify_locations(context, SYSTEM_AUTHORITIES, NULL) == 1;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    if (good && SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1)
        return (struct tls *)(void *)context;
    SSL_CTX_free(context);
    return NULL;
}

void tls_close(struct tls *tls)
{
    SSL_CTX_free(context_of(tls));
}

/* A name is told to the server (SNI) and looked for among the certificate's names; an address,
 * which must not be told, among its addresses. */
static bool expect_host(SSL *ssl, const char *host)
{
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1) return true;
    return SSL_set_tlsext_host_name(ssl, host) == 1 && SSL_set1_host(ssl, host) == 1;
}

bool tls_start(struct tls *tls, redisContext *redis, const char *host)
{
    SSL *ssl = SSL_new(context_of(tls));

    if (!ssl) return false;
    if (expect_host(ssl, host) && redisInitiateSSL(redis, ssl) == REDIS_OK) return true;
    SSL_free(ssl);
    return false;
}

#else

bool delay_tls(void)
{
    return false;
}

struct tls *tls_open(const char *ca)
{
    (void)ca;
    return NULL;
}

void tls_close(struct tls *tls)
{
    (void)tls;
}

bool tls_start(struct tls *tls, redisContext *redis, const char *host)
{
    (void)tls;
    (void)redis;
    (void)host;
    return false;
}

#endif
