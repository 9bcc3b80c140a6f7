/* http/sizes.h: how much of a request is taken, and of an answer kept, in bytes. */
#ifndef HTTP_SIZES_H
#define HTTP_SIZES_H

#define HTTP_BODY_MAX         65536
#define HTTP_LARGE_BODY_MAX   (1024 * 1024) /* of any route that takes more … */
#define HTTP_LARGE_BODIES_MAX 64            /* … so many at once; then 503 */
#define HTTP_HEADERS_MAX      16384
#define HTTP_REQUEST_ID_MAX   64
#define HTTP_ARENA_MAX        (4 * 1024 * 1024) /* request and answer together */

#endif
