/* services/orders/offers.c: what can be had of a listing: its tickets that are free, by what the
 * listing, its show and its split allow. */
#include "services/orders/orders.h"
#include "services/orders/seats.h"

/* What a ticket of a listing may be ordered by: *open is OK, or why it may not. */
static enum err show_open(struct tx *tx, struct arena *arena, const struct listing_copy *listing,
                          enum err *open)
{
    static const enum err reasons[] = {[SALE_OPEN] = OK,
                                       [SALE_PROPOSED] = ERR_SHOW_PROPOSED,
                                       [SALE_STARTED] = ERR_SHOW_STARTED,
                                       [SALE_CANCELLED] = ERR_SHOW_CANCELLED,
                                       [SALE_MERGED] = ERR_NOT_YET};
    struct show_copy show;
    enum err err = show_copy_get(tx, arena, listing->show_id, &show);

    *open = ERR_NOT_YET;
    if (err == ERR_NOT_FOUND) return OK;
    if (err == OK) *open = reasons[show_sale(&show, tx->now)];
    return err;
}

/* A listing that orders may be made of now. */
static enum err listing_open(struct request *rq, struct tx *tx, struct object_id id,
                             struct listing_copy *out)
{
    enum err err = listing_copy_get(tx, rq->arena, id, out), open;
    bool banned;

    TRY(err);
    TRY(user_is_banned(tx, out->seller_id, &banned));
    if (banned) return ERR_NOT_FOUND;
    if (out->withdrawn) return ERR_LISTING_WITHDRAWN;
    if (str_eq(out->seller_id, rq->user.id)) return ERR_OWN_LISTING;
    TRY(show_open(tx, rq->arena, out, &open));
    return open;
done:
    return err;
}

enum err offer_get(struct request *rq, struct tx *tx, struct object_id listing_id,
                   struct offer *out)
{
    struct ticket_copy *free;
    bool all;
    enum err err;

    TRY(listing_open(rq, tx, listing_id, &out->listing));
    TRY(listing_copy_free(tx, rq->arena, &out->listing, &free, &out->count, &all));
    out->free = free;
    return all ? OK : ERR_NOT_YET;
done:
    return err;
}

/* Where the free ones are; at == NULL: no memory. */
static struct free_places places_of(struct arena *arena, const struct offer *offer)
{
    int64_t *at = arena_alloc(arena, offer->count * sizeof *at);

    for (size_t i = 0; at && i < offer->count; i++)
        at[i] = offer->free[i].position;
    return (struct free_places){at, offer->count, offer->free[0].has_seat};
}

size_t offer_together(struct request *rq, const struct offer *offer)
{
    struct free_places places = places_of(rq->arena, offer);

    return places.at ? seats_together(&places) : 0;
}

enum err offer_choose(struct request *rq, const struct offer *offer, size_t quantity,
                      const struct ticket_copy **first)
{
    enum split split = offer->listing.split;
    struct free_places places;
    size_t index;

    if (quantity > offer->count) return ERR_TOO_FEW;
    if (!split_allows(split, (int64_t)offer->count, (int64_t)quantity)) return ERR_SPLIT;
    places = places_of(rq->arena, offer);
    if (!places.at) return ERR_MEMORY;
    if (!seats_choose(&places, split, quantity, &index)) return ERR_NOT_TOGETHER;
    *first = &offer->free[index];
    return OK;
}

enum err ticket_may_go_alone(struct request *rq, struct tx *tx, const struct ticket_copy *ticket)
{
    struct offer offer;
    bool withdrawn;
    enum err err = offer_get(rq, tx, ticket->listing_id, &offer);

    if (err == ERR_NOT_FOUND) return ERR_NOT_YET;
    TRY(err);
    TRY(ticket_copy_withdrawn(tx, ticket->id, &withdrawn));
    if (withdrawn) return ERR_TICKET_WITHDRAWN;
    return split_allows(offer.listing.split, (int64_t)offer.count, 1) ? OK : ERR_SPLIT;
done:
    return err;
}

enum err order_closed_by_show(struct tx *tx, struct arena *arena, const struct order *order,
                              enum err *closed)
{
    struct listing_copy listing;
    bool within;
    enum err err = OK;

    *closed = OK;
    if (!order_of_listing(order)) return OK;
    TRY(listing_copy_get(tx, arena, order->listing_id, &listing));
    TRY(show_open(tx, arena, &listing, closed));
    if (listing.withdrawn) *closed = ERR_LISTING_WITHDRAWN;
    if (*closed != OK) return OK;
    TRY(within_max_per_buyer(tx, arena, order, order->ticket_count, &within));
    if (!within) *closed = ERR_MAX_PER_BUYER;
done:
    return err;
}

/* A show may allow each buyer so many tickets. It is locked, so that two orders of one buyer take
 * turns. order: has its tickets already, or would have. */
enum err within_max_per_buyer(struct tx *tx, struct arena *arena, const struct order *order,
                              size_t more, bool *within)
{
    struct listing_copy listing;
    struct show_copy show;
    int64_t tickets, version;
    enum err err;

    *within = true;
    TRY(listing_copy_get(tx, arena, order->listing_id, &listing));
    TRY(show_copy_get(tx, arena, listing.show_id, &show));
    if (show.max_per_buyer == 0) return OK;
    TRY(show_copy_version(tx, show.id, &version));
    TRY(orders_of_show(tx, order->user_id, show.id, &tickets));
    *within = tickets + (int64_t)more <= show.max_per_buyer;
done:
    return err;
}
