/* bench/wire.h: the client side of many HTTP connections in one thread, for load generators.
 *
 * One request at a time on each connection; the answer comes to a callback, which sends the next
 * request or pauses. Nothing here measures the server's correctness: an answer that makes no sense
 * ends the run, and so does a connection that breaks unless somebody wants to know. */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <stddef.h>
#include <stdint.h>

#define WIRE_IN_MAX  262144
#define WIRE_OUT_MAX 4096

struct wire {
    int fd;
    size_t in_len, out_len, out_sent;
    int64_t sent_at_us;
    int64_t wake_at_us; /* while paused */
    struct wire *next_paused;
    char *in;
    char out[WIRE_OUT_MAX];
};

struct answer {
    int status;
    char *body; /* NUL-terminated, valid during the callback */
    size_t body_len;
    int64_t took_us;
};

struct wire_loop {
    int epoll;
    int port;
    size_t waiting;   /* connections with a request under way or paused */
    int64_t pause_us; /* the one length of every pause */
    struct wire *paused_first, *paused_last;
    void (*on_answer)(struct wire_loop *loop, struct wire *wire, const struct answer *answer);
    /* The server closed it; the run goes on. NULL: that ends the run. */
    void (*on_closed)(struct wire_loop *loop, struct wire *wire);
    void (*on_wake)(struct wire_loop *loop, struct wire *wire); /* a pause is over */
};

int64_t wire_now_us(void); /* monotonic */

void wire_loop_init(struct wire_loop *loop, int port);
void wire_open(struct wire_loop *loop, struct wire *wire);
void wire_close(struct wire *wire);
/* Sends one request. body NULL: none. cookie NULL: no session. */
void wire_request(struct wire_loop *loop, struct wire *wire, const char *method, const char *path,
                  const char *cookie, const char *body);
/* on_wake comes pause_us later. */
void wire_pause(struct wire_loop *loop, struct wire *wire);
/* Handles what happens, for at most max_wait_us when nothing does. */
void wire_turn(struct wire_loop *loop, int64_t max_wait_us);

/* The 24 hex digits after "id":" at the top level of a flat answer: its last such key. id has room
 * for 25. Returns 0 when there is none. */
int wire_id(const char *body, char id[25]);

/* --- durations: a histogram of 1 µs to 67 s in steps of at most 1.6% -------------------------- */

#define SPREAD_BUCKETS 1280
struct spread {
    uint64_t count;
    uint64_t buckets[SPREAD_BUCKETS];
};
void spread_add(struct spread *spread, int64_t took_us);
/* part: 0.99 for p99. */
int64_t spread_at(const struct spread *spread, double part);

_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Lines of a file, without their ends; *count of them. Never freed. */
char **read_lines(const char *path, size_t *count);

#endif
