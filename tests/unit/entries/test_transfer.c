/* Unit tests of the rules of an entry on its way. */
#include "services/entries/transfer.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "services/entries/code.h"

#define HOUR_MS (INT64_C(3600) * 1000)
#define START   ((struct wall_ms){INT64_C(1800000000000)})

static struct entry some_entry(void)
{
    return entry_issue((struct object_id){{1}}, STR("00000000"), STR("ada"),
                       (struct object_id){{2}}, (struct object_id){{3}}, (struct object_id){{4}});
}

static struct transfer some_transfer(void)
{
    return (struct transfer){
        .id = {{5}}, .entry_id = {{1}}, .giver_id = STR("ada"), .ends_at = START};
}

static void it_changes_hands_until_two_hours_before_the_show(void **state)
{
    struct transfer_show show = {.starts_at = START};
    struct entry entry = some_entry();

    (void)state;
    assert_int_equal(transfer_allowed(&entry, &show, wall_after(START, -2 * HOUR_MS - 1)), OK);
    assert_int_equal(transfer_allowed(&entry, &show, wall_after(START, -2 * HOUR_MS)),
                     ERR_TRANSFER_LATE);
    show.postponed = true;
    assert_int_equal(transfer_allowed(&entry, &show, wall_after(START, HOUR_MS)), OK);
    show.cancelled = true;
    assert_int_equal(transfer_allowed(&entry, &show, wall_after(START, -9 * HOUR_MS)),
                     ERR_SHOW_CANCELLED);
}

static void what_is_void_or_at_its_last_code_stays(void **state)
{
    struct transfer_show show = {.starts_at = START};
    struct entry entry = some_entry();

    (void)state;
    entry.version = CODE_VERSION_MAX;
    assert_int_equal(transfer_allowed(&entry, &show, wall_after(START, -9 * HOUR_MS)),
                     ERR_WRONG_STATUS);
    assert_true(entry_void(&entry));
    assert_int_equal(transfer_allowed(&entry, &show, wall_after(START, -9 * HOUR_MS)),
                     ERR_ENTRY_VOID);
}

static void taken_it_is_the_takers_with_the_next_version(void **state)
{
    struct transfer transfer = some_transfer();
    struct entry entry = some_entry();

    (void)state;
    assert_int_equal(transfer_take(&transfer, &entry, STR("bob"), START), ERR_TRANSFER_OVER);
    assert_int_equal(transfer_take(&transfer, &entry, STR("bob"), wall_after(START, -1)), OK);
    assert_true(str_eq(entry.holder_id, STR("bob")) && str_eq(transfer.taker_id, STR("bob")));
    assert_int_equal(entry.version, 1);
    assert_int_equal(transfer.version, 1);
    assert_int_equal(transfer_take(&transfer, &entry, STR("eve"), wall_after(START, -1)),
                     ERR_TRANSFER_OVER);
    assert_true(str_eq(entry.holder_id, STR("bob")));
    assert_int_equal(entry.version, 1);
}

static void every_end_is_final(void **state)
{
    (void)state;
    for (enum transfer_status end = TRANSFER_TAKEN; end <= TRANSFER_ENDED; end++) {
        struct transfer transfer = some_transfer();

        assert_int_equal(transfer_close(&transfer, end), OK);
        assert_int_equal(transfer.version, 1);
        assert_int_equal(transfer_close(&transfer, TRANSFER_ENDED), ERR_TRANSFER_OVER);
        assert_int_equal(transfer.status, end);
        assert_int_equal(transfer.version, 1);
    }
}

static void words_are_read_back(void **state)
{
    enum transfer_status read;

    (void)state;
    for (enum transfer_status each = TRANSFER_WAITING; each <= TRANSFER_ENDED; each++) {
        assert_true(transfer_status_parse(transfer_status_text(each), &read));
        assert_int_equal(read, each);
    }
    assert_false(transfer_status_parse(STR("used"), &read));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_changes_hands_until_two_hours_before_the_show),
        cmocka_unit_test(what_is_void_or_at_its_last_code_stays),
        cmocka_unit_test(taken_it_is_the_takers_with_the_next_version),
        cmocka_unit_test(every_end_is_final),
        cmocka_unit_test(words_are_read_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
