/* services/web/view.h: what the templates are given, and how a value gets into HTML.
 *
 * Templates (pages/) name members of these structs; tools/templates.py decides by the place a value
 * stands in which of the functions below puts it there. All texts live in the request's arena. */
#ifndef SERVICES_WEB_VIEW_H
#define SERVICES_WEB_VIEW_H

#include "base/str.h"

/* HTML that templates made: the only thing that is not escaped again. */
struct html {
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
        int64_t: put_number)(out, value)
#define PUT_ATTRIBUTE(out, value)                                                                  \
    _Generic((value),                                                                              \
        struct str: put_escaped,                                                                   \
        char *: put_escaped_text,                                                                  \
        const char *: put_escaped_text,                                                            \
        int64_t: put_number)(out, value)
#define PUT_ADDRESS(out, value)                                                                    \
    _Generic((value), struct str : put_address, const char * : put_address_text)(out, value)
#define PUT_ADDRESS_PART(out, value)                                                               \
    _Generic((value), struct str : put_address_part, int64_t : put_number)(out, value)
#define PUT_JSON(out, value)                                                                       \
    _Generic((value), struct str : put_json, int64_t : put_number)(out, value)

static inline bool true_of_str(struct str text)
{
    return text.len > 0;
}
static inline bool true_of_html(struct html html)
{
    return html.text.len > 0;
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

/* --- what every page has -------------------------------------------------------------------- */

struct page {
    const struct str *texts; /* of the visitor's language, escaped */
    struct str language;
    struct str title;
    struct str email;  /* of the visitor; empty: not signed in */
    struct str theme;  /* "light", "dark", or empty: as the system has it */
    struct str here;   /* this page's own path and query, to come back to */
    struct str live;   /* where this page's events come from; empty: nothing moves on it */
    struct str notice; /* good news after a redirect */
    bool signed_in;
    bool sandbox; /* no money moves */
    bool dark;
    bool at_market, at_orders, at_selling, at_new; /* which entry of the menu this is */
};

/* --- pieces ---------------------------------------------------------------------------------- */

/* One input of a form, with what was typed and what is wrong with it. */
struct field {
    const char *name;
    struct str value;
    struct str error;
};

struct ticket_view {
    struct str id;
    struct str number; /* the short one on the ticket */
    struct str title;
    struct str price;       /* "$49.90" */
    struct str price_value; /* "49.90", for inputs */
    struct str user_id, order_id;
    const char *hue; /* "hue-0" … "hue-7" */
    int64_t version;
    bool on_sale, reserved, sold;
    struct field price_field; /* selling: in place */
};

struct ticket_fields {
    struct field title, price;
};

struct ticket_list {
    const struct ticket_view *at;
    size_t count;
};

struct order_view {
    struct str id;
    struct ticket_view ticket;
    struct str expires_at;   /* ISO 8601 */
    struct str expires_text; /* for people */
    struct str now;          /* the server's clock, ISO 8601 */
    struct str payment_id, refund_id;
    int64_t left_s, hold_s;
    bool open;   /* can be paid and cancelled */
    bool paying; /* money is on its way */
    bool paid;
    bool refunded, refunding;
    bool expired; /* gone by itself; else it was given back */
    bool cancelled;
};

struct order_list {
    const struct order_view *at;
    size_t count;
};

/* --- pages ----------------------------------------------------------------------------------- */

struct market_view {
    struct html cards;
    size_t count;
    struct str after; /* the next page begins after this id; empty: this is the last */
    bool hero;        /* a stranger's first look */
};

struct sign_view {
    struct field email, password;
    struct str next;
    struct str error; /* of the whole form */
};

struct cards_view {
    struct ticket_list tickets;
};

struct sell_view {
    struct ticket_fields fields;
    struct str nonce, error;
};

struct ticket_page_view {
    struct ticket_view ticket;
    struct ticket_fields fields; /* the seller's form */
    struct str error;
    struct str my_order; /* the visitor holds it by this order */
    bool mine;           /* the visitor sells it */
};

struct orders_view {
    struct order_list orders;
    struct str after;
};

/* A test card of the sandbox. */
struct card_view {
    struct str token, name, number, outcome;
    bool chosen;
};

struct order_page_view {
    struct order_view order;
    struct str error;           /* of the payment */
    struct str publishable_key; /* empty: the sandbox's own form */
    struct {
        const struct card_view *at;
        size_t count;
    } cards;
};

struct selling_view {
    struct ticket_list tickets;
    int64_t state; /* another one as soon as any of them changes: their versions, summed up */
    struct str after;
    struct str error;
};

struct signout_view {
    struct str next;
};

struct problem_view {
    int64_t status;
    struct str heading, advice;
    struct str action_path, action_text;
    struct str request_id;
};

#endif
