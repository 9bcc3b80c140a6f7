/* services/auth/device.c: the device cookie: NUMBER.SEAL, both in hex. */
#include "services/auth/device.h"

#include "base/hex.h"
#include "identity/cookie.h"

#include <stdio.h>

#define NUMBER_BYTES 16
#define NUMBER_HEX   ((size_t)2 * NUMBER_BYTES)
#define TRIES_MAX    4 /* cookies of one name that are tried */
#define TEXT_MAX     512

#define NAME_PLAIN  "device"
#define NAME_SECURE "__Host-device"

/* What is sealed: no token's signed part has a space. */
static bool seal_text(struct request *rq, struct str number, struct str email_key, struct buf *out)
{
    buf_init(out, rq->arena, TEXT_MAX);
    buf_append(out, STR("boxoffice device "));
    buf_append(out, number);
    buf_char(out, ' ');
    buf_append(out, email_key);
    return !out->failed;
}

static bool is_ours(struct request *rq, struct str value, struct str email_key)
{
    struct str number = {value.at, NUMBER_HEX}, seal;
    struct buf text;

    if (value.len != NUMBER_HEX + 1 + SESSION_SEAL_HEX || value.at[NUMBER_HEX] != '.') return false;
    seal = (struct str){value.at + NUMBER_HEX + 1, SESSION_SEAL_HEX};
    return seal_text(rq, number, email_key, &text) &&
           session_keys_sealed(rq->run->env->keys, buf_str(&text), seal);
}

static struct str device_find(struct request *rq, struct str cookies, struct str name,
                              struct str email_key)
{
    struct str value;

    for (int tries = 0; tries < TRIES_MAX && cookie_next(&cookies, name, &value); tries++)
        if (is_ours(rq, value, email_key)) return (struct str){value.at, NUMBER_HEX};
    return STR("");
}

struct str device_of(struct request *rq, struct str email_key)
{
    struct str cookies = request_header_joined(rq, "cookie", STR("; ")), device;

    if (!cookies.at) return STR("");
    device = device_find(rq, cookies, STR(NAME_SECURE), email_key);
    return device.len ? device : device_find(rq, cookies, STR(NAME_PLAIN), email_key);
}

enum err device_remember(struct request *rq, struct reply *rp, struct str email_key,
                         struct str device)
{
    unsigned char bytes[NUMBER_BYTES];
    char fresh[NUMBER_HEX + 1], seal[SESSION_SEAL_HEX + 1], attributes[32];
    struct buf text, value;

    if (!device.len) {
        random_fill(rq->run->env->random, bytes, sizeof bytes);
        hex_encode(bytes, sizeof bytes, fresh);
        device = (struct str){fresh, NUMBER_HEX};
    }
    if (!seal_text(rq, device, email_key, &text)) return ERR_MEMORY;
    session_keys_seal(rq->run->env->keys, buf_str(&text), seal);
    buf_init(&value, rq->arena, TEXT_MAX);
    buf_append(&value, device);
    buf_char(&value, '.');
    buf_append(&value, (struct str){seal, SESSION_SEAL_HEX});
    if (value.failed) return ERR_MEMORY;
    snprintf(attributes, sizeof attributes, "Max-Age=%d; ", DEVICE_DAYS * 24 * 3600);
    cookie_put(&rp->headers, rq->cookie_secure ? NAME_SECURE : NAME_PLAIN, buf_str(&value),
               attributes, rq->cookie_secure);
    return rp->headers.failed ? ERR_MEMORY : OK;
}
