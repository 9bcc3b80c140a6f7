/* services/entries/door/change_store.c: the SQL of what gates are told of entries. */
#include "services/entries/door/change_store.h"

enum err door_change(struct tx *tx, struct object_id entry_id, struct object_id show_id)
{
    enum err err;

    TRY(tx_exec(tx, NULL, "INSERT INTO door_changes (entry_id, show_id) VALUES ($1, $2)",
                sql_id(entry_id), sql_id(show_id)));
    TRY(tx_exec(tx, NULL, "DELETE FROM door_changes WHERE entry_id = $1 AND seq < {{last serial}}",
                sql_id(entry_id)));
done:
    return err;
}

enum err door_changes_move(struct tx *tx, struct object_id from, struct object_id into)
{
    enum err err;

    TRY(tx_exec(tx, NULL,
                "INSERT INTO door_changes (entry_id, show_id) SELECT entry_id, $2"
                " FROM door_changes WHERE show_id = $1 ORDER BY seq",
                sql_id(from), sql_id(into)));
    TRY(tx_exec(tx, NULL, "DELETE FROM door_changes WHERE show_id = $1", sql_id(from)));
done:
    return err;
}

void changed_entries(struct tx *tx, struct rows *rows, struct object_id show_id, int64_t after)
{
    tx_query(tx, rows,
             "SELECT c.seq, e.serial, e.status, e.version, a.entry_id FROM door_changes c"
             " JOIN entries e ON e.id = c.entry_id LEFT JOIN admissions a ON a.entry_id = e.id"
             " WHERE c.show_id = $1 AND c.seq > $2 ORDER BY c.seq",
             sql_id(show_id), sql_int(after));
}

bool changed_entry_next(struct rows *rows, struct changed_entry *out)
{
    if (!rows_next(rows)) return false;
    *out = (struct changed_entry){.seq = rows_int(rows, 0),
                                  .serial = rows_text(rows, 1),
                                  .valid = str_eq(rows_text(rows, 2), STR("valid")),
                                  .version = rows_int(rows, 3),
                                  .admitted = !rows_null(rows, 4)};
    return true;
}

enum err latest_change(struct tx *tx, struct object_id show_id, int64_t *seq)
{
    struct rows rows;

    tx_query(tx, &rows, "SELECT seq FROM door_changes WHERE show_id = $1 ORDER BY seq DESC LIMIT 1",
             sql_id(show_id));
    return rows_end_int(&rows, 0, seq);
}

void shows_merged_into(struct tx *tx, struct rows *rows, struct object_id show_id, int64_t max)
{
    tx_query(
        tx, rows,
        "WITH RECURSIVE merged (id) AS (SELECT s.id FROM show_copies s WHERE s.merged_into = $1"
        " UNION SELECT s.id FROM show_copies s JOIN merged m ON s.merged_into = m.id)"
        " SELECT id FROM merged ORDER BY id LIMIT $2",
        sql_id(show_id), sql_int(max));
}
