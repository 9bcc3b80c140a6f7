/* http/feed.c: a connection over memory instead of a socket, for tests and fuzzers.
 * Everything but the bytes' way in and out is the code that runs in production. */
#include "http/internal.h"

#include <stdlib.h>

struct feed {
    struct lane lane; /* first: lane_unref frees the whole */
    struct buf *out;
};

/* The socket's part: takes what is to be sent, carries on with held bytes, obeys the flags. */
static void feed_settle(struct connection *connection)
{
    struct feed *feed = (struct feed *)(void *)connection->lane;

    do {
        buf_append(feed->out, buf_str(&feed->lane.out));
        buf_reset(&feed->lane.out);
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
        feed_settle(connection);
        lane_batch_end(connection->lane);
        if (connection->held || connection->phase >= PHASE_AWAY) return false;
        piece = (struct str){piece.at + len, piece.len - len};
    }
    return !connection->cut;
}

static void feed_peer(struct connection *connection)
{
    static const char text[] = "127.0.0.1";

    address_parse(STR("127.0.0.1"), &connection->peer);
    memcpy(connection->peer_text, text, sizeof text);
    connection->peer_text_len = sizeof text - 1;
    connection->peer_loopback = true;
    connection->peer_trusted = proxies_trust(connection->lane->proxies, &connection->peer);
}

void http_feed(const struct http_config *config, struct str bytes, const size_t *split,
               size_t split_count, struct buf *out)
{
    struct router *router = router_new(config->mounts, config->mount_count);
    struct feed *feed = calloc(1, sizeof *feed);
    struct connection connection;
    struct proxies proxies;
    struct lane *outer = lane_current;
    const char *why;
    size_t at = 0;

    http_parser_set_max_header_size(HTTP_HEADERS_MAX);
    ASSERT(proxies_parse(config->trusted_proxies ? config->trusted_proxies : "", &proxies, &why));
    ASSERT(router && feed && lane_init(&feed->lane, config, router, &proxies, 0));
    feed->out = out;
    feed->lane.settle = feed_settle;
    lane_current = &feed->lane;
    memset(&connection, 0, sizeof connection);
    connection_init(&connection, &feed->lane);
    feed_peer(&connection);
    for (size_t i = 0; i <= split_count && at < bytes.len; i++) {
        size_t end = i < split_count && split[i] < bytes.len ? split[i] : bytes.len;

        if (end <= at) continue;
        if (!feed_piece(&connection, (struct str){bytes.at + at, end - at})) break;
        at = end;
    }
    connection_gone(&connection);
    lane_current = outer;
    lane_close(&feed->lane);
    lane_unref(&feed->lane);
    router_free(router);
}
