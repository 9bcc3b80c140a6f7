/* cli/operator.c: options and the request of the operator's commands. */
#include "cli/operator.h"
#include "cli/cli.h"
#include "cli/control.h"

#include <getopt.h>
#include <stdlib.h>

#define ARENA_MAX (64 * 1024 * 1024)

static const struct option options[] = {{"data", required_argument, NULL, 'd'},
                                        {"status", required_argument, NULL, 's'},
                                        {"limit", required_argument, NULL, 'l'},
                                        {"after", required_argument, NULL, 'a'},
                                        {"reason", required_argument, NULL, 'r'},
                                        {"help", no_argument, NULL, 'h'},
                                        {NULL, 0, NULL, 0}};

static const char **option_of(struct operator_options *out, int option)
{
    switch (option) {
    case 'd':
        return &out->data;
    case 's':
        return &out->status;
    case 'l':
        return &out->limit;
    case 'a':
        return &out->after;
    case 'r':
        return &out->reason;
    default:
        return NULL;
    }
}

int operator_options(const char *command, int count, char **words, struct operator_options *out)
{
    static char name[64];
    int option;

    *out = (struct operator_options){.data = DATA_DEFAULT};
    snprintf(name, sizeof name, "boxoffice %s", command);
    words[0] = name;
    while ((option = getopt_long(count, words, "h", options, NULL)) != -1) {
        const char **place = option_of(out, option);

        if (option == 'h') {
            cli_usage(stdout);
            return 0;
        }
        if (!place) return cli_hint();
        *place = optarg;
    }
    for (; optind < count && out->word_count < 2; optind++)
        out->words[out->word_count++] = words[optind];
    return optind < count ? cli_refuse("%s: one word too many: %s", command, words[optind]) : -1;
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

bool operator_list_path(const struct operator_options *asked, const char *base, char *path)
{
    struct buf out = {.at = path, .cap = OPERATOR_PATH_BYTES - 1, .max = OPERATOR_PATH_BYTES - 1};
    bool fine;

    buf_append(&out, str_of(base));
    fine = add_query(&out, "status", asked->status) && add_query(&out, "limit", asked->limit) &&
           add_query(&out, "after", asked->after) && !out.failed;
    path[out.len] = '\0';
    return fine;
}

int operator_ask(const char *data, const char *method, const char *path, const struct str *body,
                 bool (*is_well)(const struct json *answer))
{
    struct arena *arena = arena_new(ARENA_MAX);
    struct str text;
    int code;

    if (!arena) return 1;
    code = control_ask(data, method, path, body, arena, &text);
    if (code < 0) {
        printf("%.*s\n", (int)text.len, text.at);
        code = cli_finish();
        if (is_well && !is_well(json_parse(arena, text))) code = 1;
    }
    arena_free(arena);
    return code;
}
