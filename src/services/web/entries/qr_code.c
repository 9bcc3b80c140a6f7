/* services/web/entries/qr_code.c: see services/web/entries/qr_code.h; the only file that knows
 * libqrencode. */
#include "services/web/entries/qr_code.h"

#include <qrencode.h>

#define QUIET          4 /* squares, on each side (section 9.1) */
#define PATH_BYTES_MAX 32768

static QRcode *encode(struct str text)
{
    QRinput *input = QRinput_new2(0, QR_ECLEVEL_M);
    QRcode *code = NULL;

    if (!input) return NULL;
    if (QRinput_append(input, QR_MODE_AN, (int)text.len, (const unsigned char *)text.at) == 0)
        code = QRcode_encodeInput(input);
    QRinput_free(input);
    return code;
}

/* The dark squares of a row, those side by side as one. */
static void put_row(struct buf *path, const unsigned char *row, int y, int width)
{
    for (int x = 0, end; x < width; x = end) {
        for (end = x; end < width && (row[end] & 1) == (row[x] & 1); end++)
            ;
        if (row[x] & 1)
            buf_printf(path, "M%d %dh%dv1h-%dz", x + QUIET, y + QUIET, end - x, end - x);
    }
}

enum err qr_code_path(struct arena *arena, struct str text, struct str *path, int64_t *size)
{
    QRcode *code = encode(text);
    struct buf out;

    if (!code) return ERR_INVALID;
    buf_init(&out, arena, PATH_BYTES_MAX);
    for (int y = 0; y < code->width; y++)
        put_row(&out, code->data + y * code->width, y, code->width);
    *size = code->width + 2 * QUIET;
    *path = buf_str(&out);
    QRcode_free(code);
    return out.failed ? ERR_MEMORY : OK;
}
