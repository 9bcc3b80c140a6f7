/* services/catalogue/rules.c: what a venue and a show have in common. */
#include "services/catalogue/rules.h"

enum name_fault name_fault(struct str name)
{
    if (str_trim(name).len == 0) return NAME_EMPTY;
    if (str_code_points(name) > NAME_POINTS_MAX) return NAME_TOO_LONG;
    if (!text_is_one_line(name)) return NAME_CONTROLS;
    return text_is_visible(name) ? NAME_FINE : NAME_INVISIBLE;
}
