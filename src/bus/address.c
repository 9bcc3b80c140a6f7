/* bus/address.c: what NATS_URL says, and who the user is by credentials or an nkey. */
#include "bus/bus.h"

#include "base/percent.h"

#include <stdio.h>

#define TEXT_BYTES 2048
#define HOST_BYTES 300

/* host:port, the host a name, an IPv4 address, or an IPv6 address in brackets. */
static bool is_server(const char *text)
{
    size_t host = *text == '[' ? strcspn(text, "]") + 1 : strcspn(text, ":");
    int64_t port;

    if (host < 1 || host > 255 || text[host] != ':' || strpbrk(text, "/?#@ \"\\")) return false;
    return str_to_int64(str_of(text + host + 1), &port) && port >= 1 && port <= 65535;
}

/* Takes "user:password@" or "token@" off the front; none may be empty. */
static bool broker_take_user(char **at, struct bus_broker *broker)
{
    char *end = strrchr(*at, '@'), *colon;

    if (!end) return true;
    *end = '\0';
    broker->user = *at;
    colon = strchr(*at, ':');
    if (colon) {
        *colon = '\0';
        broker->password = colon + 1;
        if (!colon[1] || !percent_decode_in_place(colon + 1)) return false;
    }
    if (!**at || !percent_decode_in_place(*at)) return false;
    *at = end + 1;
    return true;
}

static bool take_scheme(const char **text, struct bus_broker *broker)
{
    static const char plain[] = "nats://", tls[] = "tls://";

    broker->tls = strncmp(*text, tls, sizeof tls - 1) == 0;
    if (!broker->tls && strncmp(*text, plain, sizeof plain - 1) != 0) return false;
    *text += broker->tls ? sizeof tls - 1 : sizeof plain - 1;
    return true;
}

bool bus_broker_parse(const char *text, struct bus_broker *broker)
{
    static char copy[TEXT_BYTES], servers[BROKERS_MAX][HOST_BYTES];
    char *at = copy, *comma;

    if (!take_scheme(&text, broker) || strlen(text) >= sizeof copy) return false;
    snprintf(copy, sizeof copy, "%s", text);
    if (!broker_take_user(&at, broker)) return false;
    do {
        comma = strchr(at, ',');
        if (comma) *comma = '\0';
        if (broker->server_count == BROKERS_MAX || !is_server(at)) return false;
        snprintf(servers[broker->server_count], HOST_BYTES, "%s://%.280s",
                 broker->tls ? "tls" : "nats", at);
        broker->servers[broker->server_count] = servers[broker->server_count];
        broker->server_count++;
        if (comma) at = comma + 1;
    } while (comma);
    return true;
}

/* --- credentials --------------------------------------------------------------------------- */

#define NKEY_LEN 56 /* of a public key; of a seed two more (github.com/nats-io/nkeys) */

bool bus_nkey_valid(const char *text, bool public)
{
    static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    return strncmp(text, public ? "U" : "SU", public ? 1 : 2) == 0 &&
           strspn(text, base32) == strlen(text) &&
           strlen(text) == (public ? NKEY_LEN : NKEY_LEN + 2);
}

/* The line between "-----BEGIN title-----" and the next such line; NULL: there is none. */
static char *section(char *text, const char *title)
{
    char *at = strstr(text, title), *end;

    at = at ? strchr(at, '\n') : NULL;
    if (!at) return NULL;
    at += strspn(at, " \t\r\n");
    end = at + strcspn(at, " \t\r\n");
    return end > at && *end ? at : NULL;
}

static void end_line(char *line)
{
    line[strcspn(line, " \t\r\n")] = '\0';
}

bool bus_broker_credentials(char *text, struct bus_broker *broker)
{
    char *jwt = section(text, "BEGIN NATS USER JWT"), *seed = section(text, "BEGIN USER NKEY SEED");

    if (!jwt || !seed) return false;
    end_line(jwt);
    end_line(seed);
    broker->jwt = jwt;
    broker->seed = seed;
    return strncmp(jwt, "eyJ", 3) == 0 && bus_nkey_valid(seed, false);
}
