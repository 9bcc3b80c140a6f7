/* bench/honest.c: visitors at a steady rate, and how long each of them waits.
 *
 *   honest PORT CONNECTIONS SECONDS RATE COOKIES IDS
 *
 * Of ten requests eight read a ticket, one reads who is signed in and one lists a ticket. Every
 * tenth visitor of a connection comes with a new one, so that getting in is measured too. A request
 * is due at its time whether or not the ones before it are answered, and its wait counts from then:
 * a server that stalls cannot hide it by keeping the visitors from asking. Prints
 * {"requests":…,"errors":…,"rate":…,"p50_us":…,"p99_us":…,"max_us":…,"reads_p99_us":…,
 * "writes_p99_us":…}; an error is an answer other than 200 or 201, or a connection that was closed
 * on a visitor. */
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRESH_EACH 10

struct visitor {
    struct wire wire; /* first */
    int64_t due_at_us;
    size_t number; /* requests of this connection */
    int busy, writes;
    struct visitor *next_free;
};

static struct {
    char **cookies, **ids;
    size_t cookie_count, id_count;
    size_t sent, answered, errors;
    int64_t longest_us;
    struct spread spread, reads, writes;
    struct visitor *visitors, *free;
} run;

static void put_free(struct visitor *visitor)
{
    visitor->busy = 0;
    visitor->next_free = run.free;
    run.free = visitor;
}

static void count(struct visitor *visitor, int fine)
{
    int64_t took_us = wire_now_us() - visitor->due_at_us;

    run.answered++;
    if (!fine) run.errors++;
    if (took_us > run.longest_us) run.longest_us = took_us;
    spread_add(&run.spread, took_us);
    spread_add(visitor->writes ? &run.writes : &run.reads, took_us);
}

static void on_answer(struct wire_loop *loop, struct wire *wire, const struct answer *answer)
{
    struct visitor *visitor = (struct visitor *)wire;
    int fine = answer->status == 200 || answer->status == 201;

    (void)loop;
    if (!fine && run.errors == 0) fprintf(stderr, "honest: %d %s\n", answer->status, answer->body);
    count(visitor, fine);
    put_free(visitor);
}

static void on_closed(struct wire_loop *loop, struct wire *wire)
{
    struct visitor *visitor = (struct visitor *)wire;

    if (visitor->busy) {
        count(visitor, 0);
        put_free(visitor);
        loop->waiting--;
    }
    wire_close(wire);
    wire_open(loop, wire);
}

static void visit(struct wire_loop *loop, struct visitor *visitor, int64_t due_at_us)
{
    size_t number = run.sent++;
    const char *cookie = run.cookies[number % run.cookie_count];
    char path[64], body[96];

    visitor->due_at_us = due_at_us;
    visitor->busy = 1;
    visitor->writes = number % 10 == 0;
    if (++visitor->number % FRESH_EACH == 0) {
        wire_close(&visitor->wire);
        wire_open(loop, &visitor->wire);
    }
    snprintf(path, sizeof path, "/api/tickets/%s", run.ids[number % run.id_count]);
    snprintf(body, sizeof body, "{\"title\":\"Seat %zu\",\"price\":20}", number);
    if (number % 10 == 0)
        wire_request(loop, &visitor->wire, "POST", "/api/tickets", cookie, body);
    else if (number % 10 == 5)
        wire_request(loop, &visitor->wire, "GET", "/api/users/currentuser", cookie, NULL);
    else
        wire_request(loop, &visitor->wire, "GET", path, NULL, NULL);
}

int main(int argc, char **argv)
{
    struct wire_loop loop;
    size_t connections;
    int64_t started_us, ends_at_us, now_us;
    double gap_us;

    if (argc < 7) die("usage: see the head of bench/honest.c");
    connections = strtoul(argv[2], NULL, 10);
    gap_us = 1e6 / atof(argv[4]);
    run.cookies = read_lines(argv[5], &run.cookie_count);
    run.ids = read_lines(argv[6], &run.id_count);
    run.visitors = calloc(connections, sizeof *run.visitors);
    if (!run.visitors || !run.cookie_count || !run.id_count) die("nothing to visit with");
    wire_loop_init(&loop, atoi(argv[1]));
    loop.on_answer = on_answer;
    loop.on_closed = on_closed;
    for (size_t i = 0; i < connections; i++) {
        wire_open(&loop, &run.visitors[i].wire);
        put_free(&run.visitors[i]);
    }
    started_us = wire_now_us();
    ends_at_us = started_us + (int64_t)(atof(argv[3]) * 1e6);
    while ((now_us = wire_now_us()) < ends_at_us ||
           (loop.waiting && now_us < ends_at_us + 10000000)) {
        int64_t due_at_us = started_us + (int64_t)((double)run.sent * gap_us);

        while (run.free && due_at_us <= now_us && due_at_us < ends_at_us) {
            struct visitor *visitor = run.free;

            run.free = visitor->next_free;
            visit(&loop, visitor, due_at_us);
            due_at_us = started_us + (int64_t)((double)run.sent * gap_us);
        }
        wire_turn(&loop, due_at_us > now_us ? due_at_us - now_us : 1000);
    }
    run.errors += loop.waiting; /* never answered */
    printf("{\"requests\":%zu,\"errors\":%zu,\"rate\":%.1f,\"p50_us\":%lld,\"p99_us\":%lld,"
           "\"max_us\":%lld,\"reads_p99_us\":%lld,\"writes_p99_us\":%lld}\n",
           run.sent, run.errors, (double)run.answered * 1e6 / (double)(now_us - started_us),
           (long long)spread_at(&run.spread, 0.5), (long long)spread_at(&run.spread, 0.99),
           (long long)run.longest_us, (long long)spread_at(&run.reads, 0.99),
           (long long)spread_at(&run.writes, 0.99));
    return 0;
}
