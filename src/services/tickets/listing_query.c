/* services/tickets/listing_query.c: see services/tickets/listing_query.h. */
#include "services/tickets/listing_query.h"

#include "base/hex.h"

#include <stdio.h>

void listing_cursor_write(const struct listing_query *query, const struct listing_mark *end,
                          char out[LISTING_CURSOR_LEN + 1])
{
    struct object_id_text id = object_id_text(end->id);

    snprintf(out, LISTING_CURSOR_LEN + 1, "%016llx%016llx%s",
             (unsigned long long)query->fingerprint, (unsigned long long)end->price_cents, id.hex);
}

bool listing_cursor_read(struct listing_query *query, struct str text)
{
    struct str id = {text.at + 2 * HEX_NUMBER_LEN, OBJECT_ID_HEX};

    if (text.len != LISTING_CURSOR_LEN || !hex_is_lower(text) ||
        hex_number(text.at) != query->fingerprint || !object_id_parse(id, &query->after.id))
        return false;
    query->after.price_cents = (int64_t)hex_number(text.at + HEX_NUMBER_LEN);
    return true;
}
