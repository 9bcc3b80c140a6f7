/* http/ip_address.h: client addresses, and which proxies are believed when they tell one.
 * Threads: any. */
#ifndef HTTP_IP_ADDRESS_H
#define HTTP_IP_ADDRESS_H

#include "base/str.h"

#include <netinet/in.h>
#include <sys/socket.h>

struct address {
    uint8_t bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
};

struct cidr {
    struct address network;
    unsigned prefix; /* bits, 0 to 128 */
};

#define PROXIES_MAX 32
struct proxies {
    struct cidr at[PROXIES_MAX];
    size_t count;
};

bool address_parse(struct str text, struct address *out);
/* False for a family that is not IP. */
bool address_from_socket(const struct sockaddr *from, struct address *out);
/* What connections and rates are counted by: 4 bytes of an IPv4 address, or the /64 of an IPv6 one.
 * Points into address. */
struct str address_network(const struct address *address);
size_t address_format(const struct address *address, char out[INET6_ADDRSTRLEN]);
bool address_is_loopback(const struct address *address);
/* Whether a Host header names an address, or a name that no public DNS can lead here: a page of
 * somewhere else whose name was made to mean this machine (DNS rebinding) has another one. */
bool host_is_private(struct str host);
/* False when the list is broken; *why (thread-local text) then names TRUSTED_PROXIES. */
bool proxies_parse(const char *list, struct proxies *out, const char **why);
bool proxies_trust(const struct proxies *proxies, const struct address *address);
/* The rightmost address of an X-Forwarded-For value that is not trusted; peer when there is none.
 */
struct address proxies_client(const struct proxies *proxies, struct str forwarded,
                              struct address peer);

#endif
