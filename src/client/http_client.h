/* client/http_client.h: asking other servers over HTTP: the card processor, or the API from web
 * pages that run in another process. Blocking; for pool threads only, never for a loop or a writer.
 */
#ifndef CLIENT_HTTP_CLIENT_H
#define CLIENT_HTTP_CLIENT_H

#include "base/arena.h"

struct http_client; /* kept-alive connections; one a thread at a time */

enum http_client_result {
    HTTP_CLIENT_OK,       /* an answer came, whatever its status */
    HTTP_CLIENT_UNSENT,   /* nothing was sent: no connection could be made */
    HTTP_CLIENT_UNKNOWN,  /* it may have been sent: the connection broke or time ran out */
    HTTP_CLIENT_TOO_LARGE /* the answer is larger than allowed */
};

struct http_client_request {
    const char *method;         /* "GET", "POST", … */
    const char *url;            /* http:// or https:// (certificates are verified) */
    const char *const *headers; /* "Name: value" lines, NULL-terminated; NULL: none. Never logged,
                                   and never part of the process list */
    struct str body;
    const char *source; /* the address of this machine to come from, "host!ADDRESS"; NULL: as the
                           system chooses */
    int64_t connect_ms_max, total_ms_max;
    size_t answer_bytes_max;
};

struct http_client_answer {
    int status;
    struct str body;    /* in the arena */
    struct str headers; /* the header lines as they came, in the arena: see str_header */
};

/* NULL when memory ran out. */
struct http_client *http_client_new(void);
void http_client_free(struct http_client *client);
enum http_client_result http_client_ask(struct http_client *client, struct arena *arena,
                                        const struct http_client_request *request,
                                        struct http_client_answer *answer);

#endif
