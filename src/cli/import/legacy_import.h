/* cli/import/legacy_import.h: what is to be taken over, and how its parts hold together. */
#ifndef CLI_LEGACY_IMPORT_H
#define CLI_LEGACY_IMPORT_H

#include "cli/import/import_table.h"
#include "cli/import/legacy.h"

struct user_row {
    struct row row;
    struct imported_user user;
};

struct ticket_row {
    struct row row;
    struct imported_ticket ticket;
    struct object_id claimed; /* by the order that has it; all zero: by none */
};

struct order_row {
    struct row row;
    struct imported_order order;
    struct object_id ticket_id;
};

struct payment_row {
    struct row row;
    struct imported_payment payment;
};

struct import {
    struct table users, tickets, orders, payments;
    struct arena *kept;  /* the rows' texts */
    struct arena *brief; /* of one document */
};

/* Reads the files, and makes one market of what they say: an order has a ticket, a ticket is held
 * by the one order that is not cancelled, a payment is for an order. False: a file cannot be read,
 * or memory ran out; it was said. */
bool import_plan(struct import *import);
void import_free(struct import *import);

/* Takes over what the files of it say, as far as it can be (dry: nothing). 0; 1: something was left
 * out or went wrong, and it was said. Frees it. */
struct settings;
int legacy_import(struct import *import, const struct settings *settings, bool dry);

#endif
