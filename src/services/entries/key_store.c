/* services/entries/key_store.c: the SQL of the keys that codes are signed with. */
#include "services/entries/key_store.h"

#define KEY_CHARS BASE32_CHARS(KEY_SEED_BYTES)

enum err code_key_get(struct tx *tx, int64_t id, struct code_key *out)
{
    enum err err = ERR_NOT_FOUND, end;
    struct rows rows;

    tx_query(tx, &rows, "SELECT public_key, seed FROM entry_keys WHERE id = $1", sql_int(id));
    *out = (struct code_key){.id = id};
    if (rows_next(&rows))
        err = crockford_decode(rows_text(&rows, 0), out->public, KEY_PUBLIC_BYTES) &&
                      crockford_decode(rows_text(&rows, 1), out->seed, KEY_SEED_BYTES)
                  ? OK
                  : ERR_UNREADABLE;
    end = rows_end(&rows);
    return end ? end : err;
}

enum err code_key_signing(struct tx *tx, int64_t *id)
{
    struct rows rows;
    enum err err;

    *id = 0;
    tx_query(tx, &rows,
             "SELECT id FROM entry_keys WHERE signs_at_ms <= $1 ORDER BY id DESC LIMIT 1",
             sql_wall(tx->now));
    if (rows_next(&rows)) *id = rows_int(&rows, 0);
    err = rows_end(&rows);
    return err == OK && *id == 0 ? ERR_NOT_FOUND : err;
}

enum err code_key_newest(struct tx *tx, int64_t *id, struct wall_ms *signs_at)
{
    struct rows rows;

    *id = 0;
    *signs_at = WALL_NONE;
    tx_query_values(
        tx, &rows, "SELECT id, signs_at_ms FROM entry_keys ORDER BY id DESC LIMIT 1" SQL_FOR_UPDATE,
        NULL, 0);
    if (rows_next(&rows)) {
        *id = rows_int(&rows, 0);
        *signs_at = rows_wall(&rows, 1);
    }
    return rows_end(&rows);
}

enum err code_key_insert(struct tx *tx, const struct code_key *key, struct wall_ms signs_at)
{
    char public[KEY_CHARS + 1], seed[KEY_CHARS + 1];

    crockford_encode(key->public, KEY_PUBLIC_BYTES, public);
    crockford_encode(key->seed, KEY_SEED_BYTES, seed);
    return tx_exec(tx, NULL,
                   "INSERT INTO entry_keys (id, public_key, seed, signs_at_ms)"
                   " VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING",
                   sql_int(key->id), sql_text(str_of(public)), sql_text(str_of(seed)),
                   sql_wall(signs_at));
}

void public_keys(struct tx *tx, struct rows *rows)
{
    tx_query_values(tx, rows, "SELECT id, public_key, signs_at_ms FROM entry_keys ORDER BY id",
                    NULL, 0);
}

bool public_key_next(struct rows *rows, struct public_key *out)
{
    if (!rows_next(rows)) return false;
    *out = (struct public_key){.id = rows_int(rows, 0), .signs_at = rows_wall(rows, 2)};
    return crockford_decode(rows_text(rows, 1), out->public, KEY_PUBLIC_BYTES);
}
