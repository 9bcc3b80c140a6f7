/* bus/subscription.c: one subscriber, whatever the driver: events that came too early wait in its
 * own database, those that can never be applied are kept as dead letters.
 *
 * Only notices and metrics cross threads; everything else of a subscription is its writer's. */
#include "bus/driver.h"

#include "telemetry/log.h"

#include <stdio.h>
#include <stdlib.h>

#define FETCH_BYTES_MAX      (4 * 1024 * 1024)
#define WAITING_PAUSE_MS     25    /* between polls of waiting events when nothing moves … */
#define WAITING_PAUSE_MS_MAX 60000 /* … doubling up to this */
#define WAITING_MAX          100000
#define MANY                 (DELIVERIES_MAX / 2) /* events at once: more of them do not gather */
#define WAITING_AGE_MS_MAX   (24 * 3600 * INT64_C(1000))
#define STEADY_MS            (10 * 60 * INT64_C(1000))

/* --- opening and closing ------------------------------------------------------------------- */

static enum err subscription_load(struct subscription *sub, struct tx *own)
{
    enum err err = OK;

    TRY(sub->bus->driver->load(sub, own));
    TRY(waiting_count(own, &sub->waiting));
    sub->stale = false;
done:
    return err;
}

static enum err enlist(struct subscription *sub)
{
    enum err err = ERR_INTERNAL;

    pthread_mutex_lock(&sub->bus->lock);
    for (size_t i = 0; i < SUBSCRIPTIONS_MAX && err; i++) {
        if (sub->bus->subscriptions[i]) continue;
        sub->bus->subscriptions[i] = sub;
        err = OK;
    }
    pthread_mutex_unlock(&sub->bus->lock);
    return err;
}

enum err subscription_open(struct bus *bus, const struct subscriber *who, struct tx *tx,
                           struct subscription **out)
{
    struct subscription *sub = calloc(1, sizeof *sub);
    enum err err = OK;

    *out = NULL;
    if (!sub) return ERR_MEMORY;
    sub->bus = bus;
    sub->who = *who;
    sub->waiting_pause_ms = WAITING_PAUSE_MS;
    sub->arena = arena_new(FETCH_BYTES_MAX);
    if (!sub->arena) err = ERR_MEMORY;
    if (err == OK) err = bus->driver->open(sub);
    if (err == OK) err = subscription_load(sub, tx);
    if (err == OK) err = enlist(sub);
    if (err)
        subscription_close(sub);
    else
        *out = sub;
    return err;
}

void subscription_close(struct subscription *sub)
{
    if (!sub) return;
    pthread_mutex_lock(&sub->bus->lock);
    for (size_t i = 0; i < SUBSCRIPTIONS_MAX; i++)
        if (sub->bus->subscriptions[i] == sub) sub->bus->subscriptions[i] = NULL;
    pthread_mutex_unlock(&sub->bus->lock);
    sub->bus->driver->close(sub);
    if (sub->arena) arena_free(sub->arena);
    free(sub);
}

bool subscription_ready(const struct subscription *sub)
{
    return sub->bus->driver->ready(sub);
}

bool subscription_connected(const struct subscription *sub)
{
    return !sub->bus->driver->connected || sub->bus->driver->connected(sub);
}

struct mono_ms subscription_due(const struct subscription *sub)
{
    struct mono_ms due = sub->bus->driver->due(sub);

    /* After a failed commit it is not tried again at once, over and over. */
    return sub->stale && mono_reached(sub->fetch_at, due) ? sub->fetch_at : due;
}

const char *subscription_name(struct subscription *sub, struct str name)
{
    size_t i = 0;

    for (size_t j = 0; j < sub->bus->source_count; j++)
        if (str_eq(str_of(sub->bus->sources[j].service), name)) return sub->bus->sources[j].service;
    while (i < sub->name_count && !str_eq(str_of(sub->names[i]), name))
        i++;
    if (i < sub->name_count) return sub->names[i];
    if (i == BUS_NAMES_MAX || name.len > NAME_BYTES_MAX) return NULL;
    memcpy(sub->names[i], name.at, name.len);
    sub->names[i][name.len] = '\0';
    return sub->names[sub->name_count++];
}

/* --- fetching ------------------------------------------------------------------------------ */

/* Copies a row's texts; false when the arena is full (the row comes with the next fetch). */
static bool keep_waiting(struct subscription *sub, struct delivery *delivery, struct rows *rows)
{
    delivery->source = subscription_name(sub, rows_text(rows, 0));
    delivery->sequence = rows_int(rows, 1);
    delivery->subject = arena_copy(sub->arena, rows_text(rows, 2));
    delivery->payload = arena_copy(sub->arena, rows_text(rows, 3));
    delivery->published_at = rows_wall(rows, 4);
    delivery->trace = arena_copy(sub->arena, rows_text(rows, 5));
    delivery->since = rows_wall(rows, 6);
    return delivery->source && delivery->subject.at && delivery->payload.at && delivery->trace.at;
}

static void begin_round(struct subscription *sub)
{
    sub->polling = true;
    sub->poll_again = false;
    sub->poll_source[0] = '\0';
    sub->poll_seq = 0;
}

/* One page of the round over the waiting events. */
static size_t fetch_waiting(struct subscription *sub, struct tx *own)
{
    struct rows rows;
    size_t count = 0;

    tx_query(
        own, &rows,
        "SELECT source, seq, subject, payload, published_at_ms, trace, since_ms FROM bus_waiting "
        "WHERE source > $1 OR (source = $1 AND seq > $2) ORDER BY source, seq LIMIT $3",
        sql_text(str_of(sub->poll_source)), sql_int(sub->poll_seq), sql_int(DELIVERIES_MAX / 2));
    while (rows_next(&rows)) {
        struct delivery *delivery = &sub->deliveries[count];

        *delivery = (struct delivery){.waited = true};
        if (!keep_waiting(sub, delivery, &rows)) break;
        count++;
    }
    (void)rows_end(&rows);
    if (count < DELIVERIES_MAX / 2) {
        sub->polling = false;
        if (sub->poll_again) begin_round(sub);
    } else {
        const struct delivery *last = &sub->deliveries[count - 1];

        snprintf(sub->poll_source, sizeof sub->poll_source, "%s", last->source);
        sub->poll_seq = last->sequence;
    }
    return count;
}

static size_t poll_waiting(struct subscription *sub, struct tx *own)
{
    if (sub->waiting > 0 && !sub->polling && mono_reached(sub->now, sub->waiting_at)) {
        begin_round(sub);
        sub->waiting_at = mono_after(sub->now, sub->waiting_pause_ms);
        sub->waiting_pause_ms *= 2;
        if (sub->waiting_pause_ms > WAITING_PAUSE_MS_MAX)
            sub->waiting_pause_ms = WAITING_PAUSE_MS_MAX;
    }
    if (sub->waiting == 0) sub->polling = false;
    return sub->polling ? fetch_waiting(sub, own) : 0;
}

size_t subscription_fetch(struct subscription *sub, struct tx *own, struct mono_ms now,
                          struct delivery **out)
{
    size_t count;

    *out = sub->deliveries;
    sub->now = now;
    if (atomic_exchange(&sub->poll_asked, false)) {
        sub->stale = true; /* their number, too, is read again */
        begin_round(sub);
    }
    if (!mono_reached(now, sub->fetch_at)) return 0;
    sub->fetch_at = (struct mono_ms){0};
    if (sub->stale && subscription_load(sub, own) != OK) {
        sub->fetch_at = mono_after(now, RETRY_PAUSE_MS);
        return 0;
    }
    sub->waiting_before = sub->waiting;
    arena_reset(sub->arena);
    count = sub->bus->driver->fetch(sub, own, poll_waiting(sub, own));
    if (count && count < MANY && sub->who.gather_ms && !sub->fetch_at.ms)
        sub->fetch_at = mono_after(now, sub->who.gather_ms);
    return count;
}

struct mono_ms subscription_next(const struct subscription *sub)
{
    struct mono_ms next = MONO_NEVER;

    if (sub->fetch_at.ms)
        next = sub->fetch_at;
    else if (sub->stale || atomic_load(&sub->poll_asked) || (sub->polling && sub->waiting > 0) ||
             sub->bus->driver->news(sub))
        next = (struct mono_ms){0};
    else if (sub->waiting > 0)
        next = sub->waiting_at;
    return mono_earlier(next, subscription_due(sub));
}

void subscription_count(struct subscription *sub)
{
    sub->stale = true;
}

enum err subscription_claim(struct tx *tx, const struct delivery *delivery, bool *ours)
{
    struct rows rows;

    *ours = true;
    if (!delivery->waited) return OK;
    tx_query(tx, &rows, "SELECT 1 FROM bus_waiting WHERE source = $1 AND seq = $2" SQL_FOR_UPDATE,
             sql_text(str_of(delivery->source)), sql_int(delivery->sequence));
    *ours = rows_next(&rows);
    return rows_end(&rows);
}

void subscription_poll(struct subscription *sub)
{
    atomic_store(&sub->poll_asked, true);
    sub->who.notify(sub->who.context);
}

/* --- committing ---------------------------------------------------------------------------- */

static enum err dead_letter(struct subscription *sub, struct tx *tx,
                            const struct delivery *delivery, struct str reason)
{
    log_event(LOG_WARN, sub->who.service, "event.dead", log_text("subject", delivery->subject),
              log_text("source", str_of(delivery->source)), log_int("sequence", delivery->sequence),
              log_text("reason", reason), log_text("traceparent", delivery->trace));
    return dead_letter_put(tx, &(struct dead_letter){.source = str_of(delivery->source),
                                                     .sequence = delivery->sequence,
                                                     .subject = delivery->subject,
                                                     .payload = delivery->payload,
                                                     .trace = delivery->trace,
                                                     .reason = reason});
}

/* One that has waited for longer than the inbox remembers it may be given again: it waits already.
 */
static enum err subscription_set_aside(struct subscription *sub, struct tx *tx,
                                       const struct delivery *delivery)
{
    int64_t added = 0;
    enum err err;

    if (sub->waiting >= WAITING_MAX)
        return dead_letter(sub, tx, delivery, STR("too many events wait for an earlier version"));
    /* What it waits for may be in the hands of another replica, and applied in a moment. */
    sub->waiting_pause_ms = WAITING_PAUSE_MS;
    if (sub->waiting == 0) sub->waiting_at = MONO_NEVER;
    sub->waiting_at = mono_earlier(sub->waiting_at, mono_after(sub->now, WAITING_PAUSE_MS));
    err = tx_exec(tx, &added,
                  "INSERT INTO bus_waiting (source, seq, subject, payload, published_at_ms, "
                  "since_ms, trace) VALUES ($1, $2, $3, $4, $5, $6, $7) "
                  "ON CONFLICT (source, seq) DO NOTHING",
                  sql_text(str_of(delivery->source)), sql_int(delivery->sequence),
                  sql_text(delivery->subject), sql_text(delivery->payload),
                  sql_wall(delivery->published_at), sql_wall(tx->now),
                  sql_text_or_null(delivery->trace));
    sub->waiting += added;
    return err;
}

static enum err take_from_waiting(struct subscription *sub, struct tx *tx,
                                  const struct delivery *delivery, int64_t *taken)
{
    if (sub->waiting > 0) sub->waiting--; /* another replica may have set it aside */
    return tx_exec(tx, taken, "DELETE FROM bus_waiting WHERE source = $1 AND seq = $2",
                   sql_text(str_of(delivery->source)), sql_int(delivery->sequence));
}

/* Age alone says nothing: after a stop, a sleep of the machine or hours without the broker, what an
 * event waits for is yet to be fetched. */
static void note_caught_up(struct subscription *sub, struct wall_ms now)
{
    const struct bus_driver *driver = sub->bus->driver;

    if (driver->caught_up ? !driver->caught_up(sub) : driver->news(sub)) return;
    if (wall_before(now, sub->caught_up) || wall_since(now, sub->caught_up) >= STEADY_MS)
        sub->steady_since = now;
    sub->caught_up = now;
}

/* It has waited for a day, and for the latest minutes of it beside all there was to fetch. */
static bool waited_in_vain(const struct subscription *sub, const struct delivery *delivery,
                           struct wall_ms now)
{
    return wall_since(now, delivery->since) > WAITING_AGE_MS_MAX &&
           wall_since(now, sub->caught_up) < STEADY_MS &&
           wall_since(now, sub->steady_since) >= STEADY_MS;
}

static enum err flush_waited(struct subscription *sub, struct tx *tx,
                             const struct delivery *delivery)
{
    int64_t taken = 0;
    enum err err = OK;

    if (delivery->verdict == VERDICT_RETRY) return OK;
    if (delivery->verdict == VERDICT_EARLY && !waited_in_vain(sub, delivery, tx->now)) return OK;
    TRY(take_from_waiting(sub, tx, delivery, &taken));
    if (!taken) return OK; /* another replica has dealt with it */
    if (delivery->verdict == VERDICT_DEAD) TRY(dead_letter(sub, tx, delivery, delivery->reason));
    if (delivery->verdict == VERDICT_EARLY)
        TRY(dead_letter(sub, tx, delivery, STR("an earlier version never came")));
done:
    return err;
}

static enum err flush_one(struct subscription *sub, struct tx *tx, const struct delivery *delivery)
{
    if (delivery->waited) return flush_waited(sub, tx, delivery);
    if (delivery->verdict == VERDICT_EARLY) return subscription_set_aside(sub, tx, delivery);
    if (delivery->verdict == VERDICT_DEAD) return dead_letter(sub, tx, delivery, delivery->reason);
    return OK;
}

/* Something was applied, or could not be now: it may be what the others wait for. */
static void poll_soon(struct subscription *sub)
{
    if (sub->waiting == 0) return;
    if (sub->polling)
        sub->poll_again = true;
    else
        begin_round(sub);
    sub->waiting_pause_ms = WAITING_PAUSE_MS;
    sub->waiting_at = mono_after(sub->now, sub->waiting_pause_ms);
}

enum err subscription_flush(struct subscription *sub, struct tx *tx, size_t count)
{
    bool applied = false, retry = false, waited_retry = false;
    enum err err = OK;

    if (count) note_caught_up(sub, tx->now);
    for (size_t i = 0; i < count; i++) {
        const struct delivery *delivery = &sub->deliveries[i];

        if (delivery->verdict == VERDICT_RETRY) {
            retry = true;
            waited_retry |= delivery->waited;
            continue;
        }
        TRY(flush_one(sub, tx, delivery));
        applied |= delivery->verdict == VERDICT_APPLIED;
    }
    TRY(sub->bus->driver->flush(sub, tx, count));
    if (retry) sub->fetch_at = mono_after(sub->now, RETRY_PAUSE_MS);
    if (applied || waited_retry) poll_soon(sub);
done:
    return err;
}

enum err subscription_known(struct subscription *sub, struct tx *tx, struct delivery *delivery)
{
    delivery->known = false;
    if (delivery->waited || !sub->bus->driver->known) return OK;
    return sub->bus->driver->known(sub, tx, delivery, &delivery->known);
}

void subscription_again(struct subscription *sub)
{
    sub->waiting = sub->waiting_before;
    sub->bus->driver->again(sub);
}

void subscription_ack(struct subscription *sub, bool committed)
{
    sub->bus->driver->ack(sub, committed);
    if (committed) return;
    sub->stale = true;
    begin_round(sub); /* a page of it may have been lost */
    sub->fetch_at = mono_after(sub->now, RETRY_PAUSE_MS);
}
