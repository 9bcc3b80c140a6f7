/* http/stream.c: answers that go on after their handler has returned.
 *
 * Holders write from any thread into a bounded buffer; the lane is told once and takes everything
 * that has gathered when the socket is free. One reference is the holder's, one the connection's,
 * one the lane's inbox while the stream waits there. */
#include "http/internal.h"

#include <pthread.h>
#include <stdlib.h>

struct stream {
    struct mail mail;
    struct lane *lane;
    struct connection *connection; /* lane thread only */
    void (*closed)(void *context);
    void *context;
    bool chunked;
    atomic_int refs;
    pthread_mutex_t lock; /* the rest is shared */
    pthread_cond_t told;
    struct buf pending;
    size_t unsent; /* bytes the socket has not taken yet */
    bool posted;
    bool gone;  /* the client */
    bool ended; /* by the holder */
    bool overflow;
    void (*drained)(void *context); /* asked for by stream_busy; NULL: not now */
    bool telling;                   /* closed or drained is running */
};

struct stream *reply_stream(struct request *rq, struct reply *rp, const char *content_type,
                            void (*closed)(void *context), void *context)
{
    struct stream *stream;

    if (!rq->headers) return NULL;
    ASSERT(!rp->stream);
    stream = calloc(1, sizeof *stream);
    if (!stream) return NULL;
    stream->mail.kind = MAIL_STREAM;
    stream->lane = exchange_of(rq)->lane;
    stream->closed = closed;
    stream->context = context;
    stream->chunked = !exchange_of(rq)->http10;
    atomic_init(&stream->refs, 2);
    pthread_mutex_init(&stream->lock, NULL);
    pthread_cond_init(&stream->told, NULL);
    buf_init(&stream->pending, NULL, HTTP_STREAM_PENDING_MAX);
    lane_ref(stream->lane);
    rp->stream = stream;
    rp->content_type = content_type;
    rp->no_body = false;
    if (rp->status == 0) rp->status = 200;
    return stream;
}

static void stream_unref(struct stream *stream)
{
    struct lane *lane = stream->lane;

    if (atomic_fetch_sub_explicit(&stream->refs, 1, memory_order_acq_rel) > 1) return;
    buf_free(&stream->pending);
    pthread_cond_destroy(&stream->told);
    pthread_mutex_destroy(&stream->lock);
    free(stream);
    lane_unref(lane);
}

/* With the lock held: true when the caller has to post the mail, whose reference is now taken. */
static bool wants_post(struct stream *stream)
{
    if (stream->posted || stream->gone) return false;
    stream->posted = true;
    atomic_fetch_add_explicit(&stream->refs, 1, memory_order_relaxed);
    return true;
}

static void post(struct stream *stream)
{
    if (!lane_post(stream->lane, &stream->mail, &stream->mail)) stream_unref(stream);
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
    must_post = wants_post(stream);
    pthread_mutex_unlock(&stream->lock);
    if (must_post) post(stream);
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
    must_post = wants_post(stream);
    while (stream->telling && lane_current != stream->lane)
        pthread_cond_wait(&stream->told, &stream->lock);
    pthread_mutex_unlock(&stream->lock);
    if (must_post) post(stream);
    stream_unref(stream);
}

/* --- the lane's side ----------------------------------------------------------------------- */

void stream_frame(struct buf *out, struct str bytes, bool chunked)
{
    if (bytes.len == 0) return; /* an empty chunk would be the last one */
    if (chunked) buf_printf(out, "%zx\r\n", bytes.len);
    buf_append(out, bytes);
    if (chunked) buf_append(out, STR("\r\n"));
}

void stream_attach(struct stream *stream, struct connection *connection)
{
    stream->connection = connection;
}

static void told(struct stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    stream->telling = false;
    pthread_cond_broadcast(&stream->told);
    pthread_mutex_unlock(&stream->lock);
}

/* Tells a holder that was held back that it may go on. What was just taken may still not fit the
 * socket; a holder that asks again finds out. */
static void tell_drained(struct stream *stream)
{
    void (*drained)(void *context) = NULL;

    pthread_mutex_lock(&stream->lock);
    if (!stream->ended && !stream->gone &&
        stream->pending.len + stream->unsent <= HTTP_STREAM_LOW) {
        drained = stream->drained;
        stream->drained = NULL;
        stream->telling = drained != NULL;
    }
    pthread_mutex_unlock(&stream->lock);
    if (!drained) return;
    drained(stream->context);
    told(stream);
}

void stream_take(struct stream *stream, struct buf *out, bool *ended, bool *overflow)
{
    pthread_mutex_lock(&stream->lock);
    stream_frame(out, buf_str(&stream->pending), stream->chunked);
    buf_free(&stream->pending);
    *ended = stream->ended;
    *overflow = stream->overflow;
    pthread_mutex_unlock(&stream->lock);
    if (*ended && stream->chunked) buf_append(out, STR("0\r\n\r\n"));
    tell_drained(stream);
}

void stream_set_unsent(struct stream *stream, size_t unsent)
{
    pthread_mutex_lock(&stream->lock);
    stream->unsent = unsent;
    pthread_mutex_unlock(&stream->lock);
    tell_drained(stream);
}

/* Marks it gone. True when the holder has to be told, and then stream->telling is set. */
static bool mark_gone(struct stream *stream, bool tell)
{
    bool telling;

    pthread_mutex_lock(&stream->lock);
    stream->gone = true;
    stream->telling = telling = tell && stream->closed && !stream->ended;
    buf_free(&stream->pending);
    pthread_mutex_unlock(&stream->lock);
    return telling;
}

void stream_gone(struct stream *stream)
{
    stream->connection = NULL;
    if (mark_gone(stream, true)) {
        stream->closed(stream->context);
        told(stream);
    }
    stream_unref(stream);
}

void stream_finish(struct stream *stream)
{
    stream->connection = NULL;
    mark_gone(stream, false);
    stream_unref(stream);
}

void stream_terminate(struct stream *stream, struct buf *out)
{
    if (stream->chunked) buf_append(out, STR("0\r\n\r\n"));
    stream_gone(stream);
}

void stream_drop(struct stream *stream)
{
    mark_gone(stream, false);
    stream_unref(stream);
}

void stream_deliver(struct mail *mail)
{
    struct stream *stream = (struct stream *)(void *)mail;
    struct connection *connection = stream->connection;

    pthread_mutex_lock(&stream->lock);
    stream->posted = false;
    pthread_mutex_unlock(&stream->lock);
    if (connection) {
        connection_pump(connection);
        stream->lane->settle(connection);
    }
    stream_unref(stream);
}

void stream_discard(struct mail *mail)
{
    stream_unref((struct stream *)(void *)mail);
}
