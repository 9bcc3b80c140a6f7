/* Unit tests of an entry's rules. */
#include "services/entries/entry.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static struct entry some_entry(void)
{
    return entry_issue((struct object_id){{1}}, STR("00000000"), STR("ada"),
                       (struct object_id){{2}}, (struct object_id){{3}}, (struct object_id){{4}});
}

static void a_fresh_one_is_valid_and_its_buyers(void **state)
{
    struct entry entry = some_entry();

    (void)state;
    assert_int_equal(entry.version, 0);
    assert_int_equal(entry.status, ENTRY_VALID);
    assert_true(str_eq(entry.holder_id, STR("ada")));
    assert_true(object_id_eq(entry.show_id, entry.now_show_id));
}

static void void_is_final(void **state)
{
    struct entry entry = some_entry();

    (void)state;
    assert_true(entry_void(&entry));
    assert_int_equal(entry.version, 1);
    assert_false(entry_void(&entry));
    assert_int_equal(entry.version, 1);
    assert_int_equal(entry.status, ENTRY_VOID);
}

static void words_are_read_back(void **state)
{
    enum entry_status status;

    (void)state;
    assert_true(entry_status_parse(entry_status_text(ENTRY_VALID), &status));
    assert_int_equal(status, ENTRY_VALID);
    assert_true(entry_status_parse(entry_status_text(ENTRY_VOID), &status));
    assert_int_equal(status, ENTRY_VOID);
    assert_false(entry_status_parse(STR("used"), &status));
}

/* 40 bits, 5 a character, the first ones first. */
static void a_serial_is_eight_characters(void **state)
{
    static const struct {
        uint8_t bytes[ENTRY_SERIAL_BYTES];
        const char *text;
    } vectors[] = {
        {{0, 0, 0, 0, 0}, "00000000"},
        {{0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, "ZZZZZZZZ"},
        {{0, 0, 0, 0, 1}, "00000001"},
        {{0x80, 0, 0, 0, 0}, "G0000000"},
        {{0x12, 0x34, 0x56, 0x78, 0x9A}, "28T5CY4T"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
        assert_string_equal(entry_serial_of(vectors[i].bytes).text, vectors[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fresh_one_is_valid_and_its_buyers),
        cmocka_unit_test(void_is_final),
        cmocka_unit_test(words_are_read_back),
        cmocka_unit_test(a_serial_is_eight_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
