/* cli/data/facts.c: see cli/data/facts.h. */
#include "cli/data/facts.h"

#include <stdio.h>

/* Two tables with the same entities. Each statement gives id, version and facts, by id; the facts
 * of one version are the same in both. column: of the second table, and newer than the table. */
struct fact {
    const char *what;
    const char *service, *sql;
    const char *other, *table, *column, *other_sql;
};

static const struct fact facts[] = {
    {"price and buyer of order", "orders",
     "SELECT id, 0, price_cents || ' ' || user_id FROM orders ORDER BY id", "payments",
     "order_copies", "price_cents",
     "SELECT id, 0, price_cents || ' ' || user_id FROM order_copies ORDER BY id"},
    {"seller of ticket", "tickets", "SELECT id, 0, user_id FROM tickets ORDER BY id", "orders",
     "ticket_copies", "seller_id",
     "SELECT id, 0, seller_id FROM ticket_copies WHERE seller_id <> '' ORDER BY id"},
    {"price and title of ticket", "tickets",
     "SELECT id, version, price_cents || ' ' || title FROM tickets ORDER BY id", "orders",
     "ticket_copies", "price_cents",
     "SELECT id, version, price_cents || ' ' || title FROM ticket_copies ORDER BY id"},
};

static struct tx *tx_of(const struct bus_member *members, size_t count, const char *service)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(members[i].service, service) == 0) return members[i].tx;
    return NULL;
}

/* A backup may be of a version before the column. */
static enum err has_column(struct tx *tx, const char *table, const char *column, bool *has)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT 1 FROM pragma_table_info($1) WHERE name = $2",
             sql_text(str_of(table)), sql_text(str_of(column)));
    *has = rows_next(&rows);
    return rows_end(&rows);
}

static int order(struct str a, struct str b)
{
    int order = memcmp(a.at, b.at, a.len < b.len ? a.len : b.len);

    return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* Both are by id: one walk over the two. */
static enum err compare(const struct fact *fact, struct tx *one, struct tx *other, struct buf *why)
{
    struct rows left, right;
    enum err err, end;
    bool more_left, more_right;

    tx_query_values(one, &left, fact->sql, NULL, 0);
    tx_query_values(other, &right, fact->other_sql, NULL, 0);
    more_left = rows_next(&left);
    more_right = rows_next(&right);
    while (more_left && more_right && why->len == 0) {
        int which = order(rows_text(&left, 0), rows_text(&right, 0));

        if (which == 0 && rows_int(&left, 1) == rows_int(&right, 1) &&
            !str_eq(rows_text(&left, 2), rows_text(&right, 2)))
            buf_printf(why, "%s %.*s differ in %s.db and %s.db: one of them is damaged", fact->what,
                       (int)rows_text(&left, 0).len, rows_text(&left, 0).at, fact->service,
                       fact->other);
        if (which <= 0) more_left = rows_next(&left);
        if (which >= 0) more_right = rows_next(&right);
    }
    err = rows_end(&left);
    end = rows_end(&right);
    if (err == OK) err = end;
    return err == OK && why->len ? ERR_CONFLICT : err;
}

static enum err events_are_json(const struct bus_member *member, struct buf *why)
{
    struct rows rows;
    enum err err;

    tx_query_values(member->tx, &rows,
                    "SELECT seq FROM outbox WHERE NOT json_valid(payload) LIMIT 1", NULL, 0);
    if (rows_next(&rows))
        buf_printf(why, "%s.db is damaged: its event %lld is no JSON", member->service,
                   (long long)rows_int(&rows, 0));
    err = rows_end(&rows);
    return err == OK && why->len ? ERR_CONFLICT : err;
}

enum err facts_agree(const struct bus_member *members, size_t count, struct buf *why)
{
    enum err err = OK;

    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        struct tx *one = tx_of(members, count, facts[i].service);
        struct tx *other = tx_of(members, count, facts[i].other);
        bool has;

        if (!one || !other) continue;
        TRY(has_column(other, facts[i].table, facts[i].column, &has));
        if (has) TRY(compare(&facts[i], one, other, why));
    }
    for (size_t i = 0; i < count; i++)
        if (members[i].tx) TRY(events_are_json(&members[i], why));
done:
    return err;
}
