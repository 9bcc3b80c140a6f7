/* services/orders/commands.c: what is stored of an order, and told of it, in one transaction. */
#include "services/orders/orders.h"

#include "base/money.h"

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

/* Nobody holds more than a share of the market without paying. */
static enum err may_hold(struct request *rq, struct tx *tx, struct str network)
{
    const struct settings *settings = rq->run->env->settings;
    struct unpaid unpaid;
    enum err err = OK;

    if (settings->unpaid_per_user) {
        TRY(orders_unpaid_of_user(tx, rq->user.id, &unpaid));
        TRY(check_count(rq, tx, &unpaid, settings->unpaid_per_user));
    }
    if (settings->unpaid_per_address) {
        TRY(orders_unpaid_from(tx, network, &unpaid));
        TRY(check_count(rq, tx, &unpaid, settings->unpaid_per_address));
    }
done:
    return err;
}

/* Nor one ticket again and again: an hour of one ticket has HOLDS_PER_HOUR of one buyer, the next
 * has to wait. */
static enum err may_hold_again(struct request *rq, struct tx *tx, const struct order *order)
{
    const struct settings *settings = rq->run->env->settings;
    struct wall_ms made_at = WALL_NONE;
    enum err err = OK;

    if (settings->holds_per_hour)
        TRY(order_held_before(tx, order, wall_after(tx->now, -HOUR_MS), settings->holds_per_hour,
                              &made_at));
    if (!wall_known(made_at)) return OK;
    retry_at(rq, tx, wall_after(made_at, HOUR_MS));
    return ERR_HELD_TOO_OFTEN;
done:
    return err;
}

/* As an event tells them; plain orders have but the one ticket that every order event names. */
static enum err list_tickets(struct arena *arena, const struct order *order,
                             struct ordered_list *out)
{
    struct ordered_ticket *tickets;

    *out = (struct ordered_list){NULL, 0};
    if (!order_of_listing(order)) return OK;
    tickets = arena_alloc(arena, order->ticket_count * sizeof *tickets);
    if (!tickets) return ERR_MEMORY;
    for (size_t i = 0; i < order->ticket_count; i++)
        tickets[i] = (struct ordered_ticket){order->tickets[i].id, order->tickets[i].price_cents};
    *out = (struct ordered_list){tickets, order->ticket_count};
    return OK;
}

static enum err publish_created(struct request *rq, struct tx *tx, const struct order *order)
{
    struct ordered_list tickets;
    enum err err = list_tickets(rq->arena, order, &tickets);

    if (err != OK) return err;
    return publish_order_created(
        tx, &(struct order_created){.id = order->id,
                                    .version = order->version,
                                    .status = order_status_text(order->status),
                                    .user_id = order->user_id,
                                    .session = str_of(rq->user.sid_hash),
                                    .expires_at = order->expires_at,
                                    .ticket_id = order->tickets[0].id,
                                    .price_cents = order->tickets[0].price_cents,
                                    .title = order->tickets[0].title,
                                    .tickets = tickets});
}

enum err order_reserve(struct request *rq, struct tx *tx, const struct ticket_copy *tickets,
                       size_t count, struct order *out)
{
    const struct settings *settings = rq->run->env->settings;
    struct str network = STR(""); /* kept with an unpaid order only where it counts */
    bool within = true;
    enum err err;

    if (settings->unpaid_per_address) network = request_client_network_text(rq);
    if (!network.at) return ERR_MEMORY;
    TRY(may_hold(rq, tx, network));
    *out = order_open(env_new_id(rq->run->env, tx), tickets, count, rq->user.id, tx->now,
                      settings->order_expiration_ms);
    if (order_total_cents(out) > PRICE_CENTS_MAX) return ERR_TOTAL_TOO_HIGH;
    TRY(order_insert(tx, out, network)); /* ERR_TICKET_RESERVED from the unique indexes */
    TRY(may_hold_again(rq, tx, out));
    if (order_of_listing(out)) TRY(within_max_per_buyer(tx, rq->arena, out, 0, &within));
    if (!within) return ERR_MAX_PER_BUYER;
    TRY(publish_created(rq, tx, out));
done:
    return err;
}

/* --- tickets that were taken down ----------------------------------------------------------- */

enum err ticket_close(struct tx *tx, struct object_id ticket_id)
{
    bool taken;
    enum err err;

    TRY(ticket_is_taken(tx, ticket_id, &taken));
    if (!taken) TRY(publish_ticket_closed(tx, &(struct ticket_closed){.id = ticket_id}));
done:
    return err;
}

/* An order has let go of its tickets, of which some may have been taken down meanwhile. */
static enum err let_go(struct tx *tx, const struct order *order)
{
    bool withdrawn;
    enum err err = OK;

    if (!order_of_listing(order)) return OK;
    for (size_t i = 0; i < order->ticket_count; i++) {
        TRY(ticket_copy_withdrawn(tx, order->tickets[i].id, &withdrawn));
        if (withdrawn) TRY(ticket_close(tx, order->tickets[i].id));
    }
done:
    return err;
}

/* --- changing ------------------------------------------------------------------------------ */

static enum err publish_change(struct tx *tx, struct arena *arena, const struct order *order,
                               enum order_status before)
{
    const struct ticket_copy *first = &order->tickets[0];
    struct ordered_list tickets;
    enum err err;

    if (order->status == before || order->status == ORDER_CREATED ||
        order->status == ORDER_AWAITING_PAYMENT)
        return publish_order_updated(
            tx, &(struct order_updated){.id = order->id,
                                        .version = order->version,
                                        .status = order_status_text(order->status),
                                        .expires_at = order->expires_at,
                                        .ticket_id = first->id});
    TRY(list_tickets(arena, order, &tickets));
    if (order->status == ORDER_CANCELLED)
        return publish_order_cancelled(tx, &(struct order_cancelled){.id = order->id,
                                                                     .version = order->version,
                                                                     .ticket_id = first->id,
                                                                     .tickets = tickets});
    return publish_order_completed(tx, &(struct order_completed){.id = order->id,
                                                                 .version = order->version,
                                                                 .user_id = order->user_id,
                                                                 .ticket_id = first->id,
                                                                 .price_cents = first->price_cents,
                                                                 .title = first->title,
                                                                 .tickets = tickets});
done:
    return err;
}

enum err order_save(struct tx *tx, struct arena *arena, const struct order *order,
                    enum order_status before)
{
    enum err err;

    TRY(order_update(tx, order));
    TRY(publish_change(tx, arena, order, before));
    if (order->status == ORDER_CANCELLED && before != ORDER_CANCELLED) TRY(let_go(tx, order));
done:
    return err;
}

enum err order_give_back(struct tx *tx, struct arena *arena, struct order *order)
{
    enum order_status before = order->status;
    enum order_change change;
    enum err err;

    TRY(order_cancel(order, &change));
    if (change == ORDER_CHANGED) TRY(order_save(tx, arena, order, before));
done:
    return err;
}
