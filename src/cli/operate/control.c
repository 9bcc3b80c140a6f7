/* cli/operate/control.c: the control socket of a running server, for the commands beside serve. */
#include "cli/operate/control.h"

#include "base/json.h"

#include <errno.h>
#include <stdio.h>

#define SOCKET_NAME "control.sock"
#define ANSWER_MAX  (256 * 1024)
#define ASK_MAX     (16 * 1024 * 1024)

struct http_stream *control_try(const char *data)
{
    return http_stream_open(data, SOCKET_NAME);
}

struct http_stream *control_open(const char *data)
{
    struct http_stream *control = control_try(data);

    if (control) return control;
    if (errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR)
        fprintf(stderr,
                "boxoffice: no server is running on %s (cannot connect to %s/" SOCKET_NAME
                "): start one with boxoffice serve --data %s\n",
                data, data, data);
    else
        fprintf(stderr, "boxoffice: cannot connect to %s/" SOCKET_NAME ": %s\n", data,
                strerror(errno));
    return NULL;
}

static void print_errors(const struct json *errors)
{
    for (size_t i = 0; i < json_length(errors); i++) {
        struct str message;

        if (json_text(json_get(json_at(errors, i), "message"), &message))
            fprintf(stderr, "boxoffice: %.*s\n", (int)message.len, message.at);
    }
}

int control_report(struct http_stream *control, int status)
{
    struct arena *arena = arena_new(ANSWER_MAX * 4);
    const struct json *errors = NULL;
    struct buf body;

    buf_init(&body, NULL, ANSWER_MAX);
    if (arena && status && http_stream_read_all(control, &body))
        errors = json_get(json_parsed(arena, buf_str(&body)), "errors");
    if (!status)
        fprintf(stderr, "boxoffice: the server closed the connection\n");
    else if (json_length(errors) == 0)
        fprintf(stderr, "boxoffice: the server answered with status %d\n", status);
    print_errors(errors);
    buf_free(&body);
    if (arena) arena_free(arena);
    return 1;
}

int control_ask(const char *data, const char *method, const char *path, const struct str *body,
                struct arena *arena, struct str *out)
{
    struct http_stream *control = control_open(data);
    struct buf text;
    int status, code = -1;

    if (!control) return 1;
    buf_init(&text, arena, ASK_MAX);
    status = http_stream_request(control, method, path, body);
    if (status != 200)
        code = control_report(control, status);
    else if (!http_stream_read_all(control, &text))
        code = control_report(control, 0);
    *out = buf_str(&text);
    http_stream_close(control);
    return code;
}
