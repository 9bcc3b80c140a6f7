/* services/web/price.h: a price as people type it. Pure. */
#ifndef SERVICES_WEB_PRICE_H
#define SERVICES_WEB_PRICE_H

#include "base/str.h"

enum price_reading {
    PRICE_READ,
    PRICE_EMPTY,
    PRICE_UNREADABLE,
    PRICE_TOO_FINE, /* more than two decimals; *cents: without the rest */
    PRICE_TOO_LOW,
    PRICE_TOO_HIGH
};

/* Takes "$20", "20.", ".5", "1,234.56", "1.234,56" and "19,99": a point, or a comma before exactly
 * two last digits, divides dollars from cents; the other mark groups thousands. Spaces and a dollar
 * sign in front do not count. *cents: the price when it was read. */
enum price_reading price_read(struct str typed, int64_t *cents);

#endif
