/* services/entries/keys.c: the keys that codes are signed with: the first one, the next one, and
 * what everybody may know of them. Whether a code is right. */
#include "services/entries/entries.h"
#include "services/entries/key_store.h"

#include <stdio.h>

#define DAY_MS INT64_C(86400000)

static enum err key_make(struct env *env, struct tx *tx, int64_t id, struct wall_ms signs_at)
{
    uint8_t seed[KEY_SEED_BYTES];
    struct code_key key;

    random_fill(env->random, seed, sizeof seed);
    key = code_key_of(id, seed);
    return code_key_insert(tx, &key, signs_at);
}

/* The job: an installation's first key is there before anybody buys, so that gates can learn it. */
enum err first_key_make(struct env *env, struct tx *tx, struct wall_ms *next)
{
    int64_t signing;
    enum err err = code_key_signing(tx, &signing);

    (void)next;
    return err == ERR_NOT_FOUND ? key_make(env, tx, 1, tx->now) : err;
}

/* POST /operator/entries/rotate-key: another key, which everybody may know from now on and which
 * signs what is issued from a day on: who has not fetched it by then takes no new codes. 200 {"id",
 * "signsFrom"}; 409 wrong_status: the latest one does not sign yet, or there were as many as there
 * can be. */
enum err post_operator_rotate_key(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct wall_ms signs_at;
    struct json_writer json;
    int64_t newest;
    enum err err;

    TRY(code_key_newest(tx, &newest, &signs_at));
    if (newest == 0 || newest == CODE_KEYS_MAX || wall_before(tx->now, signs_at))
        return ERR_WRONG_STATUS;
    signs_at = wall_after(tx->now, DAY_MS);
    TRY(key_make(rq->run->env, tx, newest + 1, signs_at));
    TRY(request_changed(rq, STR("entry keys"), STR("")));
    json = reply_json(rp, 200);
    json_begin_object(&json);
    json_member_int(&json, "id", newest + 1);
    json_member_time(&json, "signsFrom", signs_at);
    json_end_object(&json);
done:
    return err;
}

#define KEYS_VALID "public, max-age=300" /* another key signs a day after it is there */

static struct str public_text(struct arena *arena, const struct public_key *key)
{
    struct buf x;

    buf_init(&x, arena, 64);
    base64_encode(&x, (struct str){(const char *)key->public, KEY_PUBLIC_BYTES}, true);
    return buf_str(&x);
}

static void key_json(struct json_writer *json, struct arena *arena, const struct public_key *key)
{
    char id[8];

    snprintf(id, sizeof id, "%d", (int)key->id);
    json_begin_object(json);
    json_member_text(json, "kid", str_of(id));
    json_member_text(json, "kty", STR("OKP"));
    json_member_text(json, "crv", STR("Ed25519"));
    json_member_text(json, "use", STR("sig"));
    json_member_text(json, "x", public_text(arena, key));
    json_member_time(json, "signsFrom", key->signs_at);
    json_end_object(json);
}

enum err public_keys_json(struct tx *tx, struct arena *arena, struct json_writer *json,
                          struct str *newest)
{
    struct public_key key = {.id = 0};
    struct rows rows;

    public_keys(tx, &rows);
    while (public_key_next(&rows, &key))
        key_json(json, arena, &key);
    if (newest) *newest = key.id ? public_text(arena, &key) : STR("");
    return rows_end(&rows);
}

/* GET /.well-known/entry-keys.json: what gates check codes by (JSON Web Keys: RFC 7517, RFC 8037).
 * A key stays for ever, so the newest one tells which there are. */
enum err get_entry_keys(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct json_writer json = reply_json(rp, 200);
    struct str newest;
    enum err err;

    json_begin_object(&json);
    json_key(&json, "keys");
    json_begin_array(&json);
    TRY(public_keys_json(tx, rq->arena, &json, &newest));
    json_end_array(&json);
    json_end_object(&json);
    reply_header(rp, "Cache-Control", STR(KEYS_VALID));
    if (newest.len) (void)reply_tag(rq, rp, newest);
done:
    return err;
}

/* --- whether a code is right ----------------------------------------------------------------- */

static const char *const fault_words[] = {[CODE_TRUNCATED] = "truncated",
                                          [CODE_TOO_LONG] = "too_long",
                                          [CODE_CHARACTERS] = "no_code",
                                          [CODE_FORGED] = "forged"};

/* What is to be said of a code whose signature is right. */
static const char *word_of(const struct code *code, const struct entry *entry)
{
    if (!object_id_eq(code->ticket_id, entry->ticket_id) ||
        !object_id_eq(code->show_id, entry->show_id))
        return "unknown_entry";
    if (entry->status == ENTRY_VOID) return "void";
    return code->version == entry->version ? "valid" : "superseded";
}

enum err code_prove(struct tx *tx, struct str text, struct code *code, struct str *fault)
{
    struct code_read read;
    struct code_key key;
    enum code_fault found = code_parse(text, &read);
    enum err err = OK;

    *fault = STR("");
    if (found == CODE_GOOD) {
        err = code_key_get(tx, read.code.key_id, &key);
        if (err == ERR_NOT_FOUND) *fault = STR("unknown_key");
        if (err != OK) return err == ERR_NOT_FOUND ? OK : err;
        found = code_check(&read, key.public);
        *code = read.code;
    }
    if (found != CODE_GOOD) *fault = str_of(fault_words[found]);
    return err;
}

/* *entry: of the code, when it is known (*known). */
static enum err judge(struct tx *tx, struct arena *arena, struct str text, struct str *word,
                      struct entry *entry, bool *known)
{
    struct entry_serial serial;
    struct code code;
    enum err err;

    *known = false;
    TRY(code_prove(tx, text, &code, word));
    if (word->len) return OK;
    serial = entry_serial_of(code.serial);
    err = entry_get(tx, arena, str_of(serial.text), entry);
    *known = err == OK;
    *word = *known ? str_of(word_of(&code, entry)) : STR("unknown_entry");
    if (err == ERR_NOT_FOUND) err = OK;
done:
    return err;
}

/* POST /operator/entries/verify {code}: what is right or wrong with it. 200 {"answer", "entryId"?,
 * "serial"?, "status"?, "ticketId"?, "showId"?}: valid; void: the money went back; superseded: its
 * entry has another code by now; unknown_entry; unknown_key; forged; truncated; too_long; no_code.
 * 400 without a text. */
enum err post_operator_verify(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct str text = request_body_text(rq, "code");
    struct json_writer json;
    struct entry entry;
    struct str word;
    bool known;
    enum err err;

    if (!text.len) return request_reject(rq, "code", "Code must be the text of an entry's code");
    TRY(judge(tx, rq->arena, text, &word, &entry, &known));
    json = reply_json(rp, 200);
    json_begin_object(&json);
    json_member_text(&json, "answer", word);
    if (known) {
        json_member_id(&json, "entryId", entry.id);
        json_member_text(&json, "serial", entry.serial);
        json_member_text(&json, "status", entry_status_text(entry.status));
        json_member_id(&json, "ticketId", entry.ticket_id);
        json_member_id(&json, "showId", entry.now_show_id);
    }
    json_end_object(&json);
done:
    return err;
}
