/* services/payments/declines.c: how many payments may come to nothing. Somebody who tries stolen
 * card numbers needs many attempts, an honest buyer few; each attempt is a row and a call of the
 * processor. The rows themselves are counted, so that a restart or another replica forgets nothing.
 */
#include "services/payments/payments.h"

#include "telemetry/metric.h"

#define RETRY_S 1 /* until payments in flight have their answers */

/* Refuses for wait_ms, in words of the API. */
static enum err refuse(struct request *rq, enum metric metric, int64_t wait_ms)
{
    metric_add(metric, 1);
    rq->retry_after_s = (int)((wait_ms + 999) / 1000);
    return ERR_TOO_MANY_DECLINES;
}

enum err declines_check(struct request *rq, struct tx *tx, const struct charge *charge)
{
    const struct settings *settings = rq->run->env->settings;
    const struct failed_max max = {settings->declines_per_order, settings->declines_per_account,
                                   settings->declines_per_address};
    struct failed_charges failed;
    enum err err;

    TRY(charges_failed(tx, charge, &max, &failed));
    /* for all the order's life: by then its reservation is over, and the seat can be had anew */
    if (max.of_order && failed.of_order >= max.of_order)
        return refuse(rq, METRIC_DECLINES_ORDER, settings->order_expiration_ms);
    if (max.of_user && failed.of_user >= max.of_user)
        return refuse(rq, METRIC_DECLINES_ACCOUNT,
                      DECLINES_MS - wall_since(tx->now, failed.user_oldest));
    /* what is in flight may fail yet, so that many at once are no more than one by one … */
    if (max.of_user && failed.of_user + failed.in_flight_of_user >= max.of_user)
        return refuse(rq, METRIC_DECLINES_ACCOUNT, RETRY_S * 1000);
    /* … but an address may be that of many people */
    if (max.of_network && failed.of_network >= max.of_network)
        return refuse(rq, METRIC_DECLINES_ADDRESS,
                      DECLINES_MS - wall_since(tx->now, failed.network_oldest));
done:
    return err;
}
