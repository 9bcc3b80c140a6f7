/* services/entries/door/snapshot.c: what a gate needs to decide without a network: the keys that
 * codes are signed with, and which entries a code alone does not tell of. */
#include "services/entries/documents.h"
#include "services/entries/door/change_store.h"
#include "services/entries/door/door.h"
#include "services/entries/entries.h"
#include "services/entries/key_store.h"

#define MERGED_MAX     1000
#define LIST_BYTES_MAX (2 * 1024 * 1024)
/* Where several write, a change may be committed after one that has a higher number: so many are
 * told once more. */
#define OVERLAP 2000

/* Serials, one after the other; of those that changed hands each with its version, 4 hex digits. */
struct lists {
    struct buf revoked, used, versions;
    int64_t up_to;
};

static enum err lists_fill(struct tx *tx, struct object_id show_id, int64_t after,
                           struct lists *lists)
{
    struct changed_entry entry;
    struct rows rows;
    enum err err;

    changed_entries(tx, &rows, show_id, after);
    while (changed_entry_next(&rows, &entry)) {
        lists->up_to = entry.seq > lists->up_to ? entry.seq : lists->up_to;
        if (!entry.valid)
            buf_append(&lists->revoked, entry.serial);
        else if (entry.admitted)
            buf_append(&lists->used, entry.serial);
        if (entry.valid && entry.version > 0) {
            buf_append(&lists->versions, entry.serial);
            buf_printf(&lists->versions, "%04X", (unsigned)entry.version);
        }
    }
    err = rows_end(&rows);
    if (lists->revoked.failed || lists->used.failed || lists->versions.failed) return ERR_MEMORY;
    return err;
}

static enum err shows_json(struct tx *tx, const struct entry_show *show, struct json_writer *json)
{
    struct rows rows;

    json_key(json, "shows");
    json_begin_array(json);
    json_put_text(json, str_of(object_id_text(show->id).hex));
    shows_merged_into(tx, &rows, show->id, MERGED_MAX);
    while (rows_next(&rows))
        json_put_text(json, rows_text(&rows, 0));
    json_end_array(json);
    return rows_end(&rows);
}

static enum err snapshot_json(struct tx *tx, struct arena *arena, const struct gate *gate,
                              const struct entry_show *show, const struct lists *lists,
                              struct json_writer *json)
{
    enum err err;

    gate_member(json, "gate", gate->id, gate->name);
    json_key(json, "show");
    entry_show_json(json, show);
    TRY(shows_json(tx, show, json));
    json_key(json, "keys");
    json_begin_array(json);
    TRY(public_keys_json(tx, arena, json, NULL));
    json_end_array(json);
    json_member_time(json, "madeAt", tx->now);
    json_member_int(json, "upTo", lists->up_to);
    json_member_text(json, "void", buf_str(&lists->revoked));
    json_member_text(json, "used", buf_str(&lists->used));
    json_member_text(json, "versions", buf_str(&lists->versions));
done:
    return err;
}

/* ?since=: the upTo of the snapshot that the gate has. *since: -1: it has none. */
static enum err take_since(struct request *rq, int64_t *since)
{
    struct str text = request_query(rq, "since");

    *since = -1;
    if (!text.at || str_to_int64(text, since)) return OK;
    return request_reject_for(rq, "since", "Since must be the upTo of a snapshot", "no_number",
                              "Leave it out for a whole snapshot");
}

/* The same for as long as there is nothing new to tell. */
static enum err is_known(struct request *rq, struct tx *tx, struct reply *rp,
                         const struct entry_show *show, int64_t latest, bool *known)
{
    struct object_id_text id = object_id_text(show->id);
    struct public_key key;
    int64_t keys = 0;
    struct rows rows;
    struct buf tag;
    enum err err;

    public_keys(tx, &rows);
    while (public_key_next(&rows, &key))
        keys++;
    TRY(rows_end(&rows));
    buf_init(&tag, rq->arena, 128);
    buf_printf(&tag, "%s-%lld-%lld-%lld", id.hex, (long long)show->version, (long long)keys,
               (long long)latest);
    if (tag.failed) return ERR_MEMORY;
    *known = reply_tag(rq, rp, buf_str(&tag));
done:
    return err;
}

static enum err reply_snapshot(struct request *rq, struct tx *tx, struct reply *rp,
                               const struct gate *gate, const struct entry_show *show,
                               int64_t since, struct lists *lists)
{
    int64_t after = since - (db_shared(tx->db) ? OVERLAP : 0);
    struct json_writer json;
    enum err err;

    TRY(lists_fill(tx, show->id, since < 0 || after < 0 ? 0 : after, lists));
    json = reply_json(rp, 200);
    json_begin_object(&json);
    if (since >= 0) json_member_int(&json, "since", since);
    TRY(snapshot_json(tx, rq->arena, gate, show, lists, &json));
    json_end_object(&json);
done:
    return err;
}

/* GET /api/gates/me/snapshot?since=: what the gate whose key is shown needs to decide without a
 * network. since: only what has changed after that snapshot, unless it is of another time than this
 * market's: then there is no since in the answer, and it is whole. 200; 304 by ETag; 400; 401. */
enum err get_snapshot(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct lists lists = {.up_to = 0};
    struct entry_show show;
    int64_t since, latest;
    struct gate gate;
    bool known;
    enum err err;

    TRY(gate_authorize(rq, tx, &gate));
    TRY(take_since(rq, &since));
    TRY(entry_show_get(tx, rq->arena, gate.show_id, &show));
    TRY(latest_change(tx, show.id, &latest));
    TRY(is_known(rq, tx, rp, &show, latest, &known));
    if (known) return OK;
    if (since > latest) since = -1;
    lists.up_to = since < 0 ? 0 : since;
    buf_init(&lists.revoked, NULL, LIST_BYTES_MAX);
    buf_init(&lists.used, NULL, LIST_BYTES_MAX);
    buf_init(&lists.versions, NULL, LIST_BYTES_MAX);
    err = reply_snapshot(rq, tx, rp, &gate, &show, since, &lists);
    buf_free(&lists.revoked);
    buf_free(&lists.used);
    buf_free(&lists.versions);
done:
    return err;
}
