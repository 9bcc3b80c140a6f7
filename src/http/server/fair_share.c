/* http/server/fair_share.c: a loop's time is shared between addresses.
 *
 * A loop handles requests one after the other, and whoever asks for much over hundreds of
 * connections would be handled hundreds of times before anybody else is. So an address that has
 * used its share of a round (ROUND_SHARE_US) waits for the next one with whatever else it asks: its
 * requests stand in the order they came, and in between everybody gets a turn. An address is the
 * client's, also behind a trusted proxy; whoever used little is not even counted. */
#include "http/server/fair_share.h"

#include "base/siphash.h"

#define ROUND_SHARE_US 2000
#define NOTICED_US     50 /* less than this in one go is nobody's trouble */

/* Where the address counts; those that fall together share, which the key makes nobody's choice. */
static int64_t *share_of(struct fair_share *share, const struct request *rq)
{
    struct address address;
    struct str key = address_parse(rq->client, &address) ? address_network(&address) : rq->client;

    return &share->work_us[siphash(share->key, key) % WORK_SLOTS];
}

void fair_share_charge(struct event_loop *loop, const struct request *rq, int64_t work_us)
{
    struct fair_share *share = &loop->share;
    int64_t *work;

    if (work_us < NOTICED_US) return;
    work = share_of(share, rq);
    *work += work_us;
    share->used = true;
    if (*work >= ROUND_SHARE_US) share->overspent = true;
}

bool fair_share_defer(struct event_loop *loop, struct exchange *exchange)
{
    struct fair_share *share = &loop->share;

    if (!share->overspent || *share_of(share, &exchange->rq) < ROUND_SHARE_US) return false;
    exchange->spare = NULL;
    if (share->deferred_last)
        share->deferred_last->spare = exchange;
    else
        share->deferred = exchange;
    if (!share->deferred_last && loop->wake) loop->wake(loop); /* for there to be another round */
    share->deferred_last = exchange;
    return true;
}

void fair_share_next_round(struct event_loop *loop, void (*go_on)(struct exchange *exchange))
{
    struct fair_share *share = &loop->share;

    do {
        struct exchange *exchange = share->deferred;

        if (share->used) memset(share->work_us, 0, sizeof share->work_us);
        share->used = share->overspent = false;
        share->deferred = share->deferred_last = NULL;
        while (exchange) {
            struct exchange *next = exchange->spare;

            if (!exchange->connection || !fair_share_defer(loop, exchange)) go_on(exchange);
            exchange = next;
        }
    } while (share->deferred && !loop->wake); /* without a transport there are no other rounds */
}

void fair_share_close(struct event_loop *loop)
{
    while (loop->share.deferred) {
        struct exchange *exchange = loop->share.deferred;

        loop->share.deferred = exchange->spare;
        exchange_free(exchange);
    }
}
