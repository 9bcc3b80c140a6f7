/* services/tickets/listing_lists.c: lists of listings: what can be bought of a show, cheapest
 * first, and what one sells. */
#include "base/money.h"
#include "services/tickets/documents.h"
#include "services/tickets/tickets.h"

/* --- what the query says ---------------------------------------------------------------------- */

/* What may be asked for, and with them the page: in the order of links. */
static const char *const parameters[] = {"showId", "quantity", "section", "maxTotal", "sort", NULL};

/* A parameter; empty when it is absent or only said to be there. */
static struct str take(struct request *rq, const char *name)
{
    struct str text = str_trim(request_query(rq, name));

    return text.at ? text : STR("");
}

static void take_quantity(struct request *rq, struct listing_query *query)
{
    static const char message[] = "Quantity must be a whole number from 1 to 500";
    struct str text = take(rq, "quantity");

    if (!text.len) return;
    if (str_to_int64(text, &query->quantity) && query->quantity >= 1 &&
        query->quantity <= LISTING_TICKETS_MAX)
        return;
    query->quantity = 0;
    request_reject_for(rq, "quantity", message, "out_of_range",
                       "Write how many tickets you want together, such as 2");
}

static enum err take_section(struct request *rq, struct listing_query *query)
{
    struct str text = take(rq, "section");

    if (str_code_points(text) > SECTION_POINTS_MAX) {
        request_reject_for(rq, "section", "Section must be the name of a section", "too_long",
                           "Write it as the listings do, with at most 40 characters");
        return OK;
    }
    query->section_key = text_label_key(rq->arena, text);
    return query->section_key.at ? OK : ERR_MEMORY;
}

/* Of all the tickets that are asked for, in full. */
static void take_max_total(struct request *rq, struct listing_query *query)
{
    struct str text = take(rq, "maxTotal");
    int64_t total_cents;

    query->min_cents = minimum_of(rq);
    query->max_cents = PRICE_CENTS_MAX;
    if (!text.len) return;
    if (price_from_text(text, &total_cents))
        query->max_cents = total_cents / query_tickets(query);
    else
        request_reject_for(rq, "maxTotal", "MaxTotal must be a price in full", "not_a_price",
                           "Write digits and a point, such as 160 or 99.90");
}

static void take_sort(struct request *rq, struct listing_query *query)
{
    struct str text = take(rq, "sort");

    query->sort = LISTINGS_BY_PRICE;
    if (str_eq(text, STR("newest")))
        query->sort = LISTINGS_NEWEST;
    else if (text.len && !str_eq(text, STR("price")))
        request_reject_for(rq, "sort", "Sort must be price or newest", "unknown",
                           "Leave it out for the cheapest first");
}

static enum err take_page(struct request *rq, struct listing_query *query)
{
    struct str after = request_query(rq, "after");
    enum err err;

    if (query->sort == LISTINGS_NEWEST)
        memset(query->after.id.bytes, 0xff, sizeof query->after.id.bytes);
    TRY(request_fingerprint(rq, parameters, &query->fingerprint));
    if (after.at && !listing_cursor_read(query, after))
        request_reject_for(rq, "after", "After must be of this list's last page", "other_list",
                           "Leave it out to begin with the first page");
    (void)request_limit(rq, PAGE_DEFAULT, PAGE_MAX, &query->limit);
done:
    return err;
}

/* All of it; every field's error is reported. */
static enum err take_query(struct request *rq, struct listing_query *query)
{
    enum err err;

    *query = (struct listing_query){.quantity = 0};
    if (!object_id_parse(request_query(rq, "showId"), &query->show_id))
        request_reject_for(rq, "showId", "ShowId must be the id of a show", "unreadable",
                           "Choose one of GET /api/shows");
    take_quantity(rq, query);
    TRY(take_section(rq, query));
    take_max_total(rq, query);
    take_sort(rq, query);
    TRY(take_page(rq, query));
    return request_checked(rq);
done:
    return err;
}

/* --- answers ---------------------------------------------------------------------------------- */

/* Listings that were read, before more is asked about each. */
struct listing_list {
    struct listing *at;
    int64_t *free; /* tickets of each */
    size_t count;
};

static enum err read_listings(struct request *rq, struct rows *rows, struct list_page *page,
                              struct listing_list *out)
{
    size_t max = (size_t)page->limit;
    enum err err, end;

    *out = (struct listing_list){arena_alloc(rq->arena, max * sizeof *out->at),
                                 arena_alloc(rq->arena, max * sizeof *out->free), 0};
    err = out->at && out->free ? OK : ERR_MEMORY;
    while (err == OK && out->count < max &&
           (err = listing_next(rows, rq->arena, page, &out->at[out->count],
                               &out->free[out->count])) == OK)
        out->count++;
    end = rows_end(rows);
    return err == ERR_NOT_FOUND || err == OK ? end : err;
}

static enum err reply_listings(struct request *rq, struct tx *tx, struct reply *rp,
                               const struct listing_list *list, int64_t quantity)
{
    struct json_writer json = reply_json(rp, 200);
    struct listing_sale sale;
    enum err err = OK;

    json_begin_array(&json);
    for (size_t i = 0; i < list->count; i++) {
        TRY(listing_sale_of(rq, tx, &list->at[i], list->free[i], &sale));
        sale.quantity = quantity;
        listing_json(&json, &list->at[i], &sale, NULL, 0);
    }
    json_end_array(&json);
done:
    return err;
}

static void reply_next(struct request *rq, struct reply *rp, const struct listing_query *query,
                       const struct listing *last)
{
    struct listing_mark end = {last->terms.price_cents, last->id};
    char cursor[LISTING_CURSOR_LEN + 1];

    listing_cursor_write(query, &end, cursor);
    reply_narrowed_next(rq, rp, query->limit, str_of(cursor), parameters);
}

/* GET /api/listings?showId=&quantity=&section=&maxTotal=&sort=&limit=&after=: what can be bought of
 * a show, cheapest first. 200 an array; 400; 404 no such show, or nothing of it was ever heard. */
enum err get_listings(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct listing_query query;
    struct listing_list list;
    struct list_page page;
    struct show_copy show;
    struct rows rows;
    enum err err;

    TRY(take_query(rq, &query));
    TRY(listed_show_get(tx, rq->arena, query.show_id, &show));
    query.show_id = show.id;
    page = (struct list_page){.limit = query.limit};
    listings_of_show(tx, &rows, &query);
    TRY(read_listings(rq, &rows, &page, &list));
    TRY(reply_listings(rq, tx, rp, &list, query.quantity));
    if (page.count == page.limit && list.count)
        reply_next(rq, rp, &query, &list.at[list.count - 1]);
done:
    return err;
}

/* GET /api/listings/mine?limit=&after=: what the caller listed, whatever became of it. */
enum err get_listings_mine(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct listing_list list;
    struct list_page page;
    struct rows rows;
    enum err err;

    TRY(request_list_page(rq, &page));
    listings_of_seller(tx, &rows, rq->user.id, &page);
    TRY(read_listings(rq, &rows, &page, &list));
    TRY(reply_listings(rq, tx, rp, &list, 0));
    reply_list_page(rq, rp, &page);
done:
    return err;
}
