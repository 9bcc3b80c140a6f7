/* runtime/sandbox/failure.c: why a part is not on. */
#include "runtime/sandbox/parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *sandbox_failed(const char *what)
{
    static _Thread_local char text[128];

    snprintf(text, sizeof text, "%s: %s", what, strerror(errno));
    return text;
}
