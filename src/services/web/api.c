/* services/web/api.c: the API's answers as the pages want them, and what is sent to it. */
#include "services/web/web.h"

#include "base/money.h"

#define BODY_MAX     65536
#define NUMBER_CHARS 9 /* on the face of a ticket */

bool api_ok(struct request *rq, const struct json **out)
{
    if (out) *out = json_parse(rq->arena, rq->call.answer);
    return rq->call.status >= 200 && rq->call.status < 300;
}

static struct str text_of(const struct json *object, const char *name)
{
    struct str text = {"", 0};

    json_text(json_get(object, name), &text);
    return text;
}

struct str api_error(struct request *rq, const char *field)
{
    const struct json *errors = json_get(json_parse(rq->arena, rq->call.answer), "errors");

    for (size_t i = 0; i < json_length(errors); i++) {
        const struct json *error = json_at(errors, i);

        if (str_eq(text_of(error, "field"), str_of(field))) return text_of(error, "message");
    }
    return STR("");
}

struct str api_code(struct request *rq)
{
    const struct json *errors = json_get(json_parse(rq->arena, rq->call.answer), "errors");

    return text_of(json_at(errors, 0), "code");
}

/* Link: <…&after=ID>; rel="next" */
struct str api_next(const struct request *rq)
{
    struct str headers = rq->call.headers;
    const char *link = memmem(headers.at, headers.len, "after=", 6);
    size_t left = link ? headers.len - (size_t)(link - headers.at) : 0;
    struct object_id id;

    if (left < 6 + OBJECT_ID_HEX) return STR("");
    if (!object_id_parse((struct str){link + 6, OBJECT_ID_HEX}, &id)) return STR("");
    return (struct str){link + 6, OBJECT_ID_HEX};
}

/* --- tickets ---------------------------------------------------------------------------------- */

static struct str price_text(struct request *rq, int64_t cents, const char *before)
{
    struct buf text;

    buf_init(&text, rq->arena, 32);
    buf_append(&text, str_of(before));
    if (cents % 100)
        buf_printf(&text, "%lld.%02lld", (long long)(cents / 100), (long long)(cents % 100));
    else
        buf_int(&text, cents / 100);
    return text.failed ? STR("") : buf_str(&text);
}

/* What is printed on it: "2E3F-00A1", of its second and its number within it. */
static struct str number_of(struct request *rq, struct str id)
{
    char *number = arena_alloc(rq->arena, NUMBER_CHARS);

    if (!number) return STR("");
    for (size_t i = 0; i < NUMBER_CHARS; i++) {
        char c = i < 4 ? id.at[4 + i] : id.at[OBJECT_ID_HEX - NUMBER_CHARS + i];

        number[i] = i == 4 ? '-' : c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    }
    return (struct str){number, NUMBER_CHARS};
}

/* Tickets differ in colour, and each keeps its own. */
static const char *hue_of(struct str id)
{
    static const char *const hues[] = {"hue-0", "hue-1", "hue-2", "hue-3",
                                       "hue-4", "hue-5", "hue-6", "hue-7"};
    uint32_t hash = str_hash(STR_HASH, id);

    return hues[(hash ^ hash >> 15) & 7];
}

bool api_ticket(struct request *rq, const struct json *json, struct ticket_view *out)
{
    double dollars = 0;
    int64_t cents = 0;
    bool sold = false;

    memset(out, 0, sizeof *out);
    out->id = text_of(json, "id");
    out->title = text_of(json, "title");
    out->user_id = text_of(json, "userId");
    out->order_id = text_of(json, "orderId");
    if (out->id.len != OBJECT_ID_HEX || !json_double(json_get(json, "price"), &dollars))
        return false;
    if (!price_from_double(dollars, &cents)) return false;
    json_int64(json_get(json, "version"), &out->version);
    json_bool(json_get(json, "sold"), &sold);
    out->sold = sold;
    out->reserved = !sold && out->order_id.len > 0;
    out->on_sale = !sold && !out->reserved;
    out->number = number_of(rq, out->id);
    out->price = price_text(rq, cents, "$");
    out->price_value = price_text(rq, cents, "");
    out->hue = hue_of(out->id);
    out->price_field = (struct field){"price", out->price_value, STR("")};
    return true;
}

/* --- orders ---------------------------------------------------------------------------------- */

static struct str iso_text(struct request *rq, int64_t time_ms)
{
    char *text = arena_alloc(rq->arena, ISO8601_LEN + 1);

    if (!text) return STR("");
    iso8601_format(time_ms, text);
    return (struct str){text, ISO8601_LEN};
}

/* "14:05 UTC"; scripts show the visitor's own time. */
static struct str clock_text(struct request *rq, struct str iso)
{
    return iso.len == ISO8601_LEN ? path_of(rq, "", (struct str){iso.at + 11, 5}, " UTC") : iso;
}

static void take_payment(const struct json *payment, struct order_view *out)
{
    struct str status = text_of(payment, "status");

    out->payment_id = text_of(payment, "stripeId");
    out->refund_id = text_of(payment, "refundId");
    out->refunded = str_eq(status, STR("refunded"));
    out->refunding = !out->refunded && str_starts(status, STR("refund"));
    if (str_eq(status, STR("pending")) && out->open) {
        out->paying = true;
        out->open = false;
    }
}

bool api_order(struct request *rq, const struct json *json, struct order_view *out)
{
    int64_t now_ms = env_now_ms(rq->env), expires_at_ms = 0;
    struct str status = text_of(json, "status");

    memset(out, 0, sizeof *out);
    out->id = text_of(json, "id");
    out->expires_at = text_of(json, "expiresAt");
    if (out->id.len != OBJECT_ID_HEX || !api_ticket(rq, json_get(json, "ticket"), &out->ticket) ||
        !iso8601_parse(out->expires_at, &expires_at_ms))
        return false;
    out->expires_text = clock_text(rq, out->expires_at);
    out->now = iso_text(rq, now_ms);
    out->left_s = expires_at_ms > now_ms ? (expires_at_ms - now_ms + 999) / 1000 : 0;
    out->hold_s = rq->env->settings->order_expiration_ms / 1000;
    if (out->hold_s < out->left_s) out->hold_s = out->left_s;
    out->open = str_eq(status, STR("created"));
    out->paying = str_eq(status, STR("awaiting:payment"));
    out->paid = str_eq(status, STR("complete"));
    out->cancelled = str_eq(status, STR("cancelled"));
    out->expired = out->cancelled && expires_at_ms <= now_ms;
    take_payment(json_get(json, "payment"), out);
    out->ticket.on_sale = false; /* it is the visitor's matter now, and drawn in full colour */
    return true;
}

/* --- questions ------------------------------------------------------------------------------- */

struct str api_body_of(struct request *rq, const struct api_text *texts, size_t count)
{
    struct buf body;
    struct json_writer json = json_writer_to(&body);

    buf_init(&body, rq->arena, BODY_MAX);
    json_begin_object(&json);
    for (size_t i = 0; i < count; i++) {
        json_key(&json, texts[i].name);
        json_put_text(&json, texts[i].value);
    }
    json_end_object(&json);
    return body.failed ? STR("{}") : buf_str(&body);
}

struct str api_price(struct request *rq, struct str typed)
{
    struct buf plain;

    buf_init(&plain, rq->arena, BODY_MAX);
    for (size_t i = 0; i < typed.len; i++)
        if (!strchr("$ \t", typed.at[i])) buf_char(&plain, typed.at[i]);
    return plain.failed ? typed : buf_str(&plain);
}

struct str api_path_id(struct request *rq, size_t index)
{
    struct object_id id;
    struct object_id_text text;

    if (request_path_id(rq, index, &id) != OK) return STR("");
    text = object_id_text(id);
    return arena_copy(rq->arena, str_of(text.hex));
}

struct str api_list(struct request *rq, const char *path, int limit)
{
    struct str after = request_query(rq, "after");
    struct object_id id;
    struct buf target;

    buf_init(&target, rq->arena, 256);
    buf_printf(&target, "%s?limit=%d", path, limit);
    if (after.len && object_id_parse(after, &id)) {
        buf_append(&target, STR("&after="));
        buf_append(&target, after);
    }
    return target.failed ? str_of(path) : buf_str(&target);
}
