/* Tests of src/http over real sockets: threads, deadlines, limits, the control socket, the end. */
#include "sockets.h"

#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/un.h>

static enum err answer_huge(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct json_writer writer = reply_json(rp, 200);

    json_begin_array(&writer);
    for (int i = 0; i < 20000; i++)
        json_put_text(&writer, STR("fifty bytes or so, which makes about a megabyte"));
    json_end_array(&writer);
    return OK;
}

/* --- a loop that is busy -------------------------------------------------------------------- */

static pthread_mutex_t busy_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t busy_changed = PTHREAD_COND_INITIALIZER;
static bool busy_inside, busy_over;
static int busy_heavy; /* heavy requests handled so far */

/* Keeps its loop until it is told to go on. */
static enum err answer_busily(struct request *rq, struct tx *tx, struct reply *rp)
{
    pthread_mutex_lock(&busy_lock);
    busy_inside = true;
    pthread_cond_broadcast(&busy_changed);
    while (!busy_over)
        pthread_cond_wait(&busy_changed, &busy_lock);
    pthread_mutex_unlock(&busy_lock);
    return reply_empty(rp, 204);
}

/* Takes more than an address's share of a round. */
static enum err answer_heavily(struct request *rq, struct tx *tx, struct reply *rp)
{
    int64_t until_us = clock_monotonic_us() + 3000;

    while (clock_monotonic_us() < until_us) {
    }
    busy_heavy++;
    return reply_empty(rp, 204);
}

/* How many heavy ones came before it. */
static enum err answer_count(struct request *rq, struct tx *tx, struct reply *rp)
{
    char text[16];

    snprintf(text, sizeof text, "%d!", busy_heavy);
    return reply_text(rp, 200, "text/plain", arena_copy(rq->arena, str_of(text)));
}

static const struct http_route routes[] = {
    {METHOD_GET, "/busy", ACCESS_PUBLIC, HERE(answer_busily)},
    {METHOD_GET, "/heavy", ACCESS_PUBLIC, HERE(answer_heavily)},
    {METHOD_GET, "/count", ACCESS_PUBLIC, HERE(answer_count)},
    {METHOD_GET, "/here", ACCESS_PUBLIC, HERE(answer_echo)},
    {METHOD_GET, "/away/:id", ACCESS_PUBLIC, AWAY(answer_echo)},
    {METHOD_POST, "/away", ACCESS_PUBLIC, AWAY(answer_echo)},
    {METHOD_GET, "/huge", ACCESS_PUBLIC, HERE(answer_huge)},
    {METHOD_GET, "/operator", ACCESS_OPERATOR, HERE(answer_echo)},
    {METHOD_GET, "/health", ACCESS_HEALTH, HERE(answer_echo)},
};
static const struct http_mount mount = {"test", routes, sizeof routes / sizeof *routes, NULL, 0};

static struct http_config server_config(void)
{
    struct http_config config = test_config();

    config.mounts = &mount;
    config.dispatch = dispatch_away;
    config.loop_end = hand_over;
    return config;
}

/* Waits until all that was said over fd lies at the other end: on a busy machine it may be on its
 * way for a while. */
static void wait_arrived(int fd)
{
    int under_way;

    while (ioctl(fd, TIOCOUTQ, &under_way) == 0 && under_way > 0)
        usleep(1000);
    assert_int_equal(under_way, 0);
}

/* Whatever gathered while the loop was busy is handled in one round: sixty requests of one address,
 * and then one of somebody else, who is not the sixty-first. */
static void a_visitor_is_not_behind_all_that_another_address_asks(void **state)
{
    struct http_config config = server_config();
    struct http_server *server;
    int fds[60], busy, visitor;
    char *in;

    config.trusted_proxies = "127.0.0.1"; /* addresses are told apart by X-Forwarded-For */
    busy_inside = busy_over = false;
    busy_heavy = 0;
    server = start(&config);
    for (size_t i = 0; i < 60; i++)
        fds[i] = dial(server);
    visitor = dial(server);
    busy = dial(server);
    say(visitor, "GET /here HTTP/1.1\r\n" HOST "\r\n"); /* by then all are accepted */
    free(hear(visitor, "\"secure\":false}"));
    say(busy, "GET /busy HTTP/1.1\r\n" HOST "\r\n");
    pthread_mutex_lock(&busy_lock);
    while (!busy_inside)
        pthread_cond_wait(&busy_changed, &busy_lock);
    for (size_t i = 0; i < 60; i++)
        say(fds[i], "GET /heavy HTTP/1.1\r\n" HOST "X-Forwarded-For: 203.0.113.1\r\n\r\n");
    say(visitor, "GET /count HTTP/1.1\r\n" HOST "X-Forwarded-For: 203.0.113.2\r\n\r\n");
    for (size_t i = 0; i < 60; i++)
        wait_arrived(fds[i]);
    wait_arrived(visitor);
    busy_over = true;
    pthread_cond_broadcast(&busy_changed);
    pthread_mutex_unlock(&busy_lock);
    in = hear(visitor, "!");
    assert_has(in, "\r\n\r\n");
    assert_true(atoi(strstr(in, "\r\n\r\n") + 4) <= 2);
    free(in);
    for (size_t i = 0; i < 60; i++) { /* and all of them are answered */
        free(hear(fds[i], "\r\n\r\n"));
        close(fds[i]);
    }
    close(visitor);
    close(busy);
    http_server_stop(server, 1000);
}

/* What was put off when the end came goes nowhere, and nothing is lost with it. */
static void requests_that_were_put_off_end_with_the_server(void **state)
{
    struct http_config config = server_config();
    struct http_server *server = start(&config);
    int fds[20];

    for (size_t i = 0; i < 20; i++) {
        fds[i] = dial(server);
        say(fds[i], "GET /heavy HTTP/1.1\r\n" HOST "\r\nGET /heavy HTTP/1.1\r\n" HOST "\r\n");
    }
    free(hear(fds[0], "\r\n\r\n"));
    for (size_t i = 0; i < 10; i++)
        close(fds[i]); /* their second ones are waited for by nobody */
    http_server_stop(server, 0);
    for (size_t i = 10; i < 20; i++)
        close(fds[i]);
}

static void answers_come_back_from_another_thread(void **state)
{
    struct http_config config = server_config();
    struct http_server *server;
    int fds[40];

    config.loops = 2;
    worker_start();
    server = start(&config);
    for (int i = 0; i < 40; i++)
        fds[i] = dial(server);
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < 40; i++) /* two at once: the second waits for the first */
            say(fds[i], "GET /away/1 HTTP/1.1\r\n" HOST "\r\nGET /away/2 HTTP/1.1\r\n" HOST "\r\n");
        for (int i = 0; i < 40; i++) {
            char *in = hear_times(fds[i], "\"secure\":false}", 2);

            assert_true(strstr(in, "/away/1") < strstr(in, "/away/2"));
            free(in);
        }
    }
    for (int i = 0; i < 40; i++)
        close(fds[i]);
    assert_int_equal(http_server_counters(server).requests_total, 4000);
    assert_int_equal(http_server_counters(server).connections_total, 40);
    http_server_stop(server, 1000);
    worker_stop();
}

static void a_client_that_leaves_does_not_stop_its_request(void **state)
{
    struct http_config config = server_config();
    struct http_server *server;
    char *in;
    int fd;

    worker_start();
    server = start(&config);
    worker_set(true, false);
    for (int i = 0; i < 5; i++) {
        struct linger reset = {1, 0};

        fd = dial(server);
        say(fd, "GET /away/1 HTTP/1.1\r\n" HOST "\r\nGET /away/2 HTTP/1.1\r\n" HOST "\r\n");
        worker_await(i + 1);
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(fd);
    }
    fd = dial(server); /* one who only half-closes is answered */
    say(fd, "GET /away/3 HTTP/1.1\r\n" HOST "\r\n");
    shutdown(fd, SHUT_WR);
    worker_await(6);
    worker_set(false, false);
    in = hear(fd, NULL);
    assert_has(in, "/away/3");
    free(in);
    close(fd);
    http_server_stop(server, 1000);
    worker_stop();
}

static void a_half_sent_request_is_cut_off(void **state)
{
    struct http_config config = server_config();
    struct http_server *server;
    char *in;
    int fd;

    config.deadline_ms = 200;
    server = start(&config);
    fd = dial(server);
    say(fd, "GET /here HTTP/1.1\r\nHo");
    in = hear(fd, NULL);
    assert_begins(in, "HTTP/1.1 408 Request Timeout\r\n");
    assert_has(in, "Connection: close\r\n");
    free(in);
    close(fd);
    assert_int_equal(http_server_counters(server).deadline_cuts, 1);
    http_server_stop(server, 0);
}

/* The deadline is for the whole request: a byte now and then does not help. */
static void a_dripping_request_is_cut_off(void **state)
{
    struct http_config config = server_config();
    struct http_server *server;
    int64_t began_us = clock_monotonic_us();
    struct timeval soon = {.tv_usec = 20000};
    char in[1024];
    ssize_t count;
    int fd;

    config.deadline_ms = 300;
    server = start(&config);
    fd = dial(server);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon);
    say(fd, "GET /");
    do {
        send(fd, "x", 1, MSG_NOSIGNAL);
        count = recv(fd, in, sizeof in - 1, 0);
    } while (count < 0 && clock_monotonic_us() - began_us < 10000000);
    assert_true(count > 0);
    in[count] = 0;
    assert_begins(in, "HTTP/1.1 408 ");
    close(fd);
    http_server_stop(server, 0);
}

static void an_idle_connection_is_closed_without_a_word(void **state)
{
    struct http_config config = server_config();
    struct http_server *server;
    int silent, served;
    char *in;

    config.idle_ms = config.deadline_ms = 100;
    server = start(&config);
    silent = dial(server);
    served = dial(server);
    say(served, "GET /here HTTP/1.1\r\n" HOST "\r\n");
    in = hear(silent, NULL);
    assert_string_equal(in, "");
    free(in);
    in = hear(served, NULL);
    assert_int_equal(count_of(in, "HTTP/1.1 "), 1);
    free(in);
    close(silent);
    close(served);
    http_server_stop(server, 0);
}

static void one_who_sends_too_much_still_reads_the_answer(void **state)
{
    struct http_config config = server_config();
    struct http_server *server = start(&config);
    static char body[4 * 1024 * 1024];

    for (int i = 0; i < 10; i++) {
        int fd = dial(server);
        char *in;

        say(fd, "POST /away HTTP/1.1\r\n" HOST "Content-Length: 4194304\r\n\r\n");
        send(fd, body, sizeof body, MSG_NOSIGNAL); /* may stop half way */
        in = hear(fd, "body_too_large");
        assert_begins(in, "HTTP/1.1 413 ");
        free(in);
        close(fd);
    }
    http_server_stop(server, 0);
}

static void one_who_does_not_read_is_cut_off(void **state)
{
    struct http_config config = server_config();
    struct http_server *server;
    int fd, small = 4096;

    config.deadline_ms = 200;
    server = start(&config);
    fd = dial(server);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    for (int i = 0; i < 100; i++)
        say(fd, "GET /huge HTTP/1.1\r\n" HOST "\r\n");
    while (http_server_counters(server).deadline_cuts == 0)
        usleep(1000);
    assert_true(http_server_counters(server).requests_total < 10);
    close(fd);
    http_server_stop(server, 0);
}

static void one_who_reads_slowly_gets_everything(void **state)
{
    struct http_config config = server_config();
    struct http_server *server = start(&config);
    int fd = dial(server);
    char *in;

    for (int i = 0; i < 5; i++)
        say(fd, "GET /huge HTTP/1.1\r\n" HOST "\r\n");
    say(fd, "GET /here HTTP/1.1\r\n" HOST "\r\n");
    in = hear(fd, "\"path\":\"/here\"");
    assert_int_equal(count_of(in, "HTTP/1.1 200"), 6);
    assert_int_equal(count_of(in, "megabyte\"]"), 5);
    free(in);
    close(fd);
    http_server_stop(server, 0);
}

/* --- too many ------------------------------------------------------------------------------ */

#define PLAIN(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"

/* A connection whose request is with the holding worker, as number `count`. */
static int dial_busy(const struct http_server *server, int count)
{
    int fd = dial(server);

    say(fd, PLAIN("/away/1"));
    worker_await(count);
    return fd;
}

static void hold(void)
{
    worker_start();
    worker_set(true, false);
}

/* One that asks for something; its whole answer. */
static char *ask(const struct http_server *server, const char *bytes)
{
    int fd = dial(server);
    char *in;

    say(fd, bytes);
    in = hear(fd, NULL);
    close(fd);
    return in;
}

static void await_open(const struct http_server *server, uint64_t count)
{
    while (http_server_counters(server).connections_open != count)
        usleep(1000);
}

static void connections_past_the_limit_are_told_so(void **state)
{
    struct http_config config = server_config();
    struct http_server *server;
    int fds[3];
    char *in;

    hold();
    config.connections_max = 3;
    server = start(&config);
    for (int i = 0; i < 3; i++)
        fds[i] = dial_busy(server, i + 1);
    in = ask(server, PLAIN("/here"));
    assert_begins(in, "HTTP/1.1 503 ");
    assert_has(in, "Retry-After: 1\r\n");
    free(in);
    assert_int_equal(http_server_counters(server).connections_refused, 1);
    worker_set(false, false);
    for (int i = 0; i < 3; i++) {
        free(hear(fds[i], "\"secure\":false}"));
        close(fds[i]);
    }
    await_open(server, 0);
    fds[0] = dial(server);
    say(fds[0], PLAIN("/here"));
    in = hear(fds[0], "\"secure\":false}");
    assert_begins(in, "HTTP/1.1 200 ");
    free(in);
    close(fds[0]);
    http_server_stop(server, 0);
    worker_stop();
}

static void health_is_answered_past_the_limit(void **state)
{
    struct http_config config = server_config();
    struct http_server *server;
    int busy, more[300];
    char *in;

    hold();
    config.connections_max = 1;
    server = start(&config);
    busy = dial_busy(server, 1);
    for (int i = 0; i < 300; i++) /* more than there are descriptors kept for health */
        more[i] = dial(server);
    in = ask(server, PLAIN("/health"));
    assert_begins(in, "HTTP/1.1 200 ");
    assert_has(in, "Connection: close\r\n");
    free(in);
    assert_int_equal(http_server_counters(server).connections_refused, 301);
    assert_true(http_server_counters(server).connections_open <= 1 + HTTP_RESERVE_DESCRIPTORS);
    await_open(server, 1); /* who asks for nothing is not kept */
    for (int i = 0; i < 300; i++)
        close(more[i]);
    close(busy);
    worker_set(false, false);
    http_server_stop(server, 0);
    worker_stop();
}

static void the_silent_make_way_for_others(void **state)
{
    struct http_config config = server_config();
    struct http_server *server;
    int served, fresh, busy, late[2];
    char *in;

    hold();
    config.connections_max = 3;
    server = start(&config);
    served = dial(server);
    say(served, PLAIN("/here"));
    free(hear(served, "\"secure\":false}"));
    fresh = dial(server);
    busy = dial_busy(server, 1);
    for (int i = 0; i < 2;
         i++) { /* the one that never said anything, then the one that was served */
        late[i] = dial_busy(server, i + 2);
        in = hear(i == 0 ? fresh : served, NULL);
        assert_string_equal(in, "");
        free(in);
    }
    assert_int_equal(http_server_counters(server).connections_evicted, 2);
    worker_set(false, false);
    for (int i = 0; i < 3; i++) {
        in = hear(i == 2 ? busy : late[i], "\"secure\":false}");
        assert_begins(in, "HTTP/1.1 200 ");
        free(in);
    }
    http_server_stop(server, 0);
    worker_stop();
}

/* As dial, from another loopback address. */
static int dial_from(const struct http_server *server, const char *address)
{
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    set_timeout(fd);
    assert_int_equal(inet_pton(AF_INET, address, &from.sin_addr), 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof from), 0);
    to.sin_port = htons((uint16_t)http_server_port(server));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connect_to(fd, &to, sizeof to);
    return fd;
}

static void one_address_has_so_many_connections_and_others_have_theirs(void **state)
{
    struct http_config config = server_config();
    struct http_server *server;
    int fds[2], other, proxies[5];
    char *in;

    hold();
    config.connections_per_address = 2;
    config.trusted_proxies = "127.0.0.9";
    server = start(&config);
    for (int i = 0; i < 2; i++)
        fds[i] = dial_busy(server, i + 1);
    in = ask(server, PLAIN("/here"));
    assert_begins(in, "HTTP/1.1 429 ");
    assert_has(in, "Retry-After: 1\r\n");
    free(in);
    assert_int_equal(http_server_counters(server).connections_refused_address, 1);
    other = dial_from(server, "127.0.0.2");
    say(other, PLAIN("/here"));
    in = hear(other, "\"secure\":false}");
    assert_begins(in, "HTTP/1.1 200 ");
    free(in);
    for (int i = 0; i < 5; i++) { /* a trusted proxy stands for many */
        proxies[i] = dial_from(server, "127.0.0.9");
        say(proxies[i], PLAIN("/here"));
        in = hear(proxies[i], "\"secure\":false}");
        assert_begins(in, "HTTP/1.1 200 ");
        free(in);
    }
    close(fds[0]); /* its place is free as soon as the server has seen it */
    worker_set(false, false);
    await_open(server, 7);
    fds[0] = dial(server);
    say(fds[0], PLAIN("/here"));
    in = hear(fds[0], "\"secure\":false}");
    assert_begins(in, "HTTP/1.1 200 ");
    free(in);
    http_server_stop(server, 0);
    worker_stop();
}

/* --- the control socket -------------------------------------------------------------------- */

static int dial_control(const char *folder, const char *name)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    set_timeout(fd);
    assert_int_equal(chdir(folder), 0); /* the full path may be too long */
    memcpy(to.sun_path, name, strlen(name) + 1);
    connect_to(fd, &to, sizeof to);
    assert_int_equal(chdir("/"), 0);
    return fd;
}

static void try_control(const char *folder)
{
    struct http_config config = server_config();
    struct http_server *server, *second = NULL;
    const char *why = "";
    struct stat made;
    char path[512], *in;
    int fd;

    snprintf(path, sizeof path, "%s/control", folder);
    config.control_path = path;
    for (int round = 0; round < 2; round++) {
        server = start(&config);
        assert_int_equal(stat(path, &made), 0);
        assert_int_equal(made.st_mode & 0777, 0600);
        fd = dial_control(folder, "control");
        say(fd, "GET /operator HTTP/1.1\r\n" HOST "\r\n");
        in = hear(fd, "\"secure\":false}");
        assert_begins(in, "HTTP/1.1 200 ");
        free(in);
        close(fd);
        /* a living one is not taken over */
        assert_int_not_equal(http_server_start(&config, &second, &why), OK);
        assert_has(why, "control socket");
        fd = dial(server);
        say(fd, "GET /operator HTTP/1.1\r\n" HOST "\r\n");
        in = hear(fd, "not_found");
        free(in);
        close(fd);
        http_server_stop(server, 0);
        assert_int_not_equal(stat(path, &made), 0);
        /* a stale one, left by a crash, is replaced */
        if (round == 0 && strlen(path) < 100) {
            struct sockaddr_un stale = {.sun_family = AF_UNIX};

            fd = socket(AF_UNIX, SOCK_STREAM, 0);
            memcpy(stale.sun_path, path, strlen(path) + 1);
            assert_int_equal(bind(fd, (struct sockaddr *)&stale, sizeof stale), 0);
            close(fd);
        }
    }
}

static void the_operator_comes_through_the_control_socket(void **state)
{
    char folder[] = "/tmp/http-test-XXXXXX", longer[256], name[160];

    assert_non_null(mkdtemp(folder));
    try_control(folder);
    memset(name, 'n', sizeof name);
    name[150] = 0;
    snprintf(longer, sizeof longer, "%s/%s", folder, name);
    assert_int_equal(mkdir(longer, 0700), 0);
    try_control(longer);
    rmdir(longer);
    rmdir(folder);
}

/* --- beginning and end --------------------------------------------------------------------- */

static void a_bad_start_says_why(void **state)
{
    struct http_config config = server_config();
    struct http_server *server, *other = NULL;
    const char *why = "";

    config.trusted_proxies = "10.0.0.0/40";
    assert_int_equal(http_server_start(&config, &other, &why), ERR_INVALID);
    assert_has(why, "TRUSTED_PROXIES");
    config.trusted_proxies = "";
    config.host = "nowhere.invalid";
    assert_int_not_equal(http_server_start(&config, &other, &why), OK);
    assert_has(why, "nowhere.invalid");
    config.host = "127.0.0.1";
    config.loops = 2;
    server = start(&config);
    config.port = http_server_port(server); /* taken: also when both would share it */
    assert_int_not_equal(http_server_start(&config, &other, &why), OK);
    assert_has(why, "in use");
    assert_null(other);
    http_server_stop(server, 0);
}

static void *stop_later(void *server)
{
    http_server_stop(server, 5000);
    return NULL;
}

static void stopping_answers_what_is_in_flight(void **state)
{
    struct http_config config = server_config();
    struct http_server *server;
    int busy, idle;
    pthread_t stopper;
    char *in;

    config.loops = 1; /* the one that closes the idle connection knows of the stop, then */
    worker_start();
    server = start(&config);
    worker_set(true, false);
    idle = dial(server);
    say(idle, "GET /here HTTP/1.1\r\n" HOST "\r\n");
    free(hear(idle, "\"secure\":false}")); /* it has been accepted */
    busy = dial(server);
    say(busy, "GET /away/1 HTTP/1.1\r\n" HOST "\r\nGET /away/2 HTTP/1.1\r\n" HOST "\r\n");
    worker_await(1);
    pthread_create(&stopper, NULL, stop_later, server);
    in = hear(idle, NULL); /* closed at once */
    assert_string_equal(in, "");
    free(in);
    worker_set(false, false);
    in = hear(busy, "\"secure\":false}");
    assert_has(in, "Connection: close\r\n");
    assert_has_not(in, "/away/2");
    free(in);
    pthread_join(stopper, NULL);
    close(idle);
    close(busy);
    worker_stop();
}

/* A proxy may have sent a request while the other end decided to close. */
static void a_stop_leaves_a_proxy_the_time_to_let_go(void **state)
{
    struct http_config config = server_config();
    struct http_server *server;
    int proxy, visitor;
    pthread_t stopper;
    char *in;

    config.trusted_proxies = "127.0.0.9";
    server = start(&config);
    visitor = dial(server);
    proxy = dial_from(server, "127.0.0.9");
    say(proxy, PLAIN("/here"));
    in = hear(proxy, "\"secure\":false}");
    assert_has_not(in, "Connection: close");
    free(in);
    pthread_create(&stopper, NULL, stop_later, server);
    in = hear(visitor, NULL); /* closed at once: the stop has begun */
    free(in);
    say(proxy, PLAIN("/here"));
    in = hear(proxy, NULL);
    assert_begins(in, "HTTP/1.1 200 ");
    assert_has(in, "Connection: close\r\n");
    free(in);
    pthread_join(stopper, NULL); /* nothing else is waited for */
    close(proxy);
    close(visitor);
}

static void answers_after_the_end_are_thrown_away(void **state)
{
    struct http_config config = server_config();
    struct http_server *server;
    int fds[3];
    char *in;

    worker_start();
    server = start(&config);
    worker_set(true, false);
    for (int i = 0; i < 3; i++) {
        fds[i] = dial(server);
        say(fds[i], "GET /away/1 HTTP/1.1\r\n" HOST "\r\n");
    }
    worker_await(3);
    http_server_stop(server, 50); /* the worker does not answer in time */
    for (int i = 0; i < 3; i++) {
        in = hear(fds[i], NULL);
        assert_string_equal(in, "");
        free(in);
        close(fds[i]);
    }
    worker_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_visitor_is_not_behind_all_that_another_address_asks),
        cmocka_unit_test(requests_that_were_put_off_end_with_the_server),
        cmocka_unit_test(answers_come_back_from_another_thread),
        cmocka_unit_test(a_client_that_leaves_does_not_stop_its_request),
        cmocka_unit_test(a_half_sent_request_is_cut_off),
        cmocka_unit_test(a_dripping_request_is_cut_off),
        cmocka_unit_test(an_idle_connection_is_closed_without_a_word),
        cmocka_unit_test(one_who_sends_too_much_still_reads_the_answer),
        cmocka_unit_test(one_who_does_not_read_is_cut_off),
        cmocka_unit_test(one_who_reads_slowly_gets_everything),
        cmocka_unit_test(connections_past_the_limit_are_told_so),
        cmocka_unit_test(health_is_answered_past_the_limit),
        cmocka_unit_test(the_silent_make_way_for_others),
        cmocka_unit_test(one_address_has_so_many_connections_and_others_have_theirs),
        cmocka_unit_test(the_operator_comes_through_the_control_socket),
        cmocka_unit_test(a_bad_start_says_why),
        cmocka_unit_test(stopping_answers_what_is_in_flight),
        cmocka_unit_test(a_stop_leaves_a_proxy_the_time_to_let_go),
        cmocka_unit_test(answers_after_the_end_are_thrown_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
