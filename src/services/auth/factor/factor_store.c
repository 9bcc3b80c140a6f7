/* services/auth/factor/factor_store.c: the statements on second factors. */
#include "services/auth/factor/factor_store.h"

#include "base/hex.h"

#include "runtime/service.h"

#define SECRET_HEX ((size_t)2 * TOTP_SECRET_BYTES)

/* False: it is none that was written here. */
static bool secret_read(struct str hex, struct totp_secret *out)
{
    if (hex.len != SECRET_HEX || !hex_is_lower(hex)) return false;
    for (size_t i = 0; i < TOTP_SECRET_BYTES; i++)
        out->bytes[i] =
            (unsigned char)(hex_digit(hex.at[2 * i]) << 4 | hex_digit(hex.at[2 * i + 1]));
    return true;
}

enum err factor_get(struct tx *tx, struct object_id user_id, struct factor *out)
{
    enum err err = ERR_NOT_FOUND, end;
    struct rows rows;

    tx_query(tx, &rows,
             "SELECT secret, last_step, is_on FROM factors WHERE user_id = $1" SQL_FOR_UPDATE,
             sql_id(user_id));
    if (rows_next(&rows)) {
        *out = (struct factor){.last_step = rows_int(&rows, 1), .on = rows_int(&rows, 2) == 1};
        err = secret_read(rows_text(&rows, 0), &out->secret) ? OK : ERR_INTERNAL;
    }
    end = rows_end(&rows);
    return end == OK ? err : end;
}

enum err factor_put(struct tx *tx, struct object_id user_id, const struct totp_secret *secret,
                    bool *put)
{
    char hex[SECRET_HEX + 1];
    int64_t count = 0;
    enum err err;

    hex_encode(secret->bytes, TOTP_SECRET_BYTES, hex);
    err = tx_exec(tx, &count,
                  "INSERT INTO factors (user_id, secret, last_step, is_on, made_at_ms)"
                  " VALUES ($1, $2, 0, 0, $3) ON CONFLICT (user_id) DO UPDATE SET"
                  " secret = excluded.secret, last_step = 0, made_at_ms = excluded.made_at_ms"
                  " WHERE factors.is_on = 0",
                  sql_id(user_id), sql_text(str_of(hex)), sql_wall(tx->now));
    *put = count > 0;
    return err;
}

enum err factor_turn_on(struct tx *tx, struct object_id user_id)
{
    return tx_exec(tx, NULL, "UPDATE factors SET is_on = 1 WHERE user_id = $1", sql_id(user_id));
}

enum err factor_use_step(struct tx *tx, struct object_id user_id, int64_t step, bool *used)
{
    int64_t count = 0;
    enum err err = tx_exec(
        tx, &count, "UPDATE factors SET last_step = $2 WHERE user_id = $1 AND last_step < $2",
        sql_id(user_id), sql_int(step));

    *used = count > 0;
    return err;
}

enum err factor_delete(struct tx *tx, struct object_id user_id, bool *deleted)
{
    int64_t count = 0;
    enum err err;

    TRY(tx_exec(tx, NULL, "DELETE FROM recovery_codes WHERE user_id = $1", sql_id(user_id)));
    TRY(tx_exec(tx, &count, "DELETE FROM factors WHERE user_id = $1", sql_id(user_id)));
    *deleted = count > 0;
done:
    return err;
}

enum err recovery_put(struct tx *tx, struct object_id user_id, const struct sha256_text *hash)
{
    return tx_exec(tx, NULL, "INSERT INTO recovery_codes (user_id, code_hash) VALUES ($1, $2)",
                   sql_id(user_id), sql_text(str_of(hash->hex)));
}

static enum err count_of(struct rows *rows, int64_t *count)
{
    *count = rows_next(rows) ? rows_int(rows, 0) : 0;
    return rows_end(rows);
}

enum err recovery_count(struct tx *tx, struct object_id user_id, int64_t *count)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT COUNT(*) FROM recovery_codes WHERE user_id = $1", sql_id(user_id));
    return count_of(&rows, count);
}

enum err recovery_has(struct tx *tx, struct object_id user_id, const struct sha256_text *hash,
                      bool *has)
{
    struct rows rows;
    int64_t count = 0;
    enum err err;

    tx_query(tx, &rows, "SELECT COUNT(*) FROM recovery_codes WHERE user_id = $1 AND code_hash = $2",
             sql_id(user_id), sql_text(str_of(hash->hex)));
    err = count_of(&rows, &count);
    *has = count > 0;
    return err;
}

enum err recovery_use(struct tx *tx, struct object_id user_id, const struct sha256_text *hash,
                      bool *used)
{
    int64_t count = 0;
    enum err err =
        tx_exec(tx, &count, "DELETE FROM recovery_codes WHERE user_id = $1 AND code_hash = $2",
                sql_id(user_id), sql_text(str_of(hash->hex)));

    *used = count > 0;
    return err;
}
