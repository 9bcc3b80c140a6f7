/* http/reply.c: building an answer: JSON, text, headers, ETag, Link, errors. */
#include "http/internal.h"

static void reply_begin(struct reply *rp, int status, const char *content_type)
{
    ASSERT(status >= 200 && status <= 599);
    rp->status = status;
    rp->content_type = content_type;
    rp->no_body = false;
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

bool reply_etag(struct request *rq, struct reply *rp, struct str id, int64_t version)
{
    struct str none_match = request_header_joined(rq, "if-none-match", STR(","));
    struct buf tag;
    struct str opaque;

    buf_init(&tag, rq->arena, id.len + 32);
    buf_append(&tag, STR("W/\""));
    buf_append(&tag, id);
    buf_char(&tag, '-');
    buf_int(&tag, version);
    buf_char(&tag, '"');
    if (tag.failed) return false;
    reply_header(rp, "ETag", buf_str(&tag));
    opaque = (struct str){tag.at + 2, tag.len - 2};
    if (!none_match.at || rq->method != METHOD_GET || !etag_listed(none_match, opaque))
        return false;
    reply_empty(rp, 304);
    return true;
}

/* Escapes all but what RFC 3986 lets a path carry in any position, and the slashes. */
static void append_escaped(struct buf *out, struct str text, bool slashes)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
                     c == '-' || c == '.' || c == '_' || c == '~' || (slashes && c == '/');

        if (plain) {
            buf_char(out, (char)c);
            continue;
        }
        buf_char(out, '%');
        buf_char(out, hex[c >> 4]);
        buf_char(out, hex[c & 15]);
    }
}

void reply_next_page(struct request *rq, struct reply *rp, int64_t limit, struct str after)
{
    struct buf *out = &rp->headers;

    buf_append(out, STR("Link: <"));
    append_escaped(out, rq->path, true);
    buf_append(out, STR("?limit="));
    buf_int(out, limit);
    buf_append(out, STR("&after="));
    append_escaped(out, after, false);
    buf_append(out, STR(">; rel=\"next\"\r\n"));
}

static void put_error(struct json_writer *writer, struct str message, const char *field,
                      const char *code)
{
    json_begin_object(writer);
    json_key(writer, "message");
    json_put_text(writer, message);
    if (field) {
        json_key(writer, "field");
        json_put_text(writer, str_of(field));
    }
    json_key(writer, "code");
    json_put_text(writer, str_of(code));
    json_end_object(writer);
}

void reply_error(struct request *rq, enum err err)
{
    struct reply *rp = &rq->reply;
    struct str message = rq->error_message;
    struct json_writer writer;

    ASSERT(err != OK && err < ERR_COUNT);
    /* Nothing the handler prepared goes out with its failure: no cookie, no tag, no stream. */
    if (rp->stream) stream_drop(rp->stream);
    rp->stream = NULL;
    buf_reset(&rp->headers);
    writer = reply_json(rp, err_status(err));
    json_begin_object(&writer);
    json_key(&writer, "errors");
    json_begin_array(&writer);
    if (err == ERR_INVALID && rq->error_count) {
        for (size_t i = 0; i < rq->error_count; i++)
            put_error(&writer, str_of(rq->errors[i].message), rq->errors[i].field, err_code(err));
    } else {
        if (!message.len) message = str_of(err_message(err));
        put_error(&writer, message, NULL, err_code(err));
    }
    json_end_array(&writer);
    json_end_object(&writer);
    if (rp->status != 429 && rp->status != 503) return;
    buf_append(&rp->headers, STR("Retry-After: "));
    buf_int(&rp->headers, rq->retry_after_s > 0 ? rq->retry_after_s : 1);
    buf_append(&rp->headers, STR("\r\n"));
}
