/* Unit tests of http/session: which cookies are believed. */
#include "support.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#define KEY "0123456789abcdef0123456789abcdef"

struct fixture {
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
    return session_from_cookie(fixture->keys, fixture->arena, buf_str(&cookie), NOW_S,
                               &fixture->user);
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
    struct session_user user = {STR("user-1"), STR("\xc3\xa4@b.c"), NOW_S, NOW_S + 5};
    struct request rq;
    struct str cookie;
    char *end;

    request_init(&rq, fixture->arena);
    assert_int_equal(session_start(fixture->keys, &rq.reply, rq.arena, &user, true), OK);
    cookie = buf_str(&rq.reply.headers);
    assert_true(str_starts(cookie, STR("Set-Cookie: session=")));
    end = memchr(cookie.at, ';', cookie.len);
    assert_memory_equal(end, "; Path=/; HttpOnly; SameSite=Lax; Secure\r\n", 42);
    cookie = (struct str){cookie.at + 12, (size_t)(end - cookie.at) - 12};
    assert_true(session_from_cookie(fixture->keys, rq.arena, cookie, NOW_S, &fixture->user));
    assert_true(str_eq(fixture->user.id, user.id));
    assert_true(str_eq(fixture->user.email, user.email));
    assert_int_equal(fixture->user.issued_at_s, NOW_S);
    assert_int_equal(fixture->user.expires_at_s, NOW_S + 5);
    assert_false(session_from_cookie(fixture->keys, rq.arena, cookie, NOW_S + 5, &fixture->user));
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
    assert_false(claims_believed(fixture, "{\"id\":\"u\",\"iat\":1800000000,\"nbf\":1800000001}"));
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

static void clearing_clears_both_names(void **state)
{
    struct fixture *fixture = *state;
    struct request rq;

    request_init(&rq, fixture->arena);
    session_clear(&rq.reply, false);
    buf_char(&rq.reply.headers, 0);
    assert_has(rq.reply.headers.at, "Set-Cookie: session=; Path=/; Max-Age=0;");
    assert_has(rq.reply.headers.at, "Set-Cookie: express:sess=; Path=/; Max-Age=0;");
    assert_has_not(rq.reply.headers.at, "Secure");
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
        cmocka_unit_test(clearing_clears_both_names),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
