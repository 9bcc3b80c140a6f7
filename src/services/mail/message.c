/* services/mail/message.c: see services/mail/message.h. */
#include "services/mail/message.h"

#include "base/err.h"

#include "base/clock.h"

#define LINE_MAX_BASE64 76 /* RFC 2045 section 6.8 */
#define WORD_BYTES_MAX                                                                             \
    39 /* so many bytes make a line of 76 with "Subject: " (RFC 2047 section 2) */
#define PLAIN_BYTES_MAX 60

/* --- addresses ----------------------------------------------------------------------------- */

bool mail_address_valid(struct str address)
{
    const char *at = NULL;

    if (address.len == 0 || address.len > MAILBOX_BYTES_MAX) return false;
    for (size_t i = 0; i < address.len; i++) {
        unsigned char c = (unsigned char)address.at[i];

        if (c <= ' ' || c == 0x7f || memchr("\"(),:;<>[\\]", c, 11)) return false;
        if (c != '@') continue;
        if (at) return false;
        at = address.at + i;
    }
    return at && at != address.at && at + 1 != address.at + address.len && str_is_utf8(address);
}

bool mailbox_parse(struct str text, struct mailbox *out)
{
    const char *open = text.len ? memchr(text.at, '<', text.len) : NULL;

    *out = (struct mailbox){.name = STR(""), .address = text};
    if (open) {
        size_t before = (size_t)(open - text.at);

        if (text.at[text.len - 1] != '>') return false;
        out->name = str_trim((struct str){text.at, before});
        out->address = (struct str){open + 1, text.len - before - 2};
    }
    return mail_address_valid(out->address) && str_is_utf8(out->name);
}

/* --- header values ------------------------------------------------------------------------- */

static bool is_plain(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] < ' ' || text.at[i] > '~') return false;
    return true;
}

/* How many bytes of text are its first letters that fit into max. */
static size_t letters_that_fit(struct str text, size_t max)
{
    size_t end = 0;

    while (end < text.len) {
        size_t length = str_utf8_length((struct str){text.at + end, text.len - end});

        if (length == 0) length = 1;
        if (end + length > max) break;
        end += length;
    }
    return end;
}

/* Whatever is no letter of a line is a space. */
static void put_word(struct buf *out, struct str word)
{
    char line[WORD_BYTES_MAX];

    for (size_t i = 0; i < word.len; i++) {
        unsigned char c = (unsigned char)word.at[i];

        line[i] = c < ' ' || c == 0x7f ? ' ' : word.at[i];
    }
    buf_append(out, STR("=?UTF-8?B?"));
    base64_encode(out, (struct str){line, word.len}, false);
    buf_append(out, STR("?="));
}

/* A text that may stand in a header: encoded-words of whole letters, a line each. Short and plain
 * ones stay as they are, unless they would be taken for an encoded-word. */
static void put_phrase(struct buf *out, struct str text)
{
    if (text.len <= PLAIN_BYTES_MAX && is_plain(text) && !memmem(text.at, text.len, "=?", 2)) {
        buf_append(out, text);
        return;
    }
    while (text.len) {
        size_t length = letters_that_fit(text, WORD_BYTES_MAX);

        put_word(out, (struct str){text.at, length});
        text = (struct str){text.at + length, text.len - length};
        if (text.len) buf_append(out, STR("\r\n "));
    }
}

/* A name beside an address: a phrase, quoted where it is plain (RFC 5322 section 3.2.5). */
static void put_mailbox(struct buf *out, const struct mailbox *mailbox)
{
    struct str name = mailbox->name;

    if (!name.len) {
        buf_append(out, mailbox->address);
        return;
    }
    if (name.len <= PLAIN_BYTES_MAX && is_plain(name) && !memchr(name.at, '"', name.len) &&
        !memchr(name.at, '\\', name.len) && !memmem(name.at, name.len, "=?", 2)) {
        buf_char(out, '"');
        buf_append(out, name);
        buf_char(out, '"');
    } else {
        put_phrase(out, name);
        buf_append(out, STR("\r\n"));
    }
    buf_append(out, STR(" <"));
    buf_append(out, mailbox->address);
    buf_char(out, '>');
}

static void put_date(struct buf *out, struct wall_ms date)
{
    char text[RFC5322_LEN + 1];

    rfc5322_format(date, text);
    buf_printf(out, "Date: %s\r\n", text);
}

/* --- bodies -------------------------------------------------------------------------------- */

/* Base64: no line is ever too long, begins with a dot or a "From ", or is changed on its way. */
static void put_body(struct buf *out, const char *type, struct str text)
{
    buf_printf(out,
               "Content-Type: %s; charset=utf-8\r\n"
               "Content-Transfer-Encoding: base64\r\n\r\n",
               type);
    while (text.len) {
        size_t length = text.len < LINE_MAX_BASE64 / 4 * 3 ? text.len : LINE_MAX_BASE64 / 4 * 3;

        base64_encode(out, (struct str){text.at, length}, false);
        buf_append(out, STR("\r\n"));
        text = (struct str){text.at + length, text.len - length};
    }
    buf_append(out, STR("\r\n"));
}

static struct str domain_of(struct str address)
{
    const char *at = memchr(address.at, '@', address.len);

    return (struct str){at + 1, address.len - (size_t)(at + 1 - address.at)};
}

/* '=' and '_' beside each other are in no base64: the boundary is in no body. */
static void put_boundary(struct buf *out, const struct message *message, const char *before,
                         const char *after)
{
    buf_append(out, str_of(before));
    buf_append(out, STR("=_"));
    buf_append(out, message->id);
    buf_append(out, str_of(after));
}

/* Letters and digits alone. */
static bool is_word(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = (char)(text.at[i] | 0x20);

        if (!(c >= 'a' && c <= 'z') && !(text.at[i] >= '0' && text.at[i] <= '9')) return false;
    }
    return text.len > 0;
}

enum err message_write(const struct message *message, struct buf *out)
{
    if (!mail_address_valid(message->from.address) || !mail_address_valid(message->to) ||
        !is_word(message->id))
        return ERR_INVALID;
    put_date(out, message->date);
    buf_append(out, STR("From: "));
    put_mailbox(out, &message->from);
    buf_append(out, STR("\r\nTo: "));
    buf_append(out, message->to);
    buf_append(out, STR("\r\nMessage-ID: <"));
    buf_append(out, message->id);
    buf_char(out, '@');
    buf_append(out, domain_of(message->from.address));
    buf_append(out, STR(">\r\nSubject: "));
    put_phrase(out, message->subject);
    buf_append(out, STR("\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"));
    put_boundary(out, message, "Content-Type: multipart/alternative;\r\n boundary=\"",
                 "\"\r\n\r\n");
    put_boundary(out, message, "--", "\r\n");
    put_body(out, "text/plain", message->text);
    put_boundary(out, message, "--", "\r\n");
    put_body(out, "text/html", message->html);
    put_boundary(out, message, "--", "--\r\n");
    return out->failed ? ERR_MEMORY : OK;
}
