/* cli/commands.c: the commands of the program. A further one is a function and a row of the table.
 */
#include "cli/cli.h"

#include <string.h>

const struct command cli_commands[] = {
    {"serve", cli_serve, "serve [OPTION…]\n",
     "serve: run the services until SIGINT or SIGTERM\n"
     "  --services A,B      only these of auth, tickets, orders, expiration, payments,\n"
     "                      catalogue, entries, mail, web\n"
     "  --listen ADDR:PORT  default 127.0.0.1:8080; port 0 takes a free one\n"
     "  --data DIR          databases and keys, default ./data\n"
     "  --check             check the settings, print what is in force, start nothing\n"},
    {"events", cli_events,
     "events publish SUBJECT JSON [--data DIR]\n"
     "events listen SUBJECT [OPTION…]\n"
     "events durables [--data DIR]\n"
     "events unsubscribe NAME [--subject SUBJECT] [--data DIR]\n"
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
     "  --reconnect         with --durable: wait for a server that is gone, and go on\n"
     "  --data DIR          of the server, default ./data\n"
     "events durables: the durable names there are, how far each has come, who listens\n"
     "events unsubscribe: give a durable name up: its place is forgotten, its listeners end\n"
     "events schema: print the JSON Schema of one event, or of all\n"
     "events asyncapi: print the AsyncAPI document of all events\n"
     "events dead list: what services could not apply; show: one of them\n"
     "events dead retry: deliver it once more; drop: forget it for good\n"},
    {"backup", cli_backup, "backup DIR [--keep N] [--verify] [--data DIR]\n",
     "backup: copy all databases as of one moment, and the keys, into a new folder; a server may\n"
     "  go on meanwhile\n"
     "  --keep N            into a folder of its time in DIR; of those in it the newest N stay\n"
     "  --verify            make nothing; look whether the backup DIR is sound\n"},
    {"restore", cli_restore, "restore DIR [--force] [--data DIR]\n",
     "restore: make a backup the data folder, while no server runs; --force: what is there is\n"
     "  moved aside\n"},
    {"doctor", cli_doctor, "doctor [--data DIR]\n",
     "doctor: say what is wrong and what to do; exit 0: all is well, 1: a warning, 2: a fault\n"},
    {"demo", cli_demo, "demo [--url URL] [--data DIR] [--seed N] [--force]\n",
     "demo: fill an empty market with people, shows, tickets and purchases\n"
     "  --url URL           of the server, default http://127.0.0.1:8080\n"
     "  --data DIR          of the same server, where the first of them is made staff; default\n"
     "                      ./data\n"
     "  --seed N            another number, another market; default 1\n"
     "  --force             fill a market that is not empty, too\n"},
    {"import", cli_import, "import [OPTION…]\n",
     "import: take over mongoexport files of the Node application, or a market of CSV or JSON\n"
     "  files, while no server runs\n"
     "  --users F           its users\n"
     "  --tickets F         its tickets; with it come --orders and --payments\n"
     "  --orders F          its orders\n"
     "  --payments F        its payments\n"
     "  --venues F          venues,\n"
     "  --shows F           shows and\n"
     "  --listings F        listings: all that the files say, or nothing\n"
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
    {"mail", cli_mail,
     "mail list [--status S] [--limit N] [--after ID] [--data DIR]\n"
     "mail send ID [--data DIR]\n",
     "mail list: the newest mails and what became of them; send: one of them once more\n"},
    {"entries", cli_entries, "entries verify CODE [--data DIR]\nentries rotate-key [--data DIR]\n",
     "entries verify: what is right or wrong with an entry's code; exit 1 unless it opens the "
     "door\n"
     "entries rotate-key: another key, which signs the codes of what is sold from a day on\n"},
    {"search", cli_search, "search status | rebuild [--data DIR]\n",
     "search status: how many shows can be found; rebuild: make the index of all of them anew,\n"
     "  while it is searched\n"},
    {"trace", cli_trace, "trace ORDER_ID [--data DIR]\n",
     "trace: the life of an order: its events, when, by which service, how long between\n"},
    {"users", cli_users,
     "users ban EMAIL|ID [--reason TEXT] [--data DIR]\n"
     "users unban EMAIL|ID [--data DIR]\n"
     "users list [--status active|banned] [--limit N] [--after ID] [--data DIR]\n"
     "users find TEXT [--data DIR]\n"
     "users show | reset-link | factor-off EMAIL|ID [--data DIR]\n"
     "users grant | revoke EMAIL|ID ROLE [--data DIR]\n",
     "users ban: end a user's sessions and keep them out; unban: let them in again\n"
     "users list: the newest accounts; find: those with TEXT in their address; show: one of them,\n"
     "  with its roles\n"
     "users reset-link: print a link to a new password, good once and for an hour\n"
     "users factor-off: sign-in asks for the password alone, for who lost app and recovery codes\n"
     "users grant: what staff may do: support, finance, catalogue or admin, from the next sign-in\n"
     "  on; revoke: taken back at once, which ends the user's sessions\n"},
    {"keys", cli_keys, "keys rotate [--data DIR]\n",
     "keys rotate: sign sessions with a fresh key; those of the old one stay good. Works with\n"
     "  and without a running server\n"},
    {"audit", cli_audit, "audit list [--limit N] [--after ID] [--data DIR]\n",
     "audit list: who did what, when and from where, newest first\n"},
    {"health", cli_health, "health [--data DIR]\n",
     "health: what /readyz says of the server that runs on the data folder; exit 1 unless it\n"
     "  is ready\n"},
};
const size_t cli_command_count = sizeof cli_commands / sizeof *cli_commands;

int cli_run(int count, char **words)
{
    for (size_t i = 0; i < cli_command_count; i++)
        if (strcmp(words[0], cli_commands[i].name) == 0) return cli_commands[i].run(count, words);
    return cli_refuse("unknown %s %s", words[0][0] == '-' ? "option" : "command", words[0]);
}
