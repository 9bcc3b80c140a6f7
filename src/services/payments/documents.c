/* services/payments/documents.c: payments as JSON. */
#include "services/payments/documents.h"

#include "services/payments/ledger_store.h"
#include "services/payments/repeats_store.h"

#define FINDINGS_MAX 100

void payment_json(struct json_writer *json, const struct charge *charge)
{
    json_begin_object(json);
    json_member_id(json, "id", charge->id);
    json_member_text(json, "stripeId", charge->stripe_id);
    json_member_id(json, "orderId", charge->order_id);
    json_end_object(json);
}

void charge_json(struct json_writer *json, const struct charge *charge)
{
    json_begin_object(json);
    json_member_id(json, "id", charge->id);
    json_member_id(json, "orderId", charge->order_id);
    json_member_text(json, "status", charge_status_text(charge->status));
    json_member_money(json, "amount", charge->amount_cents);
    if (charge->given_back_cents) json_member_money(json, "givenBack", charge->given_back_cents);
    if (charge->charged_back_cents)
        json_member_money(json, "chargedBack", charge->charged_back_cents);
    json_member_known(json, "stripeId", charge->stripe_id);
    json_member_known(json, "refundId", charge->refund_id);
    json_member_known(json, "reason", charge->reason);
    if (charge->disputed) json_member_text(json, "dispute", STR("opened"));
    json_member_time(json, "createdAt", charge->created_at);
    if (!wall_same(charge->ask_at, WALL_NEVER)) {
        json_member_int(json, "attempts", charge->attempts);
        json_member_time(json, "askAt", charge->ask_at);
    }
    json_end_object(json);
}

/* --- the audit ----------------------------------------------------------------------------- */

static enum err balances_json(struct tx *tx, struct json_writer *json)
{
    static const char *const accounts[] = {"buyer", "held", "revenue", "refund", "chargeback"};
    int64_t cents;
    enum err err = OK;

    json_begin_object(json);
    for (size_t i = 0; i < sizeof accounts / sizeof *accounts; i++) {
        TRY(account_balance(tx, accounts[i], &cents));
        json_member_money(json, accounts[i], cents);
    }
    json_end_object(json);
done:
    return err;
}

static enum err charge_counts_json(struct tx *tx, struct json_writer *json)
{
    struct charge_count counted;
    struct rows rows;

    json_begin_array(json);
    charge_counts(tx, &rows);
    while (charge_count_next(&rows, &counted)) {
        json_begin_object(json);
        json_member_text(json, "status", counted.status);
        json_member_int(json, "count", counted.count);
        json_member_money(json, "amount", counted.amount_cents);
        json_end_object(json);
    }
    json_end_array(json);
    return rows_end(&rows);
}

static enum err webhook_counts_json(struct tx *tx, struct json_writer *json)
{
    struct webhook_count counted;
    struct rows rows;

    json_begin_array(json);
    webhook_counts(tx, &rows);
    while (webhook_count_next(&rows, &counted)) {
        json_begin_object(json);
        json_member_text(json, "type", counted.type);
        json_member_int(json, "count", counted.count);
        json_end_object(json);
    }
    json_end_array(json);
    return rows_end(&rows);
}

enum err ledger_findings_json(struct tx *tx, struct json_writer *json, int64_t max, bool *sound)
{
    struct ledger_finding finding;
    struct rows rows;

    *sound = true;
    json_begin_array(json);
    ledger_findings(tx, &rows, max);
    while (ledger_finding_next(&rows, &finding)) {
        *sound = false;
        json_begin_object(json);
        json_member_text(json, "check", finding.check);
        json_member_text(json, "chargeId", finding.charge_id);
        json_member_text(json, "orderId", finding.order_id);
        json_end_object(json);
    }
    json_end_array(json);
    return rows_end(&rows);
}

enum err money_audit_json(struct tx *tx, struct json_writer *json)
{
    bool sound;
    enum err err;

    json_begin_object(json);
    json_key(json, "balances");
    TRY(balances_json(tx, json));
    json_key(json, "payments");
    TRY(charge_counts_json(tx, json));
    json_key(json, "webhooks");
    TRY(webhook_counts_json(tx, json));
    json_key(json, "findings");
    TRY(ledger_findings_json(tx, json, FINDINGS_MAX, &sound));
    json_member_bool(json, "sound", sound);
    json_end_object(json);
done:
    return err;
}
