/* services/entries/door/scans.c: /api/scans: a gate reads a code and is told whether to let
 * somebody in; or has done so without a network, and tells of it later. */
#include "services/entries/documents.h"
#include "services/entries/door/change_store.h"
#include "services/entries/door/door.h"
#include "services/entries/door/scan_store.h"
#include "services/entries/entries.h"

#define SERIAL_TYPED_MAX 32 /* bytes, with what stands between its letters */

/* One of an upload, as the gate sent it. */
struct sent_scan {
    struct object_id id; /* all zero: it has none */
    struct str code;
    struct wall_ms at; /* by the gate's clock; WALL_NONE: it did not say */
    bool let_in;       /* the gate did so by itself */
};

/* Who sends. */
struct sender {
    struct gate gate;
    struct entry_show show; /* the gate's, as it is now */
    struct wall_ms clock;   /* what the gate's clock shows now; WALL_NONE: it did not say */
};

static bool has_id(const struct sent_scan *sent)
{
    return !object_id_eq(sent->id, (struct object_id){{0}});
}

/* --- what the body says ---------------------------------------------------------------------- */

/* Which one it is, where there are several. */
static const char *hint_of(struct request *rq, size_t number, const char *hint)
{
    struct buf text;

    if (number == 0) return hint;
    buf_init(&text, rq->arena, 256);
    buf_printf(&text, "Scan %zu of them: %s", number, hint);
    buf_char(&text, 0);
    return text.failed ? hint : text.at;
}

/* number: 1 and up in an upload of several; 0: it is the only one, and needs no id. */
static void take_scan(struct request *rq, const struct json *json, size_t number,
                      struct sent_scan *out)
{
    const struct json *at = json_get(json, "at"), *let_in = json_get(json, "admitted");
    struct str id = STR(""), time = STR("");

    *out = (struct sent_scan){.code = STR("")};
    (void)json_text(json_get(json, "id"), &id);
    if (!object_id_parse(id, &out->id) && (number || json_type(json_get(json, "id"))))
        request_reject_for(rq, "id", "Id must be 24 hexadecimal digits", "no_id",
                           hint_of(rq, number, "Draw them for each scan"));
    (void)json_text(json_get(json, "code"), &out->code);
    if (!str_trim(out->code).len)
        request_reject_for(rq, "code", "Code must be the text that was read", "empty",
                           hint_of(rq, number, "Send what the gate has read, or a serial"));
    (void)json_text(at, &time);
    if (json_type(at) && !iso8601_parse(time, &out->at))
        request_reject_for(rq, "at", "At must be a time", "no_time",
                           hint_of(rq, number, "Write it like 2027-07-01T17:30:00.000Z"));
    if (json_type(let_in) && (!json_bool(let_in, &out->let_in) || !out->let_in))
        request_reject_for(rq, "admitted", "Admitted must be true", "not_true",
                           hint_of(rq, number, "Leave it out where nobody was let in yet"));
}

/* ?clock=: what the gate's clock shows as it sends. */
static void take_clock(struct request *rq, struct sender *sender)
{
    struct str clock = request_query(rq, "clock");

    sender->clock = WALL_NONE;
    if (clock.at && !iso8601_parse(clock, &sender->clock))
        request_reject_for(rq, "clock", "Clock must be a time", "no_time",
                           "Write it like 2027-07-01T17:30:00.000Z");
}

/* All of them, in the arena. */
static enum err take_scans(struct request *rq, struct sent_scan **out, size_t *count)
{
    bool several = json_type(rq->body) == JSON_ARRAY;

    *count = several ? json_length(rq->body) : 1;
    if (*count < 1 || *count > SCANS_MAX)
        return request_reject_for(rq, "scans", "An upload has 1 to 1,000 scans", "number",
                                  "Send the others in another upload");
    *out = arena_alloc(rq->arena, *count * sizeof **out);
    if (!*out) return ERR_MEMORY;
    for (size_t i = 0; i < *count; i++)
        take_scan(rq, several ? json_at(rq->body, i) : rq->body, several ? i + 1 : 0, &(*out)[i]);
    return request_checked(rq);
}

static enum err take_sender(struct request *rq, struct tx *tx, struct sender *sender)
{
    enum err err;

    TRY(gate_authorize(rq, tx, &sender->gate));
    take_clock(rq, sender);
    TRY(entry_show_get(tx, rq->arena, sender->gate.show_id, &sender->show));
done:
    return err;
}

/* --- whose it is ----------------------------------------------------------------------------- */

/* The entry that a text is of, and what its code says beside. *fault: why it is of none, in a word;
 * empty: it is. */
static enum err find_entry(struct tx *tx, const struct sender *sender, struct str text,
                           struct arena *arena, struct scanned_entry *entry,
                           struct scan_facts *facts, struct str *fault)
{
    struct code code = {.version = 0};
    struct entry_serial serial;
    struct str typed;
    enum err err = OK;

    *fault = STR("");
    typed = str_trim(text);
    facts->typed =
        typed.len <= SERIAL_TYPED_MAX && crockford_read(typed, code.serial, sizeof code.serial);
    if (!facts->typed) TRY(code_prove(tx, text, &code, fault));
    if (fault->len) return OK;
    serial = entry_serial_of(code.serial);
    err = scanned_entry_get(tx, arena, str_of(serial.text), sender->show.title,
                            sender->show.venue_id, entry);
    if (err == ERR_NOT_FOUND || (err == OK && !facts->typed &&
                                 !(object_id_eq(code.ticket_id, entry->ticket_id) &&
                                   object_id_eq(code.show_id, entry->show_id))))
        *fault = STR("unknown_entry");
    if (err == ERR_NOT_FOUND) return OK;
    facts->code_version = code.version;
done:
    return err;
}

static enum err take_facts(struct tx *tx, const struct sender *sender,
                           const struct scanned_entry *entry, struct scan_facts *facts)
{
    struct object_id order_id;
    enum err err = OK;

    facts->entry_version = entry->version;
    facts->status = entry->status;
    facts->issued = entry->issued;
    facts->this_show = object_id_eq(entry->now_show_id, sender->show.id);
    facts->same_title_there = entry->same_title_there;
    facts->show_cancelled = str_eq(sender->show.status, STR("cancelled"));
    if (entry->status == ENTRY_VALID) return OK;
    err = valid_entry_of_ticket(tx, entry->ticket_id, &order_id);
    facts->successor = err == OK;
    facts->of_other_order = err == OK && !object_id_eq(order_id, entry->order_id);
    return err == ERR_NOT_FOUND ? OK : err;
}

/* --- what is decided ------------------------------------------------------------------------- */

/* Somebody was let in before: by this very scan, which is told of once more long after it was
 * forgotten, or by another one. */
static enum err was_admitted(struct tx *tx, struct arena *arena, struct scan *scan)
{
    struct admission first;
    enum err err;

    TRY(admission_get(tx, arena, scan->entry_id, &first));
    if (!object_id_eq(first.scan_id, scan->id) || !object_id_eq(first.gate_id, scan->gate_id))
        scan->answer = SCAN_ALREADY_ADMITTED;
done:
    return err;
}

/* Of two who ask at once one is first. */
static enum err admit(struct tx *tx, struct arena *arena, const struct sent_scan *sent,
                      const struct scanned_entry *entry, struct scan *scan)
{
    bool first;
    enum err err;

    TRY(admission_insert(tx,
                         &(struct admission){.entry_id = entry->id,
                                             .gate_id = scan->gate_id,
                                             .scan_id = scan->id,
                                             .at = scan->at,
                                             .offline = sent->let_in},
                         &first));
    if (!first) return was_admitted(tx, arena, scan);
    TRY(transfer_end_of(tx, arena, entry->id)); /* it stays with whoever was let in by it */
    TRY(door_change(tx, entry->id, entry->now_show_id));
    TRY(publish_entry_admitted(tx, &(struct entry_admitted){.id = entry->id,
                                                            .ticket_id = entry->ticket_id,
                                                            .order_id = entry->order_id,
                                                            .show_id = entry->now_show_id,
                                                            .gate_id = scan->gate_id,
                                                            .user_id = entry->holder_id,
                                                            .at = scan->at,
                                                            .offline = sent->let_in}));
done:
    return err;
}

/* One that was not received before. */
static enum err decide(struct tx *tx, struct arena *arena, const struct sender *sender,
                       const struct sent_scan *sent, struct scan *scan)
{
    struct scanned_entry entry;
    struct scan_facts facts;
    struct str fault;
    enum err err;

    TRY(find_entry(tx, sender, sent->code, arena, &entry, &facts, &fault));
    scan->answer = SCAN_NOT_OURS;
    scan->reason = fault;
    if (!fault.len) {
        scan->entry_id = entry.id;
        TRY(take_facts(tx, sender, &entry, &facts));
        scan->answer = scan_judge(&facts, &scan->reason);
    }
    if (scan->answer == SCAN_ADMITTED) TRY(admit(tx, arena, sent, &entry, scan));
    scan->wrong = sent->let_in && scan->answer != SCAN_ADMITTED;
    TRY(scan_insert(tx, scan));
done:
    return err;
}

/* The same scan again has the same answer. */
static enum err answer(struct request *rq, struct tx *tx, const struct sender *sender,
                       const struct sent_scan *sent, struct scan *scan)
{
    enum err err = ERR_NOT_FOUND;

    if (has_id(sent)) err = scan_get(tx, rq->arena, sender->gate.id, sent->id, scan);
    if (err != ERR_NOT_FOUND) return err;
    *scan = (struct scan){.gate_id = sender->gate.id,
                          .id = has_id(sent) ? sent->id : env_new_id(rq->run->env, tx),
                          .at = scan_time(sent->at, sender->clock, tx->now),
                          .gate_at = sent->at,
                          .received_at = tx->now};
    return decide(tx, rq->arena, sender, sent, scan);
}

/* --- documents ------------------------------------------------------------------------------- */

static enum err first_json(struct tx *tx, struct arena *arena, struct object_id entry_id,
                           struct json_writer *json)
{
    struct admission first;
    enum err err = admission_get(tx, arena, entry_id, &first);

    if (err == ERR_NOT_FOUND) return OK;
    TRY(err);
    first_member(json, &first);
done:
    return err;
}

/* What people at the door want to know of it. */
static enum err entry_members(struct tx *tx, struct arena *arena, struct object_id entry_id,
                              struct json_writer *json)
{
    struct entry_view view;
    enum err err;

    TRY(entry_view_get(tx, arena, entry_id, &view));
    json_member_text(json, "serial", view.entry.serial);
    entry_place_json(json, &view);
    json_key(json, "show");
    entry_show_json(json, &view.show);
done:
    return err;
}

/* whole: with what the entry is for. */
static enum err scan_json(struct tx *tx, struct arena *arena, const struct sender *sender,
                          const struct scan *scan, bool whole, struct json_writer *json)
{
    bool known = !object_id_eq(scan->entry_id, (struct object_id){{0}});
    enum err err = OK;

    json_begin_object(json);
    json_member_id(json, "id", scan->id);
    json_member_text(json, "answer", scan_answer_text(scan->answer));
    json_member_known(json, "reason", scan->reason);
    json_member_time(json, "at", scan->at);
    gate_member(json, "gate", scan->gate_id, sender->gate.name);
    if (scan->answer == SCAN_ALREADY_ADMITTED) TRY(first_json(tx, arena, scan->entry_id, json));
    if (known) json_member_id(json, "entryId", scan->entry_id);
    if (known && whole) TRY(entry_members(tx, arena, scan->entry_id, json));
    json_end_object(json);
done:
    return err;
}

/* POST /api/scans?clock= {code, id?, at?, admitted?}: what a gate has read, a code or the serial of
 * an entry. Or an array of them, each with an id. admitted: the gate let in by itself, without a
 * network. 200 the answer, or an array of answers in their order; an id that was sent before has
 * the answer it had. 400; 401 not_authorized, gate_revoked. */
enum err post_scans(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct sent_scan *sent = NULL;
    struct json_writer json;
    struct sender sender;
    struct scan scan;
    bool several;
    size_t count;
    enum err err;

    TRY(take_sender(rq, tx, &sender));
    TRY(take_scans(rq, &sent, &count));
    several = json_type(rq->body) == JSON_ARRAY;
    json = reply_json(rp, 200);
    if (several) json_begin_array(&json);
    for (size_t i = 0; i < count; i++) {
        TRY(answer(rq, tx, &sender, &sent[i], &scan));
        TRY(scan_json(tx, rq->arena, &sender, &scan, !several, &json));
    }
    if (several) json_end_array(&json);
done:
    return err;
}
