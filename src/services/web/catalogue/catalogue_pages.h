/* services/web/catalogue/catalogue_pages.h: what the pages share on which venues and shows are
 * proposed, made and looked after.
 *
 * A venue and a show are handled alike: what differs between them is in struct catalogue_kind.
 * Staff and sellers use the same forms; what may be done with them the API decides. */
#ifndef SERVICES_WEB_CATALOGUE_CATALOGUE_PAGES_H
#define SERVICES_WEB_CATALOGUE_CATALOGUE_PAGES_H

#include "identity/role.h"
#include "runtime/service.h"
#include "services/web/api.h"
#include "services/web/api_shows.h"
#include "services/web/page_text.h"

/* --- form_fields.c: fields of a form, between what is typed and what the API has -------------- */

enum field_kind {
    FIELD_LINE,     /* a text of one line */
    FIELD_LINES,    /* names, one a line; the API has a list */
    FIELD_CAPITALS, /* letters, sent as capitals */
    FIELD_DECIMAL,  /* a number with a point or a comma */
    FIELD_PRICE,    /* as price_read takes it */
    FIELD_COUNT,    /* a whole number */
    FIELD_PER_CENT, /* the API has hundredths of one */
    FIELD_LOCAL,    /* date and time as clocks at the venue show them */
    FIELD_CHOICE    /* one of view's choices */
};

struct field_spec {
    const char *name; /* in the form, and the input's id */
    const char *api;  /* the member; "rules.maxPerBuyer": within another one */
    enum field_kind kind;
    enum text label, hint;
    bool optional;
    bool for_staff; /* nobody else is asked for it */
};

/* One field after the other: with what was typed. */
void fields_read(struct request *rq, const struct field_spec *specs, size_t count, bool staff,
                 struct catalogue_form_view *view);
/* … with what the API has. */
void fields_fill(struct request *rq, const struct field_spec *specs, size_t count,
                 const struct json *thing, struct catalogue_form_view *view);
/* Beside what was typed: what the API has, where that is something else. */
void fields_compare(struct request *rq, const struct field_spec *specs, size_t count,
                    const struct json *thing, struct catalogue_form_view *view);
/* What cannot be sent because it means nothing. */
void fields_check(struct request *rq, const struct field_spec *specs, size_t count,
                  struct catalogue_form_view *view);
/* What the API found wrong with them. */
void fields_refused(struct request *rq, const struct field_spec *specs, size_t count,
                    struct catalogue_form_view *view);
/* Each as a member of the object that is open. An optional one that is empty is left out. */
void fields_write(struct request *rq, const struct field_spec *specs, size_t count,
                  const struct catalogue_form_view *view, struct json_writer *json);
struct form_field *field_of(struct catalogue_form_view *view,
                            const char *name); /* NULL: not asked */

/* --- catalogue_kinds.c: what differs between venues and shows --------------------------------- */

#define VENUE_FIELDS_TYPED 6
#define SHOW_FIELDS_TYPED  8
#define TIME_FIELDS        2

struct catalogue_kind {
    const char *api;  /* "/api/venues/" */
    const char *desk; /* where staff look after one: "/admin/venues/" */
    const char *list; /* and after all: "/admin/venues" */
    const char *make; /* where one is made or proposed: "/venues/new" */
    const char *page; /* everybody's page of one: "/venues/" */
    const struct field_spec *fields;
    size_t field_count;
    enum text new_title, propose_title, propose_lead, edit_title, list_title, list_empty;
    bool shows;
};
extern const struct field_spec show_times[TIME_FIELDS];
/* By the request's path. */
const struct catalogue_kind *catalogue_kind_of(const struct request *rq);
const struct catalogue_kind *catalogue_kind_named(bool shows);
/* A venue's city and zone; when a show is. */
struct str catalogue_about(struct request *rq, const struct catalogue_kind *kind,
                           const struct json *thing);
/* What is looked for, as far as the API takes it: a longer one is cut. */
struct str catalogue_q(struct str typed);
/* What became of it, in one word for people, and the class of its chip. */
struct str catalogue_status(struct request *rq, const struct catalogue_kind *kind,
                            const struct json *thing, const char **class);

/* --- catalogue_acts.c --------------------------------------------------------------------------
 */

/* What staff may do with it as it is, beside correcting it. ERR_MEMORY. */
enum err catalogue_acts(struct request *rq, const struct catalogue_kind *kind,
                        const struct json *thing, struct catalogue_form_view *view);
/* The error of the API's last answer, as the form's own page says it above the fields: the status,
 * with the words in the view; 0: it cannot, and another page has to. *changed: who typed saw an
 * older version. */
int catalogue_refusal(struct request *rq, struct catalogue_form_view *view, bool *changed);
/* Another page says it. */
enum err catalogue_problem(struct request *rq, struct reply *rp, const char *back);

/* --- proposals_page.c ------------------------------------------------------------------------- */

/* One in a list; staff: it leads to where they look after it. */
struct catalogue_row catalogue_row_of(struct request *rq, const struct catalogue_kind *kind,
                                      const struct json *thing, bool staff);

/* --- who may -----------------------------------------------------------------------------------
 */

static inline bool looks_after_catalogue(const struct request *rq)
{
    return role_allows(rq->user.roles, ROLE_CATALOGUE);
}
/* For who is signed in and has not the role: 403, in words. Without a session: the way to sign in.
 */
enum err page_staff_only(struct request *rq, struct reply *rp);

handler_fn get_catalogue_new, post_catalogue_new, get_catalogue_edit, post_catalogue_edit;
handler_fn get_catalogue_act, post_catalogue_act;
handler_fn get_admin, get_catalogue_list;
handler_fn get_proposals;
handler_fn get_listing_form, post_listing_form;

#endif
