/* services/tickets/listing.c: the rules of a listing. */
#include "services/tickets/listing.h"

#include "base/money.h"

static const char *const deliveries[] = {
    [DELIVERY_ISSUED] = "issued",
    [DELIVERY_UPLOAD] = "upload",
};

struct str ticket_delivery_text(enum ticket_delivery delivery)
{
    return str_of(deliveries[delivery]);
}

bool ticket_delivery_parse(struct str text, enum ticket_delivery *out)
{
    for (enum ticket_delivery delivery = DELIVERY_ISSUED; delivery <= DELIVERY_UPLOAD; delivery++) {
        if (!str_eq(text, str_of(deliveries[delivery]))) continue;
        *out = delivery;
        return true;
    }
    return false;
}

/* --- places ---------------------------------------------------------------------------------- */

bool label_valid(struct str label, size_t max)
{
    return str_code_points(label) <= max && text_is_one_line(label) && text_is_visible(label);
}

/* Labels have no line ends of their own (label_valid). */
struct str area_key(struct arena *arena, struct str section, struct str row)
{
    struct str first = text_label_key(arena, section), second = text_label_key(arena, row);
    struct buf key;

    if (!first.at || !second.at) return (struct str){NULL, 0};
    buf_init(&key, arena, first.len + second.len + 1);
    buf_append(&key, first);
    buf_char(&key, '\n');
    buf_append(&key, second);
    return key.failed ? (struct str){NULL, 0} : buf_str(&key);
}

/* The first `max` code points of it. */
static struct str cut(struct str text, size_t max)
{
    size_t len = 0;

    while (max-- > 0 && len < text.len)
        len += str_utf8_length((struct str){text.at + len, text.len - len});
    return (struct str){text.at, len};
}

struct str listed_title(struct arena *arena, struct str show, const struct listing *listing,
                        struct str seat)
{
    size_t max = 4 * TITLE_CODE_POINTS_MAX;
    struct buf place, title;

    buf_init(&place, arena, max);
    if (listing->section.len) buf_append(&place, STR(", "));
    buf_append(&place, listing->section);
    if (listing->row.len) buf_append(&place, STR(", row "));
    buf_append(&place, listing->row);
    if (seat.len) buf_append(&place, STR(", seat "));
    buf_append(&place, seat);
    buf_init(&title, arena, max);
    show =
        text_contained(arena, cut(show, TITLE_CODE_POINTS_MAX - str_code_points(buf_str(&place))));
    if (!show.at) return show;
    buf_append(&title, show);
    buf_append(&title, buf_str(&place));
    return place.failed || title.failed ? (struct str){NULL, 0} : buf_str(&title);
}

/* --- prices and changes ---------------------------------------------------------------------- */

int64_t price_cap(int64_t face_value_cents, int64_t max_over_face_bps)
{
    int64_t cap;

    if (max_over_face_bps == NO_BOUND) return PRICE_CENTS_MAX;
    cap = face_value_cents + face_value_cents * max_over_face_bps / 10000;
    return cap < PRICE_CENTS_MAX ? cap : PRICE_CENTS_MAX;
}

enum err listing_edit(struct listing *listing, const struct listing_terms *terms, int64_t free)
{
    if (listing->withdrawn) return ERR_LISTING_WITHDRAWN;
    if (terms->split != listing->terms.split && !split_fits(terms->split, free))
        return ERR_SPLIT_LEFT;
    listing->terms = *terms;
    listing->version++;
    return OK;
}

void listing_withdraw(struct listing *listing, bool *changed)
{
    *changed = !listing->withdrawn;
    if (!*changed) return;
    listing->withdrawn = true;
    listing->version++;
}

void ticket_back(struct ticket *ticket, const struct listing *listing, bool sells)
{
    ticket->price_cents = listing->terms.price_cents;
    if (listing->withdrawn || !sells) ticket->withdrawn = true;
}
