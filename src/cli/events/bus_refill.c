/* cli/events/bus_refill.c: boxoffice bus refill: publishes again, through the running server, what
 * its services' outboxes hold, after the stream was lost. */
#include "base/json.h"
#include "cli/cli.h"
#include "cli/operate/control.h"

#include <inttypes.h>

#define ANSWER_MAX 65536
#define PATH_BYTES 256

struct refill_options {
    const char *data, *service;
    int64_t from;
};

/* -1: go on; else the exit code. */
static int read_options(int count, char **words, struct refill_options *out)
{
    const char *from = "0";
    const struct cli_option options[] = {
        {"data", &out->data, NULL}, {"service", &out->service, NULL}, {"from", &from, NULL}, {0}};
    int first, code = cli_options("bus refill", count, words, options, &first);

    if (code >= 0) return code;
    if (!str_to_int64(str_of(from), &out->from))
        return cli_refuse("--from takes a sequence number, 0 or more: %s", from);
    if (first < count) return cli_refuse("bus refill takes no words: %s", words[first]);
    if (out->service && strspn(out->service, "abcdefghijklmnopqrstuvwxyz") != strlen(out->service))
        return cli_refuse("--service: no service is called %s", out->service);
    return out->from && !out->service ? cli_refuse("--from needs --service") : -1;
}

/* One request; NULL: it was said on stderr why there is no answer. */
static const struct json *refill_ask(const char *data, const char *method, const char *path,
                                     struct arena *arena)
{
    struct http_stream *control = control_open(data);
    const struct json *answer = NULL;
    struct buf text;
    int status;

    if (!control) return NULL;
    buf_init(&text, arena, ANSWER_MAX);
    status = http_stream_request(control, method, path, NULL);
    if (status == 409)
        fprintf(stderr, "boxoffice: the server has the embedded event bus: nothing to refill\n");
    else if (status == 404)
        fprintf(stderr, "boxoffice: the server does not run that service\n");
    else if (status != 200)
        (void)control_report(control, status);
    else if (!http_stream_read_all(control, &text) ||
             !(answer = json_parsed(arena, buf_str(&text))))
        (void)control_report(control, 0);
    http_stream_close(control);
    return answer;
}

static bool refill_service(const char *data, struct str service, int64_t from, struct arena *arena)
{
    char path[PATH_BYTES];
    int64_t next = from;

    do {
        const struct json *answer;

        snprintf(path, sizeof path, "/streaming/refill?service=%.*s&from=%" PRId64,
                 (int)service.len, service.at, next);
        answer = refill_ask(data, "POST", path, arena);
        if (!answer || !json_int64(json_get(answer, "next"), &next)) return false;
    } while (next);
    printf("%.*s: handed to the relay from %" PRId64 " on\n", (int)service.len, service.at, from);
    return true;
}

static int refill(const struct refill_options *options)
{
    struct arena *arena = arena_new(64 * 1024 * 1024);
    const struct json *list =
        arena ? refill_ask(options->data, "GET", "/streaming/refill", arena) : NULL;
    const struct json *services = list ? json_get(list, "services") : NULL;
    bool good = services != NULL;

    if (good && options->service)
        good = refill_service(options->data, str_of(options->service), options->from, arena);
    for (size_t i = 0; good && !options->service && i < json_length(services); i++) {
        struct str service;

        good = json_text(json_at(services, i), &service) &&
               refill_service(options->data, service, 0, arena);
    }
    if (arena) arena_free(arena);
    return good ? cli_finish() : 1;
}

int cli_bus(int count, char **words)
{
    struct refill_options options = {.data = DATA_DEFAULT};
    int code;

    if (count < 2) return cli_refuse("bus needs a command: refill");
    if (strcmp(words[1], "--help") == 0 || strcmp(words[1], "-h") == 0) {
        cli_usage(stdout);
        return 0;
    }
    if (strcmp(words[1], "refill") != 0) return cli_refuse("bus has no command %s", words[1]);
    code = read_options(count - 1, words + 1, &options);
    return code >= 0 ? code : refill(&options);
}
