/* services/entries/transfer_routes.c: what people do with entries on their way. */
#include "services/entries/documents.h"
#include "services/entries/door/scan_store.h"
#include "services/entries/entries.h"
#include "services/entries/transfer_store.h"

#include "identity/email.h"

static enum err reply_transfer(struct request *rq, struct tx *tx, struct reply *rp, int status,
                               struct object_id id)
{
    struct json_writer json;
    struct entry_view view;
    enum err err;

    TRY(given_view_get(tx, rq->arena, id, &view));
    json = reply_json(rp, status);
    transfer_json(&json, &view);
done:
    return err;
}

/* What the caller's address is compared by; empty: a session of another service that names none. */
static enum err own_key(struct request *rq, struct str *key)
{
    *key = STR("");
    return email_valid(rq->user.email) ? email_key(rq->arena, rq->user.email, key) : OK;
}

/* --- giving ----------------------------------------------------------------------------------- */

/* Whom it is for, of the body. */
static enum err take_receiver(struct request *rq, struct transfer *out)
{
    struct str own;
    enum err err;

    out->email = str_trim(request_body_text(rq, "email"));
    out->giver_id = rq->user.id;
    out->giver_email = rq->user.email;
    err = email_valid(out->email) ? email_key(rq->arena, out->email, &out->email_key) : ERR_INVALID;
    if (err == ERR_INVALID) return request_reject(rq, "email", "Email must be valid");
    TRY(err);
    TRY(own_key(rq, &own));
    if (str_eq(own, out->email_key))
        return request_reject_for(rq, "email", "Email must be another person's", "own_address",
                                  "This is your own address, the ticket is yours already");
done:
    return err;
}

static enum err check_unused(struct request *rq, struct tx *tx, struct object_id entry_id)
{
    struct admission admission;
    enum err err = admission_get(tx, rq->arena, entry_id, &admission);

    if (err == OK) return ERR_ENTRY_USED;
    return err == ERR_NOT_FOUND ? OK : err;
}

/* POST /api/entries/:id/transfers {email}: one of the caller's entries is on its way to whoever has
 * that address. 201 the transfer; 400; 401 another's; 404; 409 entry_void, entry_used,
 * show_cancelled, transfer_late, transfer_waiting; 429. */
enum err post_transfers(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct transfer transfer = {.taker_id = STR("")};
    struct entry_view view;
    struct object_id id;
    struct entry entry;
    enum err err;

    TRY(request_path_id(rq, 0, &id));
    TRY(take_receiver(rq, &transfer));
    TRY(entry_lock(tx, rq->arena, id, &entry));
    if (!str_eq(entry.holder_id, rq->user.id)) return ERR_NOT_AUTHORIZED;
    TRY(check_unused(rq, tx, id));
    TRY(entry_view_get(tx, rq->arena, id, &view));
    TRY(transfer_give(rq->run->env, tx, &view, &transfer));
    TRY(reply_transfer(rq, tx, rp, 201, transfer.id));
done:
    return err;
}

/* --- looking ---------------------------------------------------------------------------------- */

static enum err put_page(struct request *rq, struct rows *rows, struct reply *rp,
                         struct list_page *page)
{
    struct json_writer json = reply_json(rp, 200);
    struct entry_view view;
    enum err err, end;

    json_begin_array(&json);
    while ((err = entry_view_next(rows, rq->arena, &view)) == OK) {
        transfer_json(&json, &view);
        list_page_add(page, view.transfer.id);
    }
    end = rows_end(rows);
    json_end_array(&json);
    if (err != ERR_NOT_FOUND) return err;
    if (end == OK) reply_narrowed_page(rq, rp, page, (const char *const[]){"direction", NULL});
    return end;
}

/* GET /api/transfers?direction=coming|given&limit=&after=: what waits for the caller's address, or
 * what the caller has given; newest first. */
enum err get_transfers(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct str direction = request_query(rq, "direction"), key;
    bool given = str_eq(direction, STR("given"));
    struct list_page page;
    struct rows rows;
    enum err err;

    if (direction.at && !given && !str_eq(direction, STR("coming")))
        request_reject_for(rq, "direction", "Direction must be coming or given", "unknown",
                           "Leave it out for what is coming to you");
    err = request_list_page(rq, &page);
    if (err != ERR_INVALID) TRY(err);
    TRY(request_checked(rq));
    TRY(own_key(rq, &key));
    if (given)
        entries_given(tx, &rows, rq->user.id, &page);
    else
        entries_coming(tx, &rows, key, &page);
    return put_page(rq, &rows, rp, &page);
done:
    return err;
}

/* Of the path, for the one who gave it or whom it is for; *coming: the latter. ERR_NOT_FOUND;
 * ERR_NOT_AUTHORIZED. */
static enum err find(struct request *rq, struct tx *tx, struct transfer *out, bool *coming)
{
    struct object_id id;
    struct str key;
    enum err err;

    TRY(request_path_id(rq, 0, &id));
    TRY(transfer_get(tx, rq->arena, id, out));
    TRY(own_key(rq, &key));
    *coming = out->status == TRANSFER_TAKEN ? str_eq(out->taker_id, rq->user.id)
                                            : str_eq(out->email_key, key);
    if (!*coming && !str_eq(out->giver_id, rq->user.id)) err = ERR_NOT_AUTHORIZED;
done:
    return err;
}

/* GET /api/transfers/:id: 200; 401 another's; 404. */
enum err get_transfer(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct transfer transfer;
    bool coming;
    enum err err;

    TRY(find(rq, tx, &transfer, &coming));
    TRY(reply_transfer(rq, tx, rp, 200, transfer.id));
done:
    return err;
}

/* --- taking, taking back ---------------------------------------------------------------------- */

/* As find, with its entry locked: as it is until the end of the transaction. */
static enum err find_locked(struct request *rq, struct tx *tx, struct transfer *out, bool *coming)
{
    struct entry entry;
    enum err err;

    TRY(find(rq, tx, out, coming));
    TRY(entry_lock(tx, rq->arena, out->entry_id, &entry));
    TRY(find(rq, tx, out, coming));
done:
    return err;
}

/* ERR_ADDRESS_UNCONFIRMED: this market wants to know that the taker's address is theirs, for it is
 * what the ticket was sent to, and has not heard that it is. */
static enum err may_take(const struct request *rq, struct tx *tx)
{
    bool confirmed;
    enum err err;

    if (!rq->run->env->settings->confirmed_sellers) return OK;
    TRY(person_confirmed(tx, rq->user.id, &confirmed));
    if (!confirmed) err = ERR_ADDRESS_UNCONFIRMED;
done:
    return err;
}

/* POST /api/transfers/:id/accept: the entry is the caller's from now on, with another code. 200 the
 * transfer, also when it was the caller's before; 401 it is for another address; 403
 * address_unconfirmed; 404; 409 transfer_over, entry_void, show_cancelled, transfer_late. */
enum err post_transfer_accept(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct transfer transfer;
    struct entry_view view;
    bool coming;
    enum err err;

    TRY(find_locked(rq, tx, &transfer, &coming));
    if (!coming) return ERR_NOT_AUTHORIZED;
    if (transfer.status != TRANSFER_TAKEN) {
        TRY(may_take(rq, tx));
        TRY(given_view_get(tx, rq->arena, transfer.id, &view));
        TRY(transfer_accept(tx, &view, &transfer, rq->user.id));
    }
    TRY(reply_transfer(rq, tx, rp, 200, transfer.id));
done:
    return err;
}

/* DELETE /api/transfers/:id: who gave it takes it back; whom it is for does not want it. 200 the
 * transfer, also when that was so before; 401 another's; 404; 409 transfer_over. */
enum err delete_transfer(struct request *rq, struct tx *tx, struct reply *rp)
{
    enum transfer_status status;
    struct transfer transfer;
    bool coming;
    enum err err;

    TRY(find_locked(rq, tx, &transfer, &coming));
    status = str_eq(transfer.giver_id, rq->user.id) ? TRANSFER_WITHDRAWN : TRANSFER_DECLINED;
    if (transfer.status != status) TRY(transfer_stop(tx, &transfer, status));
    TRY(reply_transfer(rq, tx, rp, 200, transfer.id));
done:
    return err;
}
