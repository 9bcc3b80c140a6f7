/* bench/purchase.c: whole purchases. A seller lists a ticket, a buyer reserves it, pays, and looks
 * at the order until it is complete.
 *
 *   purchase PORT BUYERS SECONDS RATE COOKIES [PAUSE_US]
 *
 * BUYERS work at once, each on a connection of its own. RATE: purchases begun a second; 0: as fast
 * as they go. COOKIES: a file, one a line; the first half sells, the second half buys. Prints
 * {"purchases":…,"failed":…,"seconds":…,"rate":…,"purchase_p50_us":…,"purchase_p99_us":…,
 *  "applied_p50_us":…,"applied_p99_us":…,"late":…,"step_p99_us":{"list":…,"reserve":…,"pay":…}}
 * applied: from the payment's 201 (payments committed) until a look at the order shows `complete`
 * (orders applied it), the looks' own time included: what a client can see. late: purchases that
 * began more than 10 ms after their time, because every buyer was busy. step: reserve and pay
 * include the waiting until the service has heard of the ticket or the order. PAUSE_US: between two
 * looks for that (500). */
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_AGAIN_US 500
#define GIVE_UP_US    10000000
#define LATE_US       10000

enum step { IDLE, LISTING, RESERVING, PAYING, LOOKING };

struct buyer {
    struct wire wire; /* first: a wire is its buyer */
    enum step step;
    const char *seller_cookie, *buyer_cookie;
    char ticket[25], order[25];
    int64_t began_at_us, step_at_us, paid_at_us;
    struct buyer *next_idle;
};

static struct {
    struct buyer *buyers, *idle;
    size_t buyer_count, busy;
    size_t done, failed, begun, late;
    int64_t started_us, ends_at_us;
    double rate;
    struct spread purchase, applied, steps[LOOKING + 1];
} run;

static void send_step(struct wire_loop *loop, struct buyer *buyer)
{
    char text[160];

    switch (buyer->step) {
    case IDLE:
        return;
    case LISTING:
        wire_request(loop, &buyer->wire, "POST", "/api/tickets", buyer->seller_cookie,
                     "{\"title\":\"A seat\",\"price\":20}");
        return;
    case RESERVING:
        snprintf(text, sizeof text, "{\"ticketId\":\"%s\"}", buyer->ticket);
        wire_request(loop, &buyer->wire, "POST", "/api/orders", buyer->buyer_cookie, text);
        return;
    case PAYING:
        snprintf(text, sizeof text, "{\"token\":\"tok_visa\",\"orderId\":\"%s\"}", buyer->order);
        wire_request(loop, &buyer->wire, "POST", "/api/payments", buyer->buyer_cookie, text);
        return;
    case LOOKING:
        snprintf(text, sizeof text, "/api/orders/%s", buyer->order);
        wire_request(loop, &buyer->wire, "GET", text, buyer->buyer_cookie, NULL);
        return;
    }
}

static void begin(struct wire_loop *loop, struct buyer *buyer)
{
    buyer->step = LISTING;
    buyer->began_at_us = buyer->step_at_us = wire_now_us();
    run.begun++;
    run.busy++;
    send_step(loop, buyer);
}

static void finish(struct wire_loop *loop, struct buyer *buyer)
{
    buyer->step = IDLE;
    run.busy--;
    if (run.rate == 0 && wire_now_us() < run.ends_at_us) {
        begin(loop, buyer);
        return;
    }
    buyer->next_idle = run.idle;
    run.idle = buyer;
}

static void fail(struct wire_loop *loop, struct buyer *buyer, const struct answer *answer)
{
    if (run.failed++ == 0)
        fprintf(stderr, "purchase: step %d: %d %s\n", buyer->step, answer->status, answer->body);
    finish(loop, buyer);
}

/* The next service has not heard yet: ask again a little later. */
static void again(struct wire_loop *loop, struct buyer *buyer, const struct answer *answer)
{
    if (wire_now_us() - buyer->began_at_us > GIVE_UP_US)
        fail(loop, buyer, answer);
    else
        wire_pause(loop, &buyer->wire);
}

static void complete(struct wire_loop *loop, struct buyer *buyer)
{
    int64_t now_us = wire_now_us();

    spread_add(&run.purchase, now_us - buyer->began_at_us);
    spread_add(&run.applied, now_us - buyer->paid_at_us);
    run.done++;
    finish(loop, buyer);
}

/* An order's own id is the last one in its answer: the ticket's comes before it. */
static int took_step(struct buyer *buyer, const struct answer *answer)
{
    int64_t now_us = wire_now_us();

    spread_add(&run.steps[buyer->step], now_us - buyer->step_at_us);
    buyer->step_at_us = now_us;
    switch (buyer->step) {
    case LISTING:
        buyer->step = RESERVING;
        return wire_id(answer->body, buyer->ticket);
    case RESERVING:
        buyer->step = PAYING;
        return wire_id(answer->body, buyer->order);
    case PAYING:
        buyer->step = LOOKING;
        buyer->paid_at_us = now_us;
        return 1;
    default:
        return 0;
    }
}

static void on_answer(struct wire_loop *loop, struct wire *wire, const struct answer *answer)
{
    struct buyer *buyer = (struct buyer *)wire;

    if (buyer->step == LOOKING && answer->status == 200) {
        if (strstr(answer->body, "\"status\":\"complete\""))
            complete(loop, buyer);
        else
            again(loop, buyer, answer);
    } else if (answer->status == 404 && (buyer->step == RESERVING || buyer->step == PAYING)) {
        again(loop, buyer, answer);
    } else if (answer->status == 201 && took_step(buyer, answer)) {
        send_step(loop, buyer);
    } else {
        fail(loop, buyer, answer);
    }
}

static void on_wake(struct wire_loop *loop, struct wire *wire)
{
    send_step(loop, (struct buyer *)wire);
}

/* With a rate: begins those whose time has come. Returns how long until the next one. */
static int64_t begin_due(struct wire_loop *loop)
{
    for (;;) {
        int64_t now_us = wire_now_us();
        int64_t due_us = run.started_us + (int64_t)((double)run.begun * 1e6 / run.rate);
        struct buyer *buyer = run.idle;

        if (now_us >= run.ends_at_us) return 100000;
        if (due_us > now_us) return due_us - now_us;
        if (!buyer) return 1000;
        run.idle = buyer->next_idle;
        if (now_us - due_us > LATE_US) run.late++;
        begin(loop, buyer);
    }
}

static void open_buyers(struct wire_loop *loop, const char *cookie_path)
{
    size_t count, half;
    char **cookies = read_lines(cookie_path, &count);

    if (count < 2) die("needs two cookies at least");
    half = count / 2;
    run.buyers = calloc(run.buyer_count, sizeof *run.buyers);
    if (!run.buyers) die("out of memory");
    for (size_t i = 0; i < run.buyer_count; i++) {
        struct buyer *buyer = &run.buyers[i];
        wire_open(loop, &buyer->wire);
        buyer->seller_cookie = cookies[i % half];
        buyer->buyer_cookie = cookies[half + i % half];
        buyer->next_idle = run.idle;
        run.idle = buyer;
    }
}

static void print_spread(const char *name, const struct spread *spread)
{
    printf("\"%s_p50_us\":%lld,\"%s_p99_us\":%lld,", name, (long long)spread_at(spread, 0.5), name,
           (long long)spread_at(spread, 0.99));
}

static void print_result(void)
{
    double seconds = (double)(wire_now_us() - run.started_us) / 1e6;

    printf("{\"purchases\":%zu,\"failed\":%zu,\"seconds\":%.3f,\"rate\":%.1f,", run.done,
           run.failed, seconds, (double)run.done / seconds);
    print_spread("purchase", &run.purchase);
    print_spread("applied", &run.applied);
    printf("\"late\":%zu,\"step_p99_us\":{\"list\":%lld,\"reserve\":%lld,\"pay\":%lld}}\n",
           run.late, (long long)spread_at(&run.steps[LISTING], 0.99),
           (long long)spread_at(&run.steps[RESERVING], 0.99),
           (long long)spread_at(&run.steps[PAYING], 0.99));
}

int main(int argc, char **argv)
{
    struct wire_loop loop;
    int64_t wait_us = 1000000;

    if (argc != 6 && argc != 7) die("usage: purchase PORT BUYERS SECONDS RATE COOKIES [PAUSE_US]");
    wire_loop_init(&loop, atoi(argv[1]));
    loop.pause_us = argc == 7 ? atoi(argv[6]) : LOOK_AGAIN_US;
    loop.on_answer = on_answer;
    loop.on_wake = on_wake;
    run.buyer_count = strtoul(argv[2], NULL, 10);
    run.rate = atof(argv[4]);
    open_buyers(&loop, argv[5]);
    run.started_us = wire_now_us();
    run.ends_at_us = run.started_us + (int64_t)(atof(argv[3]) * 1e6);
    if (run.rate == 0)
        for (size_t i = 0; i < run.buyer_count; i++)
            begin(&loop, &run.buyers[i]);
    while (run.busy || wire_now_us() < run.ends_at_us) {
        if (run.rate > 0) wait_us = begin_due(&loop);
        wire_turn(&loop, wait_us);
    }
    print_result();
    return 0;
}
