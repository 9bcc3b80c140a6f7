/* events/sale_rules.c: see events/sale_rules.h. */
#include "events/sale_rules.h"

static const char *const splits[] = {
    [SPLIT_ANY] = "any",
    [SPLIT_PAIRS] = "pairs",
    [SPLIT_ALL] = "all",
    [SPLIT_NO_SINGLE] = "no_single",
};

struct str split_text(enum split split)
{
    return str_of(splits[split]);
}

bool split_parse(struct str text, enum split *out)
{
    for (enum split split = SPLIT_ANY; split <= SPLIT_NO_SINGLE; split++) {
        if (!str_eq(text, str_of(splits[split]))) continue;
        *out = split;
        return true;
    }
    return false;
}

bool split_allows(enum split split, int64_t free, int64_t count)
{
    if (count < 1 || count > free) return false;
    switch (split) {
    case SPLIT_ANY:
        return true;
    case SPLIT_PAIRS:
        return count % 2 == 0;
    case SPLIT_ALL:
        return count == free;
    case SPLIT_NO_SINGLE:
        return free - count != 1;
    }
    return false;
}

bool split_fits(enum split split, int64_t free)
{
    if (split == SPLIT_PAIRS) return free % 2 == 0;
    return split != SPLIT_NO_SINGLE || free != 1;
}

enum show_sale show_sale(const struct show_copy *show, struct wall_ms now)
{
    if (show_is_merged(show)) return SALE_MERGED;
    if (str_eq(show->status, STR("proposed"))) return SALE_PROPOSED;
    if (str_eq(show->status, STR("postponed"))) return SALE_OPEN;
    if (!str_eq(show->status, STR("scheduled"))) return SALE_CANCELLED;
    return wall_reached(now, show->starts_at) ? SALE_STARTED : SALE_OPEN;
}
