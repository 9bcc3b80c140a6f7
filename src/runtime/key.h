/* runtime/key.h: the session key's home. */
#ifndef RUNTIME_KEY_H
#define RUNTIME_KEY_H

#include "http/session.h"
#include "runtime/settings.h"

/* The key of JWT_KEY, or of DATA/jwt.key, made (mode 0600) when it is not there. NULL: why says
 * what is wrong. */
struct session_keys *session_keys_open(const struct settings *settings, struct buf *why);

#endif
