/* services/web/pages/day_choices.c: see services/web/pages/day_choices.h. */
#include "services/web/pages/day_choices.h"

#include "services/web/page_text.h"

enum err day_choices_put(struct request *rq, struct find_view *view)
{
    static const struct {
        const char *when;
        enum text text;
    } days[] = {{"today", TEXT_FIND_TODAY},
                {"weekend", TEXT_FIND_WEEKEND},
                {"week", TEXT_FIND_WEEK},
                {"month", TEXT_FIND_MONTH}};
    static const size_t count = sizeof days / sizeof *days;
    struct choice *choices = arena_alloc(rq->arena, count * sizeof *choices);

    if (!choices) return ERR_MEMORY;
    for (size_t i = 0; i < count; i++) {
        struct str when = str_of(days[i].when);

        choices[i] = (struct choice){when, page_text(rq, days[i].text), str_eq(when, view->when)};
    }
    view->days.at = choices;
    view->days.count = count;
    return OK;
}
