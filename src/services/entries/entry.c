/* services/entries/entry.c: see services/entries/entry.h. */
#include "services/entries/entry.h"

#include "base/base32.h"

static const char *const statuses[] = {[ENTRY_VALID] = "valid", [ENTRY_VOID] = "void"};

struct str entry_status_text(enum entry_status status)
{
    return str_of(statuses[status]);
}

bool entry_status_parse(struct str text, enum entry_status *out)
{
    for (enum entry_status status = ENTRY_VALID; status <= ENTRY_VOID; status++) {
        if (!str_eq(text, str_of(statuses[status]))) continue;
        *out = status;
        return true;
    }
    return false;
}

struct entry_serial entry_serial_of(const uint8_t bytes[ENTRY_SERIAL_BYTES])
{
    struct entry_serial serial = {{0}};

    crockford_encode(bytes, ENTRY_SERIAL_BYTES, serial.text);
    return serial;
}

struct entry entry_issue(struct object_id id, struct str serial, struct str holder_id,
                         struct object_id ticket_id, struct object_id order_id,
                         struct object_id show_id)
{
    return (struct entry){.id = id,
                          .serial = serial,
                          .status = ENTRY_VALID,
                          .holder_id = holder_id,
                          .ticket_id = ticket_id,
                          .order_id = order_id,
                          .show_id = show_id,
                          .now_show_id = show_id};
}

bool entry_void(struct entry *entry)
{
    if (entry->status == ENTRY_VOID) return false;
    entry->status = ENTRY_VOID;
    entry->version++;
    return true;
}
