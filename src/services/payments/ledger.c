/* services/payments/ledger.c: which movement follows from what. */
#include "services/payments/ledger.h"

#include "services/payments/ledger_store.h"

#include <stdio.h>

static enum err book(struct tx *tx, const struct charge *charge, const char *kind, struct str part,
                     const char *from, const char *to, int64_t amount_cents)
{
    return movement_insert(tx, charge->id, &(struct movement){kind, part, from, to, amount_cents});
}

/* Where captured money lies. */
static enum err where(struct tx *tx, const struct charge *charge, const char **account)
{
    bool earned;
    enum err err = ledger_has(tx, charge->id, "earn", &earned);

    *account = err == OK && earned ? "revenue" : "held";
    return err;
}

enum err ledger_capture(struct tx *tx, const struct charge *charge)
{
    return book(tx, charge, "capture", STR(""), "buyer", "held", charge->amount_cents);
}

enum err ledger_earn(struct tx *tx, const struct charge *charge)
{
    int64_t held_cents;
    enum err err = ledger_balance(tx, charge->id, "held", &held_cents);

    if (err || held_cents == 0) return err;
    return book(tx, charge, "earn", STR(""), "held", "revenue", held_cents);
}

enum err ledger_owe(struct tx *tx, const struct charge *charge, struct str part,
                    int64_t amount_cents)
{
    const char *from;
    enum err err;

    TRY(where(tx, charge, &from));
    TRY(book(tx, charge, "owe", part, from, "refund", amount_cents));
done:
    return err;
}

enum err ledger_refund(struct tx *tx, const struct charge *charge, struct str part,
                       int64_t amount_cents)
{
    return book(tx, charge, "refund", part, "refund", "buyer", amount_cents);
}

enum err ledger_bounce(struct tx *tx, const struct charge *charge, struct str part,
                       int64_t amount_cents)
{
    const char *to = "refund";
    enum err err = OK;

    if (!charge_goes_back(charge)) TRY(where(tx, charge, &to));
    TRY(book(tx, charge, "bounce", part, "buyer", to, amount_cents));
done:
    return err;
}

enum err ledger_charge_back(struct tx *tx, const struct charge *charge, struct str part,
                            int64_t amount_cents)
{
    return book(tx, charge, "chargeback", part, "chargeback", "buyer", amount_cents);
}

/* Refunds may come back one after the other after a dispute was lost, and each is covered then: the
 * second cover of a charge is part "2". */
enum err ledger_cover(struct tx *tx, const struct charge *charge)
{
    struct charge_owed owed;
    int64_t cents;
    char part[24] = "";
    enum err err = ledger_owed(tx, charge->id, &owed);

    cents = owed.owed_cents < owed.lost_cents ? owed.owed_cents : owed.lost_cents;
    if (err || cents <= 0) return err;
    if (owed.covers) snprintf(part, sizeof part, "%lld", (long long)owed.covers + 1);
    return book(tx, charge, "cover", str_of(part), "refund", "chargeback", cents);
}
