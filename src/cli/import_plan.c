/* cli/import_plan.c: reading the files, and making one market of them. */
#include "cli/import.h"

#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROWS_FIRST     1024
#define KEPT_BYTES_MAX ((size_t)16 << 30) /* the machine's memory is the real limit */
#define DOCUMENT_MAX   ((size_t)64 << 20)

/* --- tables -------------------------------------------------------------------------------- */

void import_leave_out(struct table *table, struct row *row, struct str reason)
{
    fprintf(stderr, "%s:%lld: left out: %.*s\n", table->file, (long long)row->line, (int)reason.len,
            reason.at);
    row->left_out = true;
    table->left_out++;
}

void import_note(struct table *table, const struct row *row, const char *remark)
{
    fprintf(stderr, "%s:%lld: note: %s\n", table->file, (long long)row->line, remark);
    table->noted++;
}

static struct row *table_add(struct table *table)
{
    size_t room = table->room ? 2 * table->room : ROWS_FIRST;
    void *rows;

    if (table->count == table->room) {
        rows = reallocarray(table->rows, room, table->row_bytes);
        if (!rows) return NULL;
        table->rows = rows;
        table->room = room;
    }
    memset(table_row(table, table->count), 0, table->row_bytes);
    return table_row(table, table->count);
}

static int by_id(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct object_id));
}

static int by_line(const void *a, const void *b)
{
    const struct row *one = a, *other = b;

    return (one->line > other->line) - (one->line < other->line);
}

static int by_id_and_line(const void *a, const void *b)
{
    int order = by_id(a, b);

    return order ? order : by_line(a, b);
}

static void sort(struct table *table)
{
    if (table->count) qsort(table->rows, table->count, table->row_bytes, by_id_and_line);
    for (size_t i = 1; i < table->count; i++)
        if (by_id(table_row(table, i), table_row(table, i - 1)) == 0)
            import_leave_out(table, table_row(table, i),
                             STR("_id: an earlier record has the same one"));
}

static void in_order_of_lines(struct table *table)
{
    if (table->count) qsort(table->rows, table->count, table->row_bytes, by_line);
}

/* The row of that id that is not left out; NULL: there is none. */
static void *find(const struct table *table, struct object_id id)
{
    struct row *row = NULL;

    if (table->count) row = bsearch(&id, table->rows, table->count, table->row_bytes, by_id);
    if (!row) return NULL;
    while (row != table_row(table, 0) &&
           by_id((const char *)row - table->row_bytes, &id) == 0) /* the first of its like */
        row = (struct row *)(void *)((char *)row - table->row_bytes);
    return row->left_out ? NULL : row;
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
    return keep(import, &ticket->title, why) && keep(import, &ticket->user_id, why);
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
    return keep(import, &order->order.user_id, why);
}

static bool take_payment(struct import *import, const struct json *document, struct row *row,
                         struct buf *why)
{
    struct imported_payment *payment = &((struct payment_row *)row)->payment;

    if (!legacy_payment(document, payment, why)) return false;
    row->id = payment->id;
    return keep(import, &payment->stripe_id, why);
}

static bool read_documents(struct import *import, struct table *table, struct str text,
                           take_fn *take)
{
    struct legacy_reader reader = legacy_read(text);
    char memory[256];
    struct str document;
    int64_t line;

    while (legacy_next(&reader, &document, &line)) {
        struct buf why = {.at = memory, .cap = sizeof memory, .max = sizeof memory};
        struct row *row = table_add(table);

        if (!row) return false;
        table->read++;
        row->line = line;
        arena_reset(import->brief);
        if (take(import, json_parse(import->brief, document), row, &why))
            table->count++;
        else
            import_leave_out(table, row, buf_str(&why));
    }
    return true;
}

static bool read_table(struct import *import, struct table *table, take_fn *take)
{
    int fd = open(table->file, O_RDONLY | O_CLOEXEC);
    struct stat status;
    void *text = NULL;
    bool ok = fd >= 0 && fstat(fd, &status) == 0;

    if (ok && !S_ISREG(status.st_mode)) {
        ok = false;
        errno = EINVAL;
    }
    if (ok && status.st_size) {
        text = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        ok = text != MAP_FAILED;
    }
    if (!ok) (void)cli_fail("cannot read %s: %s", table->file, strerror(errno));
    if (ok && text) {
        ok = read_documents(import, table, (struct str){text, (size_t)status.st_size}, take);
        if (!ok) (void)cli_fail("out of memory");
        munmap(text, (size_t)status.st_size);
    }
    if (fd >= 0) close(fd);
    if (ok) sort(table);
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
        ticket = find(&import->tickets, order->ticket_id);
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
static void settle_ticket(struct import *import, struct ticket_row *ticket)
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

static void settle_payment(struct import *import, struct payment_row *payment)
{
    struct order_row *order = find(&import->orders, payment->payment.order_id);

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
static void settle_order(struct import *import, struct order_row *order)
{
    bool complete = order->order.status == IMPORTED_COMPLETE;

    if (!complete) order->order.payment_id = (struct object_id){{0}};
    if (complete && is_none(order->order.payment_id))
        import_note(&import->orders, &order->row,
                    "complete, but no payment is for it: payments audit will say so");
}

static void settle(struct import *import)
{
    claim(import, IMPORTED_COMPLETE);
    claim(import, IMPORTED_LIVE);
    claim(import, IMPORTED_CANCELLED);
    for (size_t i = 0; i < import->tickets.count; i++)
        if (!table_row(&import->tickets, i)->left_out)
            settle_ticket(import, (struct ticket_row *)table_row(&import->tickets, i));
    for (size_t i = 0; i < import->payments.count; i++)
        if (!table_row(&import->payments, i)->left_out)
            settle_payment(import, (struct payment_row *)table_row(&import->payments, i));
    for (size_t i = 0; i < import->orders.count; i++)
        if (!table_row(&import->orders, i)->left_out)
            settle_order(import, (struct order_row *)table_row(&import->orders, i));
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
    in_order_of_lines(&import->users);
    in_order_of_lines(&import->payments);
    settle(import);
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
