/* services/web/entries/gates_page.c: the page on which staff make the gates of a show, take their
 * keys back, and see how many were let in. */
#include "services/web/catalogue/catalogue_pages.h"
#include "services/web/web.h"

#include "services/web/form.h"
#include "services/web/page.h"
#include "services/web/page_input.h"
#include "services/web/page_state.h"

#define MINUTES_SHOWN 120
#define WRONG_SHOWN   100
#define KEY_GROUP     4

/* rq->run->state. */
struct gates_page {
    struct gates_view view;
    int status;
};

static struct str here(struct request *rq, const struct gates_page *state)
{
    return path_of(rq, "/admin/shows/", state->view.show_id, "/gates");
}

static struct str copied(struct request *rq, const struct json *json, const char *path)
{
    struct str copy = arena_copy(rq->arena, json_member(json, path));

    return copy.at ? copy : STR("");
}

static struct str moment_of(struct request *rq, const struct json *json, const char *path)
{
    struct wall_ms time;

    return iso8601_parse(json_member(json, path), &time) ? page_moment(rq, time) : STR("");
}

static struct str count_of(struct request *rq, const struct json *json, const char *name)
{
    int64_t count = 0;

    json_int64(json_get(json, name), &count);
    return page_number(rq, count);
}

/* --- what was let in wrongly ------------------------------------------------------------------ */

static struct str wrong_line(struct request *rq, const struct json *wrong)
{
    struct str serial = json_member(wrong, "serial");

    if (!serial.len) serial = page_text(rq, TEXT_GATES_WRONG_UNKNOWN);
    if (!str_eq(json_member(wrong, "answer"), STR("already_admitted")))
        return page_fill(rq, TEXT_GATES_WRONG_OTHER, {STR("serial"), serial},
                         {STR("gate"), json_member(wrong, "gate.name")},
                         {STR("time"), moment_of(rq, wrong, "at")});
    return page_fill(rq, TEXT_GATES_WRONG_TWICE, {STR("serial"), serial},
                     {STR("gate"), json_member(wrong, "gate.name")},
                     {STR("time"), moment_of(rq, wrong, "at")},
                     {STR("first"), json_member(wrong, "first.gate.name")},
                     {STR("first_time"), moment_of(rq, wrong, "first.at")});
}

static enum err took_wrong(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct gates_page *state = rq->run->state;
    struct text_block *lines = arena_alloc(rq->arena, WRONG_SHOWN * sizeof *lines);
    const struct json *list;
    struct page page;
    size_t count = 0;

    (void)tx;
    if (!api_ok(rq, &list)) return catalogue_problem(rq, rp, "/admin/shows");
    if (!lines) return ERR_MEMORY;
    for (; count < json_length(list) && count < WRONG_SHOWN; count++)
        lines[count] = (struct text_block){.text = wrong_line(rq, json_at(list, count))};
    state->view.wrong.at = lines;
    state->view.wrong.count = count;
    page_begin(rq, &page, TEXT_GATES_TITLE);
    page.here = here(rq, state);
    page.at_staff = true;
    if (state->view.errors.list.count) form_refused(rq, &page);
    page_reply(rq, rp, state->status);
    page_gates(&rp->body, &page, &state->view);
    return OK;
}

/* --- by minute ------------------------------------------------------------------------------- */

static struct str gate_name(const struct gates_view *view, struct str id)
{
    for (size_t i = 0; i < view->gates.count; i++)
        if (str_eq(view->gates.at[i].id, id)) return view->gates.at[i].name;
    return STR("");
}

static enum err took_minutes(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct gates_page *state = rq->run->state;
    struct gate_minute_view *minutes = arena_alloc(rq->arena, MINUTES_SHOWN * sizeof *minutes);
    const struct json *list;
    size_t count = 0;

    (void)tx;
    if (!api_ok(rq, &list)) return catalogue_problem(rq, rp, "/admin/shows");
    if (!minutes) return ERR_MEMORY;
    for (; count < json_length(list) && count < MINUTES_SHOWN; count++) {
        const struct json *one = json_at(list, count);

        minutes[count] =
            (struct gate_minute_view){.minute = moment_of(rq, one, "minute"),
                                      .gate = gate_name(&state->view, json_member(one, "gateId")),
                                      .admitted = count_of(rq, one, "admitted")};
    }
    state->view.minutes.at = minutes;
    state->view.minutes.count = count;
    return request_call(rq, METHOD_GET,
                        path_of(rq, "/api/gates/wrong?showId=", state->view.show_id, ""), STR(""),
                        took_wrong);
}

/* --- the gates ------------------------------------------------------------------------------- */

static struct gate_view gate_view_of(struct request *rq, const struct json *gate)
{
    struct gate_view view = {.id = copied(rq, gate, "id"),
                             .name = copied(rq, gate, "name"),
                             .admitted = count_of(rq, gate, "admitted"),
                             .wrong = count_of(rq, gate, "wrong"),
                             .seen = moment_of(rq, gate, "scannedAt"),
                             .revoked = json_member(gate, "revokedAt").len > 0};

    view.has_wrong = !str_eq(view.wrong, STR("0"));
    return view;
}

static enum err took_gates(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct gates_page *state = rq->run->state;
    const struct json *list;
    struct gate_view *gates;

    (void)tx;
    if (!api_ok(rq, &list)) return catalogue_problem(rq, rp, "/admin/shows");
    gates = arena_alloc(rq->arena, (json_length(list) + 1) * sizeof *gates);
    if (!gates) return ERR_MEMORY;
    for (size_t i = 0; i < json_length(list); i++)
        gates[i] = gate_view_of(rq, json_at(list, i));
    state->view.gates.at = gates;
    state->view.gates.count = json_length(list);
    return request_call(rq, METHOD_GET,
                        path_of(rq, "/api/gates/admissions?showId=", state->view.show_id, ""),
                        STR(""), took_minutes);
}

static enum err took_show(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct gates_page *state = rq->run->state;
    const struct json *show = json_parsed(rq->arena, rq->call.answer);
    struct str into = json_member(show, "mergedInto");

    (void)tx;
    if (rq->call.status == 308 && into.len == OBJECT_ID_HEX)
        return page_redirect(rp, path_of(rq, "/admin/shows/", into, "/gates"));
    if (!api_ok(rq, &show)) return catalogue_problem(rq, rp, "/admin/shows");
    state->view.show_title = copied(rq, show, "title");
    return request_call(rq, METHOD_GET, path_of(rq, "/api/gates?showId=", state->view.show_id, ""),
                        STR(""), took_gates);
}

static struct gates_page *page_of(struct request *rq)
{
    struct gates_page *state = arena_alloc(rq->arena, sizeof *state);

    if (!state) return NULL;
    *state = (struct gates_page){.status = 200};
    state->view.show_id = page_path_id(rq, 0);
    state->view.name.name = "name";
    rq->run->state = state;
    return state;
}

static enum err ask_show(struct request *rq, struct reply *rp, struct gates_page *state)
{
    if (!state) return ERR_MEMORY;
    if (!state->view.show_id.len) return page_problem(rq, rp, 404);
    return request_call(rq, METHOD_GET, path_of(rq, "/api/shows/", state->view.show_id, ""),
                        STR(""), took_show);
}

/* GET /admin/shows/:id/gates */
enum err get_gates_page(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    if (page_asks_first(rq)) return page_ask_first(rq);
    if (!looks_after_catalogue(rq)) return page_staff_only(rq, rp);
    return ask_show(rq, rp, page_of(rq));
}

/* --- another one ----------------------------------------------------------------------------- */

/* "7K2Q X0MB …": as people type it on the gate. */
static struct str in_groups(struct request *rq, struct str key)
{
    struct buf out;

    buf_init(&out, rq->arena, 128);
    for (size_t i = 0; i < key.len && i < 64; i++) {
        if (i && i % KEY_GROUP == 0) buf_char(&out, ' ');
        buf_char(&out, key.at[i]);
    }
    return out.failed ? STR("") : buf_str(&out);
}

static enum err took_made(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct gates_page *state = rq->run->state;
    struct gates_view *view = &state->view;
    const struct json *made;

    (void)tx;
    if (api_ok(rq, &made)) {
        view->key = in_groups(rq, json_member(made, "key"));
        view->key_name = copied(rq, made, "name");
        view->name.value = STR("");
        return ask_show(rq, rp, state);
    }
    if (rq->call.status != 400 && rq->call.status != 409)
        return catalogue_problem(rq, rp, "/admin/shows");
    state->status = rq->call.status;
    form_field_error(&view->errors, &view->name, STR("name"), api_error(rq, "name"));
    form_error(&view->errors, STR(""), api_error(rq, ""));
    return ask_show(rq, rp, state);
}

/* POST /admin/shows/:id/gates name: a gate, whose key the answer shows. */
enum err post_gates_page(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct gates_page *state;

    (void)tx;
    if (!page_same_origin(rq, rp)) return OK;
    if (!looks_after_catalogue(rq)) return page_staff_only(rq, rp);
    state = page_of(rq);
    if (!state) return ERR_MEMORY;
    state->view.name.value = form_value(rq, "name");
    if (form_is_draft(rq) || !state->view.show_id.len) return ask_show(rq, rp, state);
    return request_call(rq, METHOD_POST, STR("/api/gates"),
                        api_body(rq, {"showId", state->view.show_id, false},
                                 {"name", state->view.name.value, false}),
                        took_made);
}

static enum err took_revoked(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    if (!api_ok(rq, NULL)) return catalogue_problem(rq, rp, "/admin/shows");
    return page_redirect_notice(rq, rp, here(rq, rq->run->state), "gate");
}

/* POST /admin/shows/:id/gates/revoke gate: its key is good no more. */
enum err post_gate_revoke(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct str gate = request_form(rq, "gate");
    struct gates_page *state;
    struct object_id id;

    (void)tx;
    if (!page_same_origin(rq, rp)) return OK;
    if (!looks_after_catalogue(rq)) return page_staff_only(rq, rp);
    state = page_of(rq);
    if (!state) return ERR_MEMORY;
    if (!state->view.show_id.len || !object_id_parse(gate, &id)) return page_problem(rq, rp, 404);
    return request_call(rq, METHOD_DELETE, path_of(rq, "/api/gates/", gate, ""), STR(""),
                        took_revoked);
}
