/* cli/import/import_table.c: a file's rows, and the file itself. */
#include "cli/import/import_table.h"

#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROWS_FIRST 1024

/* --- rows ---------------------------------------------------------------------------------- */

void import_leave_out(struct table *table, struct row *row, struct str reason)
{
    fprintf(stderr, "%s:%lld: left out: %.*s\n", table->file, (long long)row->line, (int)reason.len,
            reason.at);
    row->left_out = true;
    table->left_out++;
}

void import_note(struct table *table, const struct row *row, const char *remark)
{
    fprintf(stderr, "%s:%lld: note: %s\n", table->file, (long long)row->line, remark);
    table->noted++;
}

struct row *table_add(struct table *table)
{
    size_t room = table->room ? 2 * table->room : ROWS_FIRST;
    void *rows;

    if (table->count == table->room) {
        rows = reallocarray(table->rows, room, table->row_bytes);
        if (!rows) return NULL;
        table->rows = rows;
        table->room = room;
    }
    memset(table_row(table, table->count), 0, table->row_bytes);
    return table_row(table, table->count);
}

static int by_id(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct object_id));
}

static int by_line(const void *a, const void *b)
{
    const struct row *one = a, *other = b;

    return (one->line > other->line) - (one->line < other->line);
}

static int by_id_and_line(const void *a, const void *b)
{
    int order = by_id(a, b);

    return order ? order : by_line(a, b);
}

void table_sort(struct table *table)
{
    if (table->count) qsort(table->rows, table->count, table->row_bytes, by_id_and_line);
}

void table_in_order_of_lines(struct table *table)
{
    if (table->count) qsort(table->rows, table->count, table->row_bytes, by_line);
}

void *table_first(const struct table *table, struct object_id id)
{
    struct row *row = NULL;

    if (table->count) row = bsearch(&id, table->rows, table->count, table->row_bytes, by_id);
    if (!row) return NULL;
    while (row != table_row(table, 0) &&
           by_id((const char *)row - table->row_bytes, &id) == 0) /* the first of its like */
        row = (struct row *)(void *)((char *)row - table->row_bytes);
    return row;
}

/* --- files --------------------------------------------------------------------------------- */

/* All of a pipe, which cannot be mapped. */
static bool read_pipe(int fd, struct buf *out)
{
    char piece[65536];
    ssize_t got;

    buf_init(out, NULL, KEPT_BYTES_MAX);
    while ((got = read(fd, piece, sizeof piece)) != 0) {
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return false;
        buf_append(out, (struct str){piece, (size_t)got});
        errno = ENOMEM;
        if (out->failed) return false;
    }
    return true;
}

bool import_file_open(struct import_file *file, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    bool ok = fd >= 0 && fstat(fd, &status) == 0;

    *file = (struct import_file){.text = STR("")};
    if (ok && !S_ISREG(status.st_mode)) {
        ok = S_ISFIFO(status.st_mode) && read_pipe(fd, &file->piped);
        if (!S_ISFIFO(status.st_mode)) errno = S_ISDIR(status.st_mode) ? EISDIR : ENOTSUP;
        file->text = buf_str(&file->piped);
    } else if (ok && status.st_size) {
        file->mapped = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        ok = file->mapped != MAP_FAILED;
        if (!ok) file->mapped = NULL;
        file->text = (struct str){file->mapped, ok ? (size_t)status.st_size : 0};
    }
    if (!ok) (void)cli_fail("cannot read %s: %s", path, strerror(errno));
    if (fd >= 0) close(fd);
    return ok;
}

void import_file_close(struct import_file *file)
{
    if (file->mapped) munmap(file->mapped, file->text.len);
    buf_free(&file->piped);
}
