/* services/web/web.h: what the files of the web service share.
 *
 * Every page is a chain: look at the request, ask the API (request_call), render. A handler that
 * renders gets the API's answer in rq->call and what it put aside in rq->state. Nothing here knows
 * whether the API runs in this program. */
#ifndef SERVICES_WEB_WEB_H
#define SERVICES_WEB_WEB_H

#include "runtime/service.h"
#include "services/web/view.h"
#include "services/web/web_pages.h"

#define WEB_LISTENERS 6
#define LIVE_JOBS     1

extern const struct listener web_listeners[WEB_LISTENERS];

/* The service's own: what runs in it. */
struct web {
    struct arena *arena; /* this struct, and what lives as long */
    struct submissions *submissions;
    struct live *live;
    struct fragments *fragments;
};

static inline struct web *web_of(const struct request *rq)
{
    return rq->env->state;
}

/* --- page.c: what all pages have in common --------------------------------------------------- */

/* Fills in what the layout shows. title: in the visitor's language. */
void page_begin(struct request *rq, struct page *page, enum text title);
/* A text as it is, not escaped: values are escaped where they are put. */
struct str page_text(const struct request *rq, enum text text);
/* Status, type and the security headers; the caller then lets a template write into rp->body. */
void page_reply(struct request *rq, struct reply *rp, int status);
/* The same, with Stripe's script and frames allowed. */
void page_reply_stripe(struct request *rq, struct reply *rp, int status);
/* 303: after a form. path: one of our own; query may be empty. */
enum err page_redirect(struct reply *rp, struct str path);
/* "/" followed by what is in the arena, or "/": where a form's next leads. */
struct str page_next(struct request *rq, struct str next);
/* 303 to the sign-in page, and from there back here; a form comes back to `back`. */
enum err page_sign_in(struct request *rq, struct reply *rp, struct str back);
/* The page for what a call was answered, or for one of our own refusals: 401 403 404 500 503. */
enum err page_problem(struct request *rq, struct reply *rp, int status);
/* What the last call was refused with, as a page; without a session, the way to sign in and to
 * `back` (a GET comes back to itself). */
enum err page_refused(struct request *rq, struct reply *rp, struct str back);
/* The guard of every unsafe request (CSRF): false, and the 403 page is in rp, when it does not come
 * from one of our own pages. */
bool page_same_origin(struct request *rq, struct reply *rp);
/* What the lines of that name in the call's answer say is passed on. */
void page_pass_header(const struct request *rq, struct reply *rp, const char *name);
/* The visitor's session wants a fresh token. The first line of every page one looks at:
 *   if (page_session_is_old(rq)) return page_renew(rq);
 * asks the API who the visitor is, passes its cookie on, and runs the page's handler again. */
bool page_session_is_old(const struct request *rq);
enum err page_renew(struct request *rq);
/* "prefix" + id + "suffix" in the arena; empty when memory ran out. */
struct str path_of(struct request *rq, const char *prefix, struct str id, const char *suffix);

/* --- api.c: what the API says, as the pages want it ------------------------------------------- */

/* True when the last call went well; its JSON (NULL when there was none) is in *out. */
bool api_ok(struct request *rq, const struct json **out);
/* The message for a field of the answer, or the one without a field ("" asks for that). */
struct str api_error(struct request *rq, const char *field);
/* The stable code of the first error: "ticket_reserved". */
struct str api_code(struct request *rq);
/* The id after which the next page of a list begins; empty: there is none. */
struct str api_next(const struct request *rq);
bool api_ticket(struct request *rq, const struct json *json, struct ticket_view *out);
bool api_order(struct request *rq, const struct json *json, struct order_view *out);
/* A JSON object of texts, in the arena: api_body(rq, {"title", title}, {"price", price}). */
struct api_text {
    const char *name;
    struct str value;
};
#define api_body(rq, ...)                                                                          \
    api_body_of(rq, (const struct api_text[]){__VA_ARGS__},                                        \
                sizeof((const struct api_text[]){__VA_ARGS__}) / sizeof(struct api_text))
struct str api_body_of(struct request *rq, const struct api_text *texts, size_t count);
/* A price as people type it ("$ 49.90") as the API takes it. */
struct str api_price(struct request *rq, struct str typed);
/* An id of the path, in lower case; empty when it is none. */
struct str api_path_id(struct request *rq, size_t index);
/* "/api/tickets?limit=…[&after=…]", passing on the visitor's ?after= when it is an id. */
struct str api_list(struct request *rq, const char *path, int limit);

/* --- fragments.c: lists that were rendered before --------------------------------------------- */

struct fragments *fragments_new(struct arena *arena);
void fragments_free(struct fragments *fragments);
/* The cards of a list, rendered from the API's answer, or found again when the answer is to the
 * byte what it was then. The HTML lives in the request's arena. Threads: any. */
enum err fragment_cards(struct request *rq, struct html *out, size_t *count);

/* --- submissions.c: a form that must not count twice ------------------------------------------ */

/* A fresh mark for a form, in the arena. */
struct str submission_nonce(struct request *rq);
/* Runs `call` once for a nonce and a visitor, however often the form arrives: the others wait for
 * the first and are sent where it was. To be returned from a handler in the loop. */
enum err submission_once(struct request *rq, struct str nonce, handler_fn *call);
/* The last step of a handler in the chain that submission_once began. went_to: the redirect that
 * was answered; empty: nothing came of it, and the form may come again. */
enum err submission_end(struct request *rq, struct str nonce, struct str went_to);
struct submissions *submissions_new(struct arena *arena);

/* --- live.c: what moves on the pages --------------------------------------------------------- */

struct live *live_new(struct arena *arena, int64_t now_ms);
void live_free(struct live *live);
/* "/live?since=…", for an order's page with its id: what page.live wants. */
struct str live_path(struct request *rq, struct str order_id);
enum err live_send(struct env *env, struct tx *tx, int64_t *next_ms); /* the job */

/* --- static.c -------------------------------------------------------------------------------- */

struct asset {
    struct str name; /* with its hash */
    const char *type;
    struct str plain, gzip;
};
extern const struct asset assets[];
extern const size_t asset_count;

/* --- handlers, by file ------------------------------------------------------------------------ */

handler_fn get_static, get_robots, get_nothing, post_theme;             /* static.c */
handler_fn get_market, get_ticket_page, post_ticket_page, post_reserve; /* market.c */
handler_fn get_sell, post_sell;                                         /* sell.c */
handler_fn get_signin, post_signin, get_signup, post_signup, get_signout,
    post_signout;                                                  /* account.c */
handler_fn get_orders_page, get_order_page, post_pay, post_cancel; /* orders.c */
handler_fn get_selling, post_price;                                /* selling.c */
handler_fn get_live;                                               /* live.c */

#endif
