/* services/payments/money_back.c: what the processor says of refunds and disputes, booked once
 * each, whoever made them and in whatever order it is heard. */
#include "services/payments/ledger.h"
#include "services/payments/ledger_store.h"
#include "services/payments/payments.h"

#include "telemetry/log.h"
#include "telemetry/metric.h"

/* --- refunds ------------------------------------------------------------------------------- */

static enum err gave_back(struct tx *tx, struct charge *charge, const struct gateway_refund *refund)
{
    struct str id = str_of(refund->id);
    enum err err;

    TRY(refund_insert(tx, charge->id, refund));
    if (refund->failed) return OK;
    if (!charge_goes_back(charge)) TRY(ledger_owe(tx, charge, id, refund->amount_cents));
    TRY(ledger_refund(tx, charge, id, refund->amount_cents));
    charge->given_back_cents += refund->amount_cents;
done:
    return err;
}

/* The buyer's bank sent it back. The failure of a refund in full is told by what the charge becomes
 * (refund_failed); of a part that somebody gave at the processor only here. */
static enum err came_back(struct env *env, struct tx *tx, struct charge *charge,
                          const struct gateway_refund *refund, int64_t amount_cents)
{
    struct object_id_text id = object_id_text(charge->id);
    enum err err;

    TRY(refund_fail(tx, str_of(refund->id)));
    TRY(ledger_bounce(tx, charge, str_of(refund->id), amount_cents));
    charge->given_back_cents -= amount_cents;
    if (charge->status != CHARGE_REFUNDED) {
        metric_add(METRIC_REFUNDS_FAILED, 1);
        log_event(LOG_ERROR, env->name, "refund.failed", log_text("paymentId", str_of(id.hex)),
                  log_text("refundId", str_of(refund->id)));
    }
done:
    return err;
}

static enum err book_refund(struct env *env, struct tx *tx, struct charge *charge,
                            const struct gateway_refund *refund)
{
    bool failed;
    int64_t amount_cents;
    enum err err = refund_get(tx, str_of(refund->id), &amount_cents, &failed);

    if (err == ERR_NOT_FOUND) return gave_back(tx, charge, refund);
    if (err == OK && refund->failed && !failed)
        return came_back(env, tx, charge, refund, amount_cents);
    return err;
}

/* --- disputes ------------------------------------------------------------------------------ */

static void log_dispute(const struct env *env, const struct charge *charge,
                        const struct gateway_dispute *dispute)
{
    struct object_id_text id = object_id_text(charge->id);
    struct log_field payment = log_text("paymentId", str_of(id.hex));
    struct log_field name = log_text("disputeId", str_of(dispute->id));

    if (dispute->status == DISPUTE_OPEN)
        log_event(LOG_WARN, env->name, "payment.disputed", payment, name);
    else if (dispute->status == DISPUTE_WON)
        log_event(LOG_INFO, env->name, "dispute.won", payment, name);
    else
        log_event(LOG_ERROR, env->name, "dispute.lost", payment, name);
}

static enum err book_dispute(struct env *env, struct tx *tx, struct charge *charge,
                             const struct gateway_dispute *dispute)
{
    enum dispute_status status;
    enum err err = dispute_get(tx, str_of(dispute->id), &status);

    if (err == OK && (status != DISPUTE_OPEN || dispute->status == DISPUTE_OPEN)) return OK;
    if (err == ERR_UNREADABLE) return OK; /* that dispute's error alone, which is logged */
    if (err != OK && err != ERR_NOT_FOUND) return err;
    TRY(dispute_put(tx, charge->id, dispute));
    log_dispute(env, charge, dispute);
    if (dispute->status != DISPUTE_LOST) return OK;
    TRY(ledger_charge_back(tx, charge, str_of(dispute->id), dispute->amount_cents));
    charge->charged_back_cents += dispute->amount_cents;
done:
    return err;
}

enum err money_back_book(struct env *env, struct tx *tx, struct charge *charge,
                         const struct gateway_outcome *outcome)
{
    enum err err = OK;

    if (!charge_has_money(charge) || outcome->kind != GATEWAY_DONE) return OK;
    for (size_t i = 0; i < outcome->refund_count; i++)
        TRY(book_refund(env, tx, charge, &outcome->refunds[i]));
    for (size_t i = 0; i < outcome->dispute_count; i++)
        TRY(book_dispute(env, tx, charge, &outcome->disputes[i]));
    if (outcome->dispute_count) TRY(dispute_is_open(tx, charge->id, &charge->disputed));
done:
    return err;
}
