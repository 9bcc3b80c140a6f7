/* base/owner.h: root works in a folder that a service owns: what it makes there is the service's.
 */
#ifndef BASE_OWNER_H
#define BASE_OWNER_H

#include <stdbool.h>

/* Gives what this process has just made at path, open as fd, to the owner of the folder it lies in,
 * when it runs as root; nothing otherwise. False: errno says why it is still root's. Threads: any.
 */
bool owner_keep(int fd, const char *path);
/* The same for a folder that this process has just made, by its path alone. */
bool owner_keep_folder(const char *path);

#endif
