/* services/web/api.h: what the public API answered (rq->call), as the pages want it, and what is
 * sent to it.
 *
 * A page asks with request_call and reads the answer in the handler that call names. All texts live
 * in the request's arena. Threads: that of the request. */
#ifndef SERVICES_WEB_API_H
#define SERVICES_WEB_API_H

#include "base/json.h"
#include "http/request.h"
#include "services/web/view.h"

/* True when the last call went well; its JSON (NULL when there was none) is in *out. */
bool api_ok(struct request *rq, const struct json **out);
/* The message for a field of the answer (its hint where it has one), or the one without a field (""
 * asks for that); in the arena. */
struct str api_error(struct request *rq, const char *field);
/* The stable code of the first error: "ticket_reserved". */
struct str api_code(struct request *rq);
/* A member that the first error has beside message and code; NULL: none. */
const struct json *api_error_member(struct request *rq, const char *name);
/* The cursor of a list's next page; empty: there is none. */
struct str api_next(const struct request *rq);
/* The class of an amount of so many letters (app.css): "", "sum-9", "sum-11". A constant. */
const char *price_size(struct str price);
/* Tickets and listings differ in colour, and each keeps its own: "hue-0" … "hue-7". A constant. */
const char *api_hue(struct str id);
bool api_ticket(struct request *rq, const struct json *json, struct ticket_view *out);
bool api_order(struct request *rq, const struct json *json, struct order_view *out);

/* A JSON object of texts, in the arena: api_body(rq, {"title", title, false}). */
struct api_text {
    const char *name;
    struct str value;
    bool is_number; /* value is one, in digits */
};

#define api_body(rq, ...)                                                                          \
    api_body_of(rq, (const struct api_text[]){__VA_ARGS__},                                        \
                sizeof((const struct api_text[]){__VA_ARGS__}) / sizeof(struct api_text))

struct str api_body_of(struct request *rq, const struct api_text *texts, size_t count);
/* In how many seconds it may be tried again (Retry-After). */
int64_t api_retry_s(const struct request *rq);
/* Appends "&name=value" to an address that has a query; nothing of an empty value. */
void api_parameter(struct buf *path, const char *name, struct str value);
/* The address in path, whose parameters begin at `query`: the first one's mark becomes a question
 * mark. Empty when path failed. */
struct str api_queried(struct buf *path, size_t query);
/* "/api/tickets?limit=…[&after=…]", for that page. */
struct str api_list(struct request *rq, const char *path, int limit);
/* What the lines of that name in the call's answer say is passed on. */
void api_pass_header(const struct request *rq, struct reply *rp, const char *name);

#endif
