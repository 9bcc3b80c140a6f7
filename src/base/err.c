/* base/err.c: the columns of ERR_MAP as tables, and the end of a program whose invariants broke. */
#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int err_status(enum err err)
{
    static const short statuses[] = {
#define X(name, status, code, message, verdict) status,
        ERR_MAP(X)
#undef X
    };

    ASSERT((unsigned)err < ERR_COUNT);
    return statuses[err];
}

const char *err_code(enum err err)
{
    static const char *const codes[] = {
#define X(name, status, code, message, verdict) code,
        ERR_MAP(X)
#undef X
    };

    ASSERT((unsigned)err < ERR_COUNT);
    return codes[err];
}

const char *err_message(enum err err)
{
    static const char *const messages[] = {
#define X(name, status, code, message, verdict) message,
        ERR_MAP(X)
#undef X
    };

    ASSERT((unsigned)err < ERR_COUNT);
    return messages[err];
}

enum verdict err_verdict(enum err err)
{
    static const unsigned char verdicts[] = {
#define X(name, status, code, message, verdict) VERDICT_##verdict,
        ERR_MAP(X)
#undef X
    };

    ASSERT((unsigned)err < ERR_COUNT);
    return (enum verdict)verdicts[err];
}

static assert_report_fn *assert_report;

void assert_report_by(assert_report_fn *report)
{
    assert_report = report;
}

_Noreturn void assert_failed(const char *condition, const char *file, int line)
{
    if (assert_report)
        assert_report(condition, file, line);
    else
        dprintf(STDERR_FILENO, "assertion failed: %s (%s:%d)\n", condition, file, line);
    abort();
}
