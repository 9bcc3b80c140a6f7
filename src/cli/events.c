/* cli/events.c: boxoffice events …: picks the command, prints the catalogue. */
#include "cli/cli.h"
#include "events/events.h"

int cli_events(int count, char **words)
{
    if (count < 2) return cli_refuse("events needs a command");
    return cli_refuse("events has no command %s", words[1]);
}
