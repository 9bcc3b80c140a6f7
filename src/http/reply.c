/* http/reply.c: building an answer: JSON, text, headers, ETag, Link, errors. */
#include "http/request.h"

#include "base/percent.h"

#define LINK_BYTES 16384

static void reply_begin(struct reply *rp, int status, const char *content_type)
{
    ASSERT(status >= 200 && status <= 599);
    rp->status = status;
    rp->content_type = content_type;
    rp->no_body = false;
    rp->packing = PACK_NOT;
    buf_reset(&rp->body);
}

struct json_writer reply_json(struct reply *rp, int status)
{
    reply_begin(rp, status, NULL);
    return json_writer_to(&rp->body);
}

enum err reply_empty(struct reply *rp, int status)
{
    reply_begin(rp, status, NULL);
    rp->no_body = true;
    return OK;
}

enum err reply_text(struct reply *rp, int status, const char *content_type, struct str text)
{
    reply_begin(rp, status, content_type);
    buf_append(&rp->body, text);
    return rp->body.failed ? ERR_MEMORY : OK;
}

void reply_header(struct reply *rp, const char *name, struct str value)
{
    ASSERT(!memchr(value.at ? value.at : "", '\r', value.len));
    ASSERT(!memchr(value.at ? value.at : "", '\n', value.len));
    buf_append(&rp->headers, str_of(name));
    buf_append(&rp->headers, STR(": "));
    buf_append(&rp->headers, value);
    buf_append(&rp->headers, STR("\r\n"));
}

/* If-None-Match compares weakly (RFC 9110 section 8.8.3.2): the opaque tags alone. */
static bool etag_listed(struct str list, struct str opaque)
{
    if (str_eq(list, STR("*"))) return true;
    while (list.len) {
        const char *comma = memchr(list.at, ',', list.len);
        size_t len = comma ? (size_t)(comma - list.at) : list.len;
        struct str tag = str_trim((struct str){list.at, len});

        if (str_starts(tag, STR("W/"))) tag = (struct str){tag.at + 2, tag.len - 2};
        if (str_eq(tag, opaque)) return true;
        list.at += len + (comma ? 1 : 0);
        list.len -= len + (comma ? 1 : 0);
    }
    return false;
}

bool reply_tag(struct request *rq, struct reply *rp, struct str opaque)
{
    struct str none_match = request_header_joined(rq, "if-none-match", STR(","));
    struct buf tag;

    buf_init(&tag, rq->arena, opaque.len + 8);
    buf_append(&tag, STR("W/\""));
    buf_append(&tag, opaque);
    buf_char(&tag, '"');
    if (tag.failed) return false;
    reply_header(rp, "ETag", buf_str(&tag));
    opaque = (struct str){tag.at + 2, tag.len - 2};
    if (!none_match.at || rq->method != METHOD_GET || !etag_listed(none_match, opaque))
        return false;
    reply_empty(rp, 304);
    return true;
}

bool reply_etag(struct request *rq, struct reply *rp, struct str id, int64_t version)
{
    struct buf opaque;

    buf_init(&opaque, rq->arena, id.len + 24);
    buf_append(&opaque, id);
    buf_char(&opaque, '-');
    buf_int(&opaque, version);
    return !opaque.failed && reply_tag(rq, rp, buf_str(&opaque));
}

void reply_next_page(struct request *rq, struct reply *rp, int64_t limit, struct str after)
{
    struct buf *out = &rp->headers;

    buf_append(out, STR("Link: <"));
    percent_encode(out, rq->path, "/");
    buf_append(out, STR("?limit="));
    buf_int(out, limit);
    buf_append(out, STR("&after="));
    percent_encode(out, after, "");
    buf_append(out, STR(">; rel=\"next\"\r\n"));
}

void reply_list_page(struct request *rq, struct reply *rp, const struct list_page *page)
{
    struct object_id_text last = object_id_text(page->last);

    if (page->count == page->limit) reply_next_page(rq, rp, page->limit, str_of(last.hex));
}

void reply_narrowed_page(struct request *rq, struct reply *rp, const struct list_page *page,
                         const char *const *names)
{
    struct object_id_text last = object_id_text(page->last);

    if (page->count == page->limit)
        reply_narrowed_next(rq, rp, page->limit, str_of(last.hex), names);
}

void reply_narrowed_next(struct request *rq, struct reply *rp, int64_t limit, struct str after,
                         const char *const *names)
{
    struct buf link;

    buf_init(&link, rq->arena, LINK_BYTES);
    buf_printf(&link, "<%.*s?limit=%lld", (int)rq->path.len, rq->path.at, (long long)limit);
    for (; *names; names++) {
        struct str value = request_query(rq, *names);

        if (value.at) buf_printf(&link, "&%s=", *names);
        if (value.at) percent_encode(&link, value, "");
    }
    buf_printf(&link, "&after=%.*s>; rel=\"next\"", (int)after.len, after.at);
    if (!link.failed) reply_header(rp, "Link", buf_str(&link));
}

static void reply_put_field_error(struct json_writer *writer, const struct field_error *error)
{
    json_begin_object(writer);
    json_member_text(writer, "message", str_of(error->message));
    json_member_text(writer, "field", str_of(error->field));
    json_member_text(writer, "code", str_of(error->code ? error->code : err_code(ERR_INVALID)));
    if (error->hint) {
        json_member_text(writer, "hint", str_of(error->hint));
    }
    json_end_object(writer);
}

static void reply_put_error(struct json_writer *writer, const struct request *rq, enum err err)
{
    json_begin_object(writer);
    json_member_text(writer, "message",
                     rq->error_message.len ? rq->error_message : str_of(err_message(err)));
    json_member_text(writer, "code", str_of(err_code(err)));
    if (rq->error_key) {
        json_key(writer, rq->error_key);
        json_put_raw(writer, rq->error_value);
    }
    json_end_object(writer);
}

void reply_error(struct request *rq, enum err err)
{
    struct reply *rp = &rq->reply;
    struct json_writer writer;

    ASSERT(err != OK && err < ERR_COUNT);
    /* Nothing the handler prepared goes out with its failure: no cookie, no tag, no stream. */
    if (rp->stream) rp->drop_stream(rp->stream);
    rp->stream = NULL;
    buf_reset(&rp->headers);
    writer = reply_json(rp, err_status(err));
    json_begin_object(&writer);
    json_key(&writer, "errors");
    json_begin_array(&writer);
    if (err == ERR_INVALID && rq->error_count) {
        for (size_t i = 0; i < rq->error_count; i++)
            reply_put_field_error(&writer, &rq->errors[i]);
    } else {
        reply_put_error(&writer, rq, err);
    }
    json_end_array(&writer);
    json_end_object(&writer);
    if (rp->status != 429 && rp->status != 503) return;
    buf_append(&rp->headers, STR("Retry-After: "));
    buf_int(&rp->headers, rq->retry_after_s > 0 ? rq->retry_after_s : 1);
    buf_append(&rp->headers, STR("\r\n"));
}
