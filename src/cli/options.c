/* cli/options.c: the options of a command, read from a table. */
#include "cli/cli.h"

#include "base/err.h"

#include <getopt.h>

#define OPTIONS_MAX 10

int cli_options(const char *command, int count, char **words, const struct cli_option *options,
                int *first)
{
    struct option known[OPTIONS_MAX + 2] = {{0}};
    char name[64];
    int known_count = 0, index = 0, option;

    for (; options[known_count].name; known_count++) {
        const struct cli_option *at = &options[known_count];

        ASSERT(known_count < OPTIONS_MAX);
        known[known_count] =
            (struct option){at->name, at->value ? required_argument : no_argument, NULL, 'o'};
    }
    known[known_count] = (struct option){"help", no_argument, NULL, 'h'};
    snprintf(name, sizeof name, "boxoffice %s", command);
    words[0] = name; /* getopt_long begins its complaints with it */
    while ((option = getopt_long(count, words, "h", known, &index)) != -1) {
        if (option == 'h') {
            cli_usage(stdout);
            return 0;
        }
        if (option != 'o') return cli_hint();
        if (options[index].value)
            *options[index].value = optarg;
        else
            *options[index].given = true;
    }
    *first = optind;
    return -1;
}
