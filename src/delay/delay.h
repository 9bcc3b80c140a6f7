/* delay/delay.h: due times in Redis, so that of several replicas one takes what is due. A service's
 * own database stays the truth: what is lost here is put again, and what was taken is done only
 * when the database says that it is still due.
 *
 * A sorted set holds what is due when; a second one what was claimed and until when. Claiming is
 * one script in the server, so it is atomic; a claim that is not finished lapses and can be claimed
 * again.
 *
 * Every call may block for DELAY_MS_MAX and belongs to a pool thread, one at a time. */
#ifndef DELAY_DELAY_H
#define DELAY_DELAY_H

#include "base/object_id.h"

#define DELAY_MS_MAX   300
#define DELAY_CALL_MAX 500 /* items of one call */

struct delay;

struct delayed {
    struct object_id id;
    struct wall_ms due_at;
};

/* What REDIS_URL says: redis://[[user]:password@]host:port[/database], user and password
 * percent-decoded; rediss:// the same over TLS; or unix:[[user]:password@]/path of a socket. */
struct delay_address {
    char host[256], user[256], password[256]; /* user, password: "" for none */
    char path[108];                           /* of a socket; "": host and port */
    int port, database;
    bool tls;
    const char
        *ca; /* certificates in PEM that the server is to be certified by; NULL: the system's */
};
/* Whether this program was built with a hiredis that can TLS. */
bool delay_tls(void);
/* False: text is not such a URL. */
bool delay_address_parse(const char *text, struct delay_address *out);

/* name: of the service, whose keys are NAME:due and NAME:claimed. Does not connect yet. NULL: out
 * of memory, or the certificates cannot be used. Texts of the address live as long as it. */
struct delay *delay_open(const struct delay_address *address, const char *name);
void delay_close(struct delay *delay); /* NULL is fine */

/* ERR_UNAVAILABLE: no answer; the next call connects again. */

/* Whether what was asked last was answered, or nothing was yet. Any thread, does not block. */
bool delay_connected(const struct delay *delay);
/* Whether it answers. */
enum err delay_ping(struct delay *delay);
/* Makes due times known; what is claimed stays claimed. */
enum err delay_put(struct delay *delay, const struct delayed *items, size_t count);
/* Takes up to max of what is due at `now` for lease_ms, which the server's clock counts. */
enum err delay_claim(struct delay *delay, struct wall_ms now, int64_t lease_ms,
                     struct object_id *out, size_t max, size_t *count);
/* Forgets what was claimed. */
enum err delay_done(struct delay *delay, const struct object_id *ids, size_t count);

#endif
