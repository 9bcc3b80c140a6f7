/* http/call.c: a request that asks the API of its own program, without a socket.
 *
 * The call is an exchange like any other, only that it has a caller where others have a connection:
 * the same router, access checks and dispatch, and the same ways to be answered, at once or later.
 */
#include "http/internal.h"

/* Who asks is who came over the connection: the session was verified there, from the same cookie.
 */
static void take_visitor(struct request *call, const struct request *caller)
{
    call->from_loopback = caller->from_loopback;
    call->client = caller->client;
    call->request_id = caller->request_id;
    call->trace = trace_follow(&exchange_of(call)->lane->traces, &caller->trace);
    call->in_process = true;
    call->trace_parent = caller->trace.span;
    call->trace_given = caller->trace_given;
    call->secure = caller->secure;
    call->cookie_secure = caller->cookie_secure;
    call->user = caller->user;
}

static bool fill(struct exchange *call, const struct request *caller)
{
    const struct api_call *asked = &caller->call;
    struct str agent = request_header(caller, "user-agent");

    take_visitor(&call->rq, caller);
    call->rq.method = asked->method;
    call->head_done = true;
    if (!head_append(call, asked->target)) return false;
    call->head.target_len = (uint16_t)call->head.len;
    if (agent.at && !head_add(call, STR("user-agent"), agent)) return false;
    if (asked->body.len == 0) return true;
    buf_append(&call->body, asked->body);
    return !call->body.failed && head_add(call, STR("content-type"), STR("application/json"));
}

static void take_answer(struct request *rq)
{
    struct reply *reply = &rq->called->reply;

    if (reply->status == 0 || reply->body.failed || reply->headers.failed || reply->stream)
        reply_error(rq->called, ERR_INTERNAL); /* pages ask for nothing that streams */
    rq->call.status = reply->status;
    rq->call.answer = reply->no_body ? STR("") : buf_str(&reply->body);
    rq->call.headers = buf_str(&reply->headers);
    figures_called(exchange_of(rq->called));
    /* Found to belong to an earlier trace: then so does what asked. */
    if (rq->called->joined_span)
        request_join_trace(rq, &(struct trace){rq->called->trace.high, rq->called->trace.low,
                                               rq->called->joined_span, rq->called->trace.sampled});
}

bool http_call(struct request *rq)
{
    struct exchange *caller = exchange_of(rq);
    struct lane *lane = caller->lane;
    struct exchange *call = exchange_acquire(lane, NULL);
    enum err err = ERR_MEMORY;

    ASSERT(lane_current == lane && !rq->called);
    rq->next_place = IN_LOOP; /* when the answer is there */
    rq->call.status = err_status(ERR_UNAVAILABLE);
    if (!call) return true;
    rq->called = &call->rq;
    call->caller = caller;
    call->started_us = lane_clock_us(lane);
    if (fill(call, rq)) err = exchange_prepare_call(call);
    if (err)
        reply_error(&call->rq, err);
    else if (!lane_hand_over(lane, call, lane->config->dispatch))
        return false;
    take_answer(rq);
    return true;
}

void http_call_end(struct request *rq)
{
    if (!rq->called) return;
    exchange_release(exchange_of(rq->called));
    rq->called = NULL;
}

void call_answered(struct exchange *call)
{
    take_answer(&call->caller->rq);
}

void http_resume(struct request *rq)
{
    struct exchange *exchange = exchange_of(rq);

    exchange->mail.kind = MAIL_RESUME;
    exchange->mail.next = NULL;
    if (!lane_post(exchange->lane, &exchange->mail, &exchange->mail)) exchange_abandon(exchange);
}
