/* services/catalogue/schema/retention.c: how long the rows of the catalogue's tables are kept. */
#include "services/catalogue/store.h"

const struct retention catalogue_retention[] = {
    {"venues", "for ever: shows are at them, and a merged one's id answers for good", NULL},
    {"shows", "for ever: what was on, and a merged one's id answers for good", NULL},
    {"show_offers", "for ever: one a show, so that the last word on it is known", NULL},
    {"show_search", "as long as its show can be found: made from shows and venues", NULL},
    {"search_typos", "until `boxoffice search rebuild` makes it anew", NULL},
    {"search_rebuild", "one row, while the search index is made anew", NULL},
    {0},
};
