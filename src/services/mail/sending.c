/* services/mail/sending.c: letters on their way to the server of mail.
 *
 * A row is marked as being sent and committed first, then the server is asked in the pool, then its
 * answer becomes the row's. So whatever dies in between, no letter is sent twice: one whose answer
 * nobody heard is uncertain, and reported. Without SMTP_URL letters stay here (/dev/mail). */
#include "services/mail/mail.h"

#include "client/smtp_client.h"
#include "services/mail/message.h"
#include "telemetry/log.h"
#include "telemetry/metric.h"
#include "unicode/domain.h"

#include <stdio.h>

#define SENDING_MAX   4
#define LOOKED_AT_MAX 64 /* letters that are due, in one run */
#define CONNECT_MS    10000
#define TOTAL_MS      60000
#define ANSWER_MS     120000 /* longer than the pool's queue and one letter may take */
#define PAUSE_MS      30000  /* after the first try that came to nothing … */
#define UNKNOWN_MS    1000   /* … or found no account, whose own event is on its way … */
#define PAUSE_MS_MAX  (INT64_C(2) * 3600 * 1000) /* … twice as long each time, up to this */
#define MINUTE_MS     60000

struct mail_task {
    struct task task;
    struct object_id id;
    int64_t try; /* which of the letter's */
    char from[SMTP_ADDRESS_MAX + 1], to[SMTP_ADDRESS_MAX + 1];
    enum smtp_result result;
    char reply[SMTP_REPLY_MAX];
    size_t size;
    char bytes[]; /* the message */
};

static const struct {
    enum mail_status status;
    enum metric metric;
} outcomes[] = {[SMTP_TAKEN] = {MAIL_SENT, METRIC_MAILS_SENT},
                [SMTP_REFUSED] = {MAIL_REFUSED, METRIC_MAILS_REFUSED},
                [SMTP_LATER] = {MAIL_WAITING, METRIC_MAILS_DELAYED},
                [SMTP_UNCERTAIN] = {MAIL_UNCERTAIN, METRIC_MAILS_UNCERTAIN}};

/* --- the answer ---------------------------------------------------------------------------- */

static int64_t pause_ms(int64_t pause, int64_t tries)
{
    while (--tries > 0 && pause < PAUSE_MS_MAX)
        pause *= 2;
    return pause < PAUSE_MS_MAX ? pause : PAUSE_MS_MAX;
}

/* Not now. */
static void put_off(struct mail *mail, struct wall_ms now, int64_t wait_ms)
{
    mail->status = wall_since(now, mail->made_at) >= MAIL_EXPIRES_MS ? MAIL_EXPIRED : MAIL_WAITING;
    mail->due_at = wall_after(now, wait_ms);
}

/* Tells once that the server takes nothing any more, and once that it does again. No address. */
static void note_answer(struct env *env, const struct mail_task *sent)
{
    struct mail_service_state *state = env->state;
    bool away = sent->result == SMTP_LATER;

    if (away && !state->away)
        log_event(LOG_WARN, env->name, "mail.away", log_text("reason", str_of(sent->reply)));
    if (!away && state->away) log_event(LOG_INFO, env->name, "mail.back");
    state->away = away;
}

static enum err mail_resolve(struct env *env, struct tx *tx, struct task *task)
{
    struct mail_task *sent = (struct mail_task *)task;
    struct mail mail;
    enum err err = mail_get(tx, env->arena, sent->id, &mail);

    if (err == ERR_NOT_FOUND) return OK; /* forgotten meanwhile */
    TRY(err);
    if (mail.status != MAIL_SENDING && mail.status != MAIL_UNCERTAIN) return OK;
    if (mail.tries != sent->try) return OK; /* it came too late, and another try is on its way */
    metric_add(outcomes[sent->result].metric, 1);
    note_answer(env, sent);
    mail.status = outcomes[sent->result].status;
    mail.reply = str_of(sent->reply);
    if (sent->result == SMTP_LATER) put_off(&mail, tx->now, pause_ms(PAUSE_MS, mail.tries));
    TRY(mail_update(tx, &mail));
    if (mail.status != MAIL_SENT && mail.status != MAIL_WAITING)
        log_event(LOG_WARN, env->name, "mail.lost",
                  log_text("mail", str_of(object_id_text(mail.id).hex)),
                  log_text("status", mail_status_text(mail.status)), log_text("reply", mail.reply));
    env_job_due(env, SEND, tx->now);
done:
    return err;
}

/* In the pool. */
static void mail_hand_over(struct env *env, struct task *task)
{
    struct mail_task *sent = (struct mail_task *)task;
    struct smtp_message message = {.url = env->settings->smtp_url,
                                   .from = str_of(sent->from),
                                   .to = str_of(sent->to),
                                   .bytes = {sent->bytes, sent->size},
                                   .connect_ms_max = CONNECT_MS,
                                   .total_ms_max = TOTAL_MS};

    sent->result = smtp_send(&message, sent->reply);
}

/* --- the way there ------------------------------------------------------------------------- */

/* The letter's address, or the account's, as servers know it: the domain in ASCII. */
static enum err address_for(struct env *env, struct tx *tx, const struct mail *mail,
                            struct str *out)
{
    struct str address = mail->email;
    enum err err;

    if (!address.len) TRY(person_email(tx, env->arena, mail->user_id, &address));
    TRY(address_ascii(env->arena, address, out));
done:
    return err;
}

static enum err hand_over_later(struct env *env, struct tx *tx, struct mail *mail,
                                struct str address)
{
    struct mailbox from;
    struct mail_task *task;
    struct buf bytes;
    enum err err;

    buf_init(&bytes, env->arena, MESSAGE_BYTES_MAX);
    TRY(mail_compose(env, env->arena, mail, address, &bytes));
    (void)mailbox_parse(str_of(env->settings->mail_from), &from);
    task = task_new(sizeof *task + bytes.len);
    if (!task) return ERR_MEMORY;
    task->task.name = "smtp";
    task->task.work = mail_hand_over;
    task->task.resolve = mail_resolve;
    task->task.share = str_hash(STR_HASH, mail->user_id);
    task->id = mail->id;
    task->try = mail->tries;
    snprintf(task->from, sizeof task->from, "%.*s", (int)from.address.len, from.address.at);
    snprintf(task->to, sizeof task->to, "%.*s", (int)address.len, address.at);
    task->size = bytes.len;
    memcpy(task->bytes, bytes.at, bytes.len);
    mail->status = MAIL_SENDING;
    mail->due_at = wall_after(tx->now, ANSWER_MS);
    env_task(env, tx, &task->task); /* the runtime's from here on */
done:
    return err;
}

/* One that is due; *room: how many may leave yet. Without room it stays as it is, unless it cannot
 * leave anyway. */
static enum err mail_submit(struct env *env, struct tx *tx, struct mail *mail, int64_t *room)
{
    enum err err = address_for(env, tx, mail, &mail->sent_to);

    if (err == OK && *room == 0) return OK;
    mail->reply = STR("");
    mail->tries++;
    if (err == OK) {
        --*room;
        mail->status = MAIL_SENT; /* stays here */
        if (env->settings->smtp_url) err = hand_over_later(env, tx, mail, mail->sent_to);
    }
    if (err == ERR_NOT_FOUND) {
        put_off(mail, tx->now, pause_ms(UNKNOWN_MS, mail->tries));
        mail->reply = STR("the account is not known here yet");
    } else if (err == ERR_INVALID) {
        mail->status = MAIL_REFUSED;
        mail->sent_to = STR("");
        mail->reply = STR("no mail can be sent to such an address");
    } else if (err != OK) {
        return err;
    }
    return mail_update(tx, mail);
}

/* How many may leave now by MAILS_PER_MINUTE. */
static int64_t speed_room(struct env *env)
{
    struct mail_service_state *state = env->state;
    int64_t most = env->settings->mails_per_minute;
    struct mono_ms now = env_mono(env);

    if (!most) return SENDING_MAX;
    if (mono_reached(now, state->minute_ends)) {
        state->minute_ends = mono_after(now, MINUTE_MS);
        state->this_minute = 0;
    }
    if (state->this_minute >= most) env_job_due_at(env, SEND, state->minute_ends);
    return most - state->this_minute;
}

/* What was being sent when an earlier process died, or its answer is lost, is uncertain. */
static enum err find_lost(struct env *env, struct tx *tx)
{
    struct mail_service_state *state = env->state;
    int64_t lost = 0;
    enum err err;

    /* of one process alone nothing is being sent when it begins */
    TRY(mails_lose(tx, state->began || db_shared(tx->db) ? tx->now : WALL_NEVER, &lost));
    state->began = true;
    if (!lost) return OK;
    metric_add(METRIC_MAILS_UNCERTAIN, lost);
    log_event(LOG_WARN, env->name, "mail.uncertain", log_int("count", lost));
done:
    return err;
}

enum err mails_send(struct env *env, struct tx *tx, struct wall_ms *next)
{
    struct mail_service_state *state = env->state;
    struct mail due[LOOKED_AT_MAX];
    struct wall_ms first_waiting;
    int64_t sending, most, room;
    size_t count = 0;
    enum err err;

    TRY(find_lost(env, tx));
    TRY(mails_sending(tx, &sending));
    most = speed_room(env);
    if (most > SENDING_MAX - sending) most = SENDING_MAX - sending;
    room = most;
    if (room > 0) TRY(mails_due(tx, env->arena, due, LOOKED_AT_MAX, &count));
    for (size_t i = 0; i < count; i++)
        TRY(mail_submit(env, tx, &due[i], &room));
    state->this_minute += most - room;
    TRY(mails_next(tx, MAIL_WAITING, &first_waiting));
    TRY(mails_next(tx, MAIL_SENDING, next));
    /* without room it is an answer, or the next minute, that wakes */
    if (room > 0 || wall_before(tx->now, first_waiting)) *next = wall_earlier(*next, first_waiting);
done:
    return err;
}
