/* services/auth/blocklist.c: finds a password in the list of common ones.
 *
 * The list is one text, built in, and searched where it lies: halving it and stepping back to a
 * line's beginning needs neither an index nor anything made at start. */
#include "services/auth/blocklist.h"

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

/* < 0, 0, > 0 as password in lower case sorts before, at or after line. */
static int compare(struct str password, struct str line)
{
    size_t shorter = password.len < line.len ? password.len : line.len;

    for (size_t i = 0; i < shorter; i++) {
        int difference = lower(password.at[i]) - (unsigned char)line.at[i];

        if (difference) return difference;
    }
    return (password.len > line.len) - (password.len < line.len);
}

bool password_common(struct str password)
{
    const char *list = auth_common_passwords.at;
    size_t low = 0, high = auth_common_passwords.len; /* both at the beginning of a line */

    while (low < high) {
        size_t begin = low + (high - low) / 2, end;
        const char *newline;
        int order;

        while (begin > low && list[begin - 1] != '\n')
            begin--;
        newline = memchr(list + begin, '\n', high - begin);
        end = newline ? (size_t)(newline - list) : high;
        order = compare(password, (struct str){list + begin, end - begin});
        if (order == 0) return true;
        if (order < 0) {
            high = begin;
        } else {
            low = newline ? end + 1 : high;
        }
    }
    return false;
}
