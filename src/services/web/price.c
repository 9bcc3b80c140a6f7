/* services/web/price.c: a price as people type it. */
#include "services/web/price.h"

#include "base/money.h"

#include <ctype.h>

#define DIGITS_MAX 12 /* beyond them it is too high, whatever follows */

/* Without spaces (also the no-break ones, U+00A0 and U+202F) and one dollar sign in front. */
static struct str bare(struct str typed)
{
    static const struct str skipped[] = {
        {"$", 1}, {" ", 1}, {"\t", 1}, {"\xc2\xa0", 2}, {"\xe2\x80\xaf", 3}};
    bool dollar = false;

    typed = str_trim(typed);
    for (size_t i = 0; i < sizeof skipped / sizeof *skipped; i++) {
        if (!str_starts(typed, skipped[i]) || (i == 0 && dollar)) continue;
        dollar = dollar || i == 0;
        typed = (struct str){typed.at + skipped[i].len, typed.len - skipped[i].len};
        i = (size_t)-1; /* from the first again */
    }
    return typed;
}

static bool is_digits(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!isdigit((unsigned char)text.at[i])) return false;
    return true;
}

/* "1234", or "1,234" with that mark before every three digits: its digits without leading noughts,
 * as far as they count. */
static bool whole_digits(struct str text, char mark, struct str *out, char digits[DIGITS_MAX])
{
    size_t count = 0, group = 0;
    bool grouped = false;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];

        if (c == mark && group > 0 && (grouped ? group == 3 : group <= 3)) {
            grouped = true;
            group = 0;
        } else if (isdigit((unsigned char)c)) {
            if (count < DIGITS_MAX && (count || c != '0')) digits[count++] = c;
            group++;
        } else {
            return false;
        }
    }
    *out = (struct str){digits, count};
    return !grouped || group == 3;
}

/* Where dollars end and cents begin; text.len: there are no cents. */
static size_t cents_begin(struct str text)
{
    for (size_t i = text.len; i-- > 0;) {
        if (text.at[i] == '.') return i;
        if (text.at[i] == ',') return text.len - i == 3 ? i : text.len;
    }
    return text.len;
}

static enum price_reading add_up(struct str whole, struct str part, int64_t *cents)
{
    for (size_t i = 0; i < whole.len; i++)
        *cents = *cents * 10 + (whole.at[i] - '0');
    *cents *= 100;
    if (part.len > 0) *cents += (part.at[0] - '0') * 10;
    if (part.len > 1) *cents += part.at[1] - '0';
    if (*cents > PRICE_CENTS_MAX) return PRICE_TOO_HIGH;
    for (size_t i = 2; i < part.len; i++)
        if (part.at[i] != '0') return PRICE_TOO_FINE;
    return *cents == 0 ? PRICE_TOO_LOW : PRICE_READ;
}

enum price_reading price_read(struct str typed, int64_t *cents)
{
    struct str text = bare(typed), whole, part = STR("");
    bool below = str_starts(text, STR("-"));
    char digits[DIGITS_MAX], mark;
    size_t end;

    *cents = 0;
    if (!text.len) return PRICE_EMPTY;
    if (below) text = bare((struct str){text.at + 1, text.len - 1});
    end = cents_begin(text);
    if (end < text.len) part = (struct str){text.at + end + 1, text.len - end - 1};
    mark = end < text.len && text.at[end] == ',' ? '.' : ',';
    if ((end == 0 && !part.len) || !is_digits(part) ||
        !whole_digits((struct str){text.at, end}, mark, &whole, digits))
        return PRICE_UNREADABLE;
    return below ? PRICE_TOO_LOW : add_up(whole, part, cents);
}
