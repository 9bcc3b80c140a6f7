/* Which tickets of a listing an order of several gets. */
#include "services/orders/seats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define NOT_TOGETHER (-1)

/* The place of the first ticket that `quantity` of the free places get. */
static int64_t chosen(enum split split, size_t quantity, bool seats, const int64_t *free,
                      size_t count)
{
    struct free_places places = {free, count, seats};
    size_t first;

    return seats_choose(&places, split, quantity, &first) ? free[first] : NOT_TOGETHER;
}

#define CHOSEN(split, quantity, ...)                                                               \
    chosen(split, quantity, true, (const int64_t[]){__VA_ARGS__},                                  \
           sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

static void seats_of_an_order_are_neighbours(void **state)
{
    (void)state;
    assert_int_equal(CHOSEN(SPLIT_ANY, 2, 0, 2, 4, 5, 7), 4);
    assert_int_equal(CHOSEN(SPLIT_ANY, 2, 0, 2, 4, 6), NOT_TOGETHER);
    assert_int_equal(CHOSEN(SPLIT_ANY, 3, 0, 1, 3, 4), NOT_TOGETHER);
    assert_int_equal(CHOSEN(SPLIT_ANY, 1, 9), 9);
}

static void the_smallest_gap_that_fits_is_filled_first(void **state)
{
    (void)state;
    assert_int_equal(CHOSEN(SPLIT_ANY, 2, 0, 1, 2, 3, 6, 7), 6);
    assert_int_equal(CHOSEN(SPLIT_PAIRS, 2, 0, 1, 2, 3), 0);
    assert_int_equal(CHOSEN(SPLIT_PAIRS, 4, 0, 1, 4, 5, 6, 7), 4);
}

static void no_seat_is_left_alone_where_that_is_possible(void **state)
{
    (void)state;
    assert_int_equal(CHOSEN(SPLIT_NO_SINGLE, 2, 0, 1, 2, 6, 7, 8, 9), 6);
    assert_int_equal(CHOSEN(SPLIT_ANY, 2, 0, 1, 2, 6, 8), 0);
}

static void whoever_takes_all_takes_it_as_it_is(void **state)
{
    (void)state;
    assert_int_equal(CHOSEN(SPLIT_ALL, 3, 0, 2, 5), 0);
    assert_int_equal(CHOSEN(SPLIT_ALL, 2, 0, 1, 2), NOT_TOGETHER);
}

static void standing_places_have_no_neighbours(void **state)
{
    const int64_t free[] = {1, 4, 9};

    (void)state;
    assert_int_equal(chosen(SPLIT_ANY, 3, false, free, 3), 1);
    assert_int_equal(chosen(SPLIT_PAIRS, 2, false, free, 3), 1);
}

static void the_longest_row_of_neighbours_is_counted(void **state)
{
    const int64_t free[] = {1, 2, 4, 5, 6, 9};

    (void)state;
    assert_int_equal(seats_together(&(struct free_places){free, 6, true}), 3);
    assert_int_equal(seats_together(&(struct free_places){free, 6, false}), 6);
    assert_int_equal(seats_together(&(struct free_places){free, 0, true}), 0);
}

/* Whatever is chosen is of the free places, in one piece, and leaves pairs where pairs were. */
static void pairs_stay_pairs(void **state)
{
    bool taken[24] = {false};
    uint32_t noise = 1;

    (void)state;
    for (int round = 0; round < 2000; round++) {
        int64_t free[24];
        size_t count = 0, first, quantity;

        noise = noise * 1664525 + 1013904223;
        quantity = 2 * (1 + (noise >> 16) % 3);
        for (int64_t i = 0; i < 24; i++)
            if (!taken[i]) free[count++] = i;
        if (quantity <= count &&
            seats_choose(&(struct free_places){free, count, true}, SPLIT_PAIRS, quantity, &first)) {
            for (size_t i = 0; i < quantity; i++) {
                assert_int_equal(free[first + i], free[first] + (int64_t)i);
                taken[free[first + i]] = true;
            }
            assert_int_equal(free[first] % 2, 0);
        } else { /* somebody gives a pair back */
            size_t pair = (noise >> 8) % 12;

            taken[2 * pair] = taken[2 * pair + 1] = false;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seats_of_an_order_are_neighbours),
        cmocka_unit_test(the_smallest_gap_that_fits_is_filled_first),
        cmocka_unit_test(no_seat_is_left_alone_where_that_is_possible),
        cmocka_unit_test(whoever_takes_all_takes_it_as_it_is),
        cmocka_unit_test(standing_places_have_no_neighbours),
        cmocka_unit_test(the_longest_row_of_neighbours_is_counted),
        cmocka_unit_test(pairs_stay_pairs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
