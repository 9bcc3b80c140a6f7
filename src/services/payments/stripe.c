/* services/payments/stripe.c: Stripe's Charges and Refunds API (docs.stripe.com/api), as a
 * gateway. I/O by trade: it runs in payments' pool, never in a transaction.
 *
 * Only a clear answer decides anything. What is a time-out, a 5xx, a 409, a 429 or no answer of
 * Stripe's at all is unknown, and the caller asks again. */
#include "services/payments/gateway.h"

#include "base/json.h"
#include "base/percent.h"
#include "client/http_client.h"
#include "telemetry/log.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define CONNECT_MS      3000
#define TOTAL_MS        15000
#define ANSWER_MAX      (4 * 1024 * 1024)
#define ARENA_MAX       (32 * 1024 * 1024)
#define FORM_MAX        4096
#define URL_MAX         1024
#define HEADER_MAX      512
#define SPARE_CLIENTS   16
#define LIST_LIMIT      "100"
#define LIST_PAGES      3   /* a quick look … */
#define LIST_PAGES_MAX  200 /* … and a thorough one */
#define CLOCKS_DIFFER_S 300

/* What is asked of Stripe is written against this version of its API. */
#define API_VERSION "Stripe-Version: 2022-08-01"

struct stripe {
    struct gateway gateway;
    char base[HEADER_MAX];
    char authorization[HEADER_MAX];
    _Atomic(struct http_client *) spare[SPARE_CLIENTS]; /* each with its kept-alive connection */
};

static struct stripe stripe;

/* One call: what came of it, over an arena of its own. */
struct call {
    struct arena *arena;
    int status; /* 0: no answer */
    const struct json *body;
};

/* --- calling ------------------------------------------------------------------------------- */

static struct http_client *client_take(void)
{
    for (size_t i = 0; i < SPARE_CLIENTS; i++) {
        struct http_client *client = atomic_exchange(&stripe.spare[i], NULL);

        if (client) return client;
    }
    return http_client_new();
}

static void client_give(struct http_client *client)
{
    for (size_t i = 0; i < SPARE_CLIENTS; i++) {
        struct http_client *none = NULL;

        if (atomic_compare_exchange_strong(&stripe.spare[i], &none, client)) return;
    }
    http_client_free(client);
}

static void log_refusal(const char *path, int status)
{
    if (status == 401 || status == 403)
        log_event(LOG_ERROR, "payments", "stripe.key_refused", log_text("path", str_of(path)),
                  log_int("status", status));
}

/* Fills call; free its arena. trace: what it belongs to. key: idempotency, NULL for none. form:
 * NULL for a GET. */
static void ask(const char *path, const struct trace *trace, const char *key,
                const struct buf *form, struct call *call)
{
    struct http_client *client = client_take();
    struct http_client_answer answer;
    char url[URL_MAX], key_line[HEADER_MAX], trace_line[HEADER_MAX], trace_text[TRACE_TEXT_LEN];
    const char *headers[] = {stripe.authorization, API_VERSION, NULL, NULL, NULL, NULL};
    size_t count = 2;
    struct http_client_request request = {.method = form ? "POST" : "GET",
                                          .url = url,
                                          .headers = headers,
                                          .connect_ms_max = CONNECT_MS,
                                          .total_ms_max = TOTAL_MS,
                                          .answer_bytes_max = ANSWER_MAX};

    *call = (struct call){.arena = arena_new(ARENA_MAX)};
    snprintf(url, sizeof url, "%s%s", stripe.base, path);
    trace_format(trace, trace_text);
    snprintf(trace_line, sizeof trace_line, "traceparent: %.*s", TRACE_TEXT_LEN, trace_text);
    if (trace_known(trace)) headers[count++] = trace_line;
    if (form) {
        snprintf(key_line, sizeof key_line, "Idempotency-Key: %s", key);
        headers[count++] = "Content-Type: application/x-www-form-urlencoded";
        headers[count++] = key_line;
        request.body = buf_str(form);
    }
    if (client && call->arena && !(form && form->failed) &&
        http_client_ask(client, call->arena, &request, &answer) == HTTP_CLIENT_OK) {
        call->status = answer.status;
        call->body = json_parsed(call->arena, answer.body);
        log_refusal(path, answer.status);
    }
    if (client) client_give(client);
}

static void call_end(struct call *call)
{
    if (call->arena) arena_free(call->arena);
}

static void form_add(struct buf *form, const char *name, const char *value)
{
    if (form->len) buf_char(form, '&');
    buf_append(form, str_of(name));
    buf_char(form, '=');
    percent_encode(form, str_of(value), "");
}

/* --- answers ------------------------------------------------------------------------------- */

/* As much of the text as fits, whole characters only. */
static void copy_within(char *out, size_t size, const struct json *value)
{
    struct str text;

    out[0] = '\0';
    if (!json_text(value, &text)) return;
    if (text.len >= size) text.len = size - 1;
    while (text.len && !str_is_utf8(text))
        text.len--;
    memcpy(out, text.at, text.len);
    out[text.len] = '\0';
}

static void copy(char out[GATEWAY_TEXT_MAX], const struct json *value)
{
    copy_within(out, GATEWAY_TEXT_MAX, value);
}

static bool says(const struct json *object, const char *name, const char *wanted)
{
    struct str text;

    return json_text(json_get(object, name), &text) && str_eq(text, str_of(wanted));
}

/* Adds a refund object. What is pending is on its way through the banks and counts as given; should
 * it come back, it has failed. False: it is none, or there is no room. */
static bool add_refund(const struct json *refund, struct gateway_outcome *outcome)
{
    struct gateway_refund *out = &outcome->refunds[outcome->refund_count];

    if (outcome->refund_count == GATEWAY_REFUNDS_MAX || !says(refund, "object", "refund"))
        return false;
    copy_within(out->id, sizeof out->id, json_get(refund, "id"));
    if (!out->id[0] || !json_int64(json_get(refund, "amount"), &out->amount_cents) ||
        out->amount_cents <= 0)
        return false;
    out->failed = says(refund, "status", "failed") || says(refund, "status", "canceled");
    outcome->refund_count++;
    return true;
}

/* Those of a list object, newest first. */
static void add_refunds(const struct json *list, struct gateway_outcome *outcome)
{
    const struct json *data = json_get(list, "data");

    for (size_t i = 0; i < json_length(data); i++)
        (void)add_refund(json_at(data, i), outcome);
}

static bool has_refund_that_holds(const struct gateway_outcome *outcome)
{
    for (size_t i = 0; i < outcome->refund_count; i++)
        if (!outcome->refunds[i].failed) return true;
    return false;
}

/* A charge object as it stands, with the refunds it shows. */
static void read_charge(const struct json *charge, struct gateway_outcome *outcome)
{
    bool refunded = false;

    outcome->kind = GATEWAY_UNKNOWN;
    copy(outcome->id, json_get(charge, "id"));
    if (!says(charge, "object", "charge") || !outcome->id[0]) return;
    if (says(charge, "status", "failed")) {
        outcome->kind = GATEWAY_DECLINED;
        copy(outcome->reason, json_get(charge, "failure_message"));
    }
    if (!says(charge, "status", "succeeded")) return;
    outcome->kind = GATEWAY_DONE;
    add_refunds(json_get(charge, "refunds"), outcome);
    (void)json_bool(json_get(charge, "refunded"), &refunded);
    if (refunded && !has_refund_that_holds(outcome)) outcome->kind = GATEWAY_UNKNOWN;
}

/* An answer that is no success. */
static void read_error(const struct call *call, struct gateway_outcome *outcome)
{
    const struct json *error = json_get(call->body, "error");

    outcome->kind = GATEWAY_UNKNOWN;
    if (call->status == 402 && says(error, "type", "card_error"))
        outcome->kind = GATEWAY_DECLINED;
    else if ((call->status == 400 || call->status == 404) &&
             says(error, "type", "invalid_request_error"))
        outcome->kind = GATEWAY_REFUSED;
    else
        return;
    copy(outcome->reason, json_get(error, "message"));
    if (outcome->kind == GATEWAY_REFUSED && says(error, "param", "source"))
        outcome->reason[0] = '\0'; /* the token is wrong */
    else if (!outcome->reason[0])
        snprintf(outcome->reason, sizeof outcome->reason, "The payment was not taken.");
}

static bool succeeded(const struct call *call)
{
    return call->status >= 200 && call->status < 300;
}

/* Ends the call; when nothing is clear, says why. */
static void conclude(struct call *call, struct gateway_outcome *outcome)
{
    if (outcome->kind == GATEWAY_UNKNOWN && call->status)
        snprintf(outcome->reason, sizeof outcome->reason, "status %d", call->status);
    else if (outcome->kind == GATEWAY_UNKNOWN)
        snprintf(outcome->reason, sizeof outcome->reason, "no answer");
    call_end(call);
}

/* --- the gateway --------------------------------------------------------------------------- */

static void metadata_add(struct buf *form, const struct gateway_charge *charge)
{
    form_add(form, "metadata[order_id]", object_id_text(charge->order_id).hex);
    form_add(form, "metadata[charge_id]", object_id_text(charge->key).hex);
}

static void stripe_charge(const struct gateway *gateway, const struct gateway_charge *charge,
                          struct gateway_outcome *outcome)
{
    struct object_id_text key = object_id_text(charge->key);
    char amount[24], words[64];
    struct buf form;
    struct call call;

    (void)gateway;
    *outcome = (struct gateway_outcome){.kind = GATEWAY_UNKNOWN};
    snprintf(amount, sizeof amount, "%lld", (long long)charge->amount_cents);
    snprintf(words, sizeof words, "Order %s", object_id_text(charge->order_id).hex);
    buf_init(&form, NULL, FORM_MAX);
    form_add(&form, "amount", amount);
    form_add(&form, "currency", "usd");
    form_add(&form, "source", charge->token);
    form_add(&form, "description", words);
    metadata_add(&form, charge);
    ask("/v1/charges", &charge->trace, key.hex, &form, &call);
    if (succeeded(&call))
        read_charge(call.body, outcome);
    else
        read_error(&call, outcome);
    conclude(&call, outcome);
    buf_free(&form);
}

/* The newest refunds or disputes of the charge. Without them nothing is clear. */
static void find_list(const char *of, int max, const struct gateway_charge *charge,
                      struct gateway_outcome *outcome,
                      void (*add)(const struct json *, struct gateway_outcome *))
{
    char path[URL_MAX];
    struct call call;

    snprintf(path, sizeof path, "/v1/%s?charge=%s&limit=%d", of, charge->id, max);
    ask(path, &charge->trace, NULL, NULL, &call);
    if (succeeded(&call) && json_type(json_get(call.body, "data")) == JSON_ARRAY)
        add(call.body, outcome);
    else
        outcome->kind = GATEWAY_UNKNOWN;
    conclude(&call, outcome);
}

/* Those of a list object. "warning" is an inquiry, which took no money. */
static void add_disputes(const struct json *list, struct gateway_outcome *outcome)
{
    const struct json *data = json_get(list, "data");

    for (size_t i = 0; i < json_length(data); i++) {
        const struct json *dispute = json_at(data, i);
        struct gateway_dispute *out = &outcome->disputes[outcome->dispute_count];

        if (outcome->dispute_count == GATEWAY_DISPUTES_MAX) return;
        copy_within(out->id, sizeof out->id, json_get(dispute, "id"));
        if (!out->id[0] || !json_int64(json_get(dispute, "amount"), &out->amount_cents) ||
            out->amount_cents <= 0)
            continue;
        out->status = DISPUTE_OPEN;
        if (says(dispute, "status", "lost")) out->status = DISPUTE_LOST;
        if (says(dispute, "status", "won") || says(dispute, "status", "warning_closed") ||
            says(dispute, "status", "charge_refunded"))
            out->status = DISPUTE_WON;
        outcome->dispute_count++;
    }
}

static void find_by_id(const struct gateway_charge *charge, struct gateway_outcome *outcome)
{
    bool disputed = false, more = false;
    char path[URL_MAX];
    struct call call;

    snprintf(path, sizeof path, "/v1/charges/%s?expand%%5B%%5D=refunds", charge->id);
    ask(path, &charge->trace, NULL, NULL, &call);
    if (succeeded(&call))
        read_charge(call.body, outcome);
    else if (call.status == 404 && json_get(call.body, "error"))
        outcome->kind = GATEWAY_ABSENT;
    (void)json_bool(json_get(call.body, "disputed"), &disputed);
    (void)json_bool(json_get_path(call.body, "refunds.has_more"), &more);
    conclude(&call, outcome);
    if (outcome->kind == GATEWAY_DONE && more) {
        outcome->refund_count = 0;
        find_list("refunds", GATEWAY_REFUNDS_MAX, charge, outcome, add_refunds);
    }
    if (outcome->kind == GATEWAY_DONE && disputed)
        find_list("disputes", GATEWAY_DISPUTES_MAX, charge, outcome, add_disputes);
}

/* A charge of which Stripe says that it was given back. When it does not show that, nothing is
 * certain. */
static void find_refunded(const struct gateway_charge *charge, struct gateway_outcome *outcome)
{
    find_by_id(charge, outcome);
    if (outcome->kind == GATEWAY_DONE && !has_refund_that_holds(outcome))
        outcome->kind = GATEWAY_UNKNOWN;
}

static void read_refund(const struct call *call, const struct gateway_charge *charge,
                        struct gateway_outcome *outcome)
{
    if (!add_refund(call->body, outcome)) return;
    if (outcome->refunds[0].failed) {
        outcome->kind = GATEWAY_REFUSED;
        snprintf(outcome->reason, sizeof outcome->reason, "The refund failed.");
        return;
    }
    outcome->kind = GATEWAY_DONE;
    snprintf(outcome->id, sizeof outcome->id, "%s", charge->id);
}

static void stripe_refund(const struct gateway *gateway, const struct gateway_charge *charge,
                          struct gateway_outcome *outcome)
{
    char key[HEADER_MAX];
    struct buf form;
    struct call call;

    (void)gateway;
    *outcome = (struct gateway_outcome){.kind = GATEWAY_UNKNOWN};
    snprintf(key, sizeof key, "%s-refund-%lld", object_id_text(charge->key).hex,
             (long long)charge->refunds);
    buf_init(&form, NULL, FORM_MAX);
    form_add(&form, "charge", charge->id);
    metadata_add(&form, charge);
    ask("/v1/refunds", &charge->trace, key, &form, &call);
    if (succeeded(&call))
        read_refund(&call, charge, outcome);
    else if (says(json_get(call.body, "error"), "code", "charge_already_refunded"))
        find_refunded(charge, outcome);
    else
        read_error(&call, outcome);
    conclude(&call, outcome);
    buf_free(&form);
}

/* --- looking for a charge whose id never came ---------------------------------------------- */

static bool is_ours(const struct json *charge, const char *key)
{
    return says(json_get(charge, "metadata"), "charge_id", key);
}

/* One page of charges made around that time, newest first. True: go on after `last`. */
static bool list_page(const struct gateway_charge *charge, const char *key,
                      char last[GATEWAY_TEXT_MAX], struct gateway_outcome *outcome)
{
    char path[URL_MAX];
    const struct json *data;
    struct call call;
    bool more = false;

    snprintf(path, sizeof path, "/v1/charges?limit=" LIST_LIMIT "&created%%5Bgte%%5D=%lld%s%s",
             (long long)(wall_seconds(charge->created_at) - CLOCKS_DIFFER_S),
             last[0] ? "&starting_after=" : "", last);
    ask(path, &charge->trace, NULL, NULL, &call);
    data = json_get(call.body, "data");
    if (succeeded(&call) && json_type(data) == JSON_ARRAY) {
        outcome->kind = GATEWAY_ABSENT;
        (void)json_bool(json_get(call.body, "has_more"), &more);
        copy(last, json_get(json_at(data, json_length(data) - 1), "id"));
        more = more && last[0];
        for (size_t i = 0; i < json_length(data); i++) {
            if (!is_ours(json_at(data, i), key)) continue;
            more = false;
            read_charge(json_at(data, i), outcome);
        }
    } else {
        outcome->kind = GATEWAY_UNKNOWN;
    }
    conclude(&call, outcome);
    return more;
}

static void stripe_find(const struct gateway *gateway, const struct gateway_charge *charge,
                        struct gateway_outcome *outcome)
{
    struct object_id_text key = object_id_text(charge->key);
    char last[GATEWAY_TEXT_MAX] = "";
    int pages = charge->thorough ? LIST_PAGES_MAX : LIST_PAGES;
    bool more = true;

    (void)gateway;
    *outcome = (struct gateway_outcome){.kind = GATEWAY_UNKNOWN};
    if (charge->id[0]) {
        find_by_id(charge, outcome);
        return;
    }
    while (more && pages-- > 0)
        more = list_page(charge, key.hex, last, outcome);
    if (more) outcome->kind = GATEWAY_UNKNOWN; /* not on the pages looked at */
}

const struct gateway *gateway_stripe_open(const char *key, const char *base)
{
    stripe.gateway = (struct gateway){stripe_charge, stripe_refund, stripe_find};
    snprintf(stripe.base, sizeof stripe.base, "%s", base);
    snprintf(stripe.authorization, sizeof stripe.authorization, "Authorization: Bearer %s", key);
    return &stripe.gateway;
}

void gateway_stripe_close(void)
{
    for (size_t i = 0; i < SPARE_CLIENTS; i++)
        http_client_free(atomic_exchange(&stripe.spare[i], NULL));
    memset(&stripe, 0, sizeof stripe);
}
