/* identity/key_file.h: the session key's home. */
#ifndef IDENTITY_KEY_FILE_H
#define IDENTITY_KEY_FILE_H

#include "identity/session_keys.h"

struct key_source {
    const char *jwt_key; /* JWT_KEY; NULL: the key is in a file … */
    const char *data;    /* … of this folder */
};

/* The key of JWT_KEY, or of DATA/jwt.key, made (mode 0600) when it is not there. NULL: why says
 * what is wrong. */
struct session_keys *session_keys_open(const struct key_source *source, struct buf *why);

/* Takes what DATA/jwt.key holds now. False: the keys stay as they were, and why says what is wrong.
 * True without a change when the key is in JWT_KEY. Any thread. */
bool session_keys_reload(const struct key_source *source, struct session_keys *keys,
                         struct buf *why);

/* A fresh key, first in DATA/jwt.key; the one that signed until now stays beside it and verifies,
 * an older one goes. keys (NULL: nobody serves) take it over at once. ERR_CONFLICT: the key is not
 * in the data folder but in JWT_KEY; ERR_IO: the file is as it was. why says it for people. */
enum err session_keys_rotate(const struct key_source *source, struct session_keys *keys,
                             struct buf *why);

#endif
