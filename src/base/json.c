/* base/json.c: reading JSON with jansson into an arena. Writing is in json_writer.c.
 *
 * This is the only file that knows jansson. Its memory functions are the process's own, so ours
 * look at the thread: while json_parse runs they take from the arena and free nothing; outside of
 * it they are malloc and free. No tree is ever given back to jansson.
 *
 * jansson 2.14 does not survive an allocation that fails: its lexer ignores the lost byte and may
 * then read past the token. So it never sees one: a full arena jumps straight back to json_parse,
 * which is safe because everything jansson held at that moment belongs to the arena. */

/* jansson's names for the types are the same as ours: they get others while its header is read. */
#define json_type    jansson_type
#define JSON_OBJECT  JANSSON_OBJECT
#define JSON_ARRAY   JANSSON_ARRAY
#define JSON_STRING  JANSSON_STRING
#define JSON_INTEGER JANSSON_INTEGER
#define JSON_REAL    JANSSON_REAL
#define JSON_TRUE    JANSSON_TRUE
#define JSON_FALSE   JANSSON_FALSE
#define JSON_NULL    JANSSON_NULL
#include <jansson.h>
#undef json_type
#undef JSON_OBJECT
#undef JSON_ARRAY
#undef JSON_STRING
#undef JSON_INTEGER
#undef JSON_REAL
#undef JSON_TRUE
#undef JSON_FALSE
#undef JSON_NULL

#include "base/json.h"

#include <setjmp.h>
#include <stdlib.h>

#define DEPTH_MAX 64
/* Objects and arrays of one text: so many, and one more for each BYTES_EACH bytes. jansson takes
 * some 250 bytes for an empty object, so a body of nothing but "{}," would fill its arena: that is
 * the sender's fault, and no lack of memory. */
#define OPENED_MAX   8192
#define BYTES_EACH   16
#define DOUBLE_EXACT 9007199254740992.0 /* 2^53: up to here every whole double is itself */

static _Thread_local struct arena *arena_now;
static _Thread_local jmp_buf arena_full;

static void *parser_alloc(size_t size)
{
    void *at;

    if (!arena_now) return malloc(size);
    at = arena_alloc_raw(arena_now, size);
    if (!at) longjmp(arena_full, 1);
    return at;
}

static void parser_free(void *at)
{
    if (!arena_now) free(at);
}

/* Before main, so before any thread; the seed too, which jansson would otherwise fetch from
 * /dev/urandom during the first request. */
__attribute__((constructor)) static void set_up_jansson(void)
{
    json_set_alloc_funcs(parser_alloc, parser_free);
    json_object_seed(0);
}

/* False when brackets outside of strings nest too deeply, or are too many. Text that is not JSON
 * may pass; jansson then stops at its first error, and before that it sees the same brackets. */
static bool shape_is_bounded(struct str text)
{
    size_t opened = 0, depth = 0, most = OPENED_MAX + text.len / BYTES_EACH;
    bool in_string = false;

    for (size_t i = 0; i < text.len; i++)
        opened += text.at[i] == '[' || text.at[i] == '{';
    if (opened <= DEPTH_MAX) return true; /* the common case, without looking at strings */
    opened = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];

        if (in_string) {
            if (c == '\\') i++;
            in_string = c != '"';
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > DEPTH_MAX || ++opened > most) return false;
        } else if (c == ']' || c == '}') {
            if (depth-- == 0) return false;
        }
    }
    return true;
}

static const json_t *json_load(struct str text, size_t flags)
{
    json_error_t error;
    const json_t *tree = json_loadb(text.at, text.len, flags, &error);

    /* whole numbers past int64 are valid JSON, and JavaScript writes them: read all as doubles */
    if (!tree && json_error_code(&error) == json_error_numeric_overflow) {
        tree = json_loadb(text.at, text.len, flags | JSON_DECODE_INT_AS_REAL, &error);
    }
    return tree;
}

static enum err parse(struct arena *arena, struct str text, size_t flags, const struct json **out)
{
    *out = NULL;
    if (text.len == 0 || !shape_is_bounded(text)) return ERR_INVALID;
    if (setjmp(arena_full) != 0) {
        arena_now = NULL;
        return ERR_MEMORY;
    }
    arena_now = arena;
    *out = (const struct json *)json_load(text, flags);
    arena_now = NULL;
    return *out ? OK : ERR_INVALID;
}

enum err json_parse(struct arena *arena, struct str text, const struct json **out)
{
    return parse(arena, text, JSON_DECODE_ANY, out);
}

const struct json *json_parsed(struct arena *arena, struct str text)
{
    const struct json *value;

    (void)json_parse(arena, text, &value);
    return value;
}

const struct json *json_parse_unique(struct arena *arena, struct str text)
{
    const struct json *value;

    (void)parse(arena, text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &value);
    return value;
}

static const json_t *node(const struct json *value)
{
    return (const json_t *)value;
}

static bool is_a(const struct json *value, jansson_type type)
{
    return value && node(value)->type == type;
}

enum json_type json_type(const struct json *value)
{
    if (!value) return JSON_NULL;
    switch (node(value)->type) {
    case JANSSON_OBJECT:
        return JSON_OBJECT;
    case JANSSON_ARRAY:
        return JSON_ARRAY;
    case JANSSON_STRING:
        return JSON_TEXT;
    case JANSSON_INTEGER:
    case JANSSON_REAL:
        return JSON_NUMBER;
    case JANSSON_TRUE:
    case JANSSON_FALSE:
        return JSON_BOOL;
    case JANSSON_NULL:
        break;
    }
    return JSON_NULL;
}

const struct json *json_get(const struct json *object, const char *key)
{
    return is_a(object, JANSSON_OBJECT) ? (const struct json *)json_object_get(node(object), key)
                                        : NULL;
}

const struct json *json_get_path(const struct json *object, const char *path)
{
    for (;;) {
        size_t length = strcspn(path, ".");

        if (!is_a(object, JANSSON_OBJECT)) return NULL;
        object = (const struct json *)json_object_getn(node(object), path, length);
        if (path[length] == '\0') return object;
        path += length + 1;
    }
}

size_t json_length(const struct json *array)
{
    return is_a(array, JANSSON_ARRAY) ? json_array_size(node(array)) : 0;
}

const struct json *json_at(const struct json *array, size_t index)
{
    return is_a(array, JANSSON_ARRAY) ? (const struct json *)json_array_get(node(array), index)
                                      : NULL;
}

bool json_text(const struct json *value, struct str *out)
{
    if (!is_a(value, JANSSON_STRING)) return false;
    *out = (struct str){json_string_value(node(value)), json_string_length(node(value))};
    return true;
}

bool json_double(const struct json *value, double *out)
{
    if (is_a(value, JANSSON_REAL)) {
        *out = json_real_value(node(value));
    } else if (is_a(value, JANSSON_INTEGER)) {
        *out = (double)json_integer_value(node(value));
    } else {
        return false;
    }
    return true;
}

bool json_int64(const struct json *value, int64_t *out)
{
    double number;

    if (is_a(value, JANSSON_INTEGER)) {
        *out = json_integer_value(node(value));
        return true;
    }
    if (!is_a(value, JANSSON_REAL)) return false;
    number = json_real_value(node(value));
    if (number < -DOUBLE_EXACT || number > DOUBLE_EXACT) return false;
    if ((double)(int64_t)number != number) return false;
    *out = (int64_t)number;
    return true;
}

bool json_bool(const struct json *value, bool *out)
{
    if (!is_a(value, JANSSON_TRUE) && !is_a(value, JANSSON_FALSE)) return false;
    *out = is_a(value, JANSSON_TRUE);
    return true;
}

bool json_price(const struct json *value, int64_t *cents)
{
    double dollars;
    struct str text;

    if (json_double(value, &dollars)) return price_from_double(dollars, cents);
    return json_text(value, &text) && price_from_text(text, cents);
}

enum price_fault json_price_fault(const struct json *value)
{
    double dollars;
    struct str text;

    if (json_double(value, &dollars)) return price_fault_of_double(dollars);
    if (json_text(value, &text)) return price_fault_of_text(text);
    return json_type(value) == JSON_NULL ? PRICE_FAULT_EMPTY : PRICE_FAULT_NOT_A_NUMBER;
}
