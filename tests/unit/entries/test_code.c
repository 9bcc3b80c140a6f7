/* Unit tests of an entry's code. The vector was made with openssl(1) and Python. */
#include "services/entries/code.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>

static const char vector[] = "041061050R3GG28A1C6124GK2GAHC5RR34D1P70J6HB7H6G1081V6HMJ5W8K38D1MXVP0"
                             "H4WFAGF8BK17CDVVPBW0632XR2Q"
                             "4N85PS3WWVVCBYQ48HW2MVF6W7DQ2WKVAKC7H55DAPES8C97GFQ4DZ0M00";

static const struct code vectors_code = {
    .show_id = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}},
    .ticket_id = {{17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28}},
    .serial = {0x12, 0x34, 0x56, 0x78, 0x9A},
    .version = 258,
    .key_id = 3,
};

/* Of the seed 00 01 … 1f. */
static struct code_key vectors_key(void)
{
    uint8_t seed[KEY_SEED_BYTES];

    for (uint8_t i = 0; i < sizeof seed; i++)
        seed[i] = i;
    return code_key_of(3, seed);
}

static void a_code_is_what_others_make_of_it(void **state)
{
    struct code_key key = vectors_key();

    (void)state;
    assert_string_equal(code_write(&vectors_code, &key).text, vector);
    assert_int_equal(CODE_CHARS, 154); /* a QR code of version 6 takes no more at level M */
}

static void it_is_read_back_in_either_case(void **state)
{
    struct code_key key = vectors_key();
    char lower[sizeof vector + 4];
    struct code_read read;

    (void)state;
    snprintf(lower, sizeof lower, " %s\n", vector);
    for (char *at = lower; *at; at++)
        if (*at >= 'A' && *at <= 'Z') *at = (char)(*at - 'A' + 'a');
    assert_int_equal(code_parse(STR(vector), &read), CODE_GOOD);
    assert_int_equal(code_check(&read, key.public), CODE_GOOD);
    assert_int_equal(code_parse(str_of(lower), &read), CODE_GOOD);
    assert_int_equal(code_check(&read, key.public), CODE_GOOD);
    assert_true(object_id_eq(read.code.show_id, vectors_code.show_id));
    assert_true(object_id_eq(read.code.ticket_id, vectors_code.ticket_id));
    assert_memory_equal(read.code.serial, vectors_code.serial, ENTRY_SERIAL_BYTES);
    assert_int_equal(read.code.version, 258);
    assert_int_equal(read.code.key_id, 3);
}

static enum code_fault fault_of(const char *text)
{
    struct code_read read;

    return code_parse(str_of(text), &read);
}

static void what_is_wrong_with_a_text_is_said(void **state)
{
    char text[sizeof vector + 1];

    (void)state;
    assert_int_equal(fault_of(""), CODE_TRUNCATED);
    snprintf(text, sizeof text, "%s", vector);
    text[CODE_CHARS - 1] = 0;
    assert_int_equal(fault_of(text), CODE_TRUNCATED);
    snprintf(text, sizeof text, "%s0", vector);
    assert_int_equal(fault_of(text), CODE_TOO_LONG);
    assert_int_equal(fault_of("https://example.test/"), CODE_CHARACTERS);
    snprintf(text, sizeof text, "%s", vector);
    text[10] = 'U';
    assert_int_equal(fault_of(text), CODE_CHARACTERS);
    snprintf(text, sizeof text, "%s", vector);
    text[CODE_CHARS - 1] = '1'; /* bits beyond the last byte */
    assert_int_equal(fault_of(text), CODE_CHARACTERS);
}

/* Each bit of all 96 bytes, and another key. */
static void any_change_is_a_forgery(void **state)
{
    static const uint8_t seed[KEY_SEED_BYTES] = {0};
    struct code_key key = vectors_key(), other = code_key_of(3, seed);
    struct code_read read;

    (void)state;
    assert_int_equal(code_parse(STR(vector), &read), CODE_GOOD);
    assert_int_equal(code_check(&read, other.public), CODE_FORGED);
    for (size_t bit = 0; bit < 8 * CODE_BYTES; bit++) {
        read.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(code_check(&read, key.public), CODE_FORGED);
        read.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(code_check(&read, key.public), CODE_GOOD);
}

static void base_32_is_crockfords(void **state)
{
    uint8_t bytes[2];

    (void)state;
    assert_true(crockford_decode(STR("zw10"), bytes, 2));
    assert_int_equal(bytes[0] << 8 | bytes[1], 0xFF02);
    assert_true(crockford_decode(STR("OIl0"), bytes, 2));
    assert_int_equal(bytes[0] << 8 | bytes[1], 0x0042);
    assert_false(crockford_decode(STR("0001"), bytes, 2));
    assert_false(crockford_decode(STR("000"), bytes, 2));
    assert_false(crockford_decode(STR("00U0"), bytes, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_code_is_what_others_make_of_it),
        cmocka_unit_test(it_is_read_back_in_either_case),
        cmocka_unit_test(what_is_wrong_with_a_text_is_said),
        cmocka_unit_test(any_change_is_a_forgery),
        cmocka_unit_test(base_32_is_crockfords),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
