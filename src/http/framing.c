/* http/framing.c: RFC 9112's grammar of a request, byte by byte. */
#include "http/framing.h"

#include "base/hex.h"
#include "http/sizes.h"

#define METHOD_LEN_MAX  32
#define SIZE_DIGITS_MAX 16 /* hexadecimal ones of a chunk's size */

enum framing_state {
    START, /* of a request; empty lines pass */
    START_LF,
    METHOD,
    TARGET_START,
    TARGET,
    VERSION,
    LINE_CR, /* the line is over: CR, then LF */
    LINE_LF,
    HEADER_START,
    HEADER_NAME,
    HEADER_VALUE,
    HEADER_LF,
    HEAD_LF, /* of the empty line */
    HEAD_END,
    BODY,
    CHUNK_SIZE,
    EXTENSION_START,
    EXTENSION_NAME,
    EXTENSION_VALUE_START,
    EXTENSION_VALUE,
    EXTENSION_QUOTED,
    EXTENSION_ESCAPED,
    EXTENSION_END,
    CHUNK_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    TOO_LARGE,
    BROKEN
};

/* RFC 9110 section 5.6.2. */
static bool is_token(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* RFC 9110 section 5.5: visible, a blank, or not ASCII. */
static bool is_text(unsigned char c)
{
    return (c >= ' ' && c != 0x7f) || c == '\t';
}

/* --- the request line ---------------------------------------------------------------------- */

/* What methods are made of; the parser knows which there are. */
static enum framing_state after_method(struct framing *framing, unsigned char c)
{
    bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_';

    if (letter && framing->count < METHOD_LEN_MAX) {
        framing->count++;
        return METHOD;
    }
    if (c != ' ' || framing->count == 0) return BROKEN;
    framing->method_read = true;
    return TARGET_START;
}

static enum framing_state after_target(struct framing *framing, unsigned char c)
{
    if (c > ' ' && c < 0x7f) return TARGET;
    if (c != ' ' || framing->state == TARGET_START) return BROKEN;
    framing->count = 0;
    return VERSION;
}

/* RFC 9112 section 2.3; of its minor versions there are two. */
static enum framing_state after_version(struct framing *framing, unsigned char c)
{
    static const char before[] = "HTTP/1.";

    if (framing->count == sizeof before - 1) return c == '0' || c == '1' ? LINE_CR : BROKEN;
    return c == (unsigned char)before[framing->count++] ? VERSION : BROKEN;
}

static enum framing_state in_request_line(struct framing *framing, unsigned char c)
{
    switch (framing->state) {
    case START:
        if (c == '\r') return START_LF;
        framing->count = 0;
        return after_method(framing, c);
    case START_LF:
        return c == '\n' ? START : BROKEN;
    case METHOD:
        return after_method(framing, c);
    case TARGET_START:
    case TARGET:
        return after_target(framing, c);
    case VERSION:
        return after_version(framing, c);
    case LINE_CR:
        return c == '\r' ? LINE_LF : BROKEN;
    default:
        return c == '\n' ? HEADER_START : BROKEN;
    }
}

/* --- header lines, and trailers ------------------------------------------------------------- */

static enum framing_state in_headers(const struct framing *framing, unsigned char c)
{
    switch (framing->state) {
    case HEADER_START: /* a blank here would carry on the line before: section 5.2 */
        if (c == '\r') return HEAD_LF;
        return is_token(c) ? HEADER_NAME : BROKEN;
    case HEADER_NAME:
        if (c == ':') return HEADER_VALUE;
        return is_token(c) ? HEADER_NAME : BROKEN;
    case HEADER_VALUE:
        if (c == '\r') return HEADER_LF;
        return is_text(c) ? HEADER_VALUE : BROKEN;
    case HEADER_LF:
        return c == '\n' ? HEADER_START : BROKEN;
    default:
        return c == '\n' ? HEAD_END : BROKEN;
    }
}

/* --- chunks: section 7.1 -------------------------------------------------------------------- */

static enum framing_state after_size(struct framing *framing, unsigned char c)
{
    int digit = hex_digit((char)c);

    if (digit >= 0 && framing->count < SIZE_DIGITS_MAX) {
        framing->count++;
        framing->left = framing->left << 4 | (uint64_t)digit;
        return CHUNK_SIZE;
    }
    if (framing->count == 0 || digit >= 0) return BROKEN;
    return c == ';' ? EXTENSION_START : c == '\r' ? CHUNK_LF : BROKEN;
}

/* What may follow an extension's name or value. */
static enum framing_state after_extension(unsigned char c)
{
    return c == ';' ? EXTENSION_START : c == '\r' ? CHUNK_LF : BROKEN;
}

/* Nobody reads them; but who does not know where they end does not know where the data begins. */
static enum framing_state in_extension(const struct framing *framing, unsigned char c)
{
    switch (framing->state) {
    case EXTENSION_START:
        return is_token(c) ? EXTENSION_NAME : BROKEN;
    case EXTENSION_NAME:
        if (c == '=') return EXTENSION_VALUE_START;
        return is_token(c) ? EXTENSION_NAME : after_extension(c);
    case EXTENSION_VALUE_START:
        if (c == '"') return EXTENSION_QUOTED;
        return is_token(c) ? EXTENSION_VALUE : BROKEN;
    case EXTENSION_VALUE:
        return is_token(c) ? EXTENSION_VALUE : after_extension(c);
    case EXTENSION_QUOTED:
        if (c == '"') return EXTENSION_END;
        if (c == '\\') return EXTENSION_ESCAPED;
        return is_text(c) ? EXTENSION_QUOTED : BROKEN;
    case EXTENSION_ESCAPED:
        return is_text(c) ? EXTENSION_QUOTED : BROKEN;
    default:
        return after_extension(c);
    }
}

static enum framing_state begin_chunk(struct framing *framing)
{
    framing->count = 0;
    framing->left = 0;
    return CHUNK_SIZE;
}

static enum framing_state in_chunks(struct framing *framing, unsigned char c)
{
    switch (framing->state) {
    case CHUNK_SIZE:
        return after_size(framing, c);
    case CHUNK_LF:
        if (c != '\n') return BROKEN;
        framing->trailer = framing->left == 0;
        return framing->trailer ? HEADER_START : CHUNK_DATA;
    case CHUNK_DATA_CR:
        return c == '\r' ? CHUNK_DATA_LF : BROKEN;
    default:
        return c == '\n' ? begin_chunk(framing) : BROKEN;
    }
}

/* --- all of it ------------------------------------------------------------------------------ */

static enum framing_state follow(struct framing *framing, unsigned char c)
{
    if (framing->state <= LINE_LF) return in_request_line(framing, c);
    if (framing->state <= HEAD_LF) return in_headers(framing, c);
    if (framing->state >= EXTENSION_START && framing->state <= EXTENSION_END)
        return in_extension(framing, c);
    return in_chunks(framing, c);
}

/* Chunks' sizes and ends are bounded by the body they carry. */
static bool is_counted(const struct framing *framing)
{
    return framing->state <= HEAD_LF ||
           (framing->state >= EXTENSION_START && framing->state <= EXTENSION_END);
}

/* How many of the bytes are visible ASCII or blanks, by words: values are most of a request. */
static size_t plain_length(const char *at, size_t len)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
    size_t plain = 0;

    for (; plain + 8 <= len; plain += 8) {
        uint64_t word, delete;

        memcpy(&word, at + plain, 8);
        delete = word ^ ones * 0x7f;
        if ((((word - ones * ' ') | word) & tops) || ((delete - ones) & ~delete &tops)) break;
    }
    return plain;
}

/* What needs no look at each byte. */
static size_t skip(struct framing *framing, const char *at, size_t len)
{
    size_t room = (size_t)HTTP_HEADERS_MAX - framing->size;

    if (framing->state == HEADER_VALUE) {
        len = plain_length(at, len < room ? len : room);
        framing->size = (uint16_t)(framing->size + len);
        return len;
    }
    if (framing->state != BODY && framing->state != CHUNK_DATA) return 0;
    if (len > framing->left) len = (size_t)framing->left;
    framing->left -= len;
    if (framing->left == 0) framing->state = framing->state == BODY ? START : CHUNK_DATA_CR;
    return len;
}

static void framing_begin(struct framing *framing)
{
    *framing = (struct framing){.state = START};
}

static enum framing_verdict head_over(struct framing *framing)
{
    if (!framing->trailer) return FRAMING_HEAD;
    framing_begin(framing);
    return FRAMING_MESSAGE;
}

static enum framing_verdict framing_step(struct framing *framing, unsigned char c)
{
    enum framing_state next;

    if (is_counted(framing) && framing->size == HTTP_HEADERS_MAX) {
        framing->state = TOO_LARGE;
        return FRAMING_TOO_LARGE;
    }
    next = follow(framing, c);
    if (next == BROKEN) {
        framing->state = BROKEN;
        return FRAMING_BROKEN;
    }
    if (is_counted(framing)) framing->size++;
    framing->state = (uint8_t)next;
    return next == HEAD_END ? head_over(framing) : FRAMING_MORE;
}

enum framing_verdict framing_read(struct framing *framing, struct str bytes, size_t *used)
{
    enum framing_verdict verdict = FRAMING_MORE;

    *used = 0;
    if (framing->state == TOO_LARGE) return FRAMING_TOO_LARGE;
    if (framing->state == BROKEN) return FRAMING_BROKEN;
    while (*used < bytes.len && verdict == FRAMING_MORE) {
        bool body = framing->state == BODY;

        *used += skip(framing, bytes.at + *used, bytes.len - *used);
        if (body) {
            if (framing->state == BODY) break;
            framing_begin(framing);
            return FRAMING_MESSAGE;
        }
        if (*used == bytes.len) break;
        verdict = framing_step(framing, (unsigned char)bytes.at[*used]);
        if (verdict <= FRAMING_MESSAGE) ++*used;
    }
    return verdict;
}

bool framing_body(struct framing *framing, bool chunked, uint64_t length)
{
    ASSERT(framing->state == HEAD_END);
    if (!chunked && length == 0) {
        framing_begin(framing);
        return true;
    }
    framing->left = length;
    framing->state = (uint8_t)(chunked ? begin_chunk(framing) : BODY);
    return false;
}
