/* Unit tests of telemetry/log: lines as they arrive on standard error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* the rest of cmocka's header needs these four */
#include <cmocka.h>

#include "base/json.h"
#include "telemetry/log.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char line[16384];
static int kept_stderr, ends[2];

static void start_reading(void)
{
    assert_int_equal(pipe(ends), 0);
    kept_stderr = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
}

/* What was logged since start_reading, as text. */
static struct str read_line(void)
{
    size_t length = 0;
    ssize_t got;

    dup2(kept_stderr, STDERR_FILENO);
    close(kept_stderr);
    while ((got = read(ends[0], line + length, sizeof line - length)) > 0)
        length += (size_t)got;
    close(ends[0]);
    return (struct str){line, length};
}

/* The line as a document; it must be one line of valid JSON, 4 KiB at most. */
static const struct json *parsed(struct arena *arena, struct str text)
{
    const struct json *document;

    assert_in_range(text.len, 2, 4096);
    assert_int_equal(text.at[text.len - 1], '\n');
    assert_null(memchr(text.at, '\n', text.len - 1));
    document = json_parsed(arena, text);
    assert_non_null(document);
    return document;
}

static struct str member(const struct json *document, const char *key)
{
    struct str text = STR("(missing)");

    json_text(json_get(document, key), &text);
    return text;
}

static void a_line_carries_time_level_service_event_and_fields(void **state)
{
    struct arena *arena = arena_new(100000);
    const struct json *document;
    int64_t number = 0;

    start_reading();
    log_event(LOG_WARN, "orders", "event.dead", log_text("reason", STR("too \"old\"\n")),
              log_int("seq", -42));
    document = parsed(arena, read_line());
    assert_int_equal(member(document, "time").len, 24);
    assert_true(str_eq(member(document, "level"), STR("warn")));
    assert_true(str_eq(member(document, "service"), STR("orders")));
    assert_true(str_eq(member(document, "event"), STR("event.dead")));
    assert_true(str_eq(member(document, "reason"), STR("too \"old\"\n")));
    assert_true(json_int64(json_get(document, "seq"), &number));
    assert_int_equal(number, -42);
    assert_null(json_get(document, "cut"));
    assert_memory_equal(line, "{\"time\":\"", 9);
    arena_free(arena);
}

static void a_line_says_what_it_is_about(void **state)
{
    struct arena *arena = arena_new(100000);
    struct trace trace = {0x4bf92f3577b34da6, 0xa3ce929d0e0e4736, 1, true};
    const struct json *document;

    log_about(STR("r-1"), &trace);
    start_reading();
    log_event(LOG_WARN, "orders", "about.something", log_int("seq", 1));
    document = parsed(arena, read_line());
    assert_true(str_eq(member(document, "requestId"), STR("r-1")));
    assert_true(str_eq(member(document, "traceId"), STR("4bf92f3577b34da6a3ce929d0e0e4736")));
    log_about_nothing();
    start_reading();
    log_event(LOG_WARN, "orders", "about.nothing", log_int("seq", 2));
    document = parsed(arena, read_line());
    assert_null(json_get(document, "requestId"));
    assert_null(json_get(document, "traceId"));
    arena_free(arena);
}

static void a_line_needs_no_fields(void **state)
{
    struct arena *arena = arena_new(100000);

    start_reading();
    log_event(LOG_INFO, "web", "started");
    assert_true(str_eq(member(parsed(arena, read_line()), "event"), STR("started")));
    arena_free(arena);
}

static void lines_below_the_level_are_dropped(void **state)
{
    start_reading();
    log_event(LOG_DEBUG, "web", "noise");
    log_set_level(LOG_ERROR);
    log_event(LOG_WARN, "web", "noise");
    log_set_level(LOG_INFO);
    assert_int_equal(read_line().len, 0);
}

static void a_line_is_cut_at_4_kib_and_stays_valid(void **state)
{
    static const char *const fillers[] = {
        "x", "\"", "\x01", "\xE2\x82\xAC", "\xFF", "\xF0\x9F\x8E\xAB"};
    static char text[20000];
    struct arena *arena = arena_new(100000);

    for (size_t f = 0; f < sizeof fillers / sizeof *fillers; f++) {
        size_t step = strlen(fillers[f]);

        for (size_t i = 0; i < sizeof text; i++)
            text[i] = fillers[f][i % step];
        for (size_t len = 0; len < sizeof text; len += len < 700 || len > 4200 ? 531 : 1) {
            const struct json *document;
            struct str whole = {text, len - len % step}, kept;
            bool cut = false;

            start_reading();
            log_event(LOG_INFO, "web", "long", log_text("text", whole), log_int("after", 1));
            document = parsed(arena, read_line());
            json_bool(json_get(document, "cut"), &cut);
            kept = member(document, "text");
            if (!cut) assert_non_null(json_get(document, "after"));
            if (!cut && fillers[f][0] != '\xFF') assert_true(str_eq(kept, whole));
            if (cut) assert_true(line[0] == '{' && kept.len < 4096);
            arena_reset(arena);
        }
    }
    arena_free(arena);
}

static void a_field_that_does_not_fit_leaves_room_for_a_smaller_one(void **state)
{
    static char text[20000];
    struct arena *arena = arena_new(100000);
    const struct json *document;
    int64_t number = 0;

    memset(text, 'x', sizeof text);
    start_reading();
    log_event(LOG_INFO, "web", "long", log_text("big", (struct str){text, sizeof text}),
              log_int("small", 5));
    document = parsed(arena, read_line());
    assert_true(json_int64(json_get(document, "small"), &number));
    assert_int_equal(number, 5);
    assert_in_range(member(document, "big").len, 600, 700);
    assert_non_null(json_get(document, "cut"));
    arena_free(arena);
}

static void a_broken_invariant_is_a_line_of_its_own(void **state)
{
    struct arena *arena = arena_new(65536);
    const struct json *document;
    pid_t child;

    start_reading();
    child = fork();
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        log_assertions();
        ASSERT(1 + 1 == 3);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    document = parsed(arena, read_line());
    assert_true(str_eq(member(document, "event"), STR("assertion.failed")));
    assert_true(str_eq(member(document, "condition"), STR("1 + 1 == 3")));
    arena_free(arena);
}

static void levels_have_names(void **state)
{
    enum log_level level = LOG_INFO;

    assert_true(log_level_parse(STR("error"), &level));
    assert_int_equal(level, LOG_ERROR);
    assert_true(log_level_parse(STR("debug"), &level));
    assert_int_equal(level, LOG_DEBUG);
    assert_false(log_level_parse(STR("ERROR"), &level));
    assert_false(log_level_parse(STR(""), &level));
    assert_int_equal(level, LOG_DEBUG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_carries_time_level_service_event_and_fields),
        cmocka_unit_test(a_line_says_what_it_is_about),
        cmocka_unit_test(a_line_needs_no_fields),
        cmocka_unit_test(lines_below_the_level_are_dropped),
        cmocka_unit_test(a_line_is_cut_at_4_kib_and_stays_valid),
        cmocka_unit_test(a_field_that_does_not_fit_leaves_room_for_a_smaller_one),
        cmocka_unit_test(a_broken_invariant_is_a_line_of_its_own),
        cmocka_unit_test(levels_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
