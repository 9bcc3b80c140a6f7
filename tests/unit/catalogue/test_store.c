/* tests/unit/catalogue/test_store.c: the catalogue keeps what it is given, on a real database. */
#include "services/catalogue/documents.h"

#include "../folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NOW_MS INT64_C(1790000000000)

struct fixture {
    struct folder folder;
    struct db *db;
    struct arena *arena;
    struct tx *tx;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct buf why;

    buf_init(&why, NULL, 4096);
    fixture->folder = folder_make();
    assert_int_equal(
        db_open(folder_file(&fixture->folder, "catalogue.db").path, DB_WRITER, &fixture->db, &why),
        OK);
    assert_int_equal(db_migrate(fixture->db, catalogue_schema, (struct wall_ms){NOW_MS}, &why), OK);
    buf_free(&why);
    fixture->arena = arena_new(1 << 20);
    assert_int_equal(tx_begin(fixture->db, &fixture->tx), OK);
    tx_item_begin(fixture->tx, (struct wall_ms){NOW_MS});
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    tx_rollback(fixture->tx);
    db_close(fixture->db);
    folder_remove(&fixture->folder);
    arena_free(fixture->arena);
    free(fixture);
    return 0;
}

static struct object_id id_of(unsigned char number)
{
    return (struct object_id){{number, [11] = number}};
}

static struct venue venue_of(unsigned char number, enum venue_status status)
{
    return (struct venue){
        .id = id_of(number),
        .version = 0,
        .status = status,
        .is = {STR("Astra"), STR("Berlin"), STR("DE"), STR("Europe/Berlin"), 52507211, -13451668},
        .user_id = STR("u1")};
}

static struct show show_of(unsigned char number, enum show_status status)
{
    static const struct str performers[] = {{"Mono Lake", 9}, {"R\xc3\xado", 4}};

    return (struct show){.id = id_of(number),
                         .status = status,
                         .is = {.venue_id = id_of(1),
                                .title = STR("Mono Lake"),
                                .performers = {performers, 2},
                                .category = STR("music"),
                                .starts = {{NOW_MS}, "2026-09-21T15:33+02:00"},
                                .max_per_buyer = 4,
                                .max_over_face_bps = 0},
                         .user_id = STR("u1")};
}

static void a_venue_is_read_as_it_was_written(void **state)
{
    struct fixture *fixture = *state;
    struct venue venue = venue_of(1, VENUE_PROPOSED), read;

    assert_int_equal(venue_get(fixture->tx, fixture->arena, venue.id, &read), ERR_NOT_FOUND);
    assert_int_equal(venue_insert(fixture->tx, fixture->arena, &venue), OK);
    assert_int_equal(venue_get(fixture->tx, fixture->arena, venue.id, &read), OK);
    assert_true(str_eq(read.is.name, venue.is.name) && str_eq(read.is.city, venue.is.city));
    assert_int_equal(read.is.latitude, 52507211);
    assert_int_equal(read.is.longitude, -13451668);
    assert_false(is_merged(read.merged_into));
    venue.version = 1;
    venue.status = VENUE_ACCEPTED;
    venue.is.latitude = venue.is.longitude = DEGREES_UNKNOWN;
    venue.merged_into = id_of(9);
    assert_int_equal(venue_update(fixture->tx, fixture->arena, &venue), OK);
    assert_int_equal(venue_get(fixture->tx, fixture->arena, venue.id, &read), OK);
    assert_int_equal(read.version, 1);
    assert_int_equal(read.status, VENUE_ACCEPTED);
    assert_true(read.is.latitude == DEGREES_UNKNOWN && read.is.longitude == DEGREES_UNKNOWN);
    assert_true(object_id_eq(read.merged_into, id_of(9)));
}

static void a_show_is_read_as_it_was_written(void **state)
{
    struct fixture *fixture = *state;
    struct show show = show_of(2, SHOW_PROPOSED), read;

    assert_int_equal(show_insert(fixture->tx, fixture->arena, &show), OK);
    assert_int_equal(show_get(fixture->tx, fixture->arena, show.id, &read), OK);
    assert_null(read.refusal.at);
    assert_int_equal(read.is.performers.count, 2);
    assert_true(str_eq(read.is.performers.at[1], STR("R\xc3\xado")));
    assert_string_equal(read.is.starts.local, "2026-09-21T15:33+02:00");
    assert_int_equal(read.is.doors.at.ms, 0);
    assert_string_equal(read.is.doors.local, "");
    assert_int_equal(read.is.max_over_face_bps, 0);
    show.version = 1;
    show.status = SHOW_CANCELLED;
    show.refusal = STR("another day");
    show.is.performers.count = 0;
    show.is.max_over_face_bps = NO_BOUND;
    assert_int_equal(show_update(fixture->tx, fixture->arena, &show), OK);
    assert_int_equal(show_get(fixture->tx, fixture->arena, show.id, &read), OK);
    assert_int_equal(read.status, SHOW_CANCELLED);
    assert_true(str_eq(read.refusal, STR("another day")));
    assert_int_equal(read.is.performers.count, 0);
    assert_int_equal(read.is.max_over_face_bps, NO_BOUND);
}

static size_t listed(struct fixture *fixture, enum listed which, const char *of, int64_t limit,
                     struct object_id *last)
{
    struct list_page page = {
        .after = {{255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}}, .limit = limit};
    struct staff_filter filter = {STR("proposed"), STR("%mono%"), {NOW_MS}};
    struct json_writer json;
    struct buf out;

    buf_init(&out, NULL, 1 << 20);
    json = json_writer_to(&out);
    assert_int_equal(
        shows_json(fixture->tx, fixture->arena, which, str_of(of), &filter, &page, &json), OK);
    buf_free(&out);
    *last = page.last;
    return (size_t)page.count;
}

static void lists_have_what_they_are_for_newest_first(void **state)
{
    struct fixture *fixture = *state;
    struct show merged = show_of(8, SHOW_SCHEDULED), other = show_of(7, SHOW_SCHEDULED);
    struct object_id last;

    merged.merged_into = id_of(7);
    other.is.venue_id = id_of(6);
    other.user_id = STR("u2");
    for (unsigned char i = 2; i <= 5; i++) {
        struct show show = show_of(i, (enum show_status)(i - 2));

        assert_int_equal(show_insert(fixture->tx, fixture->arena, &show), OK);
    }
    assert_int_equal(show_insert(fixture->tx, fixture->arena, &other), OK);
    assert_int_equal(show_insert(fixture->tx, fixture->arena, &merged), OK);
    assert_int_equal(listed(fixture, LISTED, "", 10, &last), 4);
    assert_true(object_id_eq(last, id_of(3)));
    assert_int_equal(listed(fixture, LISTED, "", 2, &last), 2);
    assert_true(object_id_eq(last, id_of(5)));
    assert_int_equal(listed(fixture, LISTED_FOR_STAFF, "", 10, &last), 1);
    assert_int_equal(listed(fixture, LISTED_OF_USER, "u1", 10, &last), 5);
    assert_int_equal(listed(fixture, LISTED_OF_VENUE, object_id_text(id_of(6)).hex, 10, &last), 1);
}

static void only_shows_that_may_still_be_are_moved_with_a_venue(void **state)
{
    struct fixture *fixture = *state;
    struct show merged = show_of(8, SHOW_SCHEDULED), shows[2];
    size_t count;

    merged.merged_into = id_of(7);
    assert_int_equal(show_insert(fixture->tx, fixture->arena, &merged), OK);
    for (unsigned char i = 2; i <= 5; i++) {
        struct show show = show_of(i, (enum show_status)(i - 2));

        assert_int_equal(show_insert(fixture->tx, fixture->arena, &show), OK);
    }
    assert_int_equal(shows_at_venue(fixture->tx, fixture->arena, id_of(1), (struct object_id){{0}},
                                    shows, 2, &count),
                     OK);
    assert_int_equal(count, 2);
    assert_int_equal(
        shows_at_venue(fixture->tx, fixture->arena, id_of(1), shows[1].id, shows, 2, &count), OK);
    assert_int_equal(count, 1);
    assert_int_equal(shows[0].status, SHOW_POSTPONED);
}

static void proposals_that_wait_are_counted_together(void **state)
{
    struct fixture *fixture = *state;
    struct venue first = venue_of(1, VENUE_PROPOSED), second = venue_of(2, VENUE_ACCEPTED);
    struct show show = show_of(3, SHOW_PROPOSED), merged = show_of(4, SHOW_PROPOSED);
    int64_t count;

    merged.merged_into = id_of(3);
    assert_int_equal(venue_insert(fixture->tx, fixture->arena, &first), OK);
    assert_int_equal(venue_insert(fixture->tx, fixture->arena, &second), OK);
    assert_int_equal(show_insert(fixture->tx, fixture->arena, &show), OK);
    assert_int_equal(show_insert(fixture->tx, fixture->arena, &merged), OK);
    assert_int_equal(proposals_open(fixture->tx, STR("u1"), &count), OK);
    assert_int_equal(count, 2);
    assert_int_equal(proposals_open(fixture->tx, STR("u2"), &count), OK);
    assert_int_equal(count, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_venue_is_read_as_it_was_written, setup, teardown),
        cmocka_unit_test_setup_teardown(a_show_is_read_as_it_was_written, setup, teardown),
        cmocka_unit_test_setup_teardown(lists_have_what_they_are_for_newest_first, setup, teardown),
        cmocka_unit_test_setup_teardown(only_shows_that_may_still_be_are_moved_with_a_venue, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(proposals_that_wait_are_counted_together, setup, teardown),
    };

    return cmocka_run_group_tests_name("catalogue/store", tests, NULL, NULL);
}
