/* services/tickets/availability_store.h: what is left of each show's listings, and what is to be
 * told of it. */
#ifndef SERVICES_TICKETS_AVAILABILITY_STORE_H
#define SERVICES_TICKETS_AVAILABILITY_STORE_H

#include "runtime/service.h"

/* What is left of the show is to be told: after every change of its listings and their tickets, in
 * the same transaction. */
enum err show_changed(struct tx *tx, struct object_id show_id);
/* The same of the show that the ticket is of; none of a plain ticket. */
enum err show_of_ticket_changed(struct tx *tx, struct object_id ticket_id);
/* The same of all shows of which the user sells something. */
enum err shows_of_seller_changed(struct tx *tx, struct str user_id);

/* The same of up to max shows of which was told at another lowest price. */
enum err shows_of_other_minimum_changed(struct tx *tx, int64_t minimum_cents, int64_t max,
                                        int64_t *count);

struct changed_show {
    int64_t place;
    struct object_id show_id;
};
/* Up to max changes that no other replica works on, a show perhaps several times. */
enum err changed_shows(struct tx *tx, struct changed_show *out, size_t max, size_t *count);
enum err changed_show_done(struct tx *tx, int64_t place);

/* The next version of what is told of the show, from 0. Whoever else tells of it waits, and reads
 * afterwards what is left. */
enum err offers_version_next(struct tx *tx, struct object_id show_id, int64_t minimum_cents,
                             int64_t *version);
/* Tickets of the show's listings that are free and stand, at the lowest price or more, by sellers
 * who are not banned; and what the cheapest of them costs. 0: there is none. */
enum err offers_left(struct tx *tx, struct object_id show_id, int64_t minimum_cents,
                     int64_t *lowest_cents, int64_t *available);

#endif
