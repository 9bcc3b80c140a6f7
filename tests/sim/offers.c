/* tests/sim/offers.c: what shows say of what can be had of them, held against the tickets.
 *
 * Invariant 40: what a show says of the lowest price and of how many are left was told by tickets,
 * each time as the next version; when all has settled it is what the tickets are. */
#include "sim.h"

#include <sqlite3.h>

#define SHOWS_MAX 512
#define TOLD_MAX  16384

struct left {
    int64_t cents, count;
};

static struct {
    struct offered {
        char id[25];
        int64_t version;        /* told last; -1: never */
        struct left told, kept; /* by tickets; by the catalogue */
        struct left left;       /* by the tickets themselves */
    } shows[SHOWS_MAX];
    size_t count;
    struct {
        size_t show;
        struct left left;
    } told[TOLD_MAX]; /* ever */
    size_t told_count;
} offers;

void offers_begin(void)
{
    offers.count = offers.told_count = 0;
}

static struct offered *offered_of(const char *id)
{
    struct offered *show;

    for (size_t i = 0; i < offers.count; i++)
        if (strcmp(offers.shows[i].id, id) == 0) return &offers.shows[i];
    ASSERT(offers.count < SHOWS_MAX);
    show = &offers.shows[offers.count++];
    *show = (struct offered){.version = -1};
    copy_text(show->id, sizeof show->id, str_of(id));
    return show;
}

static bool same(struct left one, struct left other)
{
    return one.cents == other.cents && one.count == other.count;
}

void offers_event(const struct json *event)
{
    struct offered *show;
    char id[25];

    copy_text(id, sizeof id, text_of(event, "id"));
    show = offered_of(id);
    CHECK(40, id, whole_of(event, "version") == show->version + 1,
          "told as version %lld after %lld", (long long)whole_of(event, "version"),
          (long long)show->version);
    show->version++;
    show->told = (struct left){0};
    (void)json_price(json_get(event, "lowestTotal"), &show->told.cents);
    (void)json_int64(json_get(event, "available"), &show->told.count);
    ASSERT(offers.told_count < TOLD_MAX);
    offers.told[offers.told_count].show = (size_t)(show - offers.shows);
    offers.told[offers.told_count++].left = show->told;
}

void offers_judge(const char *id, const struct json *said)
{
    const struct offered *show = offered_of(id);
    struct left left = {0};
    bool told;

    (void)json_price(json_get(said, "lowestTotal"), &left.cents);
    CHECK(40, id, json_int64(json_get(said, "available"), &left.count) && left.count >= 0,
          "found, and it does not say how many are left");
    told = same(left, (struct left){0});
    for (size_t i = 0; i < offers.told_count && !told; i++)
        told =
            offers.told[i].show == (size_t)(show - offers.shows) && same(offers.told[i].left, left);
    CHECK(40, id, told, "it says %lld left from %lld cents, and tickets never told so",
          (long long)left.count, (long long)left.cents);
    CHECK(40, id, left.count == 0 || !str_eq(text_of(said, "status"), STR("cancelled")),
          "cancelled, and something is left");
}

/* --- at the end ------------------------------------------------------------------------------ */

static void see_ticket(void *statement)
{
    sqlite3_stmt *row = statement;
    struct left *left = &offered_of((const char *)sqlite3_column_text(row, 0))->left;
    int64_t cents = sqlite3_column_int64(row, 2);

    if (model_banned_at(TICKETS, (const char *)sqlite3_column_text(row, 1))) return;
    if (cents < sim.price_min) return;
    if (left->count == 0 || cents < left->cents) left->cents = cents;
    left->count++;
}

static void see_kept(void *statement)
{
    sqlite3_stmt *row = statement;

    offered_of((const char *)sqlite3_column_text(row, 0))->kept =
        (struct left){sqlite3_column_int64(row, 1), sqlite3_column_int64(row, 2)};
}

void offers_quiet(void)
{
    for (size_t i = 0; i < offers.count; i++)
        offers.shows[i].left = offers.shows[i].kept = (struct left){0};
    watch_rows(TICKETS,
               "SELECT show_id, user_id, price_cents FROM tickets"
               " WHERE listing_id IS NOT NULL AND order_id IS NULL AND withdrawn = 0",
               see_ticket);
    watch_rows(CATALOGUE, "SELECT show_id, lowest_cents, available FROM show_offers", see_kept);
    for (size_t i = 0; i < offers.count; i++) {
        const struct offered *show = &offers.shows[i];

        CHECK(40, show->id, same(show->kept, show->left),
              "%lld left from %lld cents, and its tickets are %lld from %lld",
              (long long)show->kept.count, (long long)show->kept.cents, (long long)show->left.count,
              (long long)show->left.cents);
    }
}
