/* runtime/key.h: the session key's home. */
#ifndef RUNTIME_KEY_H
#define RUNTIME_KEY_H

#include "http/session.h"
#include "runtime/settings.h"

/* The key of JWT_KEY, or of DATA/jwt.key, made (mode 0600) when it is not there. NULL: why says
 * what is wrong. */
struct session_keys *session_keys_open(const struct settings *settings, struct buf *why);

/* A fresh key, first in DATA/jwt.key; the one that signed until now stays beside it and verifies,
 * an older one goes. keys (NULL: nobody serves) take it over at once. ERR_CONFLICT: the key is not
 * in the data folder but in JWT_KEY; ERR_IO: the file is as it was. why says it for people. */
enum err session_keys_rotate(const struct settings *settings, struct session_keys *keys,
                             struct buf *why);
/* The same from the command line while no server runs on the data folder, whose lock is held
 * meanwhile; written into its audit trail. ERR_LOCKED: one runs. kid: of the new key. */
enum err session_keys_rotate_alone(const struct settings *settings, struct session_kid *kid,
                                   struct buf *why);

#endif
