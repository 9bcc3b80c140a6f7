/* base/siphash.h: a hash nobody can steer who does not know the key, for tables whose keys come
 * from outside. SipHash-2-4 (Aumasson and Bernstein, 2012). */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include "base/str.h"

/* Threads: any. */
uint64_t siphash(const uint64_t key[2], struct str text);

#endif
