/* services/web/pages/show_pages.c: what everybody sees of a show and of a venue. */
#include "services/web/web.h"

#include "services/web/api.h"
#include "services/web/api_listings.h"
#include "services/web/api_shows.h"
#include "services/web/form.h"
#include "services/web/page.h"
#include "services/web/page_input.h"
#include "services/web/page_state.h"
#include "services/web/page_text.h"
#include "services/web/pages/show_filter.h"
#include "services/web/pages/sign_in.h"

#define SHOWS_A_PAGE    100
#define LISTINGS_A_PAGE 100
#define PATH_BYTES      65536

/* What was merged into another one is found there, for good. */
static enum err follow(struct request *rq, struct reply *rp, const char *folder, bool *moved)
{
    struct str into = json_member(json_parsed(rq->arena, rq->call.answer), "mergedInto");
    enum err err = OK;

    *moved = rq->call.status == 308 && into.len == OBJECT_ID_HEX;
    if (!*moved) return OK;
    err = page_redirect(rp, path_of(rq, folder, into, ""));
    rp->status = 308;
    return err;
}

/* --- a show ----------------------------------------------------------------------------------- */

/* What is told of it where it is found or shared. */
static void publish_show(struct request *rq, struct page *page, const struct show_page_view *view)
{
    struct buf about;

    if (view->show.proposed || view->show.refused) return;
    page_publish(rq, page, api_show_path(rq, &view->show));
    buf_init(&about, rq->arena, 65536);
    page_about_show(&about, page, view);
    if (!about.failed) page->structured.text = buf_str(&about);
}

static enum err show_it(struct request *rq, struct reply *rp)
{
    struct show_page_view *view = rq->run->state;
    struct page page;

    page_begin(rq, &page, TEXT_SHOW_TITLE);
    page.title = view->show.title;
    page.description = page_fill(rq, TEXT_SHOW_ABOUT, {STR("title"), view->show.title},
                                 {STR("venue"), view->venue.name}, {STR("city"), view->venue.city},
                                 {STR("when"), view->show.when});
    page.live = live_path(rq);
    view->here = page_here(rq);
    if (!rq->query.len) publish_show(rq, &page, view);
    if (view->errors.list.count) {
        form_refused(rq, &page);
        page_reply(rq, rp, 400);
    } else {
        page_reply_public(rq, rp);
    }
    page_show(&rp->body, &page, view);
    return OK;
}

/* The show's page with what is looked for on it. */
static struct str filtered_path(struct request *rq, const struct show_view *show)
{
    struct str page = api_show_path(rq, show);
    struct buf path;

    buf_init(&path, rq->arena, PATH_BYTES);
    buf_append(&path, page);
    show_filter_put(rq, &path);
    return api_queried(&path, page.len);
}

/* Something of the filter is wrong, or only the cursor, which leads to the filter's first page. */
static enum err refuse_filter(struct request *rq, struct reply *rp)
{
    struct show_page_view *view = rq->run->state;

    show_filter_refused(rq, view);
    return view->errors.list.count ? show_it(rq, rp)
                                   : page_redirect(rp, filtered_path(rq, &view->show));
}

/* A show that tickets has not heard of yet has none. */
static enum err took_listings(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct show_page_view *view = rq->run->state;
    const struct json *list;
    enum err err;

    (void)tx;
    if (rq->call.status == 400) return refuse_filter(rq, rp);
    if (!api_ok(rq, &list) && rq->call.status != 404)
        return page_refused(rq, rp, api_show_path(rq, &view->show));
    TRY(api_listings(rq, rq->call.status == 404 ? NULL : list, view));
    view->after = api_next(rq);
    return show_it(rq, rp);
done:
    return err;
}

static enum err took_venue_of_show(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct show_page_view *view = rq->run->state;
    const struct json *json;
    struct buf path;

    (void)tx;
    if (!api_ok(rq, &json)) return page_refused(rq, rp, api_show_path(rq, &view->show));
    if (!api_venue(rq, json, &view->venue)) return page_problem(rq, rp, 500);
    view->open = !view->show.proposed && !view->show.refused && !view->show.cancelled &&
                 !view->show.begun && !view->show.over;
    if (!view->open) return show_it(rq, rp);
    buf_init(&path, rq->arena, PATH_BYTES);
    buf_printf(&path, "/api/listings?showId=%.*s&limit=%d", (int)view->show.id.len,
               view->show.id.at, LISTINGS_A_PAGE);
    show_filter_put(rq, &path);
    api_parameter(&path, "after", page_typed(rq, "after"));
    if (path.failed) return ERR_MEMORY;
    return request_call(rq, METHOD_GET, buf_str(&path), STR(""), took_listings);
}

/* What stands behind the id in the address. */
static struct str slug_in(const struct request *rq)
{
    struct str given = rq->params[0];

    if (given.len <= OBJECT_ID_HEX) return STR("");
    return (struct str){given.at + OBJECT_ID_HEX, given.len - OBJECT_ID_HEX};
}

static enum err took_show(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct show_page_view *view = rq->run->state;
    const struct json *json;
    enum err err;
    bool moved;

    (void)tx;
    TRY(follow(rq, rp, "/shows/", &moved));
    if (moved) return OK;
    if (!api_ok(rq, &json)) return page_refused(rq, rp, STR("/"));
    if (!api_show(rq, json, &view->show)) return page_problem(rq, rp, 500);
    if (slug_in(rq).len && !str_eq(slug_in(rq), view->show.slug)) {
        err = page_redirect(rp, api_show_path(rq, &view->show));
        rp->status = 301;
        return err;
    }
    return request_call(rq, METHOD_GET, path_of(rq, "/api/venues/", view->show.venue_id, ""),
                        STR(""), took_venue_of_show);
done:
    return err;
}

/* GET /shows/:id?quantity=&section=&maxTotal=&after=, with or without words behind the id: what it
 * is, when, where, and whether it takes place; and what is sold of it, cheapest first. Other words
 * than its own lead to those (301). */
enum err get_show_page(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct show_page_view *view;
    struct str id;
    enum err err;

    (void)tx;
    if (page_asks_first(rq)) return page_ask_first(rq);
    view = arena_alloc(rq->arena, sizeof *view);
    if (!view) return ERR_MEMORY;
    rq->run->state = view;
    TRY(show_filter_take(rq, view));
    id = page_path_slugged_id(rq, 0);
    if (!id.len) return page_problem(rq, rp, 404);
    return request_call(rq, METHOD_GET, path_of(rq, "/api/shows/", id, ""), STR(""), took_show);
done:
    return err;
}

/* --- a venue ---------------------------------------------------------------------------------- */

static enum err took_shows(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct venue_page_view *view = rq->run->state;
    struct str path = path_of(rq, "/venues/", view->venue.id, "");
    const struct json *list;
    struct show_view *shows;
    struct page page;

    (void)tx;
    if (!api_ok(rq, &list)) return page_refused(rq, rp, path);
    shows = arena_alloc(rq->arena, SHOWS_A_PAGE * sizeof *shows);
    if (!shows) return ERR_MEMORY;
    for (size_t i = 0; i < json_length(list) && view->shows.count < SHOWS_A_PAGE; i++)
        view->shows.count += api_show(rq, json_at(list, i), &shows[view->shows.count]);
    view->shows.at = shows;
    view->after = api_next(rq);
    page_begin(rq, &page, TEXT_VENUE_TITLE);
    page.title = view->venue.name;
    page.description = page_fill(rq, TEXT_VENUE_ABOUT, {STR("venue"), view->venue.name},
                                 {STR("city"), view->venue.city});
    if (!rq->query.len && !view->venue.proposed && !view->venue.refused)
        page_publish(rq, &page, path);
    page.live = live_path(rq);
    page_reply_public(rq, rp);
    page_venue(&rp->body, &page, view);
    return OK;
}

static enum err took_venue(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct venue_page_view *view = rq->run->state;
    const struct json *json;
    struct buf path;
    enum err err;
    bool moved;

    (void)tx;
    TRY(follow(rq, rp, "/venues/", &moved));
    if (moved) return OK;
    if (!api_ok(rq, &json)) return page_refused(rq, rp, STR("/"));
    if (!api_venue(rq, json, &view->venue)) return page_problem(rq, rp, 500);
    buf_init(&path, rq->arena, 160);
    buf_printf(&path, "/api/shows?venueId=%.*s&limit=%d", (int)view->venue.id.len,
               view->venue.id.at, SHOWS_A_PAGE);
    if (page_after(rq).len) buf_append(&path, STR("&after="));
    buf_append(&path, page_after(rq));
    if (path.failed) return ERR_MEMORY;
    return request_call(rq, METHOD_GET, buf_str(&path), STR(""), took_shows);
done:
    return err;
}

/* GET /venues/:id?after=: where it is and what is on there, what was added last first. */
enum err get_venue_page(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct venue_page_view *view;
    struct str id;

    (void)tx;
    if (page_asks_first(rq)) return page_ask_first(rq);
    view = arena_alloc(rq->arena, sizeof *view);
    if (!view) return ERR_MEMORY;
    rq->run->state = view;
    id = page_path_id(rq, 0);
    if (!id.len) return page_problem(rq, rp, 404);
    return request_call(rq, METHOD_GET, path_of(rq, "/api/venues/", id, ""), STR(""), took_venue);
}
