/* html/escape.h: how a value gets into HTML: each by the place it stands in.
 *
 * tools/templates.py decides for each value of a template which of these puts it there. All of them
 * append to `out`, which remembers when memory ran out (buf.failed). Threads: any. */
#ifndef HTML_ESCAPE_H
#define HTML_ESCAPE_H

#include "base/str.h"

/* HTML that templates made: the only thing that is not escaped again. */
struct html {
    struct str text;
};

/* A whole address of our own that the server put together: "https://host/path". */
struct own_url {
    struct str text;
};

/* --- into the page -------------------------------------------------------------------------- */

/* & < > " ' as references: for text and quoted attributes. */
void put_escaped(struct buf *out, struct str text);
/* A whole address: one of our own paths ("/…", not "//…"); anything else becomes "#". */
void put_address(struct buf *out, struct str text);
/* A piece of one: everything but unreserved characters (RFC 3986 section 2.3) percent-encoded. */
void put_address_part(struct buf *out, struct str text);
/* A JSON string that no HTML parser can leave: < > & and line separators as \u escapes. */
void put_json(struct buf *out, struct str text);

static inline void put_escaped_text(struct buf *out, const char *text)
{
    put_escaped(out, str_of(text));
}

static inline void put_address_text(struct buf *out, const char *text)
{
    put_address(out, str_of(text));
}

static inline void put_html(struct buf *out, struct html html)
{
    buf_append(out, html.text);
}

static inline void put_url(struct buf *out, struct own_url url)
{
    put_escaped(out, url.text);
}

static inline void put_json_url(struct buf *out, struct own_url url)
{
    put_json(out, url.text);
}

static inline void put_number(struct buf *out, int64_t number)
{
    buf_int(out, number);
}

#define PUT_TEXT(out, value)                                                                       \
    _Generic((value),                                                                              \
        struct str: put_escaped,                                                                   \
        char *: put_escaped_text,                                                                  \
        const char *: put_escaped_text,                                                            \
        struct html: put_html,                                                                     \
        struct own_url: put_url,                                                                     \
        int64_t: put_number)(out, value)
#define PUT_ATTRIBUTE(out, value)                                                                  \
    _Generic((value),                                                                              \
        struct str: put_escaped,                                                                   \
        char *: put_escaped_text,                                                                  \
        const char *: put_escaped_text,                                                            \
        struct own_url: put_url,                                                                   \
        int64_t: put_number)(out, value)
#define PUT_ADDRESS(out, value)                                                                    \
    _Generic((value),                                                                              \
        struct str: put_address,                                                                   \
        const char *: put_address_text,                                                            \
        struct own_url: put_url)(out, value)
#define PUT_ADDRESS_PART(out, value)                                                               \
    _Generic((value), struct str : put_address_part, int64_t : put_number)(out, value)
#define PUT_JSON(out, value)                                                                       \
    _Generic((value), struct str                                                                   \
             : put_json, struct own_url                                                            \
             : put_json_url, int64_t                                                               \
             : put_number)(out, value)

static inline bool true_of_str(struct str text)
{
    return text.len > 0;
}

static inline bool true_of_html(struct html html)
{
    return html.text.len > 0;
}

static inline bool true_of_url(struct own_url url)
{
    return url.text.len > 0;
}

static inline bool true_of_text(const char *text)
{
    return text && *text;
}

static inline bool true_of_bool(bool value)
{
    return value;
}

static inline bool true_of_count(size_t count)
{
    return count > 0;
}

#define TRUE_OF(value)                                                                             \
    _Generic((value),                                                                              \
        struct str: true_of_str,                                                                   \
        struct html: true_of_html,                                                                 \
        struct own_url: true_of_url,                                                               \
        char *: true_of_text,                                                                      \
        const char *: true_of_text,                                                                \
        bool: true_of_bool,                                                                        \
        size_t: true_of_count,                                                                     \
        int64_t: true_of_count)(value)

/* A catalogue's text, already escaped, with its {names} replaced by escaped values. */
struct message_value {
    struct str name, value;
};

void put_message(struct buf *out, struct str text, const struct message_value *values,
                 size_t count);
/* The same of a plain text, and nothing is escaped: for what is escaped where it is put. */
void put_message_plain(struct buf *out, struct str text, const struct message_value *values,
                       size_t count);

#endif
