/* tests/sim/trace.c: the hash that tells two runs apart, and the last events before a violation. */
#include "sim.h"

#include <stdarg.h>
#include <unistd.h>

#define RING_SIZE  8192 /* a power of two */
#define SHOWN_LAST 40
#define SHOWN_OF   60

struct entry {
    int64_t step, now_ms;
    const char *what;
    char subject[25];
    int64_t a, b;
};

static struct {
    struct entry ring[RING_SIZE];
    uint64_t count, hash;
} events;

void trace_begin(void)
{
    events.count = 0;
    events.hash = UINT64_C(14695981039346656037);
}

static void mix(const void *bytes, size_t len)
{
    const unsigned char *at = bytes;

    for (size_t i = 0; i < len; i++)
        events.hash = (events.hash ^ at[i]) * UINT64_C(1099511628211);
}

static void mix_number(int64_t number)
{
    events.hash = (events.hash ^ (uint64_t)number) * UINT64_C(0x9E3779B97F4A7C15);
    events.hash ^= events.hash >> 29;
}

static void print(FILE *out, const struct entry *entry)
{
    fprintf(out, "  step %lld  +%.3f s  %s%s%s (%lld, %lld)\n", (long long)entry->step,
            (double)(entry->now_ms - INT64_C(1767225600000)) / 1000, entry->what,
            entry->subject[0] ? " " : "", entry->subject, (long long)entry->a, (long long)entry->b);
}

void trace(const char *what, const char *subject, int64_t a, int64_t b)
{
    struct entry *entry = &events.ring[events.count++ & (RING_SIZE - 1)];

    sim.events++;
    *entry = (struct entry){.step = sim.step, .now_ms = sim.now_ms, .what = what, .a = a, .b = b};
    if (subject) snprintf(entry->subject, sizeof entry->subject, "%s", subject);
    mix(what, strlen(what));
    mix(entry->subject, sizeof entry->subject);
    mix_number(sim.step);
    mix_number(sim.now_ms);
    mix_number(a);
    mix_number(b);
    if (sim.options.trace) print(stdout, entry);
}

void trace_bytes(struct str bytes)
{
    mix(bytes.at, bytes.len);
}

uint64_t trace_hash(void)
{
    return events.hash;
}

/* The last events in the ring that are about the subject (NULL: all), at most max. */
static void print_last(FILE *out, const char *subject, size_t max)
{
    uint64_t oldest = events.count > RING_SIZE ? events.count - RING_SIZE : 0, at = events.count;
    size_t found = 0;

    while (at > oldest && found < max) {
        at--;
        if (!subject || strcmp(events.ring[at & (RING_SIZE - 1)].subject, subject) == 0) found++;
    }
    for (; at < events.count; at++) {
        const struct entry *entry = &events.ring[at & (RING_SIZE - 1)];

        if (!subject || strcmp(entry->subject, subject) == 0) print(out, entry);
    }
}

void violation(int invariant, const char *subject, const char *format, ...)
{
    va_list arguments;

    printf("VIOLATION seed %llu step %lld invariant %d: ", (unsigned long long)sim.options.seed,
           (long long)sim.step, invariant);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("%s%s\n", subject ? " " : "", subject ? subject : "");
    if (subject) {
        printf(" the last events of %s:\n", subject);
        print_last(stdout, subject, SHOWN_OF);
    }
    printf(" the last events of all:\n");
    print_last(stdout, NULL, SHOWN_LAST);
    fflush(stdout);
    _exit(VIOLATION_STATUS);
}
