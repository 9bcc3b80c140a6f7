/* tests/unit/mail/write_message.c: writes the message of what it is given, for test_message.py to
 * read with another language's parser. Standard input: from, to, subject, text and HTML, a NUL
 * after each. Status 1: it is refused. */
#include "services/mail/message.h"

#include "base/err.h"

#include <stdio.h>

#define FIELDS 5

int main(void)
{
    static char input[1 << 20];
    struct str fields[FIELDS] = {{0}};
    size_t size = fread(input, 1, sizeof input - 1, stdin), count = 0;
    struct message message = {.id = STR("6b0b9084c99d0c8031000000"), .date = {1795920404248}};
    struct buf out;
    int code;

    for (char *at = input, *end = input + size; at < end && count < FIELDS; count++) {
        fields[count] = str_of(at);
        at += fields[count].len + 1;
    }
    if (count != FIELDS || !mailbox_parse(fields[0], &message.from)) return 1;
    message.to = fields[1];
    message.subject = fields[2];
    message.text = fields[3];
    message.html = fields[4];
    buf_init(&out, NULL, MESSAGE_BYTES_MAX);
    code = message_write(&message, &out) != OK;
    if (!code && fwrite(out.at, 1, out.len, stdout) != out.len) code = 2;
    buf_free(&out);
    return code;
}
