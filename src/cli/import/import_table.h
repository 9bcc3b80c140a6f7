/* cli/import/import_table.h: a file that is taken over, and its rows. */
#ifndef CLI_IMPORT_TABLE_H
#define CLI_IMPORT_TABLE_H

#include "base/arena.h"
#include "base/object_id.h"

#include <stdio.h>

#define KEPT_BYTES_MAX ((size_t)16 << 30) /* the machine's memory is the real limit */
#define DOCUMENT_MAX   ((size_t)64 << 20)

/* What every row begins with, so that tables are sorted and searched by one function. */
struct row {
    struct object_id id;
    int64_t line; /* of its file */
    bool left_out;
};

/* One file's rows. */
struct table {
    const char *what; /* "users" */
    const char *file; /* NULL: not given */
    size_t row_bytes;
    void *rows;
    size_t count, room;
    int64_t read, added, there, left_out, noted;
};

static inline struct row *table_row(const struct table *table, size_t index)
{
    return (struct row *)(void *)((char *)table->rows + index * table->row_bytes);
}

/* Says on stderr where and why a record is left out, … */
void import_leave_out(struct table *table, struct row *row, struct str reason);
/* … or what is remarkable about one that is not. */
void import_note(struct table *table, const struct row *row, const char *remark);

/* A further row, zeroed, which counts once table->count is one more; NULL: out of memory. */
struct row *table_add(struct table *table);
/* By id, for table_first; those of one id as they are in the file. */
void table_sort(struct table *table);
/* As they are in the file. */
void table_in_order_of_lines(struct table *table);
/* The first row of that id in a sorted table; NULL: there is none. */
void *table_first(const struct table *table, struct object_id id);

/* A file's text, or all that comes out of a pipe. */
struct import_file {
    struct str text; /* until it is closed */
    void *mapped;
    struct buf piped;
};
/* False: it cannot be read, and that was said. */
bool import_file_open(struct import_file *file, const char *path);
void import_file_close(struct import_file *file);

#endif
