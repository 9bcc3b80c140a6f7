/* runtime/executor/batch.h: one batch of a writer: what it took and how it ended. For writer.c,
 * batch.c and items.c alone; all in the writer's thread. */
#ifndef RUNTIME_EXECUTOR_BATCH_H
#define RUNTIME_EXECUTOR_BATCH_H

#include "runtime/executor/writer.h"

#define WRITER_BATCH_MAX 512  /* requests of one commit */
#define PAUSE_MS         1000 /* after a job or a transaction failed */

struct batch {
    struct request *requests[WRITER_BATCH_MAX];
    handler_fn *handlers[WRITER_BATCH_MAX]; /* with states: as they came, to be run again */
    void *states[WRITER_BATCH_MAX];
    size_t request_count;
    struct task_list resolving;
    struct task_list resolved;
    struct delivery *deliveries;
    size_t delivery_count;
    bool bus;            /* the subscription has something to flush */
    struct wall_ms wall; /* of every item … */
    struct mono_ms now;  /* … and for its pauses */
    struct tx *tx;
    enum err broken;   /* the whole transaction is lost */
    int64_t commit_us; /* how long the commit took */
    bool polls;        /* it is time to see what others did */
    bool again;        /* it was run before, and nothing of it happened */
    bool careful;      /* every item has a savepoint and is waited for, so that it fails alone */
    int64_t last_sequence;
    bool ran[JOBS_MAX]; /* jobs that are due again when nothing of the batch happened … */
    bool pruned;        /* … as retention is */
    /* What the latest attempt did, for the metrics once it is committed. */
    struct {
        uint64_t tasks, jobs, removed, events[VERDICTS];
        int64_t delivered, delivered_bytes;
    } did;
};

/* --- batch.c ------------------------------------------------------------------------------- */

/* Runs it in one transaction, in another one when an item has to be undone, or in several when
 * others are in the way, and lets go out what may: answers, acknowledgements, wake-up calls, slow
 * work. */
void batch_run(struct writer *writer, struct batch *batch);
/* Nothing of the batch happened, or nobody knows: everyone is told so, and jobs, events and slow
 * work find their way again by what is stored. */
void batch_fail(struct writer *writer, struct batch *batch, enum err err);

/* --- items.c: inside the open transaction -------------------------------------------------- */

/* All of it, until the transaction is lost (batch->broken). */
void items_run(struct writer *writer, struct batch *batch);
/* Records the spans of its items after the transaction: what happened in it took effect, or failed,
 * with it. */
void items_spans_end(struct writer *writer, const struct batch *batch, bool committed);

#endif
