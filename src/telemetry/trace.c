/* telemetry/trace.c: trace ids, and their form as text. */
#include "telemetry/trace.h"

#include "base/hex.h"

#include <endian.h>

/* Not texts: nothing ends them with a zero. */
static const char version_0[3] = {'0', '0', '-'};
static const char sampled_flags[2][3] = {{'-', '0', '0'}, {'-', '0', '1'}};

/* Lower case only, as the recommendation demands. */
static bool read_hex(const char *at, int digits, uint64_t *out)
{
    uint64_t number = 0;

    if (!hex_is_lower((struct str){at, (size_t)digits})) return false;
    for (int i = 0; i < digits; i++)
        number = number << 4 | (uint64_t)hex_digit(at[i]);
    *out = number;
    return true;
}

bool trace_parse(struct str text, struct trace *out)
{
    uint64_t version, flags;
    struct trace read = {0};

    *out = read;
    if (text.len < TRACE_TEXT_LEN || text.at[2] != '-' || text.at[35] != '-' ||
        text.at[52] != '-' || !read_hex(text.at, 2, &version) ||
        !read_hex(text.at + 3, 16, &read.high) || !read_hex(text.at + 19, 16, &read.low) ||
        !read_hex(text.at + 36, 16, &read.span) || !read_hex(text.at + 53, 2, &flags))
        return false;
    if (version == 0xff || !trace_known(&read) || !read.span) return false;
    if (text.len > TRACE_TEXT_LEN && (version == 0 || text.at[TRACE_TEXT_LEN] != '-')) return false;
    read.sampled = flags & 1;
    *out = read;
    return true;
}

void trace_hex(uint64_t number, char out[TRACE_ID_HEX])
{
    uint64_t high_first = htobe64(number);
    char text[TRACE_ID_HEX + 1];

    hex_encode((const unsigned char *)&high_first, sizeof high_first, text);
    memcpy(out, text, TRACE_ID_HEX);
}

void trace_format(const struct trace *trace, char out[TRACE_TEXT_LEN])
{
    memcpy(out, version_0, sizeof version_0);
    trace_hex(trace->high, out + 3);
    trace_hex(trace->low, out + 19);
    out[35] = '-';
    trace_hex(trace->span, out + 36);
    memcpy(out + 52, sampled_flags[trace->sampled], sizeof sampled_flags[0]);
}

/* --- ids ----------------------------------------------------------------------------------- */

static uint64_t rotate(uint64_t bits, int by)
{
    return bits << by | bits >> (64 - by);
}

void trace_source_init(struct trace_source *source, struct random *random)
{
    random_fill(random, source->state, sizeof source->state);
    source->state[0] |= 1; /* all zero would stay so */
}

/* xoshiro256++ (Blackman and Vigna, https://prng.di.unimi.it/). */
uint64_t trace_source_next(struct trace_source *source)
{
    uint64_t *s = source->state;
    uint64_t result = rotate(s[0] + s[3], 23) + s[0];
    uint64_t shifted = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate(s[3], 45);
    return result ? result : 1;
}
