/* base/hex.h: bytes as hexadecimal digits, and back. */
#ifndef BASE_HEX_H
#define BASE_HEX_H

#include "base/str.h"

/* 2 * size lower-case digits and a NUL. */
void hex_encode(const unsigned char *bytes, size_t size, char *out);
/* Whether the text is lower-case digits alone; an empty one is. */
bool hex_is_lower(struct str text);

/* The value of a digit of either case, 0 to 15; -1: it is none. */
static inline int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

#define HEX_NUMBER_LEN 16
/* The number that "%016llx" wrote so; all are digits (hex_is_lower). */
static inline uint64_t hex_number(const char *digits)
{
    uint64_t number = 0;

    for (size_t i = 0; i < HEX_NUMBER_LEN; i++)
        number = number << 4 | (uint64_t)hex_digit(digits[i]);
    return number;
}

#endif
