/* notifier.c: mails a buyer when the order is complete.
 *
 * It keeps its own copy of what a mail needs (who has which address, what a ticket is called), as
 * every service does. A completed order becomes a row; a job turns due rows into work for the pool;
 * the answer of the mail server comes back to the writer. Whatever is lost on the way is still due,
 * so a mail is sent at least once, always with the same Message-ID. */
#include "notifier.h"

#include <telemetry/log.h>

#define SEND 0 /* the job's row */

#define MAILS_A_BATCH 16
#define RETRY_MS      (5 * INT64_C(1000)) /* doubled with every try … */
#define RETRY_MAX     10                  /* … up to 85 minutes */

/* --- listeners ----------------------------------------------------------------------------- */

static enum verdict put_person(struct env *env, struct tx *tx, const struct user_created *user)
{
    enum verdict verdict;
    int64_t held;
    enum err err = person_version(tx, user->id, &held);

    if (err) return verdict_of(err);
    verdict = version_verdict(held, user->version);
    if (verdict != VERDICT_APPLIED) return verdict;
    env_job_due(env, SEND, tx->now); /* a mail may have waited for the address */
    return verdict_of(person_put(tx, user));
}

static enum verdict on_user_created(struct env *env, struct tx *tx, const void *event)
{
    return put_person(env, tx, event);
}

static enum verdict on_user_updated(struct env *env, struct tx *tx, const void *event)
{
    const struct user_updated *user = event;

    return put_person(env, tx,
                      &(struct user_created){.id = user->id,
                                             .version = user->version,
                                             .email = user->email,
                                             .status = user->status});
}

static enum verdict put_ticket(struct env *env, struct tx *tx, struct object_id id, int64_t version,
                               struct str title)
{
    enum verdict verdict;
    int64_t held;
    enum err err = ticket_version(tx, id, &held);

    if (err) return verdict_of(err);
    verdict = version_verdict(held, version);
    if (verdict != VERDICT_APPLIED) return verdict;
    env_job_due(env, SEND, tx->now);
    return verdict_of(ticket_put(tx, id, version, title));
}

static enum verdict on_ticket_created(struct env *env, struct tx *tx, const void *event)
{
    const struct ticket_created *ticket = event;

    return put_ticket(env, tx, ticket->id, ticket->version, ticket->title);
}

static enum verdict on_ticket_updated(struct env *env, struct tx *tx, const void *event)
{
    const struct ticket_updated *ticket = event;

    return put_ticket(env, tx, ticket->id, ticket->version, ticket->title);
}

static enum verdict on_order_completed(struct env *env, struct tx *tx, const void *event)
{
    env_job_due(env, SEND, tx->now);
    return verdict_of(mail_add(tx, event));
}

/* --- sending ------------------------------------------------------------------------------- */

struct mail_task {
    struct task task;
    struct mail mail;
    bool taken;
};

static void work(struct env *env, struct task *task)
{
    struct mail_task *send = (struct mail_task *)task;

    (void)env;
    send->taken = mail_send(&send->mail);
}

static enum err settle(struct env *env, struct tx *tx, struct task *task)
{
    const struct mail_task *send = (const struct mail_task *)task;

    if (!send->taken) return OK; /* still due, at the time of mail_try */
    log_event(LOG_INFO, env->name, "mail.sent", log_text("order", str_of(send->mail.order_id)));
    return mail_sent(tx, send->mail.order_id);
}

static struct wall_ms retry_at(const struct mail *mail)
{
    int64_t doublings = mail->tries < RETRY_MAX ? mail->tries : RETRY_MAX;

    return wall_after(mail->now, RETRY_MS << doublings);
}

static enum err send_due(struct env *env, struct tx *tx, struct wall_ms *next)
{
    struct mail *due = arena_alloc(env->arena, MAILS_A_BATCH * sizeof *due);
    size_t count = 0;
    enum err err = ERR_MEMORY;

    if (!due) goto done;
    TRY(mails_due(tx, tx->now, due, MAILS_A_BATCH, &count));
    for (size_t i = 0; i < count; i++) {
        struct mail_task *send = task_new(sizeof *send);

        if (!send) return ERR_MEMORY;
        send->task.work = work;
        send->task.resolve = settle;
        send->mail = due[i];
        env_task(env, tx, &send->task); /* the runtime's from here on */
        TRY(mail_try(tx, due[i].order_id, retry_at(&due[i])));
    }
    TRY(mails_next(tx, next));
done:
    return err;
}

/* --- the table ----------------------------------------------------------------------------- */

static const struct listener notifier_listeners[] = {
    {EVENT_USER_CREATED, on_user_created},       {EVENT_USER_UPDATED, on_user_updated},
    {EVENT_TICKET_CREATED, on_ticket_created},   {EVENT_TICKET_UPDATED, on_ticket_updated},
    {EVENT_ORDER_COMPLETED, on_order_completed},
};

static const struct job notifier_jobs[] = {[SEND] = {"send", send_due}};

const struct service_definition notifier_service = {
    .name = "notifier",
    .listeners = notifier_listeners,
    .listener_count = sizeof notifier_listeners / sizeof *notifier_listeners,
    .jobs = notifier_jobs,
    .job_count = 1,
    .schema = notifier_schema,
    .pool_threads = 2,
    .pool_queue_max = NOTIFIER_QUEUE,
};
