/* services/web/page_input.c: what a browser sent, checked. */
#include "services/web/page_input.h"

#include "base/object_id.h"
#include "services/web/page_text.h"

bool form_is_draft(struct request *rq)
{
    return request_form(rq, FORM_DRAFT).len > 0;
}

struct str form_value(struct request *rq, const char *name)
{
    struct str kept = STR("");
    struct buf drafted;

    buf_init(&drafted, rq->arena, 64);
    buf_printf(&drafted, FORM_DRAFT ".%s", name);
    buf_char(&drafted, 0);
    if (!drafted.failed) kept = request_form(rq, drafted.at);
    return kept.len ? kept : request_form(rq, name);
}

struct str page_path_id(struct request *rq, size_t index)
{
    struct object_id id;
    struct object_id_text text;

    if (request_path_id(rq, index, &id) != OK) return STR("");
    text = object_id_text(id);
    return arena_copy(rq->arena, str_of(text.hex));
}

struct str page_path_slugged_id(struct request *rq, size_t index)
{
    struct str given = rq->params[index];
    struct object_id id;
    struct object_id_text text;

    if (given.len > OBJECT_ID_HEX && given.at[OBJECT_ID_HEX] == '-') given.len = OBJECT_ID_HEX;
    if (!object_id_parse(given, &id)) return STR("");
    text = object_id_text(id);
    return arena_copy(rq->arena, str_of(text.hex));
}

struct str page_typed(struct request *rq, const char *name)
{
    struct str text = str_trim(request_query(rq, name));

    return text.at ? text : STR("");
}

struct str page_after(struct request *rq)
{
    struct str after = request_query(rq, "after");
    struct object_id id;

    if (!after.len) after = form_value(rq, "after"); /* a form on that page */
    return after.len && object_id_parse(after, &id) ? after : STR("");
}

/* Only plain ASCII goes into a header: whatever else is in it came from nowhere of ours. */
struct str page_next(struct request *rq, struct str next)
{
    struct str kept;

    if (next.len == 0 || next.len > PAGE_PATH_MAX || next.at[0] != '/') return STR("/");
    if (next.len > 1 && (next.at[1] == '/' || next.at[1] == '\\')) return STR("/");
    for (size_t i = 0; i < next.len; i++)
        if (next.at[i] <= ' ' || next.at[i] >= 0x7f || next.at[i] == '\\') return STR("/");
    kept = arena_copy(rq->arena, next);
    return kept.at ? kept : STR("/");
}

struct str page_here(struct request *rq)
{
    struct buf path;

    if (rq->method != METHOD_GET) return STR("/");
    buf_init(&path, rq->arena, PAGE_PATH_MAX);
    buf_append(&path, rq->path.len ? rq->path : STR("/"));
    if (rq->query.len) {
        buf_char(&path, '?');
        buf_append(&path, rq->query);
    }
    return path.failed ? STR("/") : buf_str(&path);
}
