/* client/smtp_client.h: handing a message to a server of mail (RFC 5321), over TLS. Blocking; for
 * pool threads only, never for a loop or a writer. */
#ifndef CLIENT_SMTP_CLIENT_H
#define CLIENT_SMTP_CLIENT_H

#include "base/str.h"

#define SMTP_REPLY_MAX   256
#define SMTP_ADDRESS_MAX 320

enum smtp_result {
    SMTP_TAKEN,    /* the server has it */
    SMTP_REFUSED,  /* it will not have it: 5xx to the address or to the message */
    SMTP_LATER,    /* it does not have it: not reached, or 4xx, or it does not want us */
    SMTP_UNCERTAIN /* all of it was sent, and no answer came */
};

struct smtp_message {
    const char *url; /* smtp:// or smtps://, with USER:PASSWORD@ where the server wants one. Never
                        logged. smtp:// needs STARTTLS, unless the server is on this machine */
    struct str from, to; /* addresses: local@domain */
    struct str bytes;    /* the message, lines ending in CRLF */
    int64_t connect_ms_max, total_ms_max;
};

/* *reply: what the server said last, or why it was not reached; printable, with its NUL. Threads:
 * any; connections are kept for the next one. */
enum smtp_result smtp_send(const struct smtp_message *message, char reply[SMTP_REPLY_MAX]);
/* Connections that are kept are closed. When nobody sends any more. */
void smtp_close(void);

/* Whether the address of an SMTP_URL is of this machine alone. */
bool smtp_url_is_loopback(const char *url);

#endif
