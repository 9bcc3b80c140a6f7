/* services/mail/attendance_store.h: the rows of shows and of who holds entries to them. Texts read
 * live in the arena. */
#ifndef SERVICES_MAIL_ATTENDANCE_STORE_H
#define SERVICES_MAIL_ATTENDANCE_STORE_H

#include "services/mail/store.h"

/* A show, and the latest change of it that is told to whoever holds an entry. */
struct mail_show {
    struct object_id id;
    int64_t version;
    struct str title, status, starts_local;
    struct object_id merged_into; /* all zero: not merged */
    struct {
        enum mail_kind kind; /* MAIL_KINDS: there was none */
        int64_t version;     /* the show's */
        struct wall_ms at;
    } change;
    struct str told_up_to; /* user ids up to this one */
    bool telling;          /* there may be more of them */
};
/* ERR_NOT_FOUND. In a writer it is locked. */
enum err mail_show_get(struct tx *tx, struct arena *arena, struct object_id id,
                       struct mail_show *out);
enum err mail_show_put(struct tx *tx, const struct mail_show *show);
/* One whose change is being told, which no other replica is telling. ERR_NOT_FOUND. */
enum err mail_show_telling(struct tx *tx, struct arena *arena, struct mail_show *out);

struct holder {
    struct object_id entry_id;
    int64_t version;
    struct str user_id;
    struct object_id show_id; /* all zero: not known yet */
    bool valid;
};
/* ERR_NOT_FOUND. In a writer it is locked. */
enum err holder_get(struct tx *tx, struct arena *arena, struct object_id entry_id,
                    struct holder *out);
enum err holder_put(struct tx *tx, const struct holder *holder);
/* All of one show are of another one. */
enum err holders_move(struct tx *tx, struct object_id from, struct object_id to);
/* Up to max people beyond that one who hold valid entries to the show, each once, by their ids. */
enum err holders_after(struct tx *tx, struct arena *arena, struct object_id show_id,
                       struct str after, struct str *out, size_t max, size_t *count);

#endif
