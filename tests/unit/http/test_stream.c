/* Tests of streaming answers over real sockets. */
#include "sockets.h"

#include <semaphore.h>
#include <stdatomic.h>

static struct stream *held; /* what /stream opened last */
static sem_t opened, closed;
static atomic_int closed_count;

static void on_closed(void *context)
{
    assert_ptr_equal(context, &closed_count);
    atomic_fetch_add(&closed_count, 1);
    sem_post(&closed);
}

static enum err open_stream(struct request *rq, struct tx *tx, struct reply *rp)
{
    held = reply_stream(rq, rp, "text/event-stream", on_closed, &closed_count);
    if (!held) return ERR_MEMORY;
    reply_header(rp, "Cache-Control", STR("no-cache"));
    stream_write(held, STR("data: first\n\n"));
    sem_post(&opened);
    return OK;
}

static enum err fail_stream(struct request *rq, struct tx *tx, struct reply *rp)
{
    open_stream(rq, tx, rp);
    return ERR_UNAVAILABLE;
}

static const struct http_route routes[] = {
    {METHOD_GET, "/stream", ACCESS_PUBLIC, HERE(open_stream)},
    {METHOD_GET, "/stream-away", ACCESS_PUBLIC, AWAY(open_stream)},
    {METHOD_GET, "/fail", ACCESS_PUBLIC, HERE(fail_stream)},
    {METHOD_GET, "/here", ACCESS_PUBLIC, HERE(answer_echo)},
};
static const struct http_mount mount = {"test", routes, sizeof routes / sizeof *routes, NULL, 0};

static struct http_server *start_streaming(void)
{
    struct http_config config = test_config();

    config.mounts = &mount;
    config.dispatch = dispatch_away;
    config.loop_end = hand_over;
    atomic_store(&closed_count, 0);
    sem_init(&opened, 0, 0);
    sem_init(&closed, 0, 0);
    return start(&config);
}

static void await(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0)
        ;
}

static void a_stream_is_written_from_elsewhere_and_the_connection_goes_on(void **state)
{
    static const char *const paths[] = {"/stream", "/stream-away"};
    struct http_server *server = start_streaming();
    int fd = dial(server);
    char request[200], *in;

    worker_start();
    for (int i = 0; i < 4; i++) {
        snprintf(request, sizeof request,
                 "GET %s HTTP/1.1\r\n" HOST "\r\nGET /here HTTP/1.1\r\n" HOST "\r\n", paths[i % 2]);
        say(fd, request); /* the second one waits for the end of the stream */
        await(&opened);
        in = hear(fd, "data: first\n\n\r\n");
        assert_has(in, "Transfer-Encoding: chunked\r\n");
        assert_has(in, "Content-Type: text/event-stream\r\n");
        assert_has(in, "Cache-Control: no-cache\r\n");
        assert_has_not(in, "Content-Length");
        assert_has(in, "\r\n\r\nd\r\ndata: first\n\n\r\n");
        free(in);
        assert_true(stream_write(held, STR("data: second\n\n")));
        free(hear(fd, "e\r\ndata: second\n\n\r\n"));
        stream_end(held);
        in = hear(fd, "\"secure\":false}");
        assert_begins(in, "0\r\n\r\nHTTP/1.1 200 OK\r\n");
        free(in);
    }
    close(fd);
    http_server_stop(server, 1000);
    worker_stop();
    assert_int_equal(atomic_load(&closed_count), 0);
}

static void the_holder_is_told_once_when_the_client_leaves(void **state)
{
    struct http_server *server = start_streaming();

    for (int i = 0; i < 3; i++) {
        int fd = dial(server);

        say(fd, "GET /stream HTTP/1.1\r\n" HOST "\r\n");
        await(&opened);
        free(hear(fd, "first"));
        close(fd);
        await(&closed);
        assert_false(stream_write(held, STR("data: nobody\n\n")));
        stream_end(held);
        assert_int_equal(atomic_load(&closed_count), i + 1);
    }
    http_server_stop(server, 0);
}

/* Its end is read while the request is elsewhere: one who half-closes still gets an answer, but of
 * a stream nobody would ever notice that it is gone. */
static void the_holder_is_told_of_a_client_that_left_before_the_stream_began(void **state)
{
    struct http_server *server = start_streaming();
    int fd = dial(server), other = dial(server);

    worker_start();
    worker_set(true, false);
    say(fd, "GET /stream-away HTTP/1.1\r\n" HOST "\r\n");
    worker_await(1);
    close(fd);
    for (int i = 0; i < 3; i++) { /* the loop has been round, and read the end */
        say(other, "GET /here HTTP/1.1\r\n" HOST "\r\n");
        free(hear(other, "\"secure\":false}"));
    }
    worker_set(false, false);
    await(&opened);
    await(&closed);
    assert_int_equal(atomic_load(&closed_count), 1);
    stream_end(held);
    close(other);
    http_server_stop(server, 1000);
    worker_stop();
}

static void one_who_does_not_read_a_stream_is_cut_off(void **state)
{
    struct http_server *server = start_streaming();
    static char noise[8192];
    size_t written = 0;
    int fd = dial(server), small = 4096;

    memset(noise, 'x', sizeof noise);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    say(fd, "GET /stream HTTP/1.1\r\n" HOST "\r\n");
    await(&opened);
    while (stream_write(held, (struct str){noise, sizeof noise}))
        written += sizeof noise;
    assert_true(written < 64 * 1024 * 1024);
    await(&closed);
    stream_end(held);
    close(fd);
    http_server_stop(server, 0);
}

static void an_old_client_gets_a_stream_up_to_the_end_of_the_connection(void **state)
{
    struct http_server *server = start_streaming();
    int fd = dial(server);
    char *in;

    say(fd, "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    await(&opened);
    assert_true(stream_write(held, STR("data: second\n\n")));
    stream_end(held);
    in = hear(fd, NULL);
    assert_has(in, "Connection: close\r\n");
    assert_has(in, "\r\n\r\ndata: first\n\ndata: second\n\n");
    assert_has_not(in, "chunked");
    free(in);
    close(fd);
    http_server_stop(server, 0);
}

static void head_gets_the_head_of_a_stream(void **state)
{
    struct http_server *server = start_streaming();
    int fd = dial(server);
    char *in;

    say(fd, "HEAD /stream HTTP/1.1\r\n" HOST "\r\nGET /here HTTP/1.1\r\n" HOST "\r\n");
    await(&opened);
    in = hear(fd, "\"secure\":false}");
    assert_has(in, "\r\n\r\nHTTP/1.1 200 OK\r\n");
    assert_has_not(in, "first");
    free(in);
    assert_false(stream_write(held, STR("data: nobody\n\n")));
    stream_end(held);
    close(fd);
    http_server_stop(server, 0);
}

static void an_error_takes_the_place_of_a_stream(void **state)
{
    struct http_server *server = start_streaming();
    int fd = dial(server);
    char *in;

    say(fd, "GET /fail HTTP/1.1\r\n" HOST "\r\n");
    in = hear(fd, "\"unavailable\"}]}");
    assert_begins(in, "HTTP/1.1 503 ");
    assert_has(in, "Content-Length: ");
    free(in);
    assert_false(stream_write(held, STR("data: nobody\n\n")));
    stream_end(held);
    close(fd);
    http_server_stop(server, 0);
}

static void stopping_ends_streams(void **state)
{
    struct http_server *server = start_streaming();
    int fd = dial(server);
    char *in;

    say(fd, "GET /stream HTTP/1.1\r\n" HOST "\r\n");
    await(&opened);
    free(hear(fd, "first\n\n\r\n"));
    http_server_stop(server, 5000);
    await(&closed);
    in = hear(fd, NULL);
    assert_string_equal(in, "0\r\n\r\n");
    free(in);
    assert_false(stream_write(held, STR("data: nobody\n\n")));
    stream_end(held); /* the holder may be late */
    close(fd);
}

/* Many streams, written by two threads while their clients come and go. */
static void *scribble(void *argument)
{
    for (int i = 0; i < 2000; i++)
        if (!stream_write(argument, STR("data: scribble\n\n"))) break;
    stream_end(argument);
    return NULL;
}

static void clients_may_come_and_go_while_streams_are_written(void **state)
{
    struct http_server *server = start_streaming();

    for (int i = 0; i < 40; i++) {
        int fd = dial(server);
        pthread_t writer;

        say(fd, "GET /stream HTTP/1.1\r\n" HOST "\r\n");
        await(&opened);
        assert_int_equal(pthread_create(&writer, NULL, scribble, held), 0);
        free(i % 2 ? hear(fd, "\r\n0\r\n\r\n") : hear(fd, "scribble"));
        close(fd);
        pthread_join(writer, NULL);
    }
    http_server_stop(server, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_is_written_from_elsewhere_and_the_connection_goes_on),
        cmocka_unit_test(the_holder_is_told_once_when_the_client_leaves),
        cmocka_unit_test(the_holder_is_told_of_a_client_that_left_before_the_stream_began),
        cmocka_unit_test(one_who_does_not_read_a_stream_is_cut_off),
        cmocka_unit_test(an_old_client_gets_a_stream_up_to_the_end_of_the_connection),
        cmocka_unit_test(head_gets_the_head_of_a_stream),
        cmocka_unit_test(an_error_takes_the_place_of_a_stream),
        cmocka_unit_test(stopping_ends_streams),
        cmocka_unit_test(clients_may_come_and_go_while_streams_are_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
