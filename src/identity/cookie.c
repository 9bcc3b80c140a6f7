/* identity/cookie.c: the Cookie header, and cookies that are set. */
#include "identity/cookie.h"

bool cookie_next(struct str *cookies, struct str name, struct str *value)
{
    while (cookies->len) {
        const char *end = memchr(cookies->at, ';', cookies->len);
        size_t len = end ? (size_t)(end - cookies->at) : cookies->len;
        struct str pair = str_trim((struct str){cookies->at, len});

        len += end ? 1 : 0;
        *cookies = (struct str){cookies->at + len, cookies->len - len};
        if (pair.len <= name.len || pair.at[name.len] != '=' || !str_starts(pair, name)) continue;
        *value = (struct str){pair.at + name.len + 1, pair.len - name.len - 1};
        return true;
    }
    return false;
}

void cookie_put(struct buf *headers, const char *name, struct str value, const char *attributes,
                bool secure)
{
    buf_append(headers, STR("Set-Cookie: "));
    buf_append(headers, str_of(name));
    buf_append(headers, STR("="));
    buf_append(headers, value);
    buf_append(headers, STR("; Path=/; "));
    buf_append(headers, str_of(attributes));
    buf_append(headers, STR("HttpOnly; SameSite=Lax"));
    if (secure) buf_append(headers, STR("; Secure"));
    buf_append(headers, STR("\r\n"));
}
