/* Any bytes as a file of mongoexport. Promise: reading ends, each document lies in the text, and
 * what is taken is what its service takes; what is not has a reason that fits a line. */
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
    return 0;
}
