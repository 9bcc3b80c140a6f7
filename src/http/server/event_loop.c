/* http/server/event_loop.c: one event loop: its pools, deadlines and inbox, without libuv. */
#include "http/server/event_loop.h"

#include "base/random.h"

#include <sched.h>
#include <stdlib.h>

_Thread_local struct event_loop *event_loop_current;

/* The inbox of a loop that is closed. */
static struct loop_message closed_mark;

bool event_loop_init(struct event_loop *loop, const struct http_config *config,
                     const struct router *router, const struct proxies *proxies, int index)
{
    uint8_t noise[8];

    memset(loop, 0, sizeof *loop);
    loop->config = config;
    loop->router = router;
    loop->proxies = proxies;
    loop->index = index;
    loop->constants = arena_new(4096);
    if (loop->constants) loop->empty_object = json_parsed(loop->constants, STR("{}"));
    loop->routes = calloc(router_count(router) + 1, sizeof *loop->routes);
    if (!loop->empty_object || !loop->routes) {
        if (loop->constants) arena_free(loop->constants);
        free(loop->routes);
        return false;
    }
    buf_init(&loop->out, NULL, OUT_MAX);
    random_fill(&random_system, noise, sizeof noise);
    random_fill(&random_system, loop->share.key, sizeof loop->share.key);
    trace_source_init(&loop->traces, &random_system);
    for (size_t i = 0; i < sizeof noise; i++)
        loop->id_prefix[i] = "0123456789abcdefghijklmnopqrstuv"[noise[i] & 31];
    atomic_init(&loop->inbox, NULL);
    atomic_init(&loop->senders, 0);
    atomic_init(&loop->refs, 1);
    return true;
}

void event_loop_ref(struct event_loop *loop)
{
    atomic_fetch_add_explicit(&loop->refs, 1, memory_order_relaxed);
}

void event_loop_unref(struct event_loop *loop)
{
    if (atomic_fetch_sub_explicit(&loop->refs, 1, memory_order_acq_rel) > 1) return;
    if (loop->free_pools) loop->free_pools(loop);
    buf_free(&loop->out);
    arena_free(loop->constants);
    compressor_free(loop->compressor);
    free(loop->routes);
    free(loop);
}

/* --- the inbox ----------------------------------------------------------------------------- */

/* senders keeps event_loop_close from taking the wake-up away between a push and its wake. Whoever
 * pushes onto an empty inbox wakes the loop; all others find that done. */
bool event_loop_post(struct event_loop *loop, struct loop_message *first, struct loop_message *last)
{
    struct loop_message *head;
    bool own_batch = event_loop_current == loop && loop->in_batch;

    atomic_fetch_add(&loop->senders, 1);
    head = atomic_load(&loop->inbox);
    do {
        if (head == &closed_mark) {
            atomic_fetch_sub(&loop->senders, 1);
            return false;
        }
        last->next = head;
    } while (!atomic_compare_exchange_weak(&loop->inbox, &head, first));
    if (!head && !own_batch && loop->wake) loop->wake(loop);
    atomic_fetch_sub(&loop->senders, 1);
    return true;
}

void event_loop_wake(struct event_loop *loop)
{
    atomic_fetch_add(&loop->senders, 1);
    if (atomic_load(&loop->inbox) != &closed_mark && loop->wake) loop->wake(loop);
    atomic_fetch_sub(&loop->senders, 1);
}

/* What waits, oldest first. */
static struct loop_message *inbox_take(struct event_loop *loop, struct loop_message *leave)
{
    struct loop_message *message = atomic_exchange(&loop->inbox, leave), *ordered = NULL;

    while (message) {
        struct loop_message *next = message->next;

        message->next = ordered;
        ordered = message;
        message = next;
    }
    return ordered;
}

bool event_loop_hand_over(struct event_loop *loop, struct request *rq,
                          void (*to)(void *context, int loop, struct request *rq))
{
    struct request *outer = loop->dispatching;
    bool in_batch = loop->in_batch, answered;

    loop->dispatching = rq;
    loop->dispatched = true;
    loop->in_batch = true;
    to(loop->config->context, loop->index, rq);
    loop->in_batch = in_batch;
    answered = loop->dispatching == NULL;
    loop->dispatching = outer;
    if (!answered) loop->away++;
    return answered;
}

void event_loop_deliver(struct event_loop *loop)
{
    struct loop_message *message;

    if (!atomic_load_explicit(&loop->inbox, memory_order_relaxed)) return;
    for (message = inbox_take(loop, NULL); message;) {
        struct loop_message *next = message->next;

        message->deliver(message);
        message = next;
    }
}

void event_loop_close(struct event_loop *loop)
{
    struct loop_message *message;

    atomic_fetch_add(&loop->refs,
                     loop->away); /* each is dropped with its request, below or later */
    message = inbox_take(loop, &closed_mark);
    while (atomic_load(&loop->senders))
        sched_yield();
    while (message) {
        struct loop_message *next = message->next;

        message->discard(message);
        message = next;
    }
}

void event_loop_batch_end(struct event_loop *loop)
{
    loop->in_batch = true;
    while (loop->dispatched || atomic_load_explicit(&loop->inbox, memory_order_relaxed)) {
        if (loop->dispatched) {
            loop->dispatched = false;
            if (loop->config->loop_end) loop->config->loop_end(loop->config->context, loop->index);
        }
        event_loop_deliver(loop);
    }
    loop->in_batch = false;
    loop->clock_us = 0;
}

/* --- deadlines ----------------------------------------------------------------------------- */

void event_loop_unwait(struct event_loop *loop, struct deadline *deadline)
{
    struct deadline_list *list = &loop->waiting[deadline->wait];

    if (!deadline->listed) return;
    if (deadline->prev)
        deadline->prev->next = deadline->next;
    else
        list->first = deadline->next;
    if (deadline->next)
        deadline->next->prev = deadline->prev;
    else
        list->last = deadline->prev;
    deadline->listed = false;
}

void event_loop_wait(struct event_loop *loop, struct deadline *deadline, enum wait wait,
                     int64_t after_ms)
{
    struct deadline_list *list = &loop->waiting[wait];

    event_loop_unwait(loop, deadline);
    deadline->wait = (uint8_t)wait;
    deadline->due = after_ms < 0 || !loop->now ? MONO_NEVER : mono_after(loop->now(loop), after_ms);
    deadline->next = NULL;
    deadline->prev = list->last;
    if (list->last)
        list->last->next = deadline;
    else
        list->first = deadline;
    list->last = deadline;
    deadline->listed = true;
    if (loop->due && mono_before(deadline->due, MONO_NEVER)) loop->due(loop, deadline->due);
}

struct mono_ms event_loop_expire(struct event_loop *loop,
                                 void (*expired)(struct deadline *deadline))
{
    struct mono_ms now = loop->now(loop), next = MONO_NEVER;

    for (int wait = 0; wait < WAIT_FOREVER; wait++) {
        struct deadline_list *list = &loop->waiting[wait];

        while (list->first && mono_reached(now, list->first->due)) {
            struct deadline *deadline = list->first;

            expired(deadline);
            ASSERT(list->first != deadline || !mono_reached(now, deadline->due));
        }
        if (list->first) next = mono_earlier(next, list->first->due);
    }
    return next;
}
