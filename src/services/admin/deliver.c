/* services/admin/deliver.c: the job that carries events from the outboxes to the listeners.
 *
 * It runs when an outbox or a stream has news and when something in flight is due, and does a
 * bounded part of the work: one slice of the log a group. */
#include "services/admin/admin.h"

#define SLICE_EVENTS 256
#define SLICE_ROWS   8192 /* of the outbox, whoever they belong to */

/* One group's turn. */
struct round {
    struct admin *admin;
    struct tx *tx;
    struct mono_ms now;
    struct group *group;
};

/* --- one event ----------------------------------------------------------------------------- */

static void on_drained(void *context)
{
    struct member *member = context;

    env_job_wake(member->env, JOB_DELIVER);
}

static bool able(struct member *member)
{
    if (atomic_load(&member->gone)) return false;
    if (member->manual_ack && member->in_flight >= member->in_flight_max) return false;
    return !stream_busy(member->stream, on_drained);
}

static bool anyone_able(struct group *group)
{
    struct member *member = group->members;

    while (member && !able(member))
        member = member->next;
    return member != NULL;
}

/* Members take turns. NULL: nobody can take one more now. */
static struct member *next_member(struct group *group)
{
    struct member *first = group->turn ? group->turn : group->members;
    struct member *member = first;

    if (!member) return NULL;
    do {
        struct member *after = member->next ? member->next : group->members;

        if (able(member)) {
            group->turn = after;
            return member;
        }
        member = after;
    } while (member != first);
    return NULL;
}

/* One line of the stream. False: the client is gone. */
static bool send_line(struct admin *admin, struct member *member, const struct outbox_event *event,
                      bool redelivered)
{
    struct json_writer writer = json_writer_to(&admin->line);

    buf_reset(&admin->line);
    json_begin_object(&writer);
    json_member_int(&writer, "sequence", event->sequence);
    json_member_text(&writer, "subject", str_of(member->group->subject));
    json_member_bool(&writer, "redelivered", redelivered);
    json_member_time(&writer, "time", event->published_at);
    json_key(&writer, "data");
    json_put_raw(&writer, event->payload);
    json_end_object(&writer);
    buf_char(&admin->line, '\n');
    if (admin->line.failed || !stream_write(member->stream, buf_str(&admin->line))) {
        atomic_store(&member->gone, true);
        return false;
    }
    metric_add(METRIC_EVENTS_DELIVERED, 1);
    metric_add(METRIC_EVENTS_DELIVERED_BYTES, (int64_t)event->payload.len);
    member->sent++;
    if (event->sequence > member->last_sent) member->last_sent = event->sequence;
    return true;
}

static bool hand_out(struct round *round, const struct outbox_event *event, bool redelivered,
                     struct member **taker)
{
    while ((*taker = next_member(round->group)))
        if (send_line(round->admin, *taker, event, redelivered)) return true;
    return false;
}

/* --- again --------------------------------------------------------------------------------- */

/* Takes what is overdue from its members. */
static void expire(struct group *group, struct mono_ms now)
{
    if (!mono_reached(now, group->due)) return;
    group->due = MONO_NEVER;
    for (size_t i = 0; i < group->flight_count; i++) {
        struct in_flight *entry = &group->flight[i];

        if (!entry->member) continue;
        if (mono_reached(now, entry->due)) {
            entry->member->in_flight--;
            entry->member = NULL;
            group->flight_returned++;
        } else {
            group->due = mono_earlier(group->due, entry->due);
        }
    }
}

/* The member has it until it acknowledges, or does not in time. */
static struct in_flight given(struct round *round, struct member *member, int64_t sequence)
{
    struct mono_ms due = mono_after(round->now, member->ack_wait_ms);

    round->group->due = mono_earlier(round->group->due, due);
    member->in_flight++;
    return (struct in_flight){sequence, due, member};
}

/* *handed: somebody took it (or it is not in the log any more, and nobody has to). */
static enum err send_again(struct round *round, size_t at, bool *handed)
{
    struct group *group = round->group;
    int64_t sequence = group->flight[at].sequence;
    struct tx *log = outbox_view(round->admin, group->source);
    struct member *taker = NULL;
    struct outbox_event event;
    struct rows rows;
    bool acknowledged;
    enum err err = OK;

    if (!log) return ERR_UNAVAILABLE;
    outbox_event_at(log, &rows, sequence);
    *handed = !outbox_next(&rows, &event) || hand_out(round, &event, true, &taker);
    TRY(rows_end(&rows));
    if (!*handed) return OK;
    if (taker && taker->manual_ack) {
        group->flight[at] = given(round, taker, sequence);
        group->flight_returned--;
    } else {
        TRY(group_acknowledge(round->tx, group, sequence, &acknowledged));
    }
done:
    return err;
}

static enum err redeliver(struct round *round, bool *more)
{
    struct group *group = round->group;
    bool handed = true;
    enum err err = OK;

    expire(group, round->now);
    for (size_t at = 0, sent = 0; group->flight_returned && at < group->flight_count && handed;) {
        size_t count = group->flight_count;

        if (group->flight[at].member) {
            at++;
            continue;
        }
        if (sent++ == SLICE_EVENTS) {
            *more = true;
            break;
        }
        TRY(send_again(round, at, &handed));
        if (group->flight_count == count) at++;
    }
done:
    return err;
}

/* --- what is new --------------------------------------------------------------------------- */

static enum err keep_in_flight(struct round *round, struct member *member, int64_t sequence)
{
    struct group *group = round->group;

    group_flight_insert(group, given(round, member, sequence));
    return group->durable[0] ? durable_sent(round->tx, group, sequence) : OK;
}

/* Hands out events in (position, until]; the position follows. *stuck: nobody can take one. */
static enum err deliver_slice(struct round *round, struct tx *log, int64_t until, bool *stuck)
{
    struct group *group = round->group;
    struct outbox_event event;
    struct rows rows;
    size_t taken = 0;
    enum err err = OK;

    outbox_events_of(log, &rows, str_of(group->subject), group->position, until, SLICE_EVENTS);
    while (err == OK && outbox_next(&rows, &event)) {
        struct member *taker;

        *stuck = !group_reserve(group) || !hand_out(round, &event, false, &taker);
        if (*stuck) break;
        group->position = event.sequence;
        taken++;
        if (taker->manual_ack) err = keep_in_flight(round, taker, event.sequence);
    }
    if (err == OK)
        err = rows_end(&rows);
    else
        (void)rows_end(&rows);
    if (err == OK && !*stuck && taken < SLICE_EVENTS) group->position = until;
    return err;
}

static enum err deliver_new(struct round *round, bool *more)
{
    struct group *group = round->group;
    int64_t before = group->position, until;
    struct channel channel;
    bool stuck = false;
    struct tx *log;
    enum err err = OK;

    TRY(outbox_view_channel(round->admin, group->source, str_of(group->subject), &channel));
    if (group->position >= channel.last || !anyone_able(group)) return OK;
    log = outbox_view(round->admin, group->source);
    if (!log) return ERR_UNAVAILABLE;
    group->overtaken = group->position < channel.removed;
    if (group->overtaken) return OK;
    if (group->position < channel.first - 1) group->position = channel.first - 1;
    until = group->position + SLICE_ROWS;
    if (until > channel.last) until = channel.last;
    err = deliver_slice(round, log, until, &stuck);
    if (!stuck && group->position < channel.last) *more = true;
    if (group->durable[0] && group->position != before) group->unsaved = true;
done:
    return err;
}

/* --- the job ------------------------------------------------------------------------------- */

/* Members whose client has left. */
static enum err reap(struct admin *admin, struct tx *tx, struct group *group)
{
    enum err err = OK;

    for (struct member *member = group->members, *next; member && err == OK; member = next) {
        bool last = !group->members->next; /* then the group goes, too */

        next = member->next;
        if (!atomic_load(&member->gone)) continue;
        err = member_leave(admin, tx, member, NULL);
        if (last) break;
    }
    return err;
}

/* After a transaction that failed nobody knows what is stored, and a listener that was being opened
 * may have been refused: its stream then says that the client is gone. */
static void mark_uncertain(struct admin *admin)
{
    for (struct group *group = admin->groups; group; group = group->next) {
        group->rewrite = group->durable[0] != '\0';
        for (struct member *member = group->members; member; member = member->next)
            if (!stream_write(member->stream, STR(""))) atomic_store(&member->gone, true);
    }
}

/* It has not taken events that are no longer kept: whoever listens has to hear of that. What is
 * stored of a durable name stays as it is. */
static enum err end_overtaken(struct admin *admin, struct tx *tx, struct group *group)
{
    bool last = false;
    enum err err = OK;

    while (!last) {
        last = !group->members->next; /* then the group goes, too */
        TRY(member_leave(admin, tx, group->members, "removed"));
    }
done:
    return err;
}

static enum err serve_group(struct round *round, bool *more)
{
    struct group *group = round->group;
    enum err err = OK;

    if (group->rewrite) TRY(durable_rewrite(round->tx, group));
    TRY(redeliver(round, more));
    if (!group->flight_returned) TRY(deliver_new(round, more));
    if (group->unsaved) TRY(durable_save(round->tx, group));
done:
    return err;
}

static enum err serve_groups(struct admin *admin, struct env *env, struct tx *tx, bool *more)
{
    struct mono_ms now = env_mono(env);
    struct group *next;
    enum err err = OK;

    for (struct group *group = admin->groups; group; group = next) {
        next = group->next;
        TRY(reap(admin, tx, group));
    }
    for (struct group *group = admin->groups; group; group = next) {
        struct round round = {admin, tx, now, group};

        next = group->next;
        TRY(serve_group(&round, more));
        env_job_due_at(env, JOB_DELIVER, group->due);
        if (group->overtaken) TRY(end_overtaken(admin, tx, group));
    }
done:
    return err;
}

enum err deliver_run(struct env *env, struct tx *tx, struct wall_ms *next)
{
    struct admin *admin = admin_of(env);
    bool more = false;
    enum err err;

    if (admin->failures != env_failures(env)) {
        admin->failures = env_failures(env);
        mark_uncertain(admin);
    }
    err = serve_groups(admin, env, tx, &more);
    if (more) *next = tx->now;
    if (err) mark_uncertain(admin);
    return err;
}
