/* tests/sim/calls.c: requests made by hand, and their answers. HTTP itself is left out: a request
 * enters where the event loop would hand it to its service. */
#include "sim.h"

#include "http/headers.h"
#include "http/server/server.h"

#include "services/auth/password.h"

struct kind_row {
    const char *name;
    int service;
    enum method method;
    const char *path;
};

static const struct kind_row kinds[CALL_KINDS] = {
    [CALL_SIGNUP] = {"POST signup", AUTH, METHOD_POST, "/api/users/signup"},
    [CALL_SIGNIN] = {"POST signin", AUTH, METHOD_POST, "/api/users/signin"},
    [CALL_SIGNOUT] = {"POST signout", AUTH, METHOD_POST, "/api/users/signout"},
    [CALL_SELLING] = {"GET selling", TICKETS, METHOD_GET, "/api/tickets/mine"},
    [CALL_SELL] = {"POST ticket", TICKETS, METHOD_POST, "/api/tickets"},
    [CALL_EDIT] = {"PUT ticket", TICKETS, METHOD_PUT, "/api/tickets/:id"},
    [CALL_WITHDRAW] = {"DELETE ticket", TICKETS, METHOD_DELETE, "/api/tickets/:id"},
    [CALL_LIST] = {"GET tickets", TICKETS, METHOD_GET, "/api/tickets"},
    [CALL_TICKET] = {"GET ticket", TICKETS, METHOD_GET, "/api/tickets/:id"},
    [CALL_OFFER] = {"POST listing", TICKETS, METHOD_POST, "/api/listings"},
    [CALL_OFFER_EDIT] = {"PUT listing", TICKETS, METHOD_PUT, "/api/listings/:id"},
    [CALL_OFFER_WITHDRAW] = {"DELETE listing", TICKETS, METHOD_DELETE, "/api/listings/:id"},
    [CALL_OFFER_LOOK] = {"GET listing", TICKETS, METHOD_GET, "/api/listings/:id"},
    [CALL_OFFERS] = {"GET listings", TICKETS, METHOD_GET, "/api/listings"},
    [CALL_RESERVE] = {"POST order", ORDERS, METHOD_POST, "/api/orders"},
    [CALL_RESERVE_SOME] = {"POST order of a listing", ORDERS, METHOD_POST, "/api/orders"},
    [CALL_CANCEL] = {"DELETE order", ORDERS, METHOD_DELETE, "/api/orders/:id"},
    [CALL_ORDER] = {"GET order", ORDERS, METHOD_GET, "/api/orders/:id"},
    [CALL_ORDERS] = {"GET orders", ORDERS, METHOD_GET, "/api/orders"},
    [CALL_PAY] = {"POST payment", PAYMENTS, METHOD_POST, "/api/payments"},
    [CALL_REFUND] = {"POST refund", PAYMENTS, METHOD_POST, "/operator/payments/:id/refund"},
    [CALL_WEBHOOK] = {"POST webhook", PAYMENTS, METHOD_POST, "/api/payments/webhook"},
    [CALL_BAN] = {"POST ban", AUTH, METHOD_POST, "/operator/users/ban"},
    [CALL_UNBAN] = {"POST unban", AUTH, METHOD_POST, "/operator/users/unban"},
    [CALL_GRANT] = {"POST grant", AUTH, METHOD_POST, "/operator/users/grant"},
    [CALL_REVOKE] = {"POST revoke", AUTH, METHOD_POST, "/operator/users/revoke"},
    [CALL_FORGOT] = {"POST forgot", AUTH, METHOD_POST, "/api/users/forgot"},
    [CALL_RESET] = {"POST reset", AUTH, METHOD_POST, "/api/users/reset"},
    [CALL_PASSWORD] = {"POST password", AUTH, METHOD_POST, "/api/users/password"},
    [CALL_RESET_LINK] = {"POST reset link", AUTH, METHOD_POST, "/operator/users/reset-link"},
    [CALL_MAIL_SEND] = {"POST mail", MAIL, METHOD_POST, "/operator/mails/:id/send"},
    [CALL_VENUE] = {"POST venue", CATALOGUE, METHOD_POST, "/api/venues"},
    [CALL_VENUE_CORRECT] = {"PUT venue", CATALOGUE, METHOD_PUT, "/api/venues/:id"},
    [CALL_VENUE_ACCEPT] = {"accept venue", CATALOGUE, METHOD_POST, "/api/venues/:id/accept"},
    [CALL_VENUE_REFUSE] = {"refuse venue", CATALOGUE, METHOD_POST, "/api/venues/:id/refuse"},
    [CALL_VENUE_MERGE] = {"merge venue", CATALOGUE, METHOD_POST, "/api/venues/:id/merge"},
    [CALL_VENUE_LOOK] = {"GET venue", CATALOGUE, METHOD_GET, "/api/venues/:id"},
    [CALL_SHOW] = {"POST show", CATALOGUE, METHOD_POST, "/api/shows"},
    [CALL_SHOW_CORRECT] = {"PUT show", CATALOGUE, METHOD_PUT, "/api/shows/:id"},
    [CALL_SHOW_ACCEPT] = {"accept show", CATALOGUE, METHOD_POST, "/api/shows/:id/accept"},
    [CALL_SHOW_POSTPONE] = {"postpone show", CATALOGUE, METHOD_POST, "/api/shows/:id/postpone"},
    [CALL_SHOW_RESCHEDULE] = {"reschedule show", CATALOGUE, METHOD_POST,
                              "/api/shows/:id/reschedule"},
    [CALL_SHOW_CANCEL] = {"cancel show", CATALOGUE, METHOD_POST, "/api/shows/:id/cancel"},
    [CALL_SHOW_MERGE] = {"merge show", CATALOGUE, METHOD_POST, "/api/shows/:id/merge"},
    [CALL_SHOW_LOOK] = {"GET show", CATALOGUE, METHOD_GET, "/api/shows/:id"},
    [CALL_SEARCH] = {"GET shows", CATALOGUE, METHOD_GET, "/api/shows"},
    [CALL_GATE] = {"POST gate", ENTRIES, METHOD_POST, "/api/gates"},
    [CALL_GATE_REVOKE] = {"DELETE gate", ENTRIES, METHOD_DELETE, "/api/gates/:id"},
    [CALL_SCAN] = {"POST scans", ENTRIES, METHOD_POST, "/api/scans"},
    [CALL_LIST_OF_DOOR] = {"GET snapshot", ENTRIES, METHOD_GET, "/api/gates/me/snapshot"},
    [CALL_GIVE] = {"POST transfer", ENTRIES, METHOD_POST, "/api/entries/:id/transfers"},
    [CALL_ACCEPT] = {"accept transfer", ENTRIES, METHOD_POST, "/api/transfers/:id/accept"},
    [CALL_TAKE_BACK] = {"DELETE transfer", ENTRIES, METHOD_DELETE, "/api/transfers/:id"},
    [CALL_PUBLISH] = {"POST publish", BUS, METHOD_POST, "/streaming/publish"},
};

#define CALLS_MAX    1024
#define ASK_AGAIN_MS 60000

static struct {
    struct call calls[CALLS_MAX];
    struct call *answered, **answered_end;
    size_t out;
    bool handover;
} desk;

/* --- what the program calls ----------------------------------------------------------------- */

void __wrap_http_answer(struct request *rq);
void __wrap_http_answer_all(struct request *list);

void __wrap_http_answer(struct request *rq)
{
    struct call *call = (struct call *)(void *)rq;

    CHECK(INVARIANT_NONE, NULL, call->used && !call->answered, "answered twice");
    if (rq->reply.body.failed || rq->reply.headers.failed) reply_error(rq, ERR_MEMORY);
    call->answered = true;
    call->next = NULL;
    *desk.answered_end = call;
    desk.answered_end = &call->next;
}

void __wrap_http_answer_all(struct request *list)
{
    while (list) {
        struct request *next = list->link;

        __wrap_http_answer(list);
        list = next;
    }
}

/* --- passwords: hashing by design takes 20 ms ------------------------------------------------ */

enum err __wrap_password_init(void);
enum err __wrap_password_hash(struct str password, struct password_hash *out);
enum err __wrap_password_hash_of_nobody(struct password_hash *out);
bool __wrap_password_verify(struct str password, const struct password_hash *hash);

enum err __wrap_password_init(void)
{
    return OK;
}

enum err __wrap_password_hash(struct str password, struct password_hash *out)
{
    memset(out, 0, sizeof *out);
    snprintf(out->text, sizeof out->text, "$argon2id$sim$%016llx",
             (unsigned long long)hash_text(password));
    return OK;
}

enum err __wrap_password_hash_of_nobody(struct password_hash *out)
{
    return __wrap_password_hash(STR("nobody's"), out);
}

bool __wrap_password_verify(struct str password, const struct password_hash *hash)
{
    struct password_hash other;

    return __wrap_password_hash(password, &other) == OK && strcmp(other.text, hash->text) == 0;
}

/* --- what actors call ----------------------------------------------------------------------- */

static const struct route *route_of(const struct kind_row *kind)
{
    const struct service_definition *def = sim_service(kind->service)->def;

    for (size_t i = 0; i < def->route_count; i++)
        if (def->routes[i].method == kind->method && strcmp(def->routes[i].path, kind->path) == 0)
            return &def->routes[i];
    violation(INVARIANT_NONE, NULL, "there is no route %s", kind->name);
}

struct call *call_new(int actor, enum call_kind kind, const char *user_id, const char *param,
                      const char *body)
{
    struct call *call = NULL;
    struct arena *arena;

    for (size_t i = 0; i < CALLS_MAX && !call; i++)
        if (!desk.calls[i].used) call = &desk.calls[i];
    ASSERT(call); /* an actor has a few at most */
    arena = call->rq.arena ? call->rq.arena : arena_new(HTTP_ARENA_MAX);
    ASSERT(arena);
    memset(call, 0, sizeof *call);
    request_init(&call->rq, arena);
    call->used = true;
    call->kind = kind;
    call->actor = actor;
    call->service = kinds[kind].service;
    call->sent_ms = sim.now_ms;
    call->sent_step = sim.step;
    if (param) snprintf(call->id, sizeof call->id, "%s", param);
    call->rq.method = kinds[kind].method;
    call->rq.path = arena_copy(arena, str_of(kinds[kind].path));
    if (param && strchr(kinds[kind].path, ':')) {
        struct buf path;

        buf_init(&path, arena, 256);
        buf_printf(&path, "%.*s%s", (int)(strcspn(kinds[kind].path, ":")), kinds[kind].path, param);
        call->rq.path = buf_str(&path);
        call->rq.params[0] = arena_copy(arena, str_of(param));
    }
    call->rq.user.id = arena_copy(arena, str_of(user_id));
    call->rq.request_id = STR("sim");
    call->rq.body_bytes = arena_copy(arena, str_of(body ? body : "{}"));
    call->rq.body = json_parsed(arena, call->rq.body_bytes);
    ASSERT(call->rq.body);
    desk.out++;
    return call;
}

void call_header(struct call *call, const char *name, const char *value)
{
    struct header_table *table = arena_alloc(call->rq.arena, sizeof *table);
    size_t name_len = strlen(name), value_len = strlen(value);

    ASSERT(table && name_len + value_len <= sizeof table->first);
    table->text = table->first;
    memcpy(table->first, name, name_len);
    memcpy(table->first + name_len, value, value_len);
    table->at[0] = (struct header){0, (uint16_t)name_len, (uint16_t)name_len, (uint16_t)value_len};
    table->count = 1;
    call->rq.headers = table;
}

/* As HTTP refuses a session before anything is handed over. */
static bool refused(struct call *call, struct instance *service)
{
    if (call->rq.route->access != ACCESS_SESSION ||
        !session_is_revoked(sim.app->revocations, service->revoked_by, &call->rq.user,
                            (struct wall_ms){sim.now_ms}))
        return false;
    reply_error(&call->rq, ERR_NOT_AUTHORIZED);
    __wrap_http_answer(&call->rq);
    return true;
}

void call_send(struct call *call)
{
    struct instance *service = sim_service(call->service);

    call->rq.route = route_of(&kinds[call->kind]);
    call->rq.owner = &service->env;
    trace(kinds[call->kind].name, call->id[0] ? call->id : NULL, call->actor, 0);
    trace_bytes(call->rq.body_bytes);
    call->banned = call->rq.route->access == ACCESS_SESSION && sim_writer(call->service)->db &&
                   model_banned_at(call->service, call->rq.user.id.at);
    if (refused(call, service)) return;
    if (call->kind == CALL_REFUND && model_charge(call->rq.params[0].at))
        model_charge(call->rq.params[0].at)->refund_asked = true;
    if (call->kind == CALL_MAIL_SEND) letters_asked(call->id);
    dispatch_request(&sim.app->dispatcher, 0, &call->rq);
    desk.handover = true;
}

bool calls_handover_waits(void)
{
    return desk.handover;
}

/* A ban that the service had committed before a request came to its writer counts. */
static void note_overtaken(void)
{
    size_t left = desk.out;

    for (struct call *call = desk.calls; left; call++) {
        if (!call->used) continue;
        left--;
        if (call->answered || call->handed) continue;
        call->handed = true;
        call->handed_step = sim.step;
        call->overtaken = call->rq.route->access == ACCESS_SESSION &&
                          call->rq.route->executor == IN_WRITER && sim_writer(call->service)->db &&
                          model_banned_at(call->service, call->rq.user.id.at);
    }
}

void calls_handover(void)
{
    desk.handover = false;
    note_overtaken();
    dispatch_loop_end(&sim.app->dispatcher, 0);
}

struct call *call_take_answered(void)
{
    struct call *call = desk.answered;

    if (!call) return NULL;
    desk.answered = call->next;
    if (!desk.answered) desk.answered_end = &desk.answered;
    trace("answer", call->id[0] ? call->id : NULL, call->rq.reply.status, call->actor);
    trace_bytes(buf_str(&call->rq.reply.body));
    return call;
}

void call_free(struct call *call)
{
    arena_reset(call->rq.arena);
    call->used = false;
    desk.out--;
}

/* Whose hands it is in: the operator's publisher moves on to the subject's owner. */
static int place_of(const struct call *call)
{
    for (int i = 0; i < SIM_SERVICES; i++)
        if (sim.app && call->rq.run && call->rq.run->env->instance == sim_service(i)) return i;
    return call->service;
}

void calls_lose(int service)
{
    if (service == SIM_SERVICES) {
        desk.answered = NULL;
        desk.answered_end = &desk.answered;
        desk.handover = false;
    }
    for (size_t i = 0; i < CALLS_MAX; i++) {
        struct call *call = &desk.calls[i];

        if (!call->used || (service != SIM_SERVICES && place_of(call) != service)) continue;
        if (service != SIM_SERVICES && call->answered) continue;
        call->lost = true;
        trace("no answer", call->id[0] ? call->id : NULL, call->actor, 0);
        actor_answer(call);
        call_free(call);
    }
}

void calls_punctual(void)
{
    size_t left = desk.out;

    for (const struct call *call = desk.calls; left; call++) {
        int64_t from_ms = call->sent_ms > sim.calm_since_ms ? call->sent_ms : sim.calm_since_ms;

        if (!call->used) continue;
        left--;
        if (from_ms < sim.task_lost_ms + ASK_AGAIN_MS) from_ms = sim.task_lost_ms + ASK_AGAIN_MS;
        CHECK(13, call->id, sim.now_ms <= from_ms + sim.patience_ms, "no answer after %lld s",
              (long long)(sim.now_ms - from_ms) / 1000);
    }
}

size_t calls_out(void)
{
    return desk.out;
}

struct str call_body(const struct call *call)
{
    return buf_str(&call->rq.reply.body);
}

void calls_begin(void)
{
    for (size_t i = 0; i < CALLS_MAX; i++)
        desk.calls[i].used = false;
    desk.answered = NULL;
    desk.answered_end = &desk.answered;
    desk.out = 0;
    desk.handover = false;
}
