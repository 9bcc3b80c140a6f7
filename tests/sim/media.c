/* tests/sim/media.c: what lies between the parts. The pool, whose threads are turns here; and the
 * bus, whose deliveries come reordered, again, or not at all this time. */
#include "sim.h"

#include <malloc.h>

#define WORKS_MAX 4096
#define PAST_MAX  16 /* deliveries of a subscriber that may come again much later */

/* --- the pool ------------------------------------------------------------------------------ */

struct pool {
    struct instance *service;
    size_t queue_max;
};

struct work {
    struct pool *pool;
    struct request *rq; /* or … */
    struct task *task;
    bool done; /* the answer is on its way back */
    int64_t due_ms;
};

static struct work works[WORKS_MAX];
static size_t work_count;

struct pool *pool_start(struct instance *service, int threads, size_t queue_max)
{
    struct pool *pool = calloc(1, sizeof *pool);

    (void)threads;
    ASSERT(pool);
    *pool = (struct pool){service, queue_max};
    return pool;
}

void pool_stop(struct pool *pool)
{
    size_t kept = 0;

    for (size_t i = 0; i < work_count; i++) {
        if (works[i].pool != pool)
            works[kept++] = works[i];
        else
            free(works[i].task);
    }
    work_count = kept;
    free(pool);
}

static int64_t latency_ms(void)
{
    if (fault_now(FAULT_GATEWAY_LATE)) return chance_below(fault_chance(FAULT_GATEWAY_LATE), 15000);
    return chance_hit(&sim.order, 0.5) ? 0 : chance_below(&sim.order, 2000);
}

/* Of a server of mail. */
static int64_t slowness_ms(const struct pool *pool)
{
    if (pool->service != sim_service(MAIL) || !fault_now(FAULT_MAIL_SLOW)) return 0;
    return chance_below(fault_chance(FAULT_MAIL_SLOW), LATEST_ANSWER_MS);
}

static bool submit(struct pool *pool, struct request *rq, struct task *task)
{
    if (fault_now(FAULT_POOL_FULL) || work_count >= WORKS_MAX / 2) {
        sim.task_lost_ms = sim.now_ms;
        return false;
    }
    works[work_count++] =
        (struct work){pool, rq, task, false, sim.now_ms + (task ? latency_ms() : 0)};
    return true;
}

bool pool_submit_request(struct pool *pool, struct request *rq)
{
    return submit(pool, rq, NULL);
}

bool pool_submit_task(struct pool *pool, struct task *task)
{
    return submit(pool, NULL, task);
}

static bool is_due(const struct work *work)
{
    return work->due_ms <= sim.now_ms;
}

size_t pool_due(void)
{
    size_t count = 0;

    for (size_t i = 0; i < work_count; i++)
        count += is_due(&works[i]);
    return count;
}

size_t pool_waiting(void)
{
    return work_count;
}

size_t pool_queue_length(struct pool *pool)
{
    (void)pool;
    return work_count;
}

int64_t pool_next_ms(void)
{
    int64_t next_ms = INT64_MAX;

    for (size_t i = 0; i < work_count; i++)
        if (works[i].due_ms < next_ms) next_ms = works[i].due_ms;
    return next_ms;
}

/* An answer that comes twice resolving twice. */
static struct task *copy_of(const struct task *task)
{
    size_t size = malloc_usable_size((void *)(uintptr_t)task);
    struct task *copy = malloc(size);

    ASSERT(copy);
    memcpy(copy, task, size);
    return copy;
}

void pool_run(size_t index)
{
    struct work work;
    size_t at = 0;

    for (; at < work_count; at++)
        if (is_due(&works[at]) && index-- == 0) break;
    ASSERT(at < work_count);
    if (works[at].task && !works[at].done) {
        trace("gateway.call", NULL, 0, 0);
        works[at].task->work(&works[at].pool->service->env, works[at].task);
        works[at].done = true;
        works[at].due_ms = sim.now_ms + latency_ms() + slowness_ms(works[at].pool);
        if (work_count < WORKS_MAX && fault_now(FAULT_GATEWAY_TWICE)) {
            works[work_count] = works[at];
            works[work_count].task = copy_of(works[at].task);
            works[work_count++].due_ms += latency_ms();
        }
        return;
    }
    work = works[at];
    works[at] = works[--work_count];
    if (work.task) {
        trace("gateway.answer", NULL, 0, 0);
        writer_resolve(work.task->from, work.task);
    } else {
        trace("pool.request", NULL, 0, 0);
        (void)request_run(work.rq, work.rq->run->next ? work.rq->run->next : work.rq->route->run,
                          NULL);
        work.pool->service->pass_on(work.pool->service, work.rq);
    }
}

/* --- the bus ------------------------------------------------------------------------------- */

struct past {
    const char *source;
    int64_t sequence;
    char subject[64];
    char *payload;
    size_t payload_len;
    struct wall_ms published_at;
};

/* One subscriber's way of getting its events. */
struct medium {
    struct subscription *sub;
    struct delivery *deliveries;
    size_t count;              /* handed to the service */
    size_t all;                /* with those that were kept back */
    bool twin[DELIVERIES_MAX]; /* is there a second time */
    struct past past[PAST_MAX];
    size_t past_count;
};

static struct medium media[SIM_SERVICES];
static int64_t batches;
static struct medium *stepping; /* whose fetch ran last: one thread, one step at a time */
static uint64_t errors_before;  /* of disk and memory, when it ran */

size_t __real_subscription_fetch(struct subscription *sub, struct tx *own, struct mono_ms now,
                                 struct delivery **out);
size_t __wrap_subscription_fetch(struct subscription *sub, struct tx *own, struct mono_ms now,
                                 struct delivery **out);
enum err __real_subscription_flush(struct subscription *sub, struct tx *tx, size_t count);
enum err __wrap_subscription_flush(struct subscription *sub, struct tx *tx, size_t count);

static bool delivering; /* a service has events in hand: no request is decoding one */

enum err __real_event_decode(enum event_type type, struct arena *arena, struct str payload,
                             union event *event, struct buf *why);
enum err __wrap_event_decode(enum event_type type, struct arena *arena, struct str payload,
                             union event *event, struct buf *why);

enum err __wrap_event_decode(enum event_type type, struct arena *arena, struct str payload,
                             union event *event, struct buf *why)
{
    if (delivering && fault_now(FAULT_NO_MEMORY)) return ERR_MEMORY;
    return __real_event_decode(type, arena, payload, event, why);
}

enum err __real_outbox_append(struct tx *tx, struct str subject, struct str payload);
enum err __wrap_outbox_append(struct tx *tx, struct str subject, struct str payload);

/* Whoever publishes has stored something before, which must not stay. */
enum err __wrap_outbox_append(struct tx *tx, struct str subject, struct str payload)
{
    if (fault_now(FAULT_ITEM_UNDONE)) return ERR_MEMORY;
    return __real_outbox_append(tx, subject, payload);
}

/* Of disk and memory, in this process so far. */
static uint64_t errors_so_far(void)
{
    return vfs_errors() + fault_counts[FAULT_NO_MEMORY] + fault_counts[FAULT_ITEM_UNDONE];
}

static struct medium *medium_of(const struct subscription *sub)
{
    for (int i = 0; i < SIM_SERVICES; i++)
        if (sim_writer(i)->subscription == sub) return &media[i];
    return NULL;
}

static void swap(struct medium *medium, size_t a, size_t b)
{
    struct delivery delivery = medium->deliveries[a];
    bool twin = medium->twin[a];

    medium->deliveries[a] = medium->deliveries[b];
    medium->deliveries[b] = delivery;
    medium->twin[a] = medium->twin[b];
    medium->twin[b] = twin;
}

static void remember(struct medium *medium, const struct delivery *delivery)
{
    struct past *past;

    if (delivery->subject.len >= sizeof past->subject) return;
    past = &medium->past[medium->past_count < PAST_MAX
                             ? medium->past_count++
                             : (size_t)chance_below(fault_chance(FAULT_EVENT_REPEAT), PAST_MAX)];
    free(past->payload);
    *past = (struct past){.source = delivery->source,
                          .sequence = delivery->sequence,
                          .payload = malloc(delivery->payload.len + 1),
                          .payload_len = delivery->payload.len,
                          .published_at = delivery->published_at};
    ASSERT(past->payload);
    memcpy(past->payload, delivery->payload.at, delivery->payload.len);
    memcpy(past->subject, delivery->subject.at, delivery->subject.len);
}

static void repeat(struct medium *medium)
{
    struct chance *chance = fault_chance(FAULT_EVENT_REPEAT);
    struct delivery *twin = &medium->deliveries[medium->count];

    if (medium->count >= DELIVERIES_MAX) return;
    if (medium->past_count && chance_hit(chance, 0.5)) {
        struct past *past = &medium->past[chance_below(chance, (int64_t)medium->past_count)];

        *twin = (struct delivery){.source = past->source,
                                  .sequence = past->sequence,
                                  .subject = str_of(past->subject),
                                  .payload = {past->payload, past->payload_len},
                                  .published_at = past->published_at};
    } else {
        *twin = medium->deliveries[chance_below(chance, (int64_t)medium->count)];
        twin->waited = false;
    }
    trace("bus.repeat", NULL, twin->sequence, 0);
    medium->twin[medium->count++] = true;
}

static void shuffle(struct medium *medium)
{
    struct chance *chance = fault_chance(FAULT_EVENT_REORDER);

    for (size_t i = medium->count; i > 1; i--)
        swap(medium, i - 1, (size_t)chance_below(chance, (int64_t)i));
}

/* Some go behind the end: they are not handed over this time. */
static void keep_back(struct medium *medium)
{
    struct chance *chance = fault_chance(FAULT_EVENT_DELAY);

    for (size_t i = 0; i < medium->count && medium->count > 1;) {
        if (chance_hit(chance, 0.5))
            i++;
        else
            swap(medium, i, --medium->count);
    }
}

size_t __wrap_subscription_fetch(struct subscription *sub, struct tx *own, struct mono_ms now,
                                 struct delivery **out)
{
    struct medium *medium = medium_of(sub);
    size_t count;

    errors_before = errors_so_far();
    count = __real_subscription_fetch(sub, own, now, out);

    ASSERT(medium);
    medium->deliveries = *out;
    medium->count = medium->all = count;
    memset(medium->twin, 0, sizeof medium->twin);
    stepping = medium;
    delivering = count > 0;
    if (count == 0) return 0;
    for (size_t i = 0; i < count; i++)
        trace("bus.delivery", NULL, (*out)[i].sequence, (*out)[i].waited);
    if (sim.broker) return count; /* what comes when is in its hands */
    if (fault_possible(FAULT_EVENT_REPEAT))
        for (size_t i = 0; i < count; i++)
            if (chance_hit(fault_chance(FAULT_EVENT_REPEAT), 0.1)) remember(medium, &(*out)[i]);
    if (fault_now(FAULT_EVENT_REPEAT)) repeat(medium);
    if (count > 1 && fault_now(FAULT_EVENT_REORDER)) shuffle(medium);
    medium->all = medium->count;
    if (medium->count > 1 && fault_now(FAULT_EVENT_DELAY)) keep_back(medium);
    return medium->count;
}

/* What waits for an earlier version waits for a day from when it began to, however old it was. */
static enum err check_patience(const struct medium *medium, struct tx *tx)
{
    enum err err = OK;

    for (size_t i = 0; i < medium->count; i++) {
        const struct delivery *delivery = &medium->deliveries[i];
        struct rows rows;

        if (!delivery->waited || delivery->verdict != VERDICT_EARLY ||
            wall_since(tx->now, delivery->published_at) <= DAY_MS ||
            wall_since(tx->now, delivery->since) > DAY_MS)
            continue;
        tx_query(tx, &rows, "SELECT 1 FROM bus_waiting WHERE source = $1 AND seq = $2",
                 sql_text(str_of(delivery->source)), sql_int(delivery->sequence));
        if (!rows_next(&rows) && rows.err == OK)
            violation(7, NULL, "%s gave %.*s up after it had waited for %lld ms",
                      service_names[medium - media], (int)delivery->subject.len,
                      delivery->subject.at, (long long)wall_since(tx->now, delivery->since));
        TRY(rows_end(&rows));
    }
done:
    return err;
}

/* From the broker it may come again at any time: by the commit that applied it, it is known. */
static enum err check_inbox(const struct medium *medium, struct tx *tx)
{
    enum err err = OK;

    for (size_t i = 0; i < medium->count; i++) {
        const struct delivery *delivery = &medium->deliveries[i];
        struct rows rows;

        if (delivery->waited || delivery->verdict == VERDICT_RETRY) continue;
        tx_query(tx, &rows, "SELECT 1 FROM bus_inbox WHERE source = $1 AND seq = $2",
                 sql_text(str_of(delivery->source)), sql_int(delivery->sequence));
        if (!rows_next(&rows) && rows.err == OK)
            violation(7, NULL, "%s takes event %lld of %s and will not know it again",
                      service_names[medium - media], (long long)delivery->sequence,
                      delivery->source);
        TRY(rows_end(&rows));
    }
done:
    return err;
}

/* What is not acknowledged comes again, and with it all that came after it. So nothing after it may
 * be set aside: it would be there twice. */
enum err __wrap_subscription_flush(struct subscription *sub, struct tx *tx, size_t count)
{
    struct medium *medium = medium_of(sub);
    bool retry = medium->all > medium->count;
    enum err err;

    ASSERT(medium && medium == stepping && count == medium->count);
    delivering = false;
    batches++;
    for (size_t i = 0; i < count; i++) {
        model_verdict((int)(medium - media), batches, &medium->deliveries[i]);
        CHECK(8, NULL,
              medium->deliveries[i].verdict != VERDICT_RETRY || errors_so_far() != errors_before,
              "%s holds up all that comes after %.*s, and disk and memory are well",
              service_names[medium - media], (int)medium->deliveries[i].subject.len,
              medium->deliveries[i].subject.at);
    }
    for (size_t i = medium->count; i < medium->all; i++)
        medium->deliveries[i].verdict = medium->twin[i] ? VERDICT_SEEN : VERDICT_RETRY;
    for (size_t i = 0; i < count; i++) {
        if (medium->twin[i] && medium->deliveries[i].verdict != VERDICT_APPLIED)
            medium->deliveries[i].verdict = VERDICT_SEEN;
        retry |= medium->deliveries[i].verdict == VERDICT_RETRY;
    }
    for (size_t i = 0; retry && i < count; i++) {
        struct delivery *delivery = &medium->deliveries[i];

        if (delivery->waited || medium->twin[i]) continue;
        if (delivery->verdict == VERDICT_EARLY || delivery->verdict == VERDICT_DEAD)
            delivery->verdict = VERDICT_RETRY;
    }
    err = __real_subscription_flush(sub, tx, medium->all);
    if (err == OK && sim.broker) err = check_inbox(medium, tx);
    return err ? err : check_patience(medium, tx);
}

void media_forget(int service)
{
    media[service].deliveries = NULL;
    media[service].count = media[service].all = 0;
}

void media_begin(void)
{
    for (int i = 0; i < SIM_SERVICES; i++) {
        for (size_t j = 0; j < media[i].past_count; j++) {
            free(media[i].past[j].payload);
            media[i].past[j].payload = NULL;
        }
        media[i].past_count = 0;
        media_forget(i);
    }
    ASSERT(work_count == 0);
    batches = 0;
}
