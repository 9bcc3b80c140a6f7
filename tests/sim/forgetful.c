/* tests/sim/forgetful.c: people who lose their password. They have a link mailed, or get one from
 * the operator, open it, open it again, and try what must not work any more; now and then they
 * change the password they know.
 *
 * Invariant 31: a link opens once; with what it gave, and with no password and no session of
 * before, its account can be entered. */
#include "sim.h"

#define PEOPLE_MAX   ACTORS_MAX
#define FRESH_MS     (30 * 60 * INT64_C(1000)) /* a link is good for an hour */
#define TOKEN_TEXT   89
#define OLD_MS       (61 * 60 * INT64_C(1000))
#define APART_MS     (4 * 3600 * INT64_C(1000)) /* clocks that differ, and jump, an hour each */
#define SOON_S       60
#define ACCOUNTS_MAX 4 /* of one of them */

struct person {
    int actor;
    char email[64], user[25]; /* user: "" until there is an account */
    int password, other;      /* its number; and the one it may be instead, -1: none */
    int highest, accounts;
    bool gone;       /* has none any more */
    int64_t changes; /* of what is known here: an answer to what was asked before says less */
    int64_t begun;   /* … when the account began: one to what was asked before says nothing */
    char token[TOKEN_TEXT];
    int64_t token_ms;   /* when it was asked for */
    int64_t renewed_ms; /* when the latest new password that was answered was asked for */
    int64_t changed_ms; /* when it was known that the password is another one */
    bool aside;         /* until it is too old */
    bool tried, spent;  /* … and opens nothing any more, for sure */
    bool has_session;   /* … which is good, as far as is known */
    bool has_ended;     /* … of before the latest change */
    struct session_user session, ended;
    char ended_user[25], session_user[25];
};

static struct {
    struct person all[PEOPLE_MAX];
    int count;
} forgetful;

void forgetful_begin(void)
{
    forgetful.count = 0;
}

static bool maybe(double probability)
{
    return chance_hit(&sim.people, probability);
}

static void begin_account(struct person *person, int accounts)
{
    *person = (struct person){.actor = person->actor,
                              .other = -1,
                              .accounts = accounts,
                              .changes = person->changes + 1,
                              .begun = person->changes + 1,
                              .gone = accounts >= ACCOUNTS_MAX};
    snprintf(person->email, sizeof person->email, "f%d-%d@example.com", person->actor, accounts);
}

static struct person *person_of(int actor)
{
    for (int i = 0; i < forgetful.count; i++)
        if (forgetful.all[i].actor == actor) return &forgetful.all[i];
    ASSERT(forgetful.count < PEOPLE_MAX);
    forgetful.all[forgetful.count] = (struct person){.actor = actor};
    begin_account(&forgetful.all[forgetful.count], 0);
    return &forgetful.all[forgetful.count++];
}

/* --- calls --------------------------------------------------------------------------------- */

/* what: the member that names the person. */
static struct call *of(int actor, enum call_kind kind, const struct person *person,
                       const char *what, int password)
{
    struct call *call;
    char body[320];

    snprintf(body, sizeof body, "{\"%s\":\"%s\",\"password\":\"gondola-Turnip-%d\"}", what,
             person->email, password);
    call = call_new(actor, kind, "", NULL, body);
    call->price_cents = password;
    call->version = person->changes;
    snprintf(call->text, sizeof call->text, "%s", person->email);
    return call;
}

static struct call *sign_in(int actor, const struct person *person, int password)
{
    return of(actor, CALL_SIGNIN, person, "email", password);
}

/* Now and then one that nobody made. */
static struct call *open_link(int actor, struct person *person)
{
    bool forged = maybe(0.1);
    struct call *call;
    char body[320], token[TOKEN_TEXT];

    memcpy(token, person->token, sizeof token);
    if (forged) token[TOKEN_TEXT - 2] = token[TOKEN_TEXT - 2] == '0' ? '1' : '0';
    snprintf(body, sizeof body, "{\"token\":\"%s\",\"password\":\"gondola-Turnip-%d\"}", token,
             ++person->highest);
    call = call_new(actor, CALL_RESET, "", NULL, body);
    call->price_cents = person->highest;
    call->version = person->changes;
    snprintf(call->text, sizeof call->text, "%s", token);
    call->ended = forged || person->spent;
    return call;
}

/* With the session, or the one that ended. */
static struct call *with_session(int actor, enum call_kind kind, const struct person *person,
                                 bool ended, const char *body)
{
    const struct session_user *session = ended ? &person->ended : &person->session;
    struct call *call =
        call_new(actor, kind, ended ? person->ended_user : person->session_user, NULL, body);

    call->version = person->changes;
    memcpy(call->rq.user.sid, session->sid, sizeof call->rq.user.sid);
    memcpy(call->rq.user.sid_hash, session->sid_hash, sizeof call->rq.user.sid_hash);
    call->rq.user.expires_at_s = session->expires_at_s;
    return call;
}

static struct call *change(int actor, struct person *person)
{
    struct call *call;
    char body[160];

    snprintf(body, sizeof body,
             "{\"password\":\"gondola-Turnip-%d\",\"newPassword\":\"gondola-Turnip-%d\"}",
             person->password, ++person->highest);
    call = with_session(actor, CALL_PASSWORD, person, false, body);
    call->price_cents = person->highest;
    return call;
}

static struct call *ask(int actor, const struct person *person)
{
    if (maybe(0.2)) return of(actor, CALL_RESET_LINK, person, "user", 0);
    return of(actor, CALL_FORGOT, person, "email", 0);
}

/* A link that has come by mail since the last one. */
static void look_for_mail(struct person *person)
{
    int64_t asked_ms;
    const char *token = letters_token(person->email, person->token_ms, &asked_ms);

    if (!token) return;
    snprintf(person->token, sizeof person->token, "%s", token);
    person->token_ms = asked_ms;
    person->aside = maybe(sim.options.seed % 2 ? 0.15 : 0.7); /* some never hurry */
    person->tried = person->spent = false;
}

static bool is_old(const struct person *person)
{
    return sim.now_ms - person->token_ms > OLD_MS;
}

/* By itself, or soon. */
static bool is_over(const struct session_user *session)
{
    return sim.now_ms / 1000 + SOON_S >= session->expires_at_s;
}

struct call *forget(int actor)
{
    struct person *person = person_of(actor);

    if (!person->user[0] && model_user(person->email))
        memcpy(person->user, model_user(person->email)->id, sizeof person->user);
    if (person->gone) return call_new(actor, CALL_LIST, "", NULL, NULL);
    if (!person->user[0]) return of(actor, CALL_SIGNUP, person, "email", 0);
    if ((!person->token[0] || person->tried) && (!person->aside || is_old(person)))
        look_for_mail(person);
    if (person->aside && !is_old(person)) return sign_in(actor, person, person->password);
    if (person->token[0] && !person->tried && maybe(0.5)) return open_link(actor, person);
    if (person->token[0] && person->tried && maybe(0.2)) return open_link(actor, person);
    if (person->has_ended && !is_over(&person->ended) && maybe(0.3))
        return with_session(actor, maybe(0.5) ? CALL_ORDERS : CALL_SELLING, person, true, NULL);
    if (person->has_session && maybe(0.2)) return change(actor, person);
    if (maybe(0.5)) return ask(actor, person);
    if (person->highest && maybe(0.4)) /* one of before, or one that never was */
        return sign_in(actor, person, (int)chance_below(&sim.people, person->highest));
    return sign_in(actor, person, person->password);
}

/* --- answers ------------------------------------------------------------------------------- */

static void know_password(struct person *person, int password)
{
    person->password = password;
    person->other = -1;
    person->changes++;
    person->changed_ms = sim.now_ms;
}

/* What was the session is over. */
static void end_session(struct person *person)
{
    person->has_ended = person->has_session;
    person->ended = person->session;
    memcpy(person->ended_user, person->session_user, sizeof person->ended_user);
    person->has_session = false;
}

static void take_session(struct person *person, const struct call *call)
{
    struct str headers = buf_str(&call->rq.reply.headers), cookie;
    const char *begin = memmem(headers.at, headers.len, "session=", 8), *end;

    CHECK(INVARIANT_NONE, NULL, begin, "let in without a cookie");
    end = memchr(begin, ';', headers.len - (size_t)(begin - headers.at));
    cookie = (struct str){begin, (size_t)(end - begin)};
    CHECK(INVARIANT_NONE, NULL,
          session_from_cookie(sim.app->keys, NULL, call->rq.arena, cookie, 0, &person->session),
          "let in with a cookie that is not believed");
    CHECK(31, person->user, str_eq(person->session.id, str_of(person->user)),
          "let in as somebody else");
    memcpy(person->session_user, person->user, sizeof person->session_user);
    person->has_session = true;
}

static bool jumps(void)
{
    return fault_possible(FAULT_CLOCK_SKEW) || fault_possible(FAULT_CLOCK_JUMP) || sim.healing;
}

static bool clocks_differ(void)
{
    return jumps() || fault_possible(FAULT_SUSPEND);
}

/* Whether auth, whose word it is, let the user be as they were since the call was sent. */
static bool unmoved(const struct person *person, const struct call *call)
{
    const struct m_user *user = model_user_of(person->user);

    return call->version == person->changes && user->changed_step < call->sent_step &&
           user->version % 2 == 0;
}

static void signed_in(struct person *person, const struct call *call)
{
    int password = (int)call->price_cents;
    bool may_be = password == person->password || password == person->other;

    if (call->rq.reply.status == 200) {
        CHECK(31, person->user, may_be || call->version != person->changes,
              "let in by password %d, and it is %d", password, person->password);
        if (call->version != person->changes) return;
        know_password(person, password);
        take_session(person, call);
    } else if (call->rq.reply.status == 400 && password == person->password) {
        CHECK(31, person->user, person->other >= 0 || !unmoved(person, call),
              "not let in by the password");
        if (call->version == person->changes && person->other >= 0 && unmoved(person, call))
            know_password(person, person->other);
    }
}

static void opened(struct person *person, const struct call *call)
{
    bool same = strcmp(call->text, person->token) == 0;

    if (call->rq.reply.status == 200) {
        CHECK(31, person->user, !call->ended && !(same && person->spent),
              "a link that was opened before, or that nobody made, opened");
        CHECK(31, person->user, !same || jumps() || person->token_ms >= person->renewed_ms,
              "a link of before the password that it replaced");
        CHECK(31, person->user,
              !same || call->sent_ms - person->token_ms <= OLD_MS + (jumps() ? APART_MS : 0),
              "a link opened %lld ms after it was asked for",
              (long long)(call->sent_ms - person->token_ms));
        person->renewed_ms = call->sent_ms;
        end_session(person);
        know_password(person, (int)call->price_cents);
        take_session(person, call);
        if (same) person->tried = person->spent = true;
    } else if (call->rq.reply.status == 400 && same && !person->tried) {
        CHECK(31, person->user,
              !unmoved(person, call) || clocks_differ() ||
                  sim.now_ms - person->token_ms > FRESH_MS ||
                  person->token_ms <= person->changed_ms,
              "a fresh link does not open");
        person->tried = true;
    }
}

static void changed(struct person *person, const struct call *call)
{
    if (call->rq.reply.status != 200) {
        person->has_session = false; /* it was over, or somebody was first */
        return;
    }
    end_session(person);
    know_password(person, (int)call->price_cents);
    take_session(person, call);
    person->renewed_ms = call->sent_ms;
    person->tried = person->spent = true; /* links of before open nothing */
}

static void handed_link(struct person *person, const struct call *call)
{
    struct str url = {"", 0}, token;
    const char *begin;

    if (call->rq.reply.status != 200) return;
    (void)json_text(json_get(json_parsed(call->rq.arena, call_body(call)), "url"), &url);
    begin = memmem(url.at, url.len, "token=", 6);
    CHECK(31, person->user, begin, "a link without a token");
    token = (struct str){begin + 6, url.len - (size_t)(begin + 6 - url.at)};
    snprintf(person->token, sizeof person->token, "%.*s", (int)token.len, token.at);
    person->token_ms = sim.now_ms;
    person->tried = person->spent = false;
}

/* Nobody knows what became of it. */
static void lost(struct person *person, const struct call *call)
{
    if (call->kind != CALL_RESET && call->kind != CALL_PASSWORD) return;
    person->changes++;
    person->changed_ms = sim.now_ms;
    person->has_session = person->has_ended = false;
    person->tried = true;
    if (person->other >= 0)
        begin_account(person, person->accounts + 1); /* of three passwords, it may be any */
    else
        person->other = (int)call->price_cents;
}

void forgetful_answer(const struct call *call)
{
    struct person *person = person_of(call->actor);

    if (call->version < person->begun) return; /* of the account before */
    if (call->lost || call->rq.reply.status == 503) {
        lost(person, call);
        return;
    }
    switch ((int)call->kind) {
    case CALL_SIGNIN:
        signed_in(person, call);
        break;
    case CALL_RESET:
        opened(person, call);
        break;
    case CALL_PASSWORD:
        changed(person, call);
        break;
    case CALL_RESET_LINK:
        handed_link(person, call);
        break;
    case CALL_ORDERS:
    case CALL_SELLING:
        CHECK(31, person->user,
              call->rq.reply.status == 401 || clocks_differ() || is_over(&person->ended),
              "a session of before is good for %s: %d", call->rq.route->path,
              call->rq.reply.status);
        break;
    default:
        break;
    }
}
