/* services/entries/transfer.h: the rules of an entry on its way to another person. Pure. */
#ifndef SERVICES_ENTRIES_TRANSFER_H
#define SERVICES_ENTRIES_TRANSFER_H

#include "base/clock.h"
#include "base/err.h"
#include "services/entries/entry.h"

/* All but waiting are final. */
enum transfer_status {
    TRANSFER_WAITING,
    TRANSFER_TAKEN,
    TRANSFER_WITHDRAWN, /* taken back by who gave it */
    TRANSFER_DECLINED,  /* by whom it was for */
    TRANSFER_ENDED      /* its time was over, or its entry is void */
};
struct str transfer_status_text(enum transfer_status status); /* docs/openapi.json's words */
bool transfer_status_parse(struct str text, enum transfer_status *out);

struct transfer {
    struct object_id id; /* all zero: there is none */
    int64_t version;
    struct object_id entry_id;
    enum transfer_status status;
    struct str giver_id, giver_email;
    struct str email, email_key; /* whom it is for: as typed, and as compared (email_key) */
    struct str taker_id;         /* empty until it is taken */
    struct wall_ms made_at, ends_at;
};

static inline bool transfer_known(const struct transfer *transfer)
{
    return !object_id_eq(transfer->id, (struct object_id){{0}});
}

/* It waits for seven days, and no longer than until two hours before the show. */
#define TRANSFER_LASTS_MS  (INT64_C(7) * 24 * 3600 * 1000)
#define TRANSFER_BEFORE_MS (INT64_C(2) * 3600 * 1000)
/* When entries of a show that begins then change hands for the last time; one that was put off has
 * no time yet: WALL_NEVER. */
struct wall_ms transfer_latest(struct wall_ms starts_at, bool postponed);

/* What a show is like for an entry of it. */
struct transfer_show {
    struct wall_ms starts_at;
    bool postponed, cancelled;
};
/* Whether the entry may change hands now. ERR_ENTRY_VOID; ERR_SHOW_CANCELLED; ERR_TRANSFER_LATE;
 * ERR_WRONG_STATUS: it has been through more hands than codes can count. */
enum err transfer_allowed(const struct entry *entry, const struct transfer_show *show,
                          struct wall_ms now);

/* Each makes the next version, or refuses with ERR_TRANSFER_OVER: it does not wait any more. */
enum err transfer_take(struct transfer *transfer, struct entry *entry, struct str taker_id,
                       struct wall_ms now);
enum err transfer_close(struct transfer *transfer, enum transfer_status status);

#endif
