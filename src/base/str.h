/* base/str.h: text by pointer and length, and the one growing buffer.
 *
 * struct str never owns: whoever hands one out says how long it lives. struct buf owns its bytes
 * and has its maximum at birth, so that nothing from outside can make it grow without end. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct arena;

struct str {
    const char *at;
    size_t len;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})

static inline struct str str_of(const char *text)
{
    return (struct str){text, text ? strlen(text) : 0};
}

/* FNV-1a (Fowler, Noll, Vo), 32 bits, on top of another hash or of STR_HASH. Keys can be chosen to
 * collide: for keys of our own, and where a collision costs no more than a miss. */
#define STR_HASH 2166136261u
static inline uint32_t str_hash(uint32_t hash, struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.at[i]) * 16777619u;
    return hash;
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* ASCII case is ignored; other bytes compare as they are. */
bool str_eq_nocase(struct str a, struct str b);
bool str_starts(struct str text, struct str prefix);
/* Without ASCII white space at both ends; a view of the same bytes. */
struct str str_trim(struct str text);
/* Number of Unicode code points of valid UTF-8 text. */
size_t str_code_points(struct str text);
/* True when text is well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates). */
bool str_is_utf8(struct str text);
bool str_is_ascii(struct str text);
/* Bytes (1 to 4) of the well-formed UTF-8 sequence text begins with; 0 when there is none. */
size_t str_utf8_length(struct str text);
/* Decimal digits only, whole text, no overflow. */
bool str_to_int64(struct str text, int64_t *out);
/* Equal contents, in time that depends on the lengths alone. */
bool str_eq_secret(struct str a, struct str b);

/* The value of the next header line of that name ("Name: value\r\n", names compared without case),
 * trimmed, a view of the same bytes; *lines is then what follows it. False: there is none. */
bool str_header_next(struct str *lines, struct str name, struct str *value);
/* The first one's; at == NULL when there is none. */
struct str str_header(struct str lines, struct str name);

struct buf {
    char *at;
    size_t len;
    size_t cap;
    size_t max;          /* growth past this sets failed */
    struct arena *arena; /* where the bytes live; NULL: the heap, freed by buf_free */
    bool failed;         /* an append did not fit or memory ran out: the contents are not whole */
};

/* max: bytes, > 0. arena may be NULL. No memory is taken until the first append. */
void buf_init(struct buf *buf, struct arena *arena, size_t max);
void buf_free(struct buf *buf);
/* Keeps the memory, forgets the contents and the failure. */
void buf_reset(struct buf *buf);
/* Appends never fail loudly: check buf->failed once, at the end. After a failure they do nothing.
 * text must not lie inside buf. */
void buf_append(struct buf *buf, struct str text);
void buf_char(struct buf *buf, char c);
void buf_int(struct buf *buf, int64_t number);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Room for size (> 0) more bytes: where to write them, then add what was written to buf->len.
 * NULL (and failed) when they do not fit. */
char *buf_reserve(struct buf *buf, size_t size);
static inline struct str buf_str(const struct buf *buf)
{
    return (struct str){buf->at ? buf->at : "", buf->len};
}

/* Base64 in both alphabets, padded or not (RFC 4648 sections 4 and 5). Decoding returns false on
 * any other character or an impossible length, and when out is full; out then holds what it held
 * before. Both append. encode: url selects alphabet 5, without padding. */
void base64_encode(struct buf *out, struct str bytes, bool url);
bool base64_decode(struct buf *out, struct str text);

#endif
