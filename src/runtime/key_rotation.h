/* runtime/key_rotation.h: a fresh session key while nobody serves. */
#ifndef RUNTIME_KEY_ROTATION_H
#define RUNTIME_KEY_ROTATION_H

#include "identity/key_file.h"
#include "runtime/settings.h"

struct service_definition;

/* session_keys_rotate from the command line while no server runs on the data folder, whose lock is
 * held meanwhile; written into its audit log. ERR_LOCKED: one runs. kid: of the new key. admin: the
 * administration, whose database that log is in. */
enum err session_keys_rotate_alone(const struct settings *settings,
                                   const struct service_definition *admin, struct session_kid *kid,
                                   struct buf *why);

#endif
