/* bench/wire.c: see wire.h. */
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_MAX 512

void die(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

int64_t wire_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void wire_loop_init(struct wire_loop *loop, int port)
{
    memset(loop, 0, sizeof *loop);
    loop->port = port;
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll < 0) die("epoll: %s", strerror(errno));
}

void wire_open(struct wire_loop *loop, struct wire *wire)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)loop->port)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = wire};
    int yes = 1;

    memset(wire, 0, sizeof *wire);
    wire->in = malloc(WIRE_IN_MAX + 1);
    wire->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (!wire->in || wire->fd < 0 ||
        connect(wire->fd, (struct sockaddr *)&address, sizeof address) != 0)
        die("connect: %s", strerror(errno));
    setsockopt(wire->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, wire->fd, &event) != 0)
        die("epoll: %s", strerror(errno));
}

void wire_close(struct wire *wire)
{
    close(wire->fd);
    free(wire->in);
    wire->in = NULL;
}

void wire_request(struct wire_loop *loop, struct wire *wire, const char *method, const char *path,
                  const char *cookie, const char *body)
{
    int len = snprintf(wire->out, sizeof wire->out,
                       "%s %s HTTP/1.1\r\nHost: localhost\r\n%s%s%sContent-Type: application/json"
                       "\r\nContent-Length: %zu\r\n\r\n%s",
                       method, path, cookie ? "Cookie: session=" : "", cookie ? cookie : "",
                       cookie ? "\r\n" : "", body ? strlen(body) : 0, body ? body : "");

    if (len <= 0 || (size_t)len >= sizeof wire->out) die("request too long");
    wire->sent_at_us = wire_now_us();
    /* A request is far smaller than a socket's buffer: it always goes whole. */
    if (send(wire->fd, wire->out, (size_t)len, MSG_NOSIGNAL) != len)
        die("send: %s", strerror(errno));
    loop->waiting++;
}

void wire_pause(struct wire_loop *loop, struct wire *wire)
{
    wire->wake_at_us = wire_now_us() + loop->pause_us;
    wire->next_paused = NULL;
    if (loop->paused_last)
        loop->paused_last->next_paused = wire;
    else
        loop->paused_first = wire;
    loop->paused_last = wire;
    loop->waiting++;
}

static void wake_paused(struct wire_loop *loop)
{
    int64_t now_us = wire_now_us();

    while (loop->paused_first && loop->paused_first->wake_at_us <= now_us) {
        struct wire *wire = loop->paused_first;
        loop->paused_first = wire->next_paused;
        if (!loop->paused_first) loop->paused_last = NULL;
        loop->waiting--;
        loop->on_wake(loop, wire);
    }
}

static size_t content_length(const char *head)
{
    const char *at = strcasestr(head, "\r\ncontent-length:");

    return at ? strtoul(at + 17, NULL, 10) : 0;
}

/* One whole answer in wire->in: hand it over. */
static void take_answer(struct wire_loop *loop, struct wire *wire)
{
    struct answer answer;
    char *end;
    size_t head_len;

    wire->in[wire->in_len] = 0;
    end = strstr(wire->in, "\r\n\r\n");
    if (!end) return;
    *end = 0;
    head_len = (size_t)(end - wire->in) + 4;
    answer.body_len = content_length(wire->in);
    if (wire->in_len < head_len + answer.body_len) {
        *end = '\r';
        return;
    }
    if (wire->in_len > head_len + answer.body_len) die("more than one answer: %s", wire->in);
    answer.status = atoi(wire->in + sizeof "HTTP/1.1");
    answer.body = wire->in + head_len;
    answer.took_us = wire_now_us() - wire->sent_at_us;
    wire->in_len = 0;
    loop->waiting--;
    loop->on_answer(loop, wire, &answer);
}

static void read_some(struct wire_loop *loop, struct wire *wire)
{
    ssize_t got = recv(wire->fd, wire->in + wire->in_len, WIRE_IN_MAX - wire->in_len, MSG_DONTWAIT);

    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0 && loop->on_closed) {
        loop->on_closed(loop, wire);
        return;
    }
    if (got <= 0) die("the server closed a connection (%s)", got < 0 ? strerror(errno) : "end");
    wire->in_len += (size_t)got;
    take_answer(loop, wire);
}

void wire_turn(struct wire_loop *loop, int64_t max_wait_us)
{
    struct epoll_event events[EVENTS_MAX];
    struct timespec wait;
    int count;

    if (loop->paused_first) {
        int64_t left_us = loop->paused_first->wake_at_us - wire_now_us();
        if (left_us < 0) left_us = 0;
        if (left_us < max_wait_us) max_wait_us = left_us;
    }
    wait.tv_sec = (time_t)(max_wait_us / 1000000);
    wait.tv_nsec = (long)(max_wait_us % 1000000) * 1000;
    count = epoll_pwait2(loop->epoll, events, EVENTS_MAX, &wait, NULL);
    for (int i = 0; i < count; i++)
        read_some(loop, events[i].data.ptr);
    wake_paused(loop);
}

int wire_id(const char *body, char id[25])
{
    const char *found = NULL;

    for (const char *at = body; (at = strstr(at, "\"id\":\"")); at += 6)
        found = at + 6;
    if (!found || strlen(found) < 24) return 0;
    memcpy(id, found, 24);
    id[24] = 0;
    return 1;
}

/* 64 steps for each power of two; below 64 µs each microsecond has its own. */
static size_t bucket_of(int64_t took_us)
{
    uint64_t value = took_us < 0 ? 0 : (uint64_t)took_us;
    unsigned power = 0;

    while ((value >> power) >= 128)
        power++;
    size_t bucket = power * 64 + (size_t)(value >> power);
    return bucket < SPREAD_BUCKETS ? bucket : SPREAD_BUCKETS - 1;
}

static int64_t bucket_value(size_t bucket)
{
    size_t power = bucket < 128 ? 0 : bucket / 64 - 1;

    return (int64_t)((bucket - power * 64) << power);
}

void spread_add(struct spread *spread, int64_t took_us)
{
    spread->count++;
    spread->buckets[bucket_of(took_us)]++;
}

int64_t spread_at(const struct spread *spread, double part)
{
    uint64_t seen = 0, rank = (uint64_t)((double)spread->count * part);

    for (size_t i = 0; i < SPREAD_BUCKETS; i++) {
        seen += spread->buckets[i];
        if (seen > rank) return bucket_value(i);
    }
    return 0;
}

char **read_lines(const char *path, size_t *count)
{
    char **lines = NULL, *line = NULL;
    size_t room = 0, cap = 0;
    ssize_t len;
    FILE *file = fopen(path, "r");

    if (!file) die("%s: %s", path, strerror(errno));
    *count = 0;
    while ((len = getline(&line, &cap, file)) > 0) {
        if (*count == room) {
            char **more = realloc(lines, (room = room * 2 + 1024) * sizeof *lines);
            if (!more) die("out of memory");
            lines = more;
        }
        if (line[len - 1] == '\n') line[len - 1] = 0;
        lines[(*count)++] = strdup(line);
    }
    free(line);
    fclose(file);
    return lines;
}
