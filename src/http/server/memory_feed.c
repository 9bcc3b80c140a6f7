/* http/server/memory_feed.c: a connection over memory instead of a socket, for tests and fuzzers.
 * Everything but the bytes' way in and out is the code that runs in production. */
#include "http/server/memory_feed.h"

#include "http/server/answering.h"
#include "http/server/client_connection.h"
#include "http/server/fair_share.h"

#include <stdlib.h>

struct feed {
    struct event_loop loop; /* first: event_loop_unref frees the whole */
    struct buf *out;
};

/* The socket's part: takes what is to be sent, carries on with held bytes, obeys the flags. */
static void feed_flush(struct connection *connection)
{
    struct feed *feed = (struct feed *)(void *)connection->loop;

    do {
        buf_append(feed->out, buf_str(&feed->loop.out));
        buf_reset(&feed->loop.out);
    } while (connection_resume(connection));
    if (connection->closing) connection->cut = true;
    connection_schedule(connection);
}

static bool feed_piece(struct connection *connection, struct str piece)
{
    while (piece.len && !connection->cut) {
        size_t len = piece.len < READ_SIZE ? piece.len : READ_SIZE;
        char *copy = malloc(len); /* exactly as long, so that a sanitizer sees every overrun */

        if (!copy) return false;
        memcpy(copy, piece.at, len);
        connection_input(connection, copy, len);
        free(copy);
        feed_flush(connection);
        answering_round_end(connection->loop);
        if (connection->held || connection->phase >= PHASE_AWAY) return false;
        piece = (struct str){piece.at + len, piece.len - len};
    }
    return !connection->cut;
}

static void feed_peer(struct connection *connection)
{
    static const char text[] = "127.0.0.1";
    struct peer *peer = &connection->peer;

    address_parse(STR("127.0.0.1"), &peer->address);
    memcpy(peer->text, text, sizeof text);
    peer->text_len = sizeof text - 1;
    peer->loopback = true;
    peer->trusted = proxies_trust(connection->loop->proxies, &peer->address);
}

void http_feed(const struct http_config *config, struct str bytes, const size_t *split,
               size_t split_count, struct buf *out)
{
    struct router *router = router_new(config->mounts, config->mount_count);
    struct feed *feed = calloc(1, sizeof *feed);
    struct connection connection;
    struct proxies proxies;
    struct event_loop *outer = event_loop_current;
    const char *why;
    size_t at = 0;

    ASSERT(proxies_parse(config->trusted_proxies ? config->trusted_proxies : "", &proxies, &why));
    ASSERT(router && feed && event_loop_init(&feed->loop, config, router, &proxies, 0));
    feed->out = out;
    feed->loop.flush = feed_flush;
    feed->loop.free_pools = exchange_free_pool;
    event_loop_current = &feed->loop;
    memset(&connection, 0, sizeof connection);
    connection_init(&connection, &feed->loop);
    feed_peer(&connection);
    for (size_t i = 0; i <= split_count && at < bytes.len; i++) {
        size_t end = i < split_count && split[i] < bytes.len ? split[i] : bytes.len;

        if (end <= at) continue;
        if (!feed_piece(&connection, (struct str){bytes.at + at, end - at})) break;
        at = end;
    }
    connection_gone(&connection);
    event_loop_current = outer;
    fair_share_close(&feed->loop);
    event_loop_close(&feed->loop);
    event_loop_unref(&feed->loop);
    router_free(router);
}
