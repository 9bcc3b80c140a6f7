/* services/payments/ledger.h: double entry. Every movement takes from one account what it gives to
 * another, in the transaction of the change it books, at most once a charge, kind and part: the
 * refund or dispute it is about (the processor's name for it), or none. Amounts in cents. */
#ifndef SERVICES_PAYMENTS_LEDGER_H
#define SERVICES_PAYMENTS_LEDGER_H

#include "runtime/service.h"
#include "services/payments/charge.h"

enum err ledger_capture(struct tx *tx, const struct charge *charge); /* buyer -> held */
/* held -> revenue: what is there of it; no movement when there is nothing. */
enum err ledger_earn(struct tx *tx, const struct charge *charge);
/* held or revenue -> refund */
enum err ledger_owe(struct tx *tx, const struct charge *charge, struct str part,
                    int64_t amount_cents);
/* refund -> buyer */
enum err ledger_refund(struct tx *tx, const struct charge *charge, struct str part,
                       int64_t amount_cents);
/* A refund came back. buyer -> refund when all of the charge is to go back, else to where it was.
 */
enum err ledger_bounce(struct tx *tx, const struct charge *charge, struct str part,
                       int64_t amount_cents);
/* chargeback -> buyer: the bank took it; a loss. */
enum err ledger_charge_back(struct tx *tx, const struct charge *charge, struct str part,
                            int64_t amount_cents);
/* refund -> chargeback: what the charge still owes the buyer, as far as the bank has taken it; no
 * movement when that is nothing. */
enum err ledger_cover(struct tx *tx, const struct charge *charge);

#endif
