/* http/server/socket.c: carries a connection's bytes over a libuv stream.
 *
 * Answers are written straight away; only what the kernel does not take is copied and queued, and
 * then the connection waits. So an idle connection owns this struct and nothing else. */
#include "http/server/socket.h"

#include "http/server/listening_socket.h"
#include "http/server/stream.h"

#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Unread bytes of those who made a socket's buffer full, that buffer included: of one address (not
 * of trusted proxies), and of all. Past them the connection that needs more is reset. */
#define UNREAD_ADDRESS_MAX (INT64_C(16) * 1024 * 1024)
#define UNREAD_MAX         (INT64_C(128) * 1024 * 1024)

struct socket {
    struct connection connection; /* first */
    bool reading;
    int64_t unread; /* what of the bounds on unread bytes it takes up */
    union {
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } handle;
};

struct queued_write {
    uv_write_t write;
    struct socket *socket;
    char bytes[];
};

static struct socket *socket_of(struct connection *connection)
{
    return (struct socket *)(void *)connection;
}

static struct net_loop *net_of(const struct socket *socket)
{
    return (struct net_loop *)(void *)socket->connection.loop;
}

static uv_handle_t *handle_of(struct socket *socket)
{
    return (uv_handle_t *)&socket->handle.stream;
}

static void on_closed(uv_handle_t *handle)
{
    struct socket *socket = handle->data;
    struct net_loop *net = net_of(socket);

    free(socket);
    net_loop_socket_closed(net);
}

/* Whoever does not read is reset: else the kernel keeps the bytes for as long as it likes. */
static void socket_reset_unread(struct socket *socket)
{
    struct linger none = {1, 0};
    uv_os_fd_t fd;

    if (socket_unsent(&socket->connection) > 0 && uv_fileno(handle_of(socket), &fd) == 0)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
}

/* Keeps count of what waits. False: it is too much. */
static bool socket_count_unread(struct socket *socket, int64_t now)
{
    struct net_loop *net = net_of(socket);
    struct limiter_slot *slot = socket->connection.slot;
    int64_t more = now - socket->unread, all, here;

    socket->unread = now;
    if (!more) return true;
    all = atomic_fetch_add(&net->server->unread, more) + more;
    here = slot ? connection_limiter_unread(slot, more) : 0;
    return more < 0 || (all <= UNREAD_MAX && here <= UNREAD_ADDRESS_MAX);
}

static void socket_close(struct socket *socket)
{
    struct net_loop *net = net_of(socket);

    if (socket->connection.reset) socket_reset_unread(socket);
    (void)socket_count_unread(socket, 0);
    if (socket->connection.refusal) net->refused--;
    if (socket->connection.peer.monitoring) net->monitors--;
    connection_limiter_leave(net->server->limiter, socket->connection.slot);
    connection_gone(&socket->connection);
    uv_close(handle_of(socket), on_closed);
}

/* --- writing ------------------------------------------------------------------------------- */

/* Queued here. */
static size_t socket_queued_bytes(const struct socket *socket)
{
    return uv_stream_get_write_queue_size(&socket->handle.stream);
}

size_t socket_unsent(const struct connection *connection)
{
    const struct socket *socket = (const struct socket *)(const void *)connection;
    uv_os_fd_t fd;
    int unread = 0;

    if (uv_fileno((const uv_handle_t *)&socket->handle.stream, &fd) != 0 ||
        ioctl(fd, SIOCOUTQ, &unread) != 0)
        unread = 0;
    return socket_queued_bytes(socket) + (size_t)unread;
}

static void on_written(uv_write_t *write, int status)
{
    struct queued_write *queued = (struct queued_write *)(void *)write;
    struct socket *socket = queued->socket;
    struct connection *connection = &socket->connection;

    free(queued);
    if (uv_is_closing(handle_of(socket))) return;
    if (status < 0) connection->cut = true;
    if (socket_queued_bytes(socket) == 0) {
        connection->blocked = false;
        connection->refresh = true;
        if (connection->stream) stream_set_unsent(connection->stream, 0);
        connection_pump(connection);
    }
    socket_flush(connection);
}

/* Queues a copy of what the kernel did not take. */
static bool socket_write_later(struct socket *socket, struct str rest)
{
    struct queued_write *queued = malloc(sizeof *queued + rest.len);
    uv_buf_t bytes;

    if (!queued) return false;
    queued->socket = socket;
    memcpy(queued->bytes, rest.at, rest.len);
    bytes = uv_buf_init(queued->bytes, (unsigned)rest.len);
    if (uv_write(&queued->write, &socket->handle.stream, &bytes, 1, on_written) != 0) {
        free(queued);
        return false;
    }
    socket->connection.blocked = true;
    if (socket->connection.stream)
        stream_set_unsent(socket->connection.stream, socket_queued_bytes(socket));
    return true;
}

static void socket_send(struct socket *socket)
{
    struct connection *connection = &socket->connection;
    struct buf *out = &connection->loop->out;
    struct str rest = buf_str(out);
    int sent = 0;

    if (out->failed) connection->cut = true;
    if (rest.len > WRITE_PROGRESS_MIN) connection->unread = true;
    if (rest.len && !connection->cut) {
        if (!connection->blocked) {
            uv_buf_t bytes = uv_buf_init(out->at, (unsigned)rest.len);

            sent = uv_try_write(&socket->handle.stream, &bytes, 1);
        }
        if (sent < 0 && sent != UV_EAGAIN) connection->cut = true;
        if (sent > 0) rest = (struct str){rest.at + sent, rest.len - (size_t)sent};
        if (rest.len && !connection->cut && !socket_write_later(socket, rest))
            connection->cut = true;
    }
    buf_reset(out);
    if (out->cap > OUT_KEEP) buf_free(out);
}

/* --- reading ------------------------------------------------------------------------------- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct net_loop *net = net_of(handle->data);

    (void)suggested;
    *out = uv_buf_init(net->input, sizeof net->input);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *bytes)
{
    struct socket *socket = stream->data;
    struct connection *connection = &socket->connection;

    if (count == 0) return;
    if (count > 0) {
        connection_input(connection, bytes->base, (size_t)count);
    } else if (count == UV_EOF) {
        connection_eof(connection);
        if (connection->lingering && !connection->unread) connection->cut = true;
    } else {
        connection->cut = true;
    }
    socket_flush(connection);
}

static void socket_set_reading(struct socket *socket, bool wanted)
{
    if (socket->reading == wanted) return;
    socket->reading = wanted;
    if (!wanted)
        uv_read_stop(&socket->handle.stream);
    else if (uv_read_start(&socket->handle.stream, on_alloc, on_read) != 0)
        socket->connection.cut = true;
}

/* --- who reads slowly ------------------------------------------------------------------------- */

/* An address that has too much waiting loses the connection that asked for more; when all together
 * have, whoever has read nothing for longest gives way. */
static void socket_watch_unread(struct socket *socket)
{
    struct connection *connection = &socket->connection;
    struct event_loop *loop = connection->loop;
    struct limiter_slot *slot = connection->slot;
    struct deadline *first = loop->waiting[WAIT_WRITE].first;
    struct connection *longest = first ? connection_of_deadline(first) : NULL;
    int64_t now =
        connection->blocked ? (int64_t)socket_queued_bytes(socket) + SOCKET_SEND_BYTES : 0;

    if (socket_count_unread(socket, now)) return;
    if (!longest || (slot && connection_limiter_unread(slot, 0) > UNREAD_ADDRESS_MAX))
        longest = connection;
    counter_add(&loop->counters.unread_cuts, 1);
    longest->cut = longest->reset = true;
    if (longest != connection) socket_flush(longest);
}

/* --- the flags ----------------------------------------------------------------------------- */

/* RFC 9112 section 9.6: half-close, then read and discard for a while, so that a client that is
 * still sending reads the answer instead of a reset. */
static void socket_begin_linger(struct socket *socket)
{
    uv_os_fd_t fd;

    socket->connection.lingering = true;
    socket->connection.refresh = true;
    if (uv_fileno(handle_of(socket), &fd) != 0 || shutdown(fd, SHUT_WR) != 0)
        socket->connection.cut = true;
}

void socket_flush(struct connection *connection)
{
    struct socket *socket = socket_of(connection);

    ASSERT(!uv_is_closing(handle_of(socket)));
    do
        socket_send(socket);
    while (!connection->cut && connection_resume(connection));
    if (connection->eof && !connection->held && connection->phase <= PHASE_RECEIVING)
        connection->closing = true;
    if (!connection->cut) socket_watch_unread(socket);
    if (connection->closing && !connection->blocked && !connection->cut) {
        connection->unread = connection->unread && socket_unsent(connection) > WRITE_PROGRESS_MIN;
        if (!connection->unread && (!connection->linger || connection->eof))
            connection->cut = true;
        else if (!connection->lingering)
            socket_begin_linger(socket);
    }
    if (!connection->cut) socket_set_reading(socket, connection_wants_input(connection));
    if (connection->cut)
        socket_close(socket);
    else
        connection_schedule(connection);
}

/* Whose process is at the other end of the control socket (unix(7), SO_PEERCRED). */
static int64_t peer_uid(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof peer;

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? (int64_t)peer.uid : -1;
}

static void socket_take_peer(struct connection *connection, int fd, const struct address *address)
{
    struct peer *peer = &connection->peer;

    if (!address) {
        peer->operator= true;
        peer->operator_uid = peer_uid(fd);
        peer->loopback = true;
        peer->text_len = sizeof "local" - 1;
        memcpy(peer->text, "local", sizeof "local");
        return;
    }
    peer->address = *address;
    peer->trusted = proxies_trust(connection->loop->proxies, address);
    peer->loopback = address_is_loopback(address);
    peer->text_len = (uint8_t)address_format(address, peer->text);
}

void socket_open(struct net_loop *net, int fd, enum listener_kind kind, const struct address *peer,
                 struct limiter_slot *slot, enum err refusal)
{
    struct socket *socket = calloc(1, sizeof *socket);
    int failed;

    net->sockets++;
    if (!socket) {
        close(fd);
        connection_limiter_leave(net->server->limiter, slot);
        net_loop_socket_closed(net);
        return;
    }
    if (kind == LISTENER_CONTROL) peer = NULL;
    if (peer)
        failed = uv_tcp_init(&net->uv, &socket->handle.tcp);
    else
        failed = uv_pipe_init(&net->uv, &socket->handle.pipe, 0);
    ASSERT(failed == 0);
    socket->handle.stream.data = socket;
    connection_init(&socket->connection, &net->loop);
    socket_take_peer(&socket->connection, fd, peer);
    socket->connection.peer.monitoring = kind == LISTENER_MONITORING;
    if (socket->connection.peer.monitoring) net->monitors++;
    socket->connection.slot = slot;
    socket->connection.refusal = (uint8_t)refusal;
    if (refusal) net->refused++;
    failed = peer ? uv_tcp_open(&socket->handle.tcp, fd) : uv_pipe_open(&socket->handle.pipe, fd);
    if (failed) {
        close(fd);
        socket_close(socket);
        return;
    }
    socket_flush(&socket->connection);
}
