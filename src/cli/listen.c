/* cli/listen.c: boxoffice events listen SUBJECT: prints each event as one line, until the server
 * ends the stream, a signal comes, or nobody reads.
 *
 * An event is acknowledged by a line on stdin (--manual-ack) or, where a position or a group
 * outlives this process, once it was printed. Else the server takes it for acknowledged. */
#include "base/json.h"
#include "cli/acks.h"
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
#define LINE_HEAD      "{\"sequence\":"

struct listen_options {
    const char *data;
    struct buf path;
    bool manual_ack; /* by lines on stdin */
    bool named;      /* durable, or of a queue group */
};

struct listener {
    const struct listen_options *options;
    struct control *stream;
    struct buf first_line; /* names the subscription; not shown */
    struct acks acks;
    char head[48]; /* how the line that is being printed begins */
    size_t head_len;
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
        out->named = true;
        append_query(&out->path, "queue_group", optarg);
        return -1;
    case 'n':
        out->named = true;
        append_query(&out->path, "durable", optarg);
        return -1;
    case 'm':
        out->manual_ack = true;
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
    if (out->manual_ack || out->named) append_query(&out->path, "manual_ack", "1");
    buf_char(&out->path, '\0');
    return out->path.failed ? cli_refuse("the options are too long") : -1;
}

/* --- what comes ---------------------------------------------------------------------------- */

/* {"subscription":"…"} */
static bool take_first_line(struct listener *listener)
{
    struct arena *arena = arena_new(64 * 1024);
    const struct json *line;
    struct str id = {NULL, 0};
    bool known;

    line = arena ? json_parse(arena, buf_str(&listener->first_line)) : NULL;
    known = json_text(json_get(line, "subscription"), &id) && id.len && id.len < SUBSCRIPTION_BYTES;
    if (known) memcpy(listener->acks.subscription, id.at, id.len);
    if (arena) arena_free(arena);
    return known;
}

/* Everything up to here reaches its reader before the server forgets it. -1: go on. */
static int acknowledge_printed(struct listener *listener)
{
    if (fflush(stdout) != 0) return 0;
    return listener->options->manual_ack ? -1 : acks_send(&listener->acks);
}

/* A printed line ended. */
static int note_line(struct listener *listener)
{
    struct str head = {listener->head, listener->head_len}, digits;
    int64_t sequence;

    listener->head_len = 0;
    if (!str_starts(head, STR(LINE_HEAD))) return -1;
    digits = (struct str){head.at + sizeof LINE_HEAD - 1, head.len - (sizeof LINE_HEAD - 1)};
    digits.len = strspn(digits.at, "0123456789");
    if (!str_to_int64(digits, &sequence)) return -1;
    acks_add(&listener->acks, sequence);
    return listener->acks.count == ACKS_MAX ? acknowledge_printed(listener) : -1;
}

/* Prints a part of the stream, as it was cut by chance. */
static int print(struct listener *listener, struct str part)
{
    int code = -1;

    while (part.len && code < 0) {
        const char *end = memchr(part.at, '\n', part.len);
        size_t len = end ? (size_t)(end - part.at) + 1 : part.len;
        size_t room = sizeof listener->head - 1 - listener->head_len;

        if (fwrite(part.at, 1, len, stdout) != len) return 0;
        memcpy(listener->head + listener->head_len, part.at, len < room ? len : room);
        listener->head_len += len < room ? len : room;
        listener->head[listener->head_len] = '\0';
        if (end && listener->options->named && !listener->options->manual_ack)
            code = note_line(listener);
        if (end) listener->head_len = 0;
        part.at += len;
        part.len -= len;
    }
    return code;
}

/* -1: go on; else the exit code: nobody reads stdout any more, or the server speaks another
 * language. */
static int show(struct listener *listener, struct str part)
{
    const char *end;
    size_t len;

    if (listener->acks.subscription[0]) return print(listener, part);
    end = memchr(part.at, '\n', part.len);
    len = end ? (size_t)(end - part.at) : part.len;
    buf_append(&listener->first_line, (struct str){part.at, len});
    if (!end && !listener->first_line.failed) return -1;
    if (!end || !take_first_line(listener)) {
        fprintf(stderr, "boxoffice: the server's answer makes no sense\n");
        return 1;
    }
    return print(listener, (struct str){end + 1, part.len - len - 1});
}

/* Shows everything that was received. -1: go on; else the exit code. */
static int show_received(struct listener *listener)
{
    enum control_part kind;
    struct str part;
    int code = -1;

    while (code < 0 && (kind = control_read(listener->stream, &part)) == CONTROL_DATA)
        code = show(listener, part);
    if (code < 0) code = acknowledge_printed(listener);
    if (code >= 0 || kind == CONTROL_MORE) return code;
    return kind == CONTROL_END ? 0 : control_complain(listener->stream, 0);
}

/* --- acknowledging by hand ----------------------------------------------------------------- */

/* Every whole line of the input. */
static int acknowledge_lines(struct listener *listener)
{
    size_t at = 0;
    char *end;
    int code = -1;

    while (code < 0 && (end = memchr(listener->input + at, '\n', listener->input_len - at))) {
        struct str line = {listener->input + at, (size_t)(end - listener->input) - at};
        int64_t sequence;

        at += line.len + 1;
        line = str_trim(line);
        if (str_to_int64(line, &sequence))
            acks_add(&listener->acks, sequence);
        else if (line.len)
            fprintf(stderr, "boxoffice: no sequence number: %.*s\n", (int)line.len, line.at);
        if (listener->acks.count == ACKS_MAX) code = acks_send(&listener->acks);
    }
    listener->input_len -= at;
    memmove(listener->input, listener->input + at, listener->input_len);
    return code < 0 ? acks_send(&listener->acks) : code;
}

static int read_acks(struct listener *listener)
{
    ssize_t count = read(STDIN_FILENO, listener->input + listener->input_len,
                         sizeof listener->input - listener->input_len);
    int code;

    if (count < 0 && errno == EINTR) return -1;
    if (count <= 0) { /* nothing will be acknowledged any more; events still come */
        listener->input_open = false;
        return -1;
    }
    listener->input_len += (size_t)count;
    code = acknowledge_lines(listener);
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
        bool acks = listener->input_open && listener->acks.subscription[0];
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
        listener->acks.data = options.data;
        listener->signals = watch_signals();
        listener->stream = control_open(options.data);
        if (listener->stream) code = listen_to(listener);
        control_close(listener->stream);
        acks_close(&listener->acks);
        buf_free(&listener->first_line);
        if (listener->signals >= 0) close(listener->signals);
        free(listener);
    }
    buf_free(&options.path);
    return code;
}
