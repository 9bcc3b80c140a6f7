/* services/catalogue/rules.h: what a venue and a show have in common. Pure. */
#ifndef SERVICES_CATALOGUE_RULES_H
#define SERVICES_CATALOGUE_RULES_H

#include "base/err.h"
#include "base/object_id.h"
#include "unicode/text.h"

#define NAME_POINTS_MAX 200 /* code points of a title, a name, a city */

/* How many proposals of one user wait for staff at most: venues and shows together. */
#define PROPOSALS_OPEN_MAX 20

/* 1 to NAME_POINTS_MAX code points on one line (text_is_one_line), with something in it to be seen.
 */
enum name_fault { NAME_FINE, NAME_EMPTY, NAME_INVISIBLE, NAME_TOO_LONG, NAME_CONTROLS };
enum name_fault name_fault(struct str name);

static inline bool is_merged(struct object_id merged_into)
{
    return !object_id_eq(merged_into, (struct object_id){{0}});
}

#endif
