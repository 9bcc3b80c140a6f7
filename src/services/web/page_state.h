/* services/web/page_state.h: what a page has to know of who looks at it before it is made: whether
 * the session still holds, and what is held and not paid yet. */
#ifndef SERVICES_WEB_PAGE_STATE_H
#define SERVICES_WEB_PAGE_STATE_H

#include "http/request.h"
#include "services/web/view.h"

/* The visitor's session ended because it was not used. */
bool page_session_ran_out(struct request *rq);
/* The visitor's session wants a fresh token. The first line of a page that shows nothing else of
 * its visitor: if (page_session_is_old(rq)) return page_renew(rq); asks the API who the visitor is,
 * passes its cookie on, and runs the page's handler again. */
bool page_session_is_old(const struct request *rq);
enum err page_renew(struct request *rq);
/* What every page shows of its visitor beside the session. The first line of a page:
 *   if (page_asks_first(rq)) return page_ask_first(rq);
 * renews the session where it is old, asks what the visitor holds, and runs the handler again. */
bool page_asks_first(struct request *rq);
enum err page_ask_first(struct request *rq);
/* What was asked; nothing where it was not. */
struct held_view page_held_of(struct request *rq);

#endif
