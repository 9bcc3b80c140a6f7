/* Unit tests of runtime/pool: whose work goes first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* the rest of cmocka's header needs these four */
#include <cmocka.h>

#include "runtime/executor/pool.h"
#include "runtime/executor/writer.h"

#include <stdlib.h>

#define WORKS_MAX 256

/* One thread, held up by its first task until all others wait. */
static struct fixture {
    struct instance instance;
    struct writer *writer;
    struct pool *pool;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool held, open;
    uint64_t order[WORKS_MAX]; /* shares, as they were worked off */
    size_t done;
} fixture = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void hold(struct env *env, struct task *task)
{
    (void)env;
    (void)task;
    pthread_mutex_lock(&fixture.lock);
    fixture.held = true;
    pthread_cond_broadcast(&fixture.changed);
    while (!fixture.open)
        pthread_cond_wait(&fixture.changed, &fixture.lock);
    pthread_mutex_unlock(&fixture.lock);
}

static void note(struct env *env, struct task *task)
{
    (void)env;
    pthread_mutex_lock(&fixture.lock);
    fixture.order[fixture.done++] = task->share;
    pthread_cond_broadcast(&fixture.changed);
    pthread_mutex_unlock(&fixture.lock);
}

static void submit(uint64_t share, void (*work)(struct env *, struct task *))
{
    struct task *task = task_new(sizeof *task);

    task->from = fixture.writer;
    task->share = share;
    task->name = "test";
    task->work = work;
    assert_true(pool_submit_task(fixture.pool, task));
}

static int set_up(void **state)
{
    static const struct service_definition definition = {.name = "test"};
    struct instance *instance = &fixture.instance;

    (void)state;
    *instance = (struct instance){.def = &definition};
    instance->env = (struct env){.instance = instance, .random = &random_system};
    fixture.writer = writer_new(instance);
    assert_non_null(fixture.writer);
    fixture.held = fixture.open = false;
    fixture.done = 0;
    fixture.pool = pool_start(instance, 1, WORKS_MAX);
    assert_non_null(fixture.pool);
    submit(0, hold);
    pthread_mutex_lock(&fixture.lock);
    while (!fixture.held)
        pthread_cond_wait(&fixture.changed, &fixture.lock);
    pthread_mutex_unlock(&fixture.lock);
    return 0;
}

static void work_off(size_t count)
{
    pthread_mutex_lock(&fixture.lock);
    fixture.open = true;
    pthread_cond_broadcast(&fixture.changed);
    while (fixture.done < count)
        pthread_cond_wait(&fixture.changed, &fixture.lock);
    pthread_mutex_unlock(&fixture.lock);
}

static int tear_down(void **state)
{
    (void)state;
    pool_stop(fixture.pool);
    writer_free(fixture.writer);
    return 0;
}

static void one_piece_does_not_wait_for_a_hundred_of_somebody_else(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++)
        submit(1, note);
    submit(2, note);
    work_off(101);
    assert_int_equal(fixture.order[0], 1);
    assert_int_equal(fixture.order[1], 2);
}

static void six_with_thirty_pieces_each_take_turns_with_a_seventh(void **state)
{
    (void)state;
    for (int i = 0; i < 180; i++)
        submit(1 + (uint64_t)(i / 30), note);
    submit(7, note);
    submit(7, note);
    work_off(182);
    for (uint64_t i = 0; i < 7; i++)
        assert_int_equal(fixture.order[i], i + 1);
    assert_int_equal(fixture.order[13], 7);
}

static void one_share_alone_goes_in_the_order_it_came(void **state)
{
    (void)state;
    submit(3, note);
    submit(4, note);
    submit(3, note);
    submit(4, note);
    work_off(4);
    assert_int_equal(fixture.order[0], 3);
    assert_int_equal(fixture.order[1], 4);
    assert_int_equal(fixture.order[2], 3);
    assert_int_equal(fixture.order[3], 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_piece_does_not_wait_for_a_hundred_of_somebody_else,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(six_with_thirty_pieces_each_take_turns_with_a_seventh,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_share_alone_goes_in_the_order_it_came, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
