/* runtime/limits.h: how often one account, address or person may do something.
 *
 * A limit counts by key in a table of fixed size, so that memory is bounded whoever asks. Slots are
 * found by a keyed hash that nobody outside can work out (SipHash-2-4, Aumasson and Bernstein,
 * 2012). When a slot is needed, the lightest count of eight gives way, never one that is being
 * refused: whoever is over the limit cannot push his own count out by asking for other keys. Eight
 * that are all refused make a ninth key wait with them.
 *
 * Counts are of this process: two programs count apart. Time is the monotonic clock's (env_mono).
 * Threads: any. */
#ifndef RUNTIME_LIMITS_H
#define RUNTIME_LIMITS_H

#include "base/clock.h"
#include "base/random.h"
#include "http/request.h"

struct limit_rule {
    const char *name;     /* "signin_account": of its metric; a constant */
    int64_t count;        /* so many … */
    int64_t window_ms;    /* … within this time, from the first of them on */
    int64_t block_ms_max; /* over it: refused for window_ms, twice that the next time, and so on up
                             to this; 0: until the window ends, no longer each time */
};

struct limit;

/* NULL for a rule that counts to 0: no limit, and every function below takes it as such. NULL also
 * when memory ran out: *err says which. The rule is copied. */
struct limit *limit_new(const struct limit_rule *rule, struct random *random, enum err *err);
void limit_free(struct limit *limit);

/* Takes one for key. OK; or ERR_BUSY, with what 429 says put into rq (retry_after_s), and counted
 * among the refused. */
enum err limit_take(struct limit *limit, struct str key, struct mono_ms now, struct request *rq);
/* Looks whether key is being refused just now, and takes nothing. As limit_take. */
enum err limit_check(struct limit *limit, struct str key, struct mono_ms now, struct request *rq);
/* The one that was taken last does not count after all. */
void limit_give_back(struct limit *limit, struct str key);
/* Nothing of key counts any more. */
void limit_forget(struct limit *limit, struct str key);

/* Calls see for each limit of the process with what it refused so far. For metrics. */
void limits_each(void (*see)(void *context, const char *name, uint64_t refused), void *context);

#endif
