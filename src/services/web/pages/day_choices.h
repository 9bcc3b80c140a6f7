/* services/web/pages/day_choices.h: days that one may look for with one click. */
#ifndef SERVICES_WEB_PAGES_DAY_CHOICES_H
#define SERVICES_WEB_PAGES_DAY_CHOICES_H

#include "http/request.h"
#include "services/web/view.h"

/* Today, this weekend, the next seven days, this month: into view->days, the one that view->when
 * says chosen. Which days those are the API says for each show, by the calendar of its venue.
 * ERR_MEMORY. */
enum err day_choices_put(struct request *rq, struct find_view *view);

#endif
