/* identity/user_id.h: what a user's id may be, in tokens, events, databases and memory alike.
 *
 * Accounts made here have ids of 24 hex digits (object_id.h). Tokens of the same key that other
 * services make may name anybody: 1 to 64 printable characters (the contract). */
#ifndef IDENTITY_USER_ID_H
#define IDENTITY_USER_ID_H

#include "base/str.h"

#define USER_ID_POINTS_MAX 64                       /* code points */
#define USER_ID_BYTES_MAX  (4 * USER_ID_POINTS_MAX) /* of UTF-8 */

/* True for 1 to USER_ID_POINTS_MAX code points of well-formed UTF-8, none of them a control
 * character (U+0000 to U+001F, U+007F to U+009F). Threads: any. */
bool user_id_valid(struct str id);

#endif
