/* services/payments/sandbox_gateway.c: the gateway for trying things out. Stripe's documented test
 * tokens (docs.stripe.com/testing) in, answers in a processor's words out. */
#include "services/payments/gateway.h"

#include <stdio.h>

struct test_token {
    const char *token;
    enum gateway_result result;
    const char *reason;
};

static const struct test_token test_tokens[] = {
    {"tok_visa", GATEWAY_DONE, ""},
    {"tok_visa_debit", GATEWAY_DONE, ""},
    {"tok_mastercard", GATEWAY_DONE, ""},
    {"tok_mastercard_debit", GATEWAY_DONE, ""},
    {"tok_mastercard_prepaid", GATEWAY_DONE, ""},
    {"tok_amex", GATEWAY_DONE, ""},
    {"tok_discover", GATEWAY_DONE, ""},
    {"tok_diners", GATEWAY_DONE, ""},
    {"tok_jcb", GATEWAY_DONE, ""},
    {"tok_unionpay", GATEWAY_DONE, ""},
    {"tok_us", GATEWAY_DONE, ""},
    {"tok_gb", GATEWAY_DONE, ""},
    {"tok_de", GATEWAY_DONE, ""},
    {"tok_fr", GATEWAY_DONE, ""},
    {"tok_bypassPending", GATEWAY_DONE, ""},
    {"tok_refundFail", GATEWAY_DONE, ""},
    {"tok_riskLevelElevated", GATEWAY_DONE, ""},
    {"tok_chargeDeclined", GATEWAY_DECLINED, "Your card was declined."},
    {"tok_visa_chargeDeclined", GATEWAY_DECLINED, "Your card was declined."},
    {"tok_chargeCustomerFail", GATEWAY_DECLINED, "Your card was declined."},
    {"tok_chargeDeclinedInsufficientFunds", GATEWAY_DECLINED, "Your card has insufficient funds."},
    {"tok_visa_chargeDeclinedInsufficientFunds", GATEWAY_DECLINED,
     "Your card has insufficient funds."},
    {"tok_chargeDeclinedLostCard", GATEWAY_DECLINED, "Your card was declined."},
    {"tok_visa_chargeDeclinedLostCard", GATEWAY_DECLINED, "Your card was declined."},
    {"tok_chargeDeclinedStolenCard", GATEWAY_DECLINED, "Your card was declined."},
    {"tok_visa_chargeDeclinedStolenCard", GATEWAY_DECLINED, "Your card was declined."},
    {"tok_chargeDeclinedFraudulent", GATEWAY_DECLINED, "Your card was declined."},
    {"tok_visa_chargeDeclinedFraudulent", GATEWAY_DECLINED, "Your card was declined."},
    {"tok_radarBlock", GATEWAY_DECLINED, "Your card was declined."},
    {"tok_chargeDeclinedExpiredCard", GATEWAY_DECLINED, "Your card has expired."},
    {"tok_visa_chargeDeclinedExpiredCard", GATEWAY_DECLINED, "Your card has expired."},
    {"tok_chargeDeclinedIncorrectCvc", GATEWAY_DECLINED, "Your card's security code is incorrect."},
    {"tok_visa_chargeDeclinedIncorrectCvc", GATEWAY_DECLINED,
     "Your card's security code is incorrect."},
    {"tok_cvcCheckFail", GATEWAY_DECLINED, "Your card's security code is incorrect."},
    {"tok_chargeDeclinedProcessingError", GATEWAY_DECLINED,
     "An error occurred while processing your card. Try again in a little bit."},
    {"tok_visa_chargeDeclinedProcessingError", GATEWAY_DECLINED,
     "An error occurred while processing your card. Try again in a little bit."},
};

static const struct test_token *find_token(const char *token)
{
    for (size_t i = 0; i < sizeof test_tokens / sizeof *test_tokens; i++)
        if (strcmp(test_tokens[i].token, token) == 0) return &test_tokens[i];
    return NULL;
}

/* Nothing is kept, so the name of a charge must say that it cannot be given back. */
#define REFUND_FAILS "_refundFail"

static void sandbox_charge(const struct gateway *gateway, const struct gateway_charge *charge,
                           struct gateway_outcome *outcome)
{
    const struct test_token *token = find_token(charge->token);
    bool refund_fails = token && strcmp(token->token, "tok_refundFail") == 0;

    (void)gateway;
    *outcome = (struct gateway_outcome){.kind = token ? token->result : GATEWAY_REFUSED};
    snprintf(outcome->reason, sizeof outcome->reason, "%s", token ? token->reason : "");
    if (outcome->kind == GATEWAY_DONE)
        snprintf(outcome->id, sizeof outcome->id, "ch_%s%s", object_id_text(charge->key).hex,
                 refund_fails ? REFUND_FAILS : "");
}

static void sandbox_refund(const struct gateway *gateway, const struct gateway_charge *charge,
                           struct gateway_outcome *outcome)
{
    (void)gateway;
    *outcome = (struct gateway_outcome){.kind = GATEWAY_DONE};
    if (strstr(charge->id, REFUND_FAILS)) {
        outcome->kind = GATEWAY_REFUSED;
        snprintf(outcome->reason, sizeof outcome->reason, "The card's bank takes no refund.");
        return;
    }
    snprintf(outcome->id, sizeof outcome->id, "%s", charge->id);
    outcome->refund_count = 1;
    outcome->refunds[0].amount_cents = charge->rest_cents;
    snprintf(outcome->refunds[0].id, GATEWAY_ID_MAX, "re_%s", object_id_text(charge->key).hex);
}

/* What a charge came to is what it would come to. */
static void sandbox_find(const struct gateway *gateway, const struct gateway_charge *charge,
                         struct gateway_outcome *outcome)
{
    if (!charge->id[0]) {
        sandbox_charge(gateway, charge, outcome);
        return;
    }
    *outcome = (struct gateway_outcome){.kind = GATEWAY_DONE};
    snprintf(outcome->id, sizeof outcome->id, "%s", charge->id);
}

const struct gateway gateway_sandbox = {sandbox_charge, sandbox_refund, sandbox_find};
