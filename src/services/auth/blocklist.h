/* services/auth/blocklist.h: passwords that everybody who guesses tries first. */
#ifndef SERVICES_AUTH_BLOCKLIST_H
#define SERVICES_AUTH_BLOCKLIST_H

#include "base/str.h"

/* common_passwords.txt as it is: one a line, ASCII in lower case, sorted by bytes. */
extern const struct str auth_common_passwords;

/* True when the list has the password, ASCII case apart. Threads: any. */
bool password_common(struct str password);

#endif
