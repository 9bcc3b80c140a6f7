/* cli/control.c: the small HTTP/1.1 client (RFC 9112): one request, one answer with a length or in
 * chunks. */
#include "cli/control.h"

#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_NAME   "control.sock"
#define RECEIVE_BYTES 65536
#define REQUEST_MAX   (256 * 1024)
#define ANSWER_MAX    (256 * 1024)
#define ASK_MAX       (16 * 1024 * 1024)

enum state {
    STATE_LENGTH,     /* left bytes of the body are to come */
    STATE_CHUNK_HEAD, /* a chunk's length is to come, … */
    STATE_CHUNK,      /* … left bytes of it, … */
    STATE_CHUNK_END,  /* … its line end */
    STATE_TRAILER,    /* lines after the last chunk, up to an empty one */
    STATE_END,
    STATE_BROKEN
};

struct control {
    int fd;
    enum state state;
    int64_t left;
    size_t at, len; /* of what was received and not handed out */
    char received[RECEIVE_BYTES];
};

/* --- connecting ---------------------------------------------------------------------------- */

/* A socket's path has room for 107 bytes; the folder may lie deeper, so a descriptor names it. */
static int connect_in(const char *data)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int folder = open(data, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd, problem;

    if (folder < 0) return -1;
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/" SOCKET_NAME, folder);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        problem = errno;
        close(fd);
        errno = problem;
        fd = -1;
    }
    problem = errno;
    close(folder);
    errno = problem;
    return fd;
}

struct control *control_try(const char *data)
{
    struct control *control = calloc(1, sizeof *control);

    if (!control) return NULL;
    control->fd = connect_in(data);
    if (control->fd >= 0) return control;
    free(control);
    return NULL;
}

struct control *control_open(const char *data)
{
    struct control *control = control_try(data);

    if (control) return control;
    if (errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR)
        fprintf(stderr,
                "boxoffice: no server is running on %s (cannot connect to %s/" SOCKET_NAME
                "): start one with boxoffice serve --data %s\n",
                data, data, data);
    else
        fprintf(stderr, "boxoffice: cannot connect to %s/" SOCKET_NAME ": %s\n", data,
                strerror(errno));
    return NULL;
}

void control_close(struct control *control)
{
    if (!control) return;
    close(control->fd);
    free(control);
}

int control_fd(const struct control *control)
{
    return control->fd;
}

/* --- bytes --------------------------------------------------------------------------------- */

static bool send_all(struct control *control, struct str bytes)
{
    while (bytes.len) {
        ssize_t sent = send(control->fd, bytes.at, bytes.len, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return false;
        bytes.at += sent;
        bytes.len -= (size_t)sent;
    }
    return true;
}

bool control_receive(struct control *control)
{
    ssize_t count;

    memmove(control->received, control->received + control->at, control->len);
    control->at = 0;
    if (control->len == sizeof control->received) return false;
    do
        count = recv(control->fd, control->received + control->len,
                     sizeof control->received - control->len, 0);
    while (count < 0 && errno == EINTR);
    if (count <= 0) return false;
    control->len += (size_t)count;
    return true;
}

static struct str take(struct control *control, size_t len)
{
    struct str taken = {control->received + control->at, len};

    control->at += len;
    control->len -= len;
    return taken;
}

/* Takes what stands before `mark`, and the mark. False when the mark has not been received. */
static bool take_until(struct control *control, struct str mark, struct str *out)
{
    const char *start = control->received + control->at;
    const char *found = memmem(start, control->len, mark.at, mark.len);

    if (!found) return false;
    *out = take(control, (size_t)(found - start) + mark.len);
    out->len -= mark.len;
    return true;
}

/* --- the head ------------------------------------------------------------------------------ */

static struct str header_of(struct str head, const char *name)
{
    struct str wanted = str_of(name);

    while (head.len) {
        const char *end = memchr(head.at, '\n', head.len);
        size_t len = end ? (size_t)(end - head.at) : head.len;
        const char *colon = memchr(head.at, ':', len);
        size_t skip = end ? len + 1 : len;

        if (colon && str_eq_nocase((struct str){head.at, (size_t)(colon - head.at)}, wanted))
            return str_trim((struct str){colon + 1, (size_t)(head.at + len - colon - 1)});
        head.at += skip;
        head.len -= skip;
    }
    return (struct str){NULL, 0};
}

/* The final answer's status; interim ones (100) are passed over. */
static int read_head(struct control *control)
{
    struct str head, length;
    int64_t status = 0;

    do {
        while (!take_until(control, STR("\r\n\r\n"), &head))
            if (!control_receive(control)) return 0;
        if (head.len < 12 || !str_starts(head, STR("HTTP/1.")) ||
            !str_to_int64((struct str){head.at + 9, 3}, &status))
            return 0;
    } while (status < 200);
    control->state = STATE_CHUNK_HEAD;
    if (str_eq_nocase(header_of(head, "Transfer-Encoding"), STR("chunked"))) return (int)status;
    control->state = STATE_LENGTH;
    control->left = 0;
    length = header_of(head, "Content-Length");
    return length.at && !str_to_int64(length, &control->left) ? 0 : (int)status;
}

int control_request(struct control *control, const char *method, const char *path,
                    const struct str *body)
{
    struct buf request;

    control->state = STATE_BROKEN;
    buf_init(&request, NULL, REQUEST_MAX);
    buf_printf(&request, "%s %s HTTP/1.1\r\nHost: boxoffice\r\n", method, path);
    if (body)
        buf_printf(&request, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                   body->len);
    buf_append(&request, STR("\r\n"));
    if (body) buf_append(&request, *body);
    if (request.failed) {
        buf_free(&request);
        return 0;
    }
    /* A server that refuses a body answers before it has read it all: look in any case. */
    (void)send_all(control, buf_str(&request));
    buf_free(&request);
    return read_head(control);
}

/* --- the body ------------------------------------------------------------------------------ */

static bool hex_number(struct str text, int64_t *out)
{
    *out = 0;
    if (text.len == 0 || text.len > 8) return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;

        if (digit < 0 || digit > 15) return false;
        *out = *out * 16 + digit;
    }
    return true;
}

/* A line between the chunks. False when it has not been received. */
static bool take_line(struct control *control)
{
    struct str line;

    if (!take_until(control, STR("\r\n"), &line)) return false;
    if (control->state == STATE_CHUNK_END) {
        control->state = line.len ? STATE_BROKEN : STATE_CHUNK_HEAD;
    } else if (control->state == STATE_TRAILER) {
        if (!line.len) control->state = STATE_END;
    } else if (!hex_number(line, &control->left)) {
        control->state = STATE_BROKEN;
    } else {
        control->state = control->left ? STATE_CHUNK : STATE_TRAILER;
    }
    return true;
}

enum control_part control_read(struct control *control, struct str *out)
{
    for (;;) {
        switch (control->state) {
        case STATE_LENGTH:
            if (control->left == 0) {
                control->state = STATE_END;
                break;
            }
            /* fall through */
        case STATE_CHUNK:
            if (control->len == 0) return CONTROL_MORE;
            *out = take(control, (int64_t)control->len < control->left ? control->len
                                                                       : (size_t)control->left);
            control->left -= (int64_t)out->len;
            if (control->left == 0 && control->state == STATE_CHUNK)
                control->state = STATE_CHUNK_END;
            return CONTROL_DATA;
        case STATE_CHUNK_HEAD:
        case STATE_CHUNK_END:
        case STATE_TRAILER:
            if (!take_line(control)) return CONTROL_MORE;
            break;
        case STATE_END:
            return CONTROL_END;
        case STATE_BROKEN:
            return CONTROL_BROKEN;
        }
    }
}

bool control_read_all(struct control *control, struct buf *out)
{
    struct str part;
    enum control_part kind;

    while ((kind = control_read(control, &part)) == CONTROL_DATA || kind == CONTROL_MORE) {
        if (kind == CONTROL_DATA)
            buf_append(out, part);
        else if (!control_receive(control))
            return false;
    }
    return kind == CONTROL_END && !out->failed;
}

/* --- complaints ---------------------------------------------------------------------------- */

static void print_errors(const struct json *errors)
{
    for (size_t i = 0; i < json_length(errors); i++) {
        struct str message;

        if (json_text(json_get(json_at(errors, i), "message"), &message))
            fprintf(stderr, "boxoffice: %.*s\n", (int)message.len, message.at);
    }
}

int control_complain(struct control *control, int status)
{
    struct arena *arena = arena_new(ANSWER_MAX * 4);
    const struct json *errors = NULL;
    struct buf body;

    buf_init(&body, NULL, ANSWER_MAX);
    if (arena && status && control_read_all(control, &body))
        errors = json_get(json_parse(arena, buf_str(&body)), "errors");
    if (!status)
        fprintf(stderr, "boxoffice: the server closed the connection\n");
    else if (json_length(errors) == 0)
        fprintf(stderr, "boxoffice: the server answered with status %d\n", status);
    print_errors(errors);
    buf_free(&body);
    if (arena) arena_free(arena);
    return 1;
}

int control_ask(const char *data, const char *method, const char *path, const struct str *body,
                struct arena *arena, struct str *out)
{
    struct control *control = control_open(data);
    struct buf text;
    int status, code = -1;

    if (!control) return 1;
    buf_init(&text, arena, ASK_MAX);
    status = control_request(control, method, path, body);
    if (status != 200)
        code = control_complain(control, status);
    else if (!control_read_all(control, &text))
        code = control_complain(control, 0);
    *out = buf_str(&text);
    control_close(control);
    return code;
}
