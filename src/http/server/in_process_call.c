/* http/server/in_process_call.c: a request that asks the API of its own program, without a socket.
 *
 * The call is an exchange like any other, only that it has a caller where others have a connection:
 * the same router, access checks and dispatch, and the same ways to be answered, at once or later.
 */
#include "http/server/in_process_call.h"

#include "http/server/request_checks.h"
#include "http/server/request_metrics.h"

/* Who asks is who came over the connection: the session was verified there, from the same cookie.
 */
static void call_take_identity(struct request *call, const struct request *caller)
{
    call->client = caller->client;
    call->request_id = caller->request_id;
    call->trace = trace_follow(&exchange_of(call)->loop->traces, &caller->trace);
    call->in_process = true;
    call->trace_parent = caller->trace.span;
    call->trace_given = caller->trace_given;
    call->secure = caller->secure;
    call->cookie_secure = caller->cookie_secure;
    call->user = caller->user;
}

static enum err call_add_bearer(struct exchange *call, struct str bearer)
{
    struct buf value;

    buf_init(&value, call->rq.arena, HTTP_HEADERS_MAX);
    buf_append(&value, STR("Bearer "));
    buf_append(&value, bearer);
    if (value.failed) return ERR_MEMORY;
    return header_table_add(&call->head, STR("authorization"), buf_str(&value));
}

static enum err call_fill(struct exchange *call, const struct request *caller)
{
    const struct api_call *asked = &caller->call;
    struct str agent = request_header(caller, "user-agent");
    enum err err;

    call_take_identity(&call->rq, caller);
    call->rq.method = asked->method;
    call->head_done = true;
    TRY(header_table_append(&call->head, asked->target));
    call->head.target_len = (uint16_t)call->head.len;
    if (agent.at) TRY(header_table_add(&call->head, STR("user-agent"), agent));
    if (asked->bearer.len) TRY(call_add_bearer(call, asked->bearer));
    if (asked->body.len == 0) return OK;
    buf_append(&call->body, asked->body);
    if (call->body.failed) return ERR_MEMORY;
    TRY(header_table_add(&call->head, STR("content-type"), STR("application/json")));
done:
    return err;
}

static void call_take_answer(struct request *rq)
{
    struct reply *reply = &rq->called->reply;

    if (reply->status == 0 || reply->body.failed || reply->headers.failed || reply->stream)
        reply_error(rq->called, ERR_INTERNAL); /* pages ask for nothing that streams */
    rq->call.status = reply->status;
    rq->call.answer = reply->no_body ? STR("") : buf_str(&reply->body);
    rq->call.headers = buf_str(&reply->headers);
    request_metrics_called(exchange_of(rq->called));
    /* Found to belong to an earlier trace: then so does what asked. */
    if (rq->called->joined_span)
        request_join_trace(rq, &(struct trace){rq->called->trace.high, rq->called->trace.low,
                                               rq->called->joined_span, rq->called->trace.sampled});
}

bool http_call(struct request *rq)
{
    struct exchange *caller = exchange_of(rq);
    struct event_loop *loop = caller->loop;
    struct exchange *call = exchange_acquire(loop);
    enum err err;

    ASSERT(event_loop_current == loop && !rq->called);
    rq->call.status = err_status(ERR_UNAVAILABLE);
    if (!call) return true;
    rq->called = &call->rq;
    call->caller = caller;
    call->started_us = event_loop_clock_us(loop);
    err = call_fill(call, rq);
    if (err == OK) err = request_check_call(call);
    if (err)
        reply_error(&call->rq, err);
    else if (!event_loop_hand_over(loop, &call->rq, loop->config->dispatch))
        return false;
    call_take_answer(rq);
    return true;
}

void http_call_end(struct request *rq)
{
    if (!rq->called) return;
    exchange_release(exchange_of(rq->called));
    rq->called = NULL;
}

void in_process_call_answered(struct request *call)
{
    call_take_answer(&exchange_of(call)->caller->rq);
}
