/* notifier.h: what the files of this service share. */
#ifndef NOTIFIER_H
#define NOTIFIER_H

#include <runtime/service.h>

#define MAIL_TEXT_MAX  1024 /* bytes of an address or a title, NUL included */
#define NOTIFIER_QUEUE 64   /* mails on their way at once */

extern const struct service_definition notifier_service;
extern const struct migration notifier_schema[];

/* Where mails go; from the environment, read by main before the service starts. */
struct mail_server {
    const char *url;  /* SMTP_URL: smtp://HOST:PORT or smtps://HOST:PORT */
    const char *from; /* MAIL_FROM: the sender's address */
};
/* False: why names the variable and what it takes. */
bool mail_server_from_environment(struct buf *why);

struct mail {
    char order_id[OBJECT_ID_HEX + 1];
    char to[MAIL_TEXT_MAX];
    char title[MAIL_TEXT_MAX];
    int64_t price_cents, tries;
    struct wall_ms now;
};
/* Blocks, at most 20 s; for a pool thread. False: it was not taken; the log says why. */
bool mail_send(const struct mail *mail);

/* --- store.c ------------------------------------------------------------------------------- */

/* -1: nothing is known of it. */
enum err person_version(struct tx *tx, struct object_id id, int64_t *version);
enum err person_put(struct tx *tx, const struct user_created *user);
enum err ticket_version(struct tx *tx, struct object_id id, int64_t *version);
enum err ticket_put(struct tx *tx, struct object_id id, int64_t version, struct str title);

/* A mail is due; once an order. */
enum err mail_add(struct tx *tx, const struct order_completed *order);
/* Due mails whose person and ticket are known, at most max. */
enum err mails_due(struct tx *tx, struct wall_ms now, struct mail *out, size_t max, size_t *count);
/* The earliest due time of those, or WALL_NEVER. */
enum err mails_next(struct tx *tx, struct wall_ms *due_at);
enum err mail_try(struct tx *tx, const char *order_id, struct wall_ms next_try);
enum err mail_sent(struct tx *tx, const char *order_id);

#endif
