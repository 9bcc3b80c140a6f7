/* http/server/stream.c: answers that go on after their handler has returned.
 *
 * Holders write from any thread into a bounded buffer; the loop is told once and takes everything
 * that has gathered when the socket is free. One reference is the holder's, one the connection's,
 * one the loop's inbox while the stream waits there. */
#include "http/server/stream.h"

#include "http/response.h"
#include "http/server/exchange.h"

#include <pthread.h>
#include <stdlib.h>

struct stream {
    struct loop_message message;
    struct event_loop *loop;
    struct connection *connection; /* loop thread only, as the next */
    void (*ready)(struct connection *connection);
    void (*closed)(void *context);
    void *context;
    bool chunked;
    atomic_int refs;
    pthread_mutex_t lock; /* the rest is shared */
    pthread_cond_t notified;
    struct buf pending;
    size_t unsent; /* bytes the socket has not taken yet */
    bool posted;
    bool gone;  /* the client */
    bool ended; /* by the holder */
    bool overflow;
    void (*drained)(void *context); /* asked for by stream_busy; NULL: not now */
    bool notifying;                 /* closed or drained is running */
};

static void stream_unref(struct stream *stream)
{
    struct event_loop *loop = stream->loop;

    if (atomic_fetch_sub_explicit(&stream->refs, 1, memory_order_acq_rel) > 1) return;
    buf_free(&stream->pending);
    pthread_cond_destroy(&stream->notified);
    pthread_mutex_destroy(&stream->lock);
    free(stream);
    event_loop_unref(loop);
}

/* With the lock held: true when the caller has to post the message, whose reference is now taken.
 */
static bool stream_wants_post(struct stream *stream)
{
    if (stream->posted || stream->gone) return false;
    stream->posted = true;
    atomic_fetch_add_explicit(&stream->refs, 1, memory_order_relaxed);
    return true;
}

static void stream_post(struct stream *stream)
{
    if (!event_loop_post(stream->loop, &stream->message, &stream->message)) stream_unref(stream);
}

bool stream_write(struct stream *stream, struct str bytes)
{
    bool must_post, alive;

    pthread_mutex_lock(&stream->lock);
    ASSERT(!stream->ended);
    if (stream->pending.len + stream->unsent + bytes.len > HTTP_STREAM_PENDING_MAX)
        stream->overflow = true;
    if (!stream->gone && !stream->overflow) buf_append(&stream->pending, bytes);
    stream->overflow = stream->overflow || stream->pending.failed;
    alive = !stream->gone && !stream->overflow;
    must_post = stream_wants_post(stream);
    pthread_mutex_unlock(&stream->lock);
    if (must_post) stream_post(stream);
    return alive;
}

bool stream_busy(struct stream *stream, void (*drained)(void *context))
{
    bool busy;

    pthread_mutex_lock(&stream->lock);
    busy = !stream->gone && stream->pending.len + stream->unsent > HTTP_STREAM_LOW;
    stream->drained = busy ? drained : NULL;
    pthread_mutex_unlock(&stream->lock);
    return busy;
}

void stream_end(struct stream *stream)
{
    bool must_post;

    pthread_mutex_lock(&stream->lock);
    ASSERT(!stream->ended);
    stream->ended = true;
    must_post = stream_wants_post(stream);
    while (stream->notifying && event_loop_current != stream->loop)
        pthread_cond_wait(&stream->notified, &stream->lock);
    pthread_mutex_unlock(&stream->lock);
    if (must_post) stream_post(stream);
    stream_unref(stream);
}

/* --- the loop's side ----------------------------------------------------------------------- */

void stream_attach(struct stream *stream, struct connection *connection,
                   void (*ready)(struct connection *connection))
{
    stream->connection = connection;
    stream->ready = ready;
}

static void stream_notify(struct stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    stream->notifying = false;
    pthread_cond_broadcast(&stream->notified);
    pthread_mutex_unlock(&stream->lock);
}

/* Tells a holder that was held back that it may go on. What was just taken may still not fit the
 * socket; a holder that asks again finds out. */
static void stream_notify_drained(struct stream *stream)
{
    void (*drained)(void *context) = NULL;

    pthread_mutex_lock(&stream->lock);
    if (!stream->ended && !stream->gone &&
        stream->pending.len + stream->unsent <= HTTP_STREAM_LOW) {
        drained = stream->drained;
        stream->drained = NULL;
        stream->notifying = drained != NULL;
    }
    pthread_mutex_unlock(&stream->lock);
    if (!drained) return;
    drained(stream->context);
    stream_notify(stream);
}

void stream_take(struct stream *stream, struct buf *out, bool *ended, bool *overflow)
{
    pthread_mutex_lock(&stream->lock);
    response_append_chunk(out, buf_str(&stream->pending), stream->chunked);
    buf_free(&stream->pending);
    *ended = stream->ended;
    *overflow = stream->overflow;
    pthread_mutex_unlock(&stream->lock);
    if (*ended && stream->chunked) buf_append(out, STR("0\r\n\r\n"));
    stream_notify_drained(stream);
}

void stream_set_unsent(struct stream *stream, size_t unsent)
{
    pthread_mutex_lock(&stream->lock);
    stream->unsent = unsent;
    pthread_mutex_unlock(&stream->lock);
    stream_notify_drained(stream);
}

/* Marks it gone. True when the holder has to be told, and then stream->notifying is set. */
static bool stream_mark_gone(struct stream *stream, bool tell)
{
    bool notifying;

    pthread_mutex_lock(&stream->lock);
    stream->gone = true;
    stream->notifying = notifying = tell && stream->closed && !stream->ended;
    buf_free(&stream->pending);
    pthread_mutex_unlock(&stream->lock);
    return notifying;
}

void stream_gone(struct stream *stream)
{
    stream->connection = NULL;
    if (stream_mark_gone(stream, true)) {
        stream->closed(stream->context);
        stream_notify(stream);
    }
    stream_unref(stream);
}

void stream_finish(struct stream *stream)
{
    stream->connection = NULL;
    stream_mark_gone(stream, false);
    stream_unref(stream);
}

void stream_terminate(struct stream *stream, struct buf *out)
{
    if (stream->chunked) buf_append(out, STR("0\r\n\r\n"));
    stream_gone(stream);
}

void stream_drop(struct stream *stream)
{
    stream_mark_gone(stream, false);
    stream_unref(stream);
}

/* --- the inbox ----------------------------------------------------------------------------- */

static void stream_deliver(struct loop_message *message)
{
    struct stream *stream = (struct stream *)(void *)message;

    pthread_mutex_lock(&stream->lock);
    stream->posted = false;
    pthread_mutex_unlock(&stream->lock);
    if (stream->connection) stream->ready(stream->connection);
    stream_unref(stream);
}

static void stream_discard(struct loop_message *message)
{
    stream_unref((struct stream *)(void *)message);
}

struct stream *reply_stream(struct request *rq, struct reply *rp, const char *content_type,
                            void (*closed)(void *context), void *context)
{
    struct stream *stream;

    if (!rq->headers) return NULL;
    ASSERT(!rp->stream);
    stream = calloc(1, sizeof *stream);
    if (!stream) return NULL;
    stream->message = (struct loop_message){NULL, stream_deliver, stream_discard};
    stream->loop = exchange_of(rq)->loop;
    stream->closed = closed;
    stream->context = context;
    stream->chunked = !exchange_of(rq)->http10;
    atomic_init(&stream->refs, 2);
    pthread_mutex_init(&stream->lock, NULL);
    pthread_cond_init(&stream->notified, NULL);
    buf_init(&stream->pending, NULL, HTTP_STREAM_PENDING_MAX);
    event_loop_ref(stream->loop);
    rp->stream = stream;
    rp->drop_stream = stream_drop;
    rp->content_type = content_type;
    rp->no_body = false;
    if (rp->status == 0) rp->status = 200;
    return stream;
}
