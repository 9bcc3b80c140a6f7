/* cli/operate/operator_request.c: options and the request of the operator's commands. */
#include "cli/operate/operator_request.h"
#include "cli/cli.h"
#include "cli/operate/control.h"

#include <stdlib.h>

#define ARENA_MAX (64 * 1024 * 1024)

int operator_options(const char *command, int count, char **words, struct operator_options *out)
{
    const struct cli_option options[] = {
        {"data", &out->data, NULL},   {"status", &out->status, NULL}, {"limit", &out->limit, NULL},
        {"after", &out->after, NULL}, {"reason", &out->reason, NULL}, {0}};
    int at, code;

    *out = (struct operator_options){.data = DATA_DEFAULT};
    code = cli_options(command, count, words, options, &at);
    if (code >= 0) return code;
    for (; at < count && out->word_count < 3; at++)
        out->words[out->word_count++] = words[at];
    return at < count ? cli_refuse("%s: one word too many: %s", command, words[at]) : -1;
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
        if (is_well && !is_well(json_parsed(arena, text))) code = 1;
    }
    arena_free(arena);
    return code;
}
