/* tests/unit/identity/test_link_token.c: what opens a link, and what does not. */
#include "identity/link_token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define KEY   "0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210"

static const struct object_id id = {{0x67, 0x38, 0xa1, 0xf0, 1, 2, 3, 4, 5, 6, 7, 8}};

static void a_link_is_opened_by_its_own_token_alone(void **state)
{
    struct session_keys *keys = session_keys_new(STR(KEY));
    struct link_token token = link_token_make(keys, LINK_RESET, id);
    struct object_id found;

    assert_int_equal(strlen(token.text), LINK_TOKEN_LENGTH);
    assert_true(link_token_open(keys, LINK_RESET, str_of(token.text), &found));
    assert_memory_equal(&found, &id, sizeof id);
    assert_false(link_token_open(keys, LINK_ADDRESS, str_of(token.text), &found));
    for (size_t i = 0; i < LINK_TOKEN_LENGTH; i++) {
        struct link_token bent = token;

        bent.text[i] = bent.text[i] == '0' ? '1' : '0';
        assert_false(link_token_open(keys, LINK_RESET, str_of(bent.text), &found));
        bent.text[i] = token.text[i] >= 'a' ? (char)(token.text[i] - 32) : 'A';
        assert_false(link_token_open(keys, LINK_RESET, str_of(bent.text), &found));
    }
    session_keys_free(keys);
}

static void what_is_no_token_opens_nothing(void **state)
{
    struct session_keys *keys = session_keys_new(STR(KEY));
    struct link_token token = link_token_make(keys, LINK_RESET, id);
    char longer[LINK_TOKEN_LENGTH + 2];
    struct object_id found;

    snprintf(longer, sizeof longer, "%s0", token.text);
    assert_false(link_token_open(keys, LINK_RESET, str_of(longer), &found));
    assert_false(link_token_open(keys, LINK_RESET, STR(""), &found));
    assert_false(link_token_open(keys, LINK_RESET, (struct str){NULL, 0}, &found));
    for (size_t length = 1; length < LINK_TOKEN_LENGTH; length++)
        assert_false(link_token_open(keys, LINK_RESET, (struct str){token.text, length}, &found));
    session_keys_free(keys);
}

static void a_key_that_was_replaced_opens_what_it_made_until_it_is_gone(void **state)
{
    struct session_keys *keys = session_keys_new(STR(KEY));
    struct link_token token = link_token_make(keys, LINK_RESET, id);
    struct object_id found;

    assert_true(session_keys_set(keys, STR(OTHER "," KEY)));
    assert_true(link_token_open(keys, LINK_RESET, str_of(token.text), &found));
    assert_true(session_keys_set(keys, STR(OTHER)));
    assert_false(link_token_open(keys, LINK_RESET, str_of(token.text), &found));
    session_keys_free(keys);
}

static void each_kind_has_its_word_and_no_other_word_is_one(void **state)
{
    enum link_kind kind;

    assert_true(link_kind_parse(STR("reset"), &kind) && kind == LINK_RESET);
    assert_true(link_kind_parse(STR("address"), &kind) && kind == LINK_ADDRESS);
    assert_false(link_kind_parse(STR(""), &kind) || link_kind_parse(STR("resets"), &kind));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_is_opened_by_its_own_token_alone),
        cmocka_unit_test(what_is_no_token_opens_nothing),
        cmocka_unit_test(a_key_that_was_replaced_opens_what_it_made_until_it_is_gone),
        cmocka_unit_test(each_kind_has_its_word_and_no_other_word_is_one),
    };

    return cmocka_run_group_tests_name("identity/link_token", tests, NULL, NULL);
}
