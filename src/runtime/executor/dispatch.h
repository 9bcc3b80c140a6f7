/* runtime/executor/dispatch.h: brings requests from HTTP's loops to their executors and on from one
 * to the next. */
#ifndef RUNTIME_EXECUTOR_DISPATCH_H
#define RUNTIME_EXECUTOR_DISPATCH_H

#include "runtime/executor/instance.h"
#include "runtime/executor/queue.h"

struct dispatcher {
    struct instance *instances[SERVICES_MAX]; /* by instance->index */
    size_t instance_count;
    struct request_list handover[LOOPS_MAX][SERVICES_MAX]; /* of one round of a loop, to writers */
    struct request_list reads[LOOPS_MAX][SERVICES_MAX];    /* … and to reader pools */
};

/* The next instance: sets its index and its pass_on. */
void dispatch_add(struct dispatcher *dispatcher, struct instance *instance);
/* http_config.dispatch, resume and loop_end. context: the dispatcher. */
void dispatch_request(void *context, int loop, struct request *rq);
void dispatch_resume(void *context, int loop, struct request *rq);
void dispatch_loop_end(void *context, int loop);

#endif
