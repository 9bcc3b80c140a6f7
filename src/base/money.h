/* base/money.h: integer cents inside, decimal dollars on the wire (docs/openapi.json, HTTP). */
#ifndef BASE_MONEY_H
#define BASE_MONEY_H

#include "base/str.h"

#define PRICE_CENTS_MAX INT64_C(99999999) /* 999,999.99 */

/* What is wrong with a price, so that it can be told. */
enum price_fault {
    PRICE_FAULT_NONE,
    PRICE_FAULT_EMPTY,
    PRICE_FAULT_NOT_A_NUMBER,
    PRICE_FAULT_TOO_MANY_DECIMALS,
    PRICE_FAULT_TOO_SMALL,
    PRICE_FAULT_TOO_LARGE
};

/* The price a JSON number stands for: greater than 0, at most PRICE_CENTS_MAX, at most two
 * decimals; false otherwise. A double is a price exactly when it is the nearest one to some whole
 * cent. */
bool price_from_double(double dollars, int64_t *cents);
/* The same from decimal text: digits, at most one point with one or two digits after it. */
bool price_from_text(struct str text, int64_t *cents);
/* Which of the faults it has; PRICE_FAULT_NONE when it is taken. */
enum price_fault price_fault_of_double(double dollars);
enum price_fault price_fault_of_text(struct str text);
/* Shortest decimal: 2000 -> 20, 3330 -> 33.3, 50 -> 0.5. Negative amounts too (refund views). */
void money_append(struct buf *out, int64_t cents);
/* For people, on every page, card and message: "$1,234.50", always with two decimals. Longest
 * price:
 * "$999,999.99". */
void money_text(struct buf *out, int64_t cents);
/* The same in a field to be edited: "1234.50". */
void money_input(struct buf *out, int64_t cents);
/* Checked addition: false, and sum untouched, on overflow. */
bool money_add(int64_t a_cents, int64_t b_cents, int64_t *sum);

#endif
