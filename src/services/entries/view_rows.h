/* services/entries/view_rows.h: rows of entries and transfers, for the stores alone. */
#ifndef SERVICES_ENTRIES_VIEW_ROWS_H
#define SERVICES_ENTRIES_VIEW_ROWS_H

#include "services/entries/entry.h"
#include "services/entries/transfer.h"
#include "sql/sql.h"

#define ENTRY_COLUMNS                                                                              \
    "e.id, e.version, e.serial, e.status, e.holder_id, e.ticket_id, e.order_id, e.show_id,"        \
    " e.now_show_id, e.key_id"
/* The row the query stands on. ERR_UNREADABLE: a status that this program does not know. */
enum err entry_read(struct rows *rows, struct arena *arena, struct entry *out);

#define TRANSFER_COLUMNS                                                                           \
    "w.id, w.version, w.entry_id, w.status, w.giver_id, w.giver_email, w.email, w.email_key,"      \
    " w.taker_id, w.made_at_ms, w.ends_at_ms"
/* The same of a transfer, whose columns begin at `first`. */
enum err transfer_read(struct rows *rows, struct arena *arena, int first, struct transfer *out);

#endif
