/* identity/session_cookie.c: the session cookie, read, set and cleared. */
#include "identity/session_cookie.h"

#include "base/json.h"
#include "base/percent.h"
#include "identity/cookie.h"
#include "telemetry/metric.h"

#define CANDIDATES_MAX 8 /* cookies of one name that are tried */

/* The cookie's names, as they are looked for. A browser lets nobody but this very host set one that
 * begins with __Host-, and nobody read it without TLS (RFC 6265bis section 4.1.3.2). */
#define COOKIE_SECURE "__Host-session"
#define COOKIE_PLAIN  "session"
#define COOKIE_OLD    "express:sess"

static const struct str wrap_begin = {"{\"jwt\":\"", 8};
static const struct str wrap_end = {"\"}", 2};

/* --- reading ------------------------------------------------------------------------------- */

/* The token in {"jwt":"…"}. As this program writes it, which is nearly always, it needs no parser:
 * whatever else than a token it holds has no signature. */
static bool unwrap(struct arena *arena, struct str text, struct str *token)
{
    size_t around = wrap_begin.len + wrap_end.len;

    if (text.len > around && str_starts(text, wrap_begin)) {
        *token = (struct str){text.at + wrap_begin.len, text.len - around};
        if (str_eq((struct str){token->at + token->len, wrap_end.len}, wrap_end) &&
            !memchr(token->at, '"', token->len) && !memchr(token->at, '\\', token->len))
            return true;
    }
    return json_text(json_get(json_parse_unique(arena, text), "jwt"), token);
}

/* BASE64({"jwt":"…"}), perhaps in quotes, perhaps with '=' escaped. */
static bool cookie_value_verify(const struct session_keys *keys, struct revocation_table *known,
                                struct arena *arena, struct str value, int64_t now_s,
                                struct session_user *user)
{
    struct str text, token;

    if (value.len >= 2 && value.at[0] == '"' && value.at[value.len - 1] == '"')
        value = (struct str){value.at + 1, value.len - 2};
    if (value.len == 0 || value.len > SESSION_TOKEN_MAX) return false;
    if (memchr(value.at, '%', value.len) && percent_decode(arena, value, false, &value) != OK)
        return false;
    if (!session_decode(arena, value, &text)) return false;
    return unwrap(arena, text, &token) &&
           session_token_verify(keys, known, arena, token, now_s, user);
}

/* Tries each cookie of that name. */
static bool cookie_name_verify(const struct session_keys *keys, struct revocation_table *known,
                               struct arena *arena, struct str cookies, struct str name,
                               int64_t now_s, struct session_user *user)
{
    struct str value;

    for (int tries = 0; tries < CANDIDATES_MAX && cookie_next(&cookies, name, &value); tries++) {
        if (cookie_value_verify(keys, known, arena, value, now_s, user)) return true;
        metric_add(METRIC_SESSIONS_REFUSED, 1);
    }
    return false;
}

bool session_from_cookie(const struct session_keys *keys, struct revocation_table *known,
                         struct arena *arena, struct str cookies, int64_t now_s,
                         struct session_user *user)
{
    static const struct str names[] = {
        {COOKIE_SECURE, sizeof COOKIE_SECURE - 1},
        {COOKIE_PLAIN, sizeof COOKIE_PLAIN - 1},
        {COOKIE_OLD, sizeof COOKIE_OLD - 1},
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (cookie_name_verify(keys, known, arena, cookies, names[i], now_s, user)) return true;
    memset(user, 0, sizeof *user);
    return false;
}

/* --- setting ------------------------------------------------------------------------------- */

enum err session_cookie_set(const struct session_keys *keys, struct buf *headers,
                            struct arena *arena, const struct session_user *user, bool secure)
{
    struct buf token, wrapped, value;

    buf_init(&token, arena, SESSION_TOKEN_MAX);
    buf_init(&wrapped, arena, SESSION_TOKEN_MAX);
    buf_init(&value, arena, SESSION_TOKEN_MAX);
    session_token_make(keys, arena, user, &token);
    buf_append(&wrapped, wrap_begin);
    buf_append(&wrapped, buf_str(&token));
    buf_append(&wrapped, wrap_end);
    base64_encode(&value, buf_str(&wrapped), false);
    if (token.failed || wrapped.failed || value.failed) return ERR_MEMORY;
    cookie_put(headers, secure ? COOKIE_SECURE : COOKIE_PLAIN, buf_str(&value), "", secure);
    buf_append(headers, STR("Cache-Control: no-store\r\n"));
    metric_add(METRIC_SESSIONS_ISSUED, 1);
    return headers->failed ? ERR_MEMORY : OK;
}

void session_cookie_clear(struct buf *headers, bool secure)
{
    static const char past[] = "Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; ";

    if (secure) cookie_put(headers, COOKIE_SECURE, STR(""), past, secure);
    cookie_put(headers, COOKIE_PLAIN, STR(""), past, secure);
    cookie_put(headers, COOKIE_OLD, STR(""), past, secure);
}
