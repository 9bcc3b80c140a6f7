/* services/web/entries/entry_pages.c: what the visitor gets in by: all of it, one of it with its
 * code, and when it is for a calendar. */
#include "services/web/web.h"

#include "services/web/api.h"
#include "services/web/api_shows.h"
#include "services/web/entries/api_entries.h"
#include "services/web/entries/calendar.h"
#include "services/web/entries/entries_list.h"
#include "services/web/form.h"
#include "services/web/page.h"
#include "services/web/page_input.h"
#include "services/web/page_state.h"
#include "services/web/page_text.h"
#include "services/web/pages/sign_in.h"

#define ENTRIES_A_PAGE     50
#define TRANSFERS_A_PAGE   50
#define TRANSFERS_TEXT     "50"
#define CALENDAR_BYTES_MAX 16384

/* --- all of them ------------------------------------------------------------------------------ */

static enum err show_entries(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct entries_view *view = rq->run->state;
    struct entry_view *entries = arena_alloc(rq->arena, ENTRIES_A_PAGE * sizeof *entries);
    const struct json *list;
    struct page page;

    (void)tx;
    if (!api_ok(rq, &list)) return page_refused(rq, rp, STR("/my-tickets"));
    if (!entries) return ERR_MEMORY;
    for (size_t i = 0; i < json_length(list) && view->entries.count < ENTRIES_A_PAGE; i++)
        if (api_entry(rq, json_at(list, i), &entries[view->entries.count])) view->entries.count++;
    view->entries.at = entries;
    view->after = api_next(rq);
    view->waits = view->coming.count + view->given.count > 0;
    page_begin(rq, &page, TEXT_ENTRIES_TITLE);
    page.at_entries = true;
    if (rq->method != METHOD_GET) page.here = STR("/my-tickets");
    if (view->errors.list.count) form_refused(rq, &page);
    page_reply(rq, rp, view->unconfirmed ? 403 : view->errors.list.count ? 409 : 200);
    page_entries(&rp->body, &page, view);
    return OK;
}

static struct str entries_path(struct request *rq, bool past)
{
    struct str after = page_after(rq);
    struct buf path;

    buf_init(&path, rq->arena, 128);
    buf_printf(&path, "/api/entries?when=%s&limit=%d", past ? "past" : "coming", ENTRIES_A_PAGE);
    if (after.len) buf_append(&path, STR("&after="));
    buf_append(&path, after);
    return path.failed ? STR("/api/entries") : buf_str(&path);
}

static enum err ask_entries(struct request *rq)
{
    const struct entries_view *view = rq->run->state;

    return request_call(rq, METHOD_GET, entries_path(rq, view->past), STR(""), show_entries);
}

/* Those that wait. */
static enum err take_transfers(struct request *rq, const struct json *list,
                               struct transfer_list *out)
{
    out->at = arena_alloc(rq->arena, TRANSFERS_A_PAGE * sizeof *out->at);
    if (!out->at) return ERR_MEMORY;
    for (size_t i = 0; i < json_length(list) && out->count < TRANSFERS_A_PAGE; i++)
        if (str_eq(json_member(json_at(list, i), "status"), STR("waiting")) &&
            api_transfer(rq, json_at(list, i), &out->at[out->count]))
            out->count++;
    return OK;
}

static enum err took_given(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct entries_view *view = rq->run->state;
    const struct json *list;
    enum err err;

    (void)tx;
    if (!api_ok(rq, &list)) return page_refused(rq, rp, STR("/my-tickets"));
    TRY(take_transfers(rq, list, &view->given));
    return ask_entries(rq);
done:
    return err;
}

static enum err took_coming(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct entries_view *view = rq->run->state;
    const struct json *list;
    enum err err;

    (void)tx;
    if (!api_ok(rq, &list)) return page_refused(rq, rp, STR("/my-tickets"));
    TRY(take_transfers(rq, list, &view->coming));
    return request_call(rq, METHOD_GET, STR("/api/transfers?direction=given&limit=" TRANSFERS_TEXT),
                        STR(""), took_given);
done:
    return err;
}

/* What waits stands above the first page of those to come. */
static enum err ask_list(struct request *rq)
{
    const struct entries_view *view = rq->run->state;

    if (view->past || page_after(rq).len) return ask_entries(rq);
    return request_call(rq, METHOD_GET,
                        STR("/api/transfers?direction=coming&limit=" TRANSFERS_TEXT), STR(""),
                        took_coming);
}

/* GET /my-tickets?when=past&after= */
enum err get_entries_page(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct entries_view *view;

    (void)tx, (void)rp;
    if (page_asks_first(rq)) return page_ask_first(rq);
    view = arena_alloc(rq->arena, sizeof *view);
    if (!view) return ERR_MEMORY;
    *view = (struct entries_view){.past = str_eq(request_query(rq, "when"), STR("past"))};
    rq->run->state = view;
    return ask_list(rq);
}

enum err entries_list_refused(struct request *rq)
{
    struct entries_view *view = arena_alloc(rq->arena, sizeof *view);

    if (!view) return ERR_MEMORY;
    *view = (struct entries_view){.unconfirmed = str_eq(api_code(rq), STR("address_unconfirmed"))};
    form_error(&view->errors, STR(""), api_error(rq, ""));
    rq->run->state = view;
    return ask_list(rq);
}

/* --- one of them ------------------------------------------------------------------------------ */

static struct str path_of_entry(struct request *rq)
{
    return path_of(rq, "/my-tickets/", page_path_id(rq, 0), "");
}

static enum err ask_entry(struct request *rq, struct reply *rp, handler_fn *next)
{
    struct str id = page_path_id(rq, 0);

    if (!id.len) return page_problem(rq, rp, 404);
    return request_call(rq, METHOD_GET, path_of(rq, "/api/entries/", id, ""), STR(""), next);
}

static enum err show_entry(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct json *json;
    struct entry_view view;
    struct page page;

    (void)tx;
    if (!api_ok(rq, &json)) return page_refused(rq, rp, path_of_entry(rq));
    if (!api_entry(rq, json, &view)) return page_problem(rq, rp, 500);
    page_begin(rq, &page, TEXT_ENTRIES_TITLE);
    page.title = view.show.title;
    page.at_entries = true;
    page_reply_offline(rq, rp, 200);
    page_entry(&rp->body, &page, &view);
    return OK;
}

/* GET /my-tickets/:id */
enum err get_entry_page(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    if (page_asks_first(rq)) return page_ask_first(rq);
    return ask_entry(rq, rp, show_entry);
}

/* --- for a calendar --------------------------------------------------------------------------- */

static struct calendar_event event_of(struct request *rq, const struct entry_view *view)
{
    struct str doors = view->show.doors;
    struct str about = view->place;

    if (doors.len)
        about = page_fill(rq, TEXT_ENTRY_CALENDAR_DOORS, {STR("place"), view->place},
                          {STR("time"), doors});
    return (struct calendar_event){
        .id = view->id,
        .title = view->show.title,
        .place = page_fill(rq, TEXT_FIND_PLACE, {STR("venue"), view->venue.name},
                           {STR("city"), view->venue.city}),
        .about = about,
        .url = page_url(rq, path_of_entry(rq)).text,
        .zone = view->venue.zone,
        .starts_local = view->show.starts_at,
        .status = !view->valid || view->show.cancelled ? "CANCELLED"
                  : view->show.postponed               ? "TENTATIVE"
                                                       : "CONFIRMED",
        .made_at = env_now(rq->run->env),
    };
}

static enum err show_calendar(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct calendar_event event;
    const struct json *json;
    struct entry_view view;
    struct buf text;

    (void)tx;
    if (!api_ok(rq, &json)) return page_refused(rq, rp, path_of_entry(rq));
    if (!api_entry(rq, json, &view) || !view.venue.zone.len) return page_problem(rq, rp, 503);
    event = event_of(rq, &view);
    buf_init(&text, rq->arena, CALENDAR_BYTES_MAX);
    if (!calendar_write(&text, &event)) return page_problem(rq, rp, 500);
    if (text.failed) return ERR_MEMORY;
    reply_header(rp, "Cache-Control", STR("no-store"));
    reply_header(rp, "Content-Disposition", STR("attachment; filename=\"event.ics\""));
    return reply_text(rp, 200, "text/calendar; charset=utf-8", buf_str(&text));
}

/* GET /my-tickets/:id/event.ics */
enum err get_entry_calendar(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    return ask_entry(rq, rp, show_calendar);
}
