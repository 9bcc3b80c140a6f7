/* cli/import/legacy_import.c: boxoffice import: people, tickets, orders and payments of the Node
 * application become this market's. One transaction a service; what is there already stays as it
 * is, so that an import that was broken off is simply run again. A dry run does the same to a copy.
 */
#include "cli/import/legacy_import.h"

#include "base/clock.h"
#include "bus/bus.h"
#include "cli/data/folder.h"
#include "runtime/database.h"
#include "services/services.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FLUSH_ROWS    4096
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

static enum err flush(struct tx *tx, struct wall_ms now)
{
    int64_t last = 0;
    enum err err = OK, end;

    if (!tx->published) return OK;
    tx_item_begin(tx, now);
    err = outbox_flush(tx, &last);
    end = tx_item_end(tx, err == OK);
    tx->published = 0;
    return err ? err : end;
}

static enum err put_rows(struct tx *tx, struct arena *arena, struct table *table, put_fn *put)
{
    struct wall_ms now = clock_wall(&clock_system);
    enum err err = OK;

    for (size_t i = 0; i < table->count; i++) {
        struct row *row = table_row(table, i);

        if (row->left_out) continue;
        TRY(put_row(tx, arena, table, row, put, now));
        if (tx->published >= FLUSH_ROWS) TRY(flush(tx, now));
    }
    TRY(flush(tx, now));
done:
    return err;
}

/* --- services ------------------------------------------------------------------------------ */

/* The rows of one table, in its service's database. followed: orders, for tickets; else NULL. */
static enum err put_table(const char *folder, const struct service_definition *def,
                          struct table *table, put_fn *put, const struct table *followed,
                          struct buf *why)
{
    struct arena *arena = arena_new(ROW_BYTES_MAX);
    char name[NAME_BYTES], path[PATH_BYTES];
    struct table orders;
    struct db *db = NULL;
    struct tx *tx = NULL;
    enum err err = ERR_MEMORY;

    if (!arena) return err;
    snprintf(name, sizeof name, "%s.db", def->name);
    if (!path_join(path, folder, name)) goto done;
    TRY(db_open(path, DB_WRITER, &db, why));
    TRY(service_migrate(db, def, clock_wall(&clock_system), why));
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
    if (err && why->len == 0) buf_printf(why, "%s: %s", path, err_message(err));
    return err;
}

static enum err put_all(struct import *import, const char *folder, struct buf *why)
{
    enum err err = OK;

    if (import->users.file)
        TRY(put_table(folder, &auth_service, &import->users, put_user, NULL, why));
    if (import->tickets.file) {
        TRY(put_table(folder, &tickets_service, &import->tickets, put_ticket, &import->orders,
                      why));
        TRY(put_table(folder, &orders_service, &import->orders, put_order, NULL, why));
        TRY(put_table(folder, &payments_service, &import->payments, put_payment, NULL, why));
    }
done:
    return err;
}

/* --- a dry run ----------------------------------------------------------------------------- */

static enum err copy_databases(const char *from, const char *to, struct buf *why)
{
    static const struct service_definition *const touched[] = {&auth_service, &tickets_service,
                                                               &orders_service, &payments_service};
    char name[NAME_BYTES], source[PATH_BYTES], target[PATH_BYTES];
    int64_t last;
    struct db *db = NULL;
    enum err err = OK;

    for (size_t i = 0; i < sizeof touched / sizeof *touched; i++) {
        snprintf(name, sizeof name, "%s.db", touched[i]->name);
        if (!path_join(source, from, name) || !path_join(target, to, name)) return ERR_INVALID;
        if (!file_exists(source)) continue;
        TRY(db_open(source, DB_READER, &db, why));
        TRY(outbox_last(tx_snapshot(db, WALL_NONE), &last)); /* the first read makes the snapshot */
        TRY(db_copy(db, target, NULL, NULL, why));
        db_close(db);
        db = NULL;
    }
done:
    db_close(db);
    return err;
}

static bool dry_run(struct import *import, const struct settings *settings, struct buf *why)
{
    char folder[PATH_BYTES];
    bool ok;

    if (snprintf(folder, sizeof folder, "%s.dry-run-XXXXXX", folder_of(settings)) >= PATH_BYTES ||
        !mkdtemp(folder)) {
        buf_printf(why, "cannot make %s: %s", folder, strerror(errno));
        return false;
    }
    ok = copy_databases(folder_of(settings), folder, why) == OK &&
         put_all(import, folder, why) == OK;
    (void)folder_clear(folder);
    (void)rmdir(folder);
    return ok;
}

static bool in_earnest(struct import *import, const struct settings *settings, struct buf *why)
{
    struct folder_lock *lock;
    char path[PATH_BYTES];
    bool ok;

    if (!make_folder(settings->data, why) || !make_folder(folder_of(settings), why)) return false;
    if (!path_join(path, folder_of(settings), RESTORING_FOLDER) || file_exists(path)) {
        buf_printf(why, "%s: a restore was broken off: run boxoffice restore again", path);
        return false;
    }
    lock = folder_lock(settings, why);
    if (!lock) return false;
    ok = put_all(import, folder_of(settings), why) == OK;
    folder_unlock(lock);
    return ok;
}

/* --- the command --------------------------------------------------------------------------- */

static void import_print_summary(const struct table *table, bool dry)
{
    if (!table->file) return;
    printf("%-9s %lld read, %lld %s, %lld already there, %lld left out, %lld noted\n", table->what,
           (long long)table->read, (long long)table->added, dry ? "to be taken over" : "taken over",
           (long long)table->there, (long long)table->left_out, (long long)table->noted);
}

static int import_run(struct import *import, const struct settings *settings, bool dry)
{
    const struct table *tables[] = {&import->users, &import->tickets, &import->orders,
                                    &import->payments};
    int64_t left_out = 0;
    struct buf why;
    bool ok;

    (void)umask(0077);
    buf_init(&why, NULL, 2 * PATH_BYTES);
    ok = import_plan(import) &&
         (dry ? dry_run(import, settings, &why) : in_earnest(import, settings, &why));
    if (why.len) (void)cli_fail("%.*s", (int)why.len, why.at);
    for (size_t i = 0; ok && i < sizeof tables / sizeof *tables; i++) {
        import_print_summary(tables[i], dry);
        left_out += tables[i]->left_out;
    }
    buf_free(&why);
    if (cli_finish() != 0) return 1;
    return ok && left_out == 0 ? 0 : 1;
}

int cli_import(int count, char **words)
{
    struct import import = {
        .users = {.what = "users", .row_bytes = sizeof(struct user_row)},
        .tickets = {.what = "tickets", .row_bytes = sizeof(struct ticket_row)},
        .orders = {.what = "orders", .row_bytes = sizeof(struct order_row)},
        .payments = {.what = "payments", .row_bytes = sizeof(struct payment_row)}};
    const char *data = NULL;
    bool dry = false;
    const struct cli_option options[] = {{"users", &import.users.file, NULL},
                                         {"tickets", &import.tickets.file, NULL},
                                         {"orders", &import.orders.file, NULL},
                                         {"payments", &import.payments.file, NULL},
                                         {"dry-run", NULL, &dry},
                                         {"data", &data, NULL},
                                         {0}};
    struct settings settings;
    int first, code = cli_options("import", count, words, options, &first);

    if (code >= 0) return code;
    if (first < count) return cli_refuse("import takes no words: %s", words[first]);
    if (!import.users.file && !import.tickets.file)
        return cli_refuse("import needs --users, or --tickets, --orders and --payments");
    if (!import.tickets.file != !import.orders.file || !import.orders.file != !import.payments.file)
        return cli_refuse("--tickets, --orders and --payments belong together");
    if (!folder_settings(data, &settings)) return 1;
    code = import_run(&import, &settings, dry);
    import_free(&import);
    return code;
}
