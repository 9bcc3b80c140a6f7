/* services/web/view.h: what the templates (pages/) are given: they name members of these structs.
 *
 * All texts live in the request's arena and are not escaped yet (escape.h). */
#ifndef SERVICES_WEB_VIEW_H
#define SERVICES_WEB_VIEW_H

#include "html/escape.h"

/* --- what every page has -------------------------------------------------------------------- */

/* What the visitor has reserved and not paid yet, on every page but those that show it. */
struct held_view {
    size_t count;
    struct str order_id, title; /* of the one that ends first */
    struct str expires_at, now; /* ISO 8601 */
    struct str left;            /* "3:12" */
    struct str number;          /* count, as text */
    struct str except;          /* the order that this page shows; "all" */
    bool many;
};

struct page {
    const struct str *texts; /* of the visitor's language, escaped */
    struct str language;
    struct str title;
    struct str description;   /* for people who have not come yet */
    struct own_url canonical; /* where search engines find this page; empty: nowhere */
    struct own_url image;     /* beside a link to it; with canonical only */
    struct str feed;        /* the same for programs that look again (RSS); empty: there is none */
    bool awaiting;          /* it will change by itself soon: without scripts it is loaded again */
    struct html structured; /* what it is about, for programs (JSON-LD); may be empty */
    struct str email;       /* of the visitor; empty: not signed in */
    struct str theme;       /* "light", "dark", or empty: as the system has it */
    struct str here;        /* this page's own path and query, to come back to */
    struct str live;        /* where this page's events come from; empty: nothing moves on it */
    struct str notice;      /* good news after a redirect */
    struct str user_id;
    struct held_view held;
    struct own_url contact;  /* of whoever runs this: "mailto:…" or "https://…"; may be empty */
    struct str contact_text; /* the same for people */
    bool signed_in;
    bool sandbox; /* no money moves */
    bool light, dark;
    bool staff;   /* the visitor looks after venues and shows */
    bool at_door; /* a page for gates, which is installed by itself */
    bool at_market, at_orders, at_entries, at_selling, at_new,
        at_staff; /* which entry of the menu this is */
};

/* --- pieces ---------------------------------------------------------------------------------- */

/* One input of a form, with what was typed and what is wrong with it. */
struct field {
    const char *name;
    struct str value;
    struct str error;
    bool first; /* of the wrong ones: the focus goes there */
};

/* What is wrong with a form, said above it with links to the inputs (errors.html). */
#define FORM_ERRORS_MAX 12

struct form_error {
    struct str id; /* of the input; empty: it is about the whole form */
    struct str text;
};

struct form_errors {
    struct {
        struct form_error at[FORM_ERRORS_MAX];
        size_t count;
    } list;
};

/* What was typed into a form that needs a session, on its way through signing in (kept.html): no
 * memory of the server's, nothing in the address. */
#define KEPT_MAX 16

struct kept_field {
    struct str name, value;
};

struct kept_view {
    struct {
        struct kept_field at[KEPT_MAX];
        size_t count;
    } fields;
    struct str form;   /* where the form is sent to; empty: nothing is kept */
    struct str intent; /* "reserve": is carried out after signing in */
};

struct ticket_view {
    struct str id;
    struct str number; /* the short one on the ticket */
    struct str title;
    struct str price;       /* "$1,249.90" */
    struct str price_value; /* "1249.90", for inputs */
    struct str input_id;    /* of its price on one\'s listings */
    struct str user_id, order_id;
    const char *hue;        /* "hue-0" … "hue-7" */
    const char *price_size; /* "", "sum-9", "sum-11": a long price is set in smaller letters */
    int64_t version;
    bool on_sale, reserved, sold, withdrawn;
    bool editable;          /* nobody has it, it was not taken down, and no listing has its price */
    bool removable;         /* its seller may take it down */
    bool several;           /* it stands for all the tickets of an order */
    struct str not_on_sale; /* why, although it is so; empty: it is on sale */
    struct str order_day;   /* when who has it reserved it; filled in for its seller */
    struct field price_field; /* selling: in place */
    struct str listing_id;    /* it is one of several that are offered together; empty: it is not */
};

struct ticket_fields {
    struct field title, price;
};

struct ticket_list {
    const struct ticket_view *at;
    size_t count;
};

/* One of several tickets of an order. */
struct ordered_ticket_view {
    struct str id, title, price;
};

struct order_view {
    struct str id;
    struct ticket_view ticket; /* of several the first, at the price of all */
    struct {
        const struct ordered_ticket_view *at;
        size_t count;
    } tickets;               /* of an order of several; else none */
    struct str others;       /* how many there are beside the first; empty: none */
    bool of_listing;         /* what it buys opens doors */
    struct str expires_at;   /* ISO 8601 */
    struct str expires_text; /* for people */
    struct str minutes;      /* of left_s, rounded; empty: about one */
    struct str day;          /* it was made, with the time, UTC */
    struct str now;          /* the server's clock, ISO 8601 */
    struct str payment_id, refund_id;
    int64_t left_s, hold_s;
    struct str left; /* "3:12" */
    bool open;       /* can be paid and cancelled */
    bool paying;     /* money is on its way */
    bool paid;
    bool refunded, refunding, refund_failed;
    bool expired; /* gone by itself; else it was given back */
    bool cancelled;
};

struct order_list {
    const struct order_view *at;
    size_t count;
};

/* --- pages ----------------------------------------------------------------------------------- */

struct sign_view {
    struct field email, password;
    struct str next;
    struct form_errors errors;
    struct kept_view kept;
    struct str heading, reason; /* what it is for, and why one is here */
    bool exists;                /* there is an account with this email */
};

struct cards_view {
    struct ticket_list tickets;
};

struct sell_view {
    struct ticket_fields fields;
    struct form_errors errors;
    struct str nonce;
    bool unconfirmed; /* the seller's address is to be confirmed first */
};

struct ticket_page_view {
    struct ticket_view ticket;
    struct ticket_fields fields; /* the seller's form */
    struct form_errors errors;
    struct str my_order; /* the visitor holds it by this order */
    struct str hold;     /* for how long it would be held: "15 minutes" */
    struct str address;  /* the whole one, to be shared */
    struct str version;  /* of the ticket, as the visitor sees it */
    bool mine;           /* the visitor sells it */
    bool edited;         /* the seller has typed something that was not taken */
    bool dearer;         /* the price went up since the visitor saw it */
};

struct orders_view {
    struct order_list orders;
    int64_t state; /* another one as soon as any of them changes */
    struct str after;
};

/* A test card of the sandbox. */
struct card_view {
    struct str token, name, number, outcome;
    bool chosen;
};

struct order_page_view {
    struct order_view order;
    struct form_errors errors;  /* of the payment */
    struct str publishable_key; /* empty: the sandbox's own form */
    struct {
        const struct card_view *at;
        size_t count;
    } cards;
};

struct selling_view {
    struct ticket_list tickets;
    int64_t state; /* another one as soon as any of them changes: their versions, summed up */
    struct str after, here_after; /* where the next page begins, and this one */
    struct form_errors errors;
};

/* One of its performers, for programs. */
struct player {
    struct str name;
    bool more; /* than the first */
};

struct show_view {
    struct str id, venue_id, title, performers;
    struct str slug;   /* "-mono-lake", after its id in an address; may be empty */
    struct str kind;   /* of schema.org: "MusicEvent" */
    struct str place;  /* venue and city, where a list names them; may be empty */
    struct str offers; /* "from $49.00 · 12 left"; empty: nothing is, or it is not said */
    struct {
        const struct player *at;
        size_t count;
    } players;
    struct str starts_at, doors_at; /* as clocks at the venue show it, with their offset */
    struct str when, doors;         /* for people */
    struct str refusal;             /* why the proposal was not taken; may be empty */
    bool proposed, refused, postponed, cancelled, begun, over;
};

struct venue_view {
    struct str id, name, city, country, zone;
    struct str latitude, longitude; /* degrees; empty: not known */
    struct str refusal;             /* as of a show */
    bool proposed, refused;
};

/* Days to be looked for with one click. */
struct day_choice {
    struct str from, to; /* "2027-03-28" */
    struct str text;
    bool chosen;
};

/* What is looked for, and what was found. */
struct find_view {
    struct str q, city, from, to; /* as typed */
    struct {
        const struct day_choice *at;
        size_t count;
    } days;
    bool wrong_q, wrong_city, wrong_from, wrong_to;
    struct form_errors errors;
    struct {
        const struct show_view *at;
        size_t count;
    } rows;
    struct str guessed; /* words that were taken for others; empty: none */
    struct str after;   /* the next page's cursor */
    bool asked, narrowed;
};

/* A paragraph or a heading of a text that is not part of the catalogue. */
struct text_block {
    struct str text;
    bool heading;
};

struct market_view {
    struct html cards;
    size_t count;
    struct str after; /* the next page begins after this id; empty: this is the last */
    bool hero;        /* a stranger's first look */
    struct find_view find;
    struct {
        const struct show_view *at;
        size_t count;
    } soon; /* shows that are on next; none: there are none, or it is not known */
    struct {
        const struct text_block *at;
        size_t count;
    } places; /* cities that those are in */
};

struct block_list {
    const struct text_block *at;
    size_t count;
};

/* A ticket of a listing. */
struct listed_ticket {
    struct str id, name; /* "Seat 12", "Ticket 3" */
    bool free, reserved, sold;
};

struct listing_view {
    struct str id, show_id;
    struct str place; /* "Block A, row 4" */
    struct str price, face_value, left;
    struct str total, quantity; /* what so many as are looked for cost in full; empty: any number */
    const char *hue;
    int64_t cents, free, version;
    struct block_list restrictions;
    struct {
        const struct listed_ticket *at;
        size_t count;
    } tickets;
    int64_t together;           /* the most of them that are side by side and free */
    bool pairs, all, no_single; /* how it is split; none: any number */
    bool on_sale, withdrawn, one_left, mine;
    struct str not_on_sale; /* why, for its seller */
};

/* What opens a door. */
struct entry_view {
    struct str id, order_id;
    struct str serial; /* in groups */
    struct str place;  /* "Block A, row 4, seat 12" */
    struct show_view show;
    struct venue_view venue;
    struct block_list restrictions;
    struct str path; /* of the QR code's SVG; empty: there is no code to show */
    int64_t size;    /* of that, with its quiet zone */
    bool valid, upload;
};

struct entries_view {
    struct {
        const struct entry_view *at;
        size_t count;
    } entries;
    struct str after;
    bool past;
};

/* A device at the doors of a show, as staff see it. */
struct gate_view {
    struct str id, name, admitted, wrong;
    struct str seen; /* when it last told of something; empty: never */
    bool revoked, has_wrong;
};
/* How many it let in within a minute. */
struct gate_minute_view {
    struct str minute, gate, admitted;
};

struct gates_view {
    struct str show_id, show_title;
    struct {
        const struct gate_view *at;
        size_t count;
    } gates;
    struct {
        const struct gate_minute_view *at;
        size_t count;
    } minutes;
    struct block_list wrong; /* whom a gate without a network let in and was not to */
    struct field name;
    struct form_errors errors;
    struct str key, key_name; /* of one that was just made: shown this once */
};

/* What a gate was told, and the form for the next code. */
struct scan_view {
    struct str answer; /* in a word; empty: nothing was asked */
    const char *class; /* of it */
    struct str about;  /* the place, or why not */
    struct block_list restrictions;
    struct field key, code;
    struct form_errors errors;
};

/* One of several to choose from. */
struct choice {
    struct str value, text;
    bool chosen;
};

struct listing_page_view {
    struct listing_view listing;
    struct show_view show;
    struct form_errors errors;
    struct {
        const struct choice *at;
        size_t count;
    } choices;              /* how many tickets may be ordered at once; none: nothing may */
    struct str price_value; /* what the visitor sees, for the form */
    struct str hold;        /* for how long it would be held: "15 minutes" */
    struct str nonce;       /* empty: nobody is signed in */
};

/* Which of a show's listings are looked for, as it was typed. */
struct listing_filter {
    struct str quantity, section, max_total;
    struct {
        const struct choice *at;
        size_t count;
    } quantities; /* to choose from */
    bool wrong_section, wrong_max_total;
    bool asked; /* for any of it */
};

struct show_page_view {
    struct show_view show;
    struct venue_view venue;
    struct listing_filter filter;
    struct form_errors errors; /* of the filter */
    struct {
        const struct listing_view *at;
        size_t count;
    } listings;
    struct str here;  /* this page's address, with what is looked for */
    struct str after; /* the next page's cursor */
    bool open;        /* tickets of it may be sold */
};

struct venue_page_view {
    struct venue_view venue;
    struct {
        const struct show_view *at;
        size_t count;
    } shows;
    struct str after;
};

/* --- venues and shows, as they are proposed and looked after -----------------------------------
 */

/* One input of a form whose fields come from a table (form_field.html). */
struct form_field {
    const char *name; /* and the input's id */
    const char *type, *mode;
    struct str label, hint, value, error;
    struct str now;       /* what somebody else made of it meanwhile */
    const char *was_name; /* a time: the hidden input that says how it was, with its offset */
    struct str was;
    struct {
        const struct choice *at;
        size_t count;
    } choices;
    bool first, optional, lines, choice, changed;
};

/* What may be done with it beside correcting it. */
struct form_act {
    struct str path, text;
    bool at_once; /* without a page of its own that asks */
};

#define FORM_FIELDS_MAX 10
#define FORM_ACTS_MAX   4
struct catalogue_form_view {
    struct {
        struct form_field at[FORM_FIELDS_MAX];
        size_t count;
    } fields;
    struct {
        struct form_act at[FORM_ACTS_MAX];
        size_t count;
    } acts;
    struct form_errors errors;
    struct str heading, lead;
    struct str name, about; /* of what it is about; empty: it is not there yet */
    struct str status;      /* for people */
    const char *status_class;
    struct str action, submit, nonce;
    struct str version;   /* as the visitor saw it */
    struct str search, q; /* where the choices are looked for; and with what */
    struct str back, back_text;
    struct str missing, missing_text; /* where what is not among the choices is made */
    struct str gates;                 /* where its gates are looked after */
    struct {
        const struct listing_view *at;
        size_t count;
    } asks; /* what others ask for */
};

/* A venue or a show in a list. */
struct catalogue_row {
    struct str id, path, name, about, status;
    const char *status_class;
    struct str reason; /* why it was refused */
};

struct catalogue_list_view {
    struct {
        const struct catalogue_row *at;
        size_t count;
    } rows;
    struct {
        const struct choice *at;
        size_t count;
    } filters;
    struct str heading, empty, path, status, q, after;
    struct str make, make_text;
    bool shows;
};

struct proposals_view {
    struct {
        const struct catalogue_row *at;
        size_t count;
    } shows, venues;
};

/* The second step of signing in. */
struct code_view {
    struct str token, next;
    struct kept_view kept;
    struct field code;
    struct form_errors errors;
    bool over; /* the first step is to be taken again */
};

struct factor_view {
    struct form_errors errors;
    struct field password, code;
    struct str secret;  /* being set up: in groups; empty: it is not */
    struct own_url url; /* the same for an app on this device: "otpauth://…"; may be empty */
    struct {
        const struct text_block *at; /* recovery codes, shown once */
        size_t count;
    } codes;
    int64_t left; /* recovery codes */
    bool on;
};

struct signout_view {
    struct str next;
};

struct about_view {
    struct {
        const struct text_block *at;
        size_t count;
    } blocks;
};

/* Where somebody is signed in; texts for people. */
struct session_view {
    struct str id, name, since, used;
    bool current; /* the one that looks */
};

struct account_view {
    struct str address;
    struct {
        const struct session_view *at;
        size_t count;
    } sessions;
    bool confirmed; /* the address is known to be theirs */
    bool others;    /* there are sessions beside this one */
};

struct password_view {
    struct field old, fresh;
    struct form_errors errors;
};

struct forgot_view {
    struct str next;
    struct field email;
    struct form_errors errors;
    bool sent; /* it was asked for */
    bool kept; /* mails stay on the machine: SMTP_URL is not set */
};

struct reset_view {
    struct str token;
    struct field fresh;
    struct form_errors errors;
    bool used; /* the link opens nothing (any more) */
};

struct email_view {
    struct str address;
    struct form_errors errors;
    struct field fresh, password;
    bool confirmed; /* the address is known to be theirs */
    bool kept;      /* as above */
};

struct verify_view {
    struct str token;
    struct form_errors errors;
    bool used; /* as above */
};

struct problem_view {
    int64_t status;
    bool show_status; /* what is not the visitor's is no number to them */
    struct str heading, advice;
    struct str action_path, action_text;
    struct str request_id;
    struct str as; /* whom the visitor is signed in as, where that is the reason */
};

#endif
