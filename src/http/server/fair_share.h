/* http/server/fair_share.h: a loop's time is shared between addresses. Loop thread. */
#ifndef HTTP_SERVER_FAIR_SHARE_H
#define HTTP_SERVER_FAIR_SHARE_H

#include "http/server/exchange.h"

/* The loop was busy with that request for so long. */
void fair_share_charge(struct event_loop *loop, const struct request *rq, int64_t work_us);
/* True: its address has had its share of this round, and the exchange waits for the next one; its
 * connection may go meanwhile. */
bool fair_share_defer(struct event_loop *loop, struct exchange *exchange);
/* A round is over: whoever was deferred goes on, as far as the shares of the next one reach. */
void fair_share_next_round(struct event_loop *loop, void (*go_on)(struct exchange *exchange));
/* Nobody will go on. */
void fair_share_close(struct event_loop *loop);

#endif
