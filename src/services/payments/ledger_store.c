/* services/payments/ledger_store.c: the ledger, refunds and disputes, and the proof that they agree
 * with charges and orders. */
#include "services/payments/ledger_store.h"

/* --- movements ----------------------------------------------------------------------------- */

enum err movement_insert(struct tx *tx, struct object_id charge_id, const struct movement *movement)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO ledger (charge_id, kind, part, account, amount_cents, at_ms)"
                   " VALUES ($1, $2, $3, $4, $5, $6), ($1, $2, $3, $7, $8, $6)",
                   sql_id(charge_id), sql_text(str_of(movement->kind)), sql_text(movement->part),
                   sql_text(str_of(movement->from)), sql_int(-movement->amount_cents),
                   sql_wall(tx->now), sql_text(str_of(movement->to)),
                   sql_int(movement->amount_cents));
}

enum err ledger_has(struct tx *tx, struct object_id charge_id, const char *kind, bool *has)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT 1 FROM ledger WHERE charge_id = $1 AND kind = $2 LIMIT 1",
             sql_id(charge_id), sql_text(str_of(kind)));
    *has = rows_next(&rows);
    return rows_end(&rows);
}

enum err ledger_balance(struct tx *tx, struct object_id charge_id, const char *account,
                        int64_t *cents)
{
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT COALESCE(SUM(amount_cents), 0) FROM ledger WHERE charge_id = $1"
             " AND account = $2",
             sql_id(charge_id), sql_text(str_of(account)));
    *cents = rows_next(&rows) ? rows_int(&rows, 0) : 0;
    return rows_end(&rows);
}

enum err ledger_owed(struct tx *tx, struct object_id charge_id, struct charge_owed *out)
{
    struct rows rows;

    *out = (struct charge_owed){0};
    tx_query(tx, &rows,
             "SELECT COALESCE(SUM(CASE WHEN account = 'refund' THEN amount_cents ELSE 0 END), 0),"
             " COALESCE(SUM(CASE WHEN account = 'chargeback' THEN -amount_cents ELSE 0 END), 0),"
             " COALESCE(SUM(CASE WHEN kind = 'cover' AND account = 'refund' THEN 1 ELSE 0 END), 0)"
             " FROM ledger WHERE charge_id = $1",
             sql_id(charge_id));
    if (rows_next(&rows))
        *out = (struct charge_owed){rows_int(&rows, 0), rows_int(&rows, 1), rows_int(&rows, 2)};
    return rows_end(&rows);
}

/* --- refunds and disputes ------------------------------------------------------------------ */

static const char *const dispute_words[] = {
    [DISPUTE_OPEN] = "open",
    [DISPUTE_WON] = "won",
    [DISPUTE_LOST] = "lost",
};

static bool dispute_status_read(struct str word, enum dispute_status *out)
{
    for (size_t i = 0; i < sizeof dispute_words / sizeof *dispute_words; i++) {
        if (!str_eq(str_of(dispute_words[i]), word)) continue;
        *out = (enum dispute_status)i;
        return true;
    }
    return false;
}

static enum err count_of(struct rows *rows, int64_t *count)
{
    *count = rows_next(rows) ? rows_int(rows, 0) : 0;
    return rows_end(rows);
}

enum err refund_get(struct tx *tx, struct str id, int64_t *amount_cents, bool *failed)
{
    enum err err = ERR_NOT_FOUND, end;
    struct rows rows;

    tx_query(tx, &rows, "SELECT amount_cents, failed FROM refunds WHERE id = $1", sql_text(id));
    if (rows_next(&rows)) {
        *amount_cents = rows_int(&rows, 0);
        *failed = rows_int(&rows, 1) != 0;
        err = OK;
    }
    end = rows_end(&rows);
    return end ? end : err;
}

enum err refund_insert(struct tx *tx, struct object_id charge_id,
                       const struct gateway_refund *refund)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO refunds (id, charge_id, amount_cents, failed)"
                   " VALUES ($1, $2, $3, $4)",
                   sql_text(str_of(refund->id)), sql_id(charge_id), sql_int(refund->amount_cents),
                   sql_int(refund->failed));
}

enum err refund_fail(struct tx *tx, struct str id)
{
    return tx_exec(tx, NULL, "UPDATE refunds SET failed = 1 WHERE id = $1", sql_text(id));
}

enum err dispute_get(struct tx *tx, struct str id, enum dispute_status *status)
{
    enum err err = ERR_NOT_FOUND, end;
    struct rows rows;

    tx_query(tx, &rows, "SELECT status FROM disputes WHERE id = $1", sql_text(id));
    if (rows_next(&rows)) {
        struct str word = rows_text(&rows, 0);

        err = dispute_status_read(word, status) ? OK : row_unreadable("disputes", id, word);
    }
    end = rows_end(&rows);
    return end ? end : err;
}

enum err dispute_put(struct tx *tx, struct object_id charge_id,
                     const struct gateway_dispute *dispute)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO disputes (id, charge_id, amount_cents, status)"
                   " VALUES ($1, $2, $3, $4)"
                   " ON CONFLICT (id) DO UPDATE SET amount_cents = excluded.amount_cents,"
                   " status = excluded.status",
                   sql_text(str_of(dispute->id)), sql_id(charge_id), sql_int(dispute->amount_cents),
                   sql_text(str_of(dispute_words[dispute->status])));
}

enum err dispute_is_open(struct tx *tx, struct object_id charge_id, bool *open)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT 1 FROM disputes WHERE charge_id = $1 AND status = 'open' LIMIT 1",
             sql_id(charge_id));
    *open = rows_next(&rows);
    return rows_end(&rows);
}

enum err refunds_due_count(struct tx *tx, int64_t *count)
{
    struct rows rows;

    tx_query_values(tx, &rows,
                    "SELECT COUNT(*) FROM charges WHERE status IN ('refund_pending',"
                    " 'refund_failed')",
                    NULL, 0);
    return count_of(&rows, count);
}

enum err disputes_open_count(struct tx *tx, int64_t *count)
{
    struct rows rows;

    tx_query_values(tx, &rows, "SELECT COUNT(*) FROM disputes WHERE status = 'open'", NULL, 0);
    return count_of(&rows, count);
}

/* --- the audit ----------------------------------------------------------------------------- */

/* Each row found is a contradiction: its check's name, the charge and the order it is about. What
 * is merely on its way (captured, and the order not yet complete) is none. */
#define AUDIT                                                                                      \
    "WITH sums AS (SELECT charge_id,"                                                              \
    " SUM(CASE WHEN kind = 'capture' AND account = 'held' THEN amount_cents ELSE 0 END) AS taken," \
    " SUM(CASE WHEN kind IN ('refund', 'bounce') AND account = 'buyer' THEN amount_cents"          \
    " ELSE 0 END) AS given, SUM(CASE WHEN kind = 'chargeback' AND account = 'buyer'"               \
    " THEN amount_cents ELSE 0 END) AS charged_back, SUM(CASE WHEN kind = 'cover'"                 \
    " AND account = 'chargeback' THEN amount_cents ELSE 0 END) AS covered,"                        \
    " SUM(CASE WHEN account = 'held' THEN amount_cents ELSE 0 END) AS held,"                       \
    " SUM(CASE WHEN account = 'revenue' THEN amount_cents ELSE 0 END) AS revenue,"                 \
    " SUM(CASE WHEN account = 'refund' THEN amount_cents ELSE 0 END) AS owed"                      \
    " FROM ledger GROUP BY charge_id)"                                                             \
    " SELECT 'a movement does not sum to zero', charge_id, '' FROM ledger"                         \
    " GROUP BY charge_id, kind, part HAVING SUM(amount_cents) <> 0 OR COUNT(*) <> 2"               \
    " UNION ALL SELECT 'a movement has no charge', l.charge_id, '' FROM sums l"                    \
    " WHERE NOT EXISTS (SELECT 1 FROM charges c WHERE c.id = l.charge_id)"                         \
    " UNION ALL SELECT 'status and movements differ', c.id, c.order_id FROM charges c"             \
    " LEFT JOIN sums l ON l.charge_id = c.id"                                                      \
    " WHERE COALESCE(l.taken, 0) <> CASE WHEN c.stripe_id IS NULL THEN 0 ELSE c.amount_cents END"  \
    " OR COALESCE(l.owed, 0) <> CASE WHEN c.status IN ('refund_pending', 'refunded',"              \
    " 'refund_failed') THEN c.amount_cents - c.given_back_cents - l.covered ELSE 0 END"            \
    " OR (c.status = 'refunded' AND l.owed <> 0)"                                                  \
    " UNION ALL SELECT 'refunds and movements differ', c.id, c.order_id FROM charges c"            \
    " LEFT JOIN sums l ON l.charge_id = c.id"                                                      \
    " LEFT JOIN (SELECT charge_id, SUM(amount_cents) AS given FROM refunds WHERE failed = 0"       \
    " GROUP BY charge_id) r ON r.charge_id = c.id"                                                 \
    " WHERE COALESCE(l.given, 0) <> c.given_back_cents"                                            \
    " OR COALESCE(r.given, 0) <> c.given_back_cents"                                               \
    " UNION ALL SELECT 'more was given back than taken', c.id, c.order_id FROM charges c"          \
    " WHERE c.given_back_cents > c.amount_cents"                                                   \
    " UNION ALL SELECT 'disputes and movements differ', c.id, c.order_id FROM charges c"           \
    " LEFT JOIN sums l ON l.charge_id = c.id"                                                      \
    " LEFT JOIN (SELECT charge_id, SUM(amount_cents) AS lost FROM disputes WHERE status = 'lost'"  \
    " GROUP BY charge_id) d ON d.charge_id = c.id"                                                 \
    " WHERE COALESCE(l.charged_back, 0) <> c.charged_back_cents"                                   \
    " OR COALESCE(d.lost, 0) <> c.charged_back_cents"                                              \
    " UNION ALL SELECT 'charge and order differ in price', c.id, c.order_id FROM charges c"        \
    " JOIN order_copies o ON o.id = c.order_id WHERE o.price_cents <> c.amount_cents"              \
    " UNION ALL SELECT 'a charge is for no order', c.id, c.order_id FROM charges c"                \
    " WHERE NOT EXISTS (SELECT 1 FROM order_copies o WHERE o.id = c.order_id)"                     \
    " UNION ALL SELECT 'a complete order has no money', '', o.id FROM order_copies o"              \
    " WHERE o.status = 'complete' AND NOT EXISTS (SELECT 1 FROM charges c"                         \
    " WHERE c.order_id = o.id AND c.status IN ('captured', 'refund_pending', 'refunded',"          \
    " 'refund_failed'))"                                                                           \
    " UNION ALL SELECT 'a complete order has not earned its money', c.id, o.id"                    \
    " FROM order_copies o JOIN charges c ON c.order_id = o.id JOIN sums l ON l.charge_id = c.id"   \
    " WHERE o.status = 'complete' AND c.status = 'captured' AND l.held <> 0"                       \
    " UNION ALL SELECT 'money is earned for an order that is not complete', c.id, o.id"            \
    " FROM charges c JOIN order_copies o ON o.id = c.order_id JOIN sums l ON l.charge_id = c.id"   \
    " WHERE c.status = 'captured' AND o.status <> 'complete' AND l.revenue <> 0"

void ledger_findings(struct tx *tx, struct rows *rows, int64_t max)
{
    tx_query(tx, rows, AUDIT " LIMIT $1", sql_int(max));
}

bool ledger_finding_next(struct rows *rows, struct ledger_finding *out)
{
    if (!rows_next(rows)) return false;
    *out = (struct ledger_finding){rows_text(rows, 0), rows_text(rows, 1), rows_text(rows, 2)};
    return true;
}

enum err account_balance(struct tx *tx, const char *account, int64_t *cents)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT COALESCE(SUM(amount_cents), 0) FROM ledger WHERE account = $1",
             sql_text(str_of(account)));
    *cents = rows_next(&rows) ? rows_int(&rows, 0) : 0;
    return rows_end(&rows);
}

void charge_counts(struct tx *tx, struct rows *rows)
{
    tx_query(tx, rows,
             "SELECT status, COUNT(*), SUM(amount_cents) FROM charges GROUP BY status"
             " ORDER BY status");
}

bool charge_count_next(struct rows *rows, struct charge_count *out)
{
    if (!rows_next(rows)) return false;
    *out = (struct charge_count){rows_text(rows, 0), rows_int(rows, 1), rows_int(rows, 2)};
    return true;
}
