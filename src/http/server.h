/* http/server.h: HTTP/1.1 on sockets. Event loops, connections, limits and deadlines.
 *
 * Each loop is one thread with its own listening socket (SO_REUSEPORT). A request is matched
 * against the route tables, its body parsed, its session verified; then `dispatch` gets it, in the
 * loop thread. dispatch answers through http_answer, now or later, from any thread.
 *
 * Order of checks (docs/openapi.json): sizes, body syntax, route, session; the rest is the
 * handler's. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "http/request.h"
#include "http/session.h"

struct http_server;

/* A service's routes as the server mounts them. */
struct http_mount {
    const char *service; /* for logs */
    const struct route *routes;
    size_t route_count;
    struct env *env;
    struct revoked *revoked; /* whose sessions it refuses; NULL: nobody's */
};

struct http_config {
    const char *host;
    int port;                 /* 0: a free one */
    const char *control_path; /* path of the control socket (mode 0600); NULL: none */
    int loops;                /* threads, >= 1 */
    const struct http_mount *mounts;
    size_t mount_count;
    const struct session_keys *keys;
    const struct clock *clock;
    const char *trusted_proxies; /* comma-separated CIDR list, "" for none */
    int cookie_secure;           /* 1 always, 0 never, -1: when the request came over https */
    int connections_max;         /* over it: silent ones go first; then 503 and close */
    int connections_per_address; /* over it: 429 and close; 0: no limit. Trusted proxies have none
                                  */
    int64_t deadline_ms;   /* a request must be whole this long after its first byte: 10,000 */
    int64_t idle_ms;       /* keep-alive time without a request */
    int traces_per_second; /* begun here, a loop: requests beyond belong to none */
    /* In the loop thread `loop` (0 … loops-1). loop_end: once after all requests that became ready
     * together were dispatched, so that hand-overs to other threads go in batches. */
    void (*dispatch)(void *context, int loop, struct request *rq);
    void (*loop_end)(void *context, int loop);
    /* In the loop thread: a request that was away goes on with rq->next; see http_call and
     * http_resume. Only those need it. */
    void (*resume)(void *context, int loop, struct request *rq);
    /* Once, in the thread that starts the server, when its sockets listen and before the first
     * request. May be NULL. */
    void (*listening)(void *context);
    void *context;
};

/* What a loop may hold open beyond connections_max: those that ask for health, and its own. */
#define HTTP_RESERVE_DESCRIPTORS 160
#define HTTP_BODY_MAX            65536
#define HTTP_HEADERS_MAX         16384
#define HTTP_ARENA_MAX           (4 * 1024 * 1024) /* request and answer together */

/* Binds and starts the loops. On failure *why (static or thread-local text) says what and why. */
enum err http_server_start(const struct http_config *config, struct http_server **out,
                           const char **why);
int http_server_port(const struct http_server *server);
/* Stop accepting; let requests in flight be answered, with Connection: close; streams are ended;
 * idle connections close at once; after grace_ms the rest is cut. Blocks; then frees everything. */
void http_server_stop(struct http_server *server, int64_t grace_ms);

/* The request has its reply (rq->reply): send it. Any thread; rq is not the caller's any more. */
void http_answer(struct request *rq);
/* The same for a whole list linked by rq->link: one wake-up a loop. */
void http_answer_all(struct request *list);

struct http_counters {
    uint64_t connections_open, connections_total;
    uint64_t connections_refused;         /* there were too many of all */
    uint64_t connections_refused_address; /* there were too many from that address */
    uint64_t connections_evicted;         /* said nothing, and made way for others */
    uint64_t requests_total, deadline_cuts, bad_requests;
};
/* Threads: any, as long as the server runs. */
struct http_counters http_server_counters(const struct http_server *server);

/* Writes out the figures of connections and routes (base/metric.h). */
void http_server_metrics(const struct http_server *server, struct buf *out);

/* --- streaming answers --------------------------------------------------------------------- *
 * A handler calls reply_stream and returns OK: head and any body so far are sent (chunked), and
 * the connection stays open. The holder owns one reference: it calls stream_end exactly once, and
 * nothing after it. Until then stream_write is safe from any thread, even when the client is long
 * gone. A client that does not read is cut once HTTP_STREAM_PENDING_MAX bytes wait for it. */
#define HTTP_STREAM_PENDING_MAX (256 * 1024)
#define HTTP_STREAM_LOW         (64 * 1024)

/* closed(context): at most once, in the loop thread, when the client went away before stream_end;
 * a notice only, the reference stays the holder's. May be NULL. It never runs after stream_end has
 * returned: stream_end waits for one that is running, so do not call stream_end while holding a
 * lock that closed takes (inside closed it may be called). Returns NULL when memory ran out, or
 * when the request has no connection (made by hand). An error answer instead of OK drops the
 * stream; stream_end is still due. */
struct stream *reply_stream(struct request *rq, struct reply *rp, const char *content_type,
                            void (*closed)(void *context), void *context);
/* bytes are copied; never blocks. False when the client is gone. */
bool stream_write(struct stream *stream, struct str bytes);
/* True when more than HTTP_STREAM_LOW bytes wait for the client, so that the holder does well to
 * hold back; drained(context) is then called once they are fewer, in the loop thread, as closed is
 * and with its context. */
bool stream_busy(struct stream *stream, void (*drained)(void *context));
/* Sends the last chunk when the client is still there, and releases the holder's reference. */
void stream_end(struct stream *stream);

/* --- in process ---------------------------------------------------------------------------- */

/* Makes rq->call a request of its own: router, access, dispatch, with the session rq came with.
 * In the loop thread, for a request that was dispatched and is not answered. True: the answer is
 * there. False: `resume` gets rq when it is. */
bool http_call(struct request *rq);
/* The answer of the call is not needed any more. In the loop thread; fine without a call. */
void http_call_end(struct request *rq);
/* Brings rq, whose handler ran in another thread, back to its loop, where `resume` gets it. */
void http_resume(struct request *rq);

/* Parses one request from bytes, as a connection would, for tests and fuzzers: feeds `bytes` to a
 * fresh connection without a socket, split where `split` says (may be NULL: whole), and appends
 * what would have been sent to out. Dispatch is called as usual and must answer before it returns.
 */
void http_feed(const struct http_config *config, struct str bytes, const size_t *split,
               size_t split_count, struct buf *out);

#endif
