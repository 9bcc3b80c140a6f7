/* tests/sim/entries.c: what opens doors, by its events and rows.
 *
 * Invariant 19: exactly one valid entry a sold ticket of a listing, its buyer's, or whoever's it
 * was sent to and who took it; what is void never lives again. Invariant 20: no entry without a
 * complete order; when all of the money went back it is void. */
#include "sim.h"

#include <sqlite3.h>

static struct {
    struct m_entry all[ENTRIES_MAX];
    size_t count;
} entries;

void entries_begin(void)
{
    entries.count = 0;
}

size_t entries_count(void)
{
    return entries.count;
}

struct m_entry *entry_at(size_t index)
{
    return &entries.all[index];
}

struct m_entry *entry_of(const char *id)
{
    for (size_t i = entries.count; i-- > 0;)
        if (strcmp(entries.all[i].id, id) == 0) return &entries.all[i];
    return NULL;
}

/* By its events. */
static struct m_entry *valid_of(int ticket)
{
    for (size_t i = entries.count; i-- > 0;)
        if (entries.all[i].ticket == ticket && entries.all[i].valid) return &entries.all[i];
    return NULL;
}

static void check_new(const struct m_entry *entry)
{
    const struct m_order *order = model_order_at((size_t)entry->order);
    const struct m_ticket *ticket = model_ticket_at((size_t)entry->ticket);

    CHECK(20, entry->id, order->was_complete, "an entry, and its order never was complete");
    CHECK(19, entry->id, ticket->listing[0] && model_place(order, ticket) >= 0,
          "an entry of a ticket that is not its order's");
    CHECK(19, entry->id, strcmp(entry->holder, order->user) == 0, "an entry of %s, bought by %s",
          entry->holder, order->user);
    CHECK(19, ticket->id, !valid_of(entry->ticket), "a second valid entry");
    for (size_t i = 0; i < entries.count; i++)
        CHECK(19, entry->id, strcmp(entries.all[i].serial, entry->serial) != 0,
              "its serial is another one's");
}

static void created(const char *id, const struct json *event)
{
    struct m_entry entry = {.row_version = -1, .valid = true};
    char of[25];

    copy_text(entry.id, sizeof entry.id, str_of(id));
    copy_text(entry.serial, sizeof entry.serial, text_of(event, "serial"));
    copy_text(entry.holder, sizeof entry.holder, text_of(event, "userId"));
    copy_text(entry.show, sizeof entry.show, text_of(event, "showId"));
    copy_text(of, sizeof of, text_of(event, "ticketId"));
    entry.ticket = model_ticket_index(of, false);
    copy_text(of, sizeof of, text_of(event, "orderId"));
    entry.order = model_order_index(of, false);
    CHECK(20, id, entry.ticket >= 0 && entry.order >= 0, "an entry of what nobody committed");
    CHECK(5, id, whole_of(event, "version") == 0, "an entry begins with another version than 0");
    check_new(&entry);
    ASSERT(entries.count < ENTRIES_MAX);
    entries.all[entries.count++] = entry;
}

/* Once, ever, by what is valid. */
static void admitted(const char *id, struct m_entry *entry, const struct json *event)
{
    CHECK(19, id, entry && entry->valid, "somebody was let in by what is void");
    CHECK(19, id, !entry->admitted, "let in a second time, at %.*s",
          (int)text_of(event, "gateId").len, text_of(event, "gateId").at);
    trace("entry.admitted", id, entry->ticket, 0);
    entry->admitted = true;
    copy_text(entry->gate, sizeof entry->gate, text_of(event, "gateId"));
}

/* It has another holder, to whom it was sent. */
static void moved(struct m_entry *entry, const struct json *event)
{
    copy_text(entry->holder, sizeof entry->holder, text_of(event, "userId"));
    CHECK(19, entry->id, transfer_hands(entry->id, entry->holder),
          "it is %s's, to whom nobody sent it", entry->holder);
    CHECK(19, entry->id, !entry->admitted, "it was given on after somebody was let in by it");
    entry->moved_step = sim.step;
}

void entry_event(struct str subject, const struct json *event)
{
    bool valid = str_eq(text_of(event, "status"), STR("valid"));
    int64_t version = whole_of(event, "version");
    struct m_entry *entry;
    char id[25];

    copy_text(id, sizeof id, text_of(event, "id"));
    entry = entry_of(id);
    if (str_eq(subject, STR("entry:admitted"))) {
        admitted(id, entry, event);
        return;
    }
    trace(valid ? "entry.valid" : "entry.void", id, version, 0);
    if (str_eq(subject, STR("entry:created"))) {
        CHECK(19, id, !entry && valid, "an entry is made twice, or void from the beginning");
        created(id, event);
        return;
    }
    CHECK(5, id, entry && version == entry->version + 1, "version %lld after %lld",
          (long long)version, entry ? (long long)entry->version : -1);
    CHECK(19, id, entry->valid || !valid, "what is void lives again");
    if (valid) moved(entry, event);
    CHECK(20, id, valid || model_order_at((size_t)entry->order)->was_cancelled,
          "void, and its order never was cancelled");
    entry->version = version;
    entry->valid = valid;
}

void entry_row(const char *id, int64_t version, const char *status, const char *holder,
               const char *serial)
{
    struct m_entry *entry = entry_of(id);

    CHECK(6, id, entry, "a row that no event told of");
    CHECK(5, id, version >= entry->row_version && version == entry->version,
          "the row went from version %lld to %lld, its event has %lld",
          (long long)entry->row_version, (long long)version, (long long)entry->version);
    CHECK(19, id, (strcmp(status, "valid") == 0) == entry->valid, "the row is %s", status);
    CHECK(19, id, strcmp(holder, entry->holder) == 0 && strcmp(serial, entry->serial) == 0,
          "the row has another holder or serial than its event");
    entry->row_version = version;
}

/* --- quiet --------------------------------------------------------------------------------- */

static void check_ticket(const struct m_ticket *ticket)
{
    const struct m_entry *entry = valid_of(model_ticket_index(ticket->id, false));

    if (!ticket->row.sold) {
        CHECK(20, ticket->id, !entry, "it is not sold, and has a valid entry");
        return;
    }
    CHECK(19, ticket->id, entry, "it is sold, and has no valid entry");
    CHECK(19, ticket->id, entry->order == ticket->row.order, "its entry is another order's");
}

/* What is known of venues and shows is what the catalogue says of them. */
static void see_copy(void *statement)
{
    sqlite3_stmt *row = statement;
    const char *id = (const char *)sqlite3_column_text(row, 0);
    int64_t version = sqlite3_column_int64(row, 1);

    CHECK(5, id, version == catalogue_version(id), "entries' copy has version %lld of %lld",
          (long long)version, (long long)catalogue_version(id));
}

static void see_listing(void *statement)
{
    sqlite3_stmt *row = statement;
    const char *id = (const char *)sqlite3_column_text(row, 0);
    int64_t version = sqlite3_column_int64(row, 1), held;
    char sql[128];

    snprintf(sql, sizeof sql, "SELECT version FROM listing_copies WHERE id = '%s'", id);
    held = watch_count(ENTRIES, sql);
    CHECK(5, id, version == held, "entries' copy has version %lld of %lld", (long long)held,
          (long long)version);
}

/* An entry is of the show that its own was merged into. */
static void check_shows(void)
{
    CHECK(5, NULL,
          watch_count(ENTRIES, "SELECT COUNT(*) FROM entries e JOIN show_copies s"
                               " ON s.id = e.now_show_id WHERE s.merged_into IS NOT NULL") == 0,
          "an entry is of a show that was merged into another one");
}

void entries_quiet(void)
{
    for (size_t i = 0; i < model_tickets(); i++)
        if (model_ticket_at(i)->listing[0]) check_ticket(model_ticket_at(i));
    watch_rows(ENTRIES,
               "SELECT id, version FROM show_copies UNION ALL SELECT id, version FROM venue_copies",
               see_copy);
    watch_rows(TICKETS, "SELECT id, version FROM listings", see_listing);
    check_shows();
}
