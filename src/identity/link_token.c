/* identity/link_token.c: see identity/link_token.h. */
#include "identity/link_token.h"

#include "base/hex.h"

#include <stdio.h>

#define ID_HEX       24
#define SEALED_BYTES 64

struct str link_kind_text(enum link_kind kind)
{
    return kind == LINK_ADDRESS ? STR("address") : STR("reset");
}

bool link_kind_parse(struct str text, enum link_kind *out)
{
    for (enum link_kind kind = LINK_RESET; kind <= LINK_ADDRESS; kind++) {
        if (!str_eq(text, link_kind_text(kind))) continue;
        *out = kind;
        return true;
    }
    return false;
}

/* What is sealed: no token's signed part has a space, and no device's number is such a word. */
static struct str sealed(enum link_kind kind, struct object_id_text id, char out[SEALED_BYTES])
{
    int length =
        snprintf(out, SEALED_BYTES, "boxoffice link %s %s", link_kind_text(kind).at, id.hex);

    return (struct str){out, (size_t)length};
}

struct link_token link_token_make(const struct session_keys *keys, enum link_kind kind,
                                  struct object_id id)
{
    struct object_id_text hex = object_id_text(id);
    struct link_token token;
    char text[SEALED_BYTES];

    memcpy(token.text, hex.hex, ID_HEX);
    session_keys_seal(keys, sealed(kind, hex, text), token.text + ID_HEX);
    return token;
}

bool link_token_open(const struct session_keys *keys, enum link_kind kind, struct str text,
                     struct object_id *id)
{
    char sealed_text[SEALED_BYTES];

    if (text.len != LINK_TOKEN_LENGTH || !hex_is_lower(text) ||
        !object_id_parse((struct str){text.at, ID_HEX}, id))
        return false;
    return session_keys_sealed(keys, sealed(kind, object_id_text(*id), sealed_text),
                               (struct str){text.at + ID_HEX, SESSION_SEAL_HEX});
}
