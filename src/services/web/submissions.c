/* services/web/submissions.c: a form that must not count twice.
 *
 * An impatient finger sends a form again before the first answer is there. Each form that makes
 * something carries a nonce; the first to arrive does the work, and the others with the same fields
 * wait for it and are redirected where it was. Kept in memory by the writer alone: the last
 * SUBMISSIONS_MAX are plenty for double clicks, and after a restart nobody is in the middle of one.
 */
#include "services/web/submissions.h"

#include "base/hex.h"
#include "base/siphash.h"
#include "identity/user_id.h"
#include "services/web/page.h"
#include "services/web/web.h"

#define SUBMISSIONS_MAX 1024
#define NONCE_BYTES     16
#define NONCE_HEX       (2 * NONCE_BYTES)
#define PATH_BYTES_MAX  128

struct submission {
    char nonce[NONCE_HEX];
    uint64_t fields;              /* of what was typed: with other fields it is another form */
    char user[USER_ID_BYTES_MAX]; /* the visitor's id; empty: a stranger's */
    size_t user_len;
    char path[PATH_BYTES_MAX]; /* where it led */
    size_t path_len;           /* 0: it is on its way */
};

struct submissions {
    struct submission at[SUBMISSIONS_MAX];
    size_t next; /* the oldest, to be overwritten */
};

/* rq->run->state while the request is in here. */
struct attempt {
    struct str nonce, path;
    handler_fn *call;
    void *state; /* the handlers' own */
};

struct submissions *submissions_new(struct arena *arena)
{
    return arena_alloc(arena, sizeof(struct submissions));
}

struct str submission_nonce(struct request *rq)
{
    char *hex = arena_alloc(rq->arena, NONCE_HEX + 1);
    unsigned char bytes[NONCE_BYTES];

    if (!hex) return STR("");
    random_fill(rq->run->env->random, bytes, sizeof bytes);
    hex_encode(bytes, sizeof bytes, hex);
    return (struct str){hex, NONCE_HEX};
}

/* Only the visitor's own forms are held against each other, so nobody gains by a collision. */
static uint64_t fields_of(const struct request *rq)
{
    static const uint64_t key[2] = {0, 0};

    return siphash(key, rq->body_bytes);
}

static struct submission *submission_find(const struct request *rq, struct str nonce)
{
    struct submissions *all = web_of(rq)->submissions;
    uint64_t fields = fields_of(rq);

    for (size_t i = 0; i < SUBMISSIONS_MAX; i++) {
        struct submission *one = &all->at[i];

        if (one->fields == fields && str_eq((struct str){one->nonce, NONCE_HEX}, nonce) &&
            str_eq((struct str){one->user, one->user_len}, rq->user.id))
            return one;
    }
    return NULL;
}

static void submission_add(const struct request *rq, struct str nonce)
{
    struct submissions *all = web_of(rq)->submissions;
    struct submission *one = &all->at[all->next++ % SUBMISSIONS_MAX];
    struct str user = rq->user.id;

    *one = (struct submission){.fields = fields_of(rq), .user_len = user.len};
    memcpy(one->nonce, nonce.at, NONCE_HEX);
    if (user.len) memcpy(one->user, user.at, user.len);
}

/* In the writer: the first goes on, the others wait or are done. */
static enum err submission_begin(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct attempt *attempt = rq->run->state;
    const struct submission *one = submission_find(rq, attempt->nonce);

    if (!one) {
        submission_add(rq, attempt->nonce);
        rq->run->state = attempt->state;
        return attempt->call(rq, tx, rp);
    }
    if (one->path_len == 0) return request_wait(rq, attempt->nonce, submission_begin);
    return page_redirect(rp, (struct str){one->path, one->path_len});
}

/* In the writer: what was answered stays as it is. */
static enum err submission_finish(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct attempt *attempt = rq->run->state;
    struct submission *one = submission_find(rq, attempt->nonce);

    (void)tx, (void)rp;
    if (one && attempt->path.len && attempt->path.len <= PATH_BYTES_MAX) {
        memcpy(one->path, attempt->path.at, attempt->path.len);
        one->path_len = attempt->path.len;
    } else if (one) {
        *one = (struct submission){0};
    }
    env_wake(rq->run->env, attempt->nonce);
    return OK;
}

static enum err submission_step(struct request *rq, struct attempt attempt, handler_fn *next)
{
    struct attempt *kept = arena_alloc(rq->arena, sizeof *kept);

    if (!kept) return ERR_MEMORY;
    *kept = attempt;
    rq->run->state = kept;
    return request_then(rq, IN_WRITER, next);
}

enum err submission_once(struct request *rq, struct str nonce, handler_fn *call)
{
    if (nonce.len != NONCE_HEX) return call(rq, NULL, &rq->reply); /* made by hand: its own risk */
    return submission_step(rq,
                           (struct attempt){.nonce = nonce, .call = call, .state = rq->run->state},
                           submission_begin);
}

enum err submission_end(struct request *rq, struct str nonce, struct str went_to)
{
    if (nonce.len != NONCE_HEX) return OK;
    return submission_step(rq, (struct attempt){.nonce = nonce, .path = went_to},
                           submission_finish);
}
