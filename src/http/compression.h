/* http/compression.h: answers that are smaller on the wire. */
#ifndef HTTP_COMPRESSION_H
#define HTTP_COMPRESSION_H

#include "http/request.h"

/* Of one event loop; no locks. */
struct compressor;
void compressor_free(struct compressor *compressor); /* NULL is fine */
/* Headers for caches, and the body compressed as the reply's packing says; perhaps 304 instead.
 * *compressor is made when it is first needed. */
void reply_compress(struct request *rq, struct compressor **compressor);

#endif
