/* services/web/pages/sign_in.h: signing up and in, and the way there for a page that wants somebody
 * signed in. */
#ifndef SERVICES_WEB_PAGES_SIGN_IN_H
#define SERVICES_WEB_PAGES_SIGN_IN_H

#include "http/request.h"
#include "runtime/executor/run.h"

/* The way to sign in: 303 to its page, and from there back here. A form is answered 401 with that
 * page, which keeps what was typed; what has nothing to keep comes back to `back`. */
enum err page_sign_in(struct request *rq, struct reply *rp, struct str back);
/* What the last call was refused with, as a page; without a session, the way to sign in and to
 * `back` (a GET comes back to itself). */
enum err page_refused(struct request *rq, struct reply *rp, struct str back);
/* True: the last call asks for a code of the user's app as well, and its page is the answer. */
bool page_asks_code(struct request *rq, struct reply *rp);
/* The forms: /auth/signin, /auth/signup. */
handler_fn get_signin, post_signin, get_signup, post_signup;

#endif
