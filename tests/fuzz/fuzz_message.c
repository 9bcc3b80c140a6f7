/* Any texts as a mail. Promise: what is written is lines of at most 998 bytes that end in CRLF,
 * with the header lines it is to have and no other, and one that is no address gets none.
 *
 * Input: address, subject and body, a NUL after each of the first two. */
#include "fuzz.h"
#include "base/err.h"
#include "services/mail/message.h"

#define LINE_BYTES_MAX 998

static const char *const names[] = {
    "Date:",    "From:",           "To:",           "Message-ID:",
    "Subject:", "Auto-Submitted:", "MIME-Version:", "Content-Type:"};

/* The next line without its end. */
static struct str line_of(struct str *rest)
{
    const char *end = memmem(rest->at, rest->len, "\r\n", 2);
    struct str line;

    ASSERT(end);
    line = (struct str){rest->at, (size_t)(end - rest->at)};
    ASSERT(line.len <= LINE_BYTES_MAX && !memchr(line.at, '\r', line.len) &&
           !memchr(line.at, '\n', line.len));
    *rest = (struct str){end + 2, rest->len - line.len - 2};
    return line;
}

static void check_message(struct str rest)
{
    size_t named = 0;
    bool head = true;

    while (rest.len) {
        struct str line = line_of(&rest);

        if (!line.len) head = false;
        if (!head || (line.len && line.at[0] == ' ')) continue;
        ASSERT(named < sizeof names / sizeof *names && str_starts(line, str_of(names[named])));
        named++;
    }
    ASSERT(named == sizeof names / sizeof *names);
}

static struct str take(struct str *rest)
{
    const char *end = rest->len ? memchr(rest->at, 0, rest->len) : NULL;
    struct str field = {rest->at, end ? (size_t)(end - rest->at) : rest->len};
    size_t taken = field.len + (end ? 1 : 0);

    *rest = (struct str){rest->at + taken, rest->len - taken};
    return field;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = fuzz_text(data, size);
    struct message message = {.from = {.name = STR("Boxoffice"), .address = STR("a@b.c")},
                              .id = STR("6b0b9084c99d0c8031000000"),
                              .date = {1795920404248}};
    struct buf out;

    message.to = take(&rest);
    message.subject = take(&rest);
    message.text = message.html = rest;
    buf_init(&out, fuzz_arena(), MESSAGE_BYTES_MAX);
    if (message_write(&message, &out) == OK) check_message(buf_str(&out));
    (void)mailbox_parse(message.subject, &message.from);
    return 0;
}
