/* http/framing.h: where a request begins and ends, read strictly.
 *
 * The parser library is lenient in its own ways, another one on the way here in others, and what
 * two readers take differently hides a request from one of them (RFC 9112 section 11.2). So each
 * byte passes through here before the library sees it, whichever library that is: what is not RFC
 * 9112 to the letter never reaches it. Where the RFC lets a server be kind (section 2.2: a bare LF
 * as a line's end, several blanks in the request line; section 5.2: a value on two lines), we are
 * not. One thing is forgiven, because clients do it: empty lines before a request. */
#ifndef HTTP_FRAMING_H
#define HTTP_FRAMING_H

#include "base/str.h"

/* Of one connection. All zero: before its first request. */
struct framing {
    uint8_t state;    /* enum framing_state of framing.c */
    uint8_t count;    /* of what is counted in the state: letters, digits */
    bool method_read; /* the request line is past its method */
    bool trailer;     /* header lines are behind the last chunk */
    uint16_t size;    /* bytes of the head, of extensions and trailers so far */
    uint64_t left;    /* of the body or chunk, in bytes */
};

enum framing_verdict {
    FRAMING_MORE,      /* all bytes are fine so far */
    FRAMING_HEAD,      /* … and the head ends with them: framing_body has to follow */
    FRAMING_MESSAGE,   /* … and the request ends with them */
    FRAMING_TOO_LARGE, /* head, extensions or trailers are more than HTTP_HEADERS_MAX */
    FRAMING_BROKEN     /* the next byte cannot follow; nor can any after it */
};

/* Reads on, up to the end of a head, of a message, or the first byte that is wrong. *used: how many
 * bytes were fine. What they say depends on the bytes alone, not on how they were cut. */
enum framing_verdict framing_read(struct framing *framing, struct str bytes, size_t *used);
/* What follows the head, which was read to its end: chunks, or so many bytes. True: nothing does,
 * the request is whole. */
bool framing_body(struct framing *framing, bool chunked, uint64_t length);
/* A method was read whole, in a request line that was in order up to there. */
static inline bool framing_method_read(const struct framing *framing)
{
    return framing->method_read;
}

#endif
