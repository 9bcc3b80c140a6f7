/* Unit tests of base/err: the table of outcomes and the end of a broken program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* the rest of cmocka's header needs these four */
#include <cmocka.h>

#include "base/err.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void each_outcome_has_its_row_of_the_table(void **state)
{
    assert_int_equal(err_status(OK), 200);
    assert_int_equal(err_status(ERR_NOT_FOUND), 404);
    assert_string_equal(err_code(ERR_TICKET_RESERVED), "ticket_reserved");
    assert_string_equal(err_message(ERR_TICKET_RESERVED), "Ticket is already reserved");
    assert_int_equal(err_verdict(ERR_DISK_FULL), VERDICT_RETRY);
    assert_int_equal(err_status(ERR_CARD_DECLINED), 402);
}

static void every_row_is_complete(void **state)
{
    for (int i = 0; i < ERR_COUNT; i++) {
        assert_in_range(err_status((enum err)i), 200, 599);
        assert_true(strlen(err_code((enum err)i)) > 0);
        assert_true(i == OK || strlen(err_message((enum err)i)) > 0);
        assert_in_range(err_verdict((enum err)i), VERDICT_APPLIED, VERDICT_DEAD);
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(err_code((enum err)i), err_code((enum err)j));
        }
    }
}

static enum err second_step(enum err first, int *steps)
{
    enum err err;

    TRY(first);
    ++*steps;
done:
    return err;
}

static void try_leaves_at_the_first_failure(void **state)
{
    int steps = 0;

    assert_int_equal(second_step(ERR_IO, &steps), ERR_IO);
    assert_int_equal(steps, 0);
    assert_int_equal(second_step(OK, &steps), OK);
    assert_int_equal(steps, 1);
}

static void a_broken_invariant_is_told_and_aborts(void **state)
{
    char line[8192];
    size_t length = 0;
    ssize_t got;
    int ends[2], status;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        ASSERT(1 + 1 == 3);
        _exit(0);
    }
    close(ends[1]);
    while ((got = read(ends[0], line + length, sizeof line - 1 - length)) > 0)
        length += (size_t)got;
    close(ends[0]);
    line[length] = '\0';
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(line, "assertion failed: 1 + 1 == 3 ("));
    assert_non_null(strstr(line, "test_err.c:"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_outcome_has_its_row_of_the_table),
        cmocka_unit_test(every_row_is_complete),
        cmocka_unit_test(try_leaves_at_the_first_failure),
        cmocka_unit_test(a_broken_invariant_is_told_and_aborts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
