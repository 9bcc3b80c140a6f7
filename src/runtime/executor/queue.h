/* runtime/executor/queue.h: lists of requests and tasks, linked through themselves. Whoever holds a
 * list locks. */
#ifndef RUNTIME_EXECUTOR_QUEUE_H
#define RUNTIME_EXECUTOR_QUEUE_H

#include "runtime/service.h"

struct request_list {
    struct request *head, *tail;
    size_t count;
};

struct task_list {
    struct task *head, *tail;
};

static inline void request_list_add(struct request_list *list, struct request *rq)
{
    rq->link = NULL;
    if (list->tail)
        list->tail->link = rq;
    else
        list->head = rq;
    list->tail = rq;
    list->count++;
}
/* NULL: it is empty. */
static inline struct request *request_list_take(struct request_list *list)
{
    struct request *rq = list->head;

    if (!rq) return NULL;
    list->head = rq->link;
    if (!list->head) list->tail = NULL;
    list->count--;
    rq->link = NULL;
    return rq;
}
/* Moves everything from one list to the end of another. */
void request_list_append(struct request_list *to, struct request_list *from);
/* Answers every request of it with that error. Not under a lock. */
void request_list_refuse(struct request_list *list, enum err err);
void task_list_add(struct task_list *list, struct task *task);
struct task *task_list_take(struct task_list *list); /* NULL: it is empty */
void task_list_free(struct task_list *list);         /* the tasks in it */

#endif
