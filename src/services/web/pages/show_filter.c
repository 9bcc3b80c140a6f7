/* services/web/pages/show_filter.c: see services/web/pages/show_filter.h. */
#include "services/web/pages/show_filter.h"

#include "html/escape.h"
#include "services/web/api.h"
#include "services/web/form.h"
#include "services/web/page_text.h"
#include "services/web/price.h"

#define QUANTITIES 8 /* to choose from */

static struct str typed(struct request *rq, const char *name)
{
    struct str text = str_trim(request_query(rq, name));

    return text.at ? text : STR("");
}

enum err show_filter_take(struct request *rq, struct show_page_view *view)
{
    struct listing_filter *filter = &view->filter;
    struct choice *choices = arena_alloc(rq->arena, (QUANTITIES + 1) * sizeof *choices);

    if (!choices) return ERR_MEMORY;
    filter->quantity = typed(rq, "quantity");
    filter->section = typed(rq, "section");
    filter->max_total = typed(rq, "maxTotal");
    filter->asked = filter->quantity.len || filter->section.len || filter->max_total.len;
    choices[0] = (struct choice){STR(""), page_text(rq, TEXT_LISTING_FILTER_ANY), false};
    for (int64_t n = 1; n <= QUANTITIES; n++) {
        struct str number = page_number(rq, n);

        choices[n] = (struct choice){number, number, str_eq(number, filter->quantity)};
    }
    filter->quantities.at = choices;
    filter->quantities.count = QUANTITIES + 1;
    return OK;
}

static void put_parameter(struct buf *path, const char *name, struct str value)
{
    if (!value.len) return;
    buf_printf(path, "&%s=", name);
    put_address_part(path, value);
}

/* A price as people type it is one; what is none the API refuses. */
void show_filter_put(struct request *rq, struct buf *path)
{
    struct str max_total = typed(rq, "maxTotal");
    int64_t cents;

    if (price_read(max_total, &cents) == PRICE_READ) max_total = page_price_input(rq, cents);
    put_parameter(path, "quantity", typed(rq, "quantity"));
    put_parameter(path, "section", typed(rq, "section"));
    put_parameter(path, "maxTotal", max_total);
    put_parameter(path, "after", typed(rq, "after"));
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
