/* main.c: the command line: picks the command, everything else is in cli/. */
#include "cli/cli.h"

#include <string.h>

int main(int count, char **words)
{
    cli_describe(cli_commands, cli_command_count);
    if (count < 2) {
        cli_usage(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(words[1], "--help") == 0 || strcmp(words[1], "-h") == 0) {
        cli_usage(stdout);
        return 0;
    }
    if (strcmp(words[1], "--version") == 0) {
        puts("boxoffice " BOXOFFICE_VERSION);
        return 0;
    }
    return cli_run(count - 1, words + 1);
}
