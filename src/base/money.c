/* base/money.c: prices in from the wire, amounts out to it and to people; cents in
 * between. */
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

enum price_fault price_fault_of_double(double dollars)
{
    int64_t cents;

    if (price_from_double(dollars, &cents)) return PRICE_FAULT_NONE;
    if (!(dollars > 0)) return PRICE_FAULT_TOO_SMALL;
    return dollars > (double)PRICE_CENTS_MAX / 100.0 ? PRICE_FAULT_TOO_LARGE
                                                     : PRICE_FAULT_TOO_MANY_DECIMALS;
}

static size_t digits(struct str text, size_t at)
{
    size_t begin = at;

    while (at < text.len && text.at[at] >= '0' && text.at[at] <= '9')
        at++;
    return at - begin;
}

enum price_fault price_fault_of_text(struct str text)
{
    bool negative = text.len > 0 && text.at[0] == '-', nothing = true;
    size_t at = negative, whole = digits(text, at), decimals = 0;
    int64_t cents;

    if (price_from_text(text, &cents)) return PRICE_FAULT_NONE;
    if (str_trim(text).len == 0) return PRICE_FAULT_EMPTY;
    at += whole;
    if (at < text.len && text.at[at] == '.') decimals = digits(text, at + 1);
    if (whole == 0 || at + (decimals ? decimals + 1 : 0) != text.len)
        return PRICE_FAULT_NOT_A_NUMBER;
    for (size_t i = negative; i < text.len; i++)
        nothing &= text.at[i] == '0' || text.at[i] == '.';
    if (negative || nothing) return PRICE_FAULT_TOO_SMALL;
    return decimals > 2 ? PRICE_FAULT_TOO_MANY_DECIMALS : PRICE_FAULT_TOO_LARGE;
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

/* "1234.50", or with its separators "1,234.50". */
static void put_decimal(struct buf *out, int64_t cents, bool separators)
{
    uint64_t amount = cents < 0 ? -(uint64_t)cents : (uint64_t)cents, power = 1;
    unsigned rest = (unsigned)(amount % 100);
    int digit = 0;

    for (amount /= 100; amount / power >= 10; digit++)
        power *= 10;
    for (; power; power /= 10, digit--) {
        buf_char(out, (char)('0' + amount / power % 10));
        if (separators && digit && digit % 3 == 0) buf_char(out, ',');
    }
    buf_char(out, '.');
    buf_char(out, (char)('0' + rest / 10));
    buf_char(out, (char)('0' + rest % 10));
}

void money_text(struct buf *out, int64_t cents)
{
    if (cents < 0) buf_char(out, '-');
    buf_char(out, '$');
    put_decimal(out, cents, true);
}

void money_input(struct buf *out, int64_t cents)
{
    if (cents < 0) buf_char(out, '-');
    put_decimal(out, cents, false);
}

bool money_add(int64_t a_cents, int64_t b_cents, int64_t *sum)
{
    int64_t total;

    if (__builtin_add_overflow(a_cents, b_cents, &total)) return false;
    *sum = total;
    return true;
}
