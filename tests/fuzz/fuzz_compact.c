/* Any bytes as the body of POST /streaming/publish. Promise: what an operator publishes is one JSON
 * value on one line, the same that was sent. */
#include "fuzz.h"
#include "services/admin/admin.h"

static void expect_same(const struct json *sent, const struct json *kept)
{
    double a = 0, b = 0;
    struct str x, y;

    ASSERT(kept && json_type(sent) == json_type(kept));
    ASSERT(json_length(sent) == json_length(kept));
    for (size_t i = 0; i < json_length(sent); i++)
        expect_same(json_at(sent, i), json_at(kept, i));
    ASSERT(!json_double(sent, &a) || (json_double(kept, &b) && memcmp(&a, &b, sizeof a) == 0));
    ASSERT(!json_text(sent, &x) || (json_text(kept, &y) && str_eq(x, y)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = fuzz_arena();
    struct str text = fuzz_text(data, size);
    const struct json *body = json_parsed(arena, text);
    struct buf out;

    if (json_type(body) != JSON_OBJECT) return 0;
    buf_init(&out, NULL, FUZZ_TEXT_MAX);
    if (json_member_compact(text, STR("data"), &out)) {
        ASSERT(out.len > 0 && out.len <= size && !memchr(out.at, '\n', out.len));
        /* A key spelt with escapes is another way to say "data"; only the plain one is taken. */
        if (!memchr(text.at, '\\', text.len))
            expect_same(json_get(body, "data"), json_parsed(arena, buf_str(&out)));
        else
            ASSERT(json_parsed(arena, buf_str(&out)));
    }
    buf_free(&out);
    return 0;
}
