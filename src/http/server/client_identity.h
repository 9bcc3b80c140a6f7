/* http/server/client_identity.h: who is asking: client address, request id, trace, session. */
#ifndef HTTP_SERVER_CLIENT_IDENTITY_H
#define HTTP_SERVER_CLIENT_IDENTITY_H

#include "http/server/exchange.h"
#include "http/server/peer.h"

/* Fills client, secure, operator, request_id and trace from the peer, and from the headers once the
 * head is whole. */
void client_identify(struct exchange *exchange);
/* Fills rq->user from the session cookie. The last cookie that verified is kept with the peer, so
 * that a client that keeps its connection pays for the check once. */
void client_session(struct exchange *exchange);
/* Forgets rq->user again when the route's service refuses that session. */
void client_forget_revoked(struct exchange *exchange);
void session_cache_free(struct session_cache *cache);

#endif
