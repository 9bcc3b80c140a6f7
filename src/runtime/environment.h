/* runtime/environment.h: what surrounds the reading of settings: secrets that stand in files, and
 * variables whose names are nearly those of settings. In the main thread, before there is another.
 */
#ifndef RUNTIME_ENVIRONMENT_H
#define RUNTIME_ENVIRONMENT_H

#include "base/str.h"

#define SECRET_FILE_MAX 16384 /* bytes; credentials for NATS list what their user may do */

/* A secret may be in a file instead, as systemd's LoadCredential= and Kubernetes' secrets have it:
 * NAME_FILE is its path. Puts the file's content, without a line's end at its end, where NAME is
 * read, for each of the names and, where one ends in '_', for all that begin so. The environment
 * that other processes can see stays as it was. names: NULL-terminated. False: why names what
 * cannot be used. */
bool environment_read_secrets(const char *const *names, struct buf *why);
/* Calls found for each variable that is none of the names but nearly one, as SIGNUPS_PER_HOR is. */
void environment_misspelt(const char *const *names,
                          void (*found)(const char *variable, const char *name));

#endif
