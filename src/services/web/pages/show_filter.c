/* services/web/pages/show_filter.c: see services/web/pages/show_filter.h. */
#include "services/web/pages/show_filter.h"

#include "services/web/api.h"
#include "services/web/form.h"
#include "services/web/page_input.h"
#include "services/web/page_text.h"
#include "services/web/price.h"

#define QUANTITIES 8 /* to choose from, beside the one that is asked for */

enum err show_filter_take(struct request *rq, struct show_page_view *view)
{
    struct listing_filter *filter = &view->filter;
    struct choice *choices = arena_alloc(rq->arena, (QUANTITIES + 2) * sizeof *choices);
    int64_t asked;

    if (!choices) return ERR_MEMORY;
    filter->quantity = page_typed(rq, "quantity");
    filter->section = page_typed(rq, "section");
    filter->max_total = page_typed(rq, "maxTotal");
    filter->asked = filter->quantity.len || filter->section.len || filter->max_total.len;
    choices[0] = (struct choice){STR(""), page_text(rq, TEXT_LISTING_FILTER_ANY), false};
    for (int64_t n = 1; n <= QUANTITIES; n++) {
        struct str number = page_number(rq, n);

        choices[n] = (struct choice){number, number, str_eq(number, filter->quantity)};
    }
    filter->quantities.at = choices;
    filter->quantities.count = QUANTITIES + 1;
    if (str_to_int64(filter->quantity, &asked) && asked > QUANTITIES)
        choices[filter->quantities.count++] =
            (struct choice){filter->quantity, filter->quantity, true};
    return OK;
}

/* A price as people type it is one; what is none the API refuses. */
void show_filter_put(struct request *rq, struct buf *path)
{
    struct str max_total = page_typed(rq, "maxTotal");
    int64_t cents;

    if (price_read(max_total, &cents) == PRICE_READ) max_total = page_price_input(rq, cents);
    api_parameter(path, "quantity", page_typed(rq, "quantity"));
    api_parameter(path, "section", page_typed(rq, "section"));
    api_parameter(path, "maxTotal", max_total);
}

void show_filter_refused(struct request *rq, struct show_page_view *view)
{
    struct str section = api_error(rq, "section"), max_total = api_error(rq, "maxTotal");

    view->filter.wrong_section = section.len != 0;
    view->filter.wrong_max_total = max_total.len != 0;
    form_error(&view->errors, STR("quantity"), api_error(rq, "quantity"));
    form_error(&view->errors, STR("section"), section);
    form_error(&view->errors, STR("max-total"), max_total);
}
