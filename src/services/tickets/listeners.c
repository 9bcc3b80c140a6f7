/* services/tickets/listeners.c: a ticket follows the orders on it: locked, freed, sold.
 *
 * Each order's events apply in the order of its versions. Between two orders on one ticket the
 * ticket itself tells: an order cannot take a ticket that another still holds, so its event waits
 * for the other's cancellation. A cancellation waits for nothing: whatever came before it, the
 * order holds no ticket now. Were it to wait for its order's beginning, and that for a ticket which
 * a later order has taken meanwhile, it might wait for good.
 *
 * Of an order that is so old that it may be forgotten only its end counts, whatever came before it:
 * money that came late, or went back after a year. */
#include "services/tickets/tickets.h"

enum step {
    ORDER_GOES_ON,
    ORDER_ENDS, /* it has the ticket for good … */
    ORDER_FREES /* … or not any more */
};

/* Whether an order event is the order's next one, or newer than what is held and enough of itself.
 * Of an order that may have been forgotten nothing waits, whatever is held: what came before it may
 * have been taken for seen. */
static enum verdict step_verdict(const struct env *env, struct tx *tx, struct object_id order_id,
                                 int64_t version, enum step step, int64_t *held)
{
    enum err err = order_version(tx, order_id, held);

    if (err) return verdict_of(err);
    if (version <= *held) return VERDICT_SEEN;
    if (step == ORDER_FREES) return VERDICT_APPLIED;
    if (env_is_forgotten(env, tx, order_id))
        return step == ORDER_ENDS ? VERDICT_APPLIED : VERDICT_SEEN;
    return version_verdict(*held, version);
}

/* The tickets of one order. */
struct order_hold {
    struct ordered_list ordered; /* as its event tells them */
    struct ticket *tickets;
    int64_t *versions; /* that they had */
    int64_t held;      /* the order's version that was applied last; -1: none */
};

/* The tickets that an order event is about, when the event is to be applied. They are locked before
 * the order's version is read: replicas that apply events of one order take turns, and see each
 * other's version. */
static enum verdict tickets_of(struct env *env, struct tx *tx, struct object_id order_id,
                               int64_t version, enum step step, struct ordered_list ordered,
                               struct order_hold *hold)
{
    bool all = true;
    enum verdict verdict;
    enum err err = OK;

    *hold = (struct order_hold){
        .ordered = ordered,
        .tickets = arena_alloc(env->arena, ordered.count * sizeof *hold->tickets),
        .versions = arena_alloc(env->arena, ordered.count * sizeof *hold->versions)};
    if (!hold->tickets || !hold->versions) return verdict_of(ERR_MEMORY);
    for (size_t i = 0; i < ordered.count; i++) {
        err = ticket_get(tx, env->arena, ordered.at[i].id, &hold->tickets[i]);
        if (err != OK && err != ERR_NOT_FOUND) return verdict_of(err);
        all &= err == OK;
        hold->versions[i] = hold->tickets[i].version;
    }
    verdict = step_verdict(env, tx, order_id, version, step, &hold->held);
    if (verdict != VERDICT_APPLIED) return verdict;
    return all ? VERDICT_APPLIED : env_dead(env, "there is no such ticket");
}

/* Of an order that is over once, and no more than that, nothing need be known for good: its events,
 * were they to come again, would find its ticket as it is. */
#define ENDS_ONCE 1
#define ENDS_MORE 2

/* Those that have changed. */
static enum err tickets_save(struct env *env, struct tx *tx, const struct order_hold *hold)
{
    enum err err = OK;

    for (size_t i = 0; i < hold->ordered.count; i++) {
        if (hold->tickets[i].version == hold->versions[i]) continue;
        TRY(ticket_save(tx, &hold->tickets[i]));
        if (ticket_of_listing(&hold->tickets[i])) offers_tell_soon(env, tx);
    }
done:
    return err;
}

/* All in one transaction, and how far their order has come. */
static enum verdict hold_save(struct env *env, struct tx *tx, const struct order_hold *hold,
                              struct object_id order_id, int64_t version, int64_t ends)
{
    enum err err;

    /* What it overtook is still to come, and must be known for old then. */
    if (ends == ENDS_ONCE && version != hold->held + 1) ends = ENDS_MORE;
    TRY(tickets_save(env, tx, hold));
    TRY(order_version_set(tx, order_id, version, ends));
done:
    return verdict_of(err);
}

/* What the order was made at of its ticket at that place: events name the first one's title, and
 * those of the others never change. */
static struct ticket_order made_at(const struct order_hold *hold, size_t place,
                                   struct object_id order_id, struct str first_title)
{
    return (struct ticket_order){.id = order_id,
                                 .title = place == 0 ? first_title : hold->tickets[place].title,
                                 .price_cents = hold->ordered.at[place].price_cents};
}

static enum verdict on_order_created(struct env *env, struct tx *tx, const void *event)
{
    const struct order_created *order = event;
    struct ordered_ticket first = {order->ticket_id, order->price_cents};
    struct order_hold hold;
    enum verdict verdict = tickets_of(env, tx, order->id, order->version, ORDER_GOES_ON,
                                      ordered_tickets(&order->tickets, &first), &hold);

    if (verdict != VERDICT_APPLIED) return verdict;
    for (size_t i = 0; i < hold.ordered.count; i++) {
        struct ticket_order reserved = made_at(&hold, i, order->id, order->title);

        if (ticket_reserve(&hold.tickets[i], &reserved) != OK) return VERDICT_EARLY;
    }
    return hold_save(env, tx, &hold, order->id, order->version, 0);
}

/* A deadline or a payment moved: nothing of the tickets', but the order's next version. */
static enum verdict on_order_updated(struct env *env, struct tx *tx, const void *event)
{
    const struct order_updated *order = event;
    struct ordered_ticket first = {order->ticket_id, 0};
    struct order_hold hold;
    enum verdict verdict = tickets_of(env, tx, order->id, order->version, ORDER_GOES_ON,
                                      (struct ordered_list){&first, 1}, &hold);

    return verdict == VERDICT_APPLIED ? hold_save(env, tx, &hold, order->id, order->version, 0)
                                      : verdict;
}

/* It is what its listing makes of it by now. */
static enum err back_to_listing(struct env *env, struct tx *tx, struct ticket *ticket)
{
    struct listing listing;
    bool stands;
    enum err err;

    TRY(listing_get(tx, env->arena, ticket->listing_id, &listing));
    TRY(ticket_show_stands(tx, ticket->id, &stands));
    ticket_back(ticket, &listing, stands);
done:
    return err;
}

/* Also a sold ticket comes free: the buyer of a complete order got the money back. */
static enum verdict on_order_cancelled(struct env *env, struct tx *tx, const void *event)
{
    const struct order_cancelled *order = event;
    struct ordered_ticket first = {order->ticket_id, 0};
    struct order_hold hold;
    int64_t ends = ENDS_ONCE;
    enum verdict verdict = tickets_of(env, tx, order->id, order->version, ORDER_FREES,
                                      ordered_tickets(&order->tickets, &first), &hold);
    enum err err = OK;

    if (verdict != VERDICT_APPLIED) return verdict;
    for (size_t i = 0; i < hold.ordered.count; i++) {
        struct ticket *ticket = &hold.tickets[i];

        if (!ticket_held_by(ticket, order->id)) continue;
        if (ticket->sold) ends = ENDS_MORE;
        ticket_free(ticket);
        if (ticket_of_listing(ticket)) TRY(back_to_listing(env, tx, ticket));
    }
    return hold_save(env, tx, &hold, order->id, order->version, ends);
done:
    return verdict_of(err);
}

/* Also a ticket that is free may be sold: the money came after its order was cancelled. */
static enum verdict on_order_completed(struct env *env, struct tx *tx, const void *event)
{
    const struct order_completed *order = event;
    struct ordered_ticket first = {order->ticket_id, order->price_cents};
    struct order_hold hold;
    int64_t ends = ENDS_ONCE;
    enum verdict verdict = tickets_of(env, tx, order->id, order->version, ORDER_ENDS,
                                      ordered_tickets(&order->tickets, &first), &hold);

    if (verdict != VERDICT_APPLIED) return verdict;
    for (size_t i = 0; i < hold.ordered.count; i++) {
        struct ticket_order sold = made_at(&hold, i, order->id, order->title);
        struct ticket *ticket = &hold.tickets[i];

        if (!ticket_held_by(ticket, order->id)) ends = ENDS_MORE;
        if (ticket_held_by(ticket, order->id) && ticket->sold) continue;
        if (ticket_sell(ticket, &sold) != OK) return VERDICT_EARLY;
    }
    return hold_save(env, tx, &hold, order->id, order->version, ends);
}

/* Orders has made sure that nobody can have it any more: its seat may be listed again. */
static enum verdict on_ticket_closed(struct env *env, struct tx *tx, const void *event)
{
    const struct ticket_closed *ticket = event;
    bool found;
    enum err err = seat_release(tx, ticket->id, &found);

    if (err != OK) return verdict_of(err);
    return found ? VERDICT_APPLIED : env_dead(env, "there is no such ticket that was taken down");
}

/* --- shows ----------------------------------------------------------------------------------- */

/* What was of the show is of the one it was merged into, or of the one that was merged into since.
 */
static enum err follow_merge(struct env *env, struct tx *tx, const struct show_copy *show)
{
    struct object_id into = show->merged_into;
    struct show_copy other;
    enum err err = listed_show_get(tx, env->arena, into, &other);

    if (err == OK) into = other.id;
    if (err != ERR_NOT_FOUND) TRY(err);
    TRY(show_merge_into(env, tx, show->id, into));
done:
    return err;
}

static enum verdict copy_show(struct env *env, struct tx *tx, const struct show_copy *show)
{
    enum verdict verdict;
    int64_t held;
    enum err err;

    TRY(listed_show_version(tx, show->id, &held));
    verdict = version_verdict(held, show->version);
    if (verdict != VERDICT_APPLIED) return verdict;
    TRY(listed_show_put(tx, show, show_sale(show, tx->now) == SALE_OPEN));
    if (show_is_merged(show)) TRY(follow_merge(env, tx, show));
    env_job_due(env, JOB_SHOWS_START, show->starts_at);
    env_wake_id(env, show->id);
done:
    return verdict_of(err);
}

#define SHOW_COPY(show)                                                                            \
    &(struct show_copy)                                                                            \
    {                                                                                              \
        .id = (show)->id, .version = (show)->version, .title = (show)->title,                      \
        .status = (show)->status, .starts_at = (show)->starts_at,                                  \
        .max_per_buyer = (show)->max_per_buyer, .max_over_face_bps = (show)->max_over_face_bps,    \
        .merged_into = (show)->merged_into                                                         \
    }

static enum verdict on_show_created(struct env *env, struct tx *tx, const void *event)
{
    const struct show_created *show = event;

    return copy_show(env, tx, SHOW_COPY(show));
}

static enum verdict on_show_updated(struct env *env, struct tx *tx, const void *event)
{
    const struct show_updated *show = event;

    return copy_show(env, tx, SHOW_COPY(show));
}

/* --- sellers --------------------------------------------------------------------------------- */

/* Once it is known that an address is its user's, it stays so: an address changes to one that is.
 * What somebody who is banned offers counts no more, or again. */
static enum verdict on_user_updated(struct env *env, struct tx *tx, const void *event)
{
    const struct user_updated *user = event;
    struct object_id_text id = object_id_text(user->id);
    enum err err;

    TRY(offers_changed_of(env, tx, str_of(id.hex)));
    if (user->confirmed) TRY(seller_confirm(tx, str_of(id.hex)));
done:
    return verdict_of(err);
}

const struct listener tickets_listeners[TICKETS_LISTENERS] = {
    {EVENT_ORDER_CREATED, on_order_created},     {EVENT_ORDER_UPDATED, on_order_updated},
    {EVENT_ORDER_CANCELLED, on_order_cancelled}, {EVENT_ORDER_COMPLETED, on_order_completed},
    {EVENT_TICKET_CLOSED, on_ticket_closed},     {EVENT_SHOW_CREATED, on_show_created},
    {EVENT_SHOW_UPDATED, on_show_updated},       {EVENT_USER_UPDATED, on_user_updated},
};
