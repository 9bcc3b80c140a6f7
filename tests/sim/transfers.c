/* tests/sim/transfers.c: entries that are sent to other people: who gives, who takes, who takes
 * back, several at once, and what the events and rows say of it.
 *
 * Invariant 19: an entry is its buyer's, or whoever's took it last, and it was sent to them; of
 * several who are at it at once one wins; what is void, or over, is taken by nobody. */
#include "sim.h"

#define TRANSFERS_MAX 4096
#define AN_HOUR       100 /* of one user: TRANSFERS_PER_HOUR */

enum m_status { WAITING, TAKEN, WITHDRAWN, DECLINED, ENDED, STATUSES };
static const char *const words[STATUSES] = {"waiting", "taken", "withdrawn", "declined", "ended"};

struct m_transfer {
    char id[25], entry[25], giver[65], email[96];
    enum m_status status;
    int64_t made_ms, changed_step;
};

static struct {
    struct m_transfer all[TRANSFERS_MAX];
    size_t count, sent;       /* sent: how often somebody tried to … */
    int tried[TRANSFERS_MAX]; /* … and with which entry, by its place in the model */
} transfers;

void transfers_begin(void)
{
    transfers.count = transfers.sent = 0;
    memset(transfers.tried, 0, sizeof transfers.tried);
}

static struct m_transfer *transfer_of(const char *id)
{
    for (size_t i = transfers.count; i-- > 0;)
        if (strcmp(transfers.all[i].id, id) == 0) return &transfers.all[i];
    return NULL;
}

static const struct m_transfer *waiting_of(const char *entry)
{
    for (size_t i = transfers.count; i-- > 0;)
        if (strcmp(transfers.all[i].entry, entry) == 0 && transfers.all[i].status == WAITING)
            return &transfers.all[i];
    return NULL;
}

static void address_of(const char *user, char out[96])
{
    snprintf(out, 96, "%.64s@example.com", user);
}

static bool is_for(const struct m_transfer *transfer, const char *user)
{
    char email[96];

    address_of(user, email);
    return strcmp(transfer->email, email) == 0;
}

/* --- events -------------------------------------------------------------------------------- */

bool transfer_hands(const char *entry, const char *holder)
{
    const struct m_transfer *transfer = waiting_of(entry);

    return transfer && is_for(transfer, holder);
}

static void created(const char *id, const struct json *event, int64_t at_ms)
{
    struct m_transfer made = {.made_ms = at_ms, .changed_step = sim.step};
    const struct m_entry *entry;

    copy_text(made.id, sizeof made.id, str_of(id));
    copy_text(made.entry, sizeof made.entry, text_of(event, "entryId"));
    copy_text(made.giver, sizeof made.giver, text_of(event, "userId"));
    copy_text(made.email, sizeof made.email, text_of(event, "email"));
    entry = entry_of(made.entry);
    CHECK(5, id, whole_of(event, "version") == 0, "it begins with another version than 0");
    CHECK(19, id, entry && entry->valid, "sent, and it is void, or nobody's");
    CHECK(11, id, strcmp(entry->holder, made.giver) == 0, "sent by %s, and it is %s's", made.giver,
          entry->holder);
    CHECK(19, id, !waiting_of(made.entry), "its entry is on its way to another one");
    CHECK(19, id, !is_for(&made, made.giver), "sent to who has it");
    ASSERT(transfers.count < TRANSFERS_MAX);
    transfers.all[transfers.count++] = made;
}

static enum m_status status_in(const struct json *event)
{
    enum m_status status = 0;

    while (status < STATUSES && !str_eq(text_of(event, "status"), str_of(words[status])))
        status++;
    return status;
}

void transfer_event(struct str subject, const struct json *event, int64_t at_ms)
{
    struct m_transfer *transfer;
    enum m_status status;
    char id[25];

    copy_text(id, sizeof id, text_of(event, "id"));
    if (str_eq(subject, STR("transfer:created"))) {
        created(id, event, at_ms);
        return;
    }
    transfer = transfer_of(id);
    status = status_in(event);
    CHECK(5, id, transfer && transfer->status == WAITING && whole_of(event, "version") == 1,
          "a change of what does not wait");
    CHECK(19, id, status > WAITING && status < STATUSES, "it is neither taken nor over");
    trace(words[status], id, status, 0);
    if (status == TAKEN)
        CHECK(19, id,
              entry_of(transfer->entry)->valid &&
                  is_for(transfer, entry_of(transfer->entry)->holder),
              "taken, and its entry is %s's", entry_of(transfer->entry)->holder);
    CHECK(19, id, status != TAKEN || at_ms < transfer->made_ms + INT64_C(7) * 24 * 3600 * 1000,
          "taken %lld ms after it was sent", (long long)(at_ms - transfer->made_ms));
    transfer->status = status;
    transfer->changed_step = sim.step;
}

/* --- people -------------------------------------------------------------------------------- */

static bool maybe(double probability)
{
    return chance_hit(&sim.people, probability);
}

static struct call *as(int actor, enum call_kind kind, const char *user, const char *id,
                       const char *body)
{
    struct call *call = call_new(actor, kind, user, id, body);
    char email[96];

    address_of(user, email);
    call->rq.user.email = arena_copy(call->rq.arena, str_of(email));
    snprintf(call->text, sizeof call->text, "%s", user);
    return call;
}

/* One of the latest, most often one for which it is true. */
static size_t some(size_t count, bool (*fit)(size_t at))
{
    size_t at = 0;

    for (int tries = 0; tries < 8; tries++) {
        size_t among = maybe(0.6) && count > 8 ? 8 : count;

        at = count - 1 - (size_t)chance_below(&sim.people, (int64_t)among);
        if (fit(at)) break;
    }
    return at;
}

static bool entry_fits(size_t at)
{
    return entry_at(at)->valid;
}

static bool transfer_fits(size_t at)
{
    return transfers.all[at].status == WAITING;
}

/* With an account or without. */
static const char *somebody(void)
{
    static const char *const friends[] = {"friend-1", "friend-2", "friend-3"};
    size_t users = model_users();

    if (!users || maybe(0.5)) return friends[chance_below(&sim.people, 3)];
    return model_user_at((size_t)chance_below(&sim.people, (int64_t)users))->id;
}

#define NEW_ONES 8 /* entries, newest first */
#define ENOUGH   6 /* times that somebody did something with one of these */

/* A new entry that has not been through anybody's hands. */
static bool is_wanted(size_t at)
{
    const struct m_entry *entry = entry_at(at);

    return entry->valid && entry->version == 0 && transfers.tried[at] < ENOUGH;
}

bool transfers_wanted(void)
{
    for (size_t i = entries_count(), looks = 0; i-- > 0 && looks < NEW_ONES; looks++)
        if (is_wanted(i)) return true;
    return false;
}

static struct call *give(int actor)
{
    size_t at = some(entries_count(), transfers_wanted() ? is_wanted : entry_fits);
    const struct m_entry *entry = entry_at(at);
    const char *stranger = somebody();
    const char *giver = maybe(0.85) ? entry->holder : stranger;
    struct call *call;
    char body[128];

    snprintf(body, sizeof body, "{\"email\":\"%s@example.com\"}", maybe(0.05) ? giver : stranger);
    call = as(actor, CALL_GIVE, giver, entry->id, body);
    transfers.sent++;
    transfers.tried[at]++;
    if (strstr(body, giver) == body + strlen("{\"email\":\"")) {
        call->expect = 400;
        call->message = "Email must be another person's";
    }
    return call;
}

/* The part of an address before its host. */
static const char *receiver_of(const struct m_transfer *transfer)
{
    static char user[65];

    snprintf(user, sizeof user, "%.*s", (int)strcspn(transfer->email, "@"), transfer->email);
    return user;
}

struct call *send_on(int actor)
{
    const struct m_transfer *transfer;
    double fate = chance_unit(&sim.people);

    if (!entries_count()) return call_new(actor, CALL_LIST, "", NULL, NULL);
    if (!transfers.count || fate < 0.45) return give(actor);
    transfer = &transfers.all[some(transfers.count, transfer_fits)];
    if (fate < 0.85)
        return as(actor, CALL_ACCEPT, maybe(0.9) ? receiver_of(transfer) : transfer->giver,
                  transfer->id, NULL);
    return as(actor, CALL_TAKE_BACK, maybe(0.5) ? transfer->giver : receiver_of(transfer),
              transfer->id, NULL);
}

/* --- answers ------------------------------------------------------------------------------- */

bool transfer_kind(enum call_kind kind)
{
    return kind >= CALL_GIVE && kind <= CALL_TAKE_BACK;
}

bool transfers_many(void)
{
    return transfers.sent >= AN_HOUR;
}

static void judge_given(const struct call *call)
{
    const struct m_entry *entry = entry_of(call->id);
    const struct m_transfer *transfer;
    char id[25];

    if (call->rq.reply.status == 201) {
        copy_text(id, sizeof id, text_of(json_parsed(call->rq.arena, call_body(call)), "id"));
        transfer = transfer_of(id);
        CHECK(10, id, transfer && strcmp(transfer->entry, call->id) == 0,
              "sent, and not committed");
        CHECK(11, id, strcmp(transfer->giver, call->text) == 0, "sent by somebody else");
    }
    CHECK(11, call->id,
          call->rq.reply.status != 401 || strcmp(entry->holder, call->text) != 0 ||
              entry->moved_step >= call->sent_step,
          "its holder may not send it");
}

static void judge_ended(const struct call *call)
{
    const struct m_transfer *transfer = transfer_of(call->id);
    bool gave = strcmp(transfer->giver, call->text) == 0, takes = call->kind == CALL_ACCEPT;

    if (call->rq.reply.status == 200) {
        CHECK(10, call->id,
              transfer->status == (takes  ? TAKEN
                                   : gave ? WITHDRAWN
                                          : DECLINED),
              "answered that it is %s, and it is %s", takes ? "taken" : "back",
              words[transfer->status]);
        CHECK(11, call->id,
              takes ? is_for(transfer, call->text) : gave || is_for(transfer, call->text),
              "somebody else's");
    } else if (call->rq.reply.status == 409) {
        CHECK(19, call->id, transfer->status != WAITING || takes,
              "over, says the answer, and it waits");
    } else {
        CHECK(11, call->id,
              call->rq.reply.status == 401 &&
                  (takes ? !is_for(transfer, call->text) : !gave && !is_for(transfer, call->text)),
              "answered %d to whose it is", call->rq.reply.status);
    }
}

void transfer_judge(const struct call *call)
{
    if (call->kind == CALL_GIVE)
        judge_given(call);
    else
        judge_ended(call);
}

/* --- quiet --------------------------------------------------------------------------------- */

static void check_none(const char *what, const char *sql)
{
    CHECK(19, NULL, watch_count(ENTRIES, sql) == 0, "%s", what);
}

void transfers_quiet(void)
{
    char sql[256];

    snprintf(sql, sizeof sql,
             "SELECT COUNT(*) FROM transfers WHERE status = 'waiting' AND ends_at_ms < %lld",
             (long long)service_now_ms(ENTRIES) - 2000);
    check_none("a transfer waits, and its time is over", sql);
    check_none("a transfer of a void entry waits",
               "SELECT COUNT(*) FROM transfers t JOIN entries e ON e.id = t.entry_id"
               " WHERE t.status = 'waiting' AND e.status = 'void'");
    check_none("a transfer waits until after its show",
               "SELECT COUNT(*) FROM transfers t JOIN entries e ON e.id = t.entry_id"
               " JOIN show_copies s ON s.id = e.now_show_id WHERE t.status = 'waiting'"
               " AND s.status <> 'postponed' AND t.ends_at_ms > s.starts_at_ms - 7200000");
    check_none("an entry has not as many versions as hands",
               "SELECT COUNT(*) FROM entries e WHERE e.version <> (SELECT COUNT(*) FROM transfers t"
               " WHERE t.entry_id = e.id AND t.status = 'taken') + (e.status = 'void')");
    check_none("an entry is not whoever's took it last",
               "SELECT COUNT(*) FROM entries e JOIN transfers t ON t.id = (SELECT MAX(l.id)"
               " FROM transfers l WHERE l.entry_id = e.id AND l.status = 'taken')"
               " WHERE t.taker_id <> e.holder_id");
}
