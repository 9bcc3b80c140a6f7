/* Any bytes as an email address and as a password. Promise: an address that is taken has a key of
 * at most EMAIL_MAX bytes, without a capital of ASCII, or none; an address of ASCII whose key is
 * taken for an address has that key again; a password that is normal stays as it is. */
#include "fuzz.h"
#include "services/auth/user.h"

static void try_email(struct str text)
{
    struct arena *arena = fuzz_arena(); /* empty; what is made in it stays until the next input */
    struct str key, again;
    bool ascii = true;

    if (!email_valid(text) || email_key(arena, text, &key) != OK) return;
    ASSERT(key.len >= 3 && key.len <= EMAIL_MAX && str_is_utf8(key));
    for (size_t i = 0; i < key.len; i++)
        ASSERT(key.at[i] < 'A' || key.at[i] > 'Z');
    for (size_t i = 0; i < text.len; i++)
        ascii &= (unsigned char)text.at[i] < 0x80;
    if (ascii && email_key(arena, key, &again) == OK) ASSERT(str_eq(again, key));
}

static void try_password(struct str text)
{
    struct arena *arena = fuzz_arena();
    struct str normal, again;

    if (!str_is_utf8(text)) return;
    normal = password_normal(arena, text);
    if (!normal.at) return;
    again = password_normal(arena, normal);
    ASSERT(!again.at || str_eq(again, normal));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = fuzz_text(data, size);

    try_email(text);
    try_password(text);
    return 0;
}
