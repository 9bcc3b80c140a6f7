/* services/payments/documents.h: payments as docs/openapi.json shows them. */
#ifndef SERVICES_PAYMENTS_DOCUMENTS_H
#define SERVICES_PAYMENTS_DOCUMENTS_H

#include "base/json.h"
#include "services/payments/charge.h"
#include "sql/sql.h"

/* To who paid. */
void payment_json(struct json_writer *json, const struct charge *charge);
/* To the operator: everything but the token. */
void charge_json(struct json_writer *json, const struct charge *charge);
/* What in the books contradicts itself, at most max; sound: nothing does. Reads every charge. */
enum err ledger_findings_json(struct tx *tx, struct json_writer *json, int64_t max, bool *sound);
/* The books and what contradicts them. Reads every charge. */
enum err money_audit_json(struct tx *tx, struct json_writer *json);

#endif
