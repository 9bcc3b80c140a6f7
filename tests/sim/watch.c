/* tests/sim/watch.c: sees every row as it is committed, over a connection of its own.
 *
 * SQLite's update hook tells which rows a transaction touched; after the step they are read back
 * and handed to the model. Nothing of the program's own code stands between the file and the model,
 * and the statements here are not the program's. */
#include "sim.h"

#include <sqlite3.h>

enum table {
    TABLE_OUTBOX,
    TABLE_TICKETS,
    TABLE_ORDER_VERSIONS,
    TABLE_ORDERS,
    TABLE_TICKET_COPIES,
    TABLE_ORDER_COPIES,
    TABLE_CHARGES,
    TABLE_TIMERS,
    TABLE_USERS,
    TABLE_BANS,
    TABLE_VENUES,
    TABLE_SHOWS,
    TABLE_LISTINGS,
    TABLE_LISTING_COPIES,
    TABLE_LISTED_SHOWS,
    TABLE_ORDERED_SHOWS,
    TABLE_ENTRIES,
    TABLE_PEOPLE,
    TABLE_MAILS,
    TABLES
};

struct table_row {
    const char *name;
    int service; /* -1: every one */
    const char *columns;
};

static const struct table_row tables[TABLES] = {
    [TABLE_OUTBOX] = {"outbox", -1, "seq, subject, payload, created_at_ms"},
    [TABLE_TICKETS] = {"tickets", TICKETS,
                       "id, version, title, price_cents, user_id, order_id, sold, withdrawn,"
                       " show_id, seat_key"},
    [TABLE_ORDER_VERSIONS] = {"order_versions", TICKETS, "order_id, version"},
    [TABLE_ORDERS] = {"orders", ORDERS,
                      "id, version, status, user_id, expires_at_ms, ticket_id, ticket_title,"
                      " ticket_version, price_cents"},
    [TABLE_TICKET_COPIES] = {"ticket_copies", ORDERS, "id, version, title, price_cents, withdrawn"},
    [TABLE_ORDER_COPIES] = {"order_copies", PAYMENTS, "id, version, status, user_id, price_cents"},
    [TABLE_CHARGES] =
        {"charges", PAYMENTS,
         "id, order_id, status, amount_cents, ask_at_ms, created_at_ms, given_back_cents,"
         " charged_back_cents, attempts, asking"},
    [TABLE_TIMERS] = {"timers", EXPIRATION, "order_id, version, due_at_ms"},
    [TABLE_USERS] = {"users", AUTH, "id, email, version, status"},
    [TABLE_BANS] = {"banned_users", -1, "user_id, version, banned"},
    [TABLE_VENUES] = {"venues", CATALOGUE, "id, version, status, merged_into"},
    [TABLE_SHOWS] = {"shows", CATALOGUE, "id, version, status, merged_into, venue_id"},
    [TABLE_LISTINGS] = {"listings", TICKETS, "id, version, show_id, price_cents, withdrawn"},
    [TABLE_LISTING_COPIES] = {"listing_copies", ORDERS, "id, version, show_id, split, withdrawn"},
    [TABLE_LISTED_SHOWS] =
        {"show_copies", TICKETS,
         "id, version, status, starts_at_ms, merged_into, on_sale, max_per_buyer"},
    [TABLE_ORDERED_SHOWS] = {"show_copies", ORDERS,
                             "id, version, status, starts_at_ms, merged_into, 0, max_per_buyer"},
    [TABLE_ENTRIES] = {"entries", ENTRIES, "id, version, status, holder_id, serial"},
    [TABLE_PEOPLE] = {"people", MAIL, "user_id, version, email"},
    [TABLE_MAILS] = {"mails", MAIL,
                     "id, kind, cause_id, about_id, user_id, amount_cents, status, tries, sent_to,"
                     " made_at_ms"},
};

#define DIRTY_MAX 65536

struct dirty {
    enum table table;
    int64_t rowid;
};

static struct {
    struct dirty *dirty;
    size_t dirty_count;
    bool everything; /* more was touched than fits */
    sqlite3 *reader;
    sqlite3_stmt *by_row[TABLES];
    struct held {
        int *entities; /* by row id: what its row is of, + 1; 0: there is no such row */
        size_t room;
    } held[TABLES];    /* the outbox's: below */
    int64_t sequence;  /* of the outbox: its last event … */
    int64_t first;     /* … and the first that is kept */
    struct published { /* by sequence - 1 */
        uint64_t hash;
        int64_t at_ms;
        enum event_type type;
    } * events;
    size_t event_room;
} seen[SIM_SERVICES];

/* --- noticing ------------------------------------------------------------------------------ */

static int service_of_path(const char *path)
{
    const char *name = strrchr(path, '/');

    for (int i = 0; name && i < SIM_SERVICES; i++) {
        size_t len = strlen(service_names[i]);

        if (strncmp(name + 1, service_names[i], len) == 0 && strcmp(name + 1 + len, ".db") == 0)
            return i;
    }
    return -1;
}

static void on_change(void *context, int operation, const char *database, const char *table,
                      sqlite3_int64 rowid)
{
    int service = (int)(intptr_t)context;

    (void)operation, (void)database;
    for (enum table i = 0; i < TABLES; i++) {
        size_t count = seen[service].dirty_count;

        if (strcmp(tables[i].name, table) != 0) continue;
        if (tables[i].service >= 0 && tables[i].service != service) continue;
        for (size_t j = count; j-- > 0 && count - j < 16;)
            if (seen[service].dirty[j].rowid == rowid && seen[service].dirty[j].table == i) return;
        if (count == DIRTY_MAX)
            seen[service].everything = true;
        else
            seen[service].dirty[seen[service].dirty_count++] = (struct dirty){i, rowid};
        return;
    }
}

static int on_open(sqlite3 *db, char **why, const void *api)
{
    const char *path = sqlite3_db_filename(db, "main");
    int service = path ? service_of_path(path) : -1;

    (void)why, (void)api;
    if (service >= 0) sqlite3_update_hook(db, on_change, (void *)(intptr_t)service);
    return SQLITE_OK;
}

void watch_register(void)
{
    sqlite3_auto_extension((void (*)(void))(uintptr_t)on_open);
    for (int i = 0; i < SIM_SERVICES; i++) {
        seen[i].dirty = calloc(DIRTY_MAX, sizeof *seen[i].dirty);
        ASSERT(seen[i].dirty);
    }
}

/* --- reading ------------------------------------------------------------------------------- */

static const char *text_at(sqlite3_stmt *row, int column)
{
    const char *text = (const char *)sqlite3_column_text(row, column);

    return text ? text : "";
}

static struct str str_at(sqlite3_stmt *row, int column)
{
    const char *text = text_at(row, column);

    return (struct str){text, (size_t)sqlite3_column_bytes(row, column)};
}

static uint64_t hash_event(sqlite3_stmt *row)
{
    return hash_text(str_at(row, 1)) * 31 + hash_text(str_at(row, 2));
}

static void keep_event(int service, int64_t sequence, sqlite3_stmt *row)
{
    size_t room = seen[service].event_room ? 2 * seen[service].event_room : 4096;

    if ((size_t)sequence > seen[service].event_room) {
        seen[service].events = realloc(seen[service].events, room * sizeof *seen[service].events);
        ASSERT(seen[service].events);
        seen[service].event_room = room;
    }
    seen[service].events[sequence - 1] = (struct published){
        hash_event(row), sqlite3_column_int64(row, 3), event_type_of(str_at(row, 1))};
}

bool watch_published(int service, struct str subject, int64_t after, int64_t up_to)
{
    for (int64_t sequence = after + 1; sequence <= up_to; sequence++)
        if (seen[service].events[sequence - 1].type == event_type_of(subject)) return true;
    return false;
}

static void take_outbox(int service, sqlite3_stmt *row)
{
    int64_t sequence = sqlite3_column_int64(row, 0);
    struct str subject = str_at(row, 1), payload = str_at(row, 2);

    if (sequence <= seen[service].sequence) return; /* watch_all holds the sum against it */
    CHECK(6, NULL, sequence == seen[service].sequence + 1,
          "%s: the outbox goes on with %lld after %lld", service_names[service],
          (long long)sequence, (long long)seen[service].sequence);
    seen[service].sequence = sequence;
    keep_event(service, sequence, row);
    trace("published", NULL, service, sequence);
    trace_bytes(payload);
    if (quiet_is_mistake(subject, payload)) return;
    model_event(service, sequence, subject, payload, sqlite3_column_int64(row, 3));
}

static void take_ticket(sqlite3_stmt *row)
{
    struct m_ticket *ticket = model_ticket_at((size_t)model_ticket_index(text_at(row, 0), true));
    bool held = sqlite3_column_type(row, 5) != SQLITE_NULL;

    CHECK(5, ticket->id, sqlite3_column_int64(row, 1) >= ticket->row.version,
          "a ticket went back from version %lld", (long long)ticket->row.version);
    CHECK(1, ticket->id, !ticket->owner[0] || strcmp(ticket->owner, text_at(row, 4)) == 0,
          "a ticket changed its seller");
    snprintf(ticket->owner, sizeof ticket->owner, "%s", text_at(row, 4));
    ticket->row = (struct ticket_state){
        .version = sqlite3_column_int64(row, 1),
        .price_cents = sqlite3_column_int64(row, 3),
        .title = hash_text(str_at(row, 2)),
        .order = held ? model_order_index(text_at(row, 5), false) : -1,
        .sold = sqlite3_column_int64(row, 6) != 0,
        .withdrawn = sqlite3_column_int64(row, 7) != 0,
    };
    snprintf(ticket->show, sizeof ticket->show, "%s", text_at(row, 8));
    ticket->released = sqlite3_column_type(row, 9) == SQLITE_NULL;
    CHECK(28, ticket->id, !ticket->seat || !ticket->released || ticket->closed,
          "its seat may be listed again, and orders has not closed it");
    CHECK(2, ticket->id, !held || ticket->row.order >= 0,
          "held by order %s, which nobody committed", text_at(row, 5));
    model_ticket_agrees(ticket);
}

static void take_order(sqlite3_stmt *row)
{
    struct m_order *order = model_order_at((size_t)model_order_index(text_at(row, 0), true));
    int ticket = model_ticket_index(text_at(row, 5), false);
    int64_t version = sqlite3_column_int64(row, 1), price = sqlite3_column_int64(row, 8);
    int64_t ticket_version = sqlite3_column_int64(row, 7);
    bool first = order->version < 0;

    CHECK(6, order->id, ticket >= 0, "an order of a ticket nobody committed");
    CHECK(5, order->id, version >= order->version, "an order went back from version %lld",
          (long long)order->version);
    if (first) {
        const struct m_ticket *of = model_ticket_at((size_t)ticket);

        CHECK(5, order->id, ticket_version >= 0 && ticket_version <= of->event.version,
              "ordered at version %lld of a ticket", (long long)ticket_version);
        CHECK(15, order->id, !model_banned_before(ORDERS, of->owner),
              "ordered, and orders knows that the seller %s is banned", of->owner);
        CHECK(17, order->id, !of->history[ticket_version].withdrawn,
              "ordered at version %lld of a ticket, which was taken down",
              (long long)ticket_version);
        CHECK(4, order->id,
              of->history[ticket_version].price_cents == price &&
                  of->history[ticket_version].title == hash_text(str_at(row, 6)),
              "ordered at %lld cents; version %lld of the ticket says otherwise", (long long)price,
              (long long)ticket_version);
    }
    CHECK(4, order->id,
          order->tickets[0] == ticket && order->prices[0] == price &&
              strcmp(order->user, text_at(row, 3)) == 0,
          "an order's ticket, price or buyer changed");
    order->version = version;
    order->expires_at_ms = sqlite3_column_int64(row, 4);
    order->status = model_status(text_at(row, 2));
    CHECK(1, order->id, order->status != STATUS_NONE, "status %s", text_at(row, 2));
    model_order_agrees(order);
}

static void take_ticket_copy(sqlite3_stmt *row)
{
    int index = model_ticket_index(text_at(row, 0), false);
    int64_t version = sqlite3_column_int64(row, 1), price = sqlite3_column_int64(row, 3);
    bool withdrawn = sqlite3_column_int64(row, 4) != 0;
    struct m_ticket *ticket;

    CHECK(6, text_at(row, 0), index >= 0, "orders has a copy of a ticket nobody committed");
    ticket = model_ticket_at((size_t)index);
    CHECK(5, ticket->id, version >= ticket->copy_version, "the copy went back from version %lld",
          (long long)ticket->copy_version);
    CHECK(5, ticket->id, version <= ticket->event.version, "the copy is ahead: version %lld",
          (long long)version);
    CHECK(5, ticket->id,
          ticket->history[version].price_cents == price &&
              ticket->history[version].title == hash_text(str_at(row, 2)),
          "the copy's price %lld or title is not that of version %lld", (long long)price,
          (long long)version);
    CHECK(5, ticket->id, ticket->history[version].withdrawn == withdrawn,
          "the copy says taken down: %d, and version %lld does not", withdrawn, (long long)version);
    if (withdrawn && !ticket->copy_withdrawn_step) ticket->copy_withdrawn_step = sim.step;
    if (ticket->copy_version != version) ticket->copy_step = sim.step;
    ticket->copy_version = version;
    ticket->copy_price = price;
    ticket->copy_title = hash_text(str_at(row, 2));
}

/* The order that a row of a replica is of. */
static struct m_order *order_of(sqlite3_stmt *row, const char *replica)
{
    struct m_order *order = model_order(text_at(row, 0));

    CHECK(6, text_at(row, 0), order, "%s: an order nobody committed", replica);
    return order;
}

/* A replica never goes back and is never ahead of its order. held: the version it had, then has. */
static void take_version(sqlite3_stmt *row, const char *replica, const struct m_order *order,
                         int64_t *held)
{
    int64_t version = sqlite3_column_int64(row, 1);

    CHECK(5, order->id, version >= *held && version <= order->version,
          "%s: from version %lld to %lld, the order has %lld", replica, (long long)*held,
          (long long)version, (long long)order->version);
    *held = version;
}

static void take_order_copy(sqlite3_stmt *row)
{
    static const char replica[] = "payments' copy";
    struct m_order *order = order_of(row, replica);
    int64_t before = order->copy_version;

    take_version(row, replica, order, &order->copy_version);
    CHECK(5, order->id,
          strcmp(order->user, text_at(row, 3)) == 0 &&
              order->price_cents == sqlite3_column_int64(row, 4),
          "payments' copy has another buyer or price");
    if (order->copy_version != before) order->copy_step = sim.step;
    order->copy_status = model_status(text_at(row, 2));
}

/* The same as a constant, for the trace. */
static const char *status_word(const char *status)
{
    static const char *const words[] = {"pending", "unknown",        "captured", "declined",
                                        "refused", "refund_pending", "refunded"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i], status) == 0) return words[i];
    return "refund_failed";
}

/* Nobody asks before the pause is over, over restarts too: only for an answer that was lost, and
 * when the bank has said that there is something to see. */
static void check_back_off(const struct m_charge *charge, const char *status, int64_t attempts)
{
    bool waits = strcmp(status, "unknown") == 0 || strcmp(status, "refund_pending") == 0;

    if (!waits || strcmp(charge->status, status) != 0 || attempts <= charge->attempts) return;
    if (charge->asking || charge->told || fault_possible(FAULT_CLOCK_SKEW) ||
        fault_possible(FAULT_CLOCK_JUMP))
        return;
    CHECK(12, charge->id, service_now_ms(PAYMENTS) >= charge->ask_at_ms,
          "the processor is asked %lld ms before the pause is over",
          (long long)(charge->ask_at_ms - service_now_ms(PAYMENTS)));
}

static void take_charge(sqlite3_stmt *row)
{
    struct m_charge *charge = model_charge_at((size_t)model_charge_index(text_at(row, 0), true));
    const char *status = text_at(row, 2);
    int order = model_order_index(text_at(row, 1), false);
    bool begun = charge->order < 0;
    int64_t ask_at_ms;

    CHECK(3, charge->id, order >= 0, "a charge for an order nobody committed");
    CHECK(3, charge->id, charge->order < 0 || charge->order == order, "a charge changed its order");
    CHECK(1, charge->id,
          (strcmp(charge->status, "captured") != 0 && strncmp(charge->status, "refund", 6) != 0) ||
              strcmp(status, charge->status) == 0 || strncmp(status, "refund", 6) == 0,
          "a %s charge became %s", charge->status, status);
    CHECK(1, charge->id,
          charge->order >= 0 || !model_copy_was_cancelled(model_order_at((size_t)order)),
          "begun, although payments knew that the order was cancelled");
    check_back_off(charge, status, sqlite3_column_int64(row, 8));
    charge->attempts = sqlite3_column_int64(row, 8);
    charge->asking = sqlite3_column_int64(row, 9) != 0;
    ask_at_ms =
        sqlite3_column_type(row, 4) == SQLITE_NULL ? INT64_MAX : sqlite3_column_int64(row, 4);
    if (begun || ask_at_ms != charge->ask_at_ms) charge->ask_set_at = sim_mono();
    charge->ask_at_ms = ask_at_ms;
    charge->order = order;
    charge->created_at_ms = sqlite3_column_int64(row, 5);
    if (begun) model_charge_allowed(charge);
    charge->given_back_cents = sqlite3_column_int64(row, 6);
    charge->charged_back_cents = sqlite3_column_int64(row, 7);
    CHECK(4, charge->id, charge->given_back_cents >= 0, "%lld cents given back of %lld",
          (long long)charge->given_back_cents, (long long)charge->amount_cents);
    charge->refund_begun |= strcmp(status, "refund_pending") == 0 ||
                            (charge->refund_asked && strcmp(status, "refunded") == 0);
    charge->amount_cents = sqlite3_column_int64(row, 3);
    CHECK(4, charge->id, charge->amount_cents == model_order_at((size_t)order)->price_cents,
          "a charge of %lld cents for an order of %lld", (long long)charge->amount_cents,
          (long long)model_order_at((size_t)order)->price_cents);
    CHECK(3, charge->id,
          strcmp(status, "refunded") != 0 ||
              charge->given_back_cents + charge->charged_back_cents >= charge->amount_cents,
          "refunded, and of its %lld cents only %lld are back", (long long)charge->amount_cents,
          (long long)(charge->given_back_cents + charge->charged_back_cents));
    if (strcmp(charge->status, status) != 0)
        trace(status_word(status), charge->id, charge->amount_cents, order);
    snprintf(charge->status, sizeof charge->status, "%s", status);
    CHECK(3, charge->id, strcmp(status, "captured") != 0 || bank_captured(charge->id),
          "captured, says the program; the bank knows nothing of it");
    CHECK(3, charge->id, strcmp(status, "declined") != 0 || !bank_captured(charge->id),
          "declined, says the program; the bank has the money");
}

static void take_timer(sqlite3_stmt *row)
{
    static const char replica[] = "the timer";
    struct m_order *order = order_of(row, replica);

    take_version(row, replica, order, &order->timer_version);
    order->timer_due_ms =
        sqlite3_column_type(row, 2) == SQLITE_NULL ? -1 : sqlite3_column_int64(row, 2);
    order->timer_fires = order->fires;
}

static void take_order_version(sqlite3_stmt *row)
{
    static const char replica[] = "what tickets has seen";
    struct m_order *order = order_of(row, replica);

    take_version(row, replica, order, &order->ticket_seen);
}

static void take(int service, enum table table, sqlite3_stmt *row)
{
    switch (table) {
    case TABLE_OUTBOX:
        take_outbox(service, row);
        break;
    case TABLE_TICKETS:
        take_ticket(row);
        break;
    case TABLE_ORDER_VERSIONS:
        take_order_version(row);
        break;
    case TABLE_ORDERS:
        take_order(row);
        break;
    case TABLE_TICKET_COPIES:
        take_ticket_copy(row);
        break;
    case TABLE_ORDER_COPIES:
        take_order_copy(row);
        break;
    case TABLE_CHARGES:
        take_charge(row);
        break;
    case TABLE_TIMERS:
        take_timer(row);
        break;
    case TABLE_USERS:
        model_user_row(text_at(row, 0), text_at(row, 1), sqlite3_column_int64(row, 2),
                       strcmp(text_at(row, 3), "banned") == 0);
        break;
    case TABLE_BANS:
        model_ban_row(service, text_at(row, 0), sqlite3_column_int64(row, 1),
                      sqlite3_column_int64(row, 2) != 0);
        break;
    case TABLE_VENUES:
    case TABLE_SHOWS:
        catalogue_row(text_at(row, 0), sqlite3_column_int64(row, 1), text_at(row, 2),
                      text_at(row, 3), table == TABLE_SHOWS ? text_at(row, 4) : "");
        break;
    case TABLE_LISTINGS:
        listing_row(text_at(row, 0), sqlite3_column_int64(row, 1), text_at(row, 2),
                    sqlite3_column_int64(row, 3), sqlite3_column_int64(row, 4) != 0);
        break;
    case TABLE_LISTING_COPIES:
        listing_copied(text_at(row, 0), sqlite3_column_int64(row, 1), text_at(row, 2),
                       text_at(row, 3), sqlite3_column_int64(row, 4) != 0);
        break;
    case TABLE_LISTED_SHOWS:
    case TABLE_ORDERED_SHOWS:
        show_copied(service, text_at(row, 0), sqlite3_column_int64(row, 1), text_at(row, 2),
                    sqlite3_column_int64(row, 3), text_at(row, 4),
                    sqlite3_column_int64(row, 5) != 0, sqlite3_column_int64(row, 6));
        break;
    case TABLE_ENTRIES:
        entry_row(text_at(row, 0), sqlite3_column_int64(row, 1), text_at(row, 2), text_at(row, 3),
                  text_at(row, 4));
        break;
    case TABLE_PEOPLE:
        letters_person(text_at(row, 0), sqlite3_column_int64(row, 1), text_at(row, 2));
        break;
    case TABLE_MAILS:
        letters_row(row);
        break;
    case TABLES:
        break;
    }
}

/* --- after a step -------------------------------------------------------------------------- */

static sqlite3_stmt *prepare(int service, const char *sql)
{
    sqlite3_stmt *statement = NULL;

    if (sqlite3_prepare_v2(seen[service].reader, sql, -1, &statement, NULL) != SQLITE_OK)
        violation(INVARIANT_NONE, NULL, "%s: %s: %s", service_names[service], sql,
                  sqlite3_errmsg(seen[service].reader));
    return statement;
}

static sqlite3_stmt *by_row(int service, enum table table)
{
    char sql[256];

    if (seen[service].by_row[table]) return seen[service].by_row[table];
    snprintf(sql, sizeof sql, "SELECT %s FROM %s WHERE rowid = ?", tables[table].columns,
             tables[table].name);
    return seen[service].by_row[table] = prepare(service, sql);
}

/* What the row is of: the model's ticket or order, where the table has one a thing. */
static int entity_of(enum table table, sqlite3_stmt *row)
{
    if (table == TABLE_TICKET_COPIES) return model_ticket_index(text_at(row, 0), false);
    if (table == TABLE_ORDER_VERSIONS || table == TABLE_ORDER_COPIES || table == TABLE_TIMERS)
        return model_order_index(text_at(row, 0), false);
    return 0;
}

static void row_gone(int service, enum table table, int entity)
{
    if (table == TABLE_TICKET_COPIES)
        retention_forgets_ticket(model_ticket_at((size_t)entity));
    else if (table == TABLE_ORDER_VERSIONS)
        retention_forgets_order(TICKETS, model_order_at((size_t)entity));
    else if (table == TABLE_ORDER_COPIES)
        retention_forgets_order(PAYMENTS, model_order_at((size_t)entity));
    else if (table == TABLE_TIMERS)
        retention_forgets_order(EXPIRATION, model_order_at((size_t)entity));
    else if (table != TABLE_MAILS) /* those have their time: letters.c */
        violation(10, NULL, "%s: a row of %s is gone", service_names[service], tables[table].name);
}

/* The row with this id is of that from now on; -1: it is gone. */
static void hold(int service, enum table table, int64_t rowid, int entity)
{
    struct held *held = &seen[service].held[table];
    size_t room = held->room ? held->room : 64;
    int before;

    while ((size_t)rowid >= room)
        room *= 2;
    if (room > held->room) {
        held->entities = realloc(held->entities, room * sizeof *held->entities);
        ASSERT(held->entities);
        memset(&held->entities[held->room], 0, (room - held->room) * sizeof *held->entities);
        held->room = room;
    }
    before = held->entities[rowid] - 1;
    if (before == entity) return;
    held->entities[rowid] = entity + 1;
    if (before >= 0) row_gone(service, table, before);
}

/* The service's transaction has removed the oldest of its events. */
static void take_removed(int service)
{
    int64_t first = watch_count(service, "SELECT COALESCE(MIN(seq), 1) FROM outbox");

    CHECK(18, NULL, first >= seen[service].first, "%s: what was removed is there again",
          service_names[service]);
    if (first == seen[service].first) return;
    retention_check(service, first, seen[service].events[first - 2].at_ms);
    trace("removed", NULL, service, first);
    seen[service].first = first;
}

/* Events before rows of other tables: an event says more than the row it leaves. People before what
 * is written to them. */
enum pass { PASS_EVENTS, PASS_PEOPLE, PASS_REST, PASSES };

static enum pass pass_of(enum table table)
{
    if (table == TABLE_OUTBOX) return PASS_EVENTS;
    return table == TABLE_PEOPLE ? PASS_PEOPLE : PASS_REST;
}

static void take_dirty(int service, enum pass pass)
{
    bool removed = false;

    for (size_t i = 0; i < seen[service].dirty_count; i++) {
        struct dirty dirty = seen[service].dirty[i];
        sqlite3_stmt *row;

        if (pass_of(dirty.table) != pass) continue;
        row = by_row(service, dirty.table);
        sqlite3_bind_int64(row, 1, dirty.rowid);
        if (sqlite3_step(row) == SQLITE_ROW) {
            if (pass != PASS_EVENTS)
                hold(service, dirty.table, dirty.rowid, entity_of(dirty.table, row));
            take(service, dirty.table, row);
        } else if (pass == PASS_EVENTS) {
            removed = true;
        } else {
            hold(service, dirty.table, dirty.rowid, -1);
        }
        sqlite3_reset(row);
    }
    if (removed) take_removed(service);
}

void watch_step(int service)
{
    if (seen[service].everything) {
        watch_all(service);
        return;
    }
    if (!seen[service].dirty_count) return;
    sim.watching = true;
    sqlite3_exec(seen[service].reader, "BEGIN", NULL, NULL, NULL);
    for (enum pass pass = 0; pass < PASSES; pass++)
        take_dirty(service, pass);
    sqlite3_exec(seen[service].reader, "COMMIT", NULL, NULL, NULL);
    model_service_holds(service);
    sim.watching = false;
    seen[service].dirty_count = 0;
}

/* --- everything ---------------------------------------------------------------------------- */

/* All from the first on that is kept, as they were committed. */
static void check_outbox(int service)
{
    sqlite3_stmt *row =
        prepare(service, "SELECT seq, subject, payload, created_at_ms FROM outbox ORDER BY seq");
    int64_t next = seen[service].first;

    while (sqlite3_step(row) == SQLITE_ROW && next <= seen[service].sequence) {
        CHECK(10, NULL, sqlite3_column_int64(row, 0) == next, "%s: event %lld follows %lld",
              service_names[service], (long long)sqlite3_column_int64(row, 0), (long long)next - 1);
        CHECK(10, NULL, hash_event(row) == seen[service].events[next - 1].hash,
              "%s: event %lld is another one now", service_names[service], (long long)next);
        next++;
    }
    sqlite3_finalize(row);
    CHECK(10, NULL, next > seen[service].sequence, "%s: events %lld to %lld are gone",
          service_names[service], (long long)next, (long long)seen[service].sequence);
}

static void take_table(int service, enum table table)
{
    char sql[256];
    sqlite3_stmt *row;
    int64_t next = 0; /* the row ids below it were looked at */

    snprintf(sql, sizeof sql, "SELECT %s, rowid FROM %s ORDER BY rowid", tables[table].columns,
             tables[table].name);
    row = prepare(service, sql);
    while (sqlite3_step(row) == SQLITE_ROW) {
        int64_t rowid = sqlite3_column_int64(row, sqlite3_column_count(row) - 1);

        if (table != TABLE_OUTBOX) {
            for (; next < rowid; next++)
                hold(service, table, next, -1);
            hold(service, table, next++, entity_of(table, row));
        }
        take(service, table, row);
    }
    sqlite3_finalize(row);
    for (; (size_t)next < seen[service].held[table].room; next++)
        hold(service, table, next, -1);
}

void watch_all(int service)
{
    seen[service].dirty_count = 0;
    seen[service].everything = false;
    sim.watching = true;
    sqlite3_exec(seen[service].reader, "BEGIN", NULL, NULL, NULL);
    take_removed(service);
    check_outbox(service);
    take_table(service, TABLE_OUTBOX);
    for (enum table table = 0; table < TABLES; table++)
        if (tables[table].service == service || table == TABLE_BANS) take_table(service, table);
    sqlite3_exec(seen[service].reader, "COMMIT", NULL, NULL, NULL);
    model_service_holds(service);
    sim.watching = false;
}

int64_t watch_count(int service, const char *sql)
{
    sqlite3_stmt *row = prepare(service, sql);
    int64_t count = sqlite3_step(row) == SQLITE_ROW ? sqlite3_column_int64(row, 0) : 0;

    sqlite3_finalize(row);
    return count;
}

void watch_rows(int service, const char *sql, void (*see)(void *sqlite_statement))
{
    sqlite3_stmt *row = prepare(service, sql);

    while (sqlite3_step(row) == SQLITE_ROW)
        see(row);
    sqlite3_finalize(row);
}

/* --- coming and going ---------------------------------------------------------------------- */

void watch_begin(void)
{
    for (int i = 0; i < SIM_SERVICES; i++) {
        struct dirty *dirty = seen[i].dirty;
        struct published *events = seen[i].events;
        size_t room = seen[i].event_room;

        for (enum table table = 0; table < TABLES; table++)
            free(seen[i].held[table].entities);
        memset(&seen[i], 0, sizeof seen[i]);
        seen[i].dirty = dirty;
        seen[i].events = events;
        seen[i].event_room = room;
        seen[i].first = 1;
    }
}

void watch_open(void)
{
    sim.watching = true;
    for (int i = 0; i < SIM_SERVICES; i++) {
        int code = sqlite3_open_v2(sim_service(i)->dsn, &seen[i].reader,
                                   SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);

        ASSERT(code == SQLITE_OK);
        sqlite3_db_config(seen[i].reader, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    }
    sim.watching = false;
}

void watch_close(void)
{
    for (int i = 0; i < SIM_SERVICES; i++) {
        for (enum table table = 0; table < TABLES; table++) {
            sqlite3_finalize(seen[i].by_row[table]);
            seen[i].by_row[table] = NULL;
        }
        sqlite3_close(seen[i].reader);
        seen[i].reader = NULL;
        seen[i].dirty_count = 0;
    }
}
