/* cli/operate/users.c: boxoffice users, keys and audit: who may be here, what sessions are signed
 * with, and who did what; through the running server. Prints the server's JSON. */
#include "cli/cli.h"
#include "cli/operate/control.h"
#include "cli/operate/operator_request.h"
#include "runtime/key_rotation.h"
#include "services/services.h"

#include <sys/stat.h>

#define BODY_MAX 4096

/* --- users --------------------------------------------------------------------------------- */

/* words: how many the command takes, itself among them. */
static int about_user(const struct operator_options *options, const char *path, const char *member,
                      int words)
{
    char memory[BODY_MAX];
    struct buf out = {.at = memory, .cap = sizeof memory, .max = sizeof memory};
    struct json_writer json = json_writer_to(&out);
    struct str body;

    if (options->word_count != words)
        return cli_refuse("users %s takes %s%s", options->words[0],
                          strcmp(member, "text") == 0 ? "a part of an email address"
                                                      : "an email address or a user's id",
                          words == 3 ? ", and a role" : "");
    json_begin_object(&json);
    json_member_text(&json, member, str_of(options->words[1]));
    if (words == 3) {
        json_member_text(&json, "role", str_of(options->words[2]));
    }
    if (options->reason) {
        json_member_text(&json, "reason", str_of(options->reason));
    }
    json_end_object(&json);
    if (out.failed) return cli_refuse("users %s: the words are too long", options->words[0]);
    body = buf_str(&out);
    return operator_ask(options->data, "POST", path, &body, NULL);
}

static int list(const struct operator_options *options, const char *command, const char *base)
{
    char path[OPERATOR_PATH_BYTES];

    if (options->word_count != 1 || options->reason || (options->status && *command != 'u'))
        return cli_refuse("%s list takes --limit, --after%s and --data only", command,
                          *command == 'u' ? ", --status" : "");
    if (!operator_list_path(options, base, path))
        return cli_refuse("%s list: an option's value is not one", command);
    return operator_ask(options->data, "GET", path, NULL, NULL);
}

int cli_users(int count, char **words)
{
    static const struct {
        const char *command, *path, *member;
        int words;
    } commands[] = {
        {"ban", "/operator/users/ban", "user", 2},
        {"unban", "/operator/users/unban", "user", 2},
        {"show", "/operator/users/show", "user", 2},
        {"find", "/operator/users/find", "text", 2},
        {"reset-link", "/operator/users/reset-link", "user", 2},
        {"factor-off", "/operator/users/factor-off", "user", 2},
        {"grant", "/operator/users/grant", "user", 3},
        {"revoke", "/operator/users/revoke", "user", 3},
    };
    struct operator_options options;
    int code = operator_options("users", count, words, &options);
    const char *command = options.words[0];

    if (code >= 0) return code;
    if (!command)
        return cli_refuse("users needs a command: list, find, show, reset-link, factor-off, grant, "
                          "revoke, ban or unban");
    if (strcmp(command, "list") == 0) return list(&options, "users", "/operator/users");
    if (options.status || options.limit || options.after)
        return cli_refuse("--status, --limit and --after are for users list");
    if (options.reason && strcmp(command, "ban") != 0)
        return cli_refuse("--reason is for users ban");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(command, commands[i].command) == 0)
            return about_user(&options, commands[i].path, commands[i].member, commands[i].words);
    return cli_refuse("users has no command %s", command);
}

/* --- keys ---------------------------------------------------------------------------------- */

static bool server_runs(const char *data)
{
    struct http_stream *control = control_try(data);

    http_stream_close(control);
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
    if (session_keys_rotate_alone(&settings, &admin_service, &kid, &why) != OK) goto failed;
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
    return list(&options, "audit", "/operator/audit-log");
}
