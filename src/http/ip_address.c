/* http/ip_address.c: client addresses, and which proxies are believed when they tell one.
 * IPv4 addresses are kept in their IPv6-mapped form, so that one comparison serves both. */
#include "http/ip_address.h"

#include <arpa/inet.h>
#include <stdio.h>

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool is_mapped(const struct address *address)
{
    return memcmp(address->bytes, mapped_prefix, sizeof mapped_prefix) == 0;
}

/* Plain IPv4 or IPv6 text; *v4 says which. */
static bool parse_either(struct str text, struct address *out, bool *v4)
{
    char copy[INET6_ADDRSTRLEN];

    if (text.len == 0 || text.len >= sizeof copy || memchr(text.at, 0, text.len)) return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = 0;
    *v4 = !strchr(copy, ':');
    if (!*v4) return inet_pton(AF_INET6, copy, out->bytes) == 1;
    memcpy(out->bytes, mapped_prefix, sizeof mapped_prefix);
    return inet_pton(AF_INET, copy, out->bytes + sizeof mapped_prefix) == 1;
}

bool address_parse(struct str text, struct address *out)
{
    bool v4;

    return parse_either(text, out, &v4);
}

bool address_from_socket(const struct sockaddr *from, struct address *out)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (from->sa_family == AF_INET) {
        memcpy(&v4, from, sizeof v4);
        memcpy(out->bytes, mapped_prefix, sizeof mapped_prefix);
        memcpy(out->bytes + sizeof mapped_prefix, &v4.sin_addr, 4);
        return true;
    }
    if (from->sa_family != AF_INET6) return false;
    memcpy(&v6, from, sizeof v6);
    memcpy(out->bytes, &v6.sin6_addr, 16);
    return true;
}

struct str address_network(const struct address *address)
{
    bool v4 = is_mapped(address);

    return (struct str){(const char *)address->bytes + (v4 ? sizeof mapped_prefix : 0), v4 ? 4 : 8};
}

size_t address_format(const struct address *address, char out[INET6_ADDRSTRLEN])
{
    const char *text = is_mapped(address)
                           ? inet_ntop(AF_INET, address->bytes + 12, out, INET6_ADDRSTRLEN)
                           : inet_ntop(AF_INET6, address->bytes, out, INET6_ADDRSTRLEN);

    ASSERT(text);
    return strlen(out);
}

bool address_is_loopback(const struct address *address)
{
    static const uint8_t loopback6[16] = {[15] = 1};

    if (is_mapped(address)) return address->bytes[12] == 127;
    return memcmp(address->bytes, loopback6, sizeof loopback6) == 0;
}

/* Without the port. */
static struct str host_alone(struct str host)
{
    const char *end = host.len && host.at[0] == '[' ? memchr(host.at, ']', host.len)
                                                    : memchr(host.at, ':', host.len);

    if (host.len && host.at[0] == '[')
        return (struct str){host.at + 1, end ? (size_t)(end - host.at) - 1 : 0};
    return (struct str){host.at, end ? (size_t)(end - host.at) : host.len};
}

bool host_is_private(struct str host)
{
    /* RFC 6761, RFC 6762, and what ICANN keeps for private use. */
    static const struct str kept[] = {{".localhost", 10}, {".local", 6}, {".internal", 9}};
    struct str name = host_alone(host);
    struct address address;

    if (name.len && name.at[name.len - 1] == '.') name.len--;
    if (address_parse(name, &address)) return true;
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (name.len > kept[i].len &&
            str_eq_nocase((struct str){name.at + name.len - kept[i].len, kept[i].len}, kept[i]))
            return true;
    return name.len && !memchr(name.at, '.', name.len);
}

/* "10.0.0.0/8", "fd00::/8", or one address. */
static bool cidr_parse(struct str text, struct cidr *out)
{
    const char *slash = memchr(text.at, '/', text.len);
    struct str address = text;
    int64_t bits;
    bool v4;

    if (slash) address.len = (size_t)(slash - text.at);
    if (!parse_either(address, &out->network, &v4)) return false;
    bits = v4 ? 32 : 128;
    if (slash) {
        struct str after = {slash + 1, text.len - address.len - 1};
        int64_t given;

        if (!str_to_int64(after, &given) || given < 0 || given > bits) return false;
        bits = given;
    }
    out->prefix = (unsigned)(v4 ? bits + 96 : bits);
    return true;
}

bool proxies_parse(const char *list, struct proxies *out, const char **why)
{
    static _Thread_local char reason[160];
    struct str rest = str_of(list);

    out->count = 0;
    while (rest.len) {
        const char *comma = memchr(rest.at, ',', rest.len);
        size_t len = comma ? (size_t)(comma - rest.at) : rest.len;
        struct str item = str_trim((struct str){rest.at, len});

        rest.at += len + (comma ? 1 : 0);
        rest.len -= len + (comma ? 1 : 0);
        if (item.len == 0) continue;
        if (out->count == PROXIES_MAX) {
            snprintf(reason, sizeof reason, "TRUSTED_PROXIES: more than %d entries", PROXIES_MAX);
            *why = reason;
            return false;
        }
        if (!cidr_parse(item, &out->at[out->count])) {
            snprintf(reason, sizeof reason, "TRUSTED_PROXIES: \"%.*s\" is not an address or CIDR",
                     (int)(item.len > 60 ? 60 : item.len), item.at);
            *why = reason;
            return false;
        }
        out->count++;
    }
    return true;
}

static bool cidr_has(const struct cidr *cidr, const struct address *address)
{
    unsigned whole = cidr->prefix / 8, rest = cidr->prefix % 8;
    unsigned mask = 0xff00u >> rest & 0xffu;

    if (memcmp(cidr->network.bytes, address->bytes, whole) != 0) return false;
    return rest == 0 || (cidr->network.bytes[whole] & mask) == (address->bytes[whole] & mask);
}

bool proxies_trust(const struct proxies *proxies, const struct address *address)
{
    for (size_t i = 0; i < proxies->count; i++)
        if (cidr_has(&proxies->at[i], address)) return true;
    return false;
}

/* An entry may carry a port, "1.2.3.4:567" or "[::1]:80". */
static bool forwarded_parse(struct str entry, struct address *out)
{
    const char *end;

    if (entry.len && entry.at[0] == '[') {
        end = memchr(entry.at, ']', entry.len);
        if (!end) return false;
        return address_parse((struct str){entry.at + 1, (size_t)(end - entry.at) - 1}, out);
    }
    end = memchr(entry.at, ':', entry.len);
    if (end && !memchr(end + 1, ':', entry.len - (size_t)(end - entry.at) - 1))
        entry.len = (size_t)(end - entry.at);
    return address_parse(entry, out);
}

struct address proxies_client(const struct proxies *proxies, struct str forwarded,
                              struct address peer)
{
    struct address client = peer, entry;
    size_t end = forwarded.len;

    while (end > 0) {
        size_t start = end;

        while (start > 0 && forwarded.at[start - 1] != ',')
            start--;
        /* What stands left of something unreadable was not vouched for by anybody. */
        if (!forwarded_parse(str_trim((struct str){forwarded.at + start, end - start}), &entry))
            break;
        client = entry;
        if (!proxies_trust(proxies, &entry) || start == 0) break;
        end = start - 1;
    }
    return client;
}
