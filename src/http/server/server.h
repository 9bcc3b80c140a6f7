/* http/server/server.h: HTTP/1.1 on sockets. Event loops, connections, limits and deadlines.
 *
 * Each loop is one thread with its own listening socket (SO_REUSEPORT). A request is matched
 * against the route tables, its body parsed, its session verified; then `dispatch` gets it, in the
 * loop thread. dispatch answers through http_answer, now or later, from any thread.
 *
 * Order of checks (docs/openapi.json): sizes, body syntax, route, session; the rest is the
 * handler's. */
#ifndef HTTP_SERVER_SERVER_H
#define HTTP_SERVER_SERVER_H

#include "http/server/answering.h"
#include "http/config.h"
#include "http/server/in_process_call.h"
#include "http/server/memory_feed.h"
#include "http/server/stream.h"

struct http_server;

/* What a loop may hold open beyond connections_max: those that ask for health, and its own. */
#define HTTP_RESERVE_DESCRIPTORS 160

/* Binds and starts the loops. On failure *why (static or thread-local text) says what and why. */
enum err http_server_start(const struct http_config *config, struct http_server **out,
                           const char **why);
int http_server_port(const struct http_server *server);
int http_server_monitoring_port(const struct http_server *server);
/* Stop accepting; let requests in flight be answered, with Connection: close; streams are ended;
 * idle connections close at once; after grace_ms the rest is cut. Blocks; then frees everything. */
void http_server_stop(struct http_server *server, int64_t grace_ms);

struct http_counters {
    uint64_t connections_open, connections_total;
    uint64_t connections_refused;         /* there were too many of all */
    uint64_t connections_refused_address; /* there were too many from that address */
    uint64_t connections_evicted;         /* said nothing, and made way for others */
    uint64_t requests_total, deadline_cuts, bad_requests;
    uint64_t unread_cuts;         /* connections reset because too much waited to be read */
    uint64_t forwarded_untrusted; /* requests with X-Forwarded-For of somebody not trusted to say */
};
/* Threads: any, as long as the server runs. */
struct http_counters http_server_counters(const struct http_server *server);

/* Writes out the metrics of connections and routes (telemetry/metric.h). */
void http_server_metrics(const struct http_server *server, struct buf *out);

#endif
