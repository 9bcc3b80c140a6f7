/* identity/user_id.c: what a user's id may be. */
#include "identity/user_id.h"

bool user_id_valid(struct str id)
{
    if (id.len == 0 || id.len > USER_ID_BYTES_MAX || !str_is_utf8(id) ||
        str_code_points(id) > USER_ID_POINTS_MAX)
        return false;
    for (size_t i = 0; i < id.len; i++) {
        unsigned char c = (unsigned char)id.at[i];

        if (c < 0x20 || c == 0x7f) return false;
        if (c == 0xc2 && (unsigned char)id.at[i + 1] < 0xa0) return false; /* U+0080 to U+009F */
    }
    return true;
}
