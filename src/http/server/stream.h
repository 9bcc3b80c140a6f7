/* http/server/stream.h: answers that go on after their handler has returned. */
#ifndef HTTP_SERVER_STREAM_H
#define HTTP_SERVER_STREAM_H

#include "http/request.h"

struct connection;

/* --- streaming answers --------------------------------------------------------------------- *
 * A handler calls reply_stream and returns OK: head and any body so far are sent (chunked), and
 * the connection stays open. The holder owns one reference: it calls stream_end exactly once, and
 * nothing after it. Until then stream_write is safe from any thread, even when the client is long
 * gone. A client that does not read is cut once HTTP_STREAM_PENDING_MAX bytes wait for it. */
#define HTTP_STREAM_PENDING_MAX (256 * 1024)
#define HTTP_STREAM_LOW         (64 * 1024)

/* closed(context): at most once, in the loop thread, when the client went away before stream_end;
 * a notice only, the reference stays the holder's. May be NULL. It never runs after stream_end has
 * returned: stream_end waits for one that is running, so do not call stream_end while holding a
 * lock that closed takes (inside closed it may be called). Returns NULL when memory ran out, or
 * when the request has no connection (made by hand). An error answer instead of OK drops the
 * stream; stream_end is still due. */
struct stream *reply_stream(struct request *rq, struct reply *rp, const char *content_type,
                            void (*closed)(void *context), void *context);
/* bytes are copied; never blocks. False when the client is gone. */
bool stream_write(struct stream *stream, struct str bytes);
/* True when more than HTTP_STREAM_LOW bytes wait for the client, so that the holder does well to
 * hold back; drained(context) is then called once they are fewer, in the loop thread, as closed is
 * and with its context. */
bool stream_busy(struct stream *stream, void (*drained)(void *context));
/* Sends the last chunk when the client is still there, and releases the holder's reference. */
void stream_end(struct stream *stream);

/* --- for the connection that carries it ------------------------------------------------------ */

/* In the loop thread: the answer that carries the stream reached its connection, whose socket
 * still holds unsent bytes. ready: more of it can be taken now. */
void stream_attach(struct stream *stream, struct connection *connection,
                   void (*ready)(struct connection *connection));
/* In the loop thread: the client is gone (or never came); tells the holder, drops the reference. */
void stream_gone(struct stream *stream);
/* Moves waiting bytes to out, framed. Sets *ended after the last chunk, *overflow when the client
 * has to be cut. */
void stream_take(struct stream *stream, struct buf *out, bool *ended, bool *overflow);
/* The socket has this many bytes of the stream left. */
void stream_set_unsent(struct stream *stream, size_t unsent);
/* The last chunk went out: drops the connection's reference. */
void stream_finish(struct stream *stream);
/* The server stops: writes the end of the answer to out, then as stream_gone. */
void stream_terminate(struct stream *stream, struct buf *out);
/* The answer was refused after all, in any thread: the stream will never be attached. */
void stream_drop(struct stream *stream);

#endif
