/* http/body.c: taking ids, texts and pages out of a request, the way every service wants them. */
#include "http/request.h"

enum err request_after(struct request *rq, struct object_id *out)
{
    struct str text = request_query(rq, "after");

    memset(out->bytes, 0xff, sizeof out->bytes);
    if (!text.at || object_id_parse(text, out)) return OK;
    return request_reject(rq, "after", "After must be the id of the last item you have");
}

enum err request_path_id(const struct request *rq, size_t index, struct object_id *out)
{
    ASSERT(index < REQUEST_PARAMS_MAX);
    return object_id_parse(rq->params[index], out) ? OK : ERR_BAD_REQUEST;
}

struct str request_body_text(const struct request *rq, const char *name)
{
    struct str text = {"", 0};

    json_text(json_get(rq->body, name), &text);
    return text;
}

enum err request_body_id(struct request *rq, const char *name, const char *message,
                         struct object_id *out)
{
    if (object_id_parse(request_body_text(rq, name), out)) return OK;
    return request_reject(rq, name, message);
}

enum err request_list_page(struct request *rq, struct list_page *page)
{
    *page = (struct list_page){.limit = PAGE_DEFAULT};
    request_limit(rq, PAGE_DEFAULT, PAGE_MAX, &page->limit);
    request_after(rq, &page->after);
    return request_checked(rq);
}

void reply_list_page(struct request *rq, struct reply *rp, const struct list_page *page)
{
    struct object_id_text last = object_id_text(page->last);

    if (page->count == page->limit) reply_next_page(rq, rp, page->limit, str_of(last.hex));
}
