/* events/event_rows.h: the catalogue's rows as data, for the codec and the schema printer. */
#ifndef EVENTS_EVENT_ROWS_H
#define EVENTS_EVENT_ROWS_H

#include "events/events.h"

enum event_field_kind {
    FIELD_ID,
    FIELD_REF,
    FIELD_VERSION,
    FIELD_TEXT,
    FIELD_TITLE,
    FIELD_NAME,
    FIELD_USER,
    FIELD_MONEY,
    FIELD_TIME,
    FIELD_FLAG,
    FIELD_HASH,
    FIELD_HASH_REF,
    FIELD_COUNT,
    FIELD_BOUND,
    FIELD_TIME_REF,
    FIELD_DEGREES,
    FIELD_NAMES,
    FIELD_MONEY_REF,
    FIELD_TICKETS
};

struct event_field {
    enum event_field_kind kind;
    size_t offset;    /* of the member in its struct */
    const char *wire; /* "ticket.id" is member id of the nested object ticket */
};

struct event_row {
    const char *subject;
    const char *publisher;
    const char *type; /* of the struct */
    const struct event_field *fields;
    size_t field_count;
};

#define TEXT_BYTES_MAX   320
#define TITLE_POINTS_MAX 200
#define HASH_HEX         64 /* SHA-256 */

extern const struct event_row event_rows[EVENT_TYPES];

/* REF, NAME, FLAG, HASH_REF, COUNT and all kinds after it may be absent. */
static inline bool event_field_optional(const struct event_field *field)
{
    return field->kind == FIELD_REF || field->kind == FIELD_NAME || field->kind == FIELD_FLAG ||
           field->kind == FIELD_HASH_REF || field->kind >= FIELD_COUNT;
}

/* Steps through the fields so that nested objects can be opened and closed: the length of the
 * "ticket." in front of a wire name, 0 for a plain one. */
static inline size_t event_field_prefix(const struct event_field *field)
{
    const char *point = strchr(field->wire, '.');

    return point ? (size_t)(point - field->wire) : 0;
}

#endif
