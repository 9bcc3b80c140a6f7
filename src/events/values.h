/* events/values.h: values of events that rules know, too. */
#ifndef EVENTS_VALUES_H
#define EVENTS_VALUES_H

#include "base/str.h"

#define NO_BOUND  (-1) /* a BOUND that is absent */
#define NAMES_MAX 20

struct name_list {
    const struct str *at;
    size_t count;
};

#endif
