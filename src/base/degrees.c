/* base/degrees.c: latitudes and longitudes. */
#include "base/degrees.h"

void degrees_text(struct buf *out, int64_t degrees)
{
    int64_t size = degrees < 0 ? -degrees : degrees, part = size % DEGREE;
    int digits = 6;

    if (degrees < 0) buf_char(out, '-');
    buf_int(out, size / DEGREE);
    if (!part) return;
    while (part % 10 == 0) {
        part /= 10;
        digits--;
    }
    buf_printf(out, ".%0*lld", digits, (long long)part);
}

void json_put_degrees(struct json_writer *writer, int64_t degrees)
{
    char memory[32];
    struct buf text = {.at = memory, .cap = sizeof memory, .max = sizeof memory};

    degrees_text(&text, degrees);
    json_put_raw(writer, buf_str(&text));
}

/* [-]digits[.digits] */
static bool text_degrees(struct str text, double *out)
{
    bool negative = text.len && *text.at == '-', any = false;
    double whole = 0, unit = 1;
    bool point = false;

    for (size_t i = negative; i < text.len; i++) {
        char c = text.at[i];

        if (c == '.' && !point && any) {
            point = true;
        } else if (c >= '0' && c <= '9' && text.len <= 24) {
            whole = whole * 10 + (c - '0');
            unit *= point ? 10 : 1;
            any = true;
        } else {
            return false;
        }
    }
    *out = (negative ? -whole : whole) / unit;
    return any;
}

/* Rounds to millionths. */
static bool take_degrees(double degrees, int64_t max, int64_t *out)
{
    degrees *= (double)DEGREE;
    if (!(degrees >= -(double)max && degrees <= (double)max)) return false;
    *out = (int64_t)(degrees + (degrees < 0 ? -0.5 : 0.5));
    return true;
}

bool degrees_parse(struct str text, int64_t max, int64_t *out)
{
    double degrees;

    return text_degrees(text, &degrees) && take_degrees(degrees, max, out);
}

bool json_degrees(const struct json *value, int64_t max, int64_t *out)
{
    struct str text;
    double degrees;

    if (json_text(value, &text)) return degrees_parse(str_trim(text), max, out);
    return json_double(value, &degrees) && take_degrees(degrees, max, out);
}
