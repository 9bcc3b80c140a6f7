/* cli/import/legacy_import.c: boxoffice import: people, tickets, orders and payments of the Node
 * application become this market's. One transaction a service; what is there already stays as it
 * is, so that an import that was broken off is simply run again. A dry run does the same to a copy.
 */
#include "cli/import/legacy_import.h"

#include "base/clock.h"
#include "cli/import/import_place.h"
#include "services/services.h"

#define ROW_BYTES_MAX (1024 * 1024)

/* --- rows ---------------------------------------------------------------------------------- */

typedef enum err put_fn(struct tx *tx, struct arena *arena, const struct row *row, bool *added);

static enum err put_user(struct tx *tx, struct arena *arena, const struct row *row, bool *added)
{
    return import_user(tx, arena, &((const struct user_row *)row)->user, added);
}

static enum err put_ticket(struct tx *tx, struct arena *arena, const struct row *row, bool *added)
{
    return import_ticket(tx, arena, &((const struct ticket_row *)row)->ticket, added);
}

static enum err put_followed(struct tx *tx, struct arena *arena, const struct row *row, bool *added)
{
    (void)arena;
    *added = false;
    return import_followed_order(tx, &((const struct order_row *)row)->order);
}

static enum err put_order(struct tx *tx, struct arena *arena, const struct row *row, bool *added)
{
    return import_order(tx, arena, &((const struct order_row *)row)->order, added);
}

static enum err put_payment(struct tx *tx, struct arena *arena, const struct row *row, bool *added)
{
    return import_payment(tx, arena, &((const struct payment_row *)row)->payment, added);
}

/* A record against which something in the database stands; any other error ends the import. */
static const char *refusal_of(enum err err)
{
    switch (err) {
    case ERR_EMAIL_IN_USE:
        return "email: another user has it";
    case ERR_TICKET_RESERVED:
        return "ticket: another order that is not cancelled has it";
    case ERR_CONFLICT:
        return "another payment is for the same order, or has the same stripeId";
    default:
        return NULL;
    }
}

static enum err put_row(struct tx *tx, struct arena *arena, struct table *table, struct row *row,
                        put_fn *put, struct wall_ms now)
{
    bool added = false;
    enum err err, end;

    tx_item_begin(tx, now);
    err = put(tx, arena, row, &added);
    end = tx_item_end(tx, err == OK);
    arena_reset(arena);
    if (end) return end;
    if (err == OK) {
        table->added += added;
        table->there += !added;
        return OK;
    }
    if (!refusal_of(err)) return err;
    import_leave_out(table, row, str_of(refusal_of(err)));
    return OK;
}

static enum err put_rows(struct tx *tx, struct arena *arena, struct table *table, put_fn *put)
{
    struct wall_ms now = clock_wall(&clock_system);
    enum err err = OK;

    for (size_t i = 0; i < table->count; i++) {
        struct row *row = table_row(table, i);

        if (row->left_out) continue;
        TRY(put_row(tx, arena, table, row, put, now));
        if (tx->published >= IMPORT_FLUSH_ROWS) TRY(import_flush(tx, now));
    }
    TRY(import_flush(tx, now));
done:
    return err;
}

/* --- services ------------------------------------------------------------------------------ */

/* The rows of one table, in its service's database. followed: orders, for tickets; else NULL. */
static enum err put_table(const struct import_place *place, const struct service_definition *def,
                          struct table *table, put_fn *put, const struct table *followed,
                          struct buf *why)
{
    struct arena *arena = arena_new(ROW_BYTES_MAX);
    struct table orders;
    struct db *db = NULL;
    struct tx *tx = NULL;
    enum err err = ERR_MEMORY;

    if (!arena) return err;
    TRY(import_database(place, def, &db, why));
    TRY(tx_begin(db, &tx));
    TRY(put_rows(tx, arena, table, put));
    if (followed) {
        orders = *followed; /* what is counted there is not of this service */
        TRY(put_rows(tx, arena, &orders, put_followed));
    }
    TRY(tx_commit(tx));
    tx = NULL;
done:
    if (err && tx) tx_rollback(tx);
    db_close(db);
    arena_free(arena);
    if (err && why->len == 0) buf_printf(why, "%s.db: %s", def->name, err_message(err));
    return err;
}

static enum err put_all(void *taken, const struct import_place *place, struct buf *why)
{
    struct import *import = taken;
    enum err err = OK;

    if (import->users.file)
        TRY(put_table(place, &auth_service, &import->users, put_user, NULL, why));
    if (import->tickets.file) {
        TRY(put_table(place, &tickets_service, &import->tickets, put_ticket, &import->orders, why));
        TRY(put_table(place, &orders_service, &import->orders, put_order, NULL, why));
        TRY(put_table(place, &payments_service, &import->payments, put_payment, NULL, why));
    }
done:
    return err;
}

/* --- the whole ---------------------------------------------------------------------------- */

static void import_print_summary(const struct table *table, bool dry)
{
    if (!table->file) return;
    printf("%-9s %lld read, %lld %s, %lld already there, %lld left out, %lld noted\n", table->what,
           (long long)table->read, (long long)table->added, dry ? "to be taken over" : "taken over",
           (long long)table->there, (long long)table->left_out, (long long)table->noted);
}

int legacy_import(struct import *import, const struct settings *settings, bool dry)
{
    const struct table *tables[] = {&import->users, &import->tickets, &import->orders,
                                    &import->payments};
    int64_t left_out = 0;
    struct buf why;
    bool ok;

    buf_init(&why, NULL, 2 * PATH_BYTES);
    ok = import_plan(import) && import_into_place(settings, dry, put_all, import, &why);
    if (why.len) (void)cli_fail("%.*s", (int)why.len, why.at);
    for (size_t i = 0; ok && i < sizeof tables / sizeof *tables; i++) {
        import_print_summary(tables[i], dry);
        left_out += tables[i]->left_out;
    }
    buf_free(&why);
    import_free(import);
    if (cli_finish() != 0) return 1;
    return ok && left_out == 0 ? 0 : 1;
}
