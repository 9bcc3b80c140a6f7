/* http/server/exchange.h: one request on a connection, and where it lives. */
#ifndef HTTP_SERVER_EXCHANGE_H
#define HTTP_SERVER_EXCHANGE_H

#include "http/headers.h"
#include "http/server/event_loop.h"

struct peer;

struct exchange {
    struct request rq; /* first: http_answer finds the exchange by it */
    /* Zeroed for each request, from here … */
    struct loop_message message;
    struct connection *connection;  /* the loop's; NULL when the client is gone, and of a call */
    struct peer *peer;              /* of the connection; NULL likewise */
    struct exchange *caller;        /* not NULL: this one is its call (in_process_call.c) */
    const struct http_mount *mount; /* of the route, once it is found */
    struct exchange *spare;         /* the list it is in: the pool, or the deferred */
    bool large;                     /* the body may be as long as a signed one */
    bool head_done;
    bool keep_alive;
    bool http10;
    bool waiting_for_continue;
    bool chunked;        /* of the body, once the head is done: */
    uint64_t length;     /* else so many bytes */
    int64_t here_us;     /* monotonic: when its loop began to handle it; 0: it went elsewhere */
    int64_t started_us;  /* when its loop turned to it, monotonic; 0: it was refused before */
    size_t route_number; /* 0: none */
    /* … to here. */
    struct arena *arena;
    struct event_loop *loop;
    struct buf body;
    char id[24];
    char client[INET6_ADDRSTRLEN];
    struct header_table head;
};

static inline struct exchange *exchange_of(struct request *rq)
{
    return (struct exchange *)(void *)rq;
}

/* From the loop's pool, everything empty; NULL when memory ran out. release gives it back. Loop
 * thread only. */
struct exchange *exchange_acquire(struct event_loop *loop);
void exchange_release(struct exchange *exchange);
/* Frees it outright; any thread. */
void exchange_free(struct exchange *exchange);
/* The same after its loop has closed, with the caller, whom nobody will answer now. Each of them
 * held a reference of the loop while it was away. */
void exchange_abandon(struct exchange *exchange);
/* All of the pool. */
void exchange_free_pool(struct event_loop *loop);

/* Its body is going to have so many bytes at once; its route takes up to max. ERR_QUEUE_FULL: too
 * many do; ERR_MEMORY. */
enum err exchange_reserve_large(struct exchange *exchange, uint64_t size, size_t max);

#endif
