/* Any bytes where a price, a time, an identity, a number or Base64 is expected. Promise: what is
 * taken is written back as a text that means the same. */
#include "fuzz.h"
#include "base/clock.h"
#include "base/money.h"
#include "base/object_id.h"

static void try_price(struct str text)
{
    int64_t cents, again;
    struct buf out;

    if (!price_from_text(text, &cents)) return;
    ASSERT(cents > 0 && cents <= PRICE_CENTS_MAX);
    buf_init(&out, NULL, 64);
    money_append(&out, cents);
    ASSERT(price_from_text(buf_str(&out), &again) && again == cents);
    buf_free(&out);
}

static void try_time(struct str text)
{
    char shown[ISO8601_LEN + 1];
    struct wall_ms time, again;

    if (!iso8601_parse(text, &time)) return;
    iso8601_format(time, shown);
    ASSERT(iso8601_parse(str_of(shown), &again) && wall_same(again, time));
}

static void try_id(struct str text)
{
    struct object_id id, again;
    struct object_id_text shown;

    if (!object_id_parse(text, &id)) return;
    shown = object_id_text(id);
    ASSERT(object_id_parse(str_of(shown.hex), &again) && object_id_eq(id, again));
    ASSERT(str_eq_nocase(text, str_of(shown.hex)));
}

static void try_base64(struct str text)
{
    struct buf plain, shown, again;

    buf_init(&plain, NULL, FUZZ_TEXT_MAX);
    buf_init(&shown, NULL, FUZZ_TEXT_MAX);
    buf_init(&again, NULL, FUZZ_TEXT_MAX);
    if (base64_decode(&plain, text)) {
        base64_encode(&shown, buf_str(&plain), true);
        ASSERT(base64_decode(&again, buf_str(&shown)));
        ASSERT(str_eq(buf_str(&plain), buf_str(&again)));
    }
    buf_free(&plain);
    buf_free(&shown);
    buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = fuzz_text(data, size);
    struct str trimmed = str_trim(text);
    int64_t number;

    try_price(text);
    try_time(text);
    try_id(text);
    try_base64(text);
    ASSERT(trimmed.len <= text.len);
    if (str_to_int64(text, &number)) ASSERT(text.len > 0);
    if (str_is_utf8(text)) ASSERT(str_code_points(text) <= text.len);
    return 0;
}
