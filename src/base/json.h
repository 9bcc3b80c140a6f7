/* base/json.h: reading JSON (RFC 8259, strictly) and writing it.
 *
 * Reading: the tree lives in an arena; nothing is freed one by one. Text is UTF-8 and never
 * contains NUL (a document with \u0000 is refused: no store of ours can keep it). Of duplicate
 * keys the last one counts, as in JavaScript. Writing: straight into a buf. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/money.h"
#include "base/object_id.h"

struct json; /* one value of a parsed document; opaque, const, lives in the arena */

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_TEXT, JSON_ARRAY, JSON_OBJECT };

/* ERR_INVALID when text is not one JSON value with nothing but white space around it, or a number
 * in it is too large for a double; nesting is limited to 64. ERR_MEMORY: the arena is full, or
 * memory ran out: nothing is known of the text. *out is NULL after an error. Threads: any, one
 * arena each. */
enum err json_parse(struct arena *arena, struct str text, const struct json **out);
/* The same for who treats both errors alike: NULL. */
const struct json *json_parsed(struct arena *arena, struct str text);
/* The same, NULL also when any object in it has a key twice: for what is signed, so that no two
 * readers can take different things from it. */
const struct json *json_parse_unique(struct arena *arena, struct str text);
/* JSON_NULL for NULL too. */
enum json_type json_type(const struct json *value);
/* The member of an object; NULL when absent or when object is not an object (NULL included). */
const struct json *json_get(const struct json *object, const char *key);
/* "ticket.price" style path of object members. */
const struct json *json_get_path(const struct json *object, const char *path);
/* Elements of an array; 0 / NULL for anything else. */
size_t json_length(const struct json *array);
const struct json *json_at(const struct json *array, size_t index);
/* Each is false, out untouched, when value is NULL or of another type. json_int64 takes any number
 * that is whole (2.0 and 1e3 too; past 2^53 only those written as plain integers). */
bool json_text(const struct json *value, struct str *out);
bool json_double(const struct json *value, double *out);
bool json_int64(const struct json *value, int64_t *out); /* a whole number, not 1.5, not "1" */
bool json_bool(const struct json *value, bool *out);
/* A price as docs/openapi.json takes it: a number, or the same as text (base/money.h). */
bool json_price(const struct json *value, int64_t *cents);
/* What is wrong with it (enum price_fault); PRICE_FAULT_EMPTY when value is NULL. */
enum price_fault json_price_fault(const struct json *value);

/* Writer. Commas and colons are its business:
 *   json_begin_object(&w); json_key(&w, "id"); json_put_text(&w, id); json_end_object(&w); */
struct json_writer {
    struct buf *out;
    bool comma; /* the next value or key needs one */
};

static inline struct json_writer json_writer_to(struct buf *out)
{
    return (struct json_writer){out, false};
}
void json_begin_object(struct json_writer *writer);
void json_end_object(struct json_writer *writer);
void json_begin_array(struct json_writer *writer);
void json_end_array(struct json_writer *writer);
void json_key(struct json_writer *writer, const char *key);
/* Escapes as RFC 8259 section 7; bytes that are not UTF-8 become U+FFFD. */
void json_put_text(struct json_writer *writer, struct str text);
void json_put_int(struct json_writer *writer, int64_t number);
/* A member of the object that is open: its key, then its value. */
void json_member_text(struct json_writer *writer, const char *key, struct str text);
/* The same, left out when the text is empty. */
void json_member_known(struct json_writer *writer, const char *key, struct str text);
void json_member_int(struct json_writer *writer, const char *key, int64_t number);
void json_member_money(struct json_writer *writer, const char *key, int64_t cents);
void json_member_time(struct json_writer *writer, const char *key, struct wall_ms time);
void json_member_bool(struct json_writer *writer, const char *key, bool value);
void json_member_id(struct json_writer *writer, const char *key, struct object_id id);
void json_put_money(struct json_writer *writer, int64_t cents);
void json_put_bool(struct json_writer *writer, bool value);
void json_put_null(struct json_writer *writer);
void json_put_time(struct json_writer *writer, struct wall_ms time);
/* raw: one complete JSON value. */
void json_put_raw(struct json_writer *writer, struct str raw);

#endif
