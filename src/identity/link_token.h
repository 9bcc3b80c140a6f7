/* identity/link_token.h: what opens a link that was sent to somebody: to a new password, say.
 *
 * The link's id and a seal over what it is for and the id: HMAC-SHA-256, 256 bits, by the key of
 * the sessions. So what would open a link is kept nowhere, neither in a database nor in an event;
 * whoever sends it works it out from the link's id. That a link is still to be opened, once and in
 * time, is a row of auth's. Threads: any. */
#ifndef IDENTITY_LINK_TOKEN_H
#define IDENTITY_LINK_TOKEN_H

#include "base/object_id.h"
#include "identity/session_keys.h"

enum link_kind {
    LINK_RESET,  /* to choose a new password */
    LINK_ADDRESS /* to say that an address of email is one's own */
};

/* "reset" or "address", as rows, events and seals have it; parse is false for any other word. */
struct str link_kind_text(enum link_kind kind);
bool link_kind_parse(struct str text, enum link_kind *out);

#define LINK_TOKEN_LENGTH (24 + SESSION_SEAL_HEX) /* lower-case hex digits */
struct link_token {
    char text[LINK_TOKEN_LENGTH + 1];
};

struct link_token link_token_make(const struct session_keys *keys, enum link_kind kind,
                                  struct object_id id);
/* False: it was not made for this kind by one of the keys. Compared in constant time. */
bool link_token_open(const struct session_keys *keys, enum link_kind kind, struct str text,
                     struct object_id *id);

#endif
