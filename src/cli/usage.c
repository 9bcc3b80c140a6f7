/* cli/usage.c: what the program says about its own command line. */
#include "cli/cli.h"

#include <stdarg.h>

void cli_usage(FILE *out)
{
    fputs(
        "usage: boxoffice serve [OPTION…]\n"
        "       boxoffice events publish SUBJECT JSON [--data DIR]\n"
        "       boxoffice events listen SUBJECT [OPTION…]\n"
        "       boxoffice events schema [SUBJECT]\n"
        "       boxoffice events asyncapi\n"
        "       boxoffice events dead list [--service S] [--limit N] [--after ID] [--data DIR]\n"
        "       boxoffice events dead show | retry | drop SERVICE ID [--data DIR]\n"
        "       boxoffice backup DIR [--data DIR]\n"
        "       boxoffice restore DIR [--force] [--data DIR]\n"
        "       boxoffice doctor [--data DIR]\n"
        "       boxoffice demo [--url URL] [--seed N] [--force]\n"
        "       boxoffice import [OPTION…]\n"
        "       boxoffice bus refill [--service S [--from SEQ]] [--data DIR]\n"
        "       boxoffice payments list [--status S] [--limit N] [--after ID] [--data DIR]\n"
        "       boxoffice payments show | refund ID [--data DIR]\n"
        "       boxoffice payments audit [--data DIR]\n"
        "       boxoffice trace ORDER_ID [--data DIR]\n"
        "       boxoffice users ban EMAIL|ID [--reason TEXT] [--data DIR]\n"
        "       boxoffice users unban EMAIL|ID [--data DIR]\n"
        "       boxoffice users list [--limit N] [--after ID] [--data DIR]\n"
        "       boxoffice keys rotate [--data DIR]\n"
        "       boxoffice audit list [--limit N] [--after ID] [--data DIR]\n"
        "       boxoffice health [--data DIR]\n"
        "       boxoffice --help | --version\n"
        "\n"
        "serve: run the services until SIGINT or SIGTERM\n"
        "  --services A,B      only these of auth, tickets, orders, expiration, payments,\n"
        "                      web\n"
        "  --listen ADDR:PORT  default 127.0.0.1:8080; port 0 takes a free one\n"
        "  --data DIR          databases and keys, default ./data\n"
        "\n"
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
        "\n"
        "events dead list: what services could not apply; show: one of them\n"
        "events dead retry: deliver it once more; drop: forget it for good\n"
        "bus refill: publish again what the outboxes hold, after the broker lost its stream\n"
        "\n"
        "payments list: the newest payments; show: one of them\n"
        "payments refund: give all of a payment back; its order is cancelled by that\n"
        "payments audit: ledger, payments and orders held against each other; exit 1 on a finding\n"
        "\n"
        "backup: copy all databases as of one moment, and the keys, into a new folder; a server "
        "may\n"
        "  go on meanwhile\n"
        "restore: make a backup the data folder, while no server runs; --force: what is there is\n"
        "  moved aside\n"
        "doctor: say what is wrong and what to do; exit 0: all is well, 1: a warning, 2: a fault\n"
        "demo: fill an empty market with people, tickets and purchases\n"
        "  --url URL           of the server, default http://127.0.0.1:8080\n"
        "  --seed N            another number, another market; default 1\n"
        "  --force             fill a market that is not empty, too\n"
        "import: take over mongoexport files of the Node application, while no server runs\n"
        "  --users F           its users\n"
        "  --tickets F         its tickets; with it come --orders and --payments\n"
        "  --orders F          its orders\n"
        "  --payments F        its payments\n"
        "  --data DIR          to take them over into, default ./data\n"
        "  --dry-run           say what would happen, and change nothing\n"
        "trace: the life of an order: its events, when, by which service, how long between\n"
        "\n"
        "users ban: end a user's sessions and keep them out; unban: let them in again; list: who\n"
        "  is banned\n"
        "keys rotate: sign sessions with a fresh key; those of the old one stay good. Works with\n"
        "  and without a running server\n"
        "audit list: who did what, when and from where, newest first\n"
        "\n"
        "health: what /readyz says of the server that runs on the data folder; exit 1 unless it\n"
        "  is ready\n"
        "\n"
        "environment (serve): JWT_KEY, SESSION_SECONDS, SESSION_MAX_SECONDS, DATABASE_URL,\n"
        "  NATS_URL, NATS_REPLICAS, REDIS_URL, ORDER_EXPIRATION_SECONDS,\n"
        "  PAYMENT_GRACE_SECONDS, STRIPE_KEY, STRIPE_API_BASE, STRIPE_WEBHOOK_SECRET,\n"
        "  COOKIE_SECURE, TRUSTED_PROXIES, AUTH_PASSWORD_BLOCKLIST, MONITORING, LOG_LEVEL,\n"
        "  API_BASE_URL, STRIPE_PUBLISHABLE_KEY, OTEL_EXPORTER_OTLP_ENDPOINT, TRACES_PER_SECOND\n",
        out);
}

int cli_hint(void)
{
    fputs("usage: boxoffice serve | events publish | events listen | events dead | events schema | "
          "events asyncapi | payments | trace | users | keys | audit | bus | health | backup | "
          "restore | "
          "doctor | demo | import; see boxoffice --help\n",
          stderr);
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
