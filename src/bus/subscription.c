/* bus/subscription.c: one subscriber, whatever the driver: events that came too early wait in its
 * own database, those that can never be applied are kept as dead letters.
 *
 * Only pokes and figures cross threads; everything else of a subscription is its writer's. */
#include "bus/driver.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>

#define FETCH_BYTES_MAX      (4 * 1024 * 1024)
#define WAITING_PAUSE_MS     25    /* between looks at waiting events when nothing moves … */
#define WAITING_PAUSE_MS_MAX 60000 /* … doubling up to this */
#define WAITING_MAX          100000
#define WAITING_AGE_MS_MAX   (24 * 3600 * INT64_C(1000))

/* --- opening and closing ------------------------------------------------------------------- */

static enum err load(struct subscription *sub, struct tx *own)
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
    if (err == OK) err = load(sub, tx);
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

int64_t subscription_due_ms(const struct subscription *sub)
{
    return sub->bus->driver->due_ms(sub);
}

const char *subscription_name(struct subscription *sub, struct str name)
{
    size_t i = 0;

    for (size_t j = 0; j < sub->bus->source_count; j++)
        if (str_eq(str_of(sub->bus->sources[j].service), name)) return sub->bus->sources[j].service;
    while (i < sub->name_count && !str_eq(str_of(sub->names[i]), name))
        i++;
    if (i < sub->name_count) return sub->names[i];
    if (i == NAMES_MAX || name.len > NAME_BYTES_MAX) return NULL;
    memcpy(sub->names[i], name.at, name.len);
    sub->names[i][name.len] = '\0';
    return sub->names[sub->name_count++];
}

/* --- fetching ------------------------------------------------------------------------------ */

/* Copies a row's texts; false when the arena is full (the row comes with the next fetch). */
static bool keep_row(struct subscription *sub, struct delivery *delivery, struct rows *rows)
{
    delivery->source = subscription_name(sub, rows_text(rows, 0));
    delivery->sequence = rows_int(rows, 1);
    delivery->subject = arena_copy(sub->arena, rows_text(rows, 2));
    delivery->payload = arena_copy(sub->arena, rows_text(rows, 3));
    delivery->published_at_ms = rows_int(rows, 4);
    delivery->trace = arena_copy(sub->arena, rows_text(rows, 5));
    return delivery->source && delivery->subject.at && delivery->payload.at && delivery->trace.at;
}

static void begin_round(struct subscription *sub)
{
    sub->look_waiting = true;
    sub->look_again = false;
    sub->look_source[0] = '\0';
    sub->look_seq = 0;
}

/* One page of the round over the waiting events. */
static size_t fetch_waiting(struct subscription *sub, struct tx *own)
{
    struct rows rows;
    size_t count = 0;

    tx_query(own, &rows,
             "SELECT source, seq, subject, payload, published_at_ms, trace FROM bus_waiting "
             "WHERE source > $1 OR (source = $1 AND seq > $2) ORDER BY source, seq LIMIT $3",
             sql_text(str_of(sub->look_source)), sql_int(sub->look_seq),
             sql_int(DELIVERIES_MAX / 2));
    while (rows_next(&rows)) {
        struct delivery *delivery = &sub->deliveries[count];

        *delivery = (struct delivery){.waited = true};
        if (!keep_row(sub, delivery, &rows)) break;
        count++;
    }
    (void)rows_end(&rows);
    if (count < DELIVERIES_MAX / 2) {
        sub->look_waiting = false;
        if (sub->look_again) begin_round(sub);
    } else {
        const struct delivery *last = &sub->deliveries[count - 1];

        snprintf(sub->look_source, sizeof sub->look_source, "%s", last->source);
        sub->look_seq = last->sequence;
    }
    return count;
}

static size_t look_at_waiting(struct subscription *sub, struct tx *own)
{
    if (sub->waiting > 0 && !sub->look_waiting && sub->now_ms >= sub->waiting_at_ms) {
        begin_round(sub);
        sub->waiting_at_ms = sub->now_ms + sub->waiting_pause_ms;
        sub->waiting_pause_ms *= 2;
        if (sub->waiting_pause_ms > WAITING_PAUSE_MS_MAX)
            sub->waiting_pause_ms = WAITING_PAUSE_MS_MAX;
    }
    if (sub->waiting == 0) sub->look_waiting = false;
    return sub->look_waiting ? fetch_waiting(sub, own) : 0;
}

size_t subscription_fetch(struct subscription *sub, struct tx *own, int64_t now_ms,
                          struct delivery **out)
{
    *out = sub->deliveries;
    sub->now_ms = now_ms;
    if (atomic_exchange(&sub->look_asked, false)) {
        sub->stale = true; /* their number, too, is read again */
        begin_round(sub);
    }
    if (now_ms < sub->retry_at_ms) return 0;
    sub->retry_at_ms = 0;
    if (sub->stale && load(sub, own) != OK) {
        sub->retry_at_ms = now_ms + RETRY_PAUSE_MS;
        return 0;
    }
    sub->waiting_before = sub->waiting;
    arena_reset(sub->arena);
    return sub->bus->driver->fetch(sub, own, look_at_waiting(sub, own));
}

int64_t subscription_next_ms(const struct subscription *sub)
{
    int64_t due_ms = subscription_due_ms(sub), next_ms = INT64_MAX;

    if (sub->retry_at_ms)
        next_ms = sub->retry_at_ms;
    else if (sub->stale || atomic_load(&sub->look_asked) ||
             (sub->look_waiting && sub->waiting > 0) || sub->bus->driver->news(sub))
        next_ms = 0;
    else if (sub->waiting > 0)
        next_ms = sub->waiting_at_ms;
    return due_ms < next_ms ? due_ms : next_ms;
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

void subscription_look(struct subscription *sub)
{
    atomic_store(&sub->look_asked, true);
    sub->who.poke(sub->who.context);
}

/* --- settling ------------------------------------------------------------------------------ */

static enum err bury(struct subscription *sub, struct tx *tx, const struct delivery *delivery,
                     struct str reason)
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

static enum err set_aside(struct subscription *sub, struct tx *tx, const struct delivery *delivery)
{
    if (sub->waiting >= WAITING_MAX)
        return bury(sub, tx, delivery, STR("too many events wait for an earlier version"));
    /* What it waits for may be in the hands of another replica, and applied in a moment. */
    sub->waiting_pause_ms = WAITING_PAUSE_MS;
    if (sub->waiting++ == 0 || sub->waiting_at_ms > tx->now_ms + WAITING_PAUSE_MS)
        sub->waiting_at_ms = tx->now_ms + WAITING_PAUSE_MS;
    return tx_exec(tx, NULL,
                   "INSERT INTO bus_waiting (source, seq, subject, payload, published_at_ms, "
                   "since_ms, trace) VALUES ($1, $2, $3, $4, $5, $6, $7)",
                   sql_text(str_of(delivery->source)), sql_int(delivery->sequence),
                   sql_text(delivery->subject), sql_text(delivery->payload),
                   sql_int(delivery->published_at_ms), sql_int(tx->now_ms),
                   sql_text_or_null(delivery->trace));
}

static enum err take_from_waiting(struct subscription *sub, struct tx *tx,
                                  const struct delivery *delivery, int64_t *taken)
{
    if (sub->waiting > 0) sub->waiting--; /* another replica may have set it aside */
    return tx_exec(tx, taken, "DELETE FROM bus_waiting WHERE source = $1 AND seq = $2",
                   sql_text(str_of(delivery->source)), sql_int(delivery->sequence));
}

static enum err settle_waited(struct subscription *sub, struct tx *tx,
                              const struct delivery *delivery)
{
    bool old = tx->now_ms - delivery->published_at_ms > WAITING_AGE_MS_MAX;
    int64_t taken = 0;
    enum err err = OK;

    if (delivery->verdict == VERDICT_RETRY) return OK;
    if (delivery->verdict == VERDICT_EARLY && !old) return OK;
    TRY(take_from_waiting(sub, tx, delivery, &taken));
    if (!taken) return OK; /* another replica has settled it */
    if (delivery->verdict == VERDICT_DEAD) TRY(bury(sub, tx, delivery, delivery->reason));
    if (delivery->verdict == VERDICT_EARLY)
        TRY(bury(sub, tx, delivery, STR("an earlier version never came")));
done:
    return err;
}

static enum err settle_one(struct subscription *sub, struct tx *tx, const struct delivery *delivery)
{
    if (delivery->waited) return settle_waited(sub, tx, delivery);
    if (delivery->verdict == VERDICT_EARLY) return set_aside(sub, tx, delivery);
    if (delivery->verdict == VERDICT_DEAD) return bury(sub, tx, delivery, delivery->reason);
    return OK;
}

/* Something was applied, or could not be now: it may be what the others wait for. */
static void look_soon(struct subscription *sub, int64_t now_ms)
{
    if (sub->waiting == 0) return;
    if (sub->look_waiting)
        sub->look_again = true;
    else
        begin_round(sub);
    sub->waiting_pause_ms = WAITING_PAUSE_MS;
    sub->waiting_at_ms = now_ms + sub->waiting_pause_ms;
}

enum err subscription_settle(struct subscription *sub, struct tx *tx, size_t count)
{
    bool applied = false, retry = false, waited_retry = false;
    enum err err = OK;

    for (size_t i = 0; i < count; i++) {
        const struct delivery *delivery = &sub->deliveries[i];

        if (delivery->verdict == VERDICT_RETRY) {
            retry = true;
            waited_retry |= delivery->waited;
            continue;
        }
        TRY(settle_one(sub, tx, delivery));
        applied |= delivery->verdict == VERDICT_APPLIED;
    }
    TRY(sub->bus->driver->settle(sub, tx, count));
    if (retry) sub->retry_at_ms = tx->now_ms + RETRY_PAUSE_MS;
    if (applied || waited_retry) look_soon(sub, tx->now_ms);
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

void subscription_settled(struct subscription *sub, bool committed)
{
    sub->bus->driver->settled(sub, committed);
    if (committed) return;
    sub->stale = true;
    begin_round(sub); /* a page of it may have been lost */
    if (!sub->retry_at_ms) sub->retry_at_ms = sub->now_ms + RETRY_PAUSE_MS;
}
