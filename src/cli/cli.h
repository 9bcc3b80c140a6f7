/* cli/cli.h: the commands behind main.c and what they share. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stdio.h>

#define EXIT_USAGE   2
#define DATA_DEFAULT "./data"

struct service_definition;

/* The services of this program, in the order of their routes and of their start. */
#define CLI_SERVICES 9
extern const struct service_definition *const cli_services[CLI_SERVICES];

/* usage: a line each way to call it, without the program's name; help: what --help says about it.
 */
struct command {
    const char *name;
    int (*run)(int count, char **words);
    const char *usage, *help;
};
extern const struct command cli_commands[]; /* commands.c */
extern const size_t cli_command_count;

/* Which commands usage and hints are about. Before anything else. */
void cli_describe(const struct command *commands, size_t count);
/* Runs the command that words[0] names; refuses what it does not know. Returns the exit code. */
int cli_run(int count, char **words);
/* What `boxoffice --help` prints. */
void cli_usage(FILE *out);
/* Says on stderr what is wrong with the command line, with a hint at --help. Returns EXIT_USAGE. */
int cli_refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The hint alone, after getopt_long has said it. */
int cli_hint(void);
/* Says on stderr what went wrong. Returns 1. */
int cli_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* One option of a command. */
struct cli_option {
    const char *name;   /* "data" for --data; NULL: the list ends */
    const char **value; /* gets the word that follows; NULL: none follows, and … */
    bool *given;        /* … this becomes true */
};
/* Reads the options of a command ("events publish") wherever they stand, and --help. *first: index
 * of the first other word; those come last then. -1: go on; else the exit code, and it was said
 * what is wrong. At most 8 options. */
int cli_options(const char *command, int count, char **words, const struct cli_option *options,
                int *first);
/* 0, or 1 when what was printed did not arrive. */
int cli_finish(void);

/* The commands. Each gets the words after its name (words[0] is the name itself) and
 * returns the exit code. */
int cli_serve(int count, char **words);
int cli_events(int count, char **words);
int cli_publish(int count, char **words);
int cli_listen(int count, char **words);
int cli_bus(int count, char **words);
int cli_payments(int count, char **words);
int cli_mail(int count, char **words);
int cli_entries(int count, char **words);
int cli_search(int count, char **words);
int cli_backup(int count, char **words);
int cli_restore(int count, char **words);
int cli_doctor(int count, char **words);
int cli_dead(int count, char **words);
int cli_durables(int count, char **words);
int cli_unsubscribe(int count, char **words);
int cli_demo(int count, char **words);
int cli_import(int count, char **words);
int cli_trace(int count, char **words);
int cli_users(int count, char **words);
int cli_keys(int count, char **words);
int cli_audit(int count, char **words);
int cli_health(int count, char **words);

#endif
