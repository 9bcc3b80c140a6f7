/* services/entries/entry.h: the rules of an entry. Pure: what may follow what. */
#ifndef SERVICES_ENTRIES_ENTRY_H
#define SERVICES_ENTRIES_ENTRY_H

#include "base/object_id.h"
#include "events/sale_rules.h"

/* Void is final. */
enum entry_status { ENTRY_VALID, ENTRY_VOID };

struct str entry_status_text(enum entry_status status); /* docs/openapi.json's words */
bool entry_status_parse(struct str text, enum entry_status *out);

/* What people read out at a door: 40 drawn bits, in Crockford's letters and digits. */
#define ENTRY_SERIAL_BYTES 5
#define ENTRY_SERIAL_CHARS 8
struct entry_serial {
    char text[ENTRY_SERIAL_CHARS + 1]; /* NUL-terminated */
};
struct entry_serial entry_serial_of(const uint8_t bytes[ENTRY_SERIAL_BYTES]);

struct entry {
    struct object_id id;
    int64_t version;
    struct str serial;
    enum entry_status status;
    struct str holder_id;
    struct object_id ticket_id, order_id;
    struct object_id show_id;     /* as it was issued */
    struct object_id now_show_id; /* that one, or the one it was merged into */
    int64_t key_id;               /* signs its code */
};

/* A fresh one, valid, of version 0. Texts stay the caller's. */
struct entry entry_issue(struct object_id id, struct str serial, struct str holder_id,
                         struct object_id ticket_id, struct object_id order_id,
                         struct object_id show_id);
/* False: it was void before. */
bool entry_void(struct entry *entry);

/* How long after its beginning a show counts as one to come: nobody says when it ends. */
#define SHOW_LASTS_MS (INT64_C(24) * 3600 * 1000)

#endif
