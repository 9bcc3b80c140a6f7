/* runtime/pages.c: answers given again. When thousands look at the same ticket or list, the answer
 * is made once a commit, not once a visitor. A page is good exactly as long as the number of
 * commits it was made under is the database's; nothing stale is ever given. */
#include "runtime/house.h"

#include <stdlib.h>

#define PAGES_MAX      128   /* a power of two; a newer page takes the place of the old one */
#define TARGET_MAX     256   /* bytes of path and query; longer ones are not kept */
#define PAGE_BYTES_MAX 65536 /* 8 MiB a loop and service at most */

struct page {
    uint64_t commits; /* 0: empty */
    char target[TARGET_MAX];
    size_t path_len, target_len;
    int status;
    struct buf body, headers;
};

struct pages {
    struct page at[PAGES_MAX];
};

struct pages *pages_new(void)
{
    struct pages *pages = calloc(1, sizeof *pages);

    for (size_t i = 0; pages && i < PAGES_MAX; i++) {
        buf_init(&pages->at[i].body, NULL, PAGE_BYTES_MAX);
        buf_init(&pages->at[i].headers, NULL, PAGE_BYTES_MAX);
    }
    return pages;
}

void pages_free(struct pages *pages)
{
    for (size_t i = 0; pages && i < PAGES_MAX; i++) {
        buf_free(&pages->at[i].body);
        buf_free(&pages->at[i].headers);
    }
    free(pages);
}

static size_t place_of(const struct request *rq)
{
    return str_hash(str_hash(STR_HASH, rq->path), rq->query) & (PAGES_MAX - 1);
}

static bool same_target(const struct page *page, const struct request *rq)
{
    return page->path_len == rq->path.len && page->target_len == rq->path.len + rq->query.len &&
           memcmp(page->target, rq->path.at, rq->path.len) == 0 &&
           (rq->query.len == 0 ||
            memcmp(page->target + page->path_len, rq->query.at, rq->query.len) == 0);
}

/* The page's bytes, full: whoever appends to it grows a copy in the arena. */
static struct buf view_of(const struct buf *kept, struct arena *arena)
{
    return (struct buf){kept->at, kept->len, kept->len, PAGE_BYTES_MAX, arena, false};
}

bool pages_find(const struct pages *pages, struct request *rq, uint64_t commits)
{
    const struct page *page = &pages->at[place_of(rq)];

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
           reply->body.len <= PAGE_BYTES_MAX;
}

void pages_keep(struct pages *pages, const struct request *rq, uint64_t commits)
{
    struct page *page = &pages->at[place_of(rq)];

    if (commits == 0 || !may_keep(rq)) return;
    memcpy(page->target, rq->path.at, rq->path.len);
    if (rq->query.len) memcpy(page->target + rq->path.len, rq->query.at, rq->query.len);
    page->path_len = rq->path.len;
    page->target_len = rq->path.len + rq->query.len;
    page->status = rq->reply.status;
    buf_reset(&page->body);
    buf_reset(&page->headers);
    buf_append(&page->body, buf_str(&rq->reply.body));
    buf_append(&page->headers, buf_str(&rq->reply.headers));
    page->commits = page->body.failed || page->headers.failed ? 0 : commits;
}
