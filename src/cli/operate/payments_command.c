/* cli/operate/payments_command.c: boxoffice payments …: what the operator sees of money and gives
 * back, through the running server. Prints the server's JSON. */
#include "base/object_id.h"
#include "cli/cli.h"
#include "cli/operate/operator_request.h"

static bool is_sound(const struct json *answer)
{
    bool sound;

    return json_bool(json_get(answer, "sound"), &sound) && sound;
}

static bool is_refunded(const struct json *answer)
{
    struct str status;

    return json_text(json_get(answer, "status"), &status) && str_eq(status, STR("refunded"));
}

static int ask_about_one(const struct operator_options *options, const char *method,
                         const char *what, bool (*is_well)(const struct json *))
{
    const char *command = options->words[0];
    struct object_id id;
    char path[OPERATOR_PATH_BYTES];

    if (options->word_count != 2 || !object_id_parse(str_of(options->words[1]), &id))
        return cli_refuse("payments %s takes a payment's id of 24 hex digits", command);
    snprintf(path, sizeof path, "/operator/payments/%s%s", object_id_text(id).hex, what);
    return operator_ask(options->data, method, path, NULL, is_well);
}

static int list(const struct operator_options *options)
{
    char path[OPERATOR_PATH_BYTES];

    if (options->word_count != 1) return cli_refuse("payments list takes options only");
    if (!operator_list_path(options, "/operator/payments", path))
        return cli_refuse("payments list: an option's value is not one");
    return operator_ask(options->data, "GET", path, NULL, NULL);
}

int cli_payments(int count, char **words)
{
    struct operator_options options;
    int code = operator_options("payments", count, words, &options);
    const char *command = options.words[0];

    if (code >= 0) return code;
    if (!command) return cli_refuse("payments needs a command: list, show, refund or audit");
    if (options.reason) return cli_refuse("--reason is for users ban");
    if (strcmp(command, "list") == 0) return list(&options);
    if (options.status || options.limit || options.after)
        return cli_refuse("--status, --limit and --after are for payments list");
    if (strcmp(command, "show") == 0) return ask_about_one(&options, "GET", "", NULL);
    if (strcmp(command, "refund") == 0)
        return ask_about_one(&options, "POST", "/refund", is_refunded);
    if (strcmp(command, "audit") != 0) return cli_refuse("payments has no command %s", command);
    if (options.word_count != 1) return cli_refuse("payments audit takes no words");
    return operator_ask(options.data, "GET", "/operator/audit", NULL, is_sound);
}
