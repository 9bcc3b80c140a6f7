/* Any bytes as a card processor's answers. Promise: money counts as taken only on a success that
 * names a charge, as given back only when it names a refund; every text is whole UTF-8; and looking
 * for a charge ends, however long the processor says its list is.
 *
 * Input: a byte, the call; a byte, the first answer's status and that of all others; the answers,
 * '\n' parts them, the last one goes on. */
#include "fuzz.h"
#include "telemetry/log.h"
#include "client/http_client.h"
#include "services/payments/gateway.h"

#include <stdio.h>

#define CALLS_MAX 256

static const int statuses[] = {200, 201, 400, 401, 402, 404, 409, 429, 500, 0};
#define STATUSES (sizeof statuses / sizeof *statuses)

static struct {
    struct str answers;
    int first_status, later_status;
    int status; /* of the latest */
    int calls;
} processor;

enum http_client_result __wrap_http_client_ask(struct http_client *client, struct arena *arena,
                                               const struct http_client_request *request,
                                               struct http_client_answer *answer);

enum http_client_result __wrap_http_client_ask(struct http_client *client, struct arena *arena,
                                               const struct http_client_request *request,
                                               struct http_client_answer *answer)
{
    struct str now = processor.answers;
    const char *end = now.len ? memchr(now.at, '\n', now.len) : NULL;

    (void)client;
    ASSERT(++processor.calls <= CALLS_MAX);
    processor.status = processor.calls == 1 ? processor.first_status : processor.later_status;
    ASSERT(str_starts(str_of(request->url), STR("https://api.stripe.com/v1/")));
    if (processor.status == 0) return HTTP_CLIENT_UNKNOWN;
    if (end) {
        now.len = (size_t)(end - now.at);
        processor.answers = (struct str){end + 1, processor.answers.len - now.len - 1};
    }
    *answer =
        (struct http_client_answer){.status = processor.status, .body = arena_copy(arena, now)};
    return HTTP_CLIENT_OK;
}

static void check_text(const char text[GATEWAY_TEXT_MAX])
{
    ASSERT(memchr(text, '\0', GATEWAY_TEXT_MAX) && str_is_utf8(str_of(text)));
}

static void check(const struct gateway_outcome *outcome, bool refund)
{
    check_text(outcome->id);
    ASSERT(outcome->refund_count <= GATEWAY_REFUNDS_MAX);
    ASSERT(outcome->dispute_count <= GATEWAY_DISPUTES_MAX);
    for (size_t i = 0; i < outcome->refund_count; i++)
        ASSERT(outcome->refunds[i].id[0] && outcome->refunds[i].amount_cents > 0);
    check_text(outcome->reason);
    if (processor.status == 0 || processor.status >= 401) ASSERT(outcome->kind != GATEWAY_DONE);
    if (outcome->kind == GATEWAY_DONE) ASSERT(outcome->id[0]);
    if (outcome->kind == GATEWAY_DONE && refund) ASSERT(outcome->refund_count > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct gateway *gateway;
    struct gateway_charge charge = {.amount_cents = 2000, .token = "tok_visa"};
    struct gateway_outcome outcome;
    bool refund;

    if (size < 2) return 0;
    if (!gateway) {
        log_set_level((enum log_level)(LOG_ERROR + 1));
        gateway = gateway_stripe_open("sk_test_fuzz", "https://api.stripe.com");
    }
    processor.calls = 0;
    processor.first_status = statuses[data[1] % 16 % STATUSES];
    processor.later_status = statuses[data[1] / 16 % STATUSES];
    processor.answers = fuzz_text(data + 2, size - 2);
    charge.thorough = data[0] & 8;
    refund = data[0] % 4 == 1;
    if (refund || data[0] % 4 == 3) snprintf(charge.id, sizeof charge.id, "ch_1");
    if (data[0] % 4 == 0)
        gateway->charge(gateway, &charge, &outcome);
    else if (refund)
        gateway->refund(gateway, &charge, &outcome);
    else
        gateway->find(gateway, &charge, &outcome);
    check(&outcome, refund);
    return 0;
}
