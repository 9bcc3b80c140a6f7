/* services/web/submissions.h: a form that must not count twice. */
#ifndef SERVICES_WEB_SUBMISSIONS_H
#define SERVICES_WEB_SUBMISSIONS_H

#include "base/arena.h"
#include "runtime/executor/run.h"

/* A fresh mark for a form, in the arena; empty: no memory. */
struct str submission_nonce(struct request *rq);
/* Runs `call` once for a nonce, a visitor and what was typed, however often the form arrives: the
 * others wait for the first and are sent where it was. With other fields it is another form. To be
 * returned from a handler in the loop. */
enum err submission_once(struct request *rq, struct str nonce, handler_fn *call);
/* The last step of a handler in the chain that submission_once began. went_to: the redirect that
 * was answered; empty: nothing came of it, and the form may come again. */
enum err submission_end(struct request *rq, struct str nonce, struct str went_to);
/* Lives in the arena; NULL: no memory. Its writer alone uses it. */
struct submissions *submissions_new(struct arena *arena);

#endif
