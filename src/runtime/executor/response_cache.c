/* runtime/executor/response_cache.c: answers given again. When thousands look at the same ticket,
 * list or show, the answer is made once a commit, not once a visitor. It is good exactly as long as
 * the numbers of commits it was made under are the databases'; nothing stale is ever given. A page
 * also says what the time does ("begins today"), so it is made anew every second. */
#include "runtime/executor/response_cache.h"

#include "runtime/executor/run.h"

#include <stdlib.h>

#define CACHED_MAX       128 /* a power of two; a newer page takes the place of the old one */
#define TARGET_MAX       256 /* bytes of path and query; longer ones are not kept */
#define CACHED_BYTES_MAX (512 * 1024)      /* a list of a thousand, with room */
#define ALL_BYTES_MAX    (8 * 1024 * 1024) /* a loop and service; then all are forgotten */
#define PAGE_MS_MAX      1000
#define VISITOR_MAX      256 /* bytes of what a page depends on beside its target */

struct cached_response {
    bool good;
    struct read_set read_set;
    char target[TARGET_MAX];
    size_t path_len, target_len;
    char visitor[VISITOR_MAX]; /* visitor_of */
    size_t visitor_len;
    struct mono_ms until; /* of a page; of others MONO_NEVER */
    int status;
    enum packing packing;
    const char *content_type;
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
        cache->at[i].good = false;
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

/* What a page depends on beside its target. Empty: the answer is no page. Too long: at is NULL. */
static struct str visitor_of(const struct request *rq)
{
    struct buf visitor;

    if (rq->route->executor == IN_SHARED_READER) return STR("");
    buf_init(&visitor, rq->arena, VISITOR_MAX);
    buf_append(&visitor, rq->secure ? STR("https://") : STR("http://"));
    buf_append(&visitor, request_header(rq, "host"));
    buf_append(&visitor, STR("\n"));
    buf_append(&visitor, request_header(rq, "accept-language"));
    return visitor.failed ? (struct str){0} : buf_str(&visitor);
}

static bool same_visitor(const struct cached_response *page, const struct request *rq)
{
    struct str visitor = visitor_of(rq);

    return visitor.at && str_eq(visitor, (struct str){page->visitor, page->visitor_len});
}

/* The page's bytes, full: whoever appends to it grows a copy in the arena. */
static struct buf view_of(const struct buf *kept, struct arena *arena)
{
    return (struct buf){kept->at, kept->len, kept->len, CACHED_BYTES_MAX, arena, false};
}

/* A page: whoever has a session, a theme or something to be told once has a cookie. Of an answer
 * with a tag a handler makes less when the client has it; of a page that is done later. */
static bool is_for_anybody(const struct request *rq)
{
    if (rq->route->executor == IN_SHARED_READER) return !request_header(rq, "if-none-match").at;
    return rq->method == METHOD_GET && !rq->user.id.len && !request_header(rq, "cookie").at;
}

bool response_cache_find(const struct response_cache *cache, struct request *rq, struct mono_ms now)
{
    const struct cached_response *page = &cache->at[slot_of(rq)];

    if (!page->good || !same_target(page, rq) || !is_for_anybody(rq)) return false;
    if (mono_reached(now, page->until) || !read_set_unchanged(&page->read_set)) return false;
    if (!same_visitor(page, rq)) return false;
    rq->run->read_set = page->read_set;
    rq->reply.status = page->status;
    rq->reply.packing = page->packing;
    rq->reply.content_type = page->content_type;
    rq->reply.body = view_of(&page->body, rq->arena);
    rq->reply.headers = view_of(&page->headers, rq->arena);
    return true;
}

/* Only whole, good answers; an error may come from somewhere else than the data. */
static bool may_keep(const struct request *rq)
{
    const struct reply *reply = &rq->reply;
    bool shared = rq->route->executor == IN_SHARED_READER ? !reply->content_type
                                                          : reply->packing == PACK_SHARED;

    return shared && reply->status == 200 && !reply->no_body && !reply->stream &&
           is_for_anybody(rq) && rq->path.len + rq->query.len <= TARGET_MAX &&
           !reply->body.failed && reply->body.len <= CACHED_BYTES_MAX && !rq->run->read_set.unknown;
}

static void put_target(struct cached_response *page, const struct request *rq, struct str visitor)
{
    memcpy(page->target, rq->path.at, rq->path.len);
    if (rq->query.len) memcpy(page->target + rq->path.len, rq->query.at, rq->query.len);
    page->path_len = rq->path.len;
    page->target_len = rq->path.len + rq->query.len;
    if (visitor.len) memcpy(page->visitor, visitor.at, visitor.len);
    page->visitor_len = visitor.len;
}

void response_cache_put(struct response_cache *cache, const struct request *rq, struct mono_ms now)
{
    struct cached_response *page = &cache->at[slot_of(rq)];
    struct str visitor;
    size_t held;

    if (!may_keep(rq)) return;
    visitor = visitor_of(rq);
    if (!visitor.at) return;
    if (cache->bytes + rq->reply.body.len > ALL_BYTES_MAX) forget_all(cache);
    held = page->body.cap + page->headers.cap;
    put_target(page, rq, visitor);
    page->read_set = rq->run->read_set;
    page->until = visitor.len ? mono_after(now, PAGE_MS_MAX) : MONO_NEVER;
    page->status = rq->reply.status;
    page->packing = rq->reply.packing;
    page->content_type = rq->reply.content_type;
    buf_reset(&page->body);
    buf_reset(&page->headers);
    buf_append(&page->body, buf_str(&rq->reply.body));
    buf_append(&page->headers, buf_str(&rq->reply.headers));
    cache->bytes += page->body.cap + page->headers.cap - held;
    page->good = !page->body.failed && !page->headers.failed;
}
