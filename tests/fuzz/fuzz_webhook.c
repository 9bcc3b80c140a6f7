/* Any bytes as a webhook's signature header and body; '\n' parts them. Promise: only a header that
 * carries the right HMAC is believed, whatever else is in it; and a right one is believed whatever
 * the body. */
#include "fuzz.h"
#include "base/sha256.h"
#include "services/payments/signature.h"

#define NOW_S INT64_C(1800000000)

static const struct str secret = {"whsec_for_fuzzing_only", 22};

static bool holds(struct str text, struct str wanted)
{
    return text.len >= wanted.len && memmem(text.at, text.len, wanted.at, wanted.len) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = fuzz_text(data, size), header = text, body = STR("");
    const char *end = text.len ? memchr(text.at, '\n', text.len) : NULL;
    struct str parts[] = {STR("1800000000"), STR("."), body};
    struct hmac_text right;
    struct buf made;

    if (end) {
        header.len = (size_t)(end - text.at);
        body = (struct str){end + 1, text.len - header.len - 1};
        parts[2] = body;
    }
    hmac_sha256(secret, parts, 3, &right);
    if (!holds(header, STR("t=")) || !holds(header, STR("v1=")) || header.len <= HMAC_HEX)
        ASSERT(!signature_valid(secret, header, body, NOW_S));
    buf_init(&made, fuzz_arena(), FUZZ_TEXT_MAX);
    buf_printf(&made, "t=1800000000,v1=%s", right.hex);
    ASSERT(signature_valid(secret, buf_str(&made), body, NOW_S));
    ASSERT(!signature_valid(secret, buf_str(&made), body, NOW_S + SIGNATURE_TOLERANCE_S + 1));
    made.at[made.len - 1] = made.at[made.len - 1] == '0' ? '1' : '0';
    ASSERT(!signature_valid(secret, buf_str(&made), body, NOW_S));
    buf_append(&made, STR(","));
    buf_append(&made, header); /* anything after a right time and a wrong signature */
    if (!holds(header, str_of(right.hex)))
        ASSERT(!signature_valid(secret, buf_str(&made), body, NOW_S));
    return 0;
}
