/* http/socket.c: carries a connection's bytes over a libuv stream.
 *
 * Answers are written straight away; only what the kernel does not take is copied and queued, and
 * then the connection waits. So an idle connection owns this struct and nothing else. */
#include "http/loop.h"

#include <stdlib.h>
#include <unistd.h>

struct socket {
    struct connection connection; /* first */
    bool reading;
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

static struct loop *loop_of(const struct socket *socket)
{
    return (struct loop *)(void *)socket->connection.lane;
}

static uv_handle_t *handle_of(struct socket *socket)
{
    return (uv_handle_t *)&socket->handle.stream;
}

static void on_closed(uv_handle_t *handle)
{
    struct socket *socket = handle->data;
    struct loop *loop = loop_of(socket);

    free(socket);
    loop_socket_closed(loop);
}

static void close_now(struct socket *socket)
{
    struct loop *loop = loop_of(socket);

    if (socket->connection.refusal) loop->refused--;
    crowd_leave(loop->server->crowd, socket->connection.network);
    connection_gone(&socket->connection);
    uv_close(handle_of(socket), on_closed);
}

/* --- writing ------------------------------------------------------------------------------- */

size_t socket_unsent(const struct connection *connection)
{
    return uv_stream_get_write_queue_size(
        &((const struct socket *)(const void *)connection)->handle.stream);
}

static void on_written(uv_write_t *write, int status)
{
    struct queued_write *queued = (struct queued_write *)(void *)write;
    struct socket *socket = queued->socket;
    struct connection *connection = &socket->connection;

    free(queued);
    if (uv_is_closing(handle_of(socket))) return;
    if (status < 0) connection->cut = true;
    if (socket_unsent(connection) == 0) {
        connection->blocked = false;
        connection->refresh = true;
        if (connection->stream) stream_set_unsent(connection->stream, 0);
        connection_pump(connection);
    }
    socket_settle(connection);
}

/* Queues a copy of what the kernel did not take. */
static bool write_later(struct socket *socket, struct str rest)
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
        stream_set_unsent(socket->connection.stream, socket_unsent(&socket->connection));
    return true;
}

static void send_out(struct socket *socket)
{
    struct connection *connection = &socket->connection;
    struct buf *out = &connection->lane->out;
    struct str rest = buf_str(out);
    int sent = 0;

    if (out->failed) connection->cut = true;
    if (rest.len && !connection->cut) {
        if (!connection->blocked) {
            uv_buf_t bytes = uv_buf_init(out->at, (unsigned)rest.len);

            sent = uv_try_write(&socket->handle.stream, &bytes, 1);
        }
        if (sent < 0 && sent != UV_EAGAIN) connection->cut = true;
        if (sent > 0) rest = (struct str){rest.at + sent, rest.len - (size_t)sent};
        if (rest.len && !connection->cut && !write_later(socket, rest)) connection->cut = true;
    }
    buf_reset(out);
    if (out->cap > OUT_KEEP) buf_free(out);
}

/* --- reading ------------------------------------------------------------------------------- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct loop *loop = loop_of(handle->data);

    (void)suggested;
    *out = uv_buf_init(loop->input, sizeof loop->input);
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
        if (connection->lingering) connection->cut = true;
    } else {
        connection->cut = true;
    }
    socket_settle(connection);
}

static void set_reading(struct socket *socket, bool wanted)
{
    if (socket->reading == wanted) return;
    socket->reading = wanted;
    if (!wanted)
        uv_read_stop(&socket->handle.stream);
    else if (uv_read_start(&socket->handle.stream, on_alloc, on_read) != 0)
        socket->connection.cut = true;
}

/* --- the flags ----------------------------------------------------------------------------- */

/* RFC 9112 section 9.6: half-close, then read and discard for a while, so that a client that is
 * still sending reads the answer instead of a reset. */
static void begin_linger(struct socket *socket)
{
    uv_os_fd_t fd;

    socket->connection.lingering = true;
    socket->connection.refresh = true;
    if (uv_fileno(handle_of(socket), &fd) != 0 || shutdown(fd, SHUT_WR) != 0)
        socket->connection.cut = true;
}

void socket_settle(struct connection *connection)
{
    struct socket *socket = socket_of(connection);

    ASSERT(!uv_is_closing(handle_of(socket)));
    do
        send_out(socket);
    while (!connection->cut && connection_resume(connection));
    if (connection->eof && !connection->held && connection->phase <= PHASE_RECEIVING)
        connection->closing = true;
    if (connection->closing && !connection->blocked && !connection->cut) {
        if (!connection->linger || connection->eof)
            connection->cut = true;
        else if (!connection->lingering)
            begin_linger(socket);
    }
    if (!connection->cut) set_reading(socket, connection_wants_input(connection));
    if (connection->cut)
        close_now(socket);
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

static void take_peer(struct connection *connection, int fd, const struct address *peer)
{
    const struct lane *lane = connection->lane;

    if (!peer) {
        connection->operator= true;
        connection->operator_uid = peer_uid(fd);
        connection->peer_loopback = true;
        connection->peer_text_len = sizeof "local" - 1;
        memcpy(connection->peer_text, "local", sizeof "local");
        return;
    }
    connection->peer = *peer;
    connection->peer_trusted = proxies_trust(lane->proxies, &connection->peer);
    connection->peer_loopback = address_is_loopback(&connection->peer);
    connection->peer_text_len = (uint8_t)address_format(&connection->peer, connection->peer_text);
}

void socket_open(struct loop *loop, int fd, const struct address *peer, struct network *network,
                 enum err refusal)
{
    struct socket *socket = calloc(1, sizeof *socket);
    int failed;

    loop->sockets++;
    if (!socket) {
        close(fd);
        crowd_leave(loop->server->crowd, network);
        loop_socket_closed(loop);
        return;
    }
    if (peer)
        failed = uv_tcp_init(&loop->uv, &socket->handle.tcp);
    else
        failed = uv_pipe_init(&loop->uv, &socket->handle.pipe, 0);
    ASSERT(failed == 0);
    socket->handle.stream.data = socket;
    connection_init(&socket->connection, &loop->lane);
    take_peer(&socket->connection, fd, peer);
    socket->connection.network = network;
    socket->connection.refusal = (uint8_t)refusal;
    if (refusal) loop->refused++;
    failed = peer ? uv_tcp_open(&socket->handle.tcp, fd) : uv_pipe_open(&socket->handle.pipe, fd);
    if (failed) {
        close(fd);
        close_now(socket);
        return;
    }
    socket_settle(&socket->connection);
}
