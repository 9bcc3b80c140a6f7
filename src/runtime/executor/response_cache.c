/* runtime/executor/response_cache.c: answers given again. When thousands look at the same ticket or
 * list, the answer is made once a commit, not once a visitor. A page is good exactly as long as the
 * number of commits it was made under is the database's; nothing stale is ever given. */
#include "runtime/executor/response_cache.h"

#include <stdlib.h>

#define CACHED_MAX       128 /* a power of two; a newer page takes the place of the old one */
#define TARGET_MAX       256 /* bytes of path and query; longer ones are not kept */
#define CACHED_BYTES_MAX (512 * 1024)      /* a list of a thousand, with room */
#define ALL_BYTES_MAX    (8 * 1024 * 1024) /* a loop and service; then all are forgotten */

struct cached_response {
    uint64_t commits; /* 0: empty */
    char target[TARGET_MAX];
    size_t path_len, target_len;
    int status;
    struct buf body, headers;
};

struct response_cache {
    struct cached_response at[CACHED_MAX];
    size_t bytes; /* of all bodies and headers */
};

struct response_cache *response_cache_new(void)
{
    struct response_cache *cache = calloc(1, sizeof *cache);

    for (size_t i = 0; cache && i < CACHED_MAX; i++) {
        buf_init(&cache->at[i].body, NULL, CACHED_BYTES_MAX);
        buf_init(&cache->at[i].headers, NULL, CACHED_BYTES_MAX);
    }
    return cache;
}

static void forget_all(struct response_cache *cache)
{
    for (size_t i = 0; i < CACHED_MAX; i++) {
        cache->at[i].commits = 0;
        buf_free(&cache->at[i].body);
        buf_free(&cache->at[i].headers);
    }
    cache->bytes = 0;
}

void response_cache_free(struct response_cache *cache)
{
    if (cache) forget_all(cache);
    free(cache);
}

static size_t slot_of(const struct request *rq)
{
    return str_hash(str_hash(STR_HASH, rq->path), rq->query) & (CACHED_MAX - 1);
}

static bool same_target(const struct cached_response *page, const struct request *rq)
{
    return page->path_len == rq->path.len && page->target_len == rq->path.len + rq->query.len &&
           memcmp(page->target, rq->path.at, rq->path.len) == 0 &&
           (rq->query.len == 0 ||
            memcmp(page->target + page->path_len, rq->query.at, rq->query.len) == 0);
}

/* The page's bytes, full: whoever appends to it grows a copy in the arena. */
static struct buf view_of(const struct buf *kept, struct arena *arena)
{
    return (struct buf){kept->at, kept->len, kept->len, CACHED_BYTES_MAX, arena, false};
}

bool response_cache_find(const struct response_cache *cache, struct request *rq, uint64_t commits)
{
    const struct cached_response *page = &cache->at[slot_of(rq)];

    if (commits == 0 || page->commits != commits || !same_target(page, rq)) return false;
    if (request_header(rq, "If-None-Match").at) return false;
    rq->reply.status = page->status;
    rq->reply.body = view_of(&page->body, rq->arena);
    rq->reply.headers = view_of(&page->headers, rq->arena);
    return true;
}

/* Only whole, good answers; an error may come from somewhere else than the data. */
static bool may_keep(const struct request *rq)
{
    const struct reply *reply = &rq->reply;

    return reply->status == 200 && !reply->no_body && !reply->stream && !reply->content_type &&
           rq->path.len + rq->query.len <= TARGET_MAX && !reply->body.failed &&
           reply->body.len <= CACHED_BYTES_MAX;
}

void response_cache_put(struct response_cache *cache, const struct request *rq, uint64_t commits)
{
    struct cached_response *page = &cache->at[slot_of(rq)];
    size_t held;

    if (commits == 0 || !may_keep(rq)) return;
    if (cache->bytes + rq->reply.body.len > ALL_BYTES_MAX) forget_all(cache);
    held = page->body.cap + page->headers.cap;
    memcpy(page->target, rq->path.at, rq->path.len);
    if (rq->query.len) memcpy(page->target + rq->path.len, rq->query.at, rq->query.len);
    page->path_len = rq->path.len;
    page->target_len = rq->path.len + rq->query.len;
    page->status = rq->reply.status;
    buf_reset(&page->body);
    buf_reset(&page->headers);
    buf_append(&page->body, buf_str(&rq->reply.body));
    buf_append(&page->headers, buf_str(&rq->reply.headers));
    cache->bytes += page->body.cap + page->headers.cap - held;
    page->commits = page->body.failed || page->headers.failed ? 0 : commits;
}
