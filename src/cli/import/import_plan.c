/* cli/import/import_plan.c: reading the files, and making one market of them. */
#include "cli/import/legacy_import.h"

#include "cli/cli.h"

#include <stdlib.h>

/* The row of that id that is not left out; NULL: there is none. */
static void *plan_find(const struct table *table, struct object_id id)
{
    struct row *row = table_first(table, id);

    return row && !row->left_out ? row : NULL;
}

/* --- reading ------------------------------------------------------------------------------- */

typedef bool take_fn(struct import *import, const struct json *document, struct row *row,
                     struct buf *why);

/* A text that outlives its document. */
static bool keep(struct import *import, struct str *text, struct buf *why)
{
    *text = arena_copy(import->kept, *text);
    if (!text->at) buf_append(why, STR("out of memory"));
    return text->at != NULL;
}

/* A user whose _id is no ObjectId, named by a ticket or an order; users are read before those. */
static bool keep_user_id(struct import *import, struct str *user_id, struct buf *why)
{
    struct object_id id = legacy_id_of_text(*user_id), ignored;
    struct object_id_text made = object_id_text(id);

    if (!object_id_parse(*user_id, &ignored) && plan_find(&import->users, id))
        *user_id = str_of(made.hex);
    return keep(import, user_id, why);
}

static bool take_user(struct import *import, const struct json *document, struct row *row,
                      struct buf *why)
{
    struct imported_user *user = &((struct user_row *)row)->user;

    if (!legacy_user(document, user, why)) return false;
    row->id = user->id;
    return keep(import, &user->email, why) && keep(import, &user->password, why);
}

static bool take_ticket(struct import *import, const struct json *document, struct row *row,
                        struct buf *why)
{
    struct imported_ticket *ticket = &((struct ticket_row *)row)->ticket;

    if (!legacy_ticket(document, ticket, why)) return false;
    row->id = ticket->id;
    ticket->title = imported_title_kept(import->kept, ticket->title);
    return keep(import, &ticket->title, why) && keep_user_id(import, &ticket->user_id, why);
}

static bool take_order(struct import *import, const struct json *document, struct row *row,
                       struct buf *why)
{
    struct order_row *order = (struct order_row *)row;
    struct legacy_order legacy;

    if (!legacy_order(document, &legacy, why)) return false;
    order->order = legacy.order;
    order->ticket_id = legacy.ticket_id;
    row->id = order->order.id;
    return keep_user_id(import, &order->order.user_id, why);
}

static bool take_payment(struct import *import, const struct json *document, struct row *row,
                         struct buf *why)
{
    struct imported_payment *payment = &((struct payment_row *)row)->payment;

    if (!legacy_payment(document, payment, why)) return false;
    row->id = payment->id;
    return keep(import, &payment->stripe_id, why);
}

static void note_made_id(struct table *table, const struct row *row)
{
    char remark[96];

    if (!legacy_id_was_made(row->id)) return;
    snprintf(remark, sizeof remark, "_id: no ObjectId, it comes as %s",
             object_id_text(row->id).hex);
    import_note(table, row, remark);
}

static bool read_documents(struct import *import, struct table *table, struct str text,
                           take_fn *take)
{
    struct legacy_reader reader = legacy_read(text);
    char memory[256];
    struct str document;
    int64_t line;

    if (legacy_unreadable(text)) {
        (void)cli_fail("%s: %s", table->file, legacy_unreadable(text));
        return false;
    }
    while (legacy_next(&reader, &document, &line)) {
        struct buf why = {.at = memory, .cap = sizeof memory, .max = sizeof memory};
        struct row *row = table_add(table);

        if (!row) {
            (void)cli_fail("out of memory");
            return false;
        }
        table->read++;
        row->line = line;
        arena_reset(import->brief);
        if (take(import, json_parsed(import->brief, document), row, &why))
            note_made_id(table, table_row(table, table->count++));
        else
            import_leave_out(table, row, buf_str(&why));
    }
    if (legacy_whole(&reader)) return true;
    (void)cli_fail("%s: its array is not closed: the file is not whole", table->file);
    return false;
}

static void leave_out_twice(struct table *table)
{
    for (size_t i = 1; i < table->count; i++)
        if (object_id_eq(table_row(table, i)->id, table_row(table, i - 1)->id))
            import_leave_out(table, table_row(table, i),
                             STR("_id: an earlier record has the same one"));
}

static bool read_table(struct import *import, struct table *table, take_fn *take)
{
    struct import_file file;
    bool ok = import_file_open(&file, table->file);

    if (ok && file.text.len) ok = read_documents(import, table, file.text, take);
    import_file_close(&file);
    if (ok) table_sort(table);
    if (ok) leave_out_twice(table);
    return ok;
}

/* --- one market ---------------------------------------------------------------------------- */

static bool is_none(struct object_id id)
{
    return object_id_eq(id, (struct object_id){{0}});
}

/* Orders of one status take their tickets. */
static void claim(struct import *import, enum imported_status status)
{
    for (size_t i = 0; i < import->orders.count; i++) {
        struct order_row *order = (struct order_row *)table_row(&import->orders, i);
        struct ticket_row *ticket;

        if (order->row.left_out || order->order.status != status) continue;
        ticket = plan_find(&import->tickets, order->ticket_id);
        if (!ticket) {
            import_leave_out(&import->orders, &order->row,
                             STR("ticket: it is not among the tickets that are taken over"));
        } else if (status != IMPORTED_CANCELLED && !is_none(ticket->claimed)) {
            import_leave_out(&import->orders, &order->row,
                             STR("ticket: another order that is not cancelled has it"));
        } else {
            order->order.ticket = &ticket->ticket;
            if (status != IMPORTED_CANCELLED) ticket->claimed = order->order.id;
            if (status != IMPORTED_LIVE && order->order.version == 0) order->order.version = 1;
            ticket->ticket.sold = ticket->ticket.sold || status == IMPORTED_COMPLETE;
        }
    }
}

/* The order decides who holds a ticket. A ticket that says otherwise comes as its next version. */
static void resolve_ticket(struct import *import, struct ticket_row *ticket)
{
    bool held = !is_none(ticket->claimed);

    if (!object_id_eq(ticket->ticket.order_id, ticket->claimed)) {
        import_note(&import->tickets, &ticket->row,
                    held ? "an order has it that it does not name: reserved"
                         : "the order it names is cancelled or not there: on sale");
        ticket->ticket.order_id = ticket->claimed;
        ticket->ticket.version++;
    }
    if (held && ticket->ticket.version == 0) ticket->ticket.version = 1;
}

static void resolve_payment(struct import *import, struct payment_row *payment)
{
    struct order_row *order = plan_find(&import->orders, payment->payment.order_id);

    if (!order) {
        import_leave_out(&import->payments, &payment->row,
                         STR("orderId: it is not among the orders that are taken over"));
    } else if (!is_none(order->order.payment_id)) {
        import_leave_out(&import->payments, &payment->row,
                         STR("orderId: another payment is for the same order"));
    } else {
        payment->payment.amount_cents = order->order.ticket->price_cents;
        order->order.payment_id = payment->payment.id;
        order->order.stripe_id = payment->payment.stripe_id;
        if (order->order.status == IMPORTED_CANCELLED)
            import_note(&import->payments, &payment->row,
                        "its order is cancelled: it comes back to life when its ticket is free, "
                        "else the money is given back");
    }
}

/* An order knows of the payment that completed it; of any other one it hears by its event. */
static void resolve_order(struct import *import, struct order_row *order)
{
    bool complete = order->order.status == IMPORTED_COMPLETE;

    if (!complete) order->order.payment_id = (struct object_id){{0}};
    if (complete && is_none(order->order.payment_id))
        import_note(&import->orders, &order->row,
                    "complete, but no payment is for it: payments audit will say so");
}

static void resolve_all(struct import *import)
{
    claim(import, IMPORTED_COMPLETE);
    claim(import, IMPORTED_LIVE);
    claim(import, IMPORTED_CANCELLED);
    for (size_t i = 0; i < import->tickets.count; i++)
        if (!table_row(&import->tickets, i)->left_out)
            resolve_ticket(import, (struct ticket_row *)table_row(&import->tickets, i));
    for (size_t i = 0; i < import->payments.count; i++)
        if (!table_row(&import->payments, i)->left_out)
            resolve_payment(import, (struct payment_row *)table_row(&import->payments, i));
    for (size_t i = 0; i < import->orders.count; i++)
        if (!table_row(&import->orders, i)->left_out)
            resolve_order(import, (struct order_row *)table_row(&import->orders, i));
}

bool import_plan(struct import *import)
{
    import->kept = arena_new(KEPT_BYTES_MAX);
    import->brief = arena_new(DOCUMENT_MAX);
    if (!import->kept || !import->brief) {
        (void)cli_fail("out of memory");
        return false;
    }
    if ((import->users.file && !read_table(import, &import->users, take_user)) ||
        (import->tickets.file && (!read_table(import, &import->tickets, take_ticket) ||
                                  !read_table(import, &import->orders, take_order) ||
                                  !read_table(import, &import->payments, take_payment))))
        return false;
    /* Nobody looks for these by id; of two that want the same the first in the file is to have it.
     */
    table_in_order_of_lines(&import->users);
    table_in_order_of_lines(&import->payments);
    resolve_all(import);
    return true;
}

void import_free(struct import *import)
{
    free(import->users.rows);
    free(import->tickets.rows);
    free(import->orders.rows);
    free(import->payments.rows);
    if (import->kept) arena_free(import->kept);
    if (import->brief) arena_free(import->brief);
}
