/* base/buf.c: the growing buffer with its maximum at birth.
 *
 * One byte more than cap is always there, so that vsnprintf has a place for its NUL even when the
 * text fills the buffer to its maximum. */
#include "base/str.h"

#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_CAP ((size_t)255)

void buf_init(struct buf *buf, struct arena *arena, size_t max)
{
    ASSERT(max > 0 && max < SIZE_MAX / 4);
    *buf = (struct buf){.max = max, .arena = arena};
}

void buf_free(struct buf *buf)
{
    if (!buf->arena) free(buf->at);
    buf->at = NULL;
    buf->len = 0;
    buf->cap = 0;
    buf->failed = false;
}

void buf_reset(struct buf *buf)
{
    buf->len = 0;
    buf->failed = false;
}

static bool resize(struct buf *buf, size_t cap)
{
    char *at;

    if (buf->arena) {
        at = arena_alloc_raw(buf->arena, cap + 1);
        if (at && buf->len) memcpy(at, buf->at, buf->len);
    } else {
        at = realloc(buf->at, cap + 1);
    }
    if (!at) return false;
    buf->at = at;
    buf->cap = cap;
    return true;
}

static bool grow(struct buf *buf, size_t size)
{
    size_t cap = buf->cap ? 2 * buf->cap + 1 : FIRST_CAP;

    if (buf->failed) return false;
    buf->failed = true;
    if (size > buf->max - buf->len) return false;
    if (cap < buf->len + size) cap = buf->len + size;
    if (cap > buf->max) cap = buf->max;
    if (!resize(buf, cap)) return false;
    buf->failed = false;
    return true;
}

static inline bool make_room(struct buf *buf, size_t size)
{
    if (size <= buf->cap - buf->len && !buf->failed) return true;
    return grow(buf, size);
}

char *buf_reserve(struct buf *buf, size_t size)
{
    return make_room(buf, size) ? buf->at + buf->len : NULL;
}

void buf_append(struct buf *buf, struct str text)
{
    if (text.len == 0 || !make_room(buf, text.len)) return;
    memcpy(buf->at + buf->len, text.at, text.len);
    buf->len += text.len;
}

void buf_char(struct buf *buf, char c)
{
    if (!make_room(buf, 1)) return;
    buf->at[buf->len++] = c;
}

void buf_int(struct buf *buf, int64_t number)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;
    char digits[20];
    char *at = digits + sizeof digits;

    while (rest >= 10) {
        at -= 2;
        memcpy(at, pairs + 2 * (rest % 100), 2);
        rest /= 100;
    }
    if (rest || at == digits + sizeof digits) *--at = (char)('0' + rest);
    if (number < 0) *--at = '-';
    buf_append(buf, (struct str){at, (size_t)(digits + sizeof digits - at)});
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    size_t room = buf->cap - buf->len;
    va_list arguments;
    int length;

    if (buf->failed) return;
    va_start(arguments, format);
    length =
        vsnprintf(buf->at ? buf->at + buf->len : NULL, buf->at ? room + 1 : 0, format, arguments);
    va_end(arguments);
    if (length < 0) {
        buf->failed = true;
        return;
    }
    if ((size_t)length > room) { /* now that the length is known, once more */
        if (!make_room(buf, (size_t)length)) return;
        va_start(arguments, format);
        length = vsnprintf(buf->at + buf->len, (size_t)length + 1, format, arguments);
        va_end(arguments);
    }
    buf->len += (size_t)length;
}
