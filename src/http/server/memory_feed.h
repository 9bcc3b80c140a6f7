/* http/server/memory_feed.h: a connection over memory instead of a socket. */
#ifndef HTTP_SERVER_MEMORY_FEED_H
#define HTTP_SERVER_MEMORY_FEED_H

#include "http/config.h"

/* Parses one request from bytes, as a connection would, for tests and fuzzers: feeds `bytes` to a
 * fresh connection without a socket, split where `split` says (may be NULL: whole), and appends
 * what would have been sent to out. Dispatch is called as usual and must answer before it returns.
 */
void http_feed(const struct http_config *config, struct str bytes, const size_t *split,
               size_t split_count, struct buf *out);

#endif
