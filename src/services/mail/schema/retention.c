/* services/mail/schema/retention.c: how long the rows of mail's tables are kept. */
#include "services/mail/store.h"

const struct retention mail_retention[] = {
    {"people", "for ever: one an account, so that its events apply once", NULL},
    {"sellers", "for ever: one a ticket", NULL},
    {"orders", "for ever: one an order, whose money may go back", NULL},
    {"mails", "RETENTION_DAYS, and until they are not on their way any more", mails_forget},
    {"shows", "for ever: one a show, so that its events apply once", NULL},
    {"holders", "for ever: one an entry, so that its events apply once", NULL},
    {0},
};
