/* services/web/pages/show_filter.h: which of a show's listings are looked for, by the address. */
#ifndef SERVICES_WEB_PAGES_SHOW_FILTER_H
#define SERVICES_WEB_PAGES_SHOW_FILTER_H

#include "http/request.h"
#include "services/web/view.h"

/* What the address says. ERR_MEMORY. */
enum err show_filter_take(struct request *rq, struct show_page_view *view);
/* Appends "&quantity=…" and so on, as the API wants it. */
void show_filter_put(struct request *rq, struct buf *path);
/* The API refused it: what is wrong is in view->errors. */
void show_filter_refused(struct request *rq, struct show_page_view *view);

#endif
