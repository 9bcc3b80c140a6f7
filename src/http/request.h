/* http/request.h: one HTTP request, and its answer.
 *
 * A request belongs to one thread at a time: its event loop parses it, the layer above takes it
 * where it likes, and http_answer gives it back to its loop. Everything it holds lives in its arena
 * until the answer has been written. */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include "base/clock.h"
#include "base/json.h"
#include "base/object_id.h"
#include "identity/session_user.h"
#include "telemetry/trace.h"

struct stream;
struct route;        /* the layer above's row behind a route, and … */
struct run;          /* … what it does with a request that came by it: HTTP looks at neither */
struct header_table; /* the head as it came; read it through request_header */

enum method { METHOD_GET, METHOD_HEAD, METHOD_POST, METHOD_PUT, METHOD_DELETE, METHOD_OTHER };

enum access {
    ACCESS_PUBLIC,
    ACCESS_HEALTH,     /* public, and answered even when there are too many connections */
    ACCESS_PAGE,       /* public; a page that itself refuses what another site's form sends */
    ACCESS_MONITORING, /* on the listener of its own and the control socket; 404 elsewhere */
    /* Public; the body carries a signature, which the handler checks before anybody reads it:
     * neither JSON nor a session is looked at. */
    ACCESS_SIGNED,
    ACCESS_SESSION, /* 401 Not authorized without a valid session, before the handler runs */
    ACCESS_OPERATOR /* only over the control socket in the data folder; 404 elsewhere */
};

/* One row of what the server matches. path: literal segments and ":name" ones, "/api/orders/:id".
 * GET rows answer HEAD too. The path "*" (at most one a program) is what a visitor who asks for
 * HTML gets where there is nothing. */
struct http_route {
    enum method method;
    const char *path;
    enum access access;
    const struct route *route;
    size_t body_max; /* bytes; 0: HTTP_BODY_MAX */
};

#define REQUEST_PARAMS_MAX 4
#define REQUEST_ERRORS_MAX 12

struct field_error {
    const char *message;
    const char *field;
    const char *code; /* for programs: what is wrong with it; NULL: no more than that it is */
    const char *hint; /* the same for people, with the way out; NULL: none */
};

/* How an answer may be made smaller on the wire (http/compression.c), and who may keep it. Never
 * with a secret beside what the visitor, or who led them here, has chosen: its length would tell
 * (BREACH).
 */
enum packing {
    PACK_NOT,    /* as the handler made it */
    PACK_OWN,    /* this visitor's: gzip; the handler says that nobody keeps it */
    PACK_SHARED, /* the same for everybody without a session: kept packed here, and with a tag there
                  */
};

struct reply {
    int status;
    struct buf body;          /* in the request's arena */
    struct buf headers;       /* extra header lines, each "Name: value\r\n" */
    const char *content_type; /* default application/json; charset=utf-8 */
    bool no_body;             /* 204, 304 */
    struct stream *stream;    /* set by reply_stream, and … */
    void (*drop_stream)(
        struct stream *stream); /* … what lets go of it when the answer is refused */
    enum packing packing;
};

/* A request to the public API on the visitor's behalf, with the visitor's session. Pages are made
 * of these alone, so that it makes no difference where the API runs: in this program it goes
 * through the router and the dispatch like one from a socket, elsewhere over HTTP. */
struct api_call {
    enum method method;
    struct str target; /* "/api/tickets?limit=100" */
    struct str body;   /* JSON; empty: none */
    struct str bearer; /* a gate's key, shown beside the session (RFC 6750); empty: none */
    /* The answer; its texts live until the handler that was called with it returns. */
    int status; /* 503 when there was none */
    struct str answer;
    struct str headers; /* lines, "Name: value\r\n" */
};

struct request {
    struct arena *arena; /* request body + answer; capped */
    enum method method;  /* HEAD arrives as METHOD_GET with head_only set */
    bool head_only;
    bool operator;        /* came over the control socket … */
    int64_t operator_uid; /* … from a process of this user; -1: the kernel did not say */
    struct str path;      /* percent-decoded, without the query and without one trailing '/' */
    struct str query;     /* raw, after '?' */
    struct str params[REQUEST_PARAMS_MAX]; /* what ":name" segments matched, in order */
    struct str client;                     /* client address, as text */
    struct str request_id;                 /* for logs and X-Request-Id */
    struct trace trace;                    /* may be none */
    uint64_t trace_parent;                 /* the span it follows from; 0: none */
    bool in_process;            /* a page's call of the API: follows from the page's request */
    bool trace_given;           /* the client said (traceparent) what it belongs to */
    uint64_t joined_span;       /* request_join_trace: of what it turned out to belong to */
    struct str forwarded_hosts; /* X-Forwarded-Host of a trusted proxy, with commas; empty: none */
    bool secure;                /* https, as told by a trusted proxy */
    bool cookie_secure; /* cookies set by this answer carry Secure (http_config.cookie_secure) */
    const struct header_table *headers; /* NULL in a request made by hand */
    const struct json *body;            /* always an object or an array; {} when there was none */
    struct str body_bytes;              /* raw */
    struct session_user user;
    struct field_error errors[REQUEST_ERRORS_MAX];
    size_t error_count;
    struct str error_message; /* overrides the default message of the error; empty: none */
    const char *error_key;    /* one more member of the error, NULL: none … */
    struct str error_value;   /* … and its value, JSON */
    enum err
        refused; /* the fallback route alone: what a page is to say; OK: there is nothing here */
    int retry_after_s; /* sent with 429 and 503; 0: 1 second */
    struct reply reply;
    const struct http_route *matched; /* NULL: there is no such route */
    const struct route *route;        /* matched->route */
    void *owner;                      /* http_mount.owner */
    struct run *run;                  /* NULL when it is dispatched */

    struct api_call call;
    struct request *called; /* the call as a request of its own, in this program */

    struct request *link; /* the queue that holds it now */
};

/* The body's media type, parameters apart. */
bool request_has_type(const struct request *rq, struct str wanted);

/* Makes a request by hand (tests, the simulator): everything empty, the reply ready to be written,
 * body left to the caller. The server does this itself for what comes over a connection. */
void request_init(struct request *rq, struct arena *arena);

/* --- reading the request ------------------------------------------------------------------- */

/* A request header's value, name compared without case; at == NULL when absent. */
struct str request_header(const struct request *rq, const char *name);
/* The header's values joined by separator when it came more than once. */
struct str request_header_joined(const struct request *rq, const char *name, struct str separator);
/* The network the client came from, as bytes to be counted by: an IPv4 address, or the /64 of an
 * IPv6 one, which is what one customer has (RFC 6177). In the arena, or constant. */
struct str request_client_network(const struct request *rq);
/* The same as lower-case hex digits, for a database's text, which takes no NUL. In the arena; at is
 * NULL when memory ran out. */
struct str request_client_network_text(const struct request *rq);
/* Where a browser says the request comes from: Sec-Fetch-Site where it can (Fetch Metadata), else
 * Origin held against Host and a trusted proxy's X-Forwarded-Host (RFC 6454). Programs say neither.
 */
enum request_site { SITE_UNSAID, SITE_OWN, SITE_OTHER };
enum request_site request_site(const struct request *rq);
/* The client takes gzip (RFC 9110, section 12.5.3). */
bool request_takes_gzip(const struct request *rq);
/* It was refused for that: logs what was held against what, once a minute at most. */
void request_log_refused(const struct request *rq);
/* A query parameter, percent-decoded into the arena; at == NULL when absent. First one counts. */
struct str request_query(struct request *rq, const char *name);
/* A field of a form (application/x-www-form-urlencoded), decoded into the arena; empty when absent,
 * when there is no form, and when it is not text (broken escapes, NUL, not UTF-8). First one
 * counts. */
struct str request_form(struct request *rq, const char *name);
/* The index-th field of a form, in the order they came, both parts decoded into the arena. False:
 * there are not so many. A part that is no text is empty. */
bool request_form_at(struct request *rq, size_t index, struct str *name, struct str *value);
/* ?limit=: default_limit when absent; 1 to max; else ERR_INVALID reported for field limit. */
enum err request_limit(struct request *rq, int64_t default_limit, int64_t max, int64_t *out);

/* ?after=: the id a page begins after, going down; the highest possible id when absent. A value
 * that is not an id is ERR_INVALID for field after. */
enum err request_after(struct request *rq, struct object_id *out);
/* Tells what those parameters of the query ask for from anything else: for cursors, which are
 * refused by another query. NULL ends the names. ERR_MEMORY. */
enum err request_fingerprint(struct request *rq, const char *const *names, uint64_t *out);
/* What the route's index-th ":name" matched, as an id; ERR_BAD_REQUEST when it is not one. */
enum err request_path_id(const struct request *rq, size_t index, struct object_id *out);
/* A text member of the body as typed; empty when absent or of another type. */
struct str request_body_text(const struct request *rq, const char *name);
/* An id member of the body; rejects the field with message when it is not one. */
enum err request_body_id(struct request *rq, const char *name, const char *message,
                         struct object_id *out);

/* --- refusing ------------------------------------------------------------------------------ */

/* Adds one validation error, in the order to be shown; later calls for the same field are
 * ignored. Returns ERR_INVALID. Both strings are constants. */
enum err request_reject(struct request *rq, const char *field, const char *message);
/* The same, saying what is wrong: message is what the contract promises for the field whatever it
 * is, code and hint tell which. code is a constant; hint lives as long as the request. */
enum err request_reject_for(struct request *rq, const char *field, const char *message,
                            const char *code, const char *hint);
/* One more member of the error: key is a constant, value is JSON in the request's arena. Returns
 * reason; ERR_MEMORY: there was none for the value. */
enum err request_refuse_with(struct request *rq, enum err reason, const char *key,
                             struct buf *value);
/* ERR_INVALID when anything was rejected. */
static inline enum err request_checked(const struct request *rq)
{
    return rq->error_count ? ERR_INVALID : OK;
}

/* --- belonging ----------------------------------------------------------------------------- */

/* What is asked for turned out to belong to an earlier trace (a payment to its order's): the
 * request follows from that, unless the client said what it belongs to. True: it does now. */
bool request_join_trace(struct request *rq, const struct trace *trace);

/* --- answering ----------------------------------------------------------------------------- */

/* Begins a JSON answer: the writer to put exactly one value into. Replaces any earlier body. */
struct json_writer reply_json(struct reply *rp, int status);
/* 204. */
enum err reply_empty(struct reply *rp, int status);
/* Another type, text copied. content_type is a constant. */
enum err reply_text(struct reply *rp, int status, const char *content_type, struct str text);
/* value must not contain CR or LF (asserted). */
void reply_header(struct reply *rp, const char *name, struct str value);
/* Weak ETag of docs/openapi.json (id and version). True when If-None-Match has it: the reply is now
 * 304 and the handler returns OK at once. */
bool reply_etag(struct request *rq, struct reply *rp, struct str id, int64_t version);
/* The same for any opaque tag. */
bool reply_tag(struct request *rq, struct reply *rp, struct str opaque);
/* Link: <path?limit=L&after=ID>; rel="next" */
void reply_next_page(struct request *rq, struct reply *rp, int64_t limit, struct str after);

/* One page of a list that is walked by id, newest first (docs/openapi.json: ?limit= and ?after=).
 */
#define PAGE_DEFAULT 100
#define PAGE_MAX     1000
struct list_page {
    struct object_id after; /* items with an id below this … */
    int64_t limit;          /* … at most so many */
    int64_t count;          /* counted by page_add: how many there were … */
    struct object_id last;  /* … and the last one's id */
};
/* What the query asks for; ERR_INVALID when that is no page. */
enum err request_list_page(struct request *rq, struct list_page *page);
static inline void list_page_add(struct list_page *page, struct object_id id)
{
    page->last = id;
    page->count++;
}
/* Links to the next page when this one is full. */
void reply_list_page(struct request *rq, struct reply *rp, const struct list_page *page);
/* The same of a list that the query narrows: with those parameters of it again; NULL ends them. */
void reply_narrowed_page(struct request *rq, struct reply *rp, const struct list_page *page,
                         const char *const *names);
/* The same link after any cursor, which is written as it is. */
void reply_narrowed_next(struct request *rq, struct reply *rp, int64_t limit, struct str after,
                         const char *const *names);

/* The error answer for err: {"errors":[…]} with the status and message of the table; used by the
 * layer above when a handler returns something else than OK. */
void reply_error(struct request *rq, enum err err);

#endif
