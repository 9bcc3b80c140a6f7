/* services/web/entries/scan_page.c: the page of a gate. With scripts it is an app that goes on
 * without a network (static/scan.js); without them a form whose code is checked here. */
#include "services/web/web.h"

#include "services/web/api.h"
#include "services/web/api_listings.h"
#include "services/web/api_shows.h"
#include "services/web/entries/api_entries.h"
#include "services/web/form.h"
#include "services/web/page.h"
#include "services/web/page_input.h"

static enum err show_scan(struct request *rq, struct reply *rp, int status, struct scan_view *view)
{
    struct page page;

    page_begin(rq, &page, TEXT_SCAN_TITLE);
    page.here = STR("/scan");
    page.at_door = true;
    if (view->answer.len) page.title = view->answer;
    if (view->errors.list.count) form_refused(rq, &page);
    page_reply_door(rq, rp, status);
    page_scan(&rp->body, &page, view);
    return OK;
}

static struct scan_view *view_of(struct request *rq)
{
    struct scan_view *view = arena_alloc(rq->arena, sizeof *view);

    if (!view) return NULL;
    *view = (struct scan_view){.class = ""};
    view->key.name = "key";
    view->code.name = "code";
    rq->run->state = view;
    return view;
}

/* GET /scan: for everybody the same, whoever is signed in: the key says which gate it is. */
enum err get_scan(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct scan_view *view = view_of(rq);

    (void)tx;
    return view ? show_scan(rq, rp, 200, view) : ERR_MEMORY;
}

/* --- what a gate was told --------------------------------------------------------------------- */

static const struct {
    const char *answer, *class;
    enum text word;
} answers[] = {
    {"admitted", "in", TEXT_SCAN_ADMITTED},
    {"already_admitted", "again", TEXT_SCAN_AGAIN},
    {"void", "out", TEXT_SCAN_VOID},
    {"other_day", "out", TEXT_SCAN_OTHER_DAY},
    {"other_show", "out", TEXT_SCAN_OTHER_SHOW},
    {"not_ours", "unknown", TEXT_SCAN_NOT_OURS},
};

static const struct {
    const char *reason;
    enum text text;
} reasons[] = {
    {"refunded", TEXT_SCAN_VOID_REFUNDED},        {"resold", TEXT_SCAN_VOID_RESOLD},
    {"transferred", TEXT_SCAN_VOID_TRANSFERRED},  {"cancelled", TEXT_SCAN_VOID_CANCELLED},
    {"truncated", TEXT_SCAN_NOT_OURS_TRUNCATED},  {"forged", TEXT_SCAN_NOT_OURS_FORGED},
    {"unknown_key", TEXT_SCAN_NOT_OURS_FORGED},   {"unknown_entry", TEXT_SCAN_NOT_OURS_UNKNOWN},
    {"organisers_file", TEXT_SCAN_NOT_OURS_FILE}, {"no_code", TEXT_SCAN_NOT_OURS_NO_CODE},
    {"too_long", TEXT_SCAN_NOT_OURS_NO_CODE},
};

static struct str first_moment(struct request *rq, const struct json *scan)
{
    struct wall_ms at;

    return iso8601_parse(json_member(scan, "first.at"), &at) ? page_moment(rq, at) : STR("");
}

static struct str scan_about(struct request *rq, const struct json *scan)
{
    struct str reason = json_member(scan, "reason"), place = STR("");
    struct show_view show;

    if (json_get(scan, "show")) place = api_entry_place(rq, scan);
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (str_eq(reason, str_of(reasons[i].reason)))
            return page_fill(rq, reasons[i].text, {STR("place"), place});
    if (json_get(scan, "first"))
        return page_fill(rq, TEXT_SCAN_AGAIN_ABOUT, {STR("time"), first_moment(rq, scan)},
                         {STR("gate"), json_member(scan, "first.gate.name")},
                         {STR("place"), place});
    if (str_starts(json_member(scan, "answer"), STR("other_")) &&
        api_show(rq, json_get(scan, "show"), &show))
        return page_fill(rq, TEXT_SCAN_OTHER_ABOUT, {STR("title"), show.title},
                         {STR("time"), show.when});
    return place;
}

static enum err take_answer(struct request *rq, const struct json *scan, struct scan_view *view)
{
    struct str answer = json_member(scan, "answer");

    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        if (!str_eq(answer, str_of(answers[i].answer))) continue;
        view->answer = page_text(rq, answers[i].word);
        view->class = answers[i].class;
    }
    view->about = scan_about(rq, scan);
    return api_restrictions(rq, json_get(scan, "restrictions"), &view->restrictions);
}

/* --- asking ---------------------------------------------------------------------------------- */

static enum err took_scan(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct scan_view *view = rq->run->state;
    bool revoked = str_eq(api_code(rq), STR("gate_revoked"));
    const struct json *scan;

    (void)tx;
    if (api_ok(rq, &scan)) {
        if (take_answer(rq, scan, view) != OK) return ERR_MEMORY;
        return show_scan(rq, rp, 200, view);
    }
    if (rq->call.status == 401)
        form_field_error(&view->errors, &view->key, STR("key"),
                         page_text(rq, revoked ? TEXT_SCAN_KEY_REVOKED : TEXT_SCAN_KEY_WRONG));
    else if (rq->call.status == 400)
        form_field_error(&view->errors, &view->code, STR("code"), api_error(rq, "code"));
    else
        return page_problem(rq, rp, rq->call.status);
    return show_scan(rq, rp, 400, view);
}

/* Letters, digits and what people write between them: nothing else may go into a header. */
static bool key_can_be(struct str key)
{
    for (size_t i = 0; i < key.len; i++) {
        char c = key.at[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

        if (!letter && c != ' ' && c != '-') return false;
    }
    return key.len > 0 && key.len <= 128;
}

/* POST /scan key, code: what the gate is told of it. */
enum err post_scan(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct scan_view *view = view_of(rq);
    struct str key, code;
    enum err err;

    (void)tx;
    if (!page_same_origin(rq, rp)) return OK;
    if (!view) return ERR_MEMORY;
    key = view->key.value = str_trim(request_form(rq, "key"));
    code = str_trim(request_form(rq, "code"));
    if (!key_can_be(key))
        form_field_error(&view->errors, &view->key, STR("key"), page_text(rq, TEXT_SCAN_KEY_WRONG));
    if (!code.len)
        form_field_error(&view->errors, &view->code, STR("code"),
                         page_text(rq, TEXT_SCAN_CODE_EMPTY));
    if (view->errors.list.count) return show_scan(rq, rp, 400, view);
    err = request_call(rq, METHOD_POST, STR("/api/scans"), api_body(rq, {"code", code, false}),
                       took_scan);
    rq->call.bearer = key;
    return err;
}
