/* http/lane.c: one event loop's pools, deadlines and inbox, without the event loop itself. */
#include "http/internal.h"

#include "base/random.h"

#include <sched.h>
#include <stdlib.h>

_Thread_local struct lane *lane_current;

/* The inbox of a lane that takes no more mail. */
static struct mail closed_mark;

bool lane_init(struct lane *lane, const struct http_config *config, const struct router *router,
               const struct proxies *proxies, int index)
{
    uint8_t noise[8];

    memset(lane, 0, sizeof *lane);
    lane->config = config;
    lane->router = router;
    lane->proxies = proxies;
    lane->index = index;
    lane->constants = arena_new(4096);
    if (lane->constants) lane->empty_object = json_parse(lane->constants, STR("{}"));
    lane->routes = calloc(router_count(router) + 1, sizeof *lane->routes);
    if (!lane->empty_object || !lane->routes) {
        if (lane->constants) arena_free(lane->constants);
        free(lane->routes);
        return false;
    }
    buf_init(&lane->out, NULL, OUT_MAX);
    random_fill(&random_system, noise, sizeof noise);
    trace_source_init(&lane->traces, &random_system);
    for (size_t i = 0; i < sizeof noise; i++)
        lane->id_prefix[i] = "0123456789abcdefghijklmnopqrstuv"[noise[i] & 31];
    atomic_init(&lane->inbox, NULL);
    atomic_init(&lane->senders, 0);
    atomic_init(&lane->refs, 1);
    return true;
}

void lane_ref(struct lane *lane)
{
    atomic_fetch_add_explicit(&lane->refs, 1, memory_order_relaxed);
}

void lane_unref(struct lane *lane)
{
    if (atomic_fetch_sub_explicit(&lane->refs, 1, memory_order_acq_rel) > 1) return;
    while (lane->spare) {
        struct exchange *exchange = lane->spare;

        lane->spare = exchange->spare;
        exchange_free(exchange);
    }
    buf_free(&lane->out);
    arena_free(lane->constants);
    free(lane->routes);
    free(lane);
}

/* --- the inbox ----------------------------------------------------------------------------- */

/* senders keeps lane_close from taking the wake-up away between a push and its wake. Whoever
 * pushes onto an empty inbox wakes the lane; all others find that done. */
bool lane_post(struct lane *lane, struct mail *first, struct mail *last)
{
    struct mail *head;
    bool own_batch = lane_current == lane && lane->in_batch;

    atomic_fetch_add(&lane->senders, 1);
    head = atomic_load(&lane->inbox);
    do {
        if (head == &closed_mark) {
            atomic_fetch_sub(&lane->senders, 1);
            return false;
        }
        last->next = head;
    } while (!atomic_compare_exchange_weak(&lane->inbox, &head, first));
    if (!head && !own_batch && lane->wake) lane->wake(lane);
    atomic_fetch_sub(&lane->senders, 1);
    return true;
}

void lane_wake(struct lane *lane)
{
    atomic_fetch_add(&lane->senders, 1);
    if (atomic_load(&lane->inbox) != &closed_mark && lane->wake) lane->wake(lane);
    atomic_fetch_sub(&lane->senders, 1);
}

/* The mail that waits, oldest first. */
static struct mail *inbox_take(struct lane *lane, struct mail *leave)
{
    struct mail *mail = atomic_exchange(&lane->inbox, leave), *ordered = NULL;

    while (mail) {
        struct mail *next = mail->next;

        mail->next = ordered;
        ordered = mail;
        mail = next;
    }
    return ordered;
}

static struct exchange *exchange_of_mail(struct mail *mail)
{
    return (struct exchange *)(void *)((char *)mail - offsetof(struct exchange, mail));
}

static void deliver_answer(struct lane *lane, struct exchange *exchange)
{
    struct connection *connection = exchange->connection;

    if (connection) {
        connection_answer(connection, exchange);
        lane->settle(connection);
        return;
    }
    if (exchange->rq.reply.stream) stream_gone(exchange->rq.reply.stream);
    exchange_release(exchange);
}

bool lane_hand_over(struct lane *lane, struct exchange *exchange,
                    void (*to)(void *context, int loop, struct request *rq))
{
    struct request *outer = lane->dispatching;
    bool in_batch = lane->in_batch, answered;

    lane->dispatching = &exchange->rq;
    lane->dispatched = true;
    lane->in_batch = true;
    to(lane->config->context, lane->index, &exchange->rq);
    lane->in_batch = in_batch;
    answered = lane->dispatching == NULL;
    lane->dispatching = outer;
    if (!answered) lane->away++;
    return answered;
}

/* The exchange is back: answered, or with more to do. The answer to a call goes to its caller. */
static void deliver_exchange(struct lane *lane, struct exchange *exchange, bool answered)
{
    lane->away--;
    exchange->mail.kind = MAIL_ANSWER;
    if (answered && exchange->caller) {
        call_answered(exchange);
        exchange = exchange->caller;
        lane->away--;
        answered = false;
    }
    if (answered || lane_hand_over(lane, exchange, lane->config->resume))
        deliver_answer(lane, exchange);
}

void lane_deliver(struct lane *lane)
{
    struct mail *mail;

    if (!atomic_load_explicit(&lane->inbox, memory_order_relaxed)) return;
    for (mail = inbox_take(lane, NULL); mail;) {
        struct mail *next = mail->next;

        if (mail->kind == MAIL_STREAM)
            stream_deliver(mail);
        else
            deliver_exchange(lane, exchange_of_mail(mail), mail->kind == MAIL_ANSWER);
        mail = next;
    }
}

/* As exchange_abandon, for one that may carry a stream. */
static void abandon(struct exchange *exchange, void (*leave)(struct stream *stream))
{
    if (exchange->rq.reply.stream) leave(exchange->rq.reply.stream);
    exchange_abandon(exchange);
}

void lane_close(struct lane *lane)
{
    struct mail *mail;

    atomic_fetch_add(&lane->refs,
                     lane->away); /* each is dropped with its request, below or later */
    mail = inbox_take(lane, &closed_mark);
    while (atomic_load(&lane->senders))
        sched_yield();
    while (mail) {
        struct mail *next = mail->next;

        if (mail->kind == MAIL_STREAM)
            stream_discard(mail);
        else
            abandon(exchange_of_mail(mail), stream_gone);
        mail = next;
    }
}

void lane_batch_end(struct lane *lane)
{
    lane->in_batch = true;
    while (lane->dispatched || atomic_load_explicit(&lane->inbox, memory_order_relaxed)) {
        if (lane->dispatched) {
            lane->dispatched = false;
            if (lane->config->loop_end) lane->config->loop_end(lane->config->context, lane->index);
        }
        lane_deliver(lane);
    }
    lane->in_batch = false;
    lane->clock_us = 0;
}

/* --- answers ------------------------------------------------------------------------------- */

void http_answer(struct request *rq)
{
    rq->link = NULL;
    http_answer_all(rq);
}

/* Requests of one lane are gathered, so that each lane is posted to once. */
void http_answer_all(struct request *list)
{
    while (list) {
        struct lane *lane = exchange_of(list)->lane;
        struct mail *first = NULL, *last = NULL;
        struct request *others = NULL, **others_end = &others;

        while (list) {
            struct request *rq = list;
            struct exchange *exchange = exchange_of(rq);

            list = rq->link;
            rq->link = NULL;
            if (exchange->lane != lane) {
                *others_end = rq;
                others_end = &rq->link;
            } else if (lane_current == lane && lane->dispatching == rq) {
                lane->dispatching = NULL; /* dispatch returns to connection.c, which sends it */
            } else {
                exchange->mail.next = first;
                first = &exchange->mail;
                if (!last) last = first;
            }
        }
        list = others;
        if (!first || lane_post(lane, first, last)) continue;
        last->next = NULL;
        while (first) { /* the server has stopped: nobody waits for these */
            struct exchange *exchange = exchange_of_mail(first);

            first = first->next;
            abandon(exchange, stream_drop);
        }
    }
}

/* --- deadlines ----------------------------------------------------------------------------- */

void lane_unwait(struct connection *connection)
{
    struct wait_list *list = &connection->lane->waiting[connection->wait];

    if (!connection->listed) return;
    if (connection->wait_prev)
        connection->wait_prev->wait_next = connection->wait_next;
    else
        list->first = connection->wait_next;
    if (connection->wait_next)
        connection->wait_next->wait_prev = connection->wait_prev;
    else
        list->last = connection->wait_prev;
    connection->listed = false;
}

void lane_wait(struct connection *connection, enum wait wait, int64_t after_ms)
{
    struct lane *lane = connection->lane;
    struct wait_list *list = &lane->waiting[wait];

    lane_unwait(connection);
    connection->wait = (uint8_t)wait;
    connection->due_ms = after_ms < 0 || !lane->now_ms ? INT64_MAX : lane->now_ms(lane) + after_ms;
    connection->wait_next = NULL;
    connection->wait_prev = list->last;
    if (list->last)
        list->last->wait_next = connection;
    else
        list->first = connection;
    list->last = connection;
    connection->listed = true;
    if (lane->due && connection->due_ms != INT64_MAX) lane->due(lane, connection->due_ms);
}

int64_t lane_expire(struct lane *lane)
{
    int64_t now_ms = lane->now_ms(lane), next_ms = -1;

    for (int wait = 0; wait < WAIT_FOREVER; wait++) {
        struct wait_list *list = &lane->waiting[wait];

        while (list->first && list->first->due_ms <= now_ms) {
            struct connection *connection = list->first;

            connection_expire(connection);
            lane->settle(connection);
            ASSERT(list->first != connection || connection->due_ms > now_ms);
        }
        if (list->first && (next_ms < 0 || list->first->due_ms < next_ms))
            next_ms = list->first->due_ms;
    }
    return next_ms;
}
