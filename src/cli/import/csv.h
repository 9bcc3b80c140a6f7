/* cli/import/csv.h: comma-separated values (RFC 4180) as JSON documents. Pure: no file is read
 * here. Cells are parted by commas, semicolons or tabs, whichever the first line has. */
#ifndef CLI_CSV_H
#define CLI_CSV_H

#include "base/json.h"

enum csv_kind {
    CSV_TEXT,
    CSV_NUMBER, /* what is none stays text, for whoever says what is wrong with it */
    CSV_LIST    /* texts, parted by semicolons */
};
/* One a member of the document. Those of an object within it ("rules.maxPerBuyer") stand
 * together. */
struct csv_column {
    const char *name;
    enum csv_kind kind;
};

#define CSV_COLUMNS_MAX 32

struct csv_reader {
    struct str text;                /* what is left of it */
    int64_t line;                   /* where it begins, from 1 */
    const struct csv_column *known; /* ends with a NULL name */
    int at[CSV_COLUMNS_MAX];        /* of each known one: which cell it is; -1: it is not there */
    size_t cells;
    char parted_by;
};

/* Reads the first line. False: why says what is wrong with it. The arena is for the way. */
bool csv_begin(struct csv_reader *reader, struct arena *arena, struct str text,
               const struct csv_column *known, struct buf *why);
/* The next line as a JSON object, without what is empty, appended to out, and its number. False:
 * there is none. *fault: what is wrong with it; NULL: nothing. */
bool csv_next(struct csv_reader *reader, struct arena *arena, struct buf *out, int64_t *line,
              const char **fault);

#endif
