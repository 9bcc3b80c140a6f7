/* services/entries/listeners.c: copies of what entries are for, and what becomes of orders.
 *
 * Of an order two things count: that it is complete, and that it is over. Either may overtake the
 * other, so each order's latest version is kept: an older event does nothing. Of two orders on one
 * ticket the ticket's entry tells: while one's is valid, the other's completion waits for what ends
 * the first. */
#include "services/entries/door/change_store.h"
#include "services/entries/door/gate_store.h"
#include "services/entries/entries.h"
#include "services/entries/transfer_store.h"

/* Not yet: what it is about comes by another service's events. */
static enum verdict not_yet(enum err err)
{
    return err == ERR_NOT_FOUND ? VERDICT_EARLY : verdict_of(err);
}

/* --- copies -------------------------------------------------------------------------------- */

static enum verdict copy_venue(struct tx *tx, const struct entry_venue *venue)
{
    enum verdict verdict;
    int64_t held;
    enum err err;

    TRY(entry_venue_version(tx, venue->id, &held));
    verdict = version_verdict(held, venue->version);
    if (verdict != VERDICT_APPLIED) return verdict;
    TRY(entry_venue_put(tx, venue));
done:
    return verdict_of(err);
}

#define VENUE_COPY(venue)                                                                          \
    &(struct entry_venue)                                                                          \
    {                                                                                              \
        .id = (venue)->id, .version = (venue)->version, .name = (venue)->name,                     \
        .city = (venue)->city, .country = (venue)->country, .time_zone = (venue)->time_zone        \
    }

static enum verdict on_venue_created(struct env *env, struct tx *tx, const void *event)
{
    const struct venue_created *venue = event;

    (void)env;
    return copy_venue(tx, VENUE_COPY(venue));
}

static enum verdict on_venue_updated(struct env *env, struct tx *tx, const void *event)
{
    const struct venue_updated *venue = event;

    (void)env;
    return copy_venue(tx, VENUE_COPY(venue));
}

/* Its entries and gates are of the show that it was merged into; that one's event may still be on
 * its way. */
static enum err follow_merge(struct env *env, struct tx *tx, const struct entry_show *show)
{
    struct object_id now;
    enum err err = entry_show_now(tx, show->merged_into, &now);

    if (err == ERR_NOT_FOUND) now = show->merged_into;
    if (err != ERR_NOT_FOUND) TRY(err);
    TRY(entries_move(tx, show->id, now));
    TRY(gates_move(tx, show->id, now));
    TRY(door_changes_move(tx, show->id, now));
    TRY(transfers_follow(env, tx, now));
done:
    return err;
}

static enum verdict copy_show(struct env *env, struct tx *tx, const struct entry_show *show)
{
    enum verdict verdict;
    int64_t held;
    enum err err;

    TRY(entry_show_version(tx, show->id, &held));
    verdict = version_verdict(held, show->version);
    if (verdict != VERDICT_APPLIED) return verdict;
    TRY(entry_show_put(tx, show));
    TRY(transfers_follow(env, tx, show->id));
    if (!object_id_eq(show->merged_into, (struct object_id){{0}})) TRY(follow_merge(env, tx, show));
done:
    return verdict_of(err);
}

#define SHOW_COPY(show)                                                                            \
    &(struct entry_show)                                                                           \
    {                                                                                              \
        .id = (show)->id, .version = (show)->version, .title = (show)->title,                      \
        .status = (show)->status, .venue_id = (show)->venue_id, .starts_at = (show)->starts_at,    \
        .starts_local = (show)->starts_local, .doors_at = (show)->doors_at,                        \
        .doors_local = (show)->doors_local, .merged_into = (show)->merged_into                     \
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

static enum verdict copy_listing(struct env *env, struct tx *tx,
                                 const struct entry_listing *listing)
{
    enum verdict verdict;
    int64_t held;
    enum err err;

    TRY(entry_listing_version(tx, listing->id, &held));
    verdict = version_verdict(held, listing->version);
    if (verdict != VERDICT_APPLIED) return verdict;
    TRY(entry_listing_put(tx, env->arena, listing));
done:
    return verdict_of(err);
}

#define LISTING_COPY(listing)                                                                      \
    &(struct entry_listing)                                                                        \
    {                                                                                              \
        .id = (listing)->id, .version = (listing)->version, .show_id = (listing)->show_id,         \
        .section = (listing)->section, .row = (listing)->row,                                      \
        .restrictions = (listing)->restrictions, .delivery = (listing)->delivery                   \
    }

static enum verdict on_listing_created(struct env *env, struct tx *tx, const void *event)
{
    const struct listing_created *listing = event;

    return copy_listing(env, tx, LISTING_COPY(listing));
}

static enum verdict on_listing_updated(struct env *env, struct tx *tx, const void *event)
{
    const struct listing_updated *listing = event;

    return copy_listing(env, tx, LISTING_COPY(listing));
}

static enum verdict on_ticket_created(struct env *env, struct tx *tx, const void *event)
{
    const struct ticket_created *ticket = event;

    (void)env;
    if (object_id_eq(ticket->listing_id, (struct object_id){{0}})) return VERDICT_SEEN;
    return verdict_of(entry_ticket_put(tx, ticket->id, ticket->listing_id, ticket->seat));
}

/* --- orders -------------------------------------------------------------------------------- */

/* The shows that its tickets are for, in the arena. ERR_NOT_FOUND: not all that is needed to issue
 * their entries has come yet, or the end of another order's. */
static enum err shows_of(struct env *env, struct tx *tx, const struct order_completed *order,
                         struct object_id **shows)
{
    size_t count = order->tickets.count;
    struct object_id *out = arena_alloc(env->arena, count * sizeof *out), now;
    bool other;
    enum err err = OK;

    if (!out) return ERR_MEMORY;
    *shows = out;
    for (size_t i = 0; i < count; i++) {
        TRY(entry_ticket_show(tx, order->tickets.at[i].id, &out[i]));
        TRY(entry_show_now(tx, out[i], &now));
        TRY(entry_of_other(tx, order->tickets.at[i].id, order->id, &other));
        if (other) return ERR_NOT_FOUND;
    }
done:
    return err;
}

/* Tickets of no listing have no entry. Entries that the order has already are of a completion
 * whose end this one has overtaken. */
static enum verdict on_order_completed(struct env *env, struct tx *tx, const void *event)
{
    const struct order_completed *order = event;
    struct object_id *shows;
    int64_t held;
    enum err err;

    if (!order->tickets.count) return VERDICT_SEEN;
    TRY(order_heard_lock(tx, order->id, &held));
    if (order->version <= held) return VERDICT_SEEN;
    TRY(shows_of(env, tx, order, &shows));
    TRY(order_entries_void(tx, env->arena, order->id));
    for (size_t i = 0; i < order->tickets.count; i++)
        TRY(entry_make(env, tx, order->tickets.at[i].id, order->id, order->user_id, shows[i]));
    TRY(order_heard_set(tx, order->id, order->version));
done:
    return not_yet(err);
}

/* An order that was complete is cancelled when all of its money went back. */
static enum verdict on_order_cancelled(struct env *env, struct tx *tx, const void *event)
{
    const struct order_cancelled *order = event;
    int64_t held;
    enum err err;

    if (!order->tickets.count) return VERDICT_SEEN;
    TRY(order_heard_lock(tx, order->id, &held));
    if (order->version <= held) return VERDICT_SEEN;
    TRY(order_entries_void(tx, env->arena, order->id));
    TRY(order_heard_set(tx, order->id, order->version));
done:
    return verdict_of(err);
}

/* --- people --------------------------------------------------------------------------------- */

/* Once it is known that an address is its user's, it stays so: an address changes to one that is.
 */
static enum verdict on_user_updated(struct env *env, struct tx *tx, const void *event)
{
    const struct user_updated *user = event;
    struct object_id_text id = object_id_text(user->id);
    enum err err = OK;

    (void)env;
    if (user->confirmed) TRY(person_confirm(tx, str_of(id.hex)));
done:
    return verdict_of(err);
}

const struct listener entries_listeners[ENTRIES_LISTENERS] = {
    {EVENT_VENUE_CREATED, on_venue_created},     {EVENT_VENUE_UPDATED, on_venue_updated},
    {EVENT_SHOW_CREATED, on_show_created},       {EVENT_SHOW_UPDATED, on_show_updated},
    {EVENT_LISTING_CREATED, on_listing_created}, {EVENT_LISTING_UPDATED, on_listing_updated},
    {EVENT_TICKET_CREATED, on_ticket_created},   {EVENT_ORDER_COMPLETED, on_order_completed},
    {EVENT_ORDER_CANCELLED, on_order_cancelled}, {EVENT_USER_UPDATED, on_user_updated},
};
