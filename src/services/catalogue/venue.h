/* services/catalogue/venue.h: the rules of a venue. Pure.
 *
 * proposed → accepted, or refused for good. Merged into another it is final, too. */
#ifndef SERVICES_CATALOGUE_VENUE_H
#define SERVICES_CATALOGUE_VENUE_H

#include "base/degrees.h"
#include "services/catalogue/rules.h"

enum venue_status { VENUE_PROPOSED, VENUE_ACCEPTED, VENUE_REFUSED };

/* What people say of it. */
struct venue_fields {
    struct str name, city, country, time_zone;
    int64_t latitude, longitude; /* millionths; both DEGREES_UNKNOWN, or neither */
};

struct venue {
    struct object_id id;
    int64_t version;
    enum venue_status status;
    struct venue_fields is;
    struct str user_id;           /* who proposed or made it */
    struct object_id merged_into; /* all zero: not merged */
    struct str refusal;           /* why it was refused; at == NULL: it was not */
};

struct str venue_status_text(enum venue_status status);
bool venue_status_parse(struct str text, enum venue_status *out);

/* An officially assigned code of ISO 3166-1 alpha-2, in capitals. */
bool country_valid(struct str code);

/* Each makes the next version, or refuses and leaves the venue as it is: ERR_MERGED, and
 * ERR_WRONG_STATUS when what is asked for cannot follow on what it is. */
enum err venue_correct(struct venue *venue, const struct venue_fields *fields);
enum err venue_accept(struct venue *venue);
enum err venue_refuse(struct venue *venue);
/* into: accepted, and another one. */
enum err venue_merge(struct venue *venue, const struct venue *into);

#endif
