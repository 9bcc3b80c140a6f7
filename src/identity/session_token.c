/* identity/session_token.c: the claims of a session's token. */
#include "identity/session_token.h"

#include "base/hex.h"
#include "base/sha256.h"
#include "identity/user_id.h"

#define LEEWAY_S   30             /* by which another machine's clock may be ahead: nbf */
#define TIME_S_MAX 253402300799.0 /* year 9999 */

/* --- session ids --------------------------------------------------------------------------- */

static void sid_hash(struct session_user *user)
{
    struct sha256_text text;
    struct sha256 sum;

    _Static_assert(sizeof text.hex == sizeof user->sid_hash, "a session's hash is a SHA-256");
    sha256_begin(&sum);
    sha256_add(&sum, (struct str){user->sid, SESSION_ID_HEX});
    sha256_end(&sum, &text);
    memcpy(user->sid_hash, text.hex, sizeof text.hex);
}

void session_id_make(struct random *random, struct session_user *user)
{
    unsigned char bytes[SESSION_ID_HEX / 2];

    random_fill(random, bytes, sizeof bytes);
    hex_encode(bytes, sizeof bytes, user->sid);
    sid_hash(user);
}

/* A sid of another form is another service's, and none here. */
static void token_sid(const struct json *claims, struct session_user *user)
{
    struct str sid;

    if (!json_text(json_get(claims, "sid"), &sid) || sid.len != SESSION_ID_HEX) return;
    if (!hex_is_lower(sid)) return;
    memcpy(user->sid, sid.at, SESSION_ID_HEX);
    user->sid[SESSION_ID_HEX] = '\0';
    sid_hash(user);
}

/* Roles can be taken back where the session can be ended, so only who has a sid has them. */
static void token_roles(const struct json *claims, struct session_user *user)
{
    const struct json *list = json_get(claims, "roles");
    enum role role;
    struct str word;

    for (size_t i = 0; user->sid[0] && i < json_length(list); i++)
        if (json_text(json_at(list, i), &word) && role_parse(word, &role))
            role_add(&user->roles, role);
}

bool session_is_old(const struct session_user *user, int64_t now_s)
{
    return user->sid[0] && now_s >= user->expires_at_s - user->life_s / 2;
}

bool session_is_current(struct revocation_table *known, struct session_user *user, int64_t now_s)
{
    int64_t end_s = user->expires_at_s ? user->expires_at_s : user->issued_at_s + SESSION_MAX_AGE_S;
    int64_t until_s;

    if (!session_is_old(user, now_s)) return now_s < end_s; /* it could not be extended yet */
    until_s = revocation_table_extended(known, str_of(user->sid_hash)).ms / 1000;
    if (until_s <= end_s) return now_s < end_s;
    user->expires_at_s = until_s;
    return now_s < until_s;
}

/* --- claims --------------------------------------------------------------------------------- */

/* A NumericDate (RFC 7519 section 2) as whole seconds. Absent: *out stays. False when it is there
 * and is no time. */
static bool claim_time(const struct json *claims, const char *name, int64_t *out)
{
    const struct json *value = json_get(claims, name);
    double seconds;

    if (!value) return true;
    if (!json_double(value, &seconds) || !(seconds >= 0 && seconds <= TIME_S_MAX)) return false;
    *out = (int64_t)seconds;
    return true;
}

static bool claims_read(const struct json *claims, struct revocation_table *known, int64_t now_s,
                        struct session_user *user)
{
    const struct json *email = json_get(claims, "email");
    int64_t not_before_s = 0, issued_at_s = 0, expires_at_s = 0;

    memset(user, 0, sizeof *user);
    if (!json_text(json_get(claims, "id"), &user->id) || !user_id_valid(user->id)) return false;
    user->email = STR("");
    if (email && !json_text(email, &user->email)) return false;
    if (!claim_time(claims, "iat", &issued_at_s) || !claim_time(claims, "exp", &expires_at_s) ||
        !claim_time(claims, "nbf", &not_before_s))
        return false;
    user->issued_at_s = issued_at_s;
    user->expires_at_s = expires_at_s;
    user->life_s = expires_at_s - issued_at_s;
    if (json_get(claims, "exp") && expires_at_s == 0) return false;
    token_sid(claims, user);
    token_roles(claims, user);
    if (now_s < not_before_s - LEEWAY_S) return false;
    return session_is_current(known, user, now_s);
}

bool session_token_verify(const struct session_keys *keys, struct revocation_table *known,
                          struct arena *arena, struct str token, int64_t now_s,
                          struct session_user *user)
{
    struct str claims;

    return session_keys_verify(keys, arena, token, &claims) &&
           claims_read(json_parse_unique(arena, claims), known, now_s, user);
}

void json_put_roles(struct json_writer *writer, struct role_set roles)
{
    if (!roles.bits) return;
    json_key(writer, "roles");
    json_begin_array(writer);
    for (enum role role = 0; role < ROLE_COUNT; role++)
        if (role_in(roles, role)) json_put_text(writer, role_text(role));
    json_end_array(writer);
}

static void put_claims(struct buf *out, const struct session_user *user)
{
    struct json_writer writer = json_writer_to(out);

    json_begin_object(&writer);
    json_key(&writer, "id");
    json_put_text(&writer, user->id);
    json_key(&writer, "email");
    json_put_text(&writer, user->email);
    json_key(&writer, "iat");
    json_put_int(&writer, user->issued_at_s);
    if (user->expires_at_s > 0) {
        json_key(&writer, "exp");
        json_put_int(&writer, user->expires_at_s);
    }
    if (user->sid[0]) {
        json_key(&writer, "sid");
        json_put_text(&writer, str_of(user->sid));
    }
    json_put_roles(&writer, user->roles);
    json_end_object(&writer);
}

void session_token_make(const struct session_keys *keys, struct arena *arena,
                        const struct session_user *user, struct buf *token)
{
    struct buf claims;

    ASSERT(user_id_valid(user->id));
    buf_init(&claims, arena, SESSION_TOKEN_MAX);
    put_claims(&claims, user);
    session_keys_sign(keys, token, buf_str(&claims));
    token->failed = token->failed || claims.failed;
}
