/* cli/payments.c: boxoffice payments …: what the operator sees of money and gives back, through the
 * running server. Prints the server's JSON. */
#include "base/json.h"
#include "base/object_id.h"
#include "cli/cli.h"
#include "cli/control.h"

#include <getopt.h>

#define ANSWER_MAX (4 * 1024 * 1024)
#define PATH_BYTES 512

struct payments_options {
    const char *data, *status, *limit, *after;
    const char *words[2]; /* the command, and what it is about */
    int word_count;
};

/* -1: go on; else the exit code. */
static int read_options(int count, char **words, struct payments_options *out)
{
    static const struct option options[] = {
        {"data", required_argument, NULL, 'd'},  {"status", required_argument, NULL, 's'},
        {"limit", required_argument, NULL, 'l'}, {"after", required_argument, NULL, 'a'},
        {"help", no_argument, NULL, 'h'},        {NULL, 0, NULL, 0}};
    static char name[] = "boxoffice payments";
    int option;

    words[0] = name;
    while ((option = getopt_long(count, words, "h", options, NULL)) != -1) {
        switch (option) {
        case 'd':
            out->data = optarg;
            break;
        case 's':
            out->status = optarg;
            break;
        case 'l':
            out->limit = optarg;
            break;
        case 'a':
            out->after = optarg;
            break;
        case 'h':
            cli_usage(stdout);
            return 0;
        default:
            return cli_hint();
        }
    }
    for (; optind < count && out->word_count < 2; optind++)
        out->words[out->word_count++] = words[optind];
    return optind < count ? cli_refuse("payments: one word too many: %s", words[optind]) : -1;
}

/* A word for a query: letters, digits and underscores. */
static bool is_plain(const char *word)
{
    for (; *word; word++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEF0123456789_", *word)) return false;
    return true;
}

static bool add_query(struct buf *path, const char *name, const char *value)
{
    if (!value) return true;
    if (!*value || !is_plain(value)) return false;
    buf_printf(path, "%c%s=%s", memchr(path->at, '?', path->len) ? '&' : '?', name, value);
    return true;
}

/* A member of the answer that must be so for the exit code to be 0. */
static bool is_well(const struct json *answer, const char *command)
{
    struct str status;
    bool sound;

    if (strcmp(command, "audit") == 0) return json_bool(json_get(answer, "sound"), &sound) && sound;
    if (strcmp(command, "refund") == 0)
        return json_text(json_get(answer, "status"), &status) && str_eq(status, STR("refunded"));
    return true;
}

static int ask(const char *data, const char *method, const char *path, const char *command)
{
    struct arena *arena = arena_new(8 * ANSWER_MAX);
    struct str text;
    int code;

    if (!arena) return 1;
    code = control_ask(data, method, path, NULL, arena, &text);
    if (code < 0) {
        printf("%.*s\n", (int)text.len, text.at);
        code = cli_finish();
        if (!is_well(json_parse(arena, text), command)) code = 1;
    }
    arena_free(arena);
    return code;
}

static int ask_about_one(const struct payments_options *options, const char *method,
                         const char *what)
{
    const char *command = options->words[0];
    struct object_id id;
    char path[PATH_BYTES];

    if (options->word_count != 2 || !object_id_parse(str_of(options->words[1]), &id))
        return cli_refuse("payments %s takes a payment's id of 24 hex digits", command);
    snprintf(path, sizeof path, "/operator/payments/%s%s", object_id_text(id).hex, what);
    return ask(options->data, method, path, command);
}

static int list(const struct payments_options *options)
{
    char memory[PATH_BYTES];
    struct buf path = {.at = memory, .cap = sizeof memory - 1, .max = sizeof memory - 1};

    if (options->word_count != 1) return cli_refuse("payments list takes options only");
    buf_printf(&path, "/operator/payments");
    if (!add_query(&path, "status", options->status) ||
        !add_query(&path, "limit", options->limit) || !add_query(&path, "after", options->after) ||
        path.failed)
        return cli_refuse("payments list: an option's value is not one");
    memory[path.len] = '\0';
    return ask(options->data, "GET", memory, "list");
}

int cli_payments(int count, char **words)
{
    struct payments_options options = {.data = DATA_DEFAULT};
    int code = read_options(count, words, &options);
    const char *command = options.words[0];

    if (code >= 0) return code;
    if (!command) return cli_refuse("payments needs a command: list, show, refund or audit");
    if (strcmp(command, "list") == 0) return list(&options);
    if (options.status || options.limit || options.after)
        return cli_refuse("--status, --limit and --after are for payments list");
    if (strcmp(command, "show") == 0) return ask_about_one(&options, "GET", "");
    if (strcmp(command, "refund") == 0) return ask_about_one(&options, "POST", "/refund");
    if (strcmp(command, "audit") != 0) return cli_refuse("payments has no command %s", command);
    if (options.word_count != 1) return cli_refuse("payments audit takes no words");
    return ask(options.data, "GET", "/operator/audit", command);
}
