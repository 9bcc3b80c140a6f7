/* services/catalogue/listeners.c: what can be had of a show, as tickets tells it. */
#include "services/catalogue/catalogue.h"

/* Each says all there is to say: of two the one with the higher version counts, in whichever order
 * they come. */
static enum verdict on_offers_updated(struct env *env, struct tx *tx, const void *event)
{
    const struct offers_updated *offers = event;
    enum err err;
    bool news;

    (void)env;
    TRY(show_offers_put(tx, offers->id, offers->version,
                        &(struct show_offers){offers->lowest_cents, offers->available}, &news));
    return news ? VERDICT_APPLIED : VERDICT_SEEN;
done:
    return verdict_of(err);
}

const struct listener catalogue_listeners[CATALOGUE_LISTENERS] = {
    {EVENT_OFFERS_UPDATED, on_offers_updated},
};
