/* services/entries/door/gates.c: /api/gates: staff make the devices at the doors of a show, take
 * their keys back, and see what they do. */
#include "services/entries/door/door.h"

#include "base/base32.h"
#include "base/sha256.h"
#include "identity/role.h"
#include "services/entries/door/scan_store.h"
#include "unicode/text.h"

#define KEY_BYTES       20
#define KEY_CHARS       BASE32_CHARS(KEY_BYTES)
#define NAME_POINTS_MAX 60
#define MINUTES_MAX     2000 /* of a show's gates, in one answer */
#define WRONG_MAX       1000

/* --- keys ------------------------------------------------------------------------------------ */

/* A key as it is kept. */
static struct sha256_text key_hash(const uint8_t key[KEY_BYTES])
{
    struct sha256_text hash;
    struct sha256 sum;

    sha256_begin(&sum);
    sha256_add(&sum, (struct str){(const char *)key, KEY_BYTES});
    sha256_end(&sum, &hash);
    return hash;
}

enum err gate_authorize(struct request *rq, struct tx *tx, struct gate *gate)
{
    struct str shown = request_header(rq, "authorization");
    const struct str scheme = STR("Bearer ");
    uint8_t key[KEY_BYTES];
    enum err err;

    if (shown.len <= scheme.len || !str_eq_nocase((struct str){shown.at, scheme.len}, scheme))
        return ERR_NOT_AUTHORIZED;
    if (!crockford_read((struct str){shown.at + scheme.len, shown.len - scheme.len}, key,
                        sizeof key))
        return ERR_NOT_AUTHORIZED;
    err = gate_of_key(tx, rq->arena, str_of(key_hash(key).hex), gate);
    if (err == ERR_NOT_FOUND) return ERR_NOT_AUTHORIZED;
    if (err == OK && wall_known(gate->revoked_at)) return ERR_GATE_REVOKED;
    return err;
}

/* --- documents ------------------------------------------------------------------------------- */

void gate_member(struct json_writer *json, const char *key, struct object_id id, struct str name)
{
    json_key(json, key);
    json_begin_object(json);
    json_member_id(json, "id", id);
    json_member_text(json, "name", name);
    json_end_object(json);
}

void first_member(struct json_writer *json, const struct admission *first)
{
    json_key(json, "first");
    json_begin_object(json);
    gate_member(json, "gate", first->gate_id, first->gate_name);
    json_member_time(json, "at", first->at);
    json_member_bool(json, "offline", first->offline);
    json_end_object(json);
}

static void gate_members(struct json_writer *json, const struct gate *gate)
{
    json_member_id(json, "id", gate->id);
    json_member_id(json, "showId", gate->show_id);
    json_member_text(json, "name", gate->name);
    json_member_time(json, "createdAt", gate->created_at);
    if (wall_known(gate->revoked_at)) json_member_time(json, "revokedAt", gate->revoked_at);
}

static void gate_work_json(struct json_writer *json, const struct gate_work *work)
{
    json_begin_object(json);
    gate_members(json, &work->gate);
    json_member_int(json, "admitted", work->admitted);
    json_member_int(json, "wrong", work->wrong);
    if (wall_known(work->scanned_at)) json_member_time(json, "scannedAt", work->scanned_at);
    json_end_object(json);
}

/* --- for staff ------------------------------------------------------------------------------- */

static enum err need_staff(const struct request *rq)
{
    return role_allows(rq->user.roles, ROLE_CATALOGUE) ? OK : ERR_NOT_AUTHORIZED;
}

/* ?showId=: the show that is asked for by now. ERR_NOT_FOUND. */
static enum err take_show(struct request *rq, struct tx *tx, struct object_id *show_id)
{
    struct object_id id;
    enum err err;

    TRY(need_staff(rq));
    if (!object_id_parse(request_query(rq, "showId"), &id))
        return request_reject(rq, "showId", "ShowId must be the id of a show");
    TRY(entry_show_now(tx, id, show_id));
done:
    return err;
}

/* GET /api/gates?showId=: staff see the gates of a show and what each has done, the oldest first.
 * 200 an array; 400; 401; 404 no such show. */
enum err get_gates(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct object_id show_id;
    struct json_writer json;
    struct gate_work work;
    struct rows rows;
    enum err err, end;

    TRY(take_show(rq, tx, &show_id));
    json = reply_json(rp, 200);
    json_begin_array(&json);
    gates_of_show(tx, &rows, show_id);
    while ((err = gate_work_next(&rows, rq->arena, &work)) == OK)
        gate_work_json(&json, &work);
    end = rows_end(&rows);
    json_end_array(&json);
    return err == ERR_NOT_FOUND ? end : err;
done:
    return err;
}

static enum err take_name(struct request *rq, struct str *out)
{
    static const char message[] = "A name of 1 to 60 characters is required";
    struct str typed = str_trim(request_body_text(rq, "name"));

    *out = text_contained(rq->arena, typed);
    if (!out->at && typed.len) return ERR_MEMORY;
    if (!out->len || !text_is_visible(*out))
        request_reject_for(rq, "name", message, "empty", "Say which door it stands at");
    else if (str_code_points(*out) > NAME_POINTS_MAX)
        request_reject_for(rq, "name", message, "too_long", "Use at most 60 characters");
    return OK;
}

static enum err take_gate(struct request *rq, struct tx *tx, struct gate *gate)
{
    struct object_id id;
    int64_t count;
    enum err err;

    TRY(need_staff(rq));
    (void)request_body_id(rq, "showId", "ShowId must be the id of a show", &id);
    TRY(take_name(rq, &gate->name));
    TRY(request_checked(rq));
    TRY(entry_show_now(tx, id, &gate->show_id));
    TRY(gates_count(tx, gate->show_id, &count));
    if (count >= GATES_OF_SHOW_MAX) err = ERR_TOO_MANY_GATES;
done:
    return err;
}

/* POST /api/gates {showId, name}: staff make a gate; its key is shown this once. 201; 400; 401; 404
 * no such show; 409 too_many_gates. */
enum err post_gates(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct gate gate = {.created_at = tx->now};
    char text[KEY_CHARS + 1];
    struct json_writer json;
    uint8_t key[KEY_BYTES];
    enum err err;

    TRY(take_gate(rq, tx, &gate));
    gate.id = env_new_id(rq->run->env, tx);
    random_fill(rq->run->env->random, key, sizeof key);
    crockford_encode(key, sizeof key, text);
    TRY(gate_insert(tx, &gate, str_of(key_hash(key).hex), rq->user.id));
    TRY(request_changed_id(rq, gate.id, gate.name));
    json = reply_json(rp, 201);
    json_begin_object(&json);
    gate_members(&json, &gate);
    json_member_text(&json, "key", str_of(text));
    json_end_object(&json);
done:
    return err;
}

/* DELETE /api/gates/:id: staff take its key back; what it has done stays. 204, also a second time;
 * 401; 404. */
enum err delete_gate(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct object_id id;
    struct gate gate;
    enum err err;

    TRY(request_path_id(rq, 0, &id));
    TRY(need_staff(rq));
    TRY(gate_get(tx, rq->arena, id, &gate));
    if (wall_known(gate.revoked_at)) return reply_empty(rp, 204);
    TRY(gate_revoke(tx, id));
    TRY(request_changed_id(rq, id, gate.name));
    return reply_empty(rp, 204);
done:
    return err;
}

/* GET /api/gates/admissions?showId=: staff see how many each gate let in within each minute, the
 * latest first. 200 an array of {minute, gateId, admitted}; 400; 401; 404. */
enum err get_admissions(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct admitted_minute minute;
    struct object_id show_id;
    struct json_writer json;
    struct rows rows;
    enum err err;

    TRY(take_show(rq, tx, &show_id));
    json = reply_json(rp, 200);
    json_begin_array(&json);
    admitted_minutes(tx, &rows, show_id, MINUTES_MAX);
    while (admitted_minute_next(&rows, &minute)) {
        json_begin_object(&json);
        json_member_time(&json, "minute", minute.minute);
        json_member_id(&json, "gateId", minute.gate_id);
        json_member_int(&json, "admitted", minute.count);
        json_end_object(&json);
    }
    json_end_array(&json);
    return rows_end(&rows);
done:
    return err;
}

static void wrong_json(struct json_writer *json, const struct wrong_scan *wrong)
{
    const struct admission *first = &wrong->first;

    json_begin_object(json);
    json_member_id(json, "id", wrong->scan.id);
    json_member_text(json, "answer", scan_answer_text(wrong->scan.answer));
    json_member_known(json, "reason", wrong->scan.reason);
    json_member_known(json, "serial", wrong->serial);
    gate_member(json, "gate", wrong->scan.gate_id, wrong->gate_name);
    json_member_time(json, "at", wrong->scan.at);
    if (wall_known(wrong->scan.gate_at)) json_member_time(json, "gateAt", wrong->scan.gate_at);
    json_member_time(json, "receivedAt", wrong->scan.received_at);
    if (!object_id_eq(first->gate_id, (struct object_id){{0}})) first_member(json, first);
    json_end_object(json);
}

/* GET /api/gates/wrong?showId=: staff see whom gates without a network let in and were not to:
 * somebody twice, with both gates and times, or by a code that opens nothing; the latest first. 200
 * an array; 400; 401; 404. */
enum err get_wrong_scans(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct object_id show_id;
    struct json_writer json;
    struct wrong_scan wrong;
    struct rows rows;
    enum err err, end;

    TRY(take_show(rq, tx, &show_id));
    json = reply_json(rp, 200);
    json_begin_array(&json);
    wrong_scans(tx, &rows, show_id, WRONG_MAX);
    while ((err = wrong_scan_next(&rows, rq->arena, &wrong)) == OK)
        wrong_json(&json, &wrong);
    end = rows_end(&rows);
    json_end_array(&json);
    return err == ERR_NOT_FOUND ? end : err;
done:
    return err;
}
