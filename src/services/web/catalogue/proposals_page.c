/* services/web/catalogue/proposals_page.c: what one proposed, and what became of it. */
#include "services/web/catalogue/catalogue_pages.h"

#include "services/web/page.h"
#include "services/web/page_state.h"
#include "services/web/pages/sign_in.h"

#define PROPOSALS_SHOWN 100

struct catalogue_row catalogue_row_of(struct request *rq, const struct catalogue_kind *kind,
                                      const struct json *thing, bool staff)
{
    struct catalogue_row row = {.id = json_member(thing, "id"),
                                .name = json_member(thing, kind->shows ? "title" : "name"),
                                .about = catalogue_about(rq, kind, thing),
                                .reason = json_member(thing, "refusal")};

    row.status = catalogue_status(rq, kind, thing, &row.status_class);
    row.path = path_of(rq, staff ? kind->desk : kind->page, row.id, "");
    return row;
}

static enum err take_rows(struct request *rq, const struct catalogue_kind *kind,
                          const struct catalogue_row **out, size_t *count)
{
    struct catalogue_row *rows = arena_alloc(rq->arena, PROPOSALS_SHOWN * sizeof *rows);
    const struct json *all;

    if (!rows) return ERR_MEMORY;
    if (!api_ok(rq, &all)) return OK;
    for (size_t i = 0; i < json_length(all) && *count < PROPOSALS_SHOWN; i++)
        rows[(*count)++] = catalogue_row_of(rq, kind, json_at(all, i), false);
    *out = rows;
    return OK;
}

static enum err took_own_venues(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct proposals_view *view = rq->run->state;
    struct page page;
    enum err err;

    (void)tx;
    if (!api_ok(rq, NULL)) return page_refused(rq, rp, STR("/selling/proposals"));
    TRY(take_rows(rq, catalogue_kind_named(false), &view->venues.at, &view->venues.count));
    page_begin(rq, &page, TEXT_PROPOSALS_TITLE);
    page.at_selling = true;
    page_reply(rq, rp, 200);
    page_proposals(&rp->body, &page, view);
done:
    return err;
}

static enum err took_own_shows(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct proposals_view *view = rq->run->state;
    enum err err;

    (void)tx;
    if (!api_ok(rq, NULL)) return page_refused(rq, rp, STR("/selling/proposals"));
    TRY(take_rows(rq, catalogue_kind_named(true), &view->shows.at, &view->shows.count));
    return request_call(rq, METHOD_GET, STR("/api/venues/mine?limit=100"), STR(""),
                        took_own_venues);
done:
    return err;
}

/* GET /selling/proposals: waiting, accepted, or refused and why; newest first. */
enum err get_proposals(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    if (page_asks_first(rq)) return page_ask_first(rq);
    if (!rq->user.id.len) return page_sign_in(rq, rp, STR("/selling/proposals"));
    rq->run->state = arena_alloc(rq->arena, sizeof(struct proposals_view));
    if (!rq->run->state) return ERR_MEMORY;
    return request_call(rq, METHOD_GET, STR("/api/shows/mine?limit=100"), STR(""), took_own_shows);
}
