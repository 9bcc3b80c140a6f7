/* services/orders/commands.c: what is stored of an order, and told of it, in one transaction. */
#include "services/orders/orders.h"

#define HOUR_MS     (3600 * INT64_C(1000))
#define RETRY_S_MAX 86400 /* no answer says more */

/* --- reserving ----------------------------------------------------------------------------- */

enum err ticket_refused(struct tx *tx, struct object_id ticket_id, enum err reason)
{
    bool taken;
    enum err err;

    TRY(ticket_is_taken(tx, ticket_id, &taken));
    return taken ? ERR_TICKET_RESERVED : reason;
done:
    return err;
}

static void retry_at(struct request *rq, const struct tx *tx, struct wall_ms at)
{
    int64_t wait_s = (wall_since(at, tx->now) + 999) / 1000;

    rq->retry_after_s = wait_s < 1 ? 1 : wait_s < RETRY_S_MAX ? (int)wait_s : RETRY_S_MAX;
}

static enum err check_count(struct request *rq, const struct tx *tx, const struct unpaid *unpaid,
                            int64_t max)
{
    if (unpaid->count < max) return OK;
    retry_at(rq, tx, unpaid->first_ends);
    return ERR_TOO_MANY_UNPAID;
}

/* Nobody holds more than a share of the market without paying, nor one ticket again and again: an
 * hour of one ticket has HOLDS_PER_HOUR of one buyer, the next has to wait. */
static enum err may_hold(struct request *rq, struct tx *tx, struct object_id ticket_id,
                         struct str network)
{
    const struct settings *settings = rq->run->env->settings;
    struct unpaid unpaid;
    struct wall_ms made_at = WALL_NONE;
    enum err err = OK;

    if (settings->unpaid_per_user) {
        TRY(orders_unpaid_of_user(tx, rq->user.id, &unpaid));
        TRY(check_count(rq, tx, &unpaid, settings->unpaid_per_user));
    }
    if (settings->unpaid_per_address) {
        TRY(orders_unpaid_from(tx, network, &unpaid));
        TRY(check_count(rq, tx, &unpaid, settings->unpaid_per_address));
    }
    if (settings->holds_per_hour)
        TRY(order_nth_of_ticket(tx, rq->user.id, ticket_id, wall_after(tx->now, -HOUR_MS),
                                settings->holds_per_hour, &made_at));
    if (!wall_known(made_at)) return OK;
    retry_at(rq, tx, wall_after(made_at, HOUR_MS));
    return ticket_refused(tx, ticket_id, ERR_HELD_TOO_OFTEN);
done:
    return err;
}

enum err order_reserve(struct request *rq, struct tx *tx, const struct ticket_copy *ticket,
                       struct order *out)
{
    const struct settings *settings = rq->run->env->settings;
    struct str network = STR(""); /* kept with an unpaid order only where it counts */
    enum err err;

    if (settings->unpaid_per_address) network = request_client_network_text(rq);
    if (!network.at) return ERR_MEMORY;
    TRY(may_hold(rq, tx, ticket->id, network));
    *out = order_open(env_new_id(rq->run->env, tx), ticket, rq->user.id, tx->now,
                      settings->order_expiration_ms);
    TRY(order_insert(tx, out, network)); /* ERR_TICKET_RESERVED from the unique index */
    TRY(publish_order_created(tx, &(struct order_created){.id = out->id,
                                                          .version = out->version,
                                                          .status = order_status_text(out->status),
                                                          .user_id = out->user_id,
                                                          .session = str_of(rq->user.sid_hash),
                                                          .expires_at = out->expires_at,
                                                          .ticket_id = out->ticket.id,
                                                          .price_cents = out->ticket.price_cents,
                                                          .title = out->ticket.title}));
done:
    return err;
}

/* --- tickets of listings ------------------------------------------------------------------- */

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

enum err ticket_may_go_alone(struct request *rq, struct tx *tx, const struct ticket_copy *ticket)
{
    struct listing_copy listing;
    enum err err = listing_copy_get(tx, rq->arena, ticket->listing_id, &listing), open;
    bool withdrawn;
    int64_t free;

    if (err == ERR_NOT_FOUND) return ERR_NOT_YET;
    TRY(err);
    TRY(ticket_copy_withdrawn(tx, ticket->id, &withdrawn));
    if (listing.withdrawn || withdrawn) return ERR_LISTING_WITHDRAWN;
    if (str_eq(listing.seller_id, rq->user.id)) return ERR_OWN_LISTING;
    TRY(show_open(tx, rq->arena, &listing, &open));
    if (open != OK) return open;
    TRY(listing_copy_free(tx, listing.id, &free));
    return split_allows(listing.split, free, 1) ? OK : ERR_SPLIT;
done:
    return err;
}

enum err ticket_closed_by_show(struct tx *tx, struct arena *arena, struct object_id ticket_id,
                               enum err *closed)
{
    struct object_id listing_id;
    struct listing_copy listing;
    enum err err;

    *closed = OK;
    TRY(ticket_copy_listing(tx, ticket_id, &listing_id));
    if (object_id_eq(listing_id, (struct object_id){{0}})) return OK;
    TRY(listing_copy_get(tx, arena, listing_id, &listing));
    TRY(show_open(tx, arena, &listing, closed));
    if (listing.withdrawn) *closed = ERR_LISTING_WITHDRAWN;
done:
    return err;
}

enum err ticket_close(struct tx *tx, struct object_id ticket_id)
{
    bool taken;
    enum err err;

    TRY(ticket_is_taken(tx, ticket_id, &taken));
    if (!taken) TRY(publish_ticket_closed(tx, &(struct ticket_closed){.id = ticket_id}));
done:
    return err;
}

/* An order has let go of the ticket, which may have been taken down meanwhile. */
static enum err let_go(struct tx *tx, struct object_id ticket_id)
{
    struct object_id listing_id;
    bool withdrawn;
    enum err err;

    TRY(ticket_copy_listing(tx, ticket_id, &listing_id));
    if (object_id_eq(listing_id, (struct object_id){{0}})) return OK;
    TRY(ticket_copy_withdrawn(tx, ticket_id, &withdrawn));
    if (withdrawn) TRY(ticket_close(tx, ticket_id));
done:
    return err;
}

/* --- changing ------------------------------------------------------------------------------ */

static enum err publish_change(struct tx *tx, const struct order *order, enum order_status before)
{
    if (order->status == before || order->status == ORDER_CREATED ||
        order->status == ORDER_AWAITING_PAYMENT)
        return publish_order_updated(
            tx, &(struct order_updated){.id = order->id,
                                        .version = order->version,
                                        .status = order_status_text(order->status),
                                        .expires_at = order->expires_at,
                                        .ticket_id = order->ticket.id});
    if (order->status == ORDER_CANCELLED)
        return publish_order_cancelled(
            tx, &(struct order_cancelled){
                    .id = order->id, .version = order->version, .ticket_id = order->ticket.id});
    return publish_order_completed(
        tx, &(struct order_completed){.id = order->id,
                                      .version = order->version,
                                      .user_id = order->user_id,
                                      .ticket_id = order->ticket.id,
                                      .price_cents = order->ticket.price_cents,
                                      .title = order->ticket.title});
}

enum err order_save(struct tx *tx, const struct order *order, enum order_status before)
{
    enum err err;

    TRY(order_update(tx, order));
    TRY(publish_change(tx, order, before));
    if (order->status == ORDER_CANCELLED && before != ORDER_CANCELLED)
        TRY(let_go(tx, order->ticket.id));
done:
    return err;
}

enum err order_give_back(struct tx *tx, struct order *order)
{
    enum order_status before = order->status;
    enum order_change change;
    enum err err;

    TRY(order_cancel(order, &change));
    if (change == ORDER_CHANGED) TRY(order_save(tx, order, before));
done:
    return err;
}
