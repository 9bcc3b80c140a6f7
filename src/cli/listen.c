/* cli/listen.c: boxoffice events listen SUBJECT: prints each event as one line, until the server
 * ends the stream, a signal comes, or nobody reads. With --manual-ack, lines on stdin acknowledge.
 */
#include "base/json.h"
#include "cli/cli.h"
#include "cli/control.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define PATH_BYTES_MAX 4096
#define FIRST_LINE_MAX 1024
#define INPUT_MAX      65536
#define ACKS_MAX       1000 /* of one request; the server takes no more */

struct listen_options {
    const char *data;
    struct buf path;
    bool manual_ack;
};

struct listener {
    const struct listen_options *options;
    struct control *stream;
    struct control *acks;  /* a second connection */
    struct buf first_line; /* names the subscription; not shown */
    char subscription[64]; /* "": the first line has not come */
    char input[INPUT_MAX]; /* of stdin, an unfinished line */
    size_t input_len;
    bool input_open;
    int signals;
};

/* --- options ------------------------------------------------------------------------------- */

static void append_query(struct buf *path, const char *name, const char *value)
{
    buf_printf(path, "%c%s=", memchr(path->at, '?', path->len) ? '&' : '?', name);
    for (; *value; value++) {
        unsigned char c = (unsigned char)*value;
        bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');

        if (plain)
            buf_char(path, (char)c);
        else
            buf_printf(path, "%%%02X", c);
    }
}

/* The server checks values, too; these checks make it a matter of the command line. */
static bool append_number(struct buf *path, const char *name, const char *value)
{
    int64_t number;

    append_query(path, name, value);
    return str_to_int64(str_of(value), &number) && number > 0;
}

static const struct option long_options[] = {
    {"queue-group", required_argument, NULL, 'q'},
    {"durable", required_argument, NULL, 'n'},
    {"manual-ack", no_argument, NULL, 'm'},
    {"ack-wait", required_argument, NULL, 'w'},
    {"deliver-all", no_argument, NULL, 'a'},
    {"start-at-seq", required_argument, NULL, 's'},
    {"max-in-flight", required_argument, NULL, 'f'},
    {"data", required_argument, NULL, 'd'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* -1: go on; else the exit code. */
static int take_option(int option, struct listen_options *out)
{
    switch (option) {
    case 'q':
        append_query(&out->path, "queue_group", optarg);
        return -1;
    case 'n':
        append_query(&out->path, "durable", optarg);
        return -1;
    case 'm':
        out->manual_ack = true;
        append_query(&out->path, "manual_ack", "1");
        return -1;
    case 'a':
        append_query(&out->path, "deliver_all", "1");
        return -1;
    case 'w':
        if (append_number(&out->path, "ack_wait", optarg)) return -1;
        return cli_refuse("--ack-wait takes seconds, 1 or more; got %s", optarg);
    case 's':
        if (append_number(&out->path, "start_at_seq", optarg)) return -1;
        return cli_refuse("--start-at-seq takes a whole number, 1 or more; got %s", optarg);
    case 'f':
        if (append_number(&out->path, "max_in_flight", optarg)) return -1;
        return cli_refuse("--max-in-flight takes a whole number, 1 or more; got %s", optarg);
    case 'd':
        out->data = optarg;
        return -1;
    case 'h':
        cli_usage(stdout);
        return 0;
    default:
        return cli_hint();
    }
}

static int read_options(int count, char **words, struct listen_options *out)
{
    static char name[] = "boxoffice events listen";
    int option, code = -1;

    words[0] = name;
    buf_init(&out->path, NULL, PATH_BYTES_MAX);
    buf_append(&out->path, STR("/streaming/listen"));
    while (code < 0 && (option = getopt_long(count, words, "h", long_options, NULL)) != -1)
        code = take_option(option, out);
    if (code >= 0) return code;
    if (count - optind != 1) return cli_refuse("events listen takes one SUBJECT");
    append_query(&out->path, "subject", words[optind]);
    buf_char(&out->path, '\0');
    return out->path.failed ? cli_refuse("the options are too long") : -1;
}

/* --- what comes ---------------------------------------------------------------------------- */

/* {"subscription":"…"} */
static bool take_first_line(struct listener *listener)
{
    struct arena *arena = arena_new(64 * 1024);
    struct str id = {NULL, 0};
    bool known;

    known = arena &&
            json_text(json_get(json_parse(arena, buf_str(&listener->first_line)), "subscription"),
                      &id) &&
            id.len && id.len < sizeof listener->subscription;
    if (known) memcpy(listener->subscription, id.at, id.len);
    if (arena) arena_free(arena);
    return known;
}

static bool write_out(struct str text)
{
    return fwrite(text.at, 1, text.len, stdout) == text.len;
}

/* False: nobody reads stdout any more, or the server speaks another language. */
static bool show(struct listener *listener, struct str part)
{
    const char *end;
    size_t len;

    if (listener->subscription[0]) return write_out(part);
    end = memchr(part.at, '\n', part.len);
    len = end ? (size_t)(end - part.at) : part.len;
    buf_append(&listener->first_line, (struct str){part.at, len});
    if (listener->first_line.failed) return false;
    if (!end) return true;
    return take_first_line(listener) && write_out((struct str){end + 1, part.len - len - 1});
}

/* Shows everything that was received. -1: go on; else the exit code. */
static int show_received(struct listener *listener)
{
    enum control_part kind;
    struct str part;

    while ((kind = control_read(listener->stream, &part)) == CONTROL_DATA)
        if (!show(listener, part)) return 0;
    if (fflush(stdout) != 0) return 0;
    if (kind == CONTROL_MORE) return -1;
    if (kind == CONTROL_END) return 0;
    return control_complain(listener->stream, 0);
}

/* --- acknowledging ------------------------------------------------------------------------- */

/* {"subscription":"…","sequence":[…]}; the list is still open. */
static void begin_acks(const struct listener *listener, struct buf *body)
{
    buf_reset(body);
    buf_printf(body, "{\"subscription\":\"%s\",\"sequence\":[", listener->subscription);
}

/* -1: go on; else the exit code. */
static int send_acks(struct listener *listener, struct buf *body)
{
    struct buf answer;
    struct str text;
    int status, code = -1;

    buf_append(body, STR("]}"));
    text = buf_str(body);
    if (!listener->acks) listener->acks = control_open(listener->options->data);
    if (!listener->acks) return 1;
    status = control_request(listener->acks, "POST", "/streaming/ack", &text);
    buf_init(&answer, NULL, FIRST_LINE_MAX);
    if (status == 503) /* what is not acknowledged comes again */
        (void)control_complain(listener->acks, status);
    else if (status != 200)
        code = control_complain(listener->acks, status);
    else if (!control_read_all(listener->acks, &answer))
        code = control_complain(listener->acks, 0);
    buf_free(&answer);
    return code;
}

/* Every whole line of the input. */
static int acknowledge_lines(struct listener *listener, struct buf *body)
{
    size_t at = 0, count = 0;
    char *end;
    int code = -1;

    begin_acks(listener, body);
    while (code < 0 && (end = memchr(listener->input + at, '\n', listener->input_len - at))) {
        struct str line = {listener->input + at, (size_t)(end - listener->input) - at};
        int64_t sequence;

        at += line.len + 1;
        line = str_trim(line);
        if (!str_to_int64(line, &sequence)) {
            if (line.len)
                fprintf(stderr, "boxoffice: not a sequence number: %.*s\n", (int)line.len, line.at);
            continue;
        }
        buf_printf(body, "%s%lld", count ? "," : "", (long long)sequence);
        if (++count < ACKS_MAX) continue;
        code = send_acks(listener, body);
        begin_acks(listener, body);
        count = 0;
    }
    listener->input_len -= at;
    memmove(listener->input, listener->input + at, listener->input_len);
    return code < 0 && count ? send_acks(listener, body) : code;
}

static int read_acks(struct listener *listener)
{
    ssize_t count = read(STDIN_FILENO, listener->input + listener->input_len,
                         sizeof listener->input - listener->input_len);
    struct buf body;
    int code;

    if (count < 0 && errno == EINTR) return -1;
    if (count <= 0) { /* nothing will be acknowledged any more; events still come */
        listener->input_open = false;
        return -1;
    }
    listener->input_len += (size_t)count;
    buf_init(&body, NULL, INPUT_MAX);
    code = acknowledge_lines(listener, &body);
    buf_free(&body);
    if (listener->input_len == sizeof listener->input) listener->input_len = 0; /* no such line */
    return code;
}

/* --- the loop ------------------------------------------------------------------------------ */

static int watch_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

/* Waits for whatever comes first: an event, an acknowledgement, a signal, the end of stdout. */
static int listen_loop(struct listener *listener)
{
    int code = show_received(listener);

    while (code < 0) {
        bool acks = listener->input_open && listener->subscription[0];
        struct pollfd waits[] = {{.fd = control_fd(listener->stream), .events = POLLIN},
                                 {.fd = listener->signals, .events = POLLIN},
                                 {.fd = STDOUT_FILENO, .events = 0},
                                 {.fd = acks ? STDIN_FILENO : -1, .events = POLLIN}};

        if (poll(waits, sizeof waits / sizeof *waits, -1) < 0) {
            if (errno == EINTR) continue;
            return 1;
        }
        if (waits[1].revents || waits[2].revents & (POLLERR | POLLHUP)) return 0;
        if (waits[3].revents) code = read_acks(listener);
        if (code < 0 && waits[0].revents) {
            if (!control_receive(listener->stream)) return control_complain(listener->stream, 0);
            code = show_received(listener);
        }
    }
    return code;
}

static int listen_to(struct listener *listener)
{
    int status = control_request(listener->stream, "GET", listener->options->path.at, NULL);

    if (status != 200) return control_complain(listener->stream, status);
    buf_init(&listener->first_line, NULL, FIRST_LINE_MAX);
    listener->input_open = listener->options->manual_ack;
    return listen_loop(listener);
}

int cli_listen(int count, char **words)
{
    struct listen_options options = {.data = DATA_DEFAULT};
    struct listener *listener = NULL;
    int code = read_options(count, words, &options);

    if (code < 0) {
        code = 1;
        listener = calloc(1, sizeof *listener);
    }
    if (listener) {
        listener->options = &options;
        listener->signals = watch_signals();
        listener->stream = control_open(options.data);
        if (listener->stream) code = listen_to(listener);
        control_close(listener->stream);
        control_close(listener->acks);
        buf_free(&listener->first_line);
        if (listener->signals >= 0) close(listener->signals);
        free(listener);
    }
    buf_free(&options.path);
    return code;
}
