/* cli/operate/control.h: the control socket of a running server, for the commands beside serve;
 * what is wrong is printed on stderr here. */
#ifndef CLI_CONTROL_H
#define CLI_CONTROL_H

#include "base/arena.h"
#include "client/http_stream.h"

/* Connects to the server that runs on the data folder; closed with http_stream_close. NULL: it was
 * printed why not. */
struct http_stream *control_open(const char *data);
/* The same, quietly. */
struct http_stream *control_try(const char *data);

/* Prints what an answer that is no success means; status 0: it never came. Returns the exit
 * code, 1. */
int control_report(struct http_stream *control, int status);

/* One request to the server that runs on the data folder: the body of its answer, in the arena.
 * -1: a success (200); else the exit code, and it was printed what is wrong. */
int control_ask(const char *data, const char *method, const char *path, const struct str *body,
                struct arena *arena, struct str *out);

#endif
