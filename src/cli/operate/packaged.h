/* cli/operate/packaged.h: the settings of the packaged service. */
#ifndef CLI_PACKAGED_H
#define CLI_PACKAGED_H

#include "base/str.h"

/* When `data` is the packaged service's data folder, or an instance's: takes the settings that
 * systemd would give it into the environment, unless they are set there. False: a file of them
 * cannot be read; why says what to do. Before there are threads. */
bool packaged_settings(const char *data, struct buf *why);

#endif
