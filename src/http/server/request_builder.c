/* http/server/request_builder.c: see http/server/request_builder.h. */
#include "http/server/request_builder.h"

#include "http/server/request_checks.h"

enum err builder_target(struct exchange *exchange, struct str piece)
{
    enum err err = header_table_append(&exchange->head, piece);

    exchange->head.target_len = (uint16_t)exchange->head.len;
    return err;
}

enum err builder_name(struct exchange *exchange, struct str piece)
{
    struct header_table *head = &exchange->head;
    struct header *header;
    enum err err;

    if (exchange->head_done) return OK; /* a trailer: nothing of ours reads them */
    if (head->count == 0 || head->in_value) {
        if (head->count == HEADER_COUNT_MAX) return ERR_HEADERS_TOO_LARGE;
        head->at[head->count++] = (struct header){.name_at = (uint16_t)head->len};
        head->in_value = false;
    }
    TRY(header_table_append(head, piece));
    header = &head->at[head->count - 1];
    header->name_len = (uint16_t)(header->name_len + piece.len);
    head->lengths |= header_length_bit(header->name_len);
done:
    return err;
}

enum err builder_value(struct exchange *exchange, struct str piece)
{
    struct header_table *head = &exchange->head;
    struct header *header;
    enum err err;

    if (exchange->head_done) return OK;
    ASSERT(head->count > 0);
    header = &head->at[head->count - 1];
    if (!head->in_value) header->value_at = (uint16_t)head->len;
    head->in_value = true;
    TRY(header_table_append(head, piece));
    header->value_len = (uint16_t)(header->value_len + piece.len);
done:
    return err;
}

/* RFC 3986 section 3.2: a name or address, with or without a port. */
static bool is_authority(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) continue;
        if (!c || !strchr("-._~!$&'()*+,;=%:[]", c)) return false;
    }
    return text.len > 0;
}

/* RFC 9112 section 3.2: one Host, or the request is bad; section 6.1: chunked is the only transfer
 * coding we know. RFC 9110 section 10.1.1: Expect. */
static enum err head_check(struct exchange *exchange)
{
    const struct header_table *head = &exchange->head;
    size_t hosts = 0, codings = 0;

    for (size_t i = 0; i < head->count; i++) {
        struct str name = header_name(head, i);

        if (name.len == 4 && str_eq_nocase(name, STR("host"))) {
            hosts++;
            if (!is_authority(header_value(head, i))) return ERR_BAD_REQUEST;
        } else if (name.len == 17 && str_eq_nocase(name, STR("transfer-encoding"))) {
            if (!str_eq_nocase(header_value(head, i), STR("chunked"))) return ERR_BAD_REQUEST;
            codings++;
        } else if (name.len == 6 && !exchange->http10 && str_eq_nocase(name, STR("expect"))) {
            if (!str_eq_nocase(header_value(head, i), STR("100-continue"))) return ERR_EXPECTATION;
            exchange->waiting_for_continue = true;
        }
    }
    if (hosts > 1 || (hosts == 0 && !exchange->http10)) return ERR_BAD_REQUEST;
    if (codings > (exchange->http10 ? 0 : 1)) return ERR_BAD_REQUEST;
    return OK;
}

enum err builder_head(struct exchange *exchange, const struct parsed_head *parsed)
{
    enum err err;

    exchange->head_done = true;
    exchange->rq.method = parsed->method;
    exchange->rq.head_only = parsed->head_only;
    if (parsed->major != 1) return ERR_BAD_REQUEST;
    exchange->http10 = parsed->minor == 0;
    exchange->keep_alive = parsed->keep_alive;
    exchange->chunked = parsed->chunked;
    exchange->length = parsed->length;
    TRY(request_takes_body(exchange, exchange->length));
    err = head_check(exchange);
    if (err) exchange->waiting_for_continue = false;
done:
    return err;
}

enum err builder_chunk(struct exchange *exchange, uint64_t len)
{
    return request_takes_body(exchange, len > HTTP_LARGE_BODY_MAX ? len : exchange->body.len + len);
}

enum err builder_body(struct exchange *exchange, struct str piece)
{
    enum err err;

    TRY(request_takes_body(exchange, exchange->body.len + piece.len));
    buf_append(&exchange->body, piece);
    if (exchange->body.failed) err = ERR_MEMORY;
done:
    return err;
}
