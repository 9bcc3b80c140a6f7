/* Any bytes as the query of a list. Promise: a limit that is taken lies within its bounds, an id to
 * go on after is an id, a next page's link leads to a query that means the same.
 *
 * The first names the contract gives count: limit and after. */
#include "fuzz.h"
#include "http/request.h"

static void check_link(struct request *rq, int64_t limit, struct str after)
{
    struct request again;
    struct str link;
    const char *mark, *end;
    int64_t same;

    reply_next_page(rq, &rq->reply, limit, after);
    link = buf_str(&rq->reply.headers);
    ASSERT(!rq->reply.headers.failed && str_starts(link, STR("Link: </api/tickets?")));
    mark = memchr(link.at, '?', link.len);
    end = memchr(link.at, '>', link.len);
    ASSERT(mark && end && mark < end);
    request_init(&again, rq->arena);
    again.query = (struct str){mark + 1, (size_t)(end - mark - 1)};
    ASSERT(request_limit(&again, 100, 1000, &same) == OK && same == limit);
    ASSERT(str_eq(request_query(&again, "after"), after));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = fuzz_arena();
    struct object_id after;
    struct request rq;
    int64_t limit;

    request_init(&rq, arena);
    rq.path = STR("/api/tickets");
    rq.query = fuzz_text(data, size);
    request_limit(&rq, 100, 1000, &limit);
    ASSERT(limit >= 1 && limit <= 1000);
    if (request_after(&rq, &after) == OK && rq.error_count == 0) {
        struct object_id_text text = object_id_text(after);

        check_link(&rq, limit, str_of(text.hex));
    }
    ASSERT(rq.error_count <= 2);
    for (size_t i = 0; i < rq.error_count; i++)
        ASSERT(rq.errors[i].message && rq.errors[i].field);
    return 0;
}
