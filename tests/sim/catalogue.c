/* tests/sim/catalogue.c: venues and shows. Curators propose, accept, refuse, correct, postpone,
 * reschedule, cancel and merge them, some of them without being staff; every row, event and answer
 * is held against what may follow on what.
 *
 * Invariant 25: a status never goes back, and nothing follows on what is final. 26: a show is at a
 * venue that stands, and its local time is its time in UTC. 27: the search index has what everybody
 * may see, as the same commit made it, and nothing else is found. */
#include "sim.h"

#define THINGS_MAX    512
#define OPEN_MAX      20 /* proposals of one user */
#define PLACES        3
#define LISTED_SHOWN  5
#define OFFSET_TEXT   6 /* "+02:00" */
#define LOCAL_MINUTES 16

enum word { PROPOSED, ACCEPTED, REFUSED, SCHEDULED, POSTPONED, CANCELLED, WORDS };

static const char *const words[WORDS] = {"proposed",  "accepted",  "refused",
                                         "scheduled", "postponed", "cancelled"};

/* A venue or a show. */
struct thing {
    char id[25], owner[65];
    bool show;
    int64_t version, row_version; /* of its latest event, and of its row; -1: none */
    enum word status;
    char merged_into[25];
    char venue[25], zone[32]; /* of a show; of a venue */
    int64_t starts_ms;        /* of a show */
    int64_t max_per_buyer;    /* of a show; 0: any number */
    int acked;                /* highest version that was answered */
};

static struct {
    struct thing all[THINGS_MAX];
    size_t count;
    struct arena *arena;
} catalogue;

static struct thing *thing_of(const char *id)
{
    for (size_t i = 0; i < catalogue.count; i++)
        if (strcmp(catalogue.all[i].id, id) == 0) return &catalogue.all[i];
    return NULL;
}

void catalogue_begin(void)
{
    if (!catalogue.arena) catalogue.arena = arena_new(1 << 20);
    ASSERT(catalogue.arena);
    catalogue.count = 0;
}

/* --- events -------------------------------------------------------------------------------- */

static enum word word_of(struct str text)
{
    enum word word = 0;

    while (word < WORDS && !str_eq(text, str_of(words[word])))
        word++;
    return word;
}

static bool may_follow(enum word before, enum word after)
{
    static const unsigned next[WORDS] = {
        [PROPOSED] = 1 << PROPOSED | 1 << ACCEPTED | 1 << REFUSED | 1 << SCHEDULED | 1 << CANCELLED,
        [ACCEPTED] = 1 << ACCEPTED,
        [REFUSED] = 0,
        [SCHEDULED] = 1 << SCHEDULED | 1 << POSTPONED | 1 << CANCELLED,
        [POSTPONED] = 1 << POSTPONED | 1 << SCHEDULED | 1 << CANCELLED,
        [CANCELLED] = 0};

    return (next[before] >> after & 1) != 0;
}

/* "2027-07-01T19:30+02:00" is that moment, by this file's own reckoning. */
static void check_local(const char *id, struct str local, int64_t at_ms)
{
    char text[] = "0000-00-00T00:00:00Z";
    struct wall_ms shown = {0};
    int64_t offset_min;

    CHECK(26, id, local.len == LOCAL_MINUTES + OFFSET_TEXT, "local time %.*s", (int)local.len,
          local.at);
    memcpy(text, local.at, LOCAL_MINUTES);
    CHECK(26, id, iso8601_parse(str_of(text), &shown), "local time %.*s", (int)local.len, local.at);
    offset_min = 60 * (10 * (local.at[17] - '0') + local.at[18] - '0') + 10 * (local.at[20] - '0') +
                 local.at[21] - '0';
    if (local.at[16] == '-') offset_min = -offset_min;
    CHECK(26, id, shown.ms - offset_min * 60000 == at_ms, "%.*s is not the moment beside it",
          (int)local.len, local.at);
}

static int open_of(const char *owner)
{
    int count = 0;

    for (size_t i = 0; i < catalogue.count; i++)
        count += strcmp(catalogue.all[i].owner, owner) == 0 &&
                 catalogue.all[i].status == PROPOSED && !catalogue.all[i].merged_into[0];
    return count;
}

static void check_show(struct thing *show, const struct json *event, enum word before,
                       int64_t at_ms)
{
    const struct thing *venue = thing_of(show->venue);
    struct wall_ms starts = {0};

    CHECK(26, show->id, venue && !venue->show, "at venue %s, which nobody committed", show->venue);
    CHECK(26, show->id, iso8601_parse(text_of(event, "startsAt"), &starts), "no time");
    check_local(show->id, text_of(event, "startsAtLocal"), starts.ms);
    show->starts_ms = starts.ms;
    if (before == show->status || show->status != SCHEDULED) return;
    CHECK(26, show->id, starts.ms > at_ms, "scheduled for a time that is over");
    CHECK(26, show->id, venue->status == ACCEPTED, "scheduled, and its venue is %s",
          words[venue->status]);
}

void catalogue_event(struct str subject, const struct json *event, int64_t at_ms)
{
    bool created = str_starts((struct str){subject.at + 5, subject.len - 5}, STR("created")) ||
                   str_starts((struct str){subject.at + 6, subject.len - 6}, STR("created"));
    enum word before, after = word_of(text_of(event, "status"));
    int64_t version = whole_of(event, "version");
    struct thing *thing;
    char id[25];

    copy_text(id, sizeof id, text_of(event, "id"));
    thing = thing_of(id);
    if (!thing) {
        ASSERT(catalogue.count < THINGS_MAX);
        thing = &catalogue.all[catalogue.count++];
        *thing = (struct thing){.show = subject.at[0] == 's',
                                .version = -1,
                                .row_version = -1,
                                .status = WORDS,
                                .acked = -1};
        memcpy(thing->id, id, sizeof id);
        copy_text(thing->owner, sizeof thing->owner, text_of(event, "userId"));
    }
    before = thing->status;
    CHECK(5, id, version == thing->version + 1 && created == (version == 0),
          "version %lld after %lld", (long long)version, (long long)thing->version);
    CHECK(25, id, after < WORDS, "status %.*s", (int)text_of(event, "status").len,
          text_of(event, "status").at);
    CHECK(25, id, !thing->merged_into[0], "it was merged, and there is version %lld",
          (long long)version);
    CHECK(25, id, before == WORDS || may_follow(before, after), "from %s to %s",
          before == WORDS ? "nothing" : words[before], words[after]);
    CHECK(25, id, str_eq(text_of(event, "userId"), str_of(thing->owner)), "another owner");
    thing->version = version;
    thing->status = after;
    copy_text(thing->merged_into, sizeof thing->merged_into, text_of(event, "mergedInto"));
    copy_text(thing->venue, sizeof thing->venue, text_of(event, "venueId"));
    copy_text(thing->zone, sizeof thing->zone, text_of(event, "timeZone"));
    if (thing->merged_into[0]) {
        const struct thing *into = thing_of(thing->merged_into);

        CHECK(25, id,
              into && into != thing && into->show == thing->show && !into->merged_into[0] &&
                  into->status != PROPOSED && into->status != CANCELLED,
              "merged into %s, which does not stand", thing->merged_into);
    }
    thing->max_per_buyer = whole_of(event, "rules.maxPerBuyer");
    if (thing->max_per_buyer < 0) thing->max_per_buyer = 0;
    if (thing->show) check_show(thing, event, before, at_ms);
    CHECK(25, id, open_of(thing->owner) <= OPEN_MAX, "too many open proposals of %s", thing->owner);
    trace(thing->show ? "show" : "venue", id, version, after);
}

/* The row is what its latest event said. */
void catalogue_row(const char *id, int64_t version, const char *status, const char *merged_into,
                   const char *venue)
{
    struct thing *thing = thing_of(id);

    CHECK(6, id, thing, "a row that no event told of");
    CHECK(5, id, version >= thing->row_version, "went back from version %lld",
          (long long)thing->row_version);
    CHECK(6, id, version == thing->version, "the row has version %lld, the last event %lld",
          (long long)version, (long long)thing->version);
    CHECK(5, id, strcmp(status, words[thing->status]) == 0, "the row is %s, its event said %s",
          status, words[thing->status]);
    CHECK(5, id, strcmp(merged_into, thing->merged_into) == 0, "the row is merged into %s",
          merged_into);
    CHECK(5, id, strcmp(venue, thing->venue) == 0, "the row is at venue %s", venue);
    thing->row_version = version;
}

/* After a transaction: the index has a row of each show that is public, and of no other, with the
 * words of its title and its venue as they are now. */
static void index_holds(void)
{
    int64_t wrong = watch_count(CATALOGUE, "SELECT COUNT(*) FROM shows s LEFT JOIN show_search f"
                                           " ON f.show_id = s.id WHERE (f.show_id IS NOT NULL) <>"
                                           " (s.status <> 'proposed' AND s.merged_into IS NULL"
                                           " AND s.refusal IS NULL)");
    int64_t behind =
        watch_count(CATALOGUE, "SELECT COUNT(*) FROM show_search f JOIN shows s ON s.id = f.show_id"
                               " JOIN venues v ON v.id = s.venue_id WHERE f.words NOT LIKE"
                               " lower(s.title || ' ' || v.name || ' ' || v.city) || ' %'");

    CHECK(27, NULL, wrong == 0, "%lld shows are found and not public, or public and not found",
          (long long)wrong);
    CHECK(27, NULL, behind == 0, "%lld shows are found by words they no longer have",
          (long long)behind);
}

/* After a transaction: a show that may still be is at a venue that was not merged away. */
void catalogue_holds(void)
{
    index_holds();
    for (size_t i = 0; i < catalogue.count; i++) {
        const struct thing *show = &catalogue.all[i];

        if (!show->show || show->merged_into[0] || show->status == CANCELLED) continue;
        CHECK(26, show->id, !thing_of(show->venue)->merged_into[0],
              "its venue %s was merged, and it was left there", show->venue);
    }
}

/* --- curators ------------------------------------------------------------------------------ */

static int64_t below(int64_t limit)
{
    return chance_below(&sim.people, limit);
}

static bool maybe(double probability)
{
    return chance_hit(&sim.people, probability);
}

static const struct thing *some(bool show)
{
    size_t found = 0, among = 0;

    for (size_t i = 0; i < catalogue.count; i++)
        among += catalogue.all[i].show == show;
    if (!among) return NULL;
    found = (size_t)below((int64_t)(maybe(0.6) && among > LISTED_SHOWN ? LISTED_SHOWN : among));
    for (size_t i = catalogue.count; i-- > 0;)
        if (catalogue.all[i].show == show && found-- == 0) return &catalogue.all[i];
    return NULL;
}

static bool is_selling(const struct thing *show)
{
    return show->show && !show->merged_into[0] &&
           (show->status == SCHEDULED || show->status == POSTPONED) && show->starts_ms > sim.now_ms;
}

const char *catalogue_some_show(void)
{
    const struct thing *show = NULL;
    int64_t found = 0;

    for (size_t i = 0; i < catalogue.count; i++)
        found += is_selling(&catalogue.all[i]);
    if (found && maybe(0.05)) show = some(true); /* whatever it is */
    if (show) return show->id;
    found = below(found < LISTED_SHOWN ? found : LISTED_SHOWN); /* the newest ones */
    for (size_t i = catalogue.count; i-- > 0;)
        if (is_selling(&catalogue.all[i]) && found-- == 0) return catalogue.all[i].id;
    return NULL;
}

bool catalogue_has_room(void)
{
    return catalogue.count < THINGS_MAX - 64;
}

int64_t catalogue_version(const char *id)
{
    const struct thing *show = thing_of(id);

    return show ? show->version : -1;
}

int64_t catalogue_max_per_buyer(const char *id)
{
    return thing_of(id)->max_per_buyer;
}

static struct call *as(struct call *call, bool staff)
{
    call->price_cents = staff;
    if (staff) role_add(&call->rq.user.roles, maybe(0.8) ? ROLE_CATALOGUE : ROLE_ADMIN);
    return call;
}

static struct call *make_venue(int index, const char *user, bool staff, const char *id)
{
    static const char *const zones[PLACES] = {"Europe/Berlin", "America/New_York", "Asia/Kolkata"};
    char body[320];

    snprintf(body, sizeof body,
             "{\"name\":\"Hall %lld\",\"city\":\"Berlin\",\"country\":\"DE\",\"timeZone\":\"%s\"}",
             (long long)below(100), zones[below(PLACES)]);
    return as(call_new(index, id ? CALL_VENUE_CORRECT : CALL_VENUE, user, id, body), staff);
}

/* As people write it, now and then one that is over, does not exist, or comes twice. */
static void some_time(char out[ISO8601_LEN + 1])
{
    static const char *const odd[] = {"2027-03-28T02:30", "2027-10-31T02:30", "2020-01-01T19:30",
                                      "2027-10-31T02:30+01:00"};

    if (maybe(0.2)) {
        snprintf(out, ISO8601_LEN + 1, "%s", odd[below(4)]);
        return;
    }
    iso8601_format((struct wall_ms){sim.now_ms + below(40 * DAY_MS) - DAY_MS / 24}, out);
    out[LOCAL_MINUTES] = '\0';
}

/* Some shows allow each buyer a few tickets. */
static const char *some_rules(char out[48])
{
    out[0] = '\0';
    if (maybe(0.5))
        snprintf(out, 48, ",\"rules\":{\"maxPerBuyer\":%lld}", (long long)(1 + below(4)));
    return out;
}

/* The newest that nobody has looked at; NULL: there is none. */
static const struct thing *some_proposed_venue(void)
{
    for (size_t i = catalogue.count; i-- > 0;)
        if (!catalogue.all[i].show && catalogue.all[i].status == PROPOSED &&
            !catalogue.all[i].merged_into[0])
            return &catalogue.all[i];
    return NULL;
}

/* At any venue, and now and then at one where none may be yet. */
static struct call *make_show(int index, const char *user, bool staff, const char *id)
{
    bool too_early = maybe(0.25);
    const struct thing *venue = too_early ? some_proposed_venue() : some(false);
    char body[320], time[ISO8601_LEN + 1], rules[48];

    if (!venue) return make_venue(index, user, staff && !too_early, NULL);
    some_time(time);
    snprintf(body, sizeof body,
             "{\"venueId\":\"%s\",\"title\":\"Show %lld\",\"category\":\"music\","
             "\"startsAt\":\"%s\"%s}",
             venue->id, (long long)below(100), time, some_rules(rules));
    return as(call_new(index, id ? CALL_SHOW_CORRECT : CALL_SHOW, user, id, body),
              staff && !too_early);
}

struct call *catalogue_open_show(int index, const char *user)
{
    const struct thing *venue = NULL;
    char body[320], time[ISO8601_LEN + 1], rules[48];

    for (size_t i = catalogue.count; i-- > 0 && !venue;)
        if (!catalogue.all[i].show && catalogue.all[i].status == ACCEPTED &&
            !catalogue.all[i].merged_into[0])
            venue = &catalogue.all[i];
    if (!venue) return make_venue(index, user, true, NULL);
    iso8601_format(
        (struct wall_ms){sim.now_ms + below(maybe(0.5) ? DAY_MS / 48 : 20 * DAY_MS) + 120000},
        time);
    time[LOCAL_MINUTES] = '\0';
    snprintf(body, sizeof body,
             "{\"venueId\":\"%s\",\"title\":\"Show %lld\",\"category\":\"music\","
             "\"startsAt\":\"%sZ\"%s}",
             venue->id, (long long)below(100), time, some_rules(rules));
    return as(call_new(index, CALL_SHOW, user, NULL, body), true);
}

static struct call *act_on(int index, const char *user, bool staff, const struct thing *thing)
{
    static const enum call_kind of_venue[] = {CALL_VENUE_ACCEPT, CALL_VENUE_ACCEPT,
                                              CALL_VENUE_REFUSE, CALL_VENUE_MERGE};
    static const enum call_kind of_show[] = {CALL_SHOW_ACCEPT,   CALL_SHOW_ACCEPT,
                                             CALL_SHOW_POSTPONE, CALL_SHOW_RESCHEDULE,
                                             CALL_SHOW_CANCEL,   CALL_SHOW_MERGE};
    enum call_kind kind = thing->show ? of_show[below(6)] : of_venue[below(4)];
    char body[192] = "", time[ISO8601_LEN + 1] = "";

    if (kind == CALL_SHOW_RESCHEDULE) {
        some_time(time);
        if (maybe(0.4)) snprintf(time, sizeof time, "2020-01-01T19:30");
    }
    snprintf(body, sizeof body, "{\"into\":\"%s\",\"startsAt\":\"%s\"%s%lld}",
             some(thing->show)->id, time,
             maybe(0.5) ? ",\"version\":" : ",\"was\":", (long long)thing->version - maybe(0.2));
    return as(call_new(index, kind, user, thing->id, body), staff);
}

/* Somebody looks for a show, now and then with a slip. */
static struct call *search(int index, const char *user)
{
    static const char *const asked[] = {
        "q=show",        "q=hall+berlin", "q=shwo", "city=berlin&over=true", "q=berlni&sort=latest",
        "q=show&limit=3"};
    struct call *call = call_new(index, CALL_SEARCH, user, NULL, NULL);

    call->rq.query = str_of(asked[below(6)]);
    return call;
}

/* A show of which somebody holds or has tickets gets another day, or none. */
static struct call *disturb(int index, const char *user)
{
    const char *id = listing_show_in_demand();
    const struct thing *show = id ? thing_of(id) : NULL;
    enum call_kind kind = CALL_SHOW_POSTPONE;
    char body[96], time[ISO8601_LEN + 1];

    if (!show) return NULL;
    if (show->status == POSTPONED) kind = CALL_SHOW_RESCHEDULE;
    if (maybe(0.15)) kind = CALL_SHOW_CANCEL;
    iso8601_format((struct wall_ms){sim.now_ms + below(20 * DAY_MS) + 120000}, time);
    time[LOCAL_MINUTES] = '\0';
    snprintf(body, sizeof body, "{\"startsAt\":\"%sZ\"}", time);
    return as(call_new(index, kind, user, show->id, body), true);
}

/* The newest proposal of a show at a venue that nobody has looked at; NULL: there is none. */
static const struct thing *some_show_too_early(void)
{
    for (size_t i = catalogue.count; i-- > 0;)
        if (catalogue.all[i].show && catalogue.all[i].status == PROPOSED &&
            !catalogue.all[i].merged_into[0] &&
            thing_of(catalogue.all[i].venue)->status == PROPOSED)
            return &catalogue.all[i];
    return NULL;
}

/* NULL: there is nothing like that. */
static struct call *accept_too_early(int index, const char *user)
{
    const struct thing *show = some_show_too_early();

    return show ? as(call_new(index, CALL_SHOW_ACCEPT, user, show->id, "{}"), true) : NULL;
}

struct call *curate(int index, const char *user)
{
    bool floods = sim.options.seed % 5 == 0; /* with proposals that nobody looks at */
    bool show = maybe(0.6), staff = maybe(floods ? 0.1 : 0.7);
    const struct thing *thing = some(show);
    struct call *call = maybe(0.2)    ? disturb(index, user)
                        : maybe(0.15) ? accept_too_early(index, user)
                                      : NULL;

    if (call) return call;
    if (catalogue.count > THINGS_MAX - 64 && !thing) show = !show, thing = some(show);
    if (!thing || (maybe(floods ? 0.8 : 0.35) && catalogue.count < THINGS_MAX - 64))
        return show ? make_show(index, user, staff, NULL) : make_venue(index, user, staff, NULL);
    if (maybe(0.05)) return search(index, user);
    if (maybe(0.15))
        return as(call_new(index, show ? CALL_SHOW_LOOK : CALL_VENUE_LOOK, user, thing->id, NULL),
                  staff);
    if (maybe(0.15))
        return show ? make_show(index, user, staff, thing->id)
                    : make_venue(index, user, staff, thing->id);
    return act_on(index, user, staff, thing);
}

/* --- answers ------------------------------------------------------------------------------- */

bool catalogue_kind(enum call_kind kind)
{
    return kind >= CALL_VENUE && kind <= CALL_SEARCH;
}

static void judge_look(const struct call *call, const struct thing *thing, bool staff)
{
    int status = call->rq.reply.status;
    bool own = str_eq(str_of(thing->owner), call->rq.user.id);

    if (status == 308) CHECK(25, call->id, thing->merged_into[0], "308, and it was not merged");
    if (status == 404) CHECK(11, call->id, !staff && !own, "not shown to who may see it");
    if (status == 200 && !staff && !own)
        CHECK(11, call->id, thing->version > 0 || thing->status != PROPOSED,
              "a proposal shown to somebody else");
}

/* Each show that was found is one that everybody may see, in the version it had then. */
static void judge_search(const struct call *call)
{
    const struct json *found;

    CHECK(27, NULL, call->rq.reply.status == 200, "a search answered %d", call->rq.reply.status);
    arena_reset(catalogue.arena);
    found = json_parsed(catalogue.arena, call_body(call));
    for (size_t i = 0; i < json_length(found); i++) {
        const struct json *show = json_at(found, i);
        const struct thing *thing;
        char id[25];

        copy_text(id, sizeof id, text_of(show, "id"));
        thing = thing_of(id);
        CHECK(27, id, thing && thing->show, "found, and nobody committed it");
        CHECK(27, id, word_of(text_of(show, "status")) != PROPOSED, "a proposal is found");
        CHECK(27, id, whole_of(show, "version") <= thing->version, "found before its commit");
        CHECK(27, id, whole_of(show, "version") < thing->version || !thing->merged_into[0],
              "found, and it was merged");
        offers_judge(id, show);
    }
}

/* What was asked for names a time in Berlin that is none, or two. */
static bool is_odd(const struct json *body)
{
    struct str time = text_of(body, "startsAt");
    char id[25];

    copy_text(id, sizeof id, text_of(body, "venueId"));
    return strcmp(thing_of(id)->zone, "Europe/Berlin") == 0 &&
           (str_eq(time, STR("2027-03-28T02:30")) || str_eq(time, STR("2027-10-31T02:30")));
}

static void judge_change(const struct call *call, const struct json *answer, const char *id)
{
    int64_t seen = whole_of(call->rq.body, "version");

    CHECK(25, id, seen < 0 || whole_of(answer, "version") == seen + 1,
          "changed to version %lld by who saw version %lld", (long long)whole_of(answer, "version"),
          (long long)seen);
    if (call->kind == CALL_SHOW || call->kind == CALL_SHOW_CORRECT)
        CHECK(26, id, !is_odd(call->rq.body), "a time was taken that is none, or two");
}

void catalogue_judge(const struct call *call)
{
    bool staff = call->price_cents != 0, look = false;
    int status = call->rq.reply.status;
    const struct json *answer;
    struct thing *thing;
    char id[25];

    if (call->kind == CALL_SEARCH) {
        judge_search(call);
        return;
    }
    look = call->kind == CALL_VENUE_LOOK || call->kind == CALL_SHOW_LOOK;
    if (look) judge_look(call, thing_of(call->id), staff);
    if (call->id[0] && !look)
        CHECK(11, call->id, staff ? status != 401 : status >= 400, "%s answered %d",
              staff ? "staff was" : "somebody who is no staff was", status);
    if ((status != 200 && status != 201) || look) return;
    arena_reset(catalogue.arena);
    answer = json_parsed(catalogue.arena, call_body(call));
    copy_text(id, sizeof id, text_of(answer, "id"));
    thing = thing_of(id);
    CHECK(10, id, thing && thing->version >= whole_of(answer, "version"),
          "answered with version %lld, which nobody committed",
          (long long)whole_of(answer, "version"));
    if (status == 201)
        CHECK(11, id, staff == (word_of(text_of(answer, "status")) != PROPOSED),
              "made by %s, and %.*s", staff ? "staff" : "somebody",
              (int)text_of(answer, "status").len, text_of(answer, "status").at);
    judge_change(call, answer, id);
    if (whole_of(answer, "version") > thing->acked) thing->acked = (int)whole_of(answer, "version");
}

void catalogue_quiet(void)
{
    for (size_t i = 0; i < catalogue.count; i++) {
        const struct thing *thing = &catalogue.all[i];

        CHECK(10, thing->id, thing->row_version == thing->version && thing->version >= thing->acked,
              "row %lld, event %lld, answered %d", (long long)thing->row_version,
              (long long)thing->version, thing->acked);
    }
}
