/* tests/unit/tickets/test_listing_store.c: what is found of a show's listings, and what is left of
 * it, on a real database. */
#include "runtime/revocations.h"
#include "services/orders/seats.h"
#include "services/tickets/availability_store.h"
#include "services/tickets/listing_store.h"
#include "services/tickets/show_store.h"
#include "services/tickets/store.h"

#include "../folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NOW_MS       INT64_C(1790000000000)
#define SEATS_MAX    6
#define LISTINGS     200
#define PRICES       5
#define QUANTITY_MAX (SEATS_MAX + 1)

struct fixture {
    struct folder folder;
    struct db *db;
    struct arena *arena;
    struct tx *tx;
};

/* What a test knows of a listing. */
struct model {
    struct object_id id;
    enum split split;
    int64_t price_cents;
    bool seats;
    int64_t at[SEATS_MAX]; /* places of the free ones */
    size_t free;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct buf why;

    buf_init(&why, NULL, 4096);
    fixture->folder = folder_make();
    assert_int_equal(
        db_open(folder_file(&fixture->folder, "tickets.db").path, DB_WRITER, &fixture->db, &why),
        OK);
    assert_int_equal(db_migrate(fixture->db, bus_schema, (struct wall_ms){NOW_MS}, &why), OK);
    assert_int_equal(db_migrate(fixture->db, runtime_schema, (struct wall_ms){NOW_MS}, &why), OK);
    assert_int_equal(db_migrate(fixture->db, tickets_schema, (struct wall_ms){NOW_MS}, &why), OK);
    buf_free(&why);
    fixture->arena = arena_new(1 << 24);
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

static struct object_id id_of(unsigned char kind, int64_t number)
{
    return (struct object_id){{kind, [10] = (unsigned char)(number >> 8), (unsigned char)number}};
}

/* A listing of which some tickets are free, held or taken down, by chance. */
static struct model some_listing(struct fixture *fixture, int64_t number)
{
    struct model model = {.id = id_of(2, number),
                          .split = (enum split)(rand() % (SPLIT_NO_SINGLE + 1)),
                          .price_cents = 1000 + rand() % PRICES,
                          .seats = rand() % 3 != 0};
    struct listing listing = {.id = model.id,
                              .user_id = STR("seller"),
                              .show_id = id_of(1, 1),
                              .terms = {.split = model.split, .price_cents = model.price_cents},
                              .quantity = 1 + rand() % SEATS_MAX};

    assert_int_equal(listing_insert(fixture->tx, fixture->arena, &listing), OK);
    for (int64_t i = 0; i < listing.quantity; i++) {
        int fate = rand() % 5;
        struct ticket ticket = {.id = id_of(3, number * SEATS_MAX + i),
                                .title = STR("Seat"),
                                .price_cents = fate == 1 ? 999 : model.price_cents,
                                .user_id = listing.user_id,
                                .order_id = fate == 1 ? id_of(4, 1) : (struct object_id){{0}},
                                .withdrawn = fate == 2,
                                .listing_id = listing.id,
                                .position = i,
                                .seat = model.seats ? STR("1") : STR("")};
        struct place place = {.show_id = listing.show_id};

        assert_int_equal(ticket_insert(fixture->tx, &ticket, &place), OK);
        if (fate != 1 && fate != 2) model.at[model.free++] = i;
    }
    return model;
}

/* By the rules that orders go by. */
static bool can_be_had(const struct model *model, int64_t quantity)
{
    struct free_places places = {model->at, model->free, model->seats};
    size_t first;

    if (quantity == 0) return model->free > 0;
    return split_allows(model->split, (int64_t)model->free, quantity) &&
           seats_choose(&places, model->split, (size_t)quantity, &first);
}

static bool comes_before(const struct model *one, const struct model *other, enum listing_sort sort)
{
    if (sort == LISTINGS_NEWEST) return memcmp(&one->id, &other->id, sizeof one->id) > 0;
    if (one->price_cents != other->price_cents) return one->price_cents < other->price_cents;
    return memcmp(&one->id, &other->id, sizeof one->id) < 0;
}

/* Reads every page of it, and finds what the model says in the order that it says. */
static void assert_found(struct fixture *fixture, const struct model *models,
                         struct listing_query query)
{
    struct list_page page = {.limit = query.limit};
    const struct model *last = NULL;
    size_t found = 0, expected = 0;
    struct listing listing;
    struct rows rows;
    int64_t free;

    for (size_t i = 0; i < LISTINGS; i++)
        expected +=
            can_be_had(&models[i], query.quantity) && models[i].price_cents <= query.max_cents;
    do {
        page.count = 0;
        listings_of_show(fixture->tx, &rows, &query);
        while (listing_next(&rows, fixture->arena, &page, &listing, &free) == OK) {
            const struct model *model = &models[listing.id.bytes[10] << 8 | listing.id.bytes[11]];

            assert_true(can_be_had(model, query.quantity));
            assert_int_equal(free, model->free);
            if (last) assert_true(comes_before(last, model, query.sort));
            last = model;
            found++;
        }
        assert_int_equal(rows_end(&rows), OK);
        if (last) query.after = (struct listing_mark){last->price_cents, last->id};
    } while (page.count == page.limit);
    assert_int_equal(found, expected);
}

static void a_list_has_what_orders_would_give_and_in_its_order(void **state)
{
    struct fixture *fixture = *state;
    struct model *models = calloc(LISTINGS, sizeof *models);
    struct show_copy show = {.id = id_of(1, 1), .title = STR("Show"), .status = STR("scheduled")};

    srand(1);
    assert_int_equal(listed_show_put(fixture->tx, &show, true), OK);
    for (int64_t i = 0; i < LISTINGS; i++)
        models[i] = some_listing(fixture, i);
    for (int64_t quantity = 0; quantity <= QUANTITY_MAX; quantity++)
        for (int64_t limit = 1; limit <= 2 * LISTINGS; limit *= 20) {
            struct listing_query query = {.show_id = show.id,
                                          .quantity = quantity,
                                          .max_cents = 1000 + PRICES / 2,
                                          .section_key = STR(""),
                                          .sort = LISTINGS_BY_PRICE,
                                          .limit = limit};

            assert_found(fixture, models, query);
            query.sort = LISTINGS_NEWEST;
            memset(query.after.id.bytes, 0xff, sizeof query.after.id.bytes);
            assert_found(fixture, models, query);
        }
    free(models);
}

/* --- what is left ---------------------------------------------------------------------------- */

#define OFFERED 40
#define CHANGES 2000

static void offer_one(struct fixture *fixture, int64_t number)
{
    struct ticket ticket = {.id = id_of(3, number),
                            .title = STR("Seat"),
                            .price_cents = 1000,
                            .user_id = number % 2 ? STR("odd") : STR("even"),
                            .listing_id = id_of(2, 1),
                            .position = number,
                            .seat = STR("")};
    struct place place = {.show_id = id_of(1, 1)};

    assert_int_equal(ticket_insert(fixture->tx, &ticket, &place), OK);
    assert_int_equal(offer_change_put(fixture->tx, place.show_id, ticket.user_id, 1000, 1), OK);
}

/* It is reserved, given back, taken down or repriced. */
static void change_one(struct fixture *fixture)
{
    struct ticket ticket;

    assert_int_equal(ticket_get(fixture->tx, fixture->arena, id_of(3, rand() % OFFERED), &ticket),
                     OK);
    if (ticket_held(&ticket))
        ticket_free(&ticket);
    else if (rand() % 3 == 0)
        ticket.order_id = id_of(4, 1);
    else if (rand() % 2)
        ticket.price_cents = 900 + rand() % 200;
    else
        ticket.withdrawn = !ticket.withdrawn;
    assert_int_equal(ticket_update(fixture->tx, &ticket), OK);
    arena_reset(fixture->arena);
}

static void assert_left(struct fixture *fixture, int64_t minimum_cents, int64_t available)
{
    int64_t counted, lowest, expected = 0;
    struct rows rows;

    assert_int_equal(offers_count(fixture->tx, id_of(1, 1), minimum_cents, &counted), OK);
    assert_int_equal(counted, available);
    assert_int_equal(offers_lowest(fixture->tx, id_of(1, 1), minimum_cents, &lowest), OK);
    tx_query(fixture->tx, &rows,
             "SELECT MIN(price_cents) FROM tickets WHERE order_id IS NULL AND withdrawn = 0"
             " AND price_cents >= $1 AND user_id = 'even'",
             sql_int(minimum_cents));
    assert_int_equal(rows_end_int(&rows, 0, &expected), OK);
    assert_int_equal(lowest, expected);
}

static void what_is_left_is_what_was_and_what_was_noted_since(void **state)
{
    struct fixture *fixture = *state;
    int64_t available = 0, more;
    bool anew;

    srand(2);
    assert_int_equal(tx_exec(fixture->tx, NULL,
                             "INSERT INTO banned_users (user_id, version, banned)"
                             " VALUES ($1, $2, 1)",
                             sql_text(STR("odd")), sql_int(1)),
                     OK);
    for (int64_t i = 0; i < OFFERED; i++)
        offer_one(fixture, i);
    assert_left(fixture, 950, 0); /* without what is noted */
    for (int i = 0; i < CHANGES; i++) {
        change_one(fixture);
        if (i % 7) continue;
        if (rand() % 2) assert_left(fixture, 950, available);
        assert_int_equal(changes_take(fixture->tx, id_of(1, 1), 950, &more, &anew), OK);
        assert_false(anew);
        available += more;
        assert_left(fixture, 950, available);
    }
    assert_int_equal(show_changed(fixture->tx, id_of(1, 1)), OK);
    assert_int_equal(changes_take(fixture->tx, id_of(1, 1), 950, &more, &anew), OK);
    assert_true(anew);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_list_has_what_orders_would_give_and_in_its_order, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_left_is_what_was_and_what_was_noted_since, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
