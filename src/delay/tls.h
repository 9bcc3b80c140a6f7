/* delay/tls.h: TLS on a connection to Redis. Inside delay/ only. */
#ifndef DELAY_TLS_H
#define DELAY_TLS_H

#include "delay/delay.h"

#include <hiredis/hiredis.h>

struct tls;

/* What a server is to be certified by: ca, certificates in PEM; NULL: the system's authorities.
 * Read here, so that the sandbox need not let them be read later. NULL: they cannot be used, or out
 * of memory, or delay_tls() is false. */
struct tls *tls_open(const char *ca);
void tls_close(struct tls *tls); /* NULL is fine */
/* Encrypts a connection just made. The server has to prove that it is that host, a name or an
 * address. False: it did not; redis->errstr says why, and the connection is of no more use. */
bool tls_start(struct tls *tls, redisContext *redis, const char *host);

#endif
