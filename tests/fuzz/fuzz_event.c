/* Any bytes as the payload of any event; the first byte picks the event. Promise: what was decoded
 * encodes to a payload that decodes to the same; what was refused has a reason. */
#include "fuzz.h"
#include "events/events.h"

static void encode(enum event_type type, const union event *event, struct buf *out)
{
    buf_init(out, NULL, FUZZ_TEXT_MAX);
    event_encode(type, event, out);
    ASSERT(!out->failed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = fuzz_arena();
    struct buf once, twice, why;
    union event event, again;
    enum event_type type;

    if (size == 0) return 0;
    type = (enum event_type)(data[0] % EVENT_TYPES);
    ASSERT(event_type_of(str_of(event_subject(type))) == type);
    buf_init(&why, NULL, FUZZ_TEXT_MAX);
    if (event_decode(type, arena, fuzz_text(data + 1, size - 1), &event, &why) == OK) {
        encode(type, &event, &once);
        ASSERT(event_decode(type, arena, buf_str(&once), &again, &why) == OK);
        encode(type, &again, &twice);
        ASSERT(str_eq(buf_str(&once), buf_str(&twice)));
        buf_free(&once);
        buf_free(&twice);
    } else {
        ASSERT(why.len > 0);
    }
    buf_free(&why);
    return 0;
}
