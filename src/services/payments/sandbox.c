/* services/payments/sandbox.c: the gateway for trying things out. Stripe's documented test tokens
 * (docs.stripe.com/testing) in, answers in a processor's words out. */
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

static void sandbox_charge(const struct gateway *gateway, const struct gateway_charge *charge,
                           struct gateway_outcome *outcome)
{
    const struct test_token *token = find_token(charge->token);

    (void)gateway;
    *outcome = (struct gateway_outcome){.kind = token ? token->result : GATEWAY_REFUSED};
    snprintf(outcome->reason, sizeof outcome->reason, "%s",
             token ? token->reason : "No such token");
    if (outcome->kind == GATEWAY_DONE)
        snprintf(outcome->id, sizeof outcome->id, "ch_%s", object_id_text(charge->key).hex);
}

const struct gateway gateway_sandbox = {sandbox_charge};
