/* cli/events/events_dead.c: boxoffice events dead …: what a service could not apply, through the
 * running server. Prints the server's JSON. */
#include "base/clock.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/operate/control.h"

#include <time.h>

#define ARENA_MAX      (64 * 1024 * 1024)
#define PATH_BYTES     512
#define STATUS_WAIT_US 5000000
#define STATUS_POLL_US 20000

struct dead_options {
    const char *data, *service, *limit, *after;
    const char *words[3]; /* the command, and the letter: service and id */
    int word_count;
};

/* -1: go on; else the exit code. */
static int read_options(int count, char **words, struct dead_options *out)
{
    const struct cli_option options[] = {{"data", &out->data, NULL},
                                         {"service", &out->service, NULL},
                                         {"limit", &out->limit, NULL},
                                         {"after", &out->after, NULL},
                                         {0}};
    int at, code = cli_options("events dead", count, words, options, &at);

    if (code >= 0) return code;
    for (; at < count && out->word_count < 3; at++)
        out->words[out->word_count++] = words[at];
    return at < count ? cli_refuse("events dead: one word too many: %s", words[at]) : -1;
}

/* Letters and digits: what may stand in a query as it is. */
static bool is_plain(const char *word)
{
    size_t length = strlen(word);

    return length > 0 && length < 32 &&
           strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789") == length;
}

static bool add_query(struct buf *path, const char *name, const char *value)
{
    if (!value) return true;
    buf_printf(path, "%c%s=%s", memchr(path->at, '?', path->len) ? '&' : '?', name, value);
    return is_plain(value);
}

static int dead_show(struct str text)
{
    printf("%.*s\n", (int)text.len, text.at);
    return cli_finish();
}

static int dead_list(const struct dead_options *options, struct arena *arena)
{
    char memory[PATH_BYTES];
    struct buf path = {.at = memory, .cap = sizeof memory - 1, .max = sizeof memory - 1};
    struct str answer;
    int code;

    if (options->word_count != 1) return cli_refuse("events dead list takes options only");
    buf_printf(&path, "/streaming/dead");
    if (!add_query(&path, "service", options->service) ||
        !add_query(&path, "limit", options->limit) || !add_query(&path, "after", options->after))
        return cli_refuse("events dead list: an option's value is not one");
    memory[path.len] = '\0';
    code = control_ask(options->data, "GET", memory, NULL, arena, &answer);
    return code < 0 ? dead_show(answer) : code;
}

static int show_one(const struct dead_options *options, struct arena *arena)
{
    char path[PATH_BYTES];
    struct str answer;
    int code;

    snprintf(path, sizeof path, "/streaming/dead/letter?service=%s&id=%s", options->words[1],
             options->words[2]);
    code = control_ask(options->data, "GET", path, NULL, arena, &answer);
    return code < 0 ? dead_show(answer) : code;
}

static int dead_change(const struct dead_options *options, const char *path, struct arena *arena,
                       struct str *answer)
{
    char memory[PATH_BYTES];
    struct str body = {memory, 0};

    snprintf(memory, sizeof memory, "{\"service\":\"%s\",\"id\":%s}", options->words[1],
             options->words[2]);
    body.len = strlen(memory);
    return control_ask(options->data, "POST", path, &body, arena, answer);
}

static int dead_drop(const struct dead_options *options, struct arena *arena)
{
    struct str answer;
    int code = dead_change(options, "/streaming/dead/drop", arena, &answer);

    return code < 0 ? dead_show(answer) : code;
}

/* Exit status 0 when the event took effect, else 1. */
static int print_delivery_status(const struct dead_options *options, const struct json *status,
                                 struct str word)
{
    int64_t id = 0;

    if (str_eq(word, STR("applied"))) {
        printf("it took effect, or had done so before\n");
        return cli_finish();
    }
    if (str_eq(word, STR("waiting"))) return cli_fail("it waits for an earlier version");
    (void)json_int64(json_get(status, "id"), &id);
    return cli_fail("it is a dead letter again: boxoffice events dead show %s %lld",
                    options->words[1], (long long)id);
}

/* It is delivered within milliseconds; what became of it then is told. */
static int dead_retry(const struct dead_options *options, struct arena *arena)
{
    const struct timespec pause = {.tv_nsec = STATUS_POLL_US * 1000};
    int64_t deadline_us = clock_monotonic_us() + STATUS_WAIT_US, sequence;
    struct str answer, source, word = STR("");
    const struct json *letter, *status = NULL;
    char path[PATH_BYTES];
    int code = dead_change(options, "/streaming/dead/retry", arena, &answer);

    if (code >= 0) return code;
    letter = json_parsed(arena, answer);
    if (!json_text(json_get(letter, "source"), &source) ||
        !json_int64(json_get(letter, "sequence"), &sequence))
        return cli_fail("the server's answer is not understood");
    snprintf(path, sizeof path, "/streaming/dead/letter?service=%s&source=%.*s&sequence=%lld",
             options->words[1], (int)source.len, source.at, (long long)sequence);
    do {
        nanosleep(&pause, NULL);
        code = control_ask(options->data, "GET", path, NULL, arena, &answer);
        if (code >= 0) return code;
        status = json_parsed(arena, answer);
        (void)json_text(json_get(status, "status"), &word);
    } while (str_eq(word, STR("waiting")) && clock_monotonic_us() < deadline_us);
    return print_delivery_status(options, status, word);
}

static int dead_run(const struct dead_options *options, struct arena *arena)
{
    const char *command = options->words[0];
    bool lists = strcmp(command, "list") == 0;

    if (lists) return dead_list(options, arena);
    if (options->service || options->limit || options->after)
        return cli_refuse("--service, --limit and --after are for events dead list");
    if (strcmp(command, "show") != 0 && strcmp(command, "retry") != 0 &&
        strcmp(command, "drop") != 0)
        return cli_refuse("events dead has no command %s", command);
    if (options->word_count != 3 || !is_plain(options->words[1]) || !is_plain(options->words[2]) ||
        strspn(options->words[2], "0123456789") != strlen(options->words[2]))
        return cli_refuse("events dead %s takes SERVICE and ID", command);
    if (strcmp(command, "show") == 0) return show_one(options, arena);
    return strcmp(command, "retry") == 0 ? dead_retry(options, arena) : dead_drop(options, arena);
}

int cli_dead(int count, char **words)
{
    struct dead_options options = {.data = DATA_DEFAULT};
    int code = read_options(count, words, &options);
    struct arena *arena;

    if (code >= 0) return code;
    if (!options.words[0])
        return cli_refuse("events dead needs a command: list, show, retry or drop");
    arena = arena_new(ARENA_MAX);
    if (!arena) return cli_fail("out of memory");
    code = dead_run(&options, arena);
    arena_free(arena);
    return code;
}
