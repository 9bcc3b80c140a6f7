/* services/web/pages/day_choices.c: see services/web/pages/day_choices.h. */
#include "services/web/pages/day_choices.h"

#include "base/clock.h"
#include "runtime/service.h"
#include "services/web/page_text.h"

#define DAY_MS       (INT64_C(24) * 60 * 60 * 1000)
#define DAY_TEXT_LEN 10 /* "2027-03-28" */
#define MONTH_LEN    7
#define MONTH_DAYS   31
#define SATURDAY     2 /* days after the weekday on which 1970 began */
#define SUNDAY       3
#define CHOICES      4

static struct wall_ms day_after(struct wall_ms day, int64_t days)
{
    return wall_after(day, days * DAY_MS);
}

/* "2027-03-28", in the arena. */
static struct str day_text(struct request *rq, struct wall_ms day)
{
    char iso[ISO8601_LEN + 1];

    iso8601_format(day, iso);
    return arena_copy(rq->arena, (struct str){iso, DAY_TEXT_LEN});
}

static struct wall_ms last_of_month(struct request *rq, struct wall_ms day)
{
    struct str first = day_text(rq, day);
    struct wall_ms last = day;

    for (int64_t i = 1; i < MONTH_DAYS; i++) {
        struct str next = day_text(rq, day_after(day, i));

        if (!first.at || !next.at || memcmp(first.at, next.at, MONTH_LEN) != 0) break;
        last = day_after(day, i);
    }
    return last;
}

enum err day_choices_put(struct request *rq, struct find_view *view)
{
    struct day_choice *choices = arena_alloc(rq->arena, CHOICES * sizeof *choices);
    struct wall_ms today = env_now(rq->run->env);
    int64_t weekday = today.ms / DAY_MS % 7;
    int64_t saturday = weekday == SUNDAY ? 0 : (SATURDAY - weekday + 7) % 7;
    int64_t sunday = (SUNDAY - weekday + 7) % 7;
    const struct {
        enum text text;
        struct wall_ms from, to;
    } days[CHOICES] = {
        {TEXT_FIND_TODAY, today, today},
        {TEXT_FIND_WEEKEND, day_after(today, saturday), day_after(today, sunday)},
        {TEXT_FIND_WEEK, today, day_after(today, 6)},
        {TEXT_FIND_MONTH, today, last_of_month(rq, today)},
    };

    if (!choices) return ERR_MEMORY;
    for (size_t i = 0; i < CHOICES; i++) {
        struct day_choice *choice = &choices[i];

        *choice = (struct day_choice){.from = day_text(rq, days[i].from),
                                      .to = day_text(rq, days[i].to),
                                      .text = page_text(rq, days[i].text)};
        if (!choice->from.at || !choice->to.at) return ERR_MEMORY;
        choice->chosen = str_eq(choice->from, view->from) && str_eq(choice->to, view->to);
    }
    view->days.at = choices;
    view->days.count = CHOICES;
    return OK;
}
