/* http/config.h: what a server is told, and what it calls. */
#ifndef HTTP_CONFIG_H
#define HTTP_CONFIG_H

#include "http/router.h"
#include "http/sizes.h"
#include "identity/session_cookie.h"

struct http_config {
    const char *host;
    int port;                    /* 0: a free one */
    const char *control_path;    /* path of the control socket (mode 0600); NULL: none */
    const char *monitoring_host; /* listens for monitoring alone; NULL: nobody does */
    int monitoring_port;         /* 0: a free one */
    int loops;                   /* threads, >= 1 */
    const struct http_mount *mounts;
    size_t mount_count;
    const struct session_keys *keys;
    struct revocation_table *revocations; /* NULL: none */
    const struct clock *clock;
    const char *trusted_proxies; /* comma-separated CIDR list, "" for none */
    int cookie_secure;           /* 1 always, 0 never, -1: when the request came over https */
    int connections_max;         /* over it: silent ones go first; then 503 and close */
    int connections_per_address; /* over it: 429 and close; 0: no limit. Trusted proxies have none
                                  */
    int64_t deadline_ms;   /* a request must be whole this long after its first byte: 10,000 */
    int64_t idle_ms;       /* keep-alive time without a request */
    int traces_per_second; /* recorded, a loop; requests beyond belong to none, or to a client's own
                            * that is not recorded */
    /* In the loop thread `loop` (0 … loops-1). loop_end: once after all requests that became ready
     * together were dispatched, so that hand-overs to other threads go in batches. */
    void (*dispatch)(void *context, int loop, struct request *rq);
    void (*loop_end)(void *context, int loop);
    /* In the loop thread: a request that was away goes on; see http_call and
     * http_resume. Only those need it. */
    void (*resume)(void *context, int loop, struct request *rq);
    /* Once, in the thread that starts the server, when its sockets listen and before the first
     * request. May be NULL. */
    void (*listening)(void *context);
    void *context;
};

#endif
