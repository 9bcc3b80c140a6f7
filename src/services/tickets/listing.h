/* services/tickets/listing.h: the rules of a listing: tickets of one seller for one show, offered
 * together. Pure. */
#ifndef SERVICES_TICKETS_LISTING_H
#define SERVICES_TICKETS_LISTING_H

#include "events/sale_rules.h"
#include "events/values.h"
#include "services/tickets/ticket.h"

#define SECTION_POINTS_MAX     40 /* code points, also of a row */
#define SEAT_POINTS_MAX        20
#define RESTRICTIONS_MAX       10
#define RESTRICTION_POINTS_MAX 200

/* How the buyer gets what opens the door. */
enum ticket_delivery {
    DELIVERY_ISSUED, /* our code */
    DELIVERY_UPLOAD  /* the organiser's file, from the seller */
};
struct str ticket_delivery_text(enum ticket_delivery delivery);
bool ticket_delivery_parse(struct str text, enum ticket_delivery *out);

/* What the seller may change. */
struct listing_terms {
    enum split split;
    int64_t price_cents;      /* of one ticket */
    int64_t face_value_cents; /* of one ticket; 0: not said */
    struct name_list restrictions;
    enum ticket_delivery delivery;
};

struct listing {
    struct object_id id;
    int64_t version;
    struct str user_id; /* the seller */
    struct object_id show_id;
    struct str section, row; /* empty: not said */
    struct listing_terms terms;
    int64_t quantity; /* tickets it was made with */
    bool withdrawn;   /* taken down for good: what orders give back is taken down, too */
};

/* Where a ticket of it is. */
struct place {
    struct object_id show_id;
    struct str seat;     /* as its seller wrote it; empty: none is named */
    struct str area_key; /* section and row, and … */
    struct str seat_key; /* … the seat, as they are compared; empty without a seat */
};

/* A section, row, seat or restriction: 1 to max code points on one line (text_is_one_line), with
 * something in it to be seen. */
bool label_valid(struct str label, size_t max);
/* In the arena; at == NULL when memory ran out. */
struct str area_key(struct arena *arena, struct str section, struct str row);

/* The title of a ticket of it: "Mono Lake, Block A, row 4, seat 12", at most TITLE_CODE_POINTS_MAX;
 * what is too long is left out of the show's title. at == NULL: memory ran out. */
struct str listed_title(struct arena *arena, struct str show, const struct listing *listing,
                        struct str seat);

/* The most that a ticket may cost at a show's bound (hundredths of a per cent over face value;
 * NO_BOUND: PRICE_CENTS_MAX). */
int64_t price_cap(int64_t face_value_cents, int64_t max_over_face_bps);

/* Each makes the next version, or refuses and leaves the listing as it is. ERR_LISTING_WITHDRAWN;
 * ERR_SPLIT_LEFT: the free tickets cannot be sold by the new split. */
enum err listing_edit(struct listing *listing, const struct listing_terms *terms, int64_t free);
/* One that was taken down before stays as it is: *changed. */
void listing_withdraw(struct listing *listing, bool *changed);

/* An order has given it back: it costs what the listing says by now, and is taken down where that
 * was (sells: it stands and its show was not merged away from under the ticket). The same version
 * as ticket_free made. */
void ticket_back(struct ticket *ticket, const struct listing *listing, bool sells);

#endif
