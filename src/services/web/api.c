/* services/web/api.c: the API's answers as the pages want them, and what is sent to it. */
#include "services/web/api.h"

#include "html/escape.h"

#include "base/clock.h"
#include "runtime/service.h"
#include "services/web/page_input.h"
#include "services/web/page_text.h"

#define BODY_MAX     65536
#define NUMBER_CHARS 9 /* on the face of a ticket */

bool api_ok(struct request *rq, const struct json **out)
{
    if (out) *out = json_parsed(rq->arena, rq->call.answer);
    return rq->call.status >= 200 && rq->call.status < 300;
}

static struct str member_text(const struct json *object, const char *name)
{
    struct str text = {"", 0};

    json_text(json_get(object, name), &text);
    return text;
}

struct str api_error(struct request *rq, const char *field)
{
    const struct json *errors = json_get(json_parsed(rq->arena, rq->call.answer), "errors");

    for (size_t i = 0; i < json_length(errors); i++) {
        const struct json *error = json_at(errors, i);

        if (!str_eq(member_text(error, "field"), str_of(field))) continue;
        return arena_copy(rq->arena,
                          member_text(error, member_text(error, "hint").len ? "hint" : "message"));
    }
    return STR("");
}

struct str api_code(struct request *rq)
{
    const struct json *errors = json_get(json_parsed(rq->arena, rq->call.answer), "errors");

    return member_text(json_at(errors, 0), "code");
}

/* Link: <…&after=ID>; rel="next" */
struct str api_next(const struct request *rq)
{
    struct str link = str_header(rq->call.headers, STR("Link"));
    const char *at = link.at ? memmem(link.at, link.len, "after=", 6) : NULL;
    size_t left = at ? link.len - (size_t)(at + 6 - link.at) : 0, len = 0;

    while (len < left && at[6 + len] != '>' && at[6 + len] != '&')
        len++;
    return len ? (struct str){at + 6, len} : STR("");
}

const struct json *api_error_member(struct request *rq, const char *name)
{
    const struct json *errors = json_get(json_parsed(rq->arena, rq->call.answer), "errors");

    return json_get(json_at(errors, 0), name);
}

/* --- tickets ---------------------------------------------------------------------------------- */

const char *price_size(struct str price)
{
    return price.len > 9 ? "sum-11" : price.len > 7 ? "sum-9" : "";
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

const char *api_hue(struct str id)
{
    static const char *const hues[] = {"hue-0", "hue-1", "hue-2", "hue-3",
                                       "hue-4", "hue-5", "hue-6", "hue-7"};
    uint32_t hash = str_hash(STR_HASH, id);

    return hues[(hash ^ hash >> 15) & 7];
}

bool api_ticket(struct request *rq, const struct json *json, struct ticket_view *out)
{
    int64_t cents;
    bool sold = false, withdrawn = false;

    memset(out, 0, sizeof *out);
    out->id = member_text(json, "id");
    out->title = member_text(json, "title");
    out->user_id = member_text(json, "userId");
    out->order_id = member_text(json, "orderId");
    if (out->id.len != OBJECT_ID_HEX || !json_price(json_get(json, "price"), &cents)) return false;
    json_int64(json_get(json, "version"), &out->version);
    json_bool(json_get(json, "sold"), &sold);
    out->sold = sold;
    out->reserved = !sold && out->order_id.len > 0;
    json_bool(json_get(json, "withdrawn"), &withdrawn);
    out->withdrawn = withdrawn;
    out->listing_id = member_text(json, "listingId");
    out->removable = !sold && !out->reserved && !withdrawn;
    out->editable = out->removable && !out->listing_id.len;
    out->not_on_sale = member_text(json_get(json, "notOnSale"), "hint");
    out->on_sale = out->removable && !out->not_on_sale.len;
    out->number = number_of(rq, out->id);
    out->price = page_money(rq, cents);
    out->price_value = page_price_input(rq, cents);
    out->price_size = price_size(out->price);
    out->hue = api_hue(out->id);
    out->input_id = path_of(rq, "p", out->id, "");
    out->price_field = (struct field){.name = "price", .value = out->price_value};
    return true;
}

/* --- orders ---------------------------------------------------------------------------------- */

static struct str iso_text(struct request *rq, struct wall_ms time)
{
    char *text = arena_alloc(rq->arena, ISO8601_LEN + 1);

    if (!text) return STR("");
    iso8601_format(time, text);
    return (struct str){text, ISO8601_LEN};
}

/* Rounded; empty: about one. */
static struct str minutes_text(struct request *rq, int64_t left_s)
{
    return left_s < 90 ? STR("") : page_number(rq, (left_s + 30) / 60);
}

/* "14:05 UTC"; scripts show the visitor's own time. */
static struct str clock_text(struct request *rq, struct str iso)
{
    return iso.len == ISO8601_LEN ? path_of(rq, "", (struct str){iso.at + 11, 5}, " UTC") : iso;
}

static void take_payment(const struct json *payment, struct order_view *out)
{
    struct str status = member_text(payment, "status");

    out->payment_id = member_text(payment, "stripeId");
    out->refund_id = member_text(payment, "refundId");
    out->refunded = str_eq(status, STR("refunded"));
    out->refund_failed = str_eq(status, STR("refund_failed"));
    out->refunding = str_eq(status, STR("refund_pending"));
    if (str_eq(status, STR("pending")) && out->open) {
        out->paying = true;
        out->open = false;
    }
}

/* Those of an order of several, which is shown at what it costs. */
static bool take_ordered(struct request *rq, const struct json *json, struct order_view *out)
{
    const struct json *list = json_get(json, "tickets");
    size_t count = json_length(list);
    struct ordered_ticket_view *tickets;
    int64_t cents;

    if (count < 2) return true;
    tickets = arena_alloc(rq->arena, count * sizeof *tickets);
    if (!tickets || !json_price(json_get(json, "total"), &cents)) return false;
    out->ticket.price = page_money(rq, cents);
    out->ticket.price_size = price_size(out->ticket.price);
    out->ticket.several = true;
    out->others = page_number(rq, (int64_t)count - 1);
    for (size_t i = 0; i < count; i++) {
        const struct json *ticket = json_at(list, i);

        if (!json_price(json_get(ticket, "price"), &cents)) return false;
        tickets[i] = (struct ordered_ticket_view){
            member_text(ticket, "id"), member_text(ticket, "title"), page_money(rq, cents)};
    }
    out->tickets.at = tickets;
    out->tickets.count = count;
    return true;
}

bool api_order(struct request *rq, const struct json *json, struct order_view *out)
{
    struct wall_ms now = env_now(rq->run->env), expires_at;
    struct str status = member_text(json, "status");

    memset(out, 0, sizeof *out);
    out->id = member_text(json, "id");
    out->expires_at = member_text(json, "expiresAt");
    if (out->id.len != OBJECT_ID_HEX || !api_ticket(rq, json_get(json, "ticket"), &out->ticket) ||
        !take_ordered(rq, json, out) || !iso8601_parse(out->expires_at, &expires_at))
        return false;
    out->expires_text = clock_text(rq, out->expires_at);
    out->now = iso_text(rq, now);
    out->left_s = wall_reached(now, expires_at) ? 0 : (wall_since(expires_at, now) + 999) / 1000;
    out->left = page_left(rq, out->left_s);
    out->minutes = minutes_text(rq, out->left_s);
    out->day = page_day(rq, out->id);
    out->hold_s = rq->run->env->settings->order_expiration_ms / 1000;
    if (out->hold_s < out->left_s) out->hold_s = out->left_s;
    out->open = str_eq(status, STR("created"));
    out->paying = str_eq(status, STR("awaiting:payment"));
    out->paid = str_eq(status, STR("complete"));
    out->of_listing = json_get(json, "listingId") != NULL;
    out->cancelled = str_eq(status, STR("cancelled"));
    out->expired = out->cancelled && wall_reached(now, expires_at);
    take_payment(json_get(json, "payment"), out);
    out->ticket.on_sale = false; /* it is the visitor's matter now, and drawn in full colour */
    return true;
}

/* --- questions ------------------------------------------------------------------------------- */

struct str api_body_of(struct request *rq, const struct api_text *texts, size_t count)
{
    struct buf body;
    struct json_writer json = json_writer_to(&body);
    int64_t number;

    buf_init(&body, rq->arena, BODY_MAX);
    json_begin_object(&json);
    for (size_t i = 0; i < count; i++) {
        json_key(&json, texts[i].name);
        if (texts[i].is_number && str_to_int64(texts[i].value, &number))
            json_put_int(&json, number);
        else
            json_put_text(&json, texts[i].value);
    }
    json_end_object(&json);
    return body.failed ? STR("{}") : buf_str(&body);
}

int64_t api_retry_s(const struct request *rq)
{
    int64_t seconds;

    return str_to_int64(str_header(rq->call.headers, STR("Retry-After")), &seconds) ? seconds : 1;
}

void api_parameter(struct buf *path, const char *name, struct str value)
{
    if (!value.len) return;
    buf_printf(path, "&%s=", name);
    put_address_part(path, value);
}

struct str api_queried(struct buf *path, size_t query)
{
    if (path->failed) return STR("");
    if (path->len > query) path->at[query] = '?';
    return buf_str(path);
}

struct str api_list(struct request *rq, const char *path, int limit)
{
    struct buf target;

    buf_init(&target, rq->arena, 256);
    buf_printf(&target, "%s?limit=%d", path, limit);
    if (page_after(rq).len) {
        buf_append(&target, STR("&after="));
        buf_append(&target, page_after(rq));
    }
    return target.failed ? str_of(path) : buf_str(&target);
}

void api_pass_header(const struct request *rq, struct reply *rp, const char *name)
{
    struct str rest = rq->call.headers, value;

    while (str_header_next(&rest, str_of(name), &value))
        reply_header(rp, name, value);
}
