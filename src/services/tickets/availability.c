/* services/tickets/availability.c: what is left of a show is told: how many tickets of its listings
 * can be had, and what the cheapest costs. Whatever happens to a show within a moment is told once.
 */
#include "services/tickets/availability_store.h"
#include "services/tickets/tickets.h"

#define GATHER_MS  200 /* what happens meanwhile is told with it */
#define SHOWS_MAX  250 /* of one transaction */
#define OTHERS_MAX 100 /* after PRICE_MINIMUM was changed */

void offers_tell_soon(struct env *env, const struct tx *tx)
{
    env_job_due(env, JOB_OFFERS, wall_after(tx->now, GATHER_MS));
}

enum err offers_changed(struct env *env, struct tx *tx, struct object_id show_id)
{
    offers_tell_soon(env, tx);
    return show_changed(tx, show_id);
}

enum err offers_changed_of(struct env *env, struct tx *tx, struct str user_id)
{
    offers_tell_soon(env, tx);
    return shows_of_seller_changed(tx, user_id);
}

/* Whether what was left is no sum to go on from: something else than tickets has changed, it was
 * counted at another lowest price, or by a program that did not note what changes. */
static bool is_stale(const struct offers_told *told, int64_t minimum_cents, int64_t more)
{
    return told->minimum_cents != minimum_cents || told->counted_version != told->version ||
           told->available + more < 0;
}

static enum err tell(struct env *env, struct tx *tx, struct object_id show_id)
{
    int64_t minimum_cents = env->settings->price_minimum_cents, more;
    struct offers_updated offers = {.id = show_id};
    struct offers_told told;
    bool anew;
    enum err err;

    TRY(offers_lock(tx, show_id, &told));
    TRY(changes_take(tx, show_id, minimum_cents, &more, &anew));
    if (anew || is_stale(&told, minimum_cents, more))
        TRY(offers_count(tx, show_id, minimum_cents, &told.available));
    else
        told.available += more;
    told.minimum_cents = minimum_cents;
    told.counted_version = ++told.version;
    TRY(offers_put(tx, show_id, &told));
    offers.version = told.version;
    offers.available = told.available;
    TRY(offers_lowest(tx, show_id, minimum_cents, &offers.lowest_cents));
    TRY(publish_offers_updated(tx, &offers));
done:
    return err;
}

/* Replicas that tell of the same shows lock them in the same order. */
enum err offers_job(struct env *env, struct tx *tx, struct wall_ms *next)
{
    struct object_id *shows = arena_alloc(env->arena, SHOWS_MAX * sizeof *shows);
    int64_t others = 0;
    size_t count = 0;
    enum err err;

    if (!shows) return ERR_MEMORY;
    TRY(shows_of_other_minimum_changed(tx, env->settings->price_minimum_cents, OTHERS_MAX,
                                       &others));
    TRY(changed_shows(tx, shows, SHOWS_MAX, &count));
    for (size_t i = 0; i < count; i++)
        TRY(tell(env, tx, shows[i]));
    if (count == SHOWS_MAX || others == OTHERS_MAX) *next = tx->now;
done:
    return err;
}
