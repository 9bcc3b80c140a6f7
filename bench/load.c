/* bench/load.c: writes or reads of one kind from many connections at once.
 *
 *   load tickets PORT CONNECTIONS SECONDS COUNT_MAX COOKIES [IDS_OUT]   POST /api/tickets
 *   load orders  PORT CONNECTIONS SECONDS COUNT_MAX COOKIES IDS_IN      POST /api/orders, one an id
 *
 * COOKIES and IDS: files, one a line. Ends after SECONDS, COUNT_MAX requests or the last id,
 * whichever comes first, and prints
 * {"requests":…,"failed":…,"seconds":…,"rate":…,"p50_us":…,"p99_us":…}; failed: not 201. */
#include "wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
    int orders; /* else tickets */
    size_t count_max, sent, answered, failed;
    char **cookies, **ids;
    size_t cookie_count, id_count;
    int64_t ends_at_us, last_at_us;
    FILE *ids_out;
    struct spread spread;
    struct wire *wires;
} run;

static void send_next(struct wire_loop *loop, struct wire *wire)
{
    char body[128];
    const char *cookie = run.cookies[(size_t)(wire - run.wires) % run.cookie_count];

    if (run.sent >= run.count_max || wire_now_us() >= run.ends_at_us) return;
    if (run.orders)
        snprintf(body, sizeof body, "{\"ticketId\":\"%s\"}", run.ids[run.sent]);
    else
        snprintf(body, sizeof body, "{\"title\":\"Seat %zu\",\"price\":%zu}", run.sent,
                 20 + run.sent % 80);
    run.sent++;
    wire_request(loop, wire, "POST", run.orders ? "/api/orders" : "/api/tickets", cookie, body);
}

static void on_answer(struct wire_loop *loop, struct wire *wire, const struct answer *answer)
{
    char id[25];

    run.answered++;
    run.last_at_us = wire_now_us();
    spread_add(&run.spread, answer->took_us);
    if (answer->status != 201) {
        if (run.failed++ == 0) fprintf(stderr, "load: %d %s\n", answer->status, answer->body);
    } else if (run.ids_out && wire_id(answer->body, id)) {
        fprintf(run.ids_out, "%s\n", id);
    }
    send_next(loop, wire);
}

static void read_arguments(int argc, char **argv)
{
    if (argc < 7) die("usage: see the head of bench/load.c");
    run.orders = strcmp(argv[1], "orders") == 0;
    run.count_max = strtoul(argv[5], NULL, 10);
    run.cookies = read_lines(argv[6], &run.cookie_count);
    if (run.cookie_count == 0) die("no cookies");
    if (run.orders) {
        if (argc < 8) die("orders need ids");
        run.ids = read_lines(argv[7], &run.id_count);
        if (run.id_count < run.count_max) run.count_max = run.id_count;
    } else if (argc > 7) {
        run.ids_out = fopen(argv[7], "a");
        if (!run.ids_out) die("%s: %s", argv[7], strerror(errno));
    }
}

int main(int argc, char **argv)
{
    struct wire_loop loop;
    size_t connections;
    int64_t started_us;
    double seconds;

    read_arguments(argc, argv);
    wire_loop_init(&loop, atoi(argv[2]));
    loop.on_answer = on_answer;
    connections = strtoul(argv[3], NULL, 10);
    run.wires = calloc(connections, sizeof *run.wires);
    if (!run.wires) die("out of memory");
    for (size_t i = 0; i < connections; i++)
        wire_open(&loop, &run.wires[i]);
    started_us = wire_now_us();
    run.ends_at_us = started_us + (int64_t)(atof(argv[4]) * 1e6);
    for (size_t i = 0; i < connections; i++)
        send_next(&loop, &run.wires[i]);
    while (loop.waiting)
        wire_turn(&loop, 1000000);
    if (run.ids_out) fclose(run.ids_out);
    seconds = (double)(run.last_at_us - started_us) / 1e6;
    printf("{\"requests\":%zu,\"failed\":%zu,\"seconds\":%.3f,\"rate\":%.1f,\"p50_us\":%lld,"
           "\"p99_us\":%lld}\n",
           run.answered, run.failed, seconds, (double)(run.answered - run.failed) / seconds,
           (long long)spread_at(&run.spread, 0.5), (long long)spread_at(&run.spread, 0.99));
    return 0;
}
