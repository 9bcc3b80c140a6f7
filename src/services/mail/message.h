/* services/mail/message.h: a letter as a server of mail takes it: RFC 5322 with MIME (RFC 2045 to
 * 2047), a text part and an HTML part, in ASCII but for a local part that is not (RFC 6532).
 *
 * Pure. Whatever the texts are, they cannot become header lines: what a header has no place for
 * becomes a space, and an address that is none is refused. Threads: any. */
#ifndef SERVICES_MAIL_MESSAGE_H
#define SERVICES_MAIL_MESSAGE_H

#include "base/arena.h"
#include "base/clock.h"

#define MESSAGE_BYTES_MAX (256 * 1024)
#define MAILBOX_BYTES_MAX 320

/* "Boxoffice <tickets@example.org>", or the address alone. */
struct mailbox {
    struct str name;    /* may be empty */
    struct str address; /* local@domain */
};

struct message {
    struct mailbox from;
    struct str to;      /* an address */
    struct str subject; /* UTF-8, one line */
    struct str id;      /* letters and digits: of the message's id, whose domain is the sender's */
    struct wall_ms date;
    struct str text, html; /* UTF-8 */
};

/* True for what is one and can stand in a header: one @, a local part and a domain of at least one
 * byte, no spaces, controls, quotes, brackets, commas and the like. */
bool mail_address_valid(struct str address);
/* Of "Name <address>" or "address"; views of the text. False: neither. */
bool mailbox_parse(struct str text, struct mailbox *out);
/* Appends the whole message, lines ending in CRLF. ERR_INVALID: from or to is no address.
 * ERR_MEMORY: out is full. */
enum err message_write(const struct message *message, struct buf *out);

#endif
