/* http/server/answering.h: a request is answered, or goes on in its loop. */
#ifndef HTTP_SERVER_ANSWERING_H
#define HTTP_SERVER_ANSWERING_H

#include "http/request.h"

struct event_loop;

/* The request has its reply (rq->reply): send it. Any thread; rq is not the caller's any more. */
void http_answer(struct request *rq);
/* The same for a whole list linked by rq->link: one wake-up a loop. */
void http_answer_all(struct request *list);
/* Brings rq, whose handler ran in another thread, back to its loop, where `resume` gets it. */
void http_resume(struct request *rq);

/* --- for the loops ------------------------------------------------------------------------- */

/* A round is over: whoever was deferred goes on, and what the round gathered is handed over. */
void answering_round_end(struct event_loop *loop);

#endif
