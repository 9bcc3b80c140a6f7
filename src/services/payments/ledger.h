/* services/payments/ledger.h: double entry. Every movement takes from one account what it gives to
 * another, in the transaction of the change it books, at most once a charge and kind. */
#ifndef SERVICES_PAYMENTS_LEDGER_H
#define SERVICES_PAYMENTS_LEDGER_H

#include "services/payments/charge.h"

enum err ledger_capture(struct tx *tx, const struct charge *charge); /* buyer -> held */
enum err ledger_earn(struct tx *tx, const struct charge *charge);    /* held -> revenue */
enum err ledger_owe(struct tx *tx, const struct charge *charge);     /* held, revenue -> refund */
enum err ledger_refund(struct tx *tx, const struct charge *charge);  /* refund -> buyer */
/* How many of a kind ("earn") the charge has: 0 or 1. */
enum err ledger_has(struct tx *tx, struct object_id charge_id, const char *kind, bool *has);

/* Ledger against charges against order copies. One row a check that found something, at most max:
 * {"check", "chargeId", "orderId"}. sound: there is none. Reads every charge. */
enum err ledger_audit(struct tx *tx, struct json_writer *json, int64_t max, bool *sound);
/* {"buyer": -20, …} in dollars, and the number of charges by status. */
enum err ledger_balances(struct tx *tx, struct json_writer *json);
enum err charge_counts(struct tx *tx, struct json_writer *json);

#endif
