/* http/server/request_checks.h: what stands between a request that was received and its handler. */
#ifndef HTTP_SERVER_REQUEST_CHECKS_H
#define HTTP_SERVER_REQUEST_CHECKS_H

#include "http/server/exchange.h"

/* Whether a body of so many bytes is taken; above HTTP_BODY_MAX its route has to say so. Makes room
 * for it then. ERR_TOO_LARGE, ERR_QUEUE_FULL, ERR_MEMORY. */
enum err request_takes_body(struct exchange *exchange, uint64_t size);
/* Whether there is a route for it, told from the head alone: who asks before sending a body
 * (Expect: 100-continue) is told so. */
bool request_route_known(struct exchange *exchange);
/* The whole request was received: path, body, route, session, in the contract's order. OK: the
 * request may be dispatched. */
enum err request_check(struct exchange *exchange);
/* The same for a call, whose visitor is known. */
enum err request_check_call(struct exchange *exchange);
/* A browser whose form is too large is answered by a page, where a service has the route for
 * whatever has none: that one is then the request's, with rq->refused. False: answer as usual. */
bool request_refusal_page(struct exchange *exchange, enum err err);

#endif
