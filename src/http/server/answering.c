/* http/server/answering.c: the way of an answer, from whichever thread made it to the connection
 * that waits for it. */
#include "http/server/answering.h"

#include "http/server/client_connection.h"
#include "http/server/fair_share.h"
#include "http/server/in_process_call.h"
#include "http/server/stream.h"

static struct exchange *exchange_of_message(struct loop_message *message)
{
    return (struct exchange *)(void *)((char *)message - offsetof(struct exchange, message));
}

/* --- in the loop --------------------------------------------------------------------------- */

static void answer_send(struct exchange *exchange)
{
    struct connection *connection = exchange->connection;

    if (connection) {
        connection_answer(connection, exchange); /* which may be the end of the exchange */
        connection->loop->flush(connection);
        return;
    }
    if (exchange->rq.reply.stream) stream_gone(exchange->rq.reply.stream);
    exchange_release(exchange);
}

/* The exchange, which is back, goes on where it stopped. */
static void exchange_resume(struct exchange *exchange)
{
    struct event_loop *loop = exchange->loop;

    if (event_loop_hand_over(loop, &exchange->rq, loop->config->resume)) answer_send(exchange);
}

static void resume_deliver(struct loop_message *message)
{
    struct exchange *exchange = exchange_of_message(message);

    exchange->loop->away--;
    exchange_resume(exchange);
}

/* The answer to a call goes to its caller. */
static void answer_deliver(struct loop_message *message)
{
    struct exchange *exchange = exchange_of_message(message);

    exchange->loop->away--;
    if (!exchange->caller) {
        answer_send(exchange);
        return;
    }
    in_process_call_answered(&exchange->rq);
    exchange->loop->away--;
    exchange_resume(exchange->caller);
}

/* As exchange_abandon, for one that may carry a stream. */
static void answer_abandon(struct exchange *exchange, void (*leave)(struct stream *stream))
{
    if (exchange->rq.reply.stream) leave(exchange->rq.reply.stream);
    exchange_abandon(exchange);
}

static void answer_discard(struct loop_message *message)
{
    answer_abandon(exchange_of_message(message), stream_gone);
}

/* Its turn has come, unless nobody waits for the answer any more. */
static void exchange_take_turn(struct exchange *exchange)
{
    struct connection *connection = exchange->connection;

    if (!connection) {
        exchange_release(exchange);
        return;
    }
    connection_dispatch(connection, exchange); /* which may be the end of the exchange */
    connection->loop->flush(connection);
}

void answering_round_end(struct event_loop *loop)
{
    loop->in_batch = true;
    fair_share_next_round(loop, exchange_take_turn);
    event_loop_batch_end(loop);
}

/* --- from any thread ----------------------------------------------------------------------- */

void http_answer(struct request *rq)
{
    rq->link = NULL;
    http_answer_all(rq);
}

/* Requests of one loop are gathered, so that each loop is posted to once. */
void http_answer_all(struct request *list)
{
    while (list) {
        struct event_loop *loop = exchange_of(list)->loop;
        struct loop_message *first = NULL, *last = NULL;
        struct request *others = NULL, **others_end = &others;

        while (list) {
            struct request *rq = list;
            struct exchange *exchange = exchange_of(rq);

            list = rq->link;
            rq->link = NULL;
            if (exchange->loop != loop) {
                *others_end = rq;
                others_end = &rq->link;
            } else if (event_loop_current == loop && loop->dispatching == rq) {
                loop->dispatching = NULL; /* dispatch returns to connection.c, which sends it */
            } else {
                exchange->message = (struct loop_message){first, answer_deliver, answer_discard};
                first = &exchange->message;
                if (!last) last = first;
            }
        }
        list = others;
        if (!first || event_loop_post(loop, first, last)) continue;
        last->next = NULL;
        while (first) { /* the server has stopped: nobody waits for these */
            struct exchange *exchange = exchange_of_message(first);

            first = first->next;
            answer_abandon(exchange, stream_drop);
        }
    }
}

void http_resume(struct request *rq)
{
    struct exchange *exchange = exchange_of(rq);

    exchange->message = (struct loop_message){NULL, resume_deliver, answer_discard};
    if (!event_loop_post(exchange->loop, &exchange->message, &exchange->message))
        exchange_abandon(exchange);
}
