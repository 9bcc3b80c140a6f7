/* services/web/catalogue/catalogue_lists.c: venues and shows as staff see them, and who may. */
#include "services/web/catalogue/catalogue_pages.h"

#include "html/escape.h"
#include "services/web/page.h"
#include "services/web/page_input.h"
#include "services/web/page_state.h"
#include "services/web/pages/sign_in.h"

#define ROWS_A_PAGE 50

enum err page_staff_only(struct request *rq, struct reply *rp)
{
    struct page page;
    struct problem_view view = {.status = 403,
                                .heading = page_text(rq, TEXT_STAFF_ONLY),
                                .advice = page_text(rq, TEXT_STAFF_ONLY_ADVICE),
                                .action_text = page_text(rq, TEXT_PROBLEM_HOME),
                                .action_path = STR("/"),
                                .request_id = rq->request_id,
                                .as = rq->user.email};

    if (!rq->user.id.len) return page_sign_in(rq, rp, str_of(catalogue_kind_of(rq)->list));
    page_begin(rq, &page, TEXT_STAFF_ONLY);
    page_reply(rq, rp, 403);
    page_problem_view(&rp->body, &page, &view);
    return OK;
}

/* GET /admin: what waits. */
enum err get_admin(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx, (void)rq;
    return page_redirect(rp, STR("/admin/shows?status=proposed"));
}

/* The words of the filter, by what they stand for in the API. */
static const struct filter {
    const char *status;
    enum text text;
    bool venues, shows;
} filters[] = {
    {"any", TEXT_STATUS_ANY, true, true},
    {"proposed", TEXT_STATUS_PROPOSED, true, true},
    {"accepted", TEXT_STATUS_ACCEPTED, true, false},
    {"scheduled", TEXT_STATUS_SCHEDULED, false, true},
    {"postponed", TEXT_STATUS_POSTPONED, false, true},
    {"cancelled", TEXT_STATUS_CANCELLED, false, true},
    {"over", TEXT_STATUS_OVER, false, true},
    {"refused", TEXT_STATUS_REFUSED, true, true},
};

/* rq->run->state. */
struct catalogue_list {
    const struct catalogue_kind *kind;
    struct catalogue_list_view view;
};

/* The chips, and the one that the address names: the first where it names none of them. */
static enum err list_filters(struct request *rq, struct catalogue_list *list)
{
    struct choice *choices =
        arena_alloc(rq->arena, sizeof filters / sizeof *filters * sizeof *choices);
    struct str status = request_query(rq, "status");
    size_t chosen = 0, count = 0;

    if (!choices) return ERR_MEMORY;
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        if (!(list->kind->shows ? filters[i].shows : filters[i].venues)) continue;
        if (str_eq(status, str_of(filters[i].status))) chosen = count;
        choices[count++] =
            (struct choice){str_of(filters[i].status), page_text(rq, filters[i].text), false};
    }
    choices[chosen].chosen = true;
    list->view.status = choices[chosen].value;
    list->view.filters.at = choices;
    list->view.filters.count = count;
    return OK;
}

static enum err took_list(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct catalogue_list *list = rq->run->state;
    struct catalogue_list_view *view = &list->view;
    struct catalogue_row *rows;
    const struct json *all;
    struct page page;

    (void)tx;
    if (!api_ok(rq, &all)) return catalogue_problem(rq, rp, list->kind->list);
    rows = arena_alloc(rq->arena, ROWS_A_PAGE * sizeof *rows);
    if (!rows) return ERR_MEMORY;
    for (size_t i = 0; i < json_length(all) && view->rows.count < ROWS_A_PAGE; i++)
        rows[view->rows.count++] = catalogue_row_of(rq, list->kind, json_at(all, i), true);
    view->rows.at = rows;
    view->after = api_next(rq);
    view->shows = list->kind->shows;
    view->path = str_of(list->kind->list);
    view->heading = page_text(rq, list->kind->list_title);
    view->empty = page_text(rq, list->kind->list_empty);
    view->make = str_of(list->kind->make);
    view->make_text = page_text(rq, list->kind->new_title);
    page_begin(rq, &page, list->kind->list_title);
    page.at_staff = true;
    page_reply(rq, rp, 200);
    page_catalogue_list(&rp->body, &page, view);
    return OK;
}

/* GET /admin/venues, /admin/shows ?status=&q=&after= */
enum err get_catalogue_list(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct catalogue_list *list;
    struct buf path;
    enum err err;

    (void)tx;
    if (page_asks_first(rq)) return page_ask_first(rq);
    if (!looks_after_catalogue(rq)) return page_staff_only(rq, rp);
    list = arena_alloc(rq->arena, sizeof *list);
    if (!list) return ERR_MEMORY;
    rq->run->state = list;
    list->kind = catalogue_kind_of(rq);
    TRY(list_filters(rq, list));
    list->view.q = catalogue_q(request_query(rq, "q"));
    buf_init(&path, rq->arena, 4096);
    buf_append(&path, (struct str){list->kind->api, strlen(list->kind->api) - 1});
    buf_printf(&path, "?limit=%d&status=", ROWS_A_PAGE);
    put_address_part(&path, list->view.status);
    buf_append(&path, STR("&q="));
    put_address_part(&path, list->view.q);
    if (page_after(rq).len) buf_append(&path, STR("&after="));
    buf_append(&path, page_after(rq));
    if (path.failed) return ERR_MEMORY;
    return request_call(rq, METHOD_GET, buf_str(&path), STR(""), took_list);
done:
    return err;
}
