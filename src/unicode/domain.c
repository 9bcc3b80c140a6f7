/* unicode/domain.c: see unicode/domain.h; the only file that knows libidn2. */
#include "unicode/domain.h"

#include "base/err.h"
#include "unicode/normal.h"

#include <idn2.h>

#define ADDRESS_BYTES_MAX 1024

/* ASCII, and no label in it says that it is encoded. */
static bool is_plain(struct str domain)
{
    for (size_t i = 0; i < domain.len; i++) {
        struct str rest = {domain.at + i, domain.len - i};

        if ((unsigned char)domain.at[i] >= 0x80) return false;
        if ((i == 0 || domain.at[i - 1] == '.') && rest.len >= 4 &&
            str_eq_nocase((struct str){rest.at, 4}, STR("xn--")))
            return false;
    }
    return true;
}

/* ASCII needs no table, but for labels that say they are encoded. */
enum err domain_ascii(struct arena *arena, struct str domain, struct str *out)
{
    char *typed = arena_alloc(arena, domain.len + 1);
    uint8_t *ascii = NULL;
    int done;

    if (!typed) return ERR_MEMORY;
    memcpy(typed, domain.at, domain.len); /* the arena's memory is zeroed: it ends with a NUL */
    if (is_plain(domain)) {
        *out = text_lower(arena, domain);
        return out->at ? OK : ERR_MEMORY;
    }
    done = idn2_lookup_u8((const uint8_t *)typed, &ascii,
                          IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL | IDN2_USE_STD3_ASCII_RULES);
    if (done == IDN2_MALLOC) return ERR_MEMORY;
    if (done != IDN2_OK) return ERR_INVALID;
    *out = arena_copy(arena, str_of((const char *)ascii));
    idn2_free(ascii);
    return out->at ? OK : ERR_MEMORY;
}

enum err address_ascii(struct arena *arena, struct str address, struct str *out)
{
    const char *at = address.len ? memchr(address.at, '@', address.len) : NULL;
    size_t local = at ? (size_t)(at - address.at) : 0;
    struct str domain;
    struct buf whole;
    enum err err;

    if (!at) return ERR_INVALID;
    TRY(domain_ascii(arena, (struct str){at + 1, address.len - local - 1}, &domain));
    buf_init(&whole, arena, ADDRESS_BYTES_MAX);
    buf_append(&whole, (struct str){address.at, local + 1});
    buf_append(&whole, domain);
    if (whole.failed) return ERR_MEMORY;
    *out = buf_str(&whole);
done:
    return err;
}
