/* services/web/entries/qr_code.h: a text as a QR code (ISO/IEC 18004), to be drawn as an SVG's
 * path. Threads: any. */
#ifndef SERVICES_WEB_ENTRIES_QR_CODE_H
#define SERVICES_WEB_ENTRIES_QR_CODE_H

#include "base/arena.h"

/* Of a text in the alphanumeric mode, at level M: *path fills the dark squares, each 1 by 1, with
 * the quiet zone of 4 around them; *size is how wide that is in all. ERR_INVALID: a character that
 * mode does not have, or too many. In the arena. */
enum err qr_code_path(struct arena *arena, struct str text, struct str *path, int64_t *size);

#endif
