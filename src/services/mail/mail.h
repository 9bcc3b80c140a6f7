/* services/mail/mail.h: what the files of the mail service share. */
#ifndef SERVICES_MAIL_MAIL_H
#define SERVICES_MAIL_MAIL_H

#include "runtime/service.h"
#include "services/mail/store.h"

#define MAIL_ROUTES    6
#define MAIL_LISTENERS 18

#define MAIL_EXPIRES_MS (INT64_C(48) * 3600 * 1000) /* a letter is tried for so long */

/* env->state; the first writer's alone. */
struct mail_service_state {
    struct arena *arena;
    bool began;                 /* its first look was taken */
    bool away;                  /* the server takes nothing */
    struct mono_ms minute_ends; /* of those sent this minute */
    int64_t this_minute;
};

/* The jobs' rows. */
enum { SEND, TELL };

extern const struct route mail_routes[MAIL_ROUTES];
extern const struct listener mail_listeners[MAIL_LISTENERS];

/* A letter for what the event that runs now tells, unless it was written before, or happened so
 * long ago that nobody wants to hear of it: a service that is new reads every outbox from its
 * beginning. about, email, title, detail and amount are the kind's. In a listener. */
enum err mail_write(struct env *env, struct tx *tx, const struct mail *mail);
/* The same whenever it happened. In the writer. */
enum err mail_put(struct env *env, struct tx *tx, const struct mail *mail);
/* Out again, whatever became of it before; the letter is waiting. In the writer. */
enum err mail_again(struct env *env, struct tx *tx, struct mail *mail);

/* Appends the whole message to `out`. ERR_INVALID: the address cannot be written. */
enum err mail_compose(const struct env *env, struct arena *arena, const struct mail *mail,
                      struct str address, struct buf *out);
/* What the letter says, in the arena. */
enum err mail_view(const struct env *env, struct arena *arena, const struct mail *mail,
                   struct letter_view *out);

/* The job: what is due is sent. */
enum err mails_send(struct env *env, struct tx *tx, struct wall_ms *next);

#endif
