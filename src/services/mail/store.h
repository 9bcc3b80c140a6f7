/* services/mail/store.h: what the mail service keeps. */
#ifndef SERVICES_MAIL_STORE_H
#define SERVICES_MAIL_STORE_H

#include "services/mail/letter.h"
#include "sql/sql.h"

extern const struct migration mail_schema[];
extern const struct retention mail_retention[];

/*    enum       word */
#define MAIL_STATUS_MAP(X)                                                                         \
    X(WAITING, "waiting")                                                                          \
    X(SENDING, "sending")                                                                          \
    X(SENT, "sent")                                                                                \
    X(REFUSED, "refused")                                                                          \
    X(EXPIRED, "expired")                                                                          \
    X(UNCERTAIN, "uncertain")

enum mail_status {
#define X(name, word) MAIL_##name,
    MAIL_STATUS_MAP(X)
#undef X
        MAIL_STATUSES
};

struct str mail_status_text(enum mail_status status);
bool mail_status_parse(struct str word, enum mail_status *out);

struct mail {
    struct object_id id, cause_id;
    enum mail_kind kind;
    struct str user_id, title;
    struct str email;       /* where it goes; empty: to the account's address */
    struct object_id about; /* the order; of a link the cause itself */
    struct str detail;      /* of a show: when it starts */
    int64_t amount_cents;
    struct wall_ms made_at;
    enum mail_status status;
    int64_t tries;
    struct wall_ms due_at;
    struct str sent_to, reply;
};

/* --- copies -------------------------------------------------------------------------------- */

/* -1: unknown. */
enum err person_version(struct tx *tx, struct str user_id, int64_t *version);
enum err person_put(struct tx *tx, struct str user_id, int64_t version, struct str email);
/* ERR_NOT_FOUND; in the arena. */
enum err person_email(struct tx *tx, struct arena *arena, struct str user_id, struct str *email);

/* Doing it again changes nothing, here and in order_put. */
enum err seller_put(struct tx *tx, struct object_id ticket_id, struct str user_id);
enum err seller_get(struct tx *tx, struct arena *arena, struct object_id ticket_id,
                    struct str *user_id);

struct mail_order {
    struct object_id id, ticket_id;
    struct str user_id, title;
    int64_t price_cents;
};
enum err mail_order_put(struct tx *tx, const struct mail_order *order);
enum err mail_order_get(struct tx *tx, struct arena *arena, struct object_id id,
                        struct mail_order *out);

/* --- letters ------------------------------------------------------------------------------- */

/* Unless there is one of that kind for that cause; *made says. */
enum err mail_insert(struct tx *tx, const struct mail *mail, bool *made);
/* ERR_NOT_FOUND; texts in the arena. In a writer it is locked. */
enum err mail_get(struct tx *tx, struct arena *arena, struct object_id id, struct mail *out);
/* Status, tries, due time, address and reply. */
enum err mail_update(struct tx *tx, const struct mail *mail);
/* Up to max whose time to be sent has come, the longest due first. */
enum err mails_due(struct tx *tx, struct arena *arena, struct mail *out, size_t max, size_t *count);
/* How many are being sent; and when the next waiting one is due, or the next of those being sent is
 * uncertain; WALL_NEVER: never. */
enum err mails_sending(struct tx *tx, int64_t *count);
enum err mails_next(struct tx *tx, enum mail_status status, struct wall_ms *time);
/* Those being sent whose answer was to be known before that: nobody will know it any more. */
enum err mails_lose(struct tx *tx, struct wall_ms before, int64_t *lost);
/* Up to max with an id below `after`, newest first, of that status (NULL: of any). */
enum err mails_page(struct tx *tx, struct arena *arena, const enum mail_status *status,
                    struct object_id after, struct mail *out, size_t max, size_t *count);
/* Removes at most max that were made before that and are not on their way (struct retention). */
enum err mails_forget(struct tx *tx, struct wall_ms before, int64_t max, int64_t *forgotten);

/* Gauges. */
enum err mails_waiting_count(struct tx *tx, int64_t *count);
enum err mails_lost_count(struct tx *tx, int64_t *count);

#endif
