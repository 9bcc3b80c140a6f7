/* services/mail/letter.h: which letters there are, and what each says. Pure but for memory.
 * Threads: any. */
#ifndef SERVICES_MAIL_LETTER_H
#define SERVICES_MAIL_LETTER_H

#include "base/arena.h"
#include "base/object_id.h"
#include "services/mail/letter_view.h"

/*    enum       word */
#define MAIL_KIND_MAP(X)                                                                           \
    X(RESET, "reset")                     /* a link to a new password */                           \
    X(ADDRESS, "address")                 /* a link that confirms the address */                   \
    X(ADDRESS_CHANGED, "address_changed") /* to the one of before */                               \
    X(DEVICE, "device")                   /* signed in with a browser that is new here */          \
    X(FACTOR_ON, "factor_on")             /* sign-in asks for a code */                            \
    X(FACTOR_OFF, "factor_off")           /* … and no more */                                    \
    X(PASSWORD, "password")               /* the password was changed */                           \
    X(ORDER, "order")                     /* bought */                                             \
    X(ENTRY, "entry")                     /* the same, of tickets that codes open the door for */  \
    X(SOLD, "sold")                                                                                \
    X(REFUND, "refund")                                                                            \
    X(SHOW_CANCELLED, "show_cancelled")                                                            \
    X(SHOW_POSTPONED, "show_postponed")                                                            \
    X(SHOW_MOVED, "show_moved") /* takes place at another time */                                  \
    X(TRANSFER, "transfer")     /* somebody sends a ticket to this address */                      \
    X(TAKEN, "taken")           /* … and it was taken: to who sent it */

enum mail_kind {
#define X(name, word) MAIL_##name,
    MAIL_KIND_MAP(X)
#undef X
        MAIL_KINDS
};

struct str mail_kind_text(enum mail_kind kind);
bool mail_kind_parse(struct str word, enum mail_kind *out);

/* What a letter is about; texts are the caller's. */
struct letter {
    enum mail_kind kind;
    struct str base;        /* where the pages are: "https://host" */
    struct str token;       /* of its link; empty: it has none */
    struct object_id about; /* the order */
    struct str title;
    struct str
        detail; /* of a show: when it starts, by the clocks there ("2027-03-28T19:30+02:00") */
    int64_t amount_cents;
};

/* What it says, in the arena. ERR_MEMORY. */
enum err letter_view_of(struct arena *arena, const struct letter *letter, struct letter_view *out);
/* The same as plain text, lines ending in LF. */
void letter_text(struct buf *out, const struct letter_view *view);

#endif
