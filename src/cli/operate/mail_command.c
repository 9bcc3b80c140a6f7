/* cli/operate/mail_command.c: boxoffice mail …: what was written to people, and whether it arrived;
 * through the running server. Prints its JSON. */
#include "base/object_id.h"
#include "cli/cli.h"
#include "cli/operate/operator_request.h"

static int mail_list(const struct operator_options *options)
{
    char path[OPERATOR_PATH_BYTES];

    if (options->word_count != 1) return cli_refuse("mail list takes options only");
    if (!operator_list_path(options, "/operator/mails", path))
        return cli_refuse("mail list: an option's value is not one");
    return operator_ask(options->data, "GET", path, NULL, NULL);
}

static int mail_send(const struct operator_options *options)
{
    struct object_id id;
    char path[OPERATOR_PATH_BYTES];

    if (options->word_count != 2 || !object_id_parse(str_of(options->words[1]), &id))
        return cli_refuse("mail send takes a mail's id of 24 hex digits");
    snprintf(path, sizeof path, "/operator/mails/%s/send", object_id_text(id).hex);
    return operator_ask(options->data, "POST", path, NULL, NULL);
}

int cli_mail(int count, char **words)
{
    struct operator_options options;
    int code = operator_options("mail", count, words, &options);
    const char *command = options.words[0];

    if (code >= 0) return code;
    if (!command) return cli_refuse("mail needs a command: list or send");
    if (options.reason) return cli_refuse("--reason is for users ban");
    if (strcmp(command, "list") == 0) return mail_list(&options);
    if (options.status || options.limit || options.after)
        return cli_refuse("--status, --limit and --after are for mail list");
    if (strcmp(command, "send") == 0) return mail_send(&options);
    return cli_refuse("mail has no command %s", command);
}
