/* services/tickets/listing_query.c: see services/tickets/listing_query.h. */
#include "services/tickets/listing_query.h"

#include "base/hex.h"

#include <stdio.h>

#define NUMBER_DIGITS 16

void listing_cursor_write(const struct listing_query *query, const struct listing_mark *end,
                          char out[LISTING_CURSOR_LEN + 1])
{
    struct object_id_text id = object_id_text(end->id);

    snprintf(out, LISTING_CURSOR_LEN + 1, "%016llx%016llx%s",
             (unsigned long long)query->fingerprint, (unsigned long long)end->price_cents, id.hex);
}

static uint64_t number_at(struct str text, size_t from)
{
    uint64_t number = 0;

    for (size_t i = from; i < from + NUMBER_DIGITS; i++)
        number = number << 4 | (uint64_t)hex_digit(text.at[i]);
    return number;
}

bool listing_cursor_read(struct listing_query *query, struct str text)
{
    struct str id = {text.at + 2 * NUMBER_DIGITS, OBJECT_ID_HEX};

    if (text.len != LISTING_CURSOR_LEN || !hex_is_lower(text) ||
        number_at(text, 0) != query->fingerprint || !object_id_parse(id, &query->after.id))
        return false;
    query->after.price_cents = (int64_t)number_at(text, NUMBER_DIGITS);
    return true;
}
