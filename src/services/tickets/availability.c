/* services/tickets/availability.c: what is left of a show is told: how many tickets of its listings
 * can be had, and what the cheapest costs. Whatever happens to a show within a moment is told once.
 */
#include "services/tickets/availability_store.h"
#include "services/tickets/tickets.h"

#include <stdlib.h>

#define GATHER_MS   200  /* what happens meanwhile is told with it */
#define CHANGES_MAX 1000 /* of one transaction */
#define OTHERS_MAX  100  /* shows, after PRICE_MINIMUM was changed */

static void tell_soon(struct env *env, const struct tx *tx)
{
    env_job_due(env, JOB_OFFERS, wall_after(tx->now, GATHER_MS));
}

enum err offers_changed(struct env *env, struct tx *tx, struct object_id show_id)
{
    tell_soon(env, tx);
    return show_changed(tx, show_id);
}

enum err offers_changed_by(struct env *env, struct tx *tx, const struct ticket *ticket)
{
    if (!ticket_of_listing(ticket)) return OK;
    tell_soon(env, tx);
    return show_of_ticket_changed(tx, ticket->id);
}

enum err offers_changed_of(struct env *env, struct tx *tx, struct str user_id)
{
    tell_soon(env, tx);
    return shows_of_seller_changed(tx, user_id);
}

static enum err tell(struct env *env, struct tx *tx, struct object_id show_id)
{
    int64_t minimum_cents = env->settings->price_minimum_cents;
    struct offers_updated offers = {.id = show_id};
    enum err err;

    TRY(offers_version_next(tx, show_id, minimum_cents, &offers.version));
    TRY(offers_left(tx, show_id, minimum_cents, &offers.lowest_cents, &offers.available));
    TRY(publish_offers_updated(tx, &offers));
done:
    return err;
}

/* Replicas that tell of the same shows lock them in the same order. */
static int by_show(const void *a, const void *b)
{
    const struct changed_show *one = a, *other = b;

    return memcmp(&one->show_id, &other->show_id, sizeof one->show_id);
}

enum err offers_job(struct env *env, struct tx *tx, struct wall_ms *next)
{
    struct changed_show *changes = arena_alloc(env->arena, CHANGES_MAX * sizeof *changes);
    int64_t others = 0;
    size_t count = 0;
    enum err err;

    if (!changes) return ERR_MEMORY;
    TRY(shows_of_other_minimum_changed(tx, env->settings->price_minimum_cents, OTHERS_MAX,
                                       &others));
    TRY(changed_shows(tx, changes, CHANGES_MAX, &count));
    qsort(changes, count, sizeof *changes, by_show);
    for (size_t i = 0; i < count; i++) {
        TRY(changed_show_done(tx, changes[i].place));
        if (i > 0 && object_id_eq(changes[i].show_id, changes[i - 1].show_id)) continue;
        TRY(tell(env, tx, changes[i].show_id));
    }
    if (count == CHANGES_MAX || others == OTHERS_MAX) *next = tx->now;
done:
    return err;
}
