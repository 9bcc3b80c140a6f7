/* services/payments/ledger_store.h: what the ledger keeps, and refunds and disputes by the
 * processor's names. */
#ifndef SERVICES_PAYMENTS_LEDGER_STORE_H
#define SERVICES_PAYMENTS_LEDGER_STORE_H

#include "runtime/service.h"
#include "services/payments/gateway.h"

/* What a charge has once of each kind ("earn") and part: cents from one account to another. */
struct movement {
    const char *kind;
    struct str part; /* ledger.h */
    const char *from, *to;
    int64_t amount_cents;
};
enum err movement_insert(struct tx *tx, struct object_id charge_id,
                         const struct movement *movement);
/* Whether the charge has any of that kind. */
enum err ledger_has(struct tx *tx, struct object_id charge_id, const char *kind, bool *has);
/* What of a charge lies in an account. */
enum err ledger_balance(struct tx *tx, struct object_id charge_id, const char *account,
                        int64_t *cents);

/* What of a charge is owed to the buyer, what the bank has taken of it, and how often the one was
 * covered by the other. */
struct charge_owed {
    int64_t owed_cents, lost_cents, covers;
};
enum err ledger_owed(struct tx *tx, struct object_id charge_id, struct charge_owed *out);

/* ERR_NOT_FOUND: not heard of. ERR_UNREADABLE: a word of the row is none of ours. */
enum err refund_get(struct tx *tx, struct str id, int64_t *amount_cents, bool *failed);
enum err refund_insert(struct tx *tx, struct object_id charge_id,
                       const struct gateway_refund *refund);
enum err refund_fail(struct tx *tx, struct str id); /* one that held until now */
enum err dispute_get(struct tx *tx, struct str id, enum dispute_status *status);
enum err dispute_put(struct tx *tx, struct object_id charge_id,
                     const struct gateway_dispute *dispute);
/* Whether any dispute of the charge is open. */
enum err dispute_is_open(struct tx *tx, struct object_id charge_id, bool *open);

/* --- gauges -------------------------------------------------------------------------------- */

/* Payments that are owed back, and payments that a bank wants back: now. */
enum err refunds_due_count(struct tx *tx, int64_t *count);
enum err disputes_open_count(struct tx *tx, int64_t *count);

/* --- the audit ----------------------------------------------------------------------------- *
 * Texts live as long as the row; after the last row comes rows_end. */

/* Ledger against charges against order copies: a row a contradiction, at most max. Reads every
 * charge. */
struct ledger_finding {
    struct str check, charge_id, order_id;
};
void ledger_findings(struct tx *tx, struct rows *rows, int64_t max);
bool ledger_finding_next(struct rows *rows, struct ledger_finding *out);

/* What lies in an account, of all charges. */
enum err account_balance(struct tx *tx, const char *account, int64_t *cents);

struct charge_count {
    struct str status;
    int64_t count, amount_cents;
};
void charge_counts(struct tx *tx, struct rows *rows);
bool charge_count_next(struct rows *rows, struct charge_count *out);

#endif
