/* bus/members.c: the databases of a data folder belong together: each remembers the others. What
 * one database of a market knows of another is true only of that very database, at that moment or
 * later; with a lost, replaced or older one events would be lost or taken twice. */
#include "bus/bus.h"

#include "base/hex.h"

#include <stdio.h>

#define WHY_BYTES 256

static enum err is_there(struct tx *tx, const char *table, bool *there)
{
    *there = false;
    return tx ? db_has_table(tx, table, there) : OK;
}

static enum err look_up(struct tx *tx, const char *service, struct bus_mark *out)
{
    struct rows rows;
    enum err err;
    bool there;

    *out = (struct bus_mark){0};
    TRY(is_there(tx, "bus_members", &there));
    if (!there) return OK;
    tx_query(tx, &rows, "SELECT identity, generation FROM bus_members WHERE service = $1",
             sql_text(str_of(service)));
    if (rows_next(&rows)) {
        struct str identity = rows_text(&rows, 0);

        snprintf(out->identity, sizeof out->identity, "%.*s", (int)identity.len, identity.at);
        out->generation = rows_int(&rows, 1);
    }
    TRY(rows_end(&rows));
done:
    return err;
}

/* --- who it is ----------------------------------------------------------------------------- */

static enum err put_mark(struct tx *tx, const char *service, const struct bus_mark *mark)
{
    return tx_exec(tx, NULL,
                   "INSERT INTO bus_members (service, identity, generation) VALUES ($1, $2, $3) "
                   "ON CONFLICT (service) DO UPDATE SET identity = excluded.identity, "
                   "generation = excluded.generation",
                   sql_text(str_of(service)), sql_text(str_of(mark->identity)),
                   sql_int(mark->generation));
}

enum err bus_mark_read(struct bus_member *member, struct random *random)
{
    uint8_t bytes[(BUS_IDENTITY_LEN) / 2];
    enum err err;

    TRY(look_up(member->tx, member->service, &member->mark));
    if (member->mark.identity[0]) return OK;
    random_fill(random, bytes, sizeof bytes);
    hex_encode(bytes, sizeof bytes, member->mark.identity);
done:
    return err;
}

enum err bus_mark_write(struct tx *tx, const struct bus_member *members, size_t count, size_t own)
{
    enum err err = OK;

    for (size_t i = 0; i < count; i++) {
        struct bus_mark mark = members[i].mark;

        if (!mark.identity[0]) continue;
        mark.generation += i == own;
        TRY(put_mark(tx, members[i].service, &mark));
    }
done:
    return err;
}

/* --- whether they belong together ---------------------------------------------------------- */

/* How far `reader`, or a durable listener whose position it keeps, has taken over the outbox of a
 * service; 0: not at all. */
static enum err position_in(const struct bus_member *reader, const char *service, int64_t *sequence)
{
    struct rows rows;
    enum err err;
    bool there;

    *sequence = 0;
    if (reader->tx) TRY(bus_position(reader->tx, service, sequence));
    TRY(is_there(reader->tx, "durables", &there));
    if (!there) return OK;
    tx_query(reader->tx, &rows, "SELECT COALESCE(MAX(seq), 0) FROM durables WHERE source = $1",
             sql_text(str_of(service)));
    if (rows_next(&rows) && rows_int(&rows, 0) > *sequence) *sequence = rows_int(&rows, 0);
    TRY(rows_end(&rows));
done:
    return err;
}

static enum err end_of(const struct bus_member *member, int64_t *last)
{
    enum err err;
    bool there;

    *last = 0;
    TRY(is_there(member->tx, "outbox", &there));
    if (there) TRY(outbox_last(member->tx, last));
done:
    return err;
}

/* "orders.db"; on PostgreSQL "orders". */
static const char *suffix_of(const struct bus_member *member)
{
    return member->tx && db_shared(member->tx->db) ? "" : ".db";
}

/* Whether what `reader` knows of `other` is true of it; else why says so. */
static enum err compare(const struct bus_member *reader, const struct bus_member *other,
                        struct buf *why)
{
    struct bus_mark known, found;
    int64_t position, last;
    enum err err;

    TRY(look_up(reader->tx, other->service, &known));
    TRY(position_in(reader, other->service, &position));
    TRY(look_up(other->tx, other->service, &found)); /* later: what it holds only grows */
    TRY(end_of(other, &last));
    if (!other->tx && (known.identity[0] || position))
        buf_printf(why, "%s.db is not there, but %s.db was used beside it", other->service,
                   reader->service);
    else if (known.identity[0] && strcmp(known.identity, found.identity) != 0)
        buf_printf(why, "%s.db is not the one that %s.db was used beside", other->service,
                   reader->service);
    else if (known.generation > found.generation)
        buf_printf(why, "%s.db is an older copy: %s.db was used beside a later one", other->service,
                   reader->service);
    else if (position > last)
        buf_printf(why, "%s%s is an older copy: it ends with event %lld, and %s%s took over %lld",
                   other->service, suffix_of(other), (long long)last, reader->service,
                   suffix_of(reader), (long long)position);
done:
    return err;
}

/* How many of the others say that this one is not what they knew; the last of them in why. */
static enum err count_doubts(const struct bus_member *members, size_t count, size_t of,
                             size_t *contradictions, struct buf *why)
{
    enum err err = OK;

    *contradictions = 0;
    for (size_t i = 0; i < count; i++) {
        char memory[WHY_BYTES];
        struct buf said = {.at = memory, .cap = sizeof memory, .max = sizeof memory};

        if (i == of || !members[i].tx) continue;
        TRY(compare(&members[i], &members[of], &said));
        if (!said.len) continue;
        ++*contradictions;
        buf_reset(why);
        buf_append(why, buf_str(&said));
    }
done:
    return err;
}

/* One that does not belong here contradicts all others; it is the one that most of them contradict.
 */
enum err bus_members_agree(const struct bus_member *members, size_t count, struct buf *why)
{
    char memory[WHY_BYTES];
    size_t contradictions, most = 0;
    enum err err = OK;

    for (size_t i = 0; i < count; i++) {
        struct buf said = {.at = memory, .cap = sizeof memory, .max = sizeof memory};

        TRY(count_doubts(members, count, i, &contradictions, &said));
        if (contradictions <= most) continue;
        most = contradictions;
        buf_reset(why);
        buf_append(why, buf_str(&said));
    }
    if (most) err = ERR_CONFLICT;
done:
    return err;
}
