/* runtime/serve.h: the whole program, from opening the data folder to a clean stop. */
#ifndef RUNTIME_SERVE_H
#define RUNTIME_SERVE_H

#include "runtime/service.h"

#define CONTROL_SOCKET "control.sock" /* in the data folder */

/* definitions: the administration first (services/admin/admin_service.h), then the others to run,
 * `count` in all, then those that this program knows besides, known_count with them.
 *
 * Opens everything, prints "listening on http://…" on stdout, serves until SIGINT or SIGTERM, stops
 * cleanly. Returns the exit code; what keeps it from starting is said on stderr, one line. */
int app_serve(const struct settings *settings, const struct service_definition *const *definitions,
              size_t count, size_t known_count);

#endif
