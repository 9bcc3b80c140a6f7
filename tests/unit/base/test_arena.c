/* Unit tests of base/arena: the cap, alignment, zeroes, reset. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* the rest of cmocka's header needs these four */
#include <cmocka.h>

#include "base/arena.h"

static void memory_is_zeroed_and_aligned_also_after_reset(void **state)
{
    struct arena *arena = arena_new(1000000);

    for (int round = 0; round < 3; round++) {
        for (size_t size = 0; size < 700; size += 13) {
            unsigned char *at = arena_alloc(arena, size);

            assert_non_null(at);
            assert_int_equal((uintptr_t)at % 16, 0);
            for (size_t i = 0; i < size; i++)
                assert_int_equal(at[i], 0);
            memset(at, 0xA5, size);
        }
        arena_reset(arena);
    }
    arena_free(arena);
}

static void pieces_never_overlap(void **state)
{
    struct arena *arena = arena_new(10000000);
    unsigned char *pieces[200];

    for (size_t i = 0; i < 200; i++) {
        size_t size = i * i % 5000 + 1;

        pieces[i] = arena_alloc(arena, size);
        assert_non_null(pieces[i]);
        memset(pieces[i], (int)i, size);
    }
    for (size_t i = 0; i < 200; i++) {
        for (size_t j = 0; j < i * i % 5000 + 1; j++)
            assert_int_equal(pieces[i][j], i);
    }
    arena_free(arena);
}

static void the_cap_holds_to_the_byte_and_reset_lifts_it(void **state)
{
    struct arena *arena = arena_new(1024);

    assert_non_null(arena_alloc(arena, 1000));
    assert_null(arena_alloc(arena, 17));
    assert_non_null(arena_alloc(arena, 16));
    assert_int_equal(arena_used(arena), 1024);
    assert_null(arena_alloc(arena, 1));
    assert_null(arena_alloc(arena, 0));
    arena_reset(arena);
    assert_int_equal(arena_used(arena), 0);
    assert_non_null(arena_alloc(arena, 1024));
    arena_free(arena);
}

static void a_cap_that_is_no_multiple_of_16_can_be_used_up(void **state)
{
    struct arena *arena = arena_new(100);

    assert_non_null(arena_alloc(arena, 100));
    assert_null(arena_alloc(arena, 1));
    arena_free(arena);
}

static void absurd_sizes_are_refused(void **state)
{
    struct arena *arena = arena_new(SIZE_MAX);

    assert_null(arena_alloc(arena, SIZE_MAX));
    assert_null(arena_alloc(arena, SIZE_MAX - 15));
    assert_null(arena_alloc(arena, SIZE_MAX / 2));
    assert_non_null(arena_alloc(arena, 10));
    assert_null(arena_copy(arena, (struct str){"", SIZE_MAX}).at);
    arena_free(arena);
}

static void one_large_piece_does_not_waste_the_rest_of_a_block(void **state)
{
    struct arena *arena = arena_new(1000000);
    char *first = arena_alloc(arena, 16), *next;

    assert_non_null(arena_alloc(arena, 500000));
    next = arena_alloc(arena, 16);
    assert_in_range(next - first, 16, 4096);
    arena_free(arena);
}

static void an_empty_piece_is_a_place_of_its_own(void **state)
{
    struct arena *arena = arena_new(1000);
    void *a = arena_alloc(arena, 0), *b = arena_alloc(arena, 0);

    assert_non_null(a);
    assert_non_null(b);
    assert_ptr_not_equal(a, b);
    arena_free(arena);
}

static void a_copy_ends_with_nul(void **state)
{
    struct arena *arena = arena_new(64);
    struct str copy;

    memset(arena_alloc(arena, 64), 'x', 64);
    arena_reset(arena);
    copy = arena_copy(arena, (struct str){"abcdef", 3});
    assert_int_equal(copy.len, 3);
    assert_string_equal(copy.at, "abc");
    copy = arena_copy(arena, (struct str){NULL, 0});
    assert_int_equal(copy.len, 0);
    assert_string_equal(copy.at, "");
    assert_null(arena_copy(arena, STR("a text of more than thirty-two bytes does not fit")).at);
    arena_free(arena);
}

static void freeing_nothing_is_fine(void **state)
{
    arena_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_aligned_also_after_reset),
        cmocka_unit_test(pieces_never_overlap),
        cmocka_unit_test(the_cap_holds_to_the_byte_and_reset_lifts_it),
        cmocka_unit_test(a_cap_that_is_no_multiple_of_16_can_be_used_up),
        cmocka_unit_test(absurd_sizes_are_refused),
        cmocka_unit_test(one_large_piece_does_not_waste_the_rest_of_a_block),
        cmocka_unit_test(an_empty_piece_is_a_place_of_its_own),
        cmocka_unit_test(a_copy_ends_with_nul),
        cmocka_unit_test(freeing_nothing_is_fine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
