/* Unit tests of identity: which cookies are believed. */
#include "../http/support.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#define KEY "0123456789abcdef0123456789abcdef"

struct fixture {
    struct revocation_table *known; /* NULL: of no session anything but its token */
    struct session_keys *keys;
    struct arena *arena;
    struct session_user user;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    fixture->keys = test_keys();
    fixture->arena = arena_new(HTTP_ARENA_MAX);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    session_keys_free(fixture->keys);
    arena_free(fixture->arena);
    free(fixture);
    return 0;
}

/* header.payload.signature, signed with key, all of it the caller's choice. */
static struct str make_token(struct arena *arena, const char *header, const char *payload,
                             const char *key, const EVP_MD *digest)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    struct buf token;

    buf_init(&token, arena, 65536);
    base64_encode(&token, str_of(header), true);
    buf_char(&token, '.');
    base64_encode(&token, str_of(payload), true);
    HMAC(digest, key, (int)strlen(key), (const unsigned char *)token.at, token.len, mac, &size);
    buf_char(&token, '.');
    base64_encode(&token, (struct str){(const char *)mac, size}, true);
    return buf_str(&token);
}

static struct str wrap(struct arena *arena, struct str token, bool url)
{
    struct buf json, cookie;

    buf_init(&json, arena, 65536);
    buf_init(&cookie, arena, 65536);
    buf_append(&json, STR("{\"jwt\":\""));
    buf_append(&json, token);
    buf_append(&json, STR("\"}"));
    base64_encode(&cookie, buf_str(&json), url);
    return buf_str(&cookie);
}

/* A signed token with these claims, as the value of a cookie. */
static struct str value_with(struct fixture *fixture, const char *claims)
{
    struct str token = make_token(fixture->arena, "{\"alg\":\"HS256\",\"typ\":\"JWT\"}", claims,
                                  KEY, EVP_sha256());

    return wrap(fixture->arena, token, false);
}

static bool believed(struct fixture *fixture, const char *before, struct str value,
                     const char *after)
{
    struct buf cookie;

    buf_init(&cookie, fixture->arena, 65536);
    buf_append(&cookie, str_of(before));
    buf_append(&cookie, value);
    buf_append(&cookie, str_of(after));
    return session_from_cookie(fixture->keys, fixture->known, fixture->arena, buf_str(&cookie),
                               NOW_S, &fixture->user);
}

static bool claims_believed(struct fixture *fixture, const char *claims)
{
    return believed(fixture, "session=", value_with(fixture, claims), "");
}

static bool header_believed(struct fixture *fixture, const char *header, const EVP_MD *digest)
{
    struct str token =
        make_token(fixture->arena, header, "{\"id\":\"u\",\"iat\":1800000000}", KEY, digest);

    return believed(fixture, "session=", wrap(fixture->arena, token, false), "");
}

static const char good[] =
    "{\"id\":\"5f43a3b1c2d3e4f501234567\",\"email\":\"a@b.c\",\"iat\":1799999990,"
    "\"exp\":1800000010}";

static void a_session_that_was_started_is_believed(void **state)
{
    struct fixture *fixture = *state;
    struct session_user user = {.id = STR("user-1"),
                                .email = STR("\xc3\xa4@b.c"),
                                .issued_at_s = NOW_S,
                                .expires_at_s = NOW_S + 5};
    struct request rq;
    struct str cookie;
    char *end;

    request_init(&rq, fixture->arena);
    assert_int_equal(session_cookie_set(fixture->keys, &rq.reply.headers, rq.arena, &user, true),
                     OK);
    cookie = buf_str(&rq.reply.headers);
    assert_true(str_starts(cookie, STR("Set-Cookie: __Host-session=")));
    end = memchr(cookie.at, ';', cookie.len);
    assert_memory_equal(end, "; Path=/; HttpOnly; SameSite=Lax; Secure\r\n", 42);
    cookie = (struct str){cookie.at + 12, (size_t)(end - cookie.at) - 12};
    assert_true(session_from_cookie(fixture->keys, NULL, rq.arena, cookie, NOW_S, &fixture->user));
    assert_true(str_eq(fixture->user.id, user.id));
    assert_true(str_eq(fixture->user.email, user.email));
    assert_int_equal(fixture->user.issued_at_s, NOW_S);
    assert_int_equal(fixture->user.expires_at_s, NOW_S + 5);
    assert_false(
        session_from_cookie(fixture->keys, NULL, rq.arena, cookie, NOW_S + 5, &fixture->user));
    assert_int_equal(fixture->user.id.len, 0);
}

static void both_names_alphabets_and_paddings_are_read(void **state)
{
    struct fixture *fixture = *state;
    struct str token = make_token(fixture->arena, "{\"alg\":\"HS256\"}", good, KEY, EVP_sha256());
    struct str value = wrap(fixture->arena, token, false), bare = value;
    struct buf escaped;

    assert_true(believed(fixture, "session=", value, ""));
    assert_true(believed(fixture, "express:sess=", value, ""));
    assert_true(believed(fixture, "a=b; session=", value, "; c=d"));
    assert_true(believed(fixture, "session=\"", value, "\""));
    assert_true(believed(fixture, "session=", wrap(fixture->arena, token, true), ""));
    while (bare.len && bare.at[bare.len - 1] == '=')
        bare.len--;
    assert_true(believed(fixture, "session=", bare, ""));
    buf_init(&escaped, fixture->arena, 65536);
    for (size_t i = 0; i < value.len; i++) {
        if (value.at[i] == '=')
            buf_append(&escaped, STR("%3D"));
        else
            buf_char(&escaped, value.at[i]);
    }
    assert_true(believed(fixture, "session=", buf_str(&escaped), ""));
    assert_false(believed(fixture, "sessions=", value, ""));
    assert_false(believed(fixture, "xsession=", value, ""));
    assert_false(believed(fixture, "Session=", value, ""));
}

static void a_broken_duplicate_does_not_hide_a_good_one(void **state)
{
    struct fixture *fixture = *state;
    struct str value = value_with(fixture, good);

    assert_true(believed(fixture, "session=junk; session=", value, ""));
    assert_true(believed(fixture, "session=; express:sess=", value, ""));
    assert_true(believed(fixture, "express:sess=junk; session=", value, "; session=junk"));
}

static void a_forged_signature_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct str token = make_token(fixture->arena, "{\"alg\":\"HS256\"}", good,
                                  "another key of thirty-two bytes!", EVP_sha256());
    struct str right = make_token(fixture->arena, "{\"alg\":\"HS256\"}", good, KEY, EVP_sha256());

    assert_false(believed(fixture, "session=", wrap(fixture->arena, token, false), ""));
    for (size_t i = 0; i + 1 < right.len; i++) { /* but the last one, which holds spare bits */
        struct str wrong = arena_copy(fixture->arena, right);

        ((char *)wrong.at)[i] = wrong.at[i] == 'A' ? 'B' : 'A';
        assert_false(believed(fixture, "session=", wrap(fixture->arena, wrong, false), ""));
    }
    for (size_t len = 0; len < right.len; len++) {
        struct str cut = {right.at, len};

        assert_false(believed(fixture, "session=", wrap(fixture->arena, cut, false), ""));
    }
}

static void no_other_algorithm_is_taken(void **state)
{
    struct fixture *fixture = *state;
    struct str token = make_token(fixture->arena, "{\"alg\":\"none\"}", good, KEY, EVP_sha256());
    const char *end = memrchr(token.at, '.', token.len);

    assert_true(header_believed(fixture, "{\"alg\":\"HS256\"}", EVP_sha256()));
    assert_true(header_believed(fixture, "{\"typ\":\"JWT\",\"alg\":\"HS256\"}", EVP_sha256()));
    assert_false(header_believed(fixture, "{\"alg\":\"none\"}", EVP_sha256()));
    assert_false(header_believed(fixture, "{\"alg\":\"hs256\"}", EVP_sha256()));
    assert_false(header_believed(fixture, "{\"alg\":\"HS512\"}", EVP_sha512()));
    assert_false(header_believed(fixture, "{\"alg\":\"RS256\"}", EVP_sha256()));
    assert_false(header_believed(fixture, "{\"alg\":[\"HS256\"]}", EVP_sha256()));
    assert_false(header_believed(fixture, "{\"typ\":\"JWT\"}", EVP_sha256()));
    assert_false(header_believed(fixture, "\"HS256\"", EVP_sha256()));
    assert_false(header_believed(fixture, "", EVP_sha256()));
    assert_false(header_believed(fixture, "{\"alg\":\"HS256\",\"crit\":[\"b64\"]}", EVP_sha256()));
    /* "header.payload." */
    token.len = (size_t)(end - token.at) + 1;
    assert_false(believed(fixture, "session=", wrap(fixture->arena, token, false), ""));
}

static void times_are_kept(void **state)
{
    struct fixture *fixture = *state;

    assert_true(claims_believed(fixture, "{\"id\":\"u\",\"exp\":1800000001}"));
    assert_false(claims_believed(fixture, "{\"id\":\"u\",\"exp\":1800000000}"));
    assert_false(claims_believed(fixture, "{\"id\":\"u\",\"iat\":1800000000,\"exp\":1}"));
    assert_false(claims_believed(fixture, "{\"id\":\"u\",\"exp\":0,\"iat\":1800000000}"));
    assert_false(claims_believed(fixture, "{\"id\":\"u\",\"exp\":\"1900000000\"}"));
    assert_false(claims_believed(fixture, "{\"id\":\"u\",\"exp\":null,\"iat\":1800000000}"));
    assert_false(claims_believed(fixture, "{\"id\":\"u\",\"exp\":1e300}"));
    assert_false(claims_believed(fixture, "{\"id\":\"u\",\"exp\":-1,\"iat\":1800000000}"));
    assert_true(claims_believed(fixture, "{\"id\":\"u\",\"exp\":1800000001.5}"));
    /* without exp: 30 days */
    assert_true(claims_believed(fixture, "{\"id\":\"u\",\"iat\":1797408001}"));
    assert_int_equal(fixture->user.expires_at_s, 0);
    assert_false(claims_believed(fixture, "{\"id\":\"u\",\"iat\":1797408000}"));
    assert_false(claims_believed(fixture, "{\"id\":\"u\"}"));
    assert_false(claims_believed(fixture, "{\"id\":\"u\",\"iat\":\"now\"}"));
    /* nbf */
    assert_true(claims_believed(fixture, "{\"id\":\"u\",\"iat\":1800000000,\"nbf\":1800000000}"));
    assert_true(claims_believed(fixture, "{\"id\":\"u\",\"iat\":1800000000,\"nbf\":1800000030}"));
    assert_false(claims_believed(fixture, "{\"id\":\"u\",\"iat\":1800000000,\"nbf\":1800000031}"));
    assert_false(claims_believed(fixture, "{\"id\":\"u\",\"iat\":1800000000,\"nbf\":\"x\"}"));
}

static void the_id_is_1_to_64_printable_characters(void **state)
{
    struct fixture *fixture = *state;
    char claims[256];

    assert_true(claims_believed(fixture, "{\"id\":\"some one\",\"iat\":1800000000}"));
    assert_true(claims_believed(fixture, "{\"id\":\"\\u00e9\",\"iat\":1800000000}"));
    assert_true(str_eq(fixture->user.email, STR("")));
    assert_false(claims_believed(fixture, "{\"id\":\"\",\"iat\":1800000000}"));
    assert_false(claims_believed(fixture, "{\"id\":7,\"iat\":1800000000}"));
    assert_false(claims_believed(fixture, "{\"id\":null,\"iat\":1800000000}"));
    assert_false(claims_believed(fixture, "{\"iat\":1800000000}"));
    assert_false(claims_believed(fixture, "{\"id\":\"a\\nb\",\"iat\":1800000000}"));
    assert_false(claims_believed(fixture, "{\"id\":\"a\\u007f\",\"iat\":1800000000}"));
    assert_false(claims_believed(fixture, "{\"id\":\"a\\u0085\",\"iat\":1800000000}"));
    assert_false(claims_believed(fixture, "{\"id\":\"a\\u0000\",\"iat\":1800000000}"));
    assert_false(claims_believed(fixture, "{\"id\":\"u\",\"email\":5,\"iat\":1800000000}"));
    for (int len = 64; len <= 65; len++) {
        snprintf(claims, sizeof claims, "{\"id\":\"%0*d\",\"iat\":1800000000}", len, 7);
        assert_int_equal(claims_believed(fixture, claims), len == 64);
    }
}

static void nonsense_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct str huge = {arena_alloc(fixture->arena, 60000), 60000};
    static const char *const values[] = {
        "",     "=", "a",   "e30",          "bnVsbA==",         "\"",
        "\"\"", "%", "%00", "eyJqd3QiOjV9", "eyJqd3QiOiIifQ==", "eyJqd3QiOiIuLiJ9"};

    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        assert_false(believed(fixture, "session=", str_of(values[i]), ""));
    assert_false(believed(fixture, "", STR(""), ""));
    assert_false(believed(fixture, "", STR(";;;=;session;session="), ""));
    memset((char *)huge.at, 'A', huge.len);
    assert_false(believed(fixture, "session=", huge, ""));
}

static void a_short_key_is_refused(void **state)
{
    assert_null(session_keys_new(STR("0123456789abcdef0123456789abcde")));
}

/* --- session ids ---------------------------------------------------------------------------- */

static void a_session_id_comes_back_with_its_hash(void **state)
{
    struct fixture *fixture = *state;
    unsigned char hash[EVP_MAX_MD_SIZE];
    char hex[SESSION_ID_HASH_HEX + 1];

    assert_true(claims_believed(fixture, "{\"id\":\"u\",\"iat\":1799999000,"
                                         "\"exp\":1800001000,"
                                         "\"sid\":\"00112233445566778899aabbccddeeff\"}"));
    assert_string_equal(fixture->user.sid, "00112233445566778899aabbccddeeff");
    EVP_Digest(fixture->user.sid, SESSION_ID_HEX, hash, NULL, EVP_sha256(), NULL);
    for (size_t i = 0; i < SESSION_ID_HASH_HEX / 2; i++)
        snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    assert_string_equal(fixture->user.sid_hash, hex);
}

static void only_a_session_that_can_be_ended_has_roles(void **state)
{
    struct fixture *fixture = *state;

    assert_true(
        claims_believed(fixture, "{\"id\":\"u\",\"iat\":1800000000,\"roles\":[\"admin\"]}"));
    assert_int_equal(fixture->user.roles.bits, 0);
    assert_true(claims_believed(fixture, "{\"id\":\"u\",\"iat\":1800000000,"
                                         "\"roles\":[\"boss\",7,\"catalogue\"],"
                                         "\"sid\":\"00112233445566778899aabbccddeeff\"}"));
    assert_true(role_in(fixture->user.roles, ROLE_CATALOGUE));
    assert_false(role_in(fixture->user.roles, ROLE_ADMIN));
    assert_true(claims_believed(fixture, "{\"id\":\"u\",\"iat\":1800000000,\"roles\":\"admin\","
                                         "\"sid\":\"00112233445566778899aabbccddeeff\"}"));
    assert_int_equal(fixture->user.roles.bits, 0);
}

static void the_sid_of_another_service_is_none_here(void **state)
{
    static const char *const sids[] = {"5",
                                       "\"\"",
                                       "null",
                                       "\"00112233445566778899AABBCCDDEEFF\"",
                                       "\"00112233445566778899aabbccddeeff0\"",
                                       "[]"};
    struct fixture *fixture = *state;
    char claims[256];

    for (size_t i = 0; i < sizeof sids / sizeof *sids; i++) {
        snprintf(claims, sizeof claims, "{\"id\":\"u\",\"iat\":1799999000,\"sid\":%s}", sids[i]);
        assert_true(claims_believed(fixture, claims));
        assert_string_equal(fixture->user.sid, "");
        assert_false(session_is_old(&fixture->user, NOW_S + 100000));
    }
}

static void a_session_is_old_from_half_of_its_life_on(void **state)
{
    const struct session_user user = {
        .id = STR("u"), .issued_at_s = 1000, .expires_at_s = 1900, .life_s = 900, .sid = "00"};
    struct session_user extended = user;

    assert_false(session_is_old(&user, 1449));
    assert_true(session_is_old(&user, 1450));
    extended.expires_at_s = 2400; /* once more when half a life is left */
    assert_false(session_is_old(&extended, 1949));
    assert_true(session_is_old(&extended, 1950));
}

static void an_extended_session_goes_on_after_its_token_and_no_other_does(void **state)
{
    static const char claims[] = "{\"id\":\"u\",\"iat\":1799999000,\"exp\":1799999900,"
                                 "\"sid\":\"00112233445566778899aabbccddeeff\"}",
                      other[] = "{\"id\":\"u\",\"iat\":1799999000,\"exp\":1799999900,"
                                "\"sid\":\"00112233445566778899aabbccddeef0\"}",
                      without[] = "{\"id\":\"u\",\"iat\":1799999000,\"exp\":1799999900}";
    struct fixture *fixture = *state;
    struct revocation_table *known = revocation_table_new();
    struct session_user user;

    /* while it is good it says whose session it is */
    assert_true(claims_believed(fixture, "{\"id\":\"u\",\"iat\":1800000000,\"exp\":1800000900,"
                                         "\"sid\":\"00112233445566778899aabbccddeeff\"}"));
    user = fixture->user;
    assert_false(claims_believed(fixture, claims));
    assert_true(revocation_table_put(known, SESSION_EXTENDED, str_of(user.sid_hash),
                                     (struct wall_ms){(NOW_S + 1) * 1000},
                                     (struct wall_ms){NOW_S * 1000}));
    fixture->known = known;
    assert_true(claims_believed(fixture, claims));
    assert_int_equal(fixture->user.expires_at_s, NOW_S + 1);
    assert_true(session_is_current(known, &fixture->user, NOW_S));
    assert_false(session_is_current(known, &fixture->user, NOW_S + 1));
    assert_false(claims_believed(fixture, other));
    assert_false(claims_believed(fixture, without));
    assert_true(revocation_table_put(known, SESSION_EXTENDED, str_of(user.sid_hash),
                                     (struct wall_ms){(NOW_S + 9) * 1000},
                                     (struct wall_ms){NOW_S * 1000}));
    assert_true(revocation_table_put(known, REVOKED_SESSION, str_of(user.sid_hash),
                                     (struct wall_ms){(NOW_S + 9) * 1000},
                                     (struct wall_ms){NOW_S * 1000}));
    assert_true(session_is_revoked(known, 0, &user,
                                   (struct wall_ms){NOW_S * 1000})); /* the end counts for more */
    fixture->known = NULL;
    revocation_table_free(known);
}

static void claims_that_stand_twice_are_refused(void **state)
{
    static const char *const claims[] = {
        "{\"id\":\"a\",\"id\":\"b\",\"iat\":1800000000}",
        "{\"id\":\"a\",\"iat\":1800000000,\"exp\":1800000100,\"exp\":1900000000}",
        "{\"id\":\"a\",\"iat\":1800000000,\"x\":{\"y\":1,\"y\":1}}",
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++)
        assert_false(claims_believed(fixture, claims[i]));
    assert_false(header_believed(fixture, "{\"alg\":\"none\",\"alg\":\"HS256\"}", EVP_sha256()));
}

/* --- two keys -------------------------------------------------------------------------------- */

#define OLD_KEY "fedcba9876543210fedcba9876543210"

static bool signed_with(struct fixture *fixture, const char *header, const char *key)
{
    struct str token =
        make_token(fixture->arena, header, "{\"id\":\"u\",\"iat\":1800000000}", key, EVP_sha256());

    return believed(fixture, "session=", wrap(fixture->arena, token, false), "");
}

static void two_keys_verify_and_the_first_signs(void **state)
{
    static const char plain[] = "{\"alg\":\"HS256\"}";
    struct fixture *fixture = *state;
    struct session_kid first = session_keys_kid(fixture->keys), second;
    uint64_t generation = session_keys_generation(fixture->keys);
    char header[128];

    assert_false(signed_with(fixture, plain, OLD_KEY));
    assert_true(session_keys_set(fixture->keys, STR(OLD_KEY "," KEY)));
    assert_true(session_keys_generation(fixture->keys) > generation);
    second = session_keys_kid(fixture->keys);
    assert_string_not_equal(first.text, second.text);
    assert_true(signed_with(fixture, plain, OLD_KEY));
    assert_true(signed_with(fixture, plain, KEY));
    assert_true(signed_with(fixture, "{\"alg\":\"HS256\",\"kid\":\"another\"}", KEY));
    snprintf(header, sizeof header, "{\"alg\":\"HS256\",\"kid\":\"%s\"}", first.text);
    assert_true(signed_with(fixture, header, KEY));
    assert_false(signed_with(fixture, header, OLD_KEY)); /* what it names is what counts */
    assert_false(session_keys_set(fixture->keys, STR("short")));
    assert_true(signed_with(fixture, plain, KEY));
    assert_true(session_keys_set(fixture->keys, STR(KEY)));
    assert_false(signed_with(fixture, plain, OLD_KEY));
}

static void a_comma_parts_two_keys_of_full_length_only(void **state)
{
    struct str keys[SESSION_KEYS_MAX];

    assert_int_equal(session_keys_split(STR(KEY), keys), 1);
    assert_int_equal(session_keys_split(STR(KEY "," OLD_KEY), keys), 2);
    assert_true(str_eq(keys[0], STR(KEY)) && str_eq(keys[1], STR(OLD_KEY)));
    assert_int_equal(session_keys_split(STR("a phrase, which is a key and has a comma"), keys), 1);
    assert_int_equal(session_keys_split(STR(KEY "," KEY "," KEY), keys), 1);
    assert_int_equal(session_keys_split(STR("a key too short," KEY), keys), 0);
    assert_int_equal(session_keys_split(STR(KEY ","), keys), 0);
    assert_null(session_keys_new(STR("a key too short," KEY)));
}

/* --- the refused ----------------------------------------------------------------------------- */

static struct session_user user_of(const char *id, const char *sid_hash)
{
    struct session_user user = {.id = str_of(id)};

    snprintf(user.sid_hash, sizeof user.sid_hash, "%s", sid_hash);
    return user;
}

#define ONE REVOKED_BY(0)
#define TWO REVOKED_BY(31)

static struct wall_ms at(int64_t time_ms)
{
    return (struct wall_ms){time_ms};
}

static void who_is_revoked_is_refused_until_then(void **state)
{
    struct revocation_table *revoked = revocation_table_new();
    struct session_user user = user_of("u", "abc"), other = user_of("abc", "u");

    char long_id[4 * 64 + 1] = "";
    struct session_user foreigner;

    for (int i = 0; i < 64; i++)
        strcat(long_id, "🎭");
    foreigner = (struct session_user){.id = str_of(long_id)};
    assert_true(revocation_table_ban(revoked, ONE, foreigner.id, true, at(1000)));
    assert_true(session_is_revoked(revoked, ONE, &foreigner, at(1000)));
    foreigner.id.len -= 4;
    assert_false(session_is_revoked(revoked, ONE, &foreigner, at(1000)));
    assert_false(session_is_revoked(revoked, ONE, &user, at(1000)));
    assert_true(revocation_table_put(revoked, REVOKED_SESSION, STR("abc"), at(2000), at(1000)));
    assert_true(session_is_revoked(revoked, 0, &user, at(1999)));
    assert_false(session_is_revoked(revoked, 0, &user, at(2000)));
    /* a user's id is no session's */
    assert_false(session_is_revoked(revoked, ONE, &other, at(1000)));
    assert_true(revocation_table_ban(revoked, ONE, STR("u"), true, at(1000)));
    assert_true(session_is_revoked(revoked, ONE, &user, at(5000)));
    assert_true(revocation_table_ban(revoked, ONE, STR("u"), false, at(5000)));
    assert_false(session_is_revoked(revoked, ONE, &user, at(5000)));
    revocation_table_free(revoked);
}

static void a_ban_is_of_the_services_that_know_it(void **state)
{
    struct revocation_table *revoked = revocation_table_new(), *fresh = revocation_table_new();
    struct session_user user = user_of("u", "abc"), other = user_of("v", "def");

    (void)state;
    assert_true(revocation_table_ban(revoked, ONE, user.id, true, at(1000)));
    assert_true(revocation_table_ban(revoked, TWO, user.id, true, at(1000)));
    assert_true(revocation_table_ban(revoked, ONE, user.id, false, at(1000)));
    assert_false(session_is_revoked(revoked, ONE, &user, at(1000)));
    assert_true(session_is_revoked(revoked, TWO, &user, at(1000)));
    assert_true(session_is_revoked(revoked, REVOKED_BY_ANY, &user, at(1000)));
    /* a service's own anew: the others' stay, and so do sessions */
    assert_true(revocation_table_put(revoked, REVOKED_SESSION, STR("xyz"), at(9000), at(1000)));
    assert_true(revocation_table_ban(revoked, ONE, STR("w"), true, at(1000)));
    assert_true(revocation_table_ban(fresh, ONE, other.id, true, at(1000)));
    assert_true(revocation_table_ban_only(revoked, ONE, fresh, at(1000)));
    assert_true(session_is_revoked(revoked, ONE, &other, at(1000)));
    assert_false(session_is_revoked(revoked, TWO, &other, at(1000)));
    assert_true(session_is_revoked(revoked, TWO, &user, at(1000)));
    user = user_of("w", "xyz");
    assert_true(session_is_revoked(revoked, 0, &user, at(1000)));
    user = user_of("w", "abc");
    assert_false(session_is_revoked(revoked, REVOKED_BY_ANY, &user, at(1000)));
    revocation_table_free(fresh);
    revocation_table_free(revoked);
}

static void thousands_of_revoked_are_all_found_and_the_old_ones_go(void **state)
{
    struct revocation_table *revoked = revocation_table_new();
    struct session_user user;
    char key[16];

    for (int i = 0; i < 20000; i++) {
        snprintf(key, sizeof key, "%d", i);
        assert_true(
            revocation_table_put(revoked, REVOKED_SESSION, str_of(key), at(100 + i), at(i)));
    }
    for (int i = 0; i < 20000; i++) {
        snprintf(key, sizeof key, "%d", i);
        user = user_of("u", key);
        assert_int_equal(session_is_revoked(revoked, 0, &user, at(19999)), i > 19899);
    }
    revocation_table_free(revoked);
}

static void clearing_clears_every_name(void **state)
{
    struct fixture *fixture = *state;
    struct request rq;

    request_init(&rq, fixture->arena);
    session_cookie_clear(&rq.reply.headers, false);
    buf_char(&rq.reply.headers, 0);
    assert_has(rq.reply.headers.at, "Set-Cookie: session=; Path=/; Max-Age=0;");
    assert_has(rq.reply.headers.at, "Set-Cookie: express:sess=; Path=/; Max-Age=0;");
    assert_has_not(rq.reply.headers.at, "Secure");
    assert_has_not(rq.reply.headers.at, "__Host-"); /* without Secure no browser would take it */
    rq.reply.headers.len = 0;
    session_cookie_clear(&rq.reply.headers, true);
    buf_char(&rq.reply.headers, 0);
    assert_has(rq.reply.headers.at, "Set-Cookie: __Host-session=; Path=/; Max-Age=0;");
    assert_has(rq.reply.headers.at, "Set-Cookie: session=; Path=/; Max-Age=0;");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_that_was_started_is_believed),
        cmocka_unit_test(both_names_alphabets_and_paddings_are_read),
        cmocka_unit_test(a_broken_duplicate_does_not_hide_a_good_one),
        cmocka_unit_test(a_forged_signature_is_refused),
        cmocka_unit_test(no_other_algorithm_is_taken),
        cmocka_unit_test(times_are_kept),
        cmocka_unit_test(the_id_is_1_to_64_printable_characters),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(a_short_key_is_refused),
        cmocka_unit_test(a_session_id_comes_back_with_its_hash),
        cmocka_unit_test(only_a_session_that_can_be_ended_has_roles),
        cmocka_unit_test(the_sid_of_another_service_is_none_here),
        cmocka_unit_test(a_session_is_old_from_half_of_its_life_on),
        cmocka_unit_test(an_extended_session_goes_on_after_its_token_and_no_other_does),
        cmocka_unit_test(claims_that_stand_twice_are_refused),
        cmocka_unit_test(two_keys_verify_and_the_first_signs),
        cmocka_unit_test(a_comma_parts_two_keys_of_full_length_only),
        cmocka_unit_test(who_is_revoked_is_refused_until_then),
        cmocka_unit_test(a_ban_is_of_the_services_that_know_it),
        cmocka_unit_test(thousands_of_revoked_are_all_found_and_the_old_ones_go),
        cmocka_unit_test(clearing_clears_every_name),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
