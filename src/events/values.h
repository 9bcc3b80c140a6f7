/* events/values.h: values of events that rules know, too. */
#ifndef EVENTS_VALUES_H
#define EVENTS_VALUES_H

#include "base/arena.h"

#define NO_BOUND  (-1) /* a BOUND that is absent */
#define NAMES_MAX 20

struct name_list {
    const struct str *at;
    size_t count;
};

/* The names as a column keeps them, one a line: they have no line ends of their own. */
struct str names_joined(struct buf *out, const struct name_list *names);
/* And back, in the arena; what is beyond NAMES_MAX is left out. False: memory ran out. */
bool names_split(struct arena *arena, struct str lines, struct name_list *out);

#endif
