/* services/payments/payments_import.c: payments of the Node application: money that Stripe has
 * captured. What it was for, the order's events say. */
#include "services/service_import.h"

#include "services/payments/ledger.h"
#include "services/payments/payments.h"

enum err import_payment(struct tx *tx, struct arena *arena, const struct imported_payment *imported,
                        bool *added)
{
    struct charge there, charge = {.id = imported->id,
                                   .order_id = imported->order_id,
                                   .status = CHARGE_CAPTURED,
                                   .amount_cents = imported->amount_cents,
                                   .stripe_id = imported->stripe_id,
                                   .ask_at = WALL_NEVER,
                                   .created_at = object_id_time(imported->id)};
    enum err err = charge_get(tx, arena, imported->id, &there);

    *added = err == ERR_NOT_FOUND;
    if (err != ERR_NOT_FOUND) return err;
    TRY(charge_insert_captured(tx, &charge));
    TRY(ledger_capture(tx, &charge));
    TRY(publish_payment_created(tx, &(struct payment_created){.id = charge.id,
                                                              .order_id = charge.order_id,
                                                              .stripe_id = charge.stripe_id}));
done:
    return err;
}
