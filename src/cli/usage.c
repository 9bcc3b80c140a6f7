/* cli/usage.c: what the program says about its own command line, and how a command ends. */
#include "cli/cli.h"

#include "runtime/settings.h"

#include <stdarg.h>
#include <string.h>

static struct {
    const struct command *commands;
    size_t count;
} known;

void cli_describe(const struct command *commands, size_t count)
{
    known.commands = commands;
    known.count = count;
}

/* The program's name before each line. */
static void put_usage(FILE *out, const char *lines, const char *before)
{
    for (const char *end; *lines; lines = end + 1, before = "       ") {
        end = strchr(lines, '\n');
        fprintf(out, "%sboxoffice %.*s\n", before, (int)(end - lines), lines);
    }
}

void cli_usage(FILE *out)
{
    for (size_t i = 0; i < known.count; i++)
        put_usage(out, known.commands[i].usage, i ? "       " : "usage: ");
    put_usage(out, "--help | --version\n", "       ");
    for (size_t i = 0; i < known.count; i++)
        fprintf(out, "\n%s", known.commands[i].help);
    fputc('\n', out);
    settings_print_names(out);
}

int cli_hint(void)
{
    fputs("usage: boxoffice", stderr);
    for (size_t i = 0; i < known.count; i++)
        fprintf(stderr, "%s %s", i ? " |" : "", known.commands[i].name);
    fputs("; see boxoffice --help\n", stderr);
    return EXIT_USAGE;
}

int cli_refuse(const char *format, ...)
{
    va_list arguments;

    fputs("boxoffice: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return cli_hint();
}

int cli_fail(const char *format, ...)
{
    va_list arguments;

    fputs("boxoffice: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return 1;
}

int cli_finish(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) return 0;
    perror("boxoffice: stdout");
    return 1;
}
