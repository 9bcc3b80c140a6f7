/* services/entries/door/scan_store.h: what gates have read, and who was let in. Texts read live in
 * the arena. */
#ifndef SERVICES_ENTRIES_DOOR_SCAN_STORE_H
#define SERVICES_ENTRIES_DOOR_SCAN_STORE_H

#include "runtime/service.h"
#include "services/entries/door/scan.h"

struct admission {
    struct object_id entry_id, gate_id, scan_id;
    struct wall_ms at;
    bool offline;
    struct str gate_name; /* when it is read */
};
/* *first: nobody was let in by this entry before; else nothing is changed. */
enum err admission_insert(struct tx *tx, const struct admission *admission, bool *first);
/* ERR_NOT_FOUND: nobody was let in by it. */
enum err admission_get(struct tx *tx, struct arena *arena, struct object_id entry_id,
                       struct admission *out);

struct scan {
    struct object_id gate_id, id;
    struct object_id entry_id; /* all zero: nobody knows whose it is */
    enum scan_answer answer;
    struct str reason;
    bool wrong; /* the gate let in by itself what was not to be let in */
    struct wall_ms at, gate_at, received_at;
};
enum err scan_insert(struct tx *tx, const struct scan *scan);
/* ERR_NOT_FOUND. */
enum err scan_get(struct tx *tx, struct arena *arena, struct object_id gate_id, struct object_id id,
                  struct scan *out);
/* Removes at most max that were received before that and were right (struct retention). */
enum err scans_forget(struct tx *tx, struct wall_ms before, int64_t max, int64_t *forgotten);
/* An entry as a gate has to know it. */
struct scanned_entry {
    struct object_id id, ticket_id, order_id;
    struct object_id show_id, now_show_id; /* as it was issued, and now */
    int64_t version;
    enum entry_status status;
    struct str holder_id;
    bool issued;           /* our code opens the door, not the organiser's file */
    bool same_title_there; /* its show has that title, at that venue */
};
/* By its serial; locked in a writer. ERR_NOT_FOUND. */
enum err scanned_entry_get(struct tx *tx, struct arena *arena, struct str serial, struct str title,
                           struct object_id venue_id, struct scanned_entry *out);
/* Another entry of the ticket that is valid: of which order. ERR_NOT_FOUND: it has none. */
enum err valid_entry_of_ticket(struct tx *tx, struct object_id ticket_id,
                               struct object_id *order_id);

/* --- as staff see them ------------------------------------------------------------------------ */

/* How many each gate of a show let in within a minute. */
struct admitted_minute {
    struct wall_ms minute; /* its beginning */
    struct object_id gate_id;
    int64_t count;
};
/* At most max minutes and gates, the latest first, for admitted_minute_next; then rows_end. */
void admitted_minutes(struct tx *tx, struct rows *rows, struct object_id show_id, int64_t max);
bool admitted_minute_next(struct rows *rows, struct admitted_minute *out);

/* What a gate of a show let in by itself and was not to. */
struct wrong_scan {
    struct scan scan;
    struct str gate_name;
    struct str serial;      /* empty: nobody knows whose it is */
    struct admission first; /* who was let in by it first; gate_id all zero: nobody */
};
/* At most max, the latest first, for wrong_scan_next; then rows_end. */
void wrong_scans(struct tx *tx, struct rows *rows, struct object_id show_id, int64_t max);
/* ERR_NOT_FOUND: no more. */
enum err wrong_scan_next(struct rows *rows, struct arena *arena, struct wrong_scan *out);

#endif
