/* cli/operate/entries_command.c: boxoffice entries …: the keys of entry codes, and whether a code
 * is right; through the running server. Prints its JSON. */
#include "cli/cli.h"
#include "cli/operate/operator_request.h"

#define BODY_BYTES 4096

static bool is_valid(const struct json *answer)
{
    struct str word;

    return json_text(json_get(answer, "answer"), &word) && str_eq(word, STR("valid"));
}

static int verify(const struct operator_options *options)
{
    char memory[BODY_BYTES];
    struct buf out = {.at = memory, .cap = sizeof memory, .max = sizeof memory};
    struct json_writer json = json_writer_to(&out);
    struct str body;

    if (options->word_count != 2) return cli_refuse("entries verify takes the text of one code");
    json_begin_object(&json);
    json_member_text(&json, "code", str_of(options->words[1]));
    json_end_object(&json);
    if (out.failed) return cli_refuse("entries verify: the code is too long to be one");
    body = buf_str(&out);
    return operator_ask(options->data, "POST", "/operator/entries/verify", &body, is_valid);
}

int cli_entries(int count, char **words)
{
    struct operator_options options;
    int code = operator_options("entries", count, words, &options);
    const char *command = options.words[0];

    if (code >= 0) return code;
    if (!command) return cli_refuse("entries needs a command: verify or rotate-key");
    if (options.status || options.limit || options.after || options.reason)
        return cli_refuse("entries takes --data alone");
    if (strcmp(command, "verify") == 0) return verify(&options);
    if (strcmp(command, "rotate-key") != 0) return cli_refuse("entries has no command %s", command);
    if (options.word_count != 1) return cli_refuse("entries rotate-key takes no words");
    return operator_ask(options.data, "POST", "/operator/entries/rotate-key", NULL, NULL);
}
