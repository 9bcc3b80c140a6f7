/* Any bytes as a file of mongoexport, and as comma-separated values. Promise: reading ends, each
 * document lies in the text, and what is taken is what its service takes; what is not has a reason
 * that fits a line. A line of values is one JSON object, or has a fault. */
#include "cli/import/csv.h"
#include "cli/import/legacy.h"
#include "fuzz.h"

static void look(const struct json *document)
{
    char memory[256];
    struct buf why = {.at = memory, .cap = sizeof memory, .max = sizeof memory};
    struct imported_payment payment;
    struct imported_ticket ticket;
    struct imported_user user;
    struct legacy_order order;

    if (legacy_user(document, &user, &why))
        ASSERT(imported_email_valid(user.email) && imported_password_valid(user.password) &&
               user.version >= 0);
    else
        ASSERT(why.len > 0 && !why.failed);
    buf_reset(&why);
    if (legacy_ticket(document, &ticket, &why))
        ASSERT(imported_title_valid(ticket.title) && ticket.price_cents > 0 && ticket.version >= 0);
    else
        ASSERT(why.len > 0 && !why.failed);
    buf_reset(&why);
    if (legacy_order(document, &order, &why))
        ASSERT(order.order.version >= 0 && order.order.expires_at.ms >= 0);
    else
        ASSERT(why.len > 0 && !why.failed);
    buf_reset(&why);
    if (!legacy_payment(document, &payment, &why)) ASSERT(why.len > 0 && !why.failed);
}

static void look_at_values(struct str text)
{
    static const struct csv_column columns[] = {{"id", CSV_TEXT},
                                                {"seats", CSV_LIST},
                                                {"rules.maxPerBuyer", CSV_NUMBER},
                                                {"rules.maxOverFaceBps", CSV_NUMBER},
                                                {NULL, CSV_TEXT}};
    struct arena *arena = fuzz_arena();
    struct csv_reader reader;
    struct buf out;
    const char *fault, *before;
    int64_t line, last = 0;

    buf_init(&out, arena, 4096);
    if (!csv_begin(&reader, arena, text, columns, &out)) {
        ASSERT(out.len > 0);
        return;
    }
    for (;;) {
        buf_init(&out, arena, 1 << 20);
        before = reader.text.at;
        if (!csv_next(&reader, arena, &out, &line, &fault) || arena_failed(arena)) return;
        ASSERT(reader.text.at > before && line >= last);
        if (!fault) ASSERT(json_type(json_parsed(arena, buf_str(&out))) == JSON_OBJECT);
        last = line;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = fuzz_text(data, size), document;
    struct legacy_reader reader = legacy_read(text);
    const char *before = reader.text.at;
    int64_t line = 0, last = 0;

    while (legacy_next(&reader, &document, &line)) {
        ASSERT(reader.text.at > before && line >= last && line >= 1);
        ASSERT(document.at >= text.at && document.at + document.len <= text.at + text.len);
        before = reader.text.at;
        last = line;
        look(json_parsed(fuzz_arena(), document));
    }
    look_at_values(text);
    return 0;
}
