/* cli/import/csv.c: comma-separated values as JSON documents. */
#include "cli/import/csv.h"

#include <stdio.h>

#define NAME_BYTES_SHOWN 64

/* --- cells ----------------------------------------------------------------------------------- */

static bool ends_line(const struct csv_reader *reader)
{
    return reader->text.len == 0 || *reader->text.at == '\n' || *reader->text.at == '\r';
}

static void pass(struct csv_reader *reader, size_t count)
{
    for (size_t i = 0; i < count; i++)
        reader->line += reader->text.at[i] == '\n';
    reader->text.at += count;
    reader->text.len -= count;
}

/* What stands between quotation marks, of which two are one. False: they are not closed, and the
 * rest of the text is passed. */
static bool quoted_cell(struct csv_reader *reader, struct buf *out)
{
    pass(reader, 1);
    while (reader->text.len) {
        char c = *reader->text.at;

        pass(reader, 1);
        if (c == '"') {
            if (reader->text.len == 0 || *reader->text.at != '"') return true;
            pass(reader, 1);
        }
        buf_char(out, c);
    }
    return false;
}

/* The next cell of the line, in the arena; what parts it from the following one is passed. False: a
 * quotation mark is not closed. */
static bool next_cell(struct csv_reader *reader, struct arena *arena, struct str *cell)
{
    struct buf out;
    bool closed = true;

    buf_init(&out, arena, reader->text.len + 1);
    if (reader->text.len && *reader->text.at == '"') closed = quoted_cell(reader, &out);
    while (!ends_line(reader) && *reader->text.at != reader->parted_by) {
        buf_char(&out, *reader->text.at);
        pass(reader, 1);
    }
    *cell = str_trim(buf_str(&out));
    return closed;
}

/* All cells of a line; those beyond max are counted alone. False: a quotation mark is not closed.
 * Where the arena has no room for them (arena_failed), they are not whole. */
static bool read_line(struct csv_reader *reader, struct arena *arena, struct str *cells, size_t max,
                      size_t *count)
{
    struct str cell;
    bool whole = true;

    *count = 0;
    for (;;) {
        whole &= next_cell(reader, arena, &cell);
        if (*count < max) cells[*count] = cell;
        ++*count;
        if (ends_line(reader)) break;
        pass(reader, 1);
    }
    while (reader->text.len && (*reader->text.at == '\r' || *reader->text.at == '\n'))
        pass(reader, 1);
    return whole;
}

/* --- the first line -------------------------------------------------------------------------- */

static char parted_by(struct str text)
{
    for (size_t i = 0; i < text.len && text.at[i] != '\n'; i++)
        if (strchr(",;\t", text.at[i])) return text.at[i];
    return ',';
}

/* Whether a name can be shown to whoever has to look for it. */
static bool is_shown(struct str name)
{
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.at[i] < ' ' || name.at[i] == 0x7F) return false;
    return name.len > 0 && name.len <= NAME_BYTES_SHOWN && str_is_utf8(name);
}

static bool name_column(struct csv_reader *reader, struct str name, int cell, struct buf *why)
{
    for (size_t i = 0; reader->known[i].name; i++) {
        if (!str_eq(name, str_of(reader->known[i].name))) continue;
        if (reader->at[i] >= 0)
            buf_printf(why, "the column %s is there twice", reader->known[i].name);
        reader->at[i] = cell;
        return why->len == 0;
    }
    if (is_shown(name))
        buf_printf(why, "there is no column \"%.*s\"", (int)name.len, name.at);
    else
        buf_printf(why, "its cell %d names no column", cell + 1);
    buf_append(why, STR("; there are"));
    for (size_t i = 0; reader->known[i].name; i++)
        buf_printf(why, " %s", reader->known[i].name);
    return false;
}

bool csv_begin(struct csv_reader *reader, struct arena *arena, struct str text,
               const struct csv_column *known, struct buf *why)
{
    struct str names[CSV_COLUMNS_MAX];

    if (str_starts(text, STR("\xEF\xBB\xBF"))) text = (struct str){text.at + 3, text.len - 3};
    *reader =
        (struct csv_reader){.text = text, .line = 1, .known = known, .parted_by = parted_by(text)};
    for (size_t i = 0; i < CSV_COLUMNS_MAX; i++)
        reader->at[i] = -1;
    if (str_trim(text).len == 0) {
        buf_append(why, STR("it is empty: its first line names the columns"));
        return false;
    }
    if (!read_line(reader, arena, names, CSV_COLUMNS_MAX, &reader->cells) || arena_failed(arena) ||
        reader->cells > CSV_COLUMNS_MAX) {
        buf_append(why, STR("its first line names no columns"));
        return false;
    }
    for (size_t i = 0; i < reader->cells; i++)
        if (!name_column(reader, names[i], (int)i, why)) return false;
    return true;
}

/* --- documents ------------------------------------------------------------------------------- */

static void put_list(struct json_writer *json, struct str text)
{
    json_begin_array(json);
    while (text.len) {
        const char *end = memchr(text.at, ';', text.len);
        size_t len = end ? (size_t)(end - text.at) : text.len;

        json_put_text(json, str_trim((struct str){text.at, len}));
        len += end ? 1 : 0;
        text = (struct str){text.at + len, text.len - len};
    }
    json_end_array(json);
}

static void put_value(struct json_writer *json, struct arena *arena, enum csv_kind kind,
                      struct str text)
{
    double number;

    if (kind == CSV_LIST)
        put_list(json, text);
    else if (kind == CSV_NUMBER && json_double(json_parsed(arena, text), &number))
        json_put_raw(json, text);
    else
        json_put_text(json, text);
}

/* The members of the columns that begin with `object` ("rules."), or of those of no object, from
 * the first-th column on; returns the one that follows. */
static size_t put_object(const struct csv_reader *reader, struct arena *arena,
                         const struct str *cells, size_t first, struct json_writer *json)
{
    const char *name = reader->known[first].name, *dot = strchr(name, '.');
    struct str object = {name, dot ? (size_t)(dot - name) + 1 : 0};
    char key[32];
    size_t i;
    bool open = false;

    for (i = first; reader->known[i].name && str_starts(str_of(reader->known[i].name), object) &&
                    (dot || !strchr(reader->known[i].name, '.'));
         i++) {
        if (reader->at[i] < 0 || cells[reader->at[i]].len == 0) continue;
        if (dot && !open) {
            snprintf(key, sizeof key, "%.*s", (int)object.len - 1, name);
            json_key(json, key);
            json_begin_object(json);
        }
        open = true;
        json_key(json, reader->known[i].name + object.len);
        put_value(json, arena, reader->known[i].kind, cells[reader->at[i]]);
    }
    if (dot && open) json_end_object(json);
    return i;
}

/* What would not come through as it was written. */
static const char *unreadable(const struct str *cells, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!str_is_utf8(cells[i])) return "it is not UTF-8: save the file as UTF-8";
        if (cells[i].len && memchr(cells[i].at, '\0', cells[i].len))
            return "there is a NUL byte in it: take it out";
    }
    return NULL;
}

bool csv_next(struct csv_reader *reader, struct arena *arena, struct buf *out, int64_t *line,
              const char **fault)
{
    struct str cells[CSV_COLUMNS_MAX];
    struct json_writer json = json_writer_to(out);
    size_t count;

    while (reader->text.len && ends_line(reader))
        pass(reader, 1);
    if (reader->text.len == 0) return false;
    *line = reader->line;
    *fault = NULL;
    if (!read_line(reader, arena, cells, CSV_COLUMNS_MAX, &count))
        *fault = "a quotation mark is not closed";
    else if (arena_failed(arena))
        *fault = "it is too long";
    else if (count != reader->cells)
        *fault = "it has not as many cells as the first line: put those with commas into quotation "
                 "marks";
    if (!*fault) *fault = unreadable(cells, count);
    if (*fault) return true;
    json_begin_object(&json);
    for (size_t i = 0; reader->known[i].name;)
        i = put_object(reader, arena, cells, i, &json);
    json_end_object(&json);
    return true;
}
