/* main.c: the command line: picks the command, everything else is in cli/. */
#include "cli/cli.h"

#include <string.h>

int main(int count, char **words)
{
    const char *command = count > 1 ? words[1] : NULL;

    if (!command) {
        cli_usage(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(command, "serve") == 0) return cli_serve(count - 1, words + 1);
    if (strcmp(command, "events") == 0) return cli_events(count - 1, words + 1);
    if (strcmp(command, "bus") == 0) return cli_bus(count - 1, words + 1);
    if (strcmp(command, "payments") == 0) return cli_payments(count - 1, words + 1);
    if (strcmp(command, "backup") == 0) return cli_backup(count - 1, words + 1);
    if (strcmp(command, "restore") == 0) return cli_restore(count - 1, words + 1);
    if (strcmp(command, "doctor") == 0) return cli_doctor(count - 1, words + 1);
    if (strcmp(command, "import") == 0) return cli_import(count - 1, words + 1);
    if (strcmp(command, "demo") == 0) return cli_demo(count - 1, words + 1);
    if (strcmp(command, "trace") == 0) return cli_trace(count - 1, words + 1);
    if (strcmp(command, "users") == 0) return cli_users(count - 1, words + 1);
    if (strcmp(command, "keys") == 0) return cli_keys(count - 1, words + 1);
    if (strcmp(command, "audit") == 0) return cli_audit(count - 1, words + 1);
    if (strcmp(command, "health") == 0) return cli_health(count - 1, words + 1);
    if (strcmp(command, "--help") == 0 || strcmp(command, "-h") == 0) {
        cli_usage(stdout);
        return 0;
    }
    if (strcmp(command, "--version") == 0) {
        puts("boxoffice " BOXOFFICE_VERSION);
        return 0;
    }
    return cli_refuse("unknown %s %s", command[0] == '-' ? "option" : "command", command);
}
