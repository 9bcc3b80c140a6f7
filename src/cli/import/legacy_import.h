/* cli/import/legacy_import.h: what is to be taken over, and how its parts hold together. */
#ifndef CLI_IMPORT_H
#define CLI_IMPORT_H

#include "cli/import/legacy.h"

/* What every row begins with, so that tables are sorted and searched by one function. */
struct row {
    struct object_id id;
    int64_t line; /* of its file */
    bool left_out;
};

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

/* One file's rows; sorted by id once it is read. */
struct table {
    const char *what; /* "users" */
    const char *file; /* NULL: not given */
    size_t row_bytes;
    void *rows;
    size_t count, room;
    int64_t read, added, there, left_out, noted;
};

struct import {
    struct table users, tickets, orders, payments;
    struct arena *kept;  /* the rows' texts */
    struct arena *brief; /* of one document */
};

static inline struct row *table_row(const struct table *table, size_t index)
{
    return (struct row *)(void *)((char *)table->rows + index * table->row_bytes);
}

/* Says on stderr where and why a record is left out, … */
void import_leave_out(struct table *table, struct row *row, struct str reason);
/* … or what is remarkable about one that is not. */
void import_note(struct table *table, const struct row *row, const char *remark);

/* Reads the files, and makes one market of what they say: an order has a ticket, a ticket is held
 * by the one order that is not cancelled, a payment is for an order. False: a file cannot be read,
 * or memory ran out; it was said. */
bool import_plan(struct import *import);
void import_free(struct import *import);

#endif
