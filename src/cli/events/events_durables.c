/* cli/events/events_durables.c: boxoffice events durables and unsubscribe: the durable names of
 * listeners, through the running server. Prints the server's JSON. */
#include "cli/cli.h"
#include "cli/operate/operator_request.h"

#define BODY_MAX 1024

/* -1: go on; else the exit code. */
static int read_options(const char *command, int count, char **words, const char **data,
                        const char **subject, int *first)
{
    const struct cli_option options[] = {{"data", data, NULL}, {"subject", subject, NULL}, {0}};

    return cli_options(command, count, words, options, first);
}

int cli_durables(int count, char **words)
{
    const char *data = DATA_DEFAULT, *subject = NULL;
    int first, code = read_options("events durables", count, words, &data, &subject, &first);

    if (code >= 0) return code;
    if (first < count || subject) return cli_refuse("events durables takes --data only");
    return operator_ask(data, "GET", "/streaming/durables", NULL, NULL);
}

int cli_unsubscribe(int count, char **words)
{
    const char *data = DATA_DEFAULT, *subject = NULL;
    int first, code = read_options("events unsubscribe", count, words, &data, &subject, &first);
    char memory[BODY_MAX];
    struct buf out = {.at = memory, .cap = sizeof memory, .max = sizeof memory};
    struct json_writer json = json_writer_to(&out);
    struct str body;

    if (code >= 0) return code;
    if (count - first != 1 || !*words[first])
        return cli_refuse("events unsubscribe takes one durable NAME");
    json_begin_object(&json);
    json_member_text(&json, "name", str_of(words[first]));
    if (subject) {
        json_member_text(&json, "subject", str_of(subject));
    }
    json_end_object(&json);
    if (out.failed) return cli_refuse("events unsubscribe: the name is too long");
    body = buf_str(&out);
    return operator_ask(data, "POST", "/streaming/unsubscribe", &body, NULL);
}
