/* runtime/executor/queue.c: see runtime/executor/queue.h. */
#include "runtime/executor/queue.h"

#include "http/server/server.h"

#include <stdlib.h>

void request_list_append(struct request_list *to, struct request_list *from)
{
    if (!from->head) return;
    if (to->tail)
        to->tail->link = from->head;
    else
        to->head = from->head;
    to->tail = from->tail;
    to->count += from->count;
    *from = (struct request_list){0};
}

void request_list_refuse(struct request_list *list, enum err err)
{
    struct request *first = list->head;

    for (struct request *rq = first; rq; rq = rq->link) {
        rq->run->next = NULL;
        reply_error(rq, err);
    }
    *list = (struct request_list){0};
    if (first) http_answer_all(first);
}

void task_list_add(struct task_list *list, struct task *task)
{
    task->link = NULL;
    if (list->tail)
        list->tail->link = task;
    else
        list->head = task;
    list->tail = task;
}

struct task *task_list_take(struct task_list *list)
{
    struct task *task = list->head;

    if (!task) return NULL;
    list->head = task->link;
    if (!list->head) list->tail = NULL;
    task->link = NULL;
    return task;
}

void task_list_free(struct task_list *list)
{
    struct task *task;

    while ((task = task_list_take(list)))
        free(task);
}
