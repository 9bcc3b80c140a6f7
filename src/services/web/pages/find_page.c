/* services/web/pages/find_page.c: events by what they are called, who performs, where and when. */
#include "services/web/web.h"

#include "base/percent.h"
#include "services/web/api.h"
#include "services/web/api_shows.h"
#include "services/web/form.h"
#include "services/web/page.h"
#include "services/web/page_input.h"
#include "services/web/page_state.h"
#include "services/web/page_text.h"
#include "services/web/pages/day_choices.h"
#include "services/web/pages/sign_in.h"

#define FOUND_A_PAGE 24

/* The words that were taken for others, as they were typed. */
static struct str guessed_words(struct request *rq)
{
    struct str words = str_header(rq->call.headers, STR("Search-Guessed"));

    if (!words.at || percent_decode(rq->arena, words, false, &words) != OK) return STR("");
    return words;
}

static void take_errors(struct request *rq, struct find_view *view)
{
    const struct {
        const char *name;
        bool *wrong;
    } fields[] = {{"q", &view->wrong_q},
                  {"city", &view->wrong_city},
                  {"from", &view->wrong_from},
                  {"to", &view->wrong_to}};

    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        struct str error = api_error(rq, fields[i].name);

        *fields[i].wrong = error.len != 0;
        form_error(&view->errors, str_of(fields[i].name), error);
    }
    form_error(&view->errors, STR(""), api_error(rq, "when"));
}

static enum err take_rows(struct request *rq, const struct json *list, struct find_view *view)
{
    struct show_view *rows = arena_alloc(rq->arena, FOUND_A_PAGE * sizeof *rows);

    if (!rows) return ERR_MEMORY;
    for (size_t i = 0; i < json_length(list) && view->rows.count < FOUND_A_PAGE; i++)
        view->rows.count += api_show(rq, json_at(list, i), &rows[view->rows.count]);
    view->rows.at = rows;
    view->after = api_next(rq);
    view->guessed = guessed_words(rq);
    return OK;
}

/* "/shows.rss" and "/shows" of what is looked for. */
static struct str searched(struct request *rq, const char *page)
{
    struct buf path;

    buf_init(&path, rq->arena, 65536);
    buf_append(&path, str_of(page));
    api_search(rq, &path);
    return api_queried(&path, strlen(page));
}

static enum err took_found(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct find_view *view = rq->run->state;
    const struct json *list;
    struct page page;
    enum err err = OK;

    (void)tx;
    if (api_ok(rq, &list))
        TRY(take_rows(rq, list, view));
    else if (rq->call.status == 400)
        take_errors(rq, view);
    else
        return page_refused(rq, rp, STR("/shows"));
    page_begin(rq, &page, TEXT_FIND_TITLE);
    page.live = live_path(rq);
    page.feed = searched(rq, "/shows.rss");
    page.description = page_text(rq, TEXT_FIND_ABOUT);
    if (!rq->query.len) page_publish(rq, &page, STR("/shows"));
    if (rq->call.status == 400) {
        if (!view->errors.list.count) return page_redirect(rp, searched(rq, "/shows"));
        form_refused(rq, &page);
        page_reply(rq, rp, 400);
    } else {
        page_reply_public(rq, rp);
    }
    page_find(&rp->body, &page, view);
done:
    return err;
}

/* GET /shows?q=&city=&from=&to=&when=&after=: what is found, soonest first; without anything to
 * look for what is on next. A cursor that is none leads to the search's first page. */
enum err get_find(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct find_view *view;
    struct buf path;
    enum err err;

    (void)tx, (void)rp;
    if (page_asks_first(rq)) return page_ask_first(rq);
    view = arena_alloc(rq->arena, sizeof *view);
    if (!view) return ERR_MEMORY;
    rq->run->state = view;
    view->q = page_typed(rq, "q");
    view->city = page_typed(rq, "city");
    view->from = page_typed(rq, "from");
    view->to = page_typed(rq, "to");
    view->when = api_search_when(rq);
    TRY(day_choices_put(rq, view));
    view->narrowed = view->city.len || view->from.len || view->to.len;
    view->asked = view->q.len || view->narrowed || view->when.len;
    buf_init(&path, rq->arena, 65536);
    buf_printf(&path, "/api/shows?sort=soonest&limit=%d", FOUND_A_PAGE);
    api_search(rq, &path);
    api_parameter(&path, "after", page_typed(rq, "after"));
    if (path.failed) return ERR_MEMORY;
    return request_call(rq, METHOD_GET, buf_str(&path), STR(""), took_found);
done:
    return err;
}
