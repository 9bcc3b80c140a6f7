/* base/money.c: prices in from the wire, amounts out to it; cents in between. */
#include "base/money.h"

bool price_from_double(double dollars, int64_t *cents)
{
    int64_t whole;

    /* written so that NaN fails too */
    if (!(dollars > 0 && dollars <= (double)PRICE_CENTS_MAX / 100.0)) return false;
    whole = (int64_t)(dollars * 100.0 + 0.5);
    /* The quotient of two exact doubles is the nearest double to the true price, so a price in
     * whole cents, and no other number, comes back unchanged. */
    if ((double)whole / 100.0 != dollars) return false;
    *cents = whole;
    return true;
}

bool price_from_text(struct str text, int64_t *cents)
{
    size_t at = 0, decimals = 0;
    int64_t number = 0;

    for (; at < text.len && text.at[at] >= '0' && text.at[at] <= '9'; at++) {
        number = number * 10 + (text.at[at] - '0');
        if (number > PRICE_CENTS_MAX) return false;
    }
    if (at == 0) return false;
    if (at < text.len) {
        if (text.at[at++] != '.') return false;
        for (; at < text.len && decimals < 2; at++, decimals++) {
            if (text.at[at] < '0' || text.at[at] > '9') return false;
            number = number * 10 + (text.at[at] - '0');
        }
        if (decimals == 0 || at < text.len) return false;
    }
    for (; decimals < 2; decimals++)
        number *= 10;
    if (number < 1 || number > PRICE_CENTS_MAX) return false;
    *cents = number;
    return true;
}

void money_append(struct buf *out, int64_t cents)
{
    uint64_t amount = cents < 0 ? -(uint64_t)cents : (uint64_t)cents;
    unsigned rest = (unsigned)(amount % 100);

    if (cents < 0) buf_char(out, '-');
    buf_int(out, (int64_t)(amount / 100));
    if (rest == 0) return;
    buf_char(out, '.');
    buf_char(out, (char)('0' + rest / 10));
    if (rest % 10) buf_char(out, (char)('0' + rest % 10));
}

bool money_add(int64_t a_cents, int64_t b_cents, int64_t *sum)
{
    int64_t total;

    if (__builtin_add_overflow(a_cents, b_cents, &total)) return false;
    *sum = total;
    return true;
}
