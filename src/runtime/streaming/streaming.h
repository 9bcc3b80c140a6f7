/* runtime/streaming/streaming.h: the bus as a service: health, monitoring, and the operator's
 * publisher and listeners. What its files share; nobody else includes it. */
#ifndef RUNTIME_STREAMING_STREAMING_H
#define RUNTIME_STREAMING_STREAMING_H

#include "runtime/house.h"

extern const struct str openapi_json; /* docs/openapi.json */

/* --- health.c ------------------------------------------------------------------------------ */

handler_fn get_healthz;
handler_fn get_readyz;

#endif
