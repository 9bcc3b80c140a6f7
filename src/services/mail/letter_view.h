/* services/mail/letter_view.h: what the templates (pages/) are given: they name members of these
 * structs. */
#ifndef SERVICES_MAIL_LETTER_VIEW_H
#define SERVICES_MAIL_LETTER_VIEW_H

#include "html/escape.h"

/* What every page of this service has. */
struct letter_page {
    const struct str *texts; /* escaped */
};

#define PARAGRAPHS_MAX 4
struct letter_view {
    struct str subject;
    struct {
        struct letter_paragraph {
            struct str text;
        } at[PARAGRAPHS_MAX];
        size_t count;
    } paragraphs;
    struct own_url url; /* of its button; empty: it has none */
    struct str action;  /* what the button says */
};

struct sent_view {
    struct str id, subject, to, status, when;
};

struct mailbox_view {
    struct {
        const struct sent_view *at;
        size_t count;
    } mails;
};

struct mail_page_view {
    struct sent_view mail;
    struct letter_view letter;
};

#endif
