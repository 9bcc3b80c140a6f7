/* http/internal.h: what the files of this folder share, and nobody else includes.
 *
 * A lane is what one event loop needs: pools, deadlines, the inbox for answers made elsewhere. A
 * connection turns bytes into requests and answers into bytes in lane->out; it knows no socket. An
 * exchange is one request on a connection. socket.c (libuv) and feed.c (memory) carry the bytes. */
#ifndef HTTP_INTERNAL_H
#define HTTP_INTERNAL_H

#include "base/clock.h"
#include "base/metric.h"
#include "http/server.h"

#include <http_parser.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/socket.h>

#define HEADER_COUNT_MAX   100
#define SEGMENTS_MAX       16
#define READ_SIZE          32768        /* the shared read buffer of a lane */
#define OUT_HIGH           (128 * 1024) /* past this, pipelined requests wait for the socket */
#define OUT_KEEP           (256 * 1024) /* a larger output buffer is given back after use */
#define OUT_MAX            (2 * HTTP_ARENA_MAX)
#define WRITE_PROGRESS_MIN 16384 /* bytes a deadline that a slow reader must take */
#define SPARE_MAX          64    /* pooled exchanges a lane */
#define REFUSED_MS         1000  /* what a connection too many has to ask for health */
#define LINGER_MS          2000  /* how long a closing connection's input is thrown away */
#define SESSION_CACHE_MAX  2048  /* longer cookies are verified every time */
#define REQUEST_ID_MAX     64

struct lane;
struct connection;
struct exchange;
struct router;

/* --- address.c ----------------------------------------------------------------------------- */

struct address {
    uint8_t bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
};

struct cidr {
    struct address network;
    unsigned prefix; /* bits, 0 to 128 */
};

#define PROXIES_MAX 32
struct proxies {
    struct cidr at[PROXIES_MAX];
    size_t count;
};

bool address_parse(struct str text, struct address *out);
/* False for a family that is not IP. */
bool address_from_socket(const struct sockaddr *from, struct address *out);
/* What connections and rates are counted by: 4 bytes of an IPv4 address, or the /64 of an IPv6 one.
 * Points into address. */
struct str address_network(const struct address *address);
size_t address_format(const struct address *address, char out[INET6_ADDRSTRLEN]);
bool address_is_loopback(const struct address *address);
/* False when the list is broken; *why (thread-local text) then names TRUSTED_PROXIES. */
bool proxies_parse(const char *list, struct proxies *out, const char **why);
bool proxies_trust(const struct proxies *proxies, const struct address *address);
/* The rightmost address of an X-Forwarded-For value that is not trusted; peer when there is none.
 */
struct address proxies_client(const struct proxies *proxies, struct str forwarded,
                              struct address peer);

/* --- crowd.c ------------------------------------------------------------------------------- */

struct crowd;
struct network;

/* each_max: connections of one network (an IPv4 address or an IPv6 /64). total_max: how many
 * networks can be told apart. NULL when memory ran out. Threads: any, but new and free. */
struct crowd *crowd_new(int each_max, int total_max);
void crowd_free(struct crowd *crowd);
/* One connection more from there. False: it has as many as it may. crowd NULL: nobody counts. */
bool crowd_enter(struct crowd *crowd, const struct address *address, struct network **out);
/* One that was let in is gone. network may be NULL. */
void crowd_leave(struct crowd *crowd, struct network *network);

/* --- router.c ------------------------------------------------------------------------------ */

struct route_match {
    const struct route *route;
    const struct http_mount *mount;
    struct str params[REQUEST_PARAMS_MAX];
    size_t number; /* of the route: 1 … router_count, in the order of the mounts and their tables */
};

/* NULL when memory ran out. Keeps pointers into mounts. A route mounted twice is a broken program.
 */
struct router *router_new(const struct http_mount *mounts, size_t count);
void router_free(struct router *router);
size_t router_count(const struct router *router);
/* Literal segments win over ":name" ones. */
bool router_find(const struct router *router, enum method method, const struct str *segments,
                 size_t count, struct route_match *out);
/* The route for HTML where there is nothing; false when no service has one. */
bool router_find_fallback(const struct router *router, struct route_match *out);

/* --- mail: what other threads give back to a lane ------------------------------------------- */

enum mail_kind { MAIL_ANSWER, MAIL_RESUME, MAIL_STREAM };

struct mail {
    struct mail *next;
    enum mail_kind kind;
};

/* --- exchange.c ---------------------------------------------------------------------------- */

struct header {
    uint16_t name_at, name_len, value_at, value_len; /* in the table's text */
};

struct header_table {
    char *text; /* the request target, then names and values without separators */
    size_t len, cap;
    uint16_t target_len;
    uint16_t count;
    bool in_value;
    uint32_t lengths; /* a bit for every name's length, and maybe for others; see header_absent */
    struct header at[HEADER_COUNT_MAX];
    char first[1024]; /* text starts here and moves into the arena when it grows */
};

struct exchange {
    struct request rq; /* first: http_answer finds the exchange by it */
    struct mail mail;
    struct lane *lane;
    struct connection *connection;  /* the lane's; NULL when the client is gone */
    struct exchange *caller;        /* not NULL: this one is its call (call.c) */
    const struct http_mount *mount; /* of the route, once it is found */
    struct exchange *spare;
    struct buf body;
    enum err refusal; /* why a parser callback stopped */
    bool head_done;
    bool keep_alive;
    bool http10;
    bool waiting_for_continue;
    size_t route_number; /* 0: none */
    int64_t started_us;  /* when its loop turned to it, monotonic; 0: it was refused before */
    char id[24];
    char client[INET6_ADDRSTRLEN];
    struct header_table head;
};

static inline struct exchange *exchange_of(struct request *rq)
{
    return (struct exchange *)(void *)rq;
}

/* From the lane's pool; NULL when memory ran out. release gives it back. Lane thread only. */
struct exchange *exchange_acquire(struct lane *lane, struct connection *connection);
void exchange_release(struct exchange *exchange);
/* Frees it outright; any thread. */
void exchange_free(struct exchange *exchange);
/* The same after its lane has closed, with the caller, whom nobody will answer now. Each of them
 * held a reference of the lane while it was away. */
void exchange_abandon(struct exchange *exchange);
/* The whole request was received: path, body, route, session, in the contract's order. OK: the
 * request may be dispatched. */
enum err exchange_prepare(struct exchange *exchange);
/* The same for a call, whose visitor is known. */
enum err exchange_prepare_call(struct exchange *exchange);

/* --- call.c -------------------------------------------------------------------------------- */

/* In the lane thread: tells the caller what was answered. */
void call_answered(struct exchange *call);

/* --- parse.c ------------------------------------------------------------------------------- */

extern const http_parser_settings parser_settings;
/* Appends to the head's text; false: exchange->refusal says why. */
bool head_append(struct exchange *exchange, struct str text);
/* A whole header. */
bool head_add(struct exchange *exchange, struct str name, struct str value);
/* What to answer after the parser stopped. OK: it stopped at a method it does not know, and
 * parse_odd_method has to read on. */
enum err parse_failure(const struct connection *connection);
/* Reads an unknown method to its end: OK while there is more to come, ERR_NOT_FOUND when it was
 * one, ERR_BAD_REQUEST when it is nothing of the kind. The answer depends on the bytes alone, not
 * on how they were cut. */
enum err parse_odd_method(struct connection *connection, const char *at, size_t len);

/* --- request.c ----------------------------------------------------------------------------- */

struct str header_name(const struct header_table *table, size_t index);
struct str header_value(const struct header_table *table, size_t index);
static inline uint32_t header_length_bit(size_t name_len)
{
    return (uint32_t)1 << (name_len & 31);
}
/* True: the head has no header with a name of that many characters, which spares the search for one
 * that hardly anybody sends. */
static inline bool header_absent(const struct header_table *table, size_t name_len)
{
    return !(table->lengths & header_length_bit(name_len));
}
/* The header's values joined by separator when it came more than once. */
struct str request_header_joined(const struct request *rq, const char *name, struct str separator);
/* The body's media type, parameters apart. */
bool request_has_type(const struct request *rq, struct str wanted);
/* False on a broken escape, a NUL, or bytes that are not UTF-8. plus: '+' stands for a space. */
bool percent_decode(struct arena *arena, struct str text, bool plus, struct str *out);

/* --- figures.c ------------------------------------------------------------------------------ */

/* Monotonic microseconds, read once a round of the loop and after every answer: what comes in
 * between is what the loop was busy with. */
static inline int64_t lane_clock_us(struct lane *lane);
/* Its answer is made: counts it, and records its span. */
void figures_answered(struct exchange *exchange);
/* The same of a call, which is nobody's request: its span alone. */
void figures_called(struct exchange *call);

/* --- answer.c ------------------------------------------------------------------------------ */

/* Appends the whole answer, or the head of a streamed one, to out. close: Connection: close. */
void answer_append(struct buf *out, struct exchange *exchange, bool close);
/* For when there is no memory for more. */
void answer_append_unavailable(struct buf *out);

/* --- stream.c ------------------------------------------------------------------------------ */

/* Appends bytes as one chunk (RFC 9112 section 7.1), or as they are. */
void stream_frame(struct buf *out, struct str bytes, bool chunked);
/* In the lane thread: the answer that carries the stream reached its connection, whose socket
 * still holds unsent bytes. */
void stream_attach(struct stream *stream, struct connection *connection);
/* In the lane thread: the client is gone (or never came); tells the holder, drops the reference. */
void stream_gone(struct stream *stream);
/* Moves waiting bytes to out, framed. Sets *ended after the last chunk, *overflow when the client
 * has to be cut. */
void stream_take(struct stream *stream, struct buf *out, bool *ended, bool *overflow);
/* The socket has this many bytes of the stream left. */
void stream_set_unsent(struct stream *stream, size_t unsent);
/* The last chunk went out: drops the connection's reference. */
void stream_finish(struct stream *stream);
/* The server stops: writes the end of the answer to out, then as stream_gone. */
void stream_terminate(struct stream *stream, struct buf *out);
/* The answer was refused after all, in any thread: the stream will never be attached. */
void stream_drop(struct stream *stream);
/* A stream's mail arrived / cannot arrive any more. */
void stream_deliver(struct mail *mail);
void stream_discard(struct mail *mail);

/* --- connection.c -------------------------------------------------------------------------- */

enum phase {
    PHASE_IDLE,      /* between requests */
    PHASE_RECEIVING, /* a request has begun */
    PHASE_AWAY,      /* a request is being handled */
    PHASE_STREAMING  /* its answer is still being made */
};

/* Each connection is in exactly one list of its lane, ordered by due time because everything in a
 * list waits equally long. */
enum wait {
    WAIT_FRESH,
    WAIT_IDLE,
    WAIT_REQUEST,
    WAIT_REFUSED,
    WAIT_WRITE,
    WAIT_LINGER,
    WAIT_FOREVER,
    WAIT_COUNT
};

struct session_cache;

struct connection {
    struct lane *lane;
    struct exchange *exchange; /* being received or handled */
    struct stream *stream;
    struct network *network;       /* it is counted with; NULL: not counted */
    struct session_cache *session; /* the last cookie that verified */
    struct connection *wait_prev, *wait_next;
    int64_t due_ms;
    char *held; /* bytes that came while they could not be parsed */
    uint32_t held_at, held_len;
    size_t unsent_mark; /* what the socket had not taken when its write deadline began */
    http_parser parser;
    struct address peer;
    char peer_text[INET6_ADDRSTRLEN];
    uint8_t peer_text_len;
    uint8_t phase;
    uint8_t wait;
    uint8_t refusal; /* enum err: there were too many when it came; only health is answered */
    bool served;     /* has had an answer */
    bool listed;     /* in a wait list */
    bool refresh;    /* something happened: the due time counts from now */
    bool odd_method; /* the parser has given up; its method is being read to the end */
    uint8_t odd_len; /* characters of it */
    bool operator;
    int64_t operator_uid;
    bool peer_trusted; /* may set X-Forwarded-* */
    bool peer_loopback;
    bool eof;       /* the client will send nothing more */
    bool blocked;   /* the socket did not take everything yet (transport's) */
    bool closing;   /* nothing is parsed any more; close once everything is sent */
    bool linger;    /* after that, throw input away for a while, so that the answer arrives */
    bool lingering; /* (transport's) */
    bool cut;       /* close now, unsent bytes or not */
    bool close_after_stream;
};

void connection_init(struct connection *connection, struct lane *lane);
/* Lets go of everything the connection holds; the transport has closed. */
void connection_gone(struct connection *connection);
/* After each of these, lane->out has what is to be sent and the transport looks at the flags. */
void connection_input(struct connection *connection, const char *at, size_t len);
void connection_eof(struct connection *connection);
/* Parses held bytes when that is possible now. True when it did. */
bool connection_resume(struct connection *connection);
/* The exchange's reply is ready. */
void connection_answer(struct connection *connection, struct exchange *exchange);
/* Moves a stream's bytes to lane->out when the socket is free. */
void connection_pump(struct connection *connection);
/* Its due time has passed: 408, or just the end. */
void connection_expire(struct connection *connection);
/* Answers an error and closes. */
void connection_refuse(struct connection *connection, enum err err);
/* The lane is stopping: idle connections end, but for those of proxies while lane->proxies_may;
 * streams end. */
void connection_wind_down(struct connection *connection);
/* Files the connection under the deadline that fits its state. */
void connection_schedule(struct connection *connection);
static inline bool connection_wants_input(const struct connection *connection)
{
    return connection->lingering ||
           (!connection->held && !connection->blocked && !connection->eof && !connection->closing);
}

/* --- visit.c: who is asking ----------------------------------------------------------------- */

/* Fills client, from_loopback, secure, operator and request_id from the peer and the headers. */
void visit_identify(struct exchange *exchange);
/* Fills rq->user from the session cookie. The last cookie that verified is kept on the connection,
 * so that a client that keeps its connection pays for the check once. */
void visit_session(struct exchange *exchange);
/* Forgets rq->user again when the route's service refuses that session. */
void visit_revoked(struct exchange *exchange);
void session_cache_free(struct session_cache *cache);

/* --- lane.c -------------------------------------------------------------------------------- */

struct wait_list {
    struct connection *first, *last;
};

/* Of one route; number 0: of what matched none. */
struct route_figures {
    struct histogram duration;
    _Atomic uint64_t statuses[5]; /* 1xx … 5xx */
};

struct lane_counters {
    _Atomic uint64_t requests, deadline_cuts, bad_requests, connections, refused;
    _Atomic uint64_t refused_address, evicted;
};

struct lane {
    const struct http_config *config;
    const struct router *router;
    const struct proxies *proxies;
    int index;
    struct buf out; /* what the connection at work wants to send */
    struct arena *constants;
    const struct json *empty_object;
    struct exchange *spare;
    unsigned spare_count;
    struct request *dispatching; /* inside dispatch now and not answered yet */
    bool dispatched;             /* since the last loop_end */
    bool in_batch;               /* own thread will look at the inbox before it sleeps */
    bool stopping, proxies_may;  /* see connection_wind_down */
    int away;                    /* requests out for handling */
    char id_prefix[8];
    uint64_t id_next;
    struct trace_source traces;
    struct wait_list waiting[WAIT_COUNT];
    struct lane_counters counters;
    struct route_figures *routes; /* by number, from 0 */
    int64_t clock_us;             /* monotonic, of this round of the loop; 0: read it */
    int64_t sampling_s;           /* the second … */
    int sampled;                  /* … and how many traces were begun for recording in it */
    /* Both of the transport; NULL without sockets. */
    void (*settle)(struct connection *connection); /* send lane->out, obey the flags */
    size_t (*unsent)(const struct connection *connection);
    void (*wake)(struct lane *lane);                /* any thread */
    int64_t (*now_ms)(const struct lane *lane);     /* monotonic */
    void (*due)(struct lane *lane, int64_t due_ms); /* look at the waiting lists then */
    /* Shared with other threads. */
    _Atomic(struct mail *) inbox;
    atomic_int senders;
    atomic_int refs; /* the transport's, one a stream, and after lane_close one a request away */
};

extern _Thread_local struct lane *lane_current;

/* False when memory ran out (then lane_close is not needed). */
bool lane_init(struct lane *lane, const struct http_config *config, const struct router *router,
               const struct proxies *proxies, int index);
/* No mail is taken after this; what waits is thrown away. Then lane_unref(lane). */
void lane_close(struct lane *lane);
void lane_ref(struct lane *lane);
/* The last one frees the lane (lane must come from malloc). */
void lane_unref(struct lane *lane);
/* Posts a chain. False: the lane is closed and the chain is still the caller's. Any thread. */
bool lane_post(struct lane *lane, struct mail *first, struct mail *last);
/* Wakes it without mail, unless it is closed by now. Any thread that knows the lane to be there. */
void lane_wake(struct lane *lane);
/* Delivers what waits in the inbox. */
void lane_deliver(struct lane *lane);
/* Hands rq to dispatch or resume. True: it is answered; false: it is away. */
bool lane_hand_over(struct lane *lane, struct exchange *exchange,
                    void (*to)(void *context, int loop, struct request *rq));
/* The end of a batch: loop_end and the answers it brought, until nothing is left. */
void lane_batch_end(struct lane *lane);
/* Puts the connection at the end of a list, due `after_ms` from now (< 0: never). */
void lane_wait(struct connection *connection, enum wait wait, int64_t after_ms);
void lane_unwait(struct connection *connection);
/* Expires what is due. Returns the next due time or -1. */
int64_t lane_expire(struct lane *lane);

static inline int64_t lane_clock_us(struct lane *lane)
{
    if (!lane->clock_us && OBSERVED) lane->clock_us = clock_monotonic_us();
    return lane->clock_us;
}

static inline void counter_add(_Atomic uint64_t *counter) /* own thread only */
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

#endif
