/* http/server/in_process_call.h: a request that asks the API of its own program, without a socket.
 */
#ifndef HTTP_SERVER_IN_PROCESS_CALL_H
#define HTTP_SERVER_IN_PROCESS_CALL_H

#include "http/request.h"

/* Makes rq->call a request of its own: router, access, dispatch, with the session rq came with.
 * In the loop thread, for a request that was dispatched and is not answered. True: the answer is
 * there. False: `resume` gets rq when it is. */
bool http_call(struct request *rq);
/* The answer of the call is not needed any more. In the loop thread; fine without a call. */
void http_call_end(struct request *rq);
/* For the loops: tells the caller what was answered. */
void in_process_call_answered(struct request *call);

#endif
