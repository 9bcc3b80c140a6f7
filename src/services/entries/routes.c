/* services/entries/routes.c: what opens doors, for whom it opens them. */
#include "services/entries/documents.h"
#include "services/entries/door/door.h"
#include "services/entries/entries.h"
#include "services/entries/key_store.h"

/* ?when=coming|past, ?limit=, ?after=: the id of the last one of the page before. */
static enum err take_page(struct request *rq, struct tx *tx, struct entries_page *page)
{
    struct str when = request_query(rq, "when"), after = request_query(rq, "after");

    *page = (struct entries_page){.holder_id = rq->user.id,
                                  .begins = wall_after(tx->now, -SHOW_LASTS_MS),
                                  .past = str_eq(when, STR("past"))};
    if (when.at && !page->past && !str_eq(when, STR("coming")))
        request_reject_for(rq, "when", "When must be coming or past", "unknown",
                           "Leave it out for what is still to come");
    if (after.at && !object_id_parse(after, &page->after))
        request_reject(rq, "after", "After must be the id of the last entry of a page");
    request_limit(rq, PAGE_DEFAULT, PAGE_MAX, &page->limit);
    return request_checked(rq);
}

static void link_next(struct request *rq, struct reply *rp, const struct entries_page *page,
                      struct object_id last)
{
    struct object_id_text after = object_id_text(last);
    struct buf link;

    buf_init(&link, rq->arena, 128);
    buf_printf(&link, "</api/entries?when=%s&limit=%lld&after=%s>; rel=\"next\"",
               page->past ? "past" : "coming", (long long)page->limit, after.hex);
    if (!link.failed) reply_header(rp, "Link", buf_str(&link));
}

/* GET /api/entries?when=&limit=&after=: the caller's entries by the time of their shows: those to
 * come, the next one first, or with when=past those that were, the latest first. */
static enum err get_entries(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct entries_page page;
    struct entry_view view;
    struct json_writer json;
    struct rows rows;
    int64_t count = 0;
    enum err err, end;

    TRY(take_page(rq, tx, &page));
    json = reply_json(rp, 200);
    json_begin_array(&json);
    entries_page(tx, &rows, &page);
    while ((err = entry_view_next(&rows, rq->arena, &view)) == OK) {
        entry_json(&json, &view, STR(""));
        count++;
    }
    end = rows_end(&rows);
    json_end_array(&json);
    if (err != ERR_NOT_FOUND) return err;
    if (end == OK && count == page.limit) link_next(rq, rp, &page, view.entry.id);
    return end;
done:
    return err;
}

/* What a gate reads; empty: the organiser's file opens the door, or nothing does any more. */
static enum err code_of(struct tx *tx, const struct entry_view *view, struct code_text *out)
{
    const struct entry *entry = &view->entry;
    struct code code = {.show_id = entry->show_id,
                        .ticket_id = entry->ticket_id,
                        .version = entry->version,
                        .key_id = entry->key_id};
    struct code_key key;
    enum err err;

    *out = (struct code_text){{0}};
    if (entry->status != ENTRY_VALID || !str_eq(view->listing.delivery, STR("issued"))) return OK;
    if (!crockford_decode(entry->serial, code.serial, ENTRY_SERIAL_BYTES)) return ERR_UNREADABLE;
    err = code_key_get(tx, entry->key_id, &key);
    if (err == ERR_NOT_FOUND) return ERR_UNREADABLE;
    TRY(err);
    *out = code_write(&code, &key);
done:
    return err;
}

/* GET /api/entries/:id: one of the caller's entries, with its code. 200; 401 another's; 404. */
static enum err get_entry(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct entry_view view;
    struct json_writer json;
    struct code_text code;
    struct object_id id;
    enum err err;

    TRY(request_path_id(rq, 0, &id));
    TRY(entry_view_get(tx, rq->arena, id, &view));
    if (!str_eq(view.entry.holder_id, rq->user.id)) return ERR_NOT_AUTHORIZED;
    TRY(code_of(tx, &view, &code));
    json = reply_json(rp, 200);
    entry_json(&json, &view, str_of(code.text));
done:
    return err;
}

const struct route entries_routes[ENTRIES_ROUTES] = {
    {METHOD_GET, "/api/entries", ACCESS_SESSION, IN_READER, .run = get_entries},
    {METHOD_GET, "/api/entries/:id", ACCESS_SESSION, IN_READER, .run = get_entry},
    {METHOD_POST, "/api/entries/:id/transfers", ACCESS_SESSION, IN_WRITER, .run = post_transfers,
     .limited = true},
    {METHOD_GET, "/api/transfers", ACCESS_SESSION, IN_READER, .run = get_transfers},
    {METHOD_GET, "/api/transfers/:id", ACCESS_SESSION, IN_READER, .run = get_transfer},
    {METHOD_POST, "/api/transfers/:id/accept", ACCESS_SESSION, IN_WRITER,
     .run = post_transfer_accept},
    {METHOD_DELETE, "/api/transfers/:id", ACCESS_SESSION, IN_WRITER, .run = delete_transfer},
    {METHOD_GET, "/.well-known/entry-keys.json", ACCESS_PUBLIC, IN_SHARED_READER,
     .run = get_entry_keys},
    {METHOD_POST, "/operator/entries/rotate-key", ACCESS_OPERATOR, IN_WRITER,
     .run = post_operator_rotate_key, .audit = "entry_key.rotated"},
    {METHOD_POST, "/operator/entries/verify", ACCESS_OPERATOR, IN_READER,
     .run = post_operator_verify},
    {METHOD_GET, "/api/gates", ACCESS_SESSION, IN_READER, .run = get_gates},
    {METHOD_POST, "/api/gates", ACCESS_SESSION, IN_WRITER, .run = post_gates, .audit = "gate.made"},
    {METHOD_DELETE, "/api/gates/:id", ACCESS_SESSION, IN_WRITER, .run = delete_gate,
     .audit = "gate.revoked"},
    {METHOD_GET, "/api/gates/admissions", ACCESS_SESSION, IN_READER, .run = get_admissions},
    {METHOD_GET, "/api/gates/wrong", ACCESS_SESSION, IN_READER, .run = get_wrong_scans},
    {METHOD_GET, "/api/gates/me/snapshot", ACCESS_PUBLIC, IN_READER, .run = get_snapshot},
    {METHOD_POST, "/api/scans", ACCESS_PUBLIC, IN_WRITER, .run = post_scans,
     .body_max = SCANS_BYTES_MAX},
};
