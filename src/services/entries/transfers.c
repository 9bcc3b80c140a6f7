/* services/entries/transfers.c: entries on their way to other people: given, taken, taken back,
 * over. Each change is made under the entry's lock. */
#include "services/entries/entries.h"
#include "services/entries/transfer_store.h"

#define END_MAX 100 /* of one run of the job */

static struct transfer_show show_of(const struct entry_show *show)
{
    return (struct transfer_show){.starts_at = show->starts_at,
                                  .postponed = str_eq(show->status, STR("postponed")),
                                  .cancelled = str_eq(show->status, STR("cancelled"))};
}

/* title: what it is for, where somebody is to be told. */
static enum err transfer_save(struct tx *tx, const struct transfer *transfer, struct str title)
{
    enum err err;

    TRY(transfer_update(tx, transfer));
    TRY(publish_transfer_updated(
        tx, &(struct transfer_updated){.id = transfer->id,
                                       .version = transfer->version,
                                       .entry_id = transfer->entry_id,
                                       .status = transfer_status_text(transfer->status),
                                       .user_id = transfer->giver_id,
                                       .title = title}));
done:
    return err;
}

enum err transfer_give(struct env *env, struct tx *tx, const struct entry_view *view,
                       struct transfer *transfer)
{
    struct transfer_show show = show_of(&view->show);
    enum err err;

    TRY(transfer_allowed(&view->entry, &show, tx->now));
    transfer->id = env_new_id(env, tx);
    transfer->entry_id = view->entry.id;
    transfer->made_at = tx->now;
    transfer->ends_at = wall_earlier(wall_after(tx->now, TRANSFER_LASTS_MS),
                                     transfer_latest(show.starts_at, show.postponed));
    TRY(transfer_insert(tx, transfer));
    TRY(publish_transfer_created(tx, &(struct transfer_created){.id = transfer->id,
                                                                .version = transfer->version,
                                                                .entry_id = transfer->entry_id,
                                                                .user_id = transfer->giver_id,
                                                                .email = transfer->email,
                                                                .title = view->show.title}));
    env_job_due(env, JOB_TRANSFERS_END, transfer->ends_at);
done:
    return err;
}

enum err transfer_accept(struct tx *tx, const struct entry_view *view, struct transfer *transfer,
                         struct str taker_id)
{
    struct transfer_show show = show_of(&view->show);
    struct entry entry = view->entry;
    enum err err;

    if (transfer->status != TRANSFER_WAITING) return ERR_TRANSFER_OVER;
    TRY(transfer_allowed(&entry, &show, tx->now));
    TRY(transfer_take(transfer, &entry, taker_id, tx->now));
    TRY(entry_save(tx, &entry));
    TRY(transfer_save(tx, transfer, view->show.title));
done:
    return err;
}

enum err transfer_stop(struct tx *tx, struct transfer *transfer, enum transfer_status status)
{
    enum err err;

    TRY(transfer_close(transfer, status));
    TRY(transfer_save(tx, transfer, STR("")));
done:
    return err;
}

enum err transfer_end_of(struct tx *tx, struct arena *arena, struct object_id entry_id)
{
    struct transfer transfer;
    enum err err = transfer_of_entry(tx, arena, entry_id, &transfer);

    if (err == ERR_NOT_FOUND) return OK;
    TRY(err);
    TRY(transfer_stop(tx, &transfer, TRANSFER_ENDED));
done:
    return err;
}

/* --- their time ------------------------------------------------------------------------------- */

enum err transfers_follow(struct env *env, struct tx *tx, struct object_id show_id)
{
    struct wall_ms latest;
    struct entry_show show;
    enum err err = entry_show_get(tx, env->arena, show_id, &show);

    if (err == ERR_NOT_FOUND) return OK; /* its event brings it here again */
    TRY(err);
    latest = transfer_latest(show.starts_at, show_of(&show).postponed);
    TRY(transfers_end_by(tx, show_id, latest));
    env_job_due(env, JOB_TRANSFERS_END, latest);
done:
    return err;
}

/* Of those that are due; another replica may have been faster. */
static enum err end_due(struct env *env, struct tx *tx, struct object_id id)
{
    struct transfer transfer;
    struct entry entry;
    enum err err;

    TRY(transfer_get(tx, env->arena, id, &transfer));
    TRY(entry_lock(tx, env->arena, transfer.entry_id, &entry));
    TRY(transfer_get(tx, env->arena, id, &transfer));
    if (transfer.status == TRANSFER_WAITING && wall_reached(tx->now, transfer.ends_at))
        TRY(transfer_stop(tx, &transfer, TRANSFER_ENDED));
done:
    return err;
}

enum err transfers_end(struct env *env, struct tx *tx, struct wall_ms *next)
{
    struct object_id due[END_MAX];
    size_t count;
    enum err err;

    TRY(transfers_due(tx, due, END_MAX, &count));
    for (size_t i = 0; i < count; i++)
        TRY(end_due(env, tx, due[i]));
    TRY(transfers_next(tx, next));
done:
    return err;
}
