/* Unit tests of every service's retention rows: what is kept, and for how long, is said of each
 * table, beside the migration that makes it. */
#include "../folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* the rest of cmocka's header needs these four */
#include <cmocka.h>

#include "runtime/database.h"
#include "runtime/retention.h"
#include "services/services.h"

#include <stdio.h>

#define NOW_MS INT64_C(1790000000000)

static const struct service_definition *const services[] = {
    &admin_service,    &auth_service,      &tickets_service, &orders_service, &expiration_service,
    &payments_service, &catalogue_service, &entries_service, &mail_service,   &web_service,
};

#define SERVICES (sizeof services / sizeof *services)

static struct db *open_service(const struct folder *folder, const struct service_definition *def)
{
    char name[64];
    struct folder_file file;
    struct db *db = NULL;

    snprintf(name, sizeof name, "%s.db", def->name);
    file = folder_file(folder, name);
    assert_int_equal(db_open(file.path, DB_WRITER, &db, NULL), OK);
    assert_int_equal(service_migrate(db, def, (struct wall_ms){NOW_MS}, NULL), OK);
    return db;
}

static bool is_said(const struct service_definition *def, struct str table)
{
    const struct retention *row;
    size_t found = 0;

    for (size_t part = 0; (row = service_retention(def, part)); part++)
        for (; row->table; row++)
            found += str_eq(str_of(row->table), table) && row->kept[0];
    return found == 1;
}

static void of_every_table_it_is_said_how_long_its_rows_are_kept(void **state)
{
    struct folder folder = folder_make();

    (void)state;
    for (size_t i = 0; i < SERVICES; i++) {
        struct db *db = open_service(&folder, services[i]);
        struct rows rows;

        tx_query_values(tx_read(db, (struct wall_ms){NOW_MS}), &rows,
                        "SELECT name FROM pragma_table_list WHERE schema = 'main' "
                        "AND type = 'table' AND name NOT LIKE 'sqlite%'",
                        NULL, 0);
        while (rows_next(&rows)) {
            struct str table = rows_text(&rows, 0);

            if (!is_said(services[i], table))
                fail_msg("%s: no row, or several, of table %.*s in schema/retention.c",
                         services[i]->name, (int)table.len, table.at);
        }
        assert_int_equal(rows_end(&rows), OK);
        db_close(db);
    }
    folder_remove(&folder);
}

static void it_is_said_of_no_other_table(void **state)
{
    struct folder folder = folder_make();

    (void)state;
    for (size_t i = 0; i < SERVICES; i++) {
        struct db *db = open_service(&folder, services[i]);
        const struct retention *row;

        for (size_t part = 0; (row = service_retention(services[i], part)); part++)
            for (; row->table; row++) {
                bool there = false;

                assert_int_equal(
                    db_has_table(tx_read(db, (struct wall_ms){NOW_MS}), row->table, &there), OK);
                if (!there) fail_msg("%s has no table %s", services[i]->name, row->table);
            }
        db_close(db);
    }
    folder_remove(&folder);
}

/* Every rule's statement is one that the database takes. */
static void what_is_removed_of_an_empty_table_is_nothing(void **state)
{
    struct folder folder = folder_make();

    (void)state;
    for (size_t i = 0; i < SERVICES; i++) {
        struct db *db = open_service(&folder, services[i]);
        const struct retention *row;
        struct tx *tx = NULL;

        assert_int_equal(tx_begin(db, &tx), OK);
        tx_item_begin(tx, (struct wall_ms){NOW_MS});
        for (size_t part = 0; (row = service_retention(services[i], part)); part++)
            for (; row->table; row++) {
                int64_t removed = 0;

                if (row->prune)
                    assert_int_equal(row->prune(tx, (struct wall_ms){NOW_MS}, 10, &removed), OK);
                assert_int_equal(removed, 0);
            }
        assert_int_equal(tx_item_end(tx, true), OK);
        assert_int_equal(tx_commit(tx), OK);
        db_close(db);
    }
    folder_remove(&folder);
}

static void a_service_reads_whose_events_it_listens_to(void **state)
{
    (void)state;
    assert_true(service_reads(&orders_service, &tickets_service));
    assert_true(service_reads(&tickets_service, &orders_service));
    assert_true(service_reads(&orders_service, &auth_service)); /* bans */
    assert_true(service_reads(&orders_service, &admin_service));
    assert_false(service_reads(&orders_service, &orders_service));
    assert_false(service_reads(&expiration_service, &auth_service)); /* it looks at no session */
    assert_false(service_reads(&expiration_service, &tickets_service));
    assert_false(service_reads(&admin_service, &tickets_service));
    assert_false(service_reads(&web_service, &tickets_service)); /* only what comes next */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_every_table_it_is_said_how_long_its_rows_are_kept),
        cmocka_unit_test(it_is_said_of_no_other_table),
        cmocka_unit_test(what_is_removed_of_an_empty_table_is_nothing),
        cmocka_unit_test(a_service_reads_whose_events_it_listens_to),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
