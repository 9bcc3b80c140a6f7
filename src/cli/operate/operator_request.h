/* cli/operate/operator_request.h: what the operator's commands share: their options, and one
 * request to the server that runs on the data folder, whose JSON they print. */
#ifndef CLI_OPERATOR_H
#define CLI_OPERATOR_H

#include "base/json.h"

#define OPERATOR_PATH_BYTES 512

struct operator_options {
    const char *data, *status, *limit, *after, *reason; /* NULL: not given */
    const char *words[3]; /* the command, what it is about, and of a role which */
    int word_count;
};

/* The options and at most three words after `command` ("payments"). -1: go on; else the exit code.
 */
int operator_options(const char *command, int count, char **words, struct operator_options *out);
/* "path?status=…&limit=…&after=…" in path, OPERATOR_PATH_BYTES long. False: a value is none. */
bool operator_list_path(const struct operator_options *options, const char *base, char *path);
/* Asks, and prints the answer. is_well (may be NULL): what the answer must say for 0. Returns the
 * exit code. */
int operator_ask(const char *data, const char *method, const char *path, const struct str *body,
                 bool (*is_well)(const struct json *answer));

#endif
