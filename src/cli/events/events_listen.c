/* cli/events/events_listen.c: boxoffice events listen SUBJECT: prints each event as one line, until
 * the server ends the stream, a signal comes, or nobody reads.
 *
 * An event is acknowledged by a line on stdin (--manual-ack) or, where a position or a group
 * outlives this process, once it was printed. Else the server takes it for acknowledged. */
#include "base/json.h"
#include "cli/events/acks.h"
#include "cli/cli.h"
#include "cli/operate/control.h"

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
#define LAST_HEAD      "{\"ended\":\"" /* the stream's own last line: why it ends */
#define HEAD_BYTES     3               /* bytes that tell one from the other */
#define RECONNECT_MS   1000

struct listen_options {
    const char *data;
    struct buf path;
    bool manual_ack; /* by lines on stdin */
    bool named;      /* durable, or of a queue group */
    bool durable, reconnect;
};

struct listener {
    const struct listen_options *options;
    struct http_stream *stream;
    struct buf first_line; /* names the subscription; not shown */
    struct acks acks;
    char head[48]; /* how the line that is being printed begins */
    size_t head_len;
    size_t held; /* bytes of it that are not printed: it may be the stream's own last line */
    bool lost;   /* the server is gone: it may come back */
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
    {"reconnect", no_argument, NULL, 'r'},
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
        if (!*optarg) return cli_refuse("--queue-group takes a name");
        out->named = true;
        append_query(&out->path, "queue_group", optarg);
        return -1;
    case 'n':
        if (!*optarg) return cli_refuse("--durable takes a name");
        out->named = out->durable = true;
        append_query(&out->path, "durable", optarg);
        return -1;
    case 'm':
        out->manual_ack = true;
        return -1;
    case 'r':
        out->reconnect = true;
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
    if (out->reconnect && !out->durable)
        return cli_refuse(
            "--reconnect needs --durable: else what is published meanwhile is missed");
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

    line = arena ? json_parsed(arena, buf_str(&listener->first_line)) : NULL;
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

/* The last line is not for stdout: it says why no more will come. */
static int print_reason(const struct listener *listener)
{
    static const struct {
        const char *word, *text;
    } reasons[] = {
        {"replaced", "another listener took over the durable name"},
        {"unsubscribed", "the durable name was given up (events unsubscribe)"},
        {"removed", "events it has not taken are no longer kept (RETENTION_DAYS)"},
    };
    struct str head = {listener->head, listener->head_len};
    const char *text = "the server says so";

    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (str_starts(head, STR(LAST_HEAD)) &&
            strncmp(head.at + sizeof LAST_HEAD - 1, reasons[i].word, strlen(reasons[i].word)) == 0)
            text = reasons[i].text;
    fprintf(stderr, "boxoffice: listening has ended: %s\n", text);
    return 0;
}

/* The next bytes of the line; what may yet turn out to be no event is held back. */
static bool print_bytes(struct listener *listener, struct str bytes, bool *last)
{
    size_t held = listener->held, before = listener->head_len;
    size_t room = sizeof listener->head - 1 - before;

    memcpy(listener->head + before, bytes.at, bytes.len < room ? bytes.len : room);
    listener->head_len += bytes.len < room ? bytes.len : room;
    listener->head[listener->head_len] = '\0';
    *last = strncmp(listener->head, LAST_HEAD, HEAD_BYTES) == 0;
    listener->held += bytes.len;
    if (*last || (listener->head_len < HEAD_BYTES && bytes.at[bytes.len - 1] != '\n')) return true;
    listener->held = 0;
    return (held > before || fwrite(listener->head, 1, held, stdout) == held) &&
           fwrite(bytes.at, 1, bytes.len, stdout) == bytes.len;
}

/* Prints a part of the stream, as it was cut by chance. */
static int listener_print(struct listener *listener, struct str part)
{
    int code = -1;

    while (part.len && code < 0) {
        const char *end = memchr(part.at, '\n', part.len);
        size_t len = end ? (size_t)(end - part.at) + 1 : part.len;
        bool last;

        if (!print_bytes(listener, (struct str){part.at, len}, &last)) return 0;
        if (end && last) return print_reason(listener);
        if (end && listener->options->named && !listener->options->manual_ack)
            code = note_line(listener);
        if (end) listener->head_len = listener->held = 0;
        part.at += len;
        part.len -= len;
    }
    return code;
}

/* -1: go on; else the exit code: nobody reads stdout any more, or the server speaks another
 * language. */
static int listener_show(struct listener *listener, struct str part)
{
    const char *end;
    size_t len;

    if (listener->acks.subscription[0]) return listener_print(listener, part);
    end = memchr(part.at, '\n', part.len);
    len = end ? (size_t)(end - part.at) : part.len;
    buf_append(&listener->first_line, (struct str){part.at, len});
    if (!end && !listener->first_line.failed) return -1;
    if (!end || !take_first_line(listener)) {
        fprintf(stderr, "boxoffice: the server's answer makes no sense\n");
        return 1;
    }
    return listener_print(listener, (struct str){end + 1, part.len - len - 1});
}

/* Shows everything that was received. -1: go on; else the exit code. */
static int show_received(struct listener *listener)
{
    enum http_stream_part kind;
    struct str part;
    int code = -1;

    while (code < 0 && (kind = http_stream_read(listener->stream, &part)) == HTTP_STREAM_DATA)
        code = listener_show(listener, part);
    if (code < 0) code = acknowledge_printed(listener);
    if (code >= 0 || kind == HTTP_STREAM_MORE) return code;
    listener->lost = true;
    return kind == HTTP_STREAM_END ? 0 : control_report(listener->stream, 0);
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
    ssize_t count;
    int code;

    ASSERT(listener->input_len < sizeof listener->input);
    count = read(STDIN_FILENO, listener->input + listener->input_len,
                 sizeof listener->input - listener->input_len);
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
        struct pollfd waits[] = {{.fd = http_stream_fd(listener->stream), .events = POLLIN},
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
            http_stream_receive(listener->stream);
            code = show_received(listener);
        }
    }
    return code;
}

static int listen_to(struct listener *listener)
{
    int status = http_stream_request(listener->stream, "GET", listener->options->path.at, NULL);

    listener->lost = status == 0 || status == 503;
    if (status != 200) return control_report(listener->stream, status);
    buf_reset(&listener->first_line);
    listener->input_open = listener->options->manual_ack;
    return listen_loop(listener);
}

/* Forgets the server that is gone and waits a while for it to come back. False: a signal came. */
static bool wait_for_server(struct listener *listener)
{
    struct pollfd signals = {.fd = listener->signals, .events = POLLIN};

    http_stream_close(listener->stream);
    listener->stream = NULL; /* a signal may end the wait */
    acks_close(&listener->acks);
    listener->acks = (struct acks){.data = listener->options->data};
    listener->head_len = listener->held = 0;
    listener->lost = false;
    do {
        if (poll(&signals, 1, RECONNECT_MS) > 0) return false;
        listener->stream = control_try(listener->options->data);
    } while (!listener->stream);
    return true;
}

static int listen_on(struct listener *listener)
{
    int code = listen_to(listener);

    while (listener->options->reconnect && (listener->lost || listener->acks.lost)) {
        fprintf(stderr, "boxoffice: waiting for the server to come back\n");
        if (!wait_for_server(listener)) return 0;
        code = listen_to(listener);
    }
    return code;
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
        buf_init(&listener->first_line, NULL, FIRST_LINE_MAX);
        if (listener->stream) code = listen_on(listener);
        http_stream_close(listener->stream);
        acks_close(&listener->acks);
        buf_free(&listener->first_line);
        if (listener->signals >= 0) close(listener->signals);
        free(listener);
    }
    buf_free(&options.path);
    return code;
}
