/* base/degrees.h: latitudes and longitudes, as whole millionths of a degree (11 cm at most).
 * Threads: any. */
#ifndef BASE_DEGREES_H
#define BASE_DEGREES_H

#include "base/json.h"

#define DEGREE          INT64_C(1000000)
#define LATITUDE_MAX    (90 * DEGREE)
#define LONGITUDE_MAX   (180 * DEGREE)
#define DEGREES_UNKNOWN INT64_MIN

/* "-33.856784": digits, perhaps with a point and a sign, of at most max either way; rounded to
 * millionths. False for anything else, out untouched. */
bool degrees_parse(struct str text, int64_t max, int64_t *out);
/* A number, or the same as text, of at most max either way; rounded to millionths. False for
 * anything else, out untouched. */
bool json_degrees(const struct json *value, int64_t max, int64_t *out);
void json_put_degrees(struct json_writer *writer, int64_t degrees);
/* "-33.856784" */
void degrees_text(struct buf *out, int64_t degrees);

#endif
