/* cli/commands.c: the commands of the program, and what it says about its own command line. A
 * further command is a function and a row of the table. */
#include "cli/cli.h"

#include <stdarg.h>
#include <string.h>

/* usage: a line each way to call it, without the program's name; help: what --help says about it.
 */
struct command {
    const char *name;
    int (*run)(int count, char **words);
    const char *usage, *help;
};

static const struct command commands[] = {
    {"serve", cli_serve, "serve [OPTION…]\n",
     "serve: run the services until SIGINT or SIGTERM\n"
     "  --services A,B      only these of auth, tickets, orders, expiration, payments,\n"
     "                      web\n"
     "  --listen ADDR:PORT  default 127.0.0.1:8080; port 0 takes a free one\n"
     "  --data DIR          databases and keys, default ./data\n"},
    {"events", cli_events,
     "events publish SUBJECT JSON [--data DIR]\n"
     "events listen SUBJECT [OPTION…]\n"
     "events schema [SUBJECT]\n"
     "events asyncapi\n"
     "events dead list [--service S] [--limit N] [--after ID] [--data DIR]\n"
     "events dead show | retry | drop SERVICE ID [--data DIR]\n",
     "events publish: publish one event through the server that runs on the data folder\n"
     "events listen: print one JSON line for each event of a subject\n"
     "  --queue-group G     share the events with the other members of the group\n"
     "  --durable D         go on where the listener of this name was\n"
     "  --manual-ack        acknowledge by writing the sequence number to its stdin\n"
     "  --ack-wait S        seconds until what is not acknowledged comes again, default 30\n"
     "  --deliver-all       begin with the first event there is, not with the next\n"
     "  --start-at-seq N    begin with that sequence number\n"
     "  --max-in-flight N   events out without an acknowledgement, default 1024\n"
     "  --data DIR          of the server, default ./data\n"
     "events schema: print the JSON Schema of one event, or of all\n"
     "events asyncapi: print the AsyncAPI document of all events\n"
     "events dead list: what services could not apply; show: one of them\n"
     "events dead retry: deliver it once more; drop: forget it for good\n"},
    {"backup", cli_backup, "backup DIR [--data DIR]\n",
     "backup: copy all databases as of one moment, and the keys, into a new folder; a server may\n"
     "  go on meanwhile\n"},
    {"restore", cli_restore, "restore DIR [--force] [--data DIR]\n",
     "restore: make a backup the data folder, while no server runs; --force: what is there is\n"
     "  moved aside\n"},
    {"doctor", cli_doctor, "doctor [--data DIR]\n",
     "doctor: say what is wrong and what to do; exit 0: all is well, 1: a warning, 2: a fault\n"},
    {"demo", cli_demo, "demo [--url URL] [--seed N] [--force]\n",
     "demo: fill an empty market with people, tickets and purchases\n"
     "  --url URL           of the server, default http://127.0.0.1:8080\n"
     "  --seed N            another number, another market; default 1\n"
     "  --force             fill a market that is not empty, too\n"},
    {"import", cli_import, "import [OPTION…]\n",
     "import: take over mongoexport files of the Node application, while no server runs\n"
     "  --users F           its users\n"
     "  --tickets F         its tickets; with it come --orders and --payments\n"
     "  --orders F          its orders\n"
     "  --payments F        its payments\n"
     "  --data DIR          to take them over into, default ./data\n"
     "  --dry-run           say what would happen, and change nothing\n"},
    {"bus", cli_bus, "bus refill [--service S [--from SEQ]] [--data DIR]\n",
     "bus refill: publish again what the outboxes hold, after the broker lost its stream\n"},
    {"payments", cli_payments,
     "payments list [--status S] [--limit N] [--after ID] [--data DIR]\n"
     "payments show | refund ID [--data DIR]\n"
     "payments audit [--data DIR]\n",
     "payments list: the newest payments; show: one of them\n"
     "payments refund: give all of a payment back; its order is cancelled by that\n"
     "payments audit: ledger, payments and orders held against each other; exit 1 on a finding\n"},
    {"trace", cli_trace, "trace ORDER_ID [--data DIR]\n",
     "trace: the life of an order: its events, when, by which service, how long between\n"},
    {"users", cli_users,
     "users ban EMAIL|ID [--reason TEXT] [--data DIR]\n"
     "users unban EMAIL|ID [--data DIR]\n"
     "users list [--limit N] [--after ID] [--data DIR]\n",
     "users ban: end a user's sessions and keep them out; unban: let them in again; list: who\n"
     "  is banned\n"},
    {"keys", cli_keys, "keys rotate [--data DIR]\n",
     "keys rotate: sign sessions with a fresh key; those of the old one stay good. Works with\n"
     "  and without a running server\n"},
    {"audit", cli_audit, "audit list [--limit N] [--after ID] [--data DIR]\n",
     "audit list: who did what, when and from where, newest first\n"},
    {"health", cli_health, "health [--data DIR]\n",
     "health: what /readyz says of the server that runs on the data folder; exit 1 unless it\n"
     "  is ready\n"},
};
#define COMMANDS (sizeof commands / sizeof *commands)

static const char environment[] =
    "environment (serve): JWT_KEY, SESSION_SECONDS, SESSION_MAX_SECONDS, DATABASE_URL,\n"
    "  DATABASE_URL_SERVICE, NATS_URL, NATS_REPLICAS, REDIS_URL, API_BASE_URL,\n"
    "  ORDER_EXPIRATION_SECONDS, PAYMENT_GRACE_SECONDS, STRIPE_KEY, STRIPE_API_BASE,\n"
    "  STRIPE_WEBHOOK_SECRET, STRIPE_PUBLISHABLE_KEY, COOKIE_SECURE, TRUSTED_PROXIES,\n"
    "  SIGNIN_FAILURES_PER_MINUTE, SIGNUPS_PER_HOUR, ORDERS_PER_MINUTE,\n"
    "  CONNECTIONS_PER_ADDRESS, SANDBOX, AUTH_PASSWORD_BLOCKLIST, MONITORING, LOG_LEVEL,\n"
    "  OTEL_EXPORTER_OTLP_ENDPOINT, TRACES_PER_SECOND\n";

int cli_run(int count, char **words)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(words[0], commands[i].name) == 0) return commands[i].run(count, words);
    return cli_refuse("unknown %s %s", words[0][0] == '-' ? "option" : "command", words[0]);
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
    for (size_t i = 0; i < COMMANDS; i++)
        put_usage(out, commands[i].usage, i ? "       " : "usage: ");
    put_usage(out, "--help | --version\n", "       ");
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(out, "\n%s", commands[i].help);
    fprintf(out, "\n%s", environment);
}

int cli_hint(void)
{
    fputs("usage: boxoffice", stderr);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(stderr, "%s %s", i ? " |" : "", commands[i].name);
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
