/* Any bytes as a list of trusted proxies and as an X-Forwarded-For header. Promise: a list is taken
 * or refused with words; nobody is believed who was not vouched for: the client is the peer, or an
 * address out of the header with nothing but trusted ones behind it.
 *
 * Input: the list and the header; '\n' parts them. */
#include "fuzz.h"
#include "http/ip_address.h"

#include <stdlib.h>

static void check_round_trip(const struct address *address)
{
    char text[INET6_ADDRSTRLEN];
    struct address again;
    struct str shown = {text, address_format(address, text)};

    ASSERT(address_parse(shown, &again) && memcmp(&again, address, sizeof again) == 0);
}

static void try_forwarded(const struct proxies *proxies, struct str header)
{
    struct proxies nobody = {.count = 0};
    struct address peer, client;

    ASSERT(address_parse(STR("192.0.2.1"), &peer));
    client = proxies_client(proxies, header, peer);
    check_round_trip(&client);
    /* Nobody is trusted: the last entry counts, for it is the only one the peer wrote itself. */
    client = proxies_client(&nobody, header, peer);
    if (!memchr(header.at, ',', header.len)) {
        struct address only = proxies_client(proxies, header, peer);

        ASSERT(memcmp(&only, &client, sizeof only) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = fuzz_text(data, size), header = STR("");
    const char *end = size ? memchr(text.at, '\n', size) : NULL, *why = NULL;
    struct proxies proxies;
    struct address address;
    char *list;

    if (end) {
        header = (struct str){end + 1, size - (size_t)(end - text.at) - 1};
        text.len = (size_t)(end - text.at);
    }
    if (address_parse(text, &address)) {
        check_round_trip(&address);
        (void)address_is_loopback(&address);
    }
    list = strndup(text.at ? text.at : "", text.len);
    ASSERT(list);
    if (proxies_parse(list, &proxies, &why)) {
        ASSERT(proxies.count <= PROXIES_MAX);
        for (size_t i = 0; i < proxies.count; i++)
            ASSERT(proxies.at[i].prefix <= 128 && proxies_trust(&proxies, &proxies.at[i].network));
        try_forwarded(&proxies, header);
    } else {
        ASSERT(why && *why);
    }
    free(list);
    return 0;
}
