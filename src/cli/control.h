/* cli/control.h: a small HTTP/1.1 client over a running server's control socket, with plain
 * blocking sockets: enough for the commands beside serve. */
#ifndef CLI_CONTROL_H
#define CLI_CONTROL_H

#include "base/str.h"

struct control; /* one connection; one request at a time */

/* Connects to the server that runs on the data folder. NULL: it was said on stderr why not. */
struct control *control_open(const char *data);
/* The same, quietly. */
struct control *control_try(const char *data);
void control_close(struct control *control);
int control_fd(const struct control *control);

/* Sends a request (body NULL: none) and reads the head of the answer. Returns the status; 0 when
 * the connection broke. */
int control_request(struct control *control, const char *method, const char *path,
                    const struct str *body);

enum control_part {
    CONTROL_DATA,  /* *out: lives until control_receive */
    CONTROL_MORE,  /* control_receive first */
    CONTROL_END,   /* the answer came to its proper end */
    CONTROL_BROKEN /* it did not */
};
/* The next part of the answer's body, out of what was received already. */
enum control_part control_read(struct control *control, struct str *out);
/* Blocks until there are more bytes. False: the connection has ended. */
bool control_receive(struct control *control);
/* The whole body. False when it did not come whole or does not fit. */
bool control_read_all(struct control *control, struct buf *out);

/* Says what an answer that is no success means, on stderr; status 0: it never came. Returns the
 * exit code, 1. */
int control_complain(struct control *control, int status);

/* One request to the server that runs on the data folder: the body of its answer, in the arena.
 * -1: a success (200); else the exit code, and it was said on stderr what is wrong. */
int control_ask(const char *data, const char *method, const char *path, const struct str *body,
                struct arena *arena, struct str *out);

#endif
