/* cli/operate/search_command.c: boxoffice search …: the index that shows are found by, through the
 * running server. Prints its JSON. */
#include "cli/cli.h"
#include "cli/operate/operator_request.h"

int cli_search(int count, char **words)
{
    struct operator_options options;
    int code = operator_options("search", count, words, &options);
    const char *command = options.words[0];

    if (code >= 0) return code;
    if (!command) return cli_refuse("search needs a command: status or rebuild");
    if (options.word_count != 1) return cli_refuse("search %s takes no words", command);
    if (options.status || options.limit || options.after || options.reason)
        return cli_refuse("search takes --data alone");
    if (strcmp(command, "status") == 0)
        return operator_ask(options.data, "GET", "/operator/search", NULL, NULL);
    if (strcmp(command, "rebuild") == 0)
        return operator_ask(options.data, "POST", "/operator/search/rebuild", NULL, NULL);
    return cli_refuse("search has no command %s", command);
}
