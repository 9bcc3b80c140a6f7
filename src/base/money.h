/* base/money.h: integer cents inside, decimal dollars on the wire (docs/openapi.json, HTTP). */
#ifndef BASE_MONEY_H
#define BASE_MONEY_H

#include "base/str.h"

#define PRICE_CENTS_MAX INT64_C(99999999) /* 999,999.99 */

/* The price a JSON number stands for: greater than 0, at most PRICE_CENTS_MAX, at most two
 * decimals; false otherwise. A double is a price exactly when it is the nearest one to some whole
 * cent. */
bool price_from_double(double dollars, int64_t *cents);
/* The same from decimal text: digits, at most one point with one or two digits after it. */
bool price_from_text(struct str text, int64_t *cents);
/* Shortest decimal: 2000 -> 20, 3330 -> 33.3, 50 -> 0.5. Negative amounts too (refund views). */
void money_append(struct buf *out, int64_t cents);
/* Checked addition: false, and sum untouched, on overflow. */
bool money_add(int64_t a_cents, int64_t b_cents, int64_t *sum);

#endif
