/* services/payments/signature.c: verifies a webhook's signature. */
#include "services/payments/signature.h"

#include "base/sha256.h"

#define PARTS_MAX 32
#define TIME_MAX  INT64_C(253402300799) /* seconds; year 9999 */

/* The next "name=value" of the header. False at its end. */
static bool next_part(struct str *rest, struct str *name, struct str *value)
{
    const char *comma = rest->len ? memchr(rest->at, ',', rest->len) : NULL;
    size_t len = comma ? (size_t)(comma - rest->at) : rest->len;
    struct str part = str_trim((struct str){rest->at, len});
    const char *equals = part.len ? memchr(part.at, '=', part.len) : NULL;

    if (!rest->len) return false;
    rest->at += len + (comma ? 1 : 0);
    rest->len -= len + (comma ? 1 : 0);
    *name = part;
    *value = (struct str){"", 0};
    if (!equals) return true;
    *name = (struct str){part.at, (size_t)(equals - part.at)};
    *value = (struct str){equals + 1, part.len - name->len - 1};
    return true;
}

/* The one time in the header; at == NULL when there is none, or more than one. */
static struct str time_of(struct str header)
{
    struct str name, value, found = {NULL, 0};

    while (next_part(&header, &name, &value)) {
        if (!str_eq(name, STR("t"))) continue;
        if (found.at) return (struct str){NULL, 0};
        found = value;
    }
    return found;
}

static bool is_recent(struct str time, int64_t now_s)
{
    int64_t then_s;

    return time.at && str_to_int64(time, &then_s) && then_s <= TIME_MAX &&
           then_s >= now_s - SIGNATURE_TOLERANCE_S && then_s <= now_s + SIGNATURE_TOLERANCE_S;
}

bool signature_valid(struct str secret, struct str header, struct str body, int64_t now_s)
{
    struct str time = time_of(header), name, value;
    const struct str parts[] = {time, STR("."), body};
    struct hmac_text wanted;
    bool valid = false;

    if (!is_recent(time, now_s)) return false;
    hmac_sha256(secret, parts, 3, &wanted);
    for (int i = 0; i < PARTS_MAX && next_part(&header, &name, &value); i++)
        valid |= str_eq(name, STR("v1")) && str_eq_secret(value, str_of(wanted.hex));
    return valid;
}
