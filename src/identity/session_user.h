/* identity/session_user.h: who is signed in. */
#ifndef IDENTITY_SESSION_USER_H
#define IDENTITY_SESSION_USER_H

#include "identity/role.h"

#define SESSION_ID_HEX      32 /* 128 bits */
#define SESSION_ID_HASH_HEX 64 /* SHA-256 */

struct session_user {
    struct str id;    /* user_id_valid; empty: no session */
    struct str email; /* as the token has it */
    struct role_set roles;
    int64_t issued_at_s;
    int64_t expires_at_s; /* as extended; 0: the token had none */
    int64_t life_s;       /* from the token's iat to its exp */
    /* Empty: made by another service; such a session has no record and is not renewed. */
    char sid[SESSION_ID_HEX + 1];
    char sid_hash[SESSION_ID_HASH_HEX + 1];
};

#endif
