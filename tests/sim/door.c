/* tests/sim/door.c: gates. Staff make them for shows that something was sold of, and take their
 * keys back; they read serials, right, wrong and of other shows, tell of what they did without a
 * network, by clocks that are wrong, again and again, and fetch their lists.
 *
 * Invariant 19: an entry is let in once, ever. 41: whom a gate let in by itself and was not to is
 * kept and named, an upload counts once, a key that was taken back opens nothing, and a list has
 * all that has changed up to where it says. */
#include "sim.h"

#include <sqlite3.h>

#define GATES_MAX    64
#define UPLOAD_MAX   5
#define TOLD_MAX     512
#define DOUBLES_MAX  4096
#define CLOCK_OFF_MS INT64_C(36000000)

struct sent {
    char scan[25], serial[16], answer[24];
};

struct m_gate {
    char id[25], key[40], show[25];
    bool revoke_sent, revoked;      /* … and it was answered so */
    struct sent upload[UPLOAD_MAX]; /* the latest one */
    size_t sent;
    bool answered; /* it was */
    int64_t up_to; /* of its list; -1: it has none */
    char told[TOLD_MAX][16];
    size_t told_count;
};

static struct {
    struct m_gate all[GATES_MAX];
    size_t count;
    struct { /* let in wrongly, as their gates were told */
        char gate[25], scan[25];
    } wrong[DOUBLES_MAX];
    size_t wrong_count;
    struct arena *arena;
} door;

void door_begin(void)
{
    if (!door.arena) door.arena = arena_new(1 << 20);
    ASSERT(door.arena);
    door.count = door.wrong_count = 0;
}

static bool maybe(double probability)
{
    return chance_hit(&sim.people, probability);
}

static size_t below(size_t limit)
{
    return (size_t)chance_below(&sim.people, (int64_t)limit);
}

static struct m_gate *gate_of_key(const char *key)
{
    for (size_t i = 0; i < door.count; i++)
        if (strcmp(door.all[i].key, key) == 0) return &door.all[i];
    return NULL;
}

static struct m_gate *gate_of_id(const char *id)
{
    for (size_t i = 0; i < door.count; i++)
        if (strcmp(door.all[i].id, id) == 0) return &door.all[i];
    return NULL;
}

/* --- what they do -------------------------------------------------------------------------- */

bool door_kind(enum call_kind kind)
{
    return kind >= CALL_GATE && kind <= CALL_LIST_OF_DOOR;
}

void door_sign(struct call *call)
{
    if (call->kind == CALL_SCAN || call->kind == CALL_LIST_OF_DOOR)
        call_header(call, "authorization", call->text);
}

/* Of one gate; the call's text is what it shows. */
static struct call *by_gate(int index, enum call_kind kind, const struct m_gate *gate,
                            const char *body)
{
    struct call *call = call_new(index, kind, "", NULL, body);

    snprintf(call->text, sizeof call->text, "Bearer %s", gate->key);
    call->banned = false;
    call->ended = false;
    call->version = gate->revoked; /* before it was sent */
    door_sign(call);
    return call;
}

static void id_new(char id[25])
{
    snprintf(id, 25, "%08llx%016llx", (unsigned long long)(chance_next(&sim.people) >> 32),
             (unsigned long long)chance_next(&sim.people));
}

/* The latest one that is void, of the gate's show where one is given; NULL: there is none. */
static const struct m_entry *void_entry(const struct m_gate *gate)
{
    for (size_t i = entries_count(); i-- > 0;)
        if (!entry_at(i)->valid && (!gate || strcmp(entry_at(i)->show, gate->show) == 0))
            return entry_at(i);
    return NULL;
}

/* One of the latest, often of the gate's own show. */
static const struct m_entry *some_entry(const struct m_gate *gate)
{
    size_t count = entries_count(), among = count < 24 ? count : 24;
    const struct m_entry *entry = maybe(0.2) ? void_entry(gate) : NULL;

    if (entry) return entry;
    entry = entry_at(count - 1 - below(among));
    for (int tries = 0; tries < 6 && strcmp(entry->show, gate->show) != 0; tries++)
        entry = entry_at(count - 1 - below(among));
    return entry;
}

static void some_serial(const struct m_gate *gate, char serial[16])
{
    snprintf(serial, 16, "%s", some_entry(gate)->serial);
    if (maybe(0.05)) snprintf(serial, 16, "ZZZZZZZ%llu", (unsigned long long)below(10));
    if (maybe(0.1))
        for (char *at = serial; *at; at++)
            if (*at >= 'A' && *at <= 'Z') *at = (char)(*at - 'A' + 'a');
}

static struct call *scan(int index, struct m_gate *gate)
{
    char body[128], serial[16], id[25];

    some_serial(gate, serial);
    id_new(id);
    snprintf(body, sizeof body, "{\"id\":\"%s\",\"code\":\"%s\"}", id, serial);
    return by_gate(index, CALL_SCAN, gate, body);
}

/* What it did without a network; the latest upload once more until it was answered, and now and
 * then after that. */
static struct call *upload(int index, struct m_gate *gate)
{
    int64_t off_ms = maybe(0.5) ? (int64_t)below(2 * CLOCK_OFF_MS) - CLOCK_OFF_MS : 0;
    char body[UPLOAD_MAX * 160 + 8] = "[", at[ISO8601_LEN + 1];
    bool again = gate->sent && (!gate->answered || maybe(0.3));
    struct call *call;
    size_t len = 1;

    if (!again) {
        gate->sent = 1 + below(UPLOAD_MAX);
        gate->answered = false;
    }
    for (size_t i = 0; i < gate->sent; i++) {
        struct sent *sent = &gate->upload[i];

        if (!again) {
            *sent = (struct sent){.answer = ""};
            id_new(sent->scan);
            some_serial(gate, sent->serial);
        }
        iso8601_format((struct wall_ms){sim.now_ms + off_ms}, at);
        len += (size_t)snprintf(body + len, sizeof body - len,
                                "%s{\"id\":\"%s\",\"code\":\"%s\",\"at\":\"%s\",\"admitted\":true}",
                                i ? "," : "", sent->scan, sent->serial, at);
    }
    snprintf(body + len, sizeof body - len, "]");
    call = by_gate(index, CALL_SCAN, gate, body);
    call->quantity = (int)gate->sent;
    return call;
}

static struct call *fetch(int index, struct m_gate *gate)
{
    struct call *call = by_gate(index, CALL_LIST_OF_DOOR, gate, NULL);
    struct buf query;

    if (gate->up_to < 0 || maybe(0.2)) return call;
    buf_init(&query, call->rq.arena, 32);
    buf_printf(&query, "since=%lld", (long long)gate->up_to);
    call->rq.query = buf_str(&query);
    return call;
}

static struct call *as_staff(struct call *call, bool staff)
{
    call->price_cents = staff;
    if (staff) role_add(&call->rq.user.roles, ROLE_CATALOGUE);
    return call;
}

/* For a show that something was sold of. */
static struct call *make(int index, const char *user)
{
    char body[96];
    struct call *call;
    const struct m_entry *entry = maybe(0.4) ? void_entry(NULL) : NULL;
    const char *show;

    if (!entry) entry = entry_at(entries_count() - 1 - below(entries_count()));
    show = entry->show;
    snprintf(body, sizeof body, "{\"showId\":\"%s\",\"name\":\"Gate %llu\"}", show,
             (unsigned long long)door.count);
    call = as_staff(call_new(index, CALL_GATE, user, NULL, body), maybe(0.6));
    snprintf(call->text, sizeof call->text, "%s", show);
    return call;
}

static struct call *revoke(int index, const char *user, struct m_gate *gate)
{
    bool staff = maybe(0.8);

    gate->revoke_sent |= staff;
    return as_staff(call_new(index, CALL_GATE_REVOKE, user, gate->id, NULL), staff);
}

struct call *guard_door(int index, const char *user)
{
    struct m_gate *gate;

    if (!entries_count()) return call_new(index, CALL_LIST, "", NULL, NULL);
    if (!door.count || (door.count < GATES_MAX && maybe(0.15))) return make(index, user);
    gate = &door.all[door.count - 1 - below(door.count < 8 ? door.count : 8)];
    if (maybe(0.02)) return revoke(index, user, gate);
    if (maybe(0.25)) return fetch(index, gate);
    return maybe(0.5) ? scan(index, gate) : upload(index, gate);
}

/* --- answers ------------------------------------------------------------------------------- */

static void judge_made(const struct call *call, const struct json *answer)
{
    struct m_gate *gate;

    if (!call->price_cents)
        CHECK(11, NULL, call->rq.reply.status == 401, "somebody who is no staff made a gate");
    if (call->rq.reply.status != 201 || door.count == GATES_MAX) return;
    gate = &door.all[door.count++];
    *gate = (struct m_gate){.up_to = -1};
    copy_text(gate->id, sizeof gate->id, text_of(answer, "id"));
    copy_text(gate->key, sizeof gate->key, text_of(answer, "key"));
    copy_text(gate->show, sizeof gate->show, str_of(call->text));
}

static void judge_revoked(const struct call *call)
{
    CHECK(11, call->id,
          call->price_cents ? call->rq.reply.status == 204 : call->rq.reply.status == 401,
          "a key taken back by %s: %d", call->price_cents ? "staff" : "somebody",
          call->rq.reply.status);
    if (call->price_cents) gate_of_id(call->id)->revoked = true;
}

static void judge_admitted(const struct m_gate *gate, struct m_entry *entry, const char *scan)
{
    CHECK(10, entry->id, entry->admitted, "let in, says the answer, and nobody committed it");
    CHECK(19, entry->id, strcmp(entry->gate, gate->id) == 0, "let in at two gates");
    CHECK(19, entry->id, !entry->scan[0] || strcmp(entry->scan, scan) == 0,
          "let in by two scans of one gate");
    snprintf(entry->scan, sizeof entry->scan, "%s", scan);
}

static void judge_one(const struct m_gate *gate, const struct json *said)
{
    struct str answer = text_of(said, "answer");
    struct m_entry *entry;
    char id[25], scan[25];

    copy_text(id, sizeof id, text_of(said, "entryId"));
    copy_text(scan, sizeof scan, text_of(said, "id"));
    entry = id[0] ? entry_of(id) : NULL;
    CHECK(19, id, entry || str_eq(answer, STR("not_ours")), "an answer of nothing");
    if (str_eq(answer, STR("not_ours"))) {
        CHECK(19, id, !entry || str_eq(text_of(said, "reason"), STR("organisers_file")),
              "one of ours is not known");
        return;
    }
    if (str_eq(answer, STR("admitted")))
        judge_admitted(gate, entry, scan);
    else if (str_eq(answer, STR("already_admitted")))
        CHECK(19, id, entry->admitted && strcmp(entry->scan, scan) != 0,
              "somebody came before, says the answer, and nobody did");
    else if (str_eq(answer, STR("void")))
        CHECK(19, id, !entry->valid || catalogue_version(entry->show) > 0,
              "void, says the answer, and it is valid");
    else
        CHECK(19, id, strcmp(entry->show, gate->show) != 0, "of another show, says the answer");
}

/* The same answers as before, and whoever was let in wrongly is to be named. */
static void judge_upload(struct m_gate *gate, const struct json *answers)
{
    CHECK(41, gate->id, json_length(answers) == gate->sent, "%zu answers to %zu scans",
          json_length(answers), gate->sent);
    for (size_t i = 0; i < gate->sent; i++) {
        struct sent *sent = &gate->upload[i];
        struct str answer = text_of(json_at(answers, i), "answer");

        CHECK(41, gate->id,
              !sent->answer[0] || str_eq(answer, str_of(sent->answer)) || sim.slept_ms > 0,
              "the same scan was %s, and is %.*s", sent->answer, (int)answer.len, answer.at);
        if (!sent->answer[0] && !str_eq(answer, STR("admitted"))) {
            ASSERT(door.wrong_count < DOUBLES_MAX);
            memcpy(door.wrong[door.wrong_count].gate, gate->id, sizeof gate->id);
            memcpy(door.wrong[door.wrong_count++].scan, sent->scan, sizeof sent->scan);
        }
        copy_text(sent->answer, sizeof sent->answer, answer);
    }
    gate->answered = true;
}

/* The upload that was answered may not be the latest one any more. */
static bool is_latest(const struct m_gate *gate, const struct json *answers)
{
    return gate->sent && str_eq(text_of(json_at(answers, 0), "id"), str_of(gate->upload[0].scan));
}

static void judge_scans(const struct call *call, struct m_gate *gate, const struct json *said)
{
    CHECK(INVARIANT_NONE, gate->id, call->rq.reply.status == 200, "a scan answered %d",
          call->rq.reply.status);
    if (json_type(said) != JSON_ARRAY) {
        judge_one(gate, said);
        return;
    }
    for (size_t i = 0; i < json_length(said); i++)
        judge_one(gate, json_at(said, i));
    if (is_latest(gate, said)) judge_upload(gate, said);
}

/* --- lists ----------------------------------------------------------------------------------- */

/* what: a serial, and what became of it: "v" void, "u" used, or "n0001", the version that counts.
 */
static bool was_told(const struct m_gate *gate, const char *what)
{
    for (size_t i = 0; i < gate->told_count; i++)
        if (strcmp(gate->told[i], what) == 0) return true;
    return false;
}

static void tell_gate(struct m_gate *gate, const char *what)
{
    if (was_told(gate, what)) return;
    ASSERT(gate->told_count < TOLD_MAX);
    snprintf(gate->told[gate->told_count++], sizeof *gate->told, "%s", what);
}

static struct m_entry *entry_of_serial(const char *serial)
{
    for (size_t i = entries_count(); i-- > 0;)
        if (strcmp(entry_at(i)->serial, serial) == 0) return entry_at(i);
    return NULL;
}

static void take_serials(struct m_gate *gate, struct str serials, bool used)
{
    char serial[9], what[16];

    for (size_t i = 0; i + 8 <= serials.len; i += 8) {
        const struct m_entry *entry;

        copy_text(serial, sizeof serial, (struct str){serials.at + i, 8});
        entry = entry_of_serial(serial);
        CHECK(41, gate->id, entry && (used ? entry->admitted : !entry->valid),
              "%s is on the list, and it is not so", serial);
        snprintf(what, sizeof what, "%s%c", serial, used ? 'u' : 'v');
        tell_gate(gate, what);
    }
}

/* Of what changed hands: each serial is followed by the version that counts, in 4 hex digits. */
static void take_versions(struct m_gate *gate, struct str versions)
{
    char serial[9], version[5], what[16];

    for (size_t i = 0; i + 12 <= versions.len; i += 12) {
        const struct m_entry *entry;

        copy_text(serial, sizeof serial, (struct str){versions.at + i, 8});
        copy_text(version, sizeof version, (struct str){versions.at + i + 8, 4});
        entry = entry_of_serial(serial);
        CHECK(41, gate->id, entry && strtoll(version, NULL, 16) <= entry->version,
              "%s has version %s on the list, and it never had", serial, version);
        snprintf(what, sizeof what, "%sn%s", serial, version);
        tell_gate(gate, what);
    }
}

static void judge_list(const struct call *call, struct m_gate *gate, const struct json *list)
{
    int64_t up_to = whole_of(list, "upTo");

    CHECK(INVARIANT_NONE, gate->id, call->rq.reply.status == 200, "a list answered %d",
          call->rq.reply.status);
    take_serials(gate, text_of(list, "void"), false);
    take_serials(gate, text_of(list, "used"), true);
    take_versions(gate, text_of(list, "versions"));
    if (up_to > gate->up_to) gate->up_to = up_to;
}

void door_judge(const struct call *call)
{
    const struct json *answer;
    struct m_gate *gate;

    arena_reset(door.arena);
    answer = call_body(call).len ? json_parsed(door.arena, call_body(call)) : NULL;
    if (call->kind == CALL_GATE) {
        judge_made(call, answer);
        return;
    }
    if (call->kind == CALL_GATE_REVOKE) {
        judge_revoked(call);
        return;
    }
    gate = gate_of_key(call->text + sizeof "Bearer " - 1);
    if (call->rq.reply.status == 401) {
        CHECK(41, gate->id, gate->revoke_sent, "a good key is refused");
        return;
    }
    CHECK(41, gate->id, !call->version, "a key that was taken back is good");
    if (call->kind == CALL_SCAN)
        judge_scans(call, gate, answer);
    else
        judge_list(call, gate, answer);
}

/* --- quiet --------------------------------------------------------------------------------- */

static void see_admission(void *statement)
{
    sqlite3_stmt *row = statement;
    const char *id = (const char *)sqlite3_column_text(row, 0);
    const struct m_entry *entry = entry_of(id);

    CHECK(19, id,
          entry && entry->admitted &&
              strcmp(entry->gate, (const char *)sqlite3_column_text(row, 1)) == 0,
          "let in by a row, and no event told of it");
}

static void check_wrong(void)
{
    char sql[160];

    for (size_t i = 0; i < door.wrong_count; i++) {
        snprintf(sql, sizeof sql,
                 "SELECT COUNT(*) FROM scans WHERE gate_id = '%s' AND scan_id = '%s' AND wrong = 1",
                 door.wrong[i].gate, door.wrong[i].scan);
        CHECK(41, door.wrong[i].gate, watch_count(ENTRIES, sql) == 1,
              "somebody was let in wrongly by scan %s, and is not named", door.wrong[i].scan);
    }
}

static const struct m_gate *asked; /* whose list is looked through */

static void see_changed(void *statement)
{
    sqlite3_stmt *row = statement;
    const char *what = (const char *)sqlite3_column_text(row, 0);

    CHECK(41, asked->id, was_told(asked, what), "%s is not on its list up to %lld", what,
          (long long)asked->up_to);
}

/* All that has changed up to where the list says is on it. */
static void check_list(const struct m_gate *gate)
{
    char sql[512];

    asked = gate;
    snprintf(sql, sizeof sql,
             "SELECT e.serial || CASE WHEN e.status = 'void' THEN 'v' WHEN a.entry_id IS NOT NULL"
             " THEN 'u' ELSE 'n' || printf('%%04X', e.version) END"
             " FROM door_changes c JOIN entries e ON e.id = c.entry_id"
             " LEFT JOIN admissions a ON a.entry_id = e.id JOIN gates g ON g.show_id = c.show_id "
             "WHERE g.id = '%s' AND c.seq <= %lld",
             gate->id, (long long)gate->up_to);
    watch_rows(ENTRIES, sql, see_changed);
}

void door_quiet(void)
{
    size_t admitted = 0;

    for (size_t i = 0; i < entries_count(); i++) {
        admitted += entry_at(i)->admitted;
    }
    CHECK(19, NULL, watch_count(ENTRIES, "SELECT COUNT(*) FROM admissions") == (int64_t)admitted,
          "events and rows tell of different numbers of people");
    watch_rows(ENTRIES, "SELECT entry_id, gate_id FROM admissions", see_admission);
    check_wrong();
    CHECK(41, NULL,
          watch_count(ENTRIES,
                      "SELECT COUNT(*) FROM entries e WHERE (e.status = 'void' OR EXISTS"
                      " (SELECT 1 FROM admissions a WHERE a.entry_id = e.id)) AND NOT EXISTS"
                      " (SELECT 1 FROM door_changes c WHERE c.entry_id = e.id"
                      " AND c.show_id = e.now_show_id)") == 0,
          "what changed is told to no gate of its show");
    for (size_t i = 0; i < door.count; i++)
        if (door.all[i].up_to >= 0) check_list(&door.all[i]);
}
