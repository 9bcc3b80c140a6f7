/* bench/flood.c: three kinds of trouble at once, from many addresses of 127.0.0.0/8.
 *
 *   flood PORT SECONDS SLOW SIGNINS CONNECTS
 *
 * SLOW connections send the head of a request a byte every two seconds, evenly spread over them as
 * those of clients that know nothing of each other are, and come back as soon as they are cut off.
 * SIGNINS a second guess, each at an account of its own and from an address of its own, which is
 * the worst for the server: none of them can be refused before it is hashed. CONNECTS a
 * second are made from eight addresses and held for five seconds, saying nothing. Prints "ready"
 * once all the slow ones are there, and at the end
 * {"slow":…,"slow_again":…,"signins":{"400":…,"429":…,…},"connects":…,
 * "connects_closed":…,"failed":…}; failed: could not even connect. */
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define DRIP_US     2000000
#define HOLD_US     5000000
#define EVENTS_MAX  1024
#define SLOW_EACH   500 /* slow connections of one address */
#define IDLE_HOSTS  8
#define FLIGHTS_MAX 60000

enum kind { NOTHING, SLOW, GUESS, IDLE };

struct flight {
    int fd;
    enum kind kind;
    size_t at; /* of the slow head */
    int64_t due_at_us;
    struct flight *next; /* in its queue or free */
};

struct queue {
    struct flight *first, *last;
};

static const char slow_head[] = "GET /api/tickets HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
                                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

static struct {
    int port, epoll;
    struct flight *flights, *free;
    struct queue drips, holds;
    int64_t first_drip_us;
    size_t slow, slow_again, guesses, connects, connects_closed, failed, slow_open;
    size_t statuses[600];
} run;

static void queue_add(struct queue *queue, struct flight *flight, int64_t due_at_us)
{
    flight->due_at_us = due_at_us;
    flight->next = NULL;
    if (queue->last)
        queue->last->next = flight;
    else
        queue->first = flight;
    queue->last = flight;
}

static struct flight *queue_take(struct queue *queue, int64_t now_us)
{
    struct flight *flight = queue->first;

    if (!flight || flight->due_at_us > now_us) return NULL;
    queue->first = flight->next;
    if (!queue->first) queue->last = NULL;
    return flight;
}

/* A connection from 127.NETWORK.x.y; -1 when there is none to be had. */
static int dial(unsigned network, unsigned host)
{
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
    struct linger reset = {1, 0};
    int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) return -1;
    from.sin_addr.s_addr = htonl(127u << 24 | (network & 255) << 16 | (host & 0xffff));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons((uint16_t)run.port);
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset); /* no port waits afterwards */
    if (bind(fd, (struct sockaddr *)&from, sizeof from) == 0 &&
        (connect(fd, (struct sockaddr *)&to, sizeof to) == 0 || errno == EINPROGRESS))
        return fd;
    close(fd);
    return -1;
}

static struct flight *take_off(enum kind kind, unsigned network, unsigned host)
{
    struct flight *flight = run.free;
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = flight};
    int fd = flight ? dial(network, host) : -1;

    if (fd < 0) {
        run.failed++;
        return NULL;
    }
    run.free = flight->next;
    *flight = (struct flight){.fd = fd, .kind = kind};
    if (epoll_ctl(run.epoll, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll: %s", strerror(errno));
    return flight;
}

static void land(struct flight *flight)
{
    close(flight->fd);
    flight->fd = -1;
    if (flight->kind == GUESS) { /* the others are still in their queue */
        flight->next = run.free;
        run.free = flight;
    }
}

static void put_back(struct flight *flight)
{
    flight->kind = NOTHING;
    flight->next = run.free;
    run.free = flight;
}

/* --- the three kinds ----------------------------------------------------------------------- */

static void go_slow(int64_t first_drip_us)
{
    struct flight *flight =
        take_off(SLOW, 16, 256 + (unsigned)(run.slow_open + run.slow_again) / SLOW_EACH);

    if (!flight) return;
    run.slow_open++;
    queue_add(&run.drips, flight, first_drip_us);
}

/* The next byte is due two seconds after this one was due, not after it was sent: a generator that
 * is late for many would else bring them together, and they would stay so. */
static void drip(struct flight *flight)
{
    int64_t next_us = flight->due_at_us + DRIP_US;

    if (flight->fd < 0) {
        put_back(flight);
        run.slow_again++;
        run.slow_open--;
        go_slow(next_us);
        return;
    }
    if (flight->at < sizeof slow_head - 1)
        (void)!send(flight->fd, slow_head + flight->at++, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    queue_add(&run.drips, flight, next_us);
}

static void guess(void)
{
    struct flight *flight = take_off(GUESS, 32 + run.guesses / 60000, 1 + run.guesses % 60000);
    char body[128], text[512];
    int len;

    if (!flight) return;
    len = snprintf(body, sizeof body,
                   "{\"email\":\"victim%d-%zu@example.test\",\"password\":\"guess-%zu\"}",
                   (int)getpid(), run.guesses, run.guesses);
    len = snprintf(text, sizeof text,
                   "POST /api/users/signin HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                   "application/json\r\nContent-Length: %d\r\n\r\n%s",
                   len, body);
    run.guesses++;
    if (send(flight->fd, text, (size_t)len, MSG_NOSIGNAL) != len) {
        run.failed++;
        land(flight);
    }
}

static void come_and_stay(int64_t now_us)
{
    struct flight *flight = take_off(IDLE, 64, 1 + (unsigned)(run.connects % IDLE_HOSTS));

    if (!flight) return;
    run.connects++;
    queue_add(&run.holds, flight, now_us + HOLD_US);
}

static void heard(struct flight *flight)
{
    char in[2048];
    ssize_t got;
    int status;

    if (flight->fd < 0) return;
    got = recv(flight->fd, in, sizeof in - 1, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return;
    if (flight->kind == GUESS && got > 12) {
        in[got] = 0;
        status = atoi(in + 9);
        run.statuses[status > 0 && status < 600 ? status : 0]++;
    } else if (flight->kind == GUESS) {
        run.statuses[0]++;
    }
    if (flight->kind == IDLE) run.connects_closed++;
    land(flight);
}

/* --- all together -------------------------------------------------------------------------- */

static void turn(int64_t now_us)
{
    struct epoll_event events[EVENTS_MAX];
    struct flight *flight;
    int count = epoll_wait(run.epoll, events, EVENTS_MAX, 1);

    for (int i = 0; i < count; i++)
        heard(events[i].data.ptr);
    while ((flight = queue_take(&run.drips, now_us)))
        drip(flight);
    while ((flight = queue_take(&run.holds, now_us))) {
        if (flight->fd >= 0) land(flight);
        put_back(flight);
    }
}

static void print_result(void)
{
    const char *comma = "";

    printf("{\"slow\":%zu,\"slow_again\":%zu,\"signins\":{", run.slow_open, run.slow_again);
    for (size_t i = 0; i < 600; i++)
        if (run.statuses[i]) {
            printf("%s\"%zu\":%zu", comma, i, run.statuses[i]);
            comma = ",";
        }
    printf("},\"connects\":%zu,\"connects_closed\":%zu,\"failed\":%zu}\n", run.connects,
           run.connects_closed, run.failed);
}

int main(int argc, char **argv)
{
    double signins, connects;
    int64_t started_us, ends_at_us, now_us;

    if (argc < 6) die("usage: see the head of bench/flood.c");
    run.port = atoi(argv[1]);
    run.slow = strtoul(argv[3], NULL, 10);
    signins = atof(argv[4]);
    connects = atof(argv[5]);
    run.epoll = epoll_create1(EPOLL_CLOEXEC);
    run.flights = calloc(FLIGHTS_MAX, sizeof *run.flights);
    if (run.epoll < 0 || !run.flights) die("out of memory");
    for (size_t i = 0; i < FLIGHTS_MAX; i++)
        put_back(&run.flights[i]);
    run.first_drip_us = wire_now_us() + DRIP_US;
    while (run.slow_open < run.slow && run.failed < run.slow) {
        for (int i = 0; i < 50 && run.slow_open < run.slow; i++)
            go_slow(run.first_drip_us + (int64_t)(run.slow_open * DRIP_US / run.slow));
        turn(wire_now_us());
    }
    if (run.slow_open < run.slow) die("only %zu of %zu connections", run.slow_open, run.slow);
    puts("ready");
    fflush(stdout);
    started_us = wire_now_us();
    ends_at_us = started_us + (int64_t)(atof(argv[2]) * 1e6);
    while ((now_us = wire_now_us()) < ends_at_us) {
        double seconds = (double)(now_us - started_us) / 1e6;

        while ((double)run.guesses < seconds * signins && run.free)
            guess();
        for (int i = 0; i < 50 && (double)(run.connects + run.failed) < seconds * connects; i++)
            come_and_stay(now_us);
        turn(now_us);
    }
    print_result();
    return 0;
}
