/* cli/events/events_publish.c: boxoffice events publish SUBJECT JSON: one event, through the
 * running server. */
#include "base/json.h"
#include "cli/cli.h"
#include "cli/operate/control.h"

#define BODY_MAX (1024 * 1024)

struct publish_options {
    const char *subject, *json, *data;
};

/* -1: go on; else the exit code. */
static int read_options(int count, char **words, struct publish_options *out)
{
    const struct cli_option options[] = {{"data", &out->data, NULL}, {0}};
    int first, code = cli_options("events publish", count, words, options, &first);

    if (code >= 0) return code;
    if (count - first != 2) return cli_refuse("events publish takes SUBJECT and JSON");
    out->subject = words[first];
    out->json = words[first + 1];
    return -1;
}

/* The event is on the disk: its warning, if any, goes to stderr. */
static int read_answer(struct http_stream *control, struct arena *arena)
{
    const struct json *answer;
    struct str warning;
    struct buf text;

    buf_init(&text, arena, BODY_MAX);
    if (!http_stream_read_all(control, &text)) return control_report(control, 0);
    answer = json_parsed(arena, buf_str(&text));
    if (json_text(json_get(answer, "warning"), &warning))
        fprintf(stderr, "boxoffice: published, but %.*s\n", (int)warning.len, warning.at);
    printf("%.*s\n", (int)text.len, text.at ? text.at : "");
    return cli_finish();
}

static int publish(struct http_stream *control, struct arena *arena,
                   const struct publish_options *options)
{
    struct json_writer writer;
    struct buf body;
    struct str text;
    int status;

    buf_init(&body, arena, BODY_MAX);
    writer = json_writer_to(&body);
    json_begin_object(&writer);
    json_member_text(&writer, "subject", str_of(options->subject));
    json_key(&writer, "data");
    json_put_raw(&writer, str_of(options->json));
    json_end_object(&writer);
    if (body.failed) return cli_refuse("the JSON is too long");
    text = buf_str(&body);
    status = http_stream_request(control, "POST", "/streaming/publish", &text);
    return status == 201 ? read_answer(control, arena) : control_report(control, status);
}

int cli_publish(int count, char **words)
{
    struct publish_options options = {.data = DATA_DEFAULT};
    int code = read_options(count, words, &options);
    struct http_stream *control = NULL;
    struct arena *arena = NULL;

    if (code >= 0) return code;
    code = 1;
    arena = arena_new(16 * BODY_MAX);
    if (!arena) return code;
    if (!json_parsed(arena, str_of(options.json)))
        fprintf(stderr, "boxoffice: this is not JSON: %s\n", options.json);
    else if ((control = control_open(options.data)))
        code = publish(control, arena, &options);
    http_stream_close(control);
    arena_free(arena);
    return code;
}
