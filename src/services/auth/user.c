/* services/auth/user.c: the rules of a person's details: status, passwords' lengths.
 *
 * Pure; the rows are store.c's, the hashes password.c's. */
#include "services/auth/user.h"

#include "unicode/normal.h"

/* --- status -------------------------------------------------------------------------------- */

struct str user_status_text(enum user_status status)
{
    return status == USER_BANNED ? STR("banned") : STR("active");
}

bool user_status_parse(struct str text, enum user_status *out)
{
    for (enum user_status status = USER_ACTIVE; status <= USER_BANNED; status++) {
        if (!str_eq(text, user_status_text(status))) continue;
        *out = status;
        return true;
    }
    return false;
}

struct user user_new(struct object_id id, struct str email, struct str key,
                     const struct password_hash *hash, struct wall_ms now)
{
    return (struct user){
        .id = id,
        .version = 0,
        .email = email,
        .email_key = key,
        .hash = *hash,
        .status = USER_ACTIVE,
        .created_at = now,
    };
}

bool user_ban(struct user *user, struct str reason, struct wall_ms now)
{
    if (user->status == USER_BANNED) return false;
    user->status = USER_BANNED;
    user->version++;
    user->ban_reason = reason;
    user->banned_at = now;
    return true;
}

bool user_unban(struct user *user)
{
    if (user->status == USER_ACTIVE) return false;
    user->status = USER_ACTIVE;
    user->version++;
    user->ban_reason = STR("");
    user->banned_at = WALL_NONE;
    return true;
}

void user_confirm(struct user *user, struct wall_ms now)
{
    user->version++;
    user->confirmed_at = now;
}

/* --- passwords ----------------------------------------------------------------------------- */

struct str password_normal(struct arena *arena, struct str typed)
{
    struct str form = text_compatible(arena, typed);

    return form.at ? str_trim(form) : form;
}

bool password_length_valid(struct str password)
{
    size_t length = str_code_points(password);

    return length >= PASSWORD_LENGTH_MIN && length <= PASSWORD_LENGTH_MAX;
}
