/* tests/unit/catalogue/test_search.c: the rules of search: slips, distances, places and cursors. */
#include "services/catalogue/search/search.h"
#include "services/catalogue/search/typo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#define WORD_MAX 8

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* Edit distance with swapped neighbours, by the book (optimal string alignment), of ASCII. */
static int distance(struct str a, struct str b)
{
    int d[WORD_MAX + 2][WORD_MAX + 2];

    for (size_t i = 0; i <= a.len; i++)
        for (size_t j = 0; j <= b.len; j++) {
            d[i][j] = i == 0 ? (int)j : (int)i;
            if (i == 0 || j == 0) continue;
            d[i][j] = least(least(d[i - 1][j], d[i][j - 1]) + 1,
                            d[i - 1][j - 1] + (a.at[i - 1] != b.at[j - 1]));
            if (i > 1 && j > 1 && a.at[i - 1] == b.at[j - 2] && a.at[i - 2] == b.at[j - 1])
                d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
        }
    return d[a.len][b.len];
}

static bool shares_a_rest(struct arena *arena, struct str a, struct str b)
{
    struct str of_a[TYPO_RESTS_MAX], of_b[TYPO_RESTS_MAX];
    size_t a_count = typo_rests(arena, a, of_a), b_count = typo_rests(arena, b, of_b);

    for (size_t i = 0; i < a_count; i++)
        for (size_t j = 0; j < b_count; j++)
            if (str_eq(of_a[i], of_b[j])) return true;
    return false;
}

static struct str some_word(char memory[WORD_MAX])
{
    size_t len = 1 + (size_t)rand() % (WORD_MAX - 1);

    for (size_t i = 0; i < len; i++)
        memory[i] = (char)('a' + rand() % 3);
    return (struct str){memory, len};
}

static void a_slip_is_one_edit_of_the_word_or_of_its_beginning(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    char first[WORD_MAX], second[WORD_MAX];
    int near_count = 0;

    (void)state;
    srand(7);
    for (int i = 0; i < 20000; i++) {
        struct str typed = some_word(first), word = some_word(second);
        bool near = false;

        for (size_t len = 0; len <= word.len; len++)
            near |= distance(typed, (struct str){word.at, len}) <= 1;
        assert_int_equal(typo_is_near(typed, word), near);
        if (distance(typed, word) <= 1) assert_true(shares_a_rest(arena, typed, word));
        near_count += near;
        arena_reset(arena);
    }
    assert_in_range(near_count, 1000, 19000);
    arena_free(arena);
}

static void slips_count_letters_and_not_bytes(void **state)
{
    struct arena *arena = arena_new(1 << 16);
    struct str rests[TYPO_RESTS_MAX];

    (void)state;
    assert_true(typo_is_near(STR("\xd0\xbc\xd0\xbe\xd1\x81\xd0\xb2\xd0\xb0"),
                             STR("\xd0\xbc\xd0\xbe\xd1\x81\xd0\xba\xd0\xb2\xd0\xb0")));
    assert_true(typo_is_near(STR("\xd0\xbe\xd0\xbc\xd1\x81"), STR("\xd0\xbc\xd0\xbe\xd1\x81")));
    assert_false(typo_is_near(STR("\xd0\xbc\xd0\xbe\xd1\x81"), STR("\xd0\xba\xd0\xb2\xd0\xb0")));
    assert_int_equal(typo_rests(arena, STR("\xd0\xbc\xd0\xbe\xd1\x81"), rests), 4);
    assert_true(str_eq(rests[1], STR("\xd0\xbe\xd1\x81")));
    assert_false(typo_counts(STR("abc")));
    assert_true(typo_counts(STR("abcd")));
    assert_false(typo_counts(STR("\xe6\x9d\xb1\xe4\xba\xac\xe6\x9d\xb1\xe4\xba\xac")));
    arena_free(arena);
}

static int64_t some_degrees(int64_t max)
{
    return (int64_t)((double)rand() / RAND_MAX * 2 * (double)max) - max;
}

/* The haversine, which src has in another form. */
static double ground_km(int64_t lat_a, int64_t lon_a, int64_t lat_b, int64_t lon_b)
{
    double rad = 3.14159265358979323846 / 180 / (double)DEGREE;
    double a = sin((double)(lat_b - lat_a) * rad / 2), b = sin((double)(lon_b - lon_a) * rad / 2);

    return 2 * 6371.0088 *
           asin(sqrt(a * a + cos((double)lat_a * rad) * cos((double)lat_b * rad) * b * b));
}

static bool has_cell(char cells[CELLS_MAX][CELL_BYTES], size_t count,
                     char own[CELL_SIZES][CELL_BYTES])
{
    for (size_t i = 0; i < count; i++)
        for (size_t size = 0; size < CELL_SIZES; size++)
            if (strcmp(cells[i], own[size]) == 0) return true;
    return false;
}

static void what_is_near_is_within_the_circle_and_in_its_cells(void **state)
{
    char cells[CELLS_MAX][CELL_BYTES], own[CELL_SIZES][CELL_BYTES];
    int within = 0;

    (void)state;
    srand(9);
    for (int i = 0; i < 20000; i++) {
        int64_t radius = 1 + rand() % RADIUS_KM_MAX;
        int64_t lat = some_degrees(LATITUDE_MAX), lon = some_degrees(LONGITUDE_MAX);
        int64_t lat_b = lat + some_degrees(5 * DEGREE), lon_b = lon + some_degrees(20 * DEGREE);
        struct globe_point a, b;
        int64_t square;
        size_t count;

        if (lat_b > LATITUDE_MAX || lat_b < -LATITUDE_MAX) continue;
        if (lon_b > LONGITUDE_MAX) lon_b -= 2 * LONGITUDE_MAX;
        if (lon_b < -LONGITUDE_MAX) lon_b += 2 * LONGITUDE_MAX;
        a = globe_point(lat, lon);
        b = globe_point(lat_b, lon_b);
        square = (a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y) + (a.z - b.z) * (a.z - b.z);
        assert_true(
            fabs((double)globe_ground_m(square) / 1000 - ground_km(lat, lon, lat_b, lon_b)) < 0.01);
        if (square > globe_square(radius * 100000)) continue;
        within++;
        count = globe_cells_around(lat, lon, radius, cells);
        globe_cells_of(lat_b, lon_b, own);
        if (count) assert_true(has_cell(cells, count, own));
        if (llabs(lat) < 80 * DEGREE) assert_true(count > 0);
    }
    assert_in_range(within, 500, 19000);
}

static void places_are_in_the_order_of_time(void **state)
{
    struct show show = {.is = {.starts = {.at = {1790000040000}}}}, later = show;

    (void)state;
    later.is.starts.at.ms += 60000;
    later.id.bytes[11] = 1;
    assert_true(show_place(&show) < show_place(&later));
    assert_true(place_from(show.is.starts.at) <= show_place(&show));
    assert_true(place_from(wall_after(show.is.starts.at, 1)) > show_place(&show));
    show.is.starts.at.ms = INT64_C(253402300740000); /* the last minute of the year 9999 */
    memset(show.id.bytes, 0xff, sizeof show.id.bytes);
    assert_true(show_place(&show) > 0 && show_place(&show) < INT64_MAX / 2);
}

static void days_reach_over_every_zone(void **state)
{
    struct search search = {.above = -1, .below = INT64_MAX};

    (void)state;
    assert_true(search_from_day(&search, STR("2027-03-28")));
    assert_true(search_to_day(&search, STR("2027-03-28")));
    /* from the 27th, 10:00 UTC, to the 29th, 12:00 */
    assert_int_equal(search.above, place_from((struct wall_ms){INT64_C(1806141600000)}) - 1);
    assert_int_equal(search.below, place_from((struct wall_ms){INT64_C(1806321600000)}));
    assert_false(search_from_day(&search, STR("2027-02-29")));
    assert_false(search_to_day(&search, STR("")));
    assert_false(search_to_day(&search, STR("2027-03-28T00:00")));
}

static void check_when(const char *when, const char *days)
{
    struct search search = {.above = -1, .below = INT64_MAX};

    /* Sunday, 2027-02-28, 10:01 UTC */
    assert_true(search_when(&search, str_of(when), (struct wall_ms){INT64_C(1803808860000)}));
    assert_string_equal(search.when, days);
    assert_int_equal(search.minute, 601);
    assert_true(search.above > 0 && search.below < INT64_MAX);
}

static void days_that_hang_on_today_are_of_each_day_it_may_be(void **state)
{
    struct search search = {.above = -1, .below = INT64_MAX};

    (void)state;
    check_when("today", "2027-02-272027-02-27"
                        "2027-02-282027-02-28"
                        "2027-03-012027-03-01");
    check_when("weekend", "2027-02-272027-02-28"
                          "2027-02-282027-02-28"
                          "2027-03-062027-03-07");
    check_when("week", "2027-02-272027-03-05"
                       "2027-02-282027-03-06"
                       "2027-03-012027-03-07");
    check_when("month", "2027-02-272027-02-28"
                        "2027-02-282027-02-28"
                        "2027-03-012027-03-31");
    assert_false(search_when(&search, STR("tomorrow"), (struct wall_ms){0}));
    assert_false(search_when(&search, STR(""), (struct wall_ms){0}));
}

static void a_cursor_is_of_one_search(void **state)
{
    struct search search = {.fingerprint = UINT64_C(0xfedcba9876543210)}, other = {0};
    char cursor[CURSOR_LEN + 1];

    (void)state;
    cursor_write(&search, 12345, INT64_MAX, cursor);
    assert_false(cursor_read(&other, str_of(cursor)));
    assert_false(other.continued);
    assert_true(cursor_read(&search, str_of(cursor)));
    assert_true(search.continued && search.after == 12345 && search.after_rank == INT64_MAX);
    cursor[CURSOR_LEN - 1] = 'g';
    assert_false(cursor_read(&search, str_of(cursor)));
    assert_false(cursor_read(&search, (struct str){cursor, CURSOR_LEN - 1}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slip_is_one_edit_of_the_word_or_of_its_beginning),
        cmocka_unit_test(slips_count_letters_and_not_bytes),
        cmocka_unit_test(what_is_near_is_within_the_circle_and_in_its_cells),
        cmocka_unit_test(places_are_in_the_order_of_time),
        cmocka_unit_test(days_reach_over_every_zone),
        cmocka_unit_test(days_that_hang_on_today_are_of_each_day_it_may_be),
        cmocka_unit_test(a_cursor_is_of_one_search),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
