/* tests/sim/quiet.c: what must hold when faults have stopped and everything has settled. */
#include "sim.h"

#include <sqlite3.h>

#define MISTAKES_MAX 256

static struct {
    uint64_t mistakes[MISTAKES_MAX];
    size_t count;
    int service; /* whose rows are looked at */
    int source;  /* whose events */
} quiet;

void quiet_begin(void)
{
    quiet.count = 0;
}

static uint64_t mark_of(struct str subject, struct str payload)
{
    return hash_text(subject) * 31 + hash_text(payload);
}

void quiet_mistake(const char *subject, const char *payload)
{
    ASSERT(quiet.count < MISTAKES_MAX);
    quiet.mistakes[quiet.count++] = mark_of(str_of(subject), str_of(payload));
}

bool quiet_is_mistake(struct str subject, struct str payload)
{
    for (size_t i = 0; i < quiet.count; i++)
        if (quiet.mistakes[i] == mark_of(subject, payload)) return true;
    return false;
}

/* --- tickets and orders --------------------------------------------------------------------- */

static void check_ticket(const struct m_ticket *ticket)
{
    const struct m_order *live = ticket->live >= 0 ? model_order_at((size_t)ticket->live) : NULL;

    CHECK(2, ticket->id, ticket->row.order == ticket->live, "held by order %s, wanted by %s",
          ticket->row.order >= 0 ? model_order_at((size_t)ticket->row.order)->id : "none",
          live ? live->id : "none");
    CHECK(2, ticket->id, ticket->row.sold == (live && live->status == STATUS_COMPLETE),
          "sold: %d, its order's status: %d", ticket->row.sold, live ? live->status : 0);
    if (live) {
        int place = model_place(live, ticket);

        CHECK(4, ticket->id,
              place >= 0 && ticket->row.price_cents == live->prices[place] &&
                  (place > 0 || ticket->row.title == live->title),
              "it shows %lld cents, and its order was made otherwise",
              (long long)ticket->row.price_cents);
    }
    CHECK(5, ticket->id,
          ticket->copy_version == ticket->row.version ||
              (ticket->copy_gone && ticket->copy_version < 0 && ticket->row.sold),
          "orders' copy has version %lld of %lld", (long long)ticket->copy_version,
          (long long)ticket->row.version);
    CHECK(10, ticket->id, ticket->acked <= ticket->row.version, "an answered edit is gone");
    CHECK(10, ticket->id, !ticket->withdraw_acked || ticket->row.withdrawn,
          "an answered withdrawal is gone");
}

/* By the clock they all have by now: who knows nothing of it need not, and a repeat that came since
 * has left what it left. */
static bool forgotten(const struct m_order *order)
{
    return retention_forgotten(ORDERS, order->id);
}

static void check_order(const struct m_order *order)
{
    CHECK(13, order->id, order->status == STATUS_COMPLETE || order->status == STATUS_CANCELLED,
          "still in status %d", order->status);
    CHECK(5, order->id,
          (order->copy_version == order->version && order->copy_status == order->status) ||
              (order->copy_version < 0 && order->status == STATUS_CANCELLED && forgotten(order)),
          "payments' copy has version %lld of %lld", (long long)order->copy_version,
          (long long)order->version);
    CHECK(5, order->id, order->timer_version == order->version || forgotten(order),
          "the timer has version %lld of %lld", (long long)order->timer_version,
          (long long)order->version);
    CHECK(9, order->id, order->timer_due_ms < 0, "its timer never fired");
    CHECK(5, order->id, order->ticket_seen == order->version || forgotten(order),
          "tickets has version %lld of %lld", (long long)order->ticket_seen,
          (long long)order->version);
    CHECK(10, order->id, !order->cancel_acked || order->was_cancelled,
          "an answered cancellation is gone");
    CHECK(10, order->id, !order->acked || order->version >= 0, "an answered order is gone");
}

/* --- money ---------------------------------------------------------------------------------- */

/* Another charge of the same order was captured and not given back in full. */
static bool has_other_money(const struct m_charge *charge)
{
    for (size_t i = 0; i < model_charges(); i++) {
        const struct m_charge *other = model_charge_at(i);

        if (other != charge && other->order == charge->order &&
            (strcmp(other->status, "captured") == 0 || strcmp(other->status, "refund_failed") == 0))
            return true;
    }
    return false;
}

static void check_money(const struct bank_charge *at_bank)
{
    const char *id = at_bank->id;
    const struct m_charge *charge = model_charge(id);
    const struct m_order *order = model_order(at_bank->order_id);
    int64_t back_cents = at_bank->given_back_cents + at_bank->charged_back_cents;
    bool refunded;

    CHECK(10, id, charge, "the bank was asked for a charge that is not stored");
    if (!at_bank->captured) {
        CHECK(3, id, strcmp(charge->status, "captured") != 0, "captured, but not at the bank");
        return;
    }
    CHECK(4, id, charge->given_back_cents == at_bank->given_back_cents,
          "the bank gave %lld cents back, the program says %lld",
          (long long)at_bank->given_back_cents, (long long)charge->given_back_cents);
    CHECK(4, id, charge->charged_back_cents == at_bank->charged_back_cents,
          "the bank took %lld cents by a dispute, the program says %lld",
          (long long)at_bank->charged_back_cents, (long long)charge->charged_back_cents);
    refunded = strcmp(charge->status, "refunded") == 0;
    CHECK(3, id, refunded || at_bank->given_back_cents < at_bank->amount_cents,
          "the bank gave all back, the program says %s", charge->status);
    if (refunded) {
        CHECK(3, id, back_cents >= at_bank->amount_cents, "refunded, but only %lld cents of %lld",
              (long long)back_cents, (long long)at_bank->amount_cents);
        CHECK(3, order->id, order->status == STATUS_CANCELLED || has_other_money(charge),
              "complete, and the money is given back");
        return;
    }
    if (strcmp(charge->status, "refund_failed") == 0) return; /* owed, and the operator knows */
    CHECK(3, id, strcmp(charge->status, "captured") == 0,
          "the bank has %lld cents, the program says %s", (long long)at_bank->amount_cents,
          charge->status);
    CHECK(3, order->id, order->status == STATUS_COMPLETE,
          "the bank has %lld cents for an order in status %d", (long long)at_bank->amount_cents,
          order->status);
}

/* Orders has heard the last word about a refund: that it was given, or that it came back. */
static void see_noticed(void *row)
{
    const char *id = (const char *)sqlite3_column_text(row, 0);
    long long notices = sqlite3_column_int64(row, 1);
    char sql[200];

    snprintf(sql, sizeof sql,
             "SELECT COUNT(*) FROM payments WHERE id = '%s' AND notice = %lld AND status = '%s'",
             id, notices, notices % 2 ? "refunded" : "refund_failed");
    CHECK(5, id, watch_count(ORDERS, sql) == 1,
          "orders has not heard the last of %lld words about its refund", notices);
}

static int64_t account(const char *name)
{
    char sql[128];

    snprintf(sql, sizeof sql,
             "SELECT COALESCE(SUM(amount_cents), 0) FROM ledger WHERE account = '%s'", name);
    return watch_count(PAYMENTS, sql);
}

static bool has_charge(size_t order, const char *status)
{
    for (size_t i = 0; i < model_charges(); i++)
        if (model_charge_at(i)->order == (int)order &&
            strcmp(model_charge_at(i)->status, status) == 0)
            return true;
    return false;
}

static int64_t covered(const char *charge_id)
{
    char sql[200];

    snprintf(sql, sizeof sql,
             "SELECT COALESCE(SUM(amount_cents), 0) FROM ledger WHERE kind = 'cover'"
             " AND account = 'chargeback' AND charge_id = '%s'",
             charge_id);
    return watch_count(PAYMENTS, sql);
}

static void check_ledger(int64_t earned, int64_t owed, int64_t lost)
{
    CHECK(4, NULL, bank_held() == earned + owed - lost,
          "the bank holds %lld, earned %lld, owed %lld, lost %lld", (long long)bank_held(),
          (long long)earned, (long long)owed, (long long)lost);
    CHECK(4, NULL, account("held") == 0, "the ledger holds %lld", (long long)account("held"));
    CHECK(4, NULL,
          account("revenue") == earned && account("refund") == owed &&
              account("chargeback") == -lost,
          "the ledger says revenue %lld, owed %lld, lost %lld; it is %lld, %lld and %lld",
          (long long)account("revenue"), (long long)account("refund"),
          (long long)-account("chargeback"), (long long)earned, (long long)owed, (long long)lost);
    CHECK(4, NULL, account("buyer") == -bank_held(), "the ledger does not sum to zero");
}

static void check_sums(void)
{
    int64_t earned = 0, owed = 0, lost = 0;

    for (size_t i = 0; i < model_orders(); i++) {
        const struct m_order *order = model_order_at(i);

        CHECK(3, order->id,
              order->status != STATUS_COMPLETE || has_charge(i, "captured") ||
                  has_charge(i, "refund_failed"),
              "complete, and nobody paid");
    }
    for (size_t i = 0; i < model_charges(); i++) {
        const struct m_charge *charge = model_charge_at(i);
        bool open = strcmp(charge->status, "pending") == 0 ||
                    strcmp(charge->status, "unknown") == 0 ||
                    strcmp(charge->status, "refund_pending") == 0;
        int64_t rest = charge->amount_cents - charge->given_back_cents;

        CHECK(13, charge->id, !open, "still %s", charge->status);
        if (strcmp(charge->status, "captured") == 0) earned += rest;
        if (strcmp(charge->status, "refund_failed") == 0) owed += rest - covered(charge->id);
        lost += charge->charged_back_cents - covered(charge->id);
    }
    check_ledger(earned, owed, lost);
}

/* --- events --------------------------------------------------------------------------------- */

static void see_dead(void *row)
{
    struct str subject = str_of((const char *)sqlite3_column_text(row, 0));
    struct str payload = str_of((const char *)sqlite3_column_text(row, 1));
    const char *reason = (const char *)sqlite3_column_text(row, 2);

    if (quiet_is_mistake(subject, payload)) return;
    violation(7, NULL, "%s dead-lettered %s %s: %s", service_names[quiet.service], subject.at,
              payload.at, reason);
}

static void see_waiting(void *row)
{
    struct str subject = str_of((const char *)sqlite3_column_text(row, 0));
    struct str payload = str_of((const char *)sqlite3_column_text(row, 1));

    violation(7, NULL, "%s still waits with %s %s, after more than a day",
              service_names[quiet.service], subject.at, payload.at);
}

static int index_of(const char *service)
{
    int i = 0;

    while (i < SIM_SERVICES && strcmp(service_names[i], service) != 0)
        i++;
    return i;
}

static int64_t position_of(int service, int source)
{
    char sql[128];

    snprintf(sql, sizeof sql, "SELECT seq FROM bus_positions WHERE source = '%s'",
             service_names[source]);
    return watch_count(service, sql);
}

/* Every event the service listens to has been taken over, whoever published it. */
static void check_subscription(int service)
{
    const struct service_definition *def = sim_service(service)->def;

    if (sim.broker) broker_quiet(service);
    for (size_t i = 0; i < def->listener_count && !sim.broker; i++) {
        const char *subject = event_subject(def->listeners[i].type);
        int source = index_of(event_publisher(def->listeners[i].type));
        char sql[160];

        snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM outbox WHERE subject = '%s' AND seq > %lld",
                 subject, (long long)position_of(service, source));
        CHECK(6, NULL, watch_count(source, sql) == 0, "%s has not taken over every %s",
              service_names[service], subject);
    }
}

/* What is counted is right, and whoever reads has few events left to count. */
static void check_channels(int service)
{
    int64_t wrong = watch_count(
        service,
        "WITH counted AS (SELECT * FROM outbox WHERE seq <="
        " (SELECT COALESCE(MAX(last_seq), 0) FROM bus_channels))"
        " SELECT (SELECT COUNT(*) FROM (SELECT subject, COUNT(*) n, MIN(seq) a, MAX(seq) b,"
        " SUM(LENGTH(CAST(payload AS BLOB))) s FROM counted GROUP BY subject) o"
        " LEFT JOIN bus_channels c USING (subject)"
        " WHERE c.subject IS NULL OR c.messages <> n OR c.first_seq > a OR c.bytes <> s"
        " OR c.last_seq <> b) + (SELECT COUNT(*) FROM bus_channels WHERE messages <> 0"
        " AND subject NOT IN (SELECT subject FROM counted))");
    int64_t left = watch_count(service, "SELECT COUNT(*) FROM outbox WHERE seq >"
                                        " (SELECT COALESCE(MAX(last_seq), 0) FROM bus_channels)");

    CHECK(6, NULL, wrong == 0, "%s: channel counts are not those of its outbox",
          service_names[service]);
    CHECK(6, NULL, left < OUTBOX_FOLD_EVENTS, "%s: %lld events are not counted",
          service_names[service], (long long)left);
}

/* What was published by mistake is a dead letter of each who listens to it, once: at once, or after
 * a day of waiting for the version before it. */
static void see_published(void *row)
{
    struct str subject = str_of((const char *)sqlite3_column_text(row, 0));
    struct str payload = str_of((const char *)sqlite3_column_text(row, 1));
    char sql[256];
    int64_t sequence = sqlite3_column_int64(row, 2), kept;

    if (!quiet_is_mistake(subject, payload)) return;
    snprintf(sql, sizeof sql,
             "SELECT COUNT(*) FROM bus_dead WHERE source = '%s' AND seq = %lld AND reason <> ''",
             service_names[quiet.source], (long long)sequence);
    kept = watch_count(quiet.service, sql);
    kept += retention_dropped(quiet.service, quiet.source, sequence, false);
    CHECK(7, NULL,
          kept == 1 || (kept > 1 && broker_outslept()) ||
              (kept == 0 && retention_dropped(quiet.service, quiet.source, sequence, true)),
          "%s dead-lettered %s %s %lld times", service_names[quiet.service], subject.at, payload.at,
          (long long)kept);
}

static void check_mistakes(int service)
{
    const struct service_definition *def = sim_service(service)->def;

    if (service == AUTH || service == MAIL || service == ENTRIES)
        return; /* take an order of any version */
    for (size_t i = 0; i < def->listener_count && quiet.count; i++) {
        const char *subject = event_subject(def->listeners[i].type);
        char sql[128];

        quiet.source = index_of(event_publisher(def->listeners[i].type));
        snprintf(sql, sizeof sql, "SELECT subject, payload, seq FROM outbox WHERE subject = '%s'",
                 subject);
        watch_rows(quiet.source, sql, see_published);
    }
}

static void check_books(int service)
{
    quiet.service = service;
    watch_rows(service, "SELECT subject, payload, reason FROM bus_dead", see_dead);
    watch_rows(service, "SELECT subject, payload FROM bus_waiting", see_waiting);
    CHECK(7, NULL,
          broker_outslept() ||
              watch_count(service,
                          "SELECT COUNT(*) FROM (SELECT 1 FROM bus_dead GROUP BY source, seq"
                          " HAVING COUNT(*) > 1)") == 0,
          "%s dead-lettered an event twice", service_names[service]);
    check_subscription(service);
    check_mistakes(service);
    CHECK(13, NULL, sim_writer(service)->healthy, "%s never looked whether it is healthy again",
          service_names[service]);
    check_channels(service);
}

/* --- bans ------------------------------------------------------------------------------------ */

static void check_user(const struct m_user *user)
{
    bool banned = user->version % 2 == 1;
    struct session_user session = {.id = str_of(user->id)};

    for (int i = 0; i < SIM_SERVICES; i++) {
        int64_t held = user->held[i].version < 0 ? 0 : user->held[i].version;

        if (!service_refuses_sessions(i)) continue;
        CHECK(5, user->id, held == user->version, "%s has version %lld of %lld", service_names[i],
              (long long)held, (long long)user->version);
        CHECK(15, user->id,
              session_is_revoked(sim.app->revocations, sim_service(i)->revoked_by, &session,
                                 (struct wall_ms){sim.now_ms}) == banned,
              "banned: %d, which %s does not act by", banned, service_names[i]);
    }
}

static void check_bans(void)
{
    for (size_t i = 0; i < model_users(); i++)
        check_user(model_user_at(i));
}

/* A row of an order's ticket: what its event said, and held while the order is not cancelled. */
static void see_ordered(void *statement)
{
    sqlite3_stmt *row = statement;
    const char *id = (const char *)sqlite3_column_text(row, 0);
    const struct m_order *order = model_order(id);
    const struct m_ticket *ticket = model_ticket((const char *)sqlite3_column_text(row, 1));
    int place = order && ticket ? model_place(order, ticket) : -1;

    CHECK(30, id, place >= 0 && place == sqlite3_column_int(row, 2),
          "a row of a ticket that is not its order's");
    CHECK(4, id, sqlite3_column_int64(row, 3) == order->prices[place],
          "a row at another price than its event's");
    CHECK(30, id, (sqlite3_column_int(row, 4) != 0) == (order->status != STATUS_CANCELLED),
          "a ticket is held, or let go, and its order is not");
}

void quiet_check(void)
{
    check_bans();
    watch_rows(ORDERS, "SELECT order_id, ticket_id, position, price_cents, held FROM order_tickets",
               see_ordered);
    catalogue_quiet();
    listings_quiet();
    offers_quiet();
    entries_quiet();
    door_quiet();
    transfers_quiet();
    letters_quiet();
    visitors_quiet();
    for (size_t i = 0; i < model_orders(); i++)
        check_order(model_order_at(i));
    for (size_t i = 0; i < model_tickets(); i++)
        check_ticket(model_ticket_at(i));
    bank_each(check_money);
    watch_rows(PAYMENTS, "SELECT id, notices FROM charges WHERE notices > 0", see_noticed);
    check_sums();
    for (int i = 0; i < SIM_SERVICES; i++)
        check_books(i);
    CHECK(13, NULL, calls_out() == 0, "%zu requests were never answered", calls_out());
    CHECK(13, NULL, pool_waiting() == 0, "%zu pieces of slow work are left", pool_waiting());
}
