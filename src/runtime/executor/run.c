/* runtime/executor/run.c: a request's run: how it begins, and one handler of it. */
#include "runtime/executor/run.h"

#include "telemetry/log.h"

bool request_begin(struct request *rq, struct env *env)
{
    rq->run = arena_alloc(rq->arena, sizeof *rq->run);
    if (rq->run) rq->run->env = env;
    return rq->run != NULL;
}

enum err request_changed(struct request *rq, struct str subject, struct str detail)
{
    rq->run->changed = arena_copy(rq->arena, subject);
    rq->run->changed_detail = arena_copy(rq->arena, detail);
    return rq->run->changed.at && rq->run->changed_detail.at ? OK : ERR_MEMORY;
}

enum err request_changed_id(struct request *rq, struct object_id subject, struct str detail)
{
    struct object_id_text id = object_id_text(subject);

    return request_changed(rq, str_of(id.hex), detail);
}

enum err request_run(struct request *rq, handler_fn *handler, struct tx *tx)
{
    enum err err;

    rq->run->next = NULL;
    rq->run->changed = (struct str){0};
    log_about(rq->request_id, &rq->trace);
    err = handler(rq, tx, &rq->reply);
    log_about_nothing();
    if (err == OK) return OK;
    rq->run->next = NULL;
    reply_error(rq, err);
    return err;
}
