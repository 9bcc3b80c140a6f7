/* services/web/page.h: what all pages have in common: layout, safety headers, redirects, refusals.
 *
 * A handler begins a page, fills in its view, replies, and lets a template write into rp->body.
 * Threads: that of the request. */
#ifndef SERVICES_WEB_PAGE_H
#define SERVICES_WEB_PAGE_H

#include "http/request.h"
#include "services/web/page_text.h"
#include "services/web/view.h"

/* Fills in what the layout shows. title: in the visitor's language. */
void page_begin(struct request *rq, struct page *page, enum text title);
/* The page may be found and shared: its canonical address, and the picture beside a link to it. */
void page_publish(struct request *rq, struct page *page, struct str path);
/* "https://host/path" as the client calls us, in the arena; the path alone when that is not known.
 */
struct own_url page_url(struct request *rq, struct str path);
/* "/live?since=…": what page.live wants. */
struct str live_path(struct request *rq);
/* Status, type and the security headers; the caller then lets a template write into rp->body. */
void page_reply(struct request *rq, struct reply *rp, int status);
/* 200, and for visitors without a session the same for everybody: caches may ask whether it still
 * is. */
void page_reply_public(struct request *rq, struct reply *rp);
/* As page_reply, for a page whose own address is a secret: no link of it tells where it leads from.
 */
void page_reply_secret(struct request *rq, struct reply *rp, int status);
/* The same, with Stripe's script and frames allowed. */
void page_reply_stripe(struct request *rq, struct reply *rp, int status);
/* The same for a page that opens without a network: it may have a service worker. */
void page_reply_offline(struct request *rq, struct reply *rp, int status);
/* The same for the page of gates: it may have the camera, and a service worker. */
void page_reply_door(struct request *rq, struct reply *rp, int status);
/* 303: after a form. path: one of our own; query may be empty. */
enum err page_redirect(struct reply *rp, struct str path);
/* The same with good news, which the next page shows once: in a cookie of a minute, never in the
 * address, which people share. name: of page.c's table. */
enum err page_redirect_notice(struct request *rq, struct reply *rp, struct str path,
                              const char *name);
/* 307: the same form, sent there. */
enum err page_redirect_form(struct reply *rp, struct str path);
/* The page for what a call was answered, or for one of our own refusals: 401 403 404 500 503. */
enum err page_problem(struct request *rq, struct reply *rp, int status);
/* The guard of every unsafe request (CSRF): false, and the 403 page is in rp, when it does not come
 * from one of our own pages. */
bool page_same_origin(struct request *rq, struct reply *rp);

#endif
