/* cli/users.c: boxoffice users, keys and audit: who may be here, what sessions are signed with, and
 * who did what; through the running server. Prints the server's JSON. */
#include "cli/cli.h"
#include "cli/control.h"
#include "cli/operator.h"
#include "runtime/key.h"

#include <sys/stat.h>

#define BODY_MAX 4096

/* --- users --------------------------------------------------------------------------------- */

static int about_user(const struct operator_options *options, const char *path)
{
    char memory[BODY_MAX];
    struct buf out = {.at = memory, .cap = sizeof memory, .max = sizeof memory};
    struct json_writer json = json_writer_to(&out);
    struct str body;

    if (options->word_count != 2)
        return cli_refuse("users %s takes an email address or a user's id", options->words[0]);
    json_begin_object(&json);
    json_key(&json, "user");
    json_put_text(&json, str_of(options->words[1]));
    if (options->reason) {
        json_key(&json, "reason");
        json_put_text(&json, str_of(options->reason));
    }
    json_end_object(&json);
    if (out.failed) return cli_refuse("users %s: the words are too long", options->words[0]);
    body = buf_str(&out);
    return operator_ask(options->data, "POST", path, &body, NULL);
}

static int list(const struct operator_options *options, const char *command, const char *base)
{
    char path[OPERATOR_PATH_BYTES];

    if (options->word_count != 1 || options->reason || options->status)
        return cli_refuse("%s list takes --limit, --after and --data only", command);
    if (!operator_list_path(options, base, path))
        return cli_refuse("%s list: an option's value is not one", command);
    return operator_ask(options->data, "GET", path, NULL, NULL);
}

int cli_users(int count, char **words)
{
    struct operator_options options;
    int code = operator_options("users", count, words, &options);
    const char *command = options.words[0];

    if (code >= 0) return code;
    if (!command) return cli_refuse("users needs a command: ban, unban or list");
    if (strcmp(command, "list") == 0) return list(&options, "users", "/operator/users/banned");
    if (options.status || options.limit || options.after)
        return cli_refuse("--limit and --after are for users list");
    if (strcmp(command, "ban") == 0) return about_user(&options, "/operator/users/ban");
    if (options.reason) return cli_refuse("--reason is for users ban");
    if (strcmp(command, "unban") == 0) return about_user(&options, "/operator/users/unban");
    return cli_refuse("users has no command %s", command);
}

/* --- keys ---------------------------------------------------------------------------------- */

static bool server_runs(const char *data)
{
    struct control *control = control_try(data);

    control_close(control);
    return control != NULL;
}

/* Without a server, on the data folder itself. */
static int rotate_alone(const char *data)
{
    char memory[1024];
    struct buf why = {.at = memory, .cap = sizeof memory, .max = sizeof memory};
    struct settings settings;
    struct session_kid kid;
    struct stat folder;

    if (!settings_from_environment(&settings, &why)) goto failed;
    settings.data = data;
    if (stat(data, &folder) != 0 || !S_ISDIR(folder.st_mode)) {
        buf_printf(&why, "there is no data folder %s", data);
        goto failed;
    }
    if (session_keys_rotate_alone(&settings, &kid, &why) != OK) goto failed;
    printf("{\"kid\":\"%s\"}\n", kid.text);
    return cli_finish();
failed:
    fprintf(stderr, "boxoffice: %.*s\n", (int)why.len, why.at);
    return 1;
}

int cli_keys(int count, char **words)
{
    struct operator_options options;
    int code = operator_options("keys", count, words, &options);

    if (code >= 0) return code;
    if (options.word_count != 1 || strcmp(options.words[0], "rotate") != 0)
        return cli_refuse("keys has one command: rotate");
    if (options.status || options.limit || options.after || options.reason)
        return cli_refuse("keys rotate takes --data only");
    if (!server_runs(options.data)) return rotate_alone(options.data);
    return operator_ask(options.data, "POST", "/operator/keys/rotate", NULL, NULL);
}

/* --- audit --------------------------------------------------------------------------------- */

int cli_audit(int count, char **words)
{
    struct operator_options options;
    int code = operator_options("audit", count, words, &options);

    if (code >= 0) return code;
    if (!options.word_count || strcmp(options.words[0], "list") != 0)
        return cli_refuse("audit has one command: list");
    return list(&options, "audit", "/operator/trail");
}
