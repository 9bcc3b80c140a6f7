/* Unit tests of runtime/revocations and runtime/audit: what memory knows of the refused, and when.
 */
#include "../folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* the rest of cmocka's header needs these four */
#include <cmocka.h>

#include "runtime/audit.h"
#include "runtime/revocations.h"

#include <stdio.h>
#include <stdlib.h>

#define NOW_MS INT64_C(1790000000000)

/* What of a service the books need. */
struct fixture {
    struct folder folder;
    struct instance instance;
    struct writer *writer;
    struct tx *tx;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct instance *instance = &fixture->instance;
    struct folder_file file;

    fixture->folder = folder_make();
    file = folder_file(&fixture->folder, "test.db");
    object_id_source_init(&instance->ids, &random_system);
    instance->env = (struct env){.instance = instance,
                                 .clock = &clock_system,
                                 .random = &random_system,
                                 .ids = &instance->ids};
    instance->revocations = revocation_table_new();
    instance->revoked_by = REVOKED_BY(3);
    fixture->writer = writer_new(instance);
    assert_int_equal(db_open(file.path, DB_WRITER, &fixture->writer->db, NULL), OK);
    assert_int_equal(
        db_migrate(fixture->writer->db, runtime_schema, (struct wall_ms){NOW_MS}, NULL), OK);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    db_close(fixture->writer->db);
    revocation_table_free(fixture->instance.revocations);
    writer_free(fixture->writer);
    folder_remove(&fixture->folder);
    free(fixture);
    return 0;
}

static void begin(struct fixture *fixture)
{
    assert_int_equal(tx_begin(fixture->writer->db, &fixture->tx), OK);
    tx_item_begin(fixture->tx, (struct wall_ms){NOW_MS});
}

static void commit(struct fixture *fixture)
{
    assert_int_equal(tx_item_end(fixture->tx, true), OK);
    assert_int_equal(tx_commit(fixture->tx), OK);
    revocations_committed(fixture->writer, (struct wall_ms){NOW_MS});
}

static enum verdict ban(struct fixture *fixture, const char *id, int64_t version, bool banned)
{
    return env_user_banned(&fixture->writer->env, fixture->tx, str_of(id), version, banned);
}

static bool is_refused(struct fixture *fixture, const char *id)
{
    struct session_user user = {.id = str_of(id)};

    return session_is_revoked(fixture->instance.revocations, REVOKED_BY(3), &user,
                              (struct wall_ms){NOW_MS});
}

static void memory_follows_the_commit(void **state)
{
    struct fixture *fixture = *state;

    begin(fixture);
    assert_int_equal(ban(fixture, "ann", 1, true), VERDICT_APPLIED);
    assert_false(is_refused(fixture, "ann"));
    commit(fixture);
    assert_true(is_refused(fixture, "ann"));
    assert_false(is_refused(fixture, "bob"));
}

static void the_higher_version_counts_in_whichever_order(void **state)
{
    struct fixture *fixture = *state;

    begin(fixture);
    assert_int_equal(ban(fixture, "ann", 3, true), VERDICT_APPLIED);
    assert_int_equal(ban(fixture, "ann", 3, true), VERDICT_SEEN);
    assert_int_equal(ban(fixture, "ann", 2, false), VERDICT_SEEN);
    commit(fixture);
    assert_true(is_refused(fixture, "ann"));
    begin(fixture);
    assert_int_equal(ban(fixture, "ann", 4, false), VERDICT_APPLIED);
    commit(fixture);
    assert_false(is_refused(fixture, "ann"));
}

static void the_last_word_of_one_transaction_counts(void **state)
{
    struct fixture *fixture = *state;

    begin(fixture);
    assert_int_equal(ban(fixture, "ann", 1, true), VERDICT_APPLIED);
    assert_int_equal(ban(fixture, "ann", 2, false), VERDICT_APPLIED);
    assert_int_equal(ban(fixture, "bob", 1, true), VERDICT_APPLIED);
    assert_int_equal(ban(fixture, "bob", 2, false), VERDICT_APPLIED);
    assert_int_equal(ban(fixture, "bob", 3, true), VERDICT_APPLIED);
    commit(fixture);
    assert_false(is_refused(fixture, "ann"));
    assert_true(is_refused(fixture, "bob"));
}

static bool end_session(struct fixture *fixture, const char *hash, int64_t until_ms)
{
    bool news;

    assert_int_equal(env_session_ended(&fixture->writer->env, fixture->tx, str_of(hash),
                                       (struct wall_ms){until_ms}, &news),
                     OK);
    return news;
}

static bool extend_session(struct fixture *fixture, const char *hash, int64_t until_ms)
{
    bool news;

    assert_int_equal(env_session_extended(&fixture->writer->env, fixture->tx, str_of(hash),
                                          (struct wall_ms){until_ms}, &news),
                     OK);
    return news;
}

static void of_two_ends_of_a_session_the_later_one_counts(void **state)
{
    struct fixture *fixture = *state;
    struct session_user session = {.id = STR("eve"), .sid_hash = "abc"};

    begin(fixture);
    assert_true(end_session(fixture, "abc", NOW_MS + 50));
    assert_false(end_session(fixture, "abc", NOW_MS + 20));
    assert_true(end_session(fixture, "abc", NOW_MS + 60));
    assert_false(
        session_is_revoked(fixture->instance.revocations, 0, &session, (struct wall_ms){NOW_MS}));
    commit(fixture);
    assert_true(session_is_revoked(fixture->instance.revocations, 0, &session,
                                   (struct wall_ms){NOW_MS + 59}));
    /* another service of the program may know an earlier one */
    assert_true(revocation_table_put(fixture->instance.revocations, REVOKED_SESSION, STR("abc"),
                                     (struct wall_ms){NOW_MS + 9}, (struct wall_ms){NOW_MS}));
    assert_true(session_is_revoked(fixture->instance.revocations, 0, &session,
                                   (struct wall_ms){NOW_MS + 59}));
}

static void a_session_is_extended_with_the_commit_and_after_a_restart(void **state)
{
    struct fixture *fixture = *state;

    begin(fixture);
    assert_true(extend_session(fixture, "abc", NOW_MS + 50));
    assert_int_equal(revocation_table_extended(fixture->instance.revocations, STR("abc")).ms, 0);
    commit(fixture);
    assert_int_equal(revocation_table_extended(fixture->instance.revocations, STR("abc")).ms,
                     NOW_MS + 50);
    revocation_table_free(fixture->instance.revocations);
    fixture->instance.revocations = revocation_table_new();
    assert_int_equal(revocations_read(fixture->writer, (struct wall_ms){NOW_MS}), OK);
    assert_int_equal(revocation_table_extended(fixture->instance.revocations, STR("abc")).ms,
                     NOW_MS + 50);
    begin(fixture);
    assert_false(extend_session(fixture, "abc", NOW_MS + 40));
    commit(fixture);
    assert_int_equal(revocation_table_extended(fixture->instance.revocations, STR("abc")).ms,
                     NOW_MS + 50);
}

static void the_books_of_sessions_do_not_grow(void **state)
{
    struct fixture *fixture = *state;
    struct rows rows;

    begin(fixture);
    for (int i = 0; i < 200; i++) {
        char hash[16];

        fixture->tx->now.ms = NOW_MS + i;
        snprintf(hash, sizeof hash, "%d", i);
        end_session(fixture, hash, NOW_MS + i + 10);
        extend_session(fixture, hash, NOW_MS + i + 10);
    }
    tx_query_values(fixture->tx, &rows,
                    "SELECT (SELECT COUNT(*) FROM ended_sessions) +"
                    " (SELECT COUNT(*) FROM extended_sessions)",
                    NULL, 0);
    assert_true(rows_next(&rows));
    assert_in_range(rows_int(&rows, 0), 2, 24);
    assert_int_equal(rows_end(&rows), OK);
    commit(fixture);
}

static void what_others_wrote_is_read_anew(void **state)
{
    struct fixture *fixture = *state;
    struct session_user session = {.id = STR("eve"), .sid_hash = "abc"};
    struct tx *tx;

    begin(fixture);
    assert_int_equal(ban(fixture, "ann", 1, true), VERDICT_APPLIED);
    end_session(fixture, "abc", NOW_MS + 1);
    end_session(fixture, "old", NOW_MS);
    fixture->writer->revocations = NULL; /* as if another process had */
    commit(fixture);
    assert_false(is_refused(fixture, "ann"));
    assert_int_equal(revocations_read(fixture->writer, (struct wall_ms){NOW_MS}), OK);
    assert_true(is_refused(fixture, "ann"));
    assert_true(
        session_is_revoked(fixture->instance.revocations, 0, &session, (struct wall_ms){NOW_MS}));
    assert_false(session_is_revoked(fixture->instance.revocations, 0, &session,
                                    (struct wall_ms){NOW_MS + 1}));
    begin(fixture);
    tx = fixture->tx;
    assert_int_equal(tx_exec(tx, NULL, "UPDATE banned_users SET banned = $1", sql_int(0)), OK);
    commit(fixture);
    assert_int_equal(revocations_read(fixture->writer, (struct wall_ms){NOW_MS}), OK);
    assert_false(is_refused(fixture, "ann"));
}

static void ended_sessions_are_forgotten_when_their_tokens_are_over(void **state)
{
    struct fixture *fixture = *state;
    int64_t forgotten;

    begin(fixture);
    for (int i = 0; i < 5; i++) {
        char hash[16];

        snprintf(hash, sizeof hash, "%d", i);
        fixture->tx->now.ms = NOW_MS - 1;
        end_session(fixture, hash, i < 3 ? NOW_MS : NOW_MS + 1);
    }
    fixture->tx->now.ms = NOW_MS;
    assert_int_equal(ended_sessions_forget(fixture->tx, 2, &forgotten), OK);
    assert_int_equal(forgotten, 2);
    assert_int_equal(ended_sessions_forget(fixture->tx, 2, &forgotten), OK);
    assert_int_equal(forgotten, 1);
    commit(fixture);
}

/* --- the audit log ------------------------------------------------------------------------ */

static void put(struct fixture *fixture, struct str detail, int64_t now_ms)
{
    fixture->tx->now.ms = now_ms;
    assert_int_equal(audit_put(&fixture->writer->env, fixture->tx,
                               &(struct audit){.action = "test", .detail = detail}),
                     OK);
}

static void the_audit_log_is_paged_newest_first_and_cut_between_characters(void **state)
{
    struct fixture *fixture = *state;
    struct audit_row rows[4];
    struct object_id all;
    char text[400];
    size_t count;

    memset(&all, 0xff, sizeof all);
    text[0] = 'x'; /* so that the bound falls into a character */
    for (size_t i = 1; i + 1 < sizeof text; i += 2)
        memcpy(text + i, "\xc3\xa4", 2);
    begin(fixture);
    put(fixture, STR("first"), NOW_MS);
    put(fixture, STR("second"), NOW_MS + 1000);
    put(fixture, STR(""), NOW_MS + 2000);
    put(fixture, (struct str){text, 399}, NOW_MS + 3000);
    commit(fixture);
    assert_int_equal(audit_page(tx_read(fixture->writer->db, (struct wall_ms){NOW_MS}),
                                fixture->writer->arena, all, rows, 4, &count),
                     OK);
    assert_int_equal(count, 4);
    assert_int_equal(rows[0].texts[4].len, 255);
    assert_true(str_is_utf8(rows[0].texts[4]));
    assert_true(str_eq(rows[3].texts[4], STR("first")));
    assert_int_equal(audit_page(tx_read(fixture->writer->db, (struct wall_ms){NOW_MS}),
                                fixture->writer->arena, rows[2].id, rows, 4, &count),
                     OK);
    assert_int_equal(count, 1);
    assert_true(str_eq(rows[0].texts[4], STR("first")));
}

static void entries_go_when_they_are_a_year_old(void **state)
{
    const int64_t day_ms = INT64_C(24) * 3600 * 1000;
    struct fixture *fixture = *state;
    struct audit_row rows[4];
    struct object_id all;
    size_t count;

    memset(&all, 0xff, sizeof all);
    begin(fixture);
    put(fixture, STR("long ago"), 1000000); /* old by the engine's own clock, too */
    put(fixture, STR("a year ago"), 1000000 + 365 * day_ms);
    put(fixture, STR("later"), 1000000 + 367 * day_ms);
    commit(fixture);
    assert_int_equal(audit_page(tx_read(fixture->writer->db, (struct wall_ms){NOW_MS}),
                                fixture->writer->arena, all, rows, 4, &count),
                     OK);
    assert_int_equal(count, 2);
    assert_true(str_eq(rows[1].texts[4], STR("a year ago")));
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(memory_follows_the_commit),
        EACH(the_higher_version_counts_in_whichever_order),
        EACH(the_last_word_of_one_transaction_counts),
        EACH(of_two_ends_of_a_session_the_later_one_counts),
        EACH(a_session_is_extended_with_the_commit_and_after_a_restart),
        EACH(the_books_of_sessions_do_not_grow),
        EACH(what_others_wrote_is_read_anew),
        EACH(ended_sessions_are_forgotten_when_their_tokens_are_over),
        EACH(the_audit_log_is_paged_newest_first_and_cut_between_characters),
        EACH(entries_go_when_they_are_a_year_old),
    };

    return cmocka_run_group_tests_name("runtime/revocations", tests, NULL, NULL);
}
