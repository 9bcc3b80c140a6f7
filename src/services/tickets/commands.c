/* services/tickets/commands.c: what is stored of a ticket, and told of it, in one transaction. */
#include "services/tickets/availability_store.h"
#include "services/tickets/tickets.h"

enum err ticket_save(struct tx *tx, const struct ticket *ticket)
{
    enum err err;

    TRY(ticket_update(tx, ticket));
    TRY(publish_ticket_updated(tx, &(struct ticket_updated){.id = ticket->id,
                                                            .version = ticket->version,
                                                            .title = ticket->title,
                                                            .price_cents = ticket->price_cents,
                                                            .user_id = ticket->user_id,
                                                            .listing_id = ticket->listing_id,
                                                            .position = ticket->position,
                                                            .seat = ticket->seat,
                                                            .order_id = ticket->order_id,
                                                            .sold = ticket->sold,
                                                            .withdrawn = ticket->withdrawn}));
done:
    return err;
}

enum err seller_may_list(struct env *env, struct tx *tx, struct str user_id)
{
    bool confirmed;
    enum err err;

    if (!env->settings->confirmed_sellers) return OK;
    TRY(seller_confirmed(tx, user_id, &confirmed));
    return confirmed ? OK : ERR_ADDRESS_UNCONFIRMED;
done:
    return err;
}

enum err ticket_offer(struct tx *tx, const struct ticket *ticket, const struct place *place)
{
    enum err err;

    TRY(ticket_insert(tx, ticket, place));
    TRY(publish_ticket_created(tx, &(struct ticket_created){.id = ticket->id,
                                                            .version = ticket->version,
                                                            .title = ticket->title,
                                                            .price_cents = ticket->price_cents,
                                                            .user_id = ticket->user_id,
                                                            .listing_id = ticket->listing_id,
                                                            .position = ticket->position,
                                                            .seat = ticket->seat}));
done:
    return err;
}

/* --- listings -------------------------------------------------------------------------------- */

#define LISTING_EVENT(type, listing)                                                               \
    &(struct type)                                                                                 \
    {                                                                                              \
        .id = (listing)->id, .version = (listing)->version, .user_id = (listing)->user_id,         \
        .show_id = (listing)->show_id, .section = (listing)->section, .row = (listing)->row,       \
        .quantity = (listing)->quantity, .split = split_text((listing)->terms.split),              \
        .price_cents = (listing)->terms.price_cents,                                               \
        .face_value_cents = (listing)->terms.face_value_cents,                                     \
        .restrictions = (listing)->terms.restrictions,                                             \
        .delivery = ticket_delivery_text((listing)->terms.delivery),                               \
        .withdrawn = (listing)->withdrawn                                                          \
    }

enum err listing_offer(struct env *env, struct tx *tx, struct arena *arena,
                       const struct listing *listing, struct str show_title,
                       const struct places *places)
{
    enum err err;

    TRY(listing_insert(tx, arena, listing));
    TRY(publish_listing_created(tx, LISTING_EVENT(listing_created, listing)));
    for (size_t i = 0; i < places->count; i++) {
        const struct seat *seat = &places->at[i];
        struct ticket ticket = {.title = listed_title(arena, show_title, listing, seat->label),
                                .price_cents = listing->terms.price_cents,
                                .user_id = listing->user_id,
                                .listing_id = listing->id,
                                .position = (int64_t)i,
                                .seat = seat->label};
        struct place place = {.show_id = listing->show_id,
                              .area_key = seat->key.len ? places->area_key : STR(""),
                              .seat_key = seat->key};

        if (!ticket.title.at) return ERR_MEMORY;
        ticket.id = env_new_id(env, tx);
        TRY(ticket_offer(tx, &ticket, &place));
    }
    TRY(offer_change_put(tx, listing->show_id, listing->user_id, listing->terms.price_cents,
                         (int64_t)places->count));
    offers_tell_soon(env, tx);
done:
    return err;
}

enum err listing_save(struct env *env, struct tx *tx, struct arena *arena,
                      const struct listing *listing)
{
    enum err err;

    TRY(listing_update(tx, arena, listing));
    offers_tell_soon(env, tx);
    TRY(publish_listing_updated(tx, LISTING_EVENT(listing_updated, listing)));
done:
    return err;
}

/* The listing's tickets that were not taken down, locked: who frees one of them meanwhile waits,
 * and finds the listing as it is then. */
static enum err standing(struct tx *tx, struct arena *arena, const struct listing *listing,
                         struct ticket **tickets, size_t *count)
{
    *tickets = arena_alloc(arena, LISTING_TICKETS_MAX * sizeof **tickets);
    if (!*tickets) return ERR_MEMORY;
    return tickets_of_listing(tx, arena, listing->id, true, *tickets, count);
}

enum err listing_reprice(struct tx *tx, struct arena *arena, const struct listing *listing)
{
    struct ticket *tickets;
    size_t count;
    enum err err;

    TRY(standing(tx, arena, listing, &tickets, &count));
    for (size_t i = 0; i < count; i++) {
        if (ticket_held(&tickets[i]) || tickets[i].price_cents == listing->terms.price_cents)
            continue;
        ticket_reprice(&tickets[i], listing->terms.price_cents);
        TRY(ticket_save(tx, &tickets[i]));
    }
done:
    return err;
}

enum err listing_clear(struct tx *tx, struct arena *arena, const struct listing *listing)
{
    struct ticket *tickets;
    size_t count;
    bool changed;
    enum err err;

    TRY(standing(tx, arena, listing, &tickets, &count));
    for (size_t i = 0; i < count; i++) {
        if (ticket_held(&tickets[i])) continue;
        TRY(ticket_withdraw(&tickets[i], &changed));
        TRY(ticket_save(tx, &tickets[i]));
    }
done:
    return err;
}

/* --- merged shows ---------------------------------------------------------------------------- */

#define MERGE_MAX 100 /* of what is read at a time */

static enum err take_down(struct tx *tx, struct arena *arena, struct object_id ticket_id)
{
    struct ticket ticket;
    bool changed;
    enum err err;

    TRY(ticket_get(tx, arena, ticket_id, &ticket));
    TRY(ticket_withdraw(&ticket, &changed));
    if (changed) TRY(ticket_save(tx, &ticket));
done:
    return err;
}

static enum err settle_clashes(struct tx *tx, struct arena *arena, struct object_id from,
                               struct object_id into)
{
    struct seat_clash clashes[MERGE_MAX];
    size_t count;
    enum err err;

    do {
        TRY(seat_clashes(tx, from, into, clashes, MERGE_MAX, &count));
        for (size_t i = 0; i < count; i++)
            TRY(take_down(tx, arena,
                          clashes[i].moving_held ? clashes[i].other : clashes[i].moving));
    } while (count == MERGE_MAX);
done:
    return err;
}

enum err show_merge_into(struct env *env, struct tx *tx, struct object_id from,
                         struct object_id into)
{
    struct object_id listings[MERGE_MAX];
    struct listing listing;
    size_t count;
    enum err err;

    TRY(settle_clashes(tx, env->arena, from, into));
    TRY(seats_move(tx, from, into));
    TRY(offers_changed(env, tx, from));
    TRY(offers_changed(env, tx, into));
    do {
        TRY(listings_at_show(tx, from, listings, MERGE_MAX, &count));
        for (size_t i = 0; i < count; i++) {
            TRY(listing_lock(tx, env->arena, listings[i], &listing));
            listing.show_id = into;
            listing.version++;
            TRY(listing_save(env, tx, env->arena, &listing));
        }
    } while (count == MERGE_MAX);
done:
    return err;
}
