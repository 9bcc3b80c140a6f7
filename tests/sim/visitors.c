/* tests/sim/visitors.c: people who sign in, look at their orders, sign out, and come again with the
 * session they signed out of: whoever copied it would. Some are granted the role `catalogue`, act
 * by it, have it taken back, and go on acting.
 *
 * Invariant 27: sessions that begin after a role was granted have it, those after it was taken back
 * have not, and from that answer on those that had it do nothing any more.
 * Invariant 15: from the answer to a sign-out on no service takes the session, over crashes too;
 * and every service has it in its own book once all is quiet. */
#include "sim.h"

#define VISITORS_MAX 16
#define ENDED_MAX    64
#define HOLDERS_MAX  256

enum stage { AWAY, SIGNED_IN, SIGNED_OUT };

struct visitor {
    int actor;
    enum stage stage;
    bool over;        /* by some service's clock the session was */
    bool comes_again; /* signs in as the same one as before */
    char user[25], email[64];
    struct session_user session; /* its id is user */
};

static struct {
    struct visitor all[VISITORS_MAX];
    int count;
    struct {
        char hash[SESSION_ID_HASH_HEX + 1];
        int64_t until_ms;
    } ended[ENDED_MAX]; /* the last ones */
    size_t ended_count;
    struct holder {
        char email[64];
        enum { NOT_HELD, HELD, UNSURE } role; /* as the operator was answered */
    } holders[HOLDERS_MAX];
    size_t holder_count;
} visitors;

void visitors_begin(void)
{
    memset(&visitors, 0, sizeof visitors);
}

static struct visitor *visitor_of(int actor)
{
    for (int i = 0; i < visitors.count; i++)
        if (visitors.all[i].actor == actor) return &visitors.all[i];
    if (visitors.count == VISITORS_MAX) return NULL;
    visitors.all[visitors.count] = (struct visitor){.actor = actor};
    return &visitors.all[visitors.count++];
}

static struct holder *holder_of(const char *email)
{
    for (size_t i = 0; i < visitors.holder_count; i++)
        if (strcmp(visitors.holders[i].email, email) == 0) return &visitors.holders[i];
    ASSERT(visitors.holder_count < HOLDERS_MAX);
    snprintf(visitors.holders[visitors.holder_count].email, sizeof visitors.holders->email, "%s",
             email);
    return &visitors.holders[visitors.holder_count++];
}

/* Taking back a role ends all sessions of the user: nobody else is to have one. */
static bool others_are(const struct visitor *visitor, const char *email)
{
    for (int i = 0; i < visitors.count; i++)
        if (&visitors.all[i] != visitor && strcmp(visitors.all[i].email, email) == 0) return true;
    return false;
}

static struct call *of_role(int actor, enum call_kind kind, const char *email)
{
    struct call *call;
    char body[256];

    snprintf(body, sizeof body, "{\"user\":\"%s\",\"role\":\"catalogue\"}", email);
    call = call_new(actor, kind, "", NULL, body);
    snprintf(call->text, sizeof call->text, "%s", email);
    return call;
}

/* As anybody with an account whom no other visitor is, now and then as staff. */
static struct call *sign_in(int actor, struct visitor *visitor)
{
    const struct m_user *user =
        model_users() ? model_user_at((size_t)chance_below(&sim.people, (int64_t)model_users()))
                      : NULL;
    struct call *call;
    char body[256];

    if (!visitor->comes_again &&
        (!user || user->email[0] == 'f' /* forgetful.c's */ || others_are(visitor, user->email)))
        return call_new(actor, CALL_LIST, "", NULL, NULL);
    if (!visitor->comes_again) snprintf(visitor->email, sizeof visitor->email, "%s", user->email);
    if (!visitor->comes_again && chance_hit(&sim.people, 0.5)) {
        visitor->comes_again = true;
        return of_role(actor, CALL_GRANT, visitor->email);
    }
    visitor->comes_again = false;
    snprintf(body, sizeof body, "{\"email\":\"%s\",\"password\":\"gondola-Turnip-0\"}",
             visitor->email);
    call = call_new(actor, CALL_SIGNIN, "", NULL, body);
    snprintf(call->text, sizeof call->text, "%s", visitor->email);
    return call;
}

static bool is_staff(const struct visitor *visitor)
{
    return role_in(visitor->session.roles, ROLE_CATALOGUE);
}

/* What staff do, with the role that the session says it has. */
static struct call *act_by_role(int actor, const struct visitor *visitor)
{
    struct call *call = curate(actor, visitor->user);

    call->price_cents = 1;
    call->rq.user.roles = visitor->session.roles;
    return call;
}

/* With a session that is good, or was. */
static struct call *look(int actor, const struct visitor *visitor)
{
    if (is_staff(visitor) && chance_hit(&sim.people, 0.6)) return act_by_role(actor, visitor);
    return call_new(actor, chance_hit(&sim.people, 0.5) ? CALL_ORDERS : CALL_SELLING, visitor->user,
                    NULL, NULL);
}

struct call *visit(int actor)
{
    struct visitor *visitor = visitor_of(actor);
    struct call *call;
    bool looks;

    if (!visitor) return call_new(actor, CALL_LIST, "", NULL, NULL);
    if (visitor->stage != AWAY && sim.now_ms / 1000 >= visitor->session.expires_at_s)
        visitor->stage = AWAY;
    if (visitor->stage == AWAY) return sign_in(actor, visitor);
    looks = chance_hit(&sim.people, visitor->stage == SIGNED_OUT ? 0.8 : 0.6);
    if (visitor->stage == SIGNED_OUT && !looks) {
        visitor->stage = AWAY;
        visitor->comes_again = chance_hit(&sim.people, 0.5);
        return sign_in(actor, visitor);
    }
    if (!looks && is_staff(visitor) && chance_hit(&sim.people, 0.7))
        return of_role(actor, CALL_REVOKE, visitor->email);
    call = looks ? look(actor, visitor) : call_new(actor, CALL_SIGNOUT, visitor->user, NULL, NULL);
    memcpy(call->rq.user.sid, visitor->session.sid, sizeof call->rq.user.sid);
    memcpy(call->rq.user.sid_hash, visitor->session.sid_hash, sizeof call->rq.user.sid_hash);
    call->rq.user.expires_at_s = visitor->session.expires_at_s;
    call->ended = visitor->stage == SIGNED_OUT;
    return call;
}

static void take_session(struct visitor *visitor, const struct call *call)
{
    struct str headers = buf_str(&call->rq.reply.headers), cookie;
    const char *begin = memmem(headers.at, headers.len, "session=", 8), *end;

    CHECK(INVARIANT_NONE, NULL, begin, "signed in without a cookie");
    end = memchr(begin, ';', headers.len - (size_t)(begin - headers.at));
    cookie = (struct str){begin, (size_t)(end - begin)};
    CHECK(INVARIANT_NONE, NULL,
          session_from_cookie(sim.app->keys, NULL, call->rq.arena, cookie, 0, /* clocks differ */
                              &visitor->session),
          "signed in with a cookie that is not believed");
    snprintf(visitor->user, sizeof visitor->user, "%.*s", (int)visitor->session.id.len,
             visitor->session.id.at);
    visitor->stage = SIGNED_IN;
    visitor->over = false;
    CHECK(27, visitor->user,
          holder_of(visitor->email)->role == UNSURE ||
              is_staff(visitor) == (holder_of(visitor->email)->role == HELD),
          "the role was %s, and a session that began afterwards has %s",
          holder_of(visitor->email)->role == HELD ? "granted" : "taken back or never granted",
          is_staff(visitor) ? "it" : "it not");
}

/* By a clock that is ahead a session is over, with nothing left to end or to remember, that goes on
 * by the others' clocks. */
static bool over_somewhere(struct visitor *visitor)
{
    for (int i = 0; i < SIM_SERVICES; i++)
        visitor->over |= service_now_ms(i) >= visitor->session.expires_at_s * 1000;
    return visitor->over;
}

void visitors_before_clocks_change(void)
{
    for (int i = 0; i < visitors.count; i++)
        (void)over_somewhere(&visitors.all[i]);
}

static void went_out(struct visitor *visitor)
{
    size_t at = visitors.ended_count++ % ENDED_MAX;

    visitor->stage = SIGNED_OUT;
    memcpy(visitors.ended[at].hash, visitor->session.sid_hash, sizeof visitors.ended[at].hash);
    visitors.ended[at].until_ms = visitor->session.expires_at_s * 1000;
}

static void role_answer(struct visitor *visitor, const struct call *call)
{
    bool done = !call->lost && call->rq.reply.status == 200;

    holder_of(call->text)->role = !done ? UNSURE : call->kind == CALL_GRANT ? HELD : NOT_HELD;
    if (call->kind == CALL_GRANT) return;
    if (done)
        went_out(visitor);
    else
        visitor->stage = AWAY;
}

void visitor_answer(const struct call *call)
{
    struct visitor *visitor = visitor_of(call->actor);
    int status = call->rq.reply.status;

    if (!visitor) return;
    if (call->kind == CALL_GRANT || call->kind == CALL_REVOKE) role_answer(visitor, call);
    if (call->lost) { /* nobody knows whether it was done */
        visitor->stage = AWAY;
        return;
    }
    CHECK(is_staff(visitor) ? 27 : 15, visitor->user,
          !call->ended || call->rq.route->access != ACCESS_SESSION || status == 401 ||
              over_somewhere(visitor),
          "signed out, or the role taken back, and %s answered %d", service_names[call->service],
          status);
    if (call->kind == CALL_SIGNIN && status == 200) take_session(visitor, call);
    if (call->kind == CALL_SIGNOUT && status == 200) went_out(visitor);
    if (call->kind == CALL_SIGNOUT && status != 200) visitor->stage = AWAY;
}

/* As over_somewhere, at any time. */
static bool clocks_may_differ(void)
{
    return fault_possible(FAULT_CLOCK_SKEW) || fault_possible(FAULT_CLOCK_JUMP);
}

void visitors_quiet(void)
{
    size_t count = visitors.ended_count < ENDED_MAX ? visitors.ended_count : ENDED_MAX;

    if (clocks_may_differ()) return;
    for (size_t i = 0; i < count; i++) {
        if (visitors.ended[i].until_ms <= sim.now_ms) continue;
        for (int service = 0; service < SIM_SERVICES; service++) {
            char sql[160];

            if (!service_refuses_sessions(service)) continue;
            snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM ended_sessions WHERE id_hash = '%s'",
                     visitors.ended[i].hash);
            CHECK(15, NULL, watch_count(service, sql) == 1,
                  "a session was signed out, and %s has not heard of it", service_names[service]);
        }
    }
}
