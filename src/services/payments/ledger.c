/* services/payments/ledger.c: the ledger's statements, and the proof that it agrees with charges
 * and orders. */
#include "services/payments/ledger.h"

static enum err book(struct tx *tx, const struct charge *charge, const char *kind, const char *from,
                     const char *to)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO ledger (charge_id, kind, account, amount_cents, at_ms)"
                   " VALUES ($1, $2, $3, $4, $5), ($1, $2, $6, $7, $5)",
                   sql_id(charge->id), sql_text(str_of(kind)), sql_text(str_of(from)),
                   sql_int(-charge->amount_cents), sql_int(tx->now_ms), sql_text(str_of(to)),
                   sql_int(charge->amount_cents));
}

enum err ledger_has(struct tx *tx, struct object_id charge_id, const char *kind, bool *has)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT 1 FROM ledger WHERE charge_id = $1 AND kind = $2 LIMIT 1",
             sql_id(charge_id), sql_text(str_of(kind)));
    *has = rows_next(&rows);
    return rows_end(&rows);
}

enum err ledger_capture(struct tx *tx, const struct charge *charge)
{
    return book(tx, charge, "capture", "buyer", "held");
}

enum err ledger_earn(struct tx *tx, const struct charge *charge)
{
    return book(tx, charge, "earn", "held", "revenue");
}

enum err ledger_owe(struct tx *tx, const struct charge *charge)
{
    bool earned;
    enum err err;

    TRY(ledger_has(tx, charge->id, "earn", &earned));
    TRY(book(tx, charge, "owe", earned ? "revenue" : "held", "refund"));
done:
    return err;
}

enum err ledger_refund(struct tx *tx, const struct charge *charge)
{
    return book(tx, charge, "refund", "refund", "buyer");
}

/* --- the audit ----------------------------------------------------------------------------- */

/* Each row found is a contradiction: its check's name, the charge and the order it is about. What
 * is merely on its way (captured, and the order not yet complete) is none. */
#define AUDIT                                                                                      \
    "SELECT 'a movement does not sum to zero', charge_id, '' FROM ledger"                          \
    " GROUP BY charge_id, kind HAVING SUM(amount_cents) <> 0 OR COUNT(*) <> 2"                     \
    " UNION ALL SELECT 'a movement is of another amount than its charge', l.charge_id, ''"         \
    " FROM ledger l JOIN charges c ON c.id = l.charge_id"                                          \
    " WHERE l.amount_cents NOT IN (c.amount_cents, -c.amount_cents)"                               \
    " UNION ALL SELECT 'a movement has no charge', l.charge_id, '' FROM ledger l"                  \
    " WHERE NOT EXISTS (SELECT 1 FROM charges c WHERE c.id = l.charge_id)"                         \
    " UNION ALL SELECT 'status and movements differ', c.id, c.order_id FROM charges c"             \
    " LEFT JOIN (SELECT charge_id, SUM(CASE WHEN kind = 'capture' THEN 1 ELSE 0 END) AS captures," \
    " SUM(CASE WHEN kind = 'owe' THEN 1 ELSE 0 END) AS owes,"                                      \
    " SUM(CASE WHEN kind = 'refund' THEN 1 ELSE 0 END) AS refunds"                                 \
    " FROM ledger GROUP BY charge_id) l ON l.charge_id = c.id"                                     \
    " WHERE COALESCE(l.captures, 0) <> CASE WHEN c.stripe_id IS NULL THEN 0 ELSE 2 END"            \
    " OR COALESCE(l.owes, 0) <> CASE WHEN c.status IN ('refund_pending', 'refunded',"              \
    " 'refund_failed') THEN 2 ELSE 0 END"                                                          \
    " OR COALESCE(l.refunds, 0) <> CASE WHEN c.status = 'refunded' THEN 2 ELSE 0 END"              \
    " UNION ALL SELECT 'charge and order differ in price', c.id, c.order_id FROM charges c"        \
    " JOIN order_copies o ON o.id = c.order_id WHERE o.price_cents <> c.amount_cents"              \
    " UNION ALL SELECT 'a charge is for no order', c.id, c.order_id FROM charges c"                \
    " WHERE NOT EXISTS (SELECT 1 FROM order_copies o WHERE o.id = c.order_id)"                     \
    " UNION ALL SELECT 'a complete order has no money', '', o.id FROM order_copies o"              \
    " WHERE o.status = 'complete' AND NOT EXISTS (SELECT 1 FROM charges c"                         \
    " WHERE c.order_id = o.id AND c.status IN ('captured', 'refund_pending', 'refunded',"          \
    " 'refund_failed'))"                                                                           \
    " UNION ALL SELECT 'a complete order has not earned its money', c.id, o.id"                    \
    " FROM order_copies o JOIN charges c ON c.order_id = o.id"                                     \
    " WHERE o.status = 'complete' AND c.status = 'captured' AND NOT EXISTS (SELECT 1"              \
    " FROM ledger l WHERE l.charge_id = c.id AND l.kind = 'earn')"                                 \
    " UNION ALL SELECT 'money is earned for an order that is not complete', c.id, o.id"            \
    " FROM charges c JOIN order_copies o ON o.id = c.order_id"                                     \
    " WHERE c.status = 'captured' AND o.status <> 'complete' AND EXISTS (SELECT 1"                 \
    " FROM ledger l WHERE l.charge_id = c.id AND l.kind = 'earn')"

enum err ledger_audit(struct tx *tx, struct json_writer *json, int64_t max, bool *sound)
{
    struct rows rows;

    *sound = true;
    json_begin_array(json);
    tx_query(tx, &rows, AUDIT " LIMIT $1", sql_int(max));
    while (rows_next(&rows)) {
        *sound = false;
        json_begin_object(json);
        json_key(json, "check");
        json_put_text(json, rows_text(&rows, 0));
        json_key(json, "chargeId");
        json_put_text(json, rows_text(&rows, 1));
        json_key(json, "orderId");
        json_put_text(json, rows_text(&rows, 2));
        json_end_object(json);
    }
    json_end_array(json);
    return rows_end(&rows);
}

enum err ledger_balances(struct tx *tx, struct json_writer *json)
{
    static const char *const accounts[] = {"buyer", "held", "revenue", "refund"};
    enum err err = OK;
    struct rows rows;

    json_begin_object(json);
    for (size_t i = 0; i < sizeof accounts / sizeof *accounts && err == OK; i++) {
        tx_query(tx, &rows, "SELECT COALESCE(SUM(amount_cents), 0) FROM ledger WHERE account = $1",
                 sql_text(str_of(accounts[i])));
        json_key(json, accounts[i]);
        json_put_money(json, rows_next(&rows) ? rows_int(&rows, 0) : 0);
        err = rows_end(&rows);
    }
    json_end_object(json);
    return err;
}

enum err charge_counts(struct tx *tx, struct json_writer *json)
{
    struct rows rows;

    json_begin_array(json);
    tx_query(tx, &rows,
             "SELECT status, COUNT(*), SUM(amount_cents) FROM charges GROUP BY status"
             " ORDER BY status");
    while (rows_next(&rows)) {
        json_begin_object(json);
        json_key(json, "status");
        json_put_text(json, rows_text(&rows, 0));
        json_key(json, "count");
        json_put_int(json, rows_int(&rows, 1));
        json_key(json, "amount");
        json_put_money(json, rows_int(&rows, 2));
        json_end_object(json);
    }
    json_end_array(json);
    return rows_end(&rows);
}
