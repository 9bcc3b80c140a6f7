/* services/mail/attendance.c: whoever holds an entry is told when its show does not take place, or
 * takes place at another time.
 *
 * A show may have thousands of them: a job tells so many at a time. Shows and entries come by the
 * events of two services, so an entry that was there before the change may be heard of after it:
 * its holder is told then. Whatever comes twice, a person is told a change once. */
#include "services/mail/attendance.h"

#include "base/sha256.h"
#include "services/mail/attendance_store.h"

#include <stdio.h>

#define TOLD_AT_ONCE 200
#define MERGES_MAX   32 /* of shows, one into the next; the last one is not merged */

static bool is_id(struct object_id id)
{
    return !object_id_eq(id, (struct object_id){{0}});
}

/* The reader of an event that was published just now wants to hear of it. */
static bool is_news(const struct env *env, const struct tx *tx)
{
    return wall_since(tx->now, env->event_at) <= MAIL_EXPIRES_MS;
}

/* --- telling --------------------------------------------------------------------------------- */

/* Of a change and a person: the same whoever works it out, and whenever. */
static struct object_id cause_of(const struct mail_show *show, struct str user_id)
{
    struct object_id_text id = object_id_text(show->id);
    struct sha256_text digest;
    struct object_id cause;
    struct sha256 sum;
    char version[32];
    int length = snprintf(version, sizeof version, ":%lld:", (long long)show->change.version);

    sha256_begin(&sum);
    sha256_add(&sum, str_of(id.hex));
    sha256_add(&sum, (struct str){version, (size_t)length});
    sha256_add(&sum, user_id);
    sha256_end(&sum, &digest);
    (void)object_id_parse((struct str){digest.hex, 24}, &cause);
    return cause;
}

static enum err tell(struct env *env, struct tx *tx, const struct mail_show *show,
                     struct str user_id)
{
    return mail_put(env, tx,
                    &(struct mail){.kind = show->change.kind,
                                   .cause_id = cause_of(show, user_id),
                                   .about = show->id,
                                   .user_id = user_id,
                                   .title = show->title,
                                   .detail = show->starts_local});
}

enum err shows_tell(struct env *env, struct tx *tx, struct wall_ms *next)
{
    struct str users[TOLD_AT_ONCE];
    struct mail_show show;
    size_t count;
    enum err err = mail_show_telling(tx, env->arena, &show);

    if (err == ERR_NOT_FOUND) return OK;
    TRY(err);
    TRY(holders_after(tx, env->arena, show.id, show.told_up_to, users, TOLD_AT_ONCE, &count));
    for (size_t i = 0; i < count; i++)
        TRY(tell(env, tx, &show, users[i]));
    if (count) show.told_up_to = users[count - 1];
    show.telling = count == TOLD_AT_ONCE;
    TRY(mail_show_put(tx, &show));
    *next = tx->now; /* there may be more, and other shows */
done:
    return err;
}

/* --- shows ----------------------------------------------------------------------------------- */

/* What is to be told of it; MAIL_KINDS: nothing. Nobody holds an entry to what is proposed. */
static enum mail_kind change_between(const struct mail_show *before, const struct mail_show *now)
{
    bool same = str_eq(before->status, now->status);

    if (!same && str_eq(now->status, STR("cancelled"))) return MAIL_SHOW_CANCELLED;
    if (!same && str_eq(now->status, STR("postponed"))) return MAIL_SHOW_POSTPONED;
    if (!str_eq(now->status, STR("scheduled"))) return MAIL_KINDS;
    if (str_eq(before->status, STR("postponed"))) return MAIL_SHOW_MOVED;
    return same && !str_eq(before->starts_local, now->starts_local) ? MAIL_SHOW_MOVED : MAIL_KINDS;
}

/* The show that it is by now, as far as is known here. */
static enum err show_now(struct tx *tx, struct arena *arena, struct object_id id,
                         struct object_id *now)
{
    struct mail_show show = {.merged_into = id};
    enum err err = OK;

    for (int i = 0; i < MERGES_MAX && err == OK && is_id(show.merged_into); i++) {
        *now = show.merged_into;
        err = mail_show_get(tx, arena, *now, &show);
    }
    return err == ERR_NOT_FOUND ? OK : err;
}

/* A later version says all that an earlier one did, so none waits for another. */
static enum verdict copy_show(struct env *env, struct tx *tx, struct mail_show *show)
{
    struct mail_show before = {
        .version = -1, .status = STR(""), .change = {.kind = MAIL_KINDS}, .told_up_to = STR("")};
    struct object_id into;
    enum mail_kind kind;
    enum err err = mail_show_get(tx, env->arena, show->id, &before);

    if (err != ERR_NOT_FOUND) TRY(err);
    if (show->version <= before.version) return VERDICT_SEEN;
    kind = change_between(&before, show);
    show->change = before.change;
    show->told_up_to = before.told_up_to;
    show->telling = before.telling;
    if (kind != MAIL_KINDS && is_news(env, tx)) {
        show->change.kind = kind;
        show->change.version = show->version;
        show->change.at = env->event_at;
        show->told_up_to = STR("");
        show->telling = true;
        env_job_due(env, TELL, tx->now);
    }
    TRY(mail_show_put(tx, show));
    if (is_id(show->merged_into)) {
        TRY(show_now(tx, env->arena, show->merged_into, &into));
        TRY(holders_move(tx, show->id, into));
    }
done:
    return verdict_of(err);
}

#define SHOW_OF(event)                                                                             \
    &(struct mail_show)                                                                            \
    {                                                                                              \
        .id = (event)->id, .version = (event)->version, .title = (event)->title,                   \
        .status = (event)->status, .starts_local = (event)->starts_local,                          \
        .merged_into = (event)->merged_into                                                        \
    }

enum verdict on_show_made(struct env *env, struct tx *tx, const void *event)
{
    const struct show_created *show = event;

    return copy_show(env, tx, SHOW_OF(show));
}

enum verdict on_show_changed(struct env *env, struct tx *tx, const void *event)
{
    const struct show_updated *show = event;

    return copy_show(env, tx, SHOW_OF(show));
}

/* --- entries --------------------------------------------------------------------------------- */

/* The show changed after this, and those who were known then may have been told already. */
static enum err tell_late(struct env *env, struct tx *tx, const struct holder *holder)
{
    struct mail_show show;
    enum err err;

    if (!holder->valid || !is_news(env, tx)) return OK;
    err = mail_show_get(tx, env->arena, holder->show_id, &show);
    if (err == ERR_NOT_FOUND) return OK;
    TRY(err);
    if (show.change.kind == MAIL_KINDS || !wall_before(env->event_at, show.change.at)) return OK;
    TRY(tell(env, tx, &show, holder->user_id));
done:
    return err;
}

/* Of two events of an entry the one with the higher version counts; the first one alone says what
 * it is for. */
static enum verdict copy_holder(struct env *env, struct tx *tx, struct holder *holder)
{
    struct holder before = {.version = -1};
    enum err err = holder_get(tx, env->arena, holder->entry_id, &before);

    if (err != ERR_NOT_FOUND) TRY(err);
    if (is_id(before.show_id)) {
        if (holder->version <= before.version) return VERDICT_SEEN;
        holder->show_id = before.show_id;
    } else if (is_id(holder->show_id)) {
        TRY(show_now(tx, env->arena, holder->show_id, &holder->show_id));
    }
    if (holder->version < before.version) {
        holder->version = before.version;
        holder->user_id = before.user_id;
        holder->valid = before.valid;
    }
    TRY(holder_put(tx, holder));
    TRY(tell_late(env, tx, holder));
done:
    return verdict_of(err);
}

enum verdict on_entry_issued(struct env *env, struct tx *tx, const void *event)
{
    const struct entry_created *entry = event;

    return copy_holder(env, tx,
                       &(struct holder){.entry_id = entry->id,
                                        .version = entry->version,
                                        .user_id = entry->user_id,
                                        .show_id = entry->show_id,
                                        .valid = str_eq(entry->status, STR("valid"))});
}

enum verdict on_entry_changed(struct env *env, struct tx *tx, const void *event)
{
    const struct entry_updated *entry = event;

    return copy_holder(env, tx,
                       &(struct holder){.entry_id = entry->id,
                                        .version = entry->version,
                                        .user_id = entry->user_id,
                                        .valid = str_eq(entry->status, STR("valid"))});
}
