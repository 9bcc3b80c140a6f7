/* services/entries/transfer.c: see services/entries/transfer.h. */
#include "services/entries/transfer.h"

#include "services/entries/code.h"

static const char *const statuses[] = {[TRANSFER_WAITING] = "waiting",
                                       [TRANSFER_TAKEN] = "taken",
                                       [TRANSFER_WITHDRAWN] = "withdrawn",
                                       [TRANSFER_DECLINED] = "declined",
                                       [TRANSFER_ENDED] = "ended"};

struct str transfer_status_text(enum transfer_status status)
{
    return str_of(statuses[status]);
}

bool transfer_status_parse(struct str text, enum transfer_status *out)
{
    for (enum transfer_status status = TRANSFER_WAITING; status <= TRANSFER_ENDED; status++) {
        if (!str_eq(text, str_of(statuses[status]))) continue;
        *out = status;
        return true;
    }
    return false;
}

struct wall_ms transfer_latest(struct wall_ms starts_at, bool postponed)
{
    return postponed ? WALL_NEVER : wall_after(starts_at, -TRANSFER_BEFORE_MS);
}

enum err transfer_allowed(const struct entry *entry, const struct transfer_show *show,
                          struct wall_ms now)
{
    if (entry->status == ENTRY_VOID) return ERR_ENTRY_VOID;
    if (show->cancelled) return ERR_SHOW_CANCELLED;
    if (wall_reached(now, transfer_latest(show->starts_at, show->postponed)))
        return ERR_TRANSFER_LATE;
    return entry->version < CODE_VERSION_MAX ? OK : ERR_WRONG_STATUS;
}

enum err transfer_take(struct transfer *transfer, struct entry *entry, struct str taker_id,
                       struct wall_ms now)
{
    if (wall_reached(now, transfer->ends_at)) return ERR_TRANSFER_OVER;
    if (transfer_close(transfer, TRANSFER_TAKEN) != OK) return ERR_TRANSFER_OVER;
    transfer->taker_id = taker_id;
    entry->holder_id = taker_id;
    entry->version++;
    return OK;
}

enum err transfer_close(struct transfer *transfer, enum transfer_status status)
{
    if (transfer->status != TRANSFER_WAITING) return ERR_TRANSFER_OVER;
    transfer->status = status;
    transfer->version++;
    return OK;
}
