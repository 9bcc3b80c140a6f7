/* tests/sim/retention.c: when a service removes what has had its time, who reads its outbox besides
 * the services, and what must be true of both. */
#include "sim.h"

#include <sqlite3.h>
#include <stdio.h>

#define DROPPED_MAX 256

static struct chance chance;

static struct dropped {
    int service, source;
    int64_t id, sequence;
    bool perhaps; /* the outcome of its commit is unknown: it may show after a crash */
} dropped[DROPPED_MAX];
static size_t dropped_count;

void retention_begin(uint64_t seed)
{
    chance = (struct chance){seed ^ 0x7e7e47104};
    dropped_count = 0;
}

/* --- dead letters ---------------------------------------------------------------------------- */

static struct dropped newest;

static void see_newest(void *statement)
{
    const char *source = (const char *)sqlite3_column_text(statement, 1);

    newest.id = sqlite3_column_int64(statement, 0);
    newest.sequence = sqlite3_column_int64(statement, 2);
    newest.source = 0;
    while (strcmp(service_names[newest.source], source) != 0)
        newest.source++;
}

/* As the operator's command does it; the number means nothing any more. */
static void drop_dead_letter(int service)
{
    struct db *db = sim_writer(service)->db;
    struct tx *tx;

    newest = (struct dropped){.service = service};
    watch_rows(service, "SELECT id, source, seq FROM bus_dead ORDER BY id DESC LIMIT 1",
               see_newest);
    if (!newest.id || !db || dropped_count == DROPPED_MAX || tx_begin(db, &tx) != OK) return;
    for (size_t i = 0; i < dropped_count; i++)
        CHECK(7, NULL,
              dropped[i].service != service || dropped[i].id != newest.id || dropped[i].perhaps,
              "%s: a dead letter has number %lld, which another had", service_names[service],
              (long long)newest.id);
    tx_item_begin(tx, (struct wall_ms){sim.now_ms});
    if (dead_letter_drop(tx, newest.id) != OK || tx_item_end(tx, true) != OK) {
        tx_rollback(tx);
        return;
    }
    newest.perhaps = tx_commit(tx) != OK;
    if (newest.perhaps) tx_rollback(tx);
    dropped[dropped_count++] = newest;
}

bool retention_dropped(int service, int source, int64_t sequence, bool perhaps)
{
    for (size_t i = 0; i < dropped_count; i++)
        if (dropped[i].service == service && dropped[i].source == source &&
            dropped[i].sequence == sequence && dropped[i].perhaps == perhaps)
            return true;
    return false;
}

/* --- durable listeners ----------------------------------------------------------------------- */

struct durable_row {
    int64_t id;
    const char *source, *subject;
    int64_t seq;
};

/* As the administration's listeners store themselves; in a transaction of its own. */
static void store(const char *sql, const struct durable_row *row)
{
    struct db *db = sim_writer(BUS)->db;
    struct sql_value values[] = {sql_int(row->id), sql_text(str_of(row->source)),
                                 sql_text(str_of(row->subject)), sql_int(row->seq)};
    struct tx *tx;

    if (!db || tx_begin(db, &tx) != OK) return;
    tx_item_begin(tx, (struct wall_ms){sim.now_ms});
    if (tx_exec_values(tx, NULL, sql, values, 4) == OK && tx_item_end(tx, true) == OK)
        (void)tx_commit(tx);
    else
        tx_rollback(tx);
}

#define ALSO " AND $2 <> '' AND $3 <> '' AND $4 >= 0" /* all values are in every statement */

static struct durable_row durable;

static void see_durable_row(void *statement)
{
    enum event_type type = event_type_of(str_of((const char *)sqlite3_column_text(statement, 0)));

    durable.source = event_publisher(type);
    durable.subject = event_subject(type);
    durable.seq = sqlite3_column_int64(statement, 1);
}

static int source_of(const struct durable_row *row)
{
    int source = AUTH;

    while (strcmp(service_names[source], row->source) != 0)
        source++;
    return source;
}

/* Before some event that is kept, of whatever subject. Not while the outcome of the service's last
 * commit is unknown: what a new listener begins with may have been removed in it, which then shows
 * after a crash. The program tells such a listener that it lacks events (deliver.c). */
static void begin_durable(void)
{
    int source = AUTH + (int)chance_below(&chance, SIM_SERVICES - AUTH);
    int64_t count = watch_count(source, "SELECT COUNT(*) FROM outbox");
    char sql[96];

    if (!sim_writer(source)->healthy || !count) return;
    snprintf(sql, sizeof sql,
             "SELECT subject, seq - 1 FROM outbox ORDER BY seq LIMIT 1 OFFSET %lld",
             (long long)chance_below(&chance, count));
    watch_rows(source, sql, see_durable_row);
    store("INSERT INTO durables (id, subject, source, name, queue_group, seq, used_at_ms) "
          "VALUES ($1, $3, $2, 'durable-' || $1, '', $4, 0)",
          &durable);
}

/* An event of its subject beyond its position, one of the next eight; 0: there is none. */
static int64_t some_event_after(const struct durable_row *row)
{
    char sql[256];

    snprintf(sql, sizeof sql,
             "SELECT COALESCE(MAX(seq), 0) FROM (SELECT seq FROM outbox WHERE subject = '%s' AND "
             "seq > %lld ORDER BY seq LIMIT %lld)",
             row->subject, (long long)row->seq, (long long)(1 + chance_below(&chance, 8)));
    return watch_count(source_of(row), sql);
}

/* It acknowledges what it has, or is handed some event of its subject beyond its position. That one
 * is in flight before the position has passed it, as in the program: what was acknowledged is never
 * in flight again. Nobody needs it any more, and its removal may already be in a commit whose
 * outcome is unknown, which shows only after a crash. */
static void move_on(struct durable_row *row)
{
    bool acknowledges = chance_hit(&chance, 0.3);

    row->seq = some_event_after(row);
    if (acknowledges)
        store("DELETE FROM durable_in_flight WHERE durable_id = $1" ALSO, row);
    else if (row->seq)
        store("INSERT INTO durable_in_flight (durable_id, seq) SELECT id, $4 FROM durables "
              "WHERE id = $1" ALSO,
              row);
    if (row->seq)
        store("UPDATE durables SET seq = $4 WHERE id = $1 AND $2 <> '' AND $3 <> ''", row);
}

/* One begins, goes on, or is forgotten. */
static void move_durable(void)
{
    char sql[96];

    durable = (struct durable_row){.id = 1 + chance_below(&chance, 3)};
    snprintf(sql, sizeof sql, "SELECT subject, seq FROM durables WHERE id = %lld",
             (long long)durable.id);
    watch_rows(BUS, sql, see_durable_row);
    if (!durable.source) {
        begin_durable();
    } else if (chance_hit(&chance, 0.2)) {
        store("DELETE FROM durable_in_flight WHERE durable_id = $1" ALSO, &durable);
        store("DELETE FROM durables WHERE id = $1" ALSO, &durable);
    } else {
        move_on(&durable);
    }
}

void retention_disturb(int service)
{
    if (fault_possible(FAULT_EVENT_MALFORMED) && !sim.healing && chance_hit(&chance, 0.05)) {
        sim.watching = true;
        drop_dead_letter(service);
        sim.watching = false;
    }
    if (!sim_writer(service)->env.settings->retention_ms || sim.healing) return;
    if (service == BUS && chance_hit(&chance, 0.06)) {
        sim.watching = true; /* nothing fails: this is no step of the program's */
        move_durable();
        sim.watching = false;
    }
    if (chance_hit(&chance, 0.03)) sim_writer(service)->retention_at = (struct mono_ms){0};
}

/* --- invariant 18 ---------------------------------------------------------------------------- */

/* Written apart from the program's own idea of who listens to whom. */
static bool reads(int reader, int source)
{
    const struct service_definition *def = sim_service(reader)->def;

    if (reader == source || reader == BUS) return false;
    if (source == BUS) return true;
    if (source == AUTH && def->route_count) return true; /* bans and ended sessions */
    for (size_t i = 0; i < def->listener_count; i++)
        if (strcmp(event_publisher(def->listeners[i].type), service_names[source]) == 0)
            return true;
    return false;
}

static int64_t position_of(int reader, int source)
{
    char sql[320];

    snprintf(sql, sizeof sql, "SELECT COALESCE(MAX(seq), 0) FROM bus_positions WHERE source = '%s'",
             service_names[source]);
    return watch_count(reader, sql);
}

static int64_t in_flight_before(int source, int64_t first)
{
    char sql[256];

    snprintf(sql, sizeof sql,
             "SELECT COUNT(*) FROM durable_in_flight f JOIN durables d ON d.id = f.durable_id"
             " WHERE d.source = '%s' AND f.seq < %lld",
             service_names[source], (long long)first);
    return watch_count(BUS, sql);
}

static struct {
    int source;
    int64_t first;
} now;

/* Of its subject nothing is gone that it has not had. */
static void see_durable(void *statement)
{
    struct str subject = str_of((const char *)sqlite3_column_text(statement, 1));
    int64_t position = sqlite3_column_int64(statement, 0);

    CHECK(18, NULL, !watch_published(now.source, subject, position, now.first - 1),
          "%s: the outbox begins with event %lld, and a durable listener of %.*s has had those up "
          "to %lld",
          service_names[now.source], (long long)now.first, (int)subject.len, subject.at,
          (long long)position);
}

static void check_durables(int source, int64_t first)
{
    char sql[256];

    now.source = source;
    now.first = first;
    snprintf(sql, sizeof sql, "SELECT seq, subject FROM durables WHERE source = '%s'",
             service_names[source]);
    watch_rows(BUS, sql, see_durable);
    CHECK(18, NULL, in_flight_before(source, first) == 0,
          "%s: the outbox begins with event %lld, and an earlier one is in flight",
          service_names[source], (long long)first);
}

/* --- rows ------------------------------------------------------------------------------------ */

bool retention_forgotten(int service, const char *id)
{
    const struct settings *settings = sim_writer(service)->env.settings;
    struct object_id parsed;

    ASSERT(object_id_parse(str_of(id), &parsed));
    return settings->retention_ms > 0 &&
           object_id_time(parsed).ms / 1000 <
               (service_now_ms(service) - settings->retention_ms - sim.hold_ms) / 1000;
}

static void check_forgotten(int service, const char *id, const char *what)
{
    CHECK(18, id, retention_forgotten(service, id), "%s removed %s before the time",
          service_names[service], what);
    trace("forgotten", id, service, 0);
}

void retention_forgets_ticket(struct m_ticket *ticket)
{
    check_forgotten(ORDERS, ticket->id, "its copy of a ticket");
    CHECK(18, ticket->id, ticket->was_sold && !ticket->copy_withdrawn_step,
          "orders removed its copy of a ticket that may be ordered, or not");
    CHECK(18, ticket->id, !ticket->listing[0], "orders removed its copy of a ticket of a listing");
    ticket->copy_version = -1;
    ticket->copy_gone = true;
}

static bool has_charge(const struct m_order *order)
{
    int own = model_order_index(order->id, false);

    for (size_t i = 0; i < model_charges(); i++)
        if (model_charge_at(i)->order == own) return true;
    return false;
}

void retention_forgets_order(int service, struct m_order *order)
{
    check_forgotten(service, order->id, "what it keeps of an order");
    if (service == EXPIRATION) {
        CHECK(18, order->id,
              order->timer_due_ms < 0 || order->fires > order->timer_fires ||
                  order->event_status == STATUS_CANCELLED || order->event_status == STATUS_COMPLETE,
              "a timer went that had not fired, and its order is live");
        order->timer_due_ms = -1;
        order->timer_version = -1;
    } else if (service == TICKETS) {
        CHECK(18, order->id, order->ended_step >= 0, "tickets forgot an order that goes on");
        order->ticket_seen = -1;
    } else {
        CHECK(18, order->id, order->event_status == STATUS_CANCELLED && !has_charge(order),
              "payments forgot an order that may be paid, or somebody tried to pay");
        order->copy_version = -1;
    }
}

/* --- events ---------------------------------------------------------------------------------- */

void retention_check(int service, int64_t first, int64_t last_gone_ms)
{
    int64_t age_ms = sim_writer(service)->env.settings->retention_ms;
    int64_t now_ms = sim_writer(service)->wall.ms;

    CHECK(18, NULL, age_ms > 0, "%s: events went, and all are to be kept", service_names[service]);
    /* A writer that is new since a crash has not looked at its clock yet. */
    CHECK(18, NULL, !now_ms || last_gone_ms < now_ms - age_ms,
          "%s: event %lld went %lld ms after it was published", service_names[service],
          (long long)first - 1, (long long)(now_ms - last_gone_ms));
    CHECK(18, NULL, !sim.broker || broker_had(service, first - 1),
          "%s: event %lld went, and the broker was never given it", service_names[service],
          (long long)first - 1);
    for (int i = 0; i < SIM_SERVICES && !sim.broker; i++)
        CHECK(18, NULL, !reads(i, service) || first <= position_of(i, service) + 1,
              "%s: the outbox begins with event %lld, and %s needs %lld", service_names[service],
              (long long)first, service_names[i], (long long)position_of(i, service) + 1);
    check_durables(service, first);
}
