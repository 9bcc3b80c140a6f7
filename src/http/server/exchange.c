/* http/server/exchange.c: exchanges, kept in a pool because their arenas and buffers cost more than
 * most requests. */
#include "http/server/exchange.h"

#include <stdlib.h>

static _Atomic int large_bodies; /* of the program */

static struct exchange *exchange_new(struct event_loop *loop)
{
    struct exchange *exchange = malloc(sizeof *exchange);

    if (!exchange) return NULL;
    exchange->loop = loop;
    exchange->arena = arena_new(HTTP_ARENA_MAX);
    if (exchange->arena) return exchange;
    free(exchange);
    return NULL;
}

struct exchange *exchange_acquire(struct event_loop *loop)
{
    const size_t from = offsetof(struct exchange, message), to = offsetof(struct exchange, arena);
    struct exchange *exchange = loop->spare;

    if (exchange) {
        loop->spare = exchange->spare;
        loop->spare_count--;
    } else {
        exchange = exchange_new(loop);
        if (!exchange) return NULL;
    }
    memset((char *)exchange + from, 0, to - from);
    request_init(&exchange->rq, exchange->arena);
    header_table_init(&exchange->head, exchange->arena);
    buf_init(&exchange->body, exchange->arena, HTTP_BODY_MAX);
    exchange->rq.headers = &exchange->head;
    exchange->rq.body = loop->empty_object;
    return exchange;
}

static void exchange_forget_large(struct exchange *exchange)
{
    if (exchange->large) atomic_fetch_sub(&large_bodies, 1);
    exchange->large = false;
}

enum err exchange_reserve_large(struct exchange *exchange, uint64_t size, size_t max)
{
    if (exchange->large) return OK;
    if (atomic_fetch_add(&large_bodies, 1) >= HTTP_LARGE_BODIES_MAX) {
        atomic_fetch_sub(&large_bodies, 1);
        return ERR_QUEUE_FULL;
    }
    exchange->large = true;
    exchange->body.max = max;
    /* in one piece: a buffer that grows leaves its former ones behind in the arena */
    return buf_reserve(&exchange->body, size - exchange->body.len) ? OK : ERR_MEMORY;
}

void exchange_free(struct exchange *exchange)
{
    exchange_forget_large(exchange);
    arena_free(exchange->arena);
    free(exchange);
}

void exchange_abandon(struct exchange *exchange)
{
    while (exchange) {
        struct exchange *caller = exchange->caller;
        struct event_loop *loop = exchange->loop;

        exchange_free(exchange);
        event_loop_unref(loop);
        exchange = caller;
    }
}

void exchange_release(struct exchange *exchange)
{
    struct event_loop *loop = exchange->loop;

    if (loop->spare_count == SPARE_MAX) {
        exchange_free(exchange);
        return;
    }
    arena_reset(exchange->arena);
    exchange_forget_large(exchange);
    exchange->connection = NULL;
    exchange->peer = NULL;
    exchange->spare = loop->spare;
    loop->spare = exchange;
    loop->spare_count++;
}

void exchange_free_pool(struct event_loop *loop)
{
    while (loop->spare) {
        struct exchange *exchange = loop->spare;

        loop->spare = exchange->spare;
        exchange_free(exchange);
    }
}
