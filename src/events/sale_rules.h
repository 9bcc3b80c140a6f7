/* events/sale_rules.h: rules of the market that whoever sells and whoever orders must read off
 * events alike. Pure. */
#ifndef EVENTS_SALE_RULES_H
#define EVENTS_SALE_RULES_H

#include "base/clock.h"
#include "base/object_id.h"

/* --- how the tickets of a listing may be taken ------------------------------------------------ */

enum split {
    SPLIT_ANY,
    SPLIT_PAIRS,    /* even numbers */
    SPLIT_ALL,      /* together or not at all */
    SPLIT_NO_SINGLE /* what is left is never one */
};

struct str split_text(enum split split);
bool split_parse(struct str text, enum split *out);
/* Whether an order may have `count` of the `free` ones. */
bool split_allows(enum split split, int64_t free, int64_t count);
/* Whether `free` ones can be sold at all: what a listing begins with, and what its seller leaves of
 * it. */
bool split_fits(enum split split, int64_t free);

/* --- whether anything of a show is sold ------------------------------------------------------- */

/* A replica's copy of a show: what selling needs of it. */
struct show_copy {
    struct object_id id;
    int64_t version;
    struct str title;
    struct str status; /* the word of its event */
    struct wall_ms starts_at;
    int64_t max_per_buyer;        /* tickets; 0: any number */
    int64_t max_over_face_bps;    /* hundredths of a per cent; NO_BOUND: any price */
    struct object_id merged_into; /* all zero: not merged */
};

enum show_sale {
    SALE_OPEN, /* also of a postponed one, whose time is not known */
    SALE_PROPOSED,
    SALE_STARTED,
    SALE_CANCELLED,
    SALE_MERGED /* what was of it is of the other one */
};
enum show_sale show_sale(const struct show_copy *show, struct wall_ms now);
static inline bool show_is_merged(const struct show_copy *show)
{
    return !object_id_eq(show->merged_into, (struct object_id){{0}});
}

#endif
