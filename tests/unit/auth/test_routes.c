/* tests/unit/auth/test_routes.c: the handlers, run through their chains over a real database the
 * way the runtime would, without a server around them. */
#include "runtime/revocations.h"
#include "services/auth/auth.h"
#include "services/auth/store.h"
#include "services/services.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW_MS        INT64_C(1790000000123)
#define EXECUTORS_MAX 8
#define A_PASSWORD    "trombone harvest 42"
#define A_USER        "{\"email\":\"Ann@Example.com\",\"password\":\"" A_PASSWORD "\"}"

/* One service, one request at a time. */
struct fixture {
    char folder[64];
    struct db *db;
    struct settings settings;
    struct session_keys *keys;
    struct instance instance; /* what of the runtime the handlers meet */
    struct writer *writer;
    struct arena *arena;
    struct request rq;
    enum executor executors[EXECUTORS_MAX]; /* where the last request's handlers ran */
    size_t executor_count;
    int64_t published;
};

static int64_t test_now_ms = NOW_MS;

static struct wall_ms wall(const struct clock *clock)
{
    (void)clock;
    return (struct wall_ms){test_now_ms};
}

static struct mono_ms mono(const struct clock *clock)
{
    (void)clock;
    return (struct mono_ms){test_now_ms - NOW_MS + 1};
}

static const struct clock stopped = {wall, mono};

static struct db *open_database(const char *folder)
{
    struct db *db = NULL;
    struct buf path, why;

    buf_init(&path, NULL, 256);
    buf_init(&why, NULL, 4096);
    buf_printf(&path, "%s/auth.db%c", folder, 0);
    assert_int_equal(db_open(path.at, DB_WRITER, &db, &why), OK);
    assert_int_equal(db_migrate(db, bus_schema, (struct wall_ms){NOW_MS}, &why), OK);
    assert_int_equal(db_migrate(db, runtime_schema, (struct wall_ms){NOW_MS}, &why), OK);
    assert_int_equal(db_migrate(db, auth_service.schema, (struct wall_ms){NOW_MS}, &why), OK);
    buf_free(&path);
    buf_free(&why);
    return db;
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct buf why;

    test_now_ms = NOW_MS;
    if (!fixture) return -1;
    snprintf(fixture->folder, sizeof fixture->folder, "/tmp/auth-routes-XXXXXX");
    if (!mkdtemp(fixture->folder)) return -1;
    fixture->db = open_database(fixture->folder);
    fixture->settings.password_blocklist = true;
    fixture->keys = session_keys_new(STR("0123456789abcdef0123456789abcdef"));
    fixture->arena = arena_new(1 << 20);
    fixture->settings.session_ms = 900 * 1000;
    fixture->settings.session_max_ms = 3600 * 1000;
    fixture->instance = (struct instance){
        .def = &auth_service, .revocations = revocation_table_new(), .revoked_by = REVOKED_BY(0)};
    fixture->instance.env = (struct env){.instance = &fixture->instance,
                                         .name = "auth",
                                         .settings = &fixture->settings,
                                         .keys = fixture->keys,
                                         .clock = &stopped,
                                         .random = &random_system,
                                         .ids = &fixture->instance.ids};
    object_id_source_init(&fixture->instance.ids, &random_system);
    fixture->writer = writer_new(&fixture->instance);
    fixture->writer->db = fixture->db;
    buf_init(&why, NULL, 4096);
    assert_int_equal(auth_service.start(&fixture->writer->env, &why), OK);
    buf_free(&why);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    struct dirent *entry;
    DIR *folder;

    auth_service.stop(&fixture->writer->env);
    db_close(fixture->db);
    revocation_table_free(fixture->instance.revocations);
    writer_free(fixture->writer);
    folder = opendir(fixture->folder);
    while (folder && (entry = readdir(folder)))
        unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder) closedir(folder);
    rmdir(fixture->folder);
    session_keys_free(fixture->keys);
    arena_free(fixture->arena);
    free(fixture);
    return 0;
}

static const struct route *route_of(const char *path)
{
    for (size_t i = 0; i < auth_service.route_count; i++) {
        if (strcmp(auth_service.routes[i].path, path) == 0) return &auth_service.routes[i];
    }
    fail_msg("no route %s", path);
    return NULL;
}

static enum err run_in_writer(struct fixture *fixture, handler_fn *handler)
{
    struct tx *tx;
    enum err err;

    assert_int_equal(tx_begin(fixture->db, &tx), OK);
    tx_item_begin(tx, (struct wall_ms){test_now_ms});
    err = handler(&fixture->rq, tx, &fixture->rq.reply);
    assert_int_equal(tx_item_end(tx, err == OK), OK);
    fixture->published = tx->published;
    assert_int_equal(tx_commit(tx), OK);
    revocations_committed(fixture->writer, (struct wall_ms){test_now_ms});
    return err;
}

/* Runs one request through all its handlers; how the last one ended. */
static enum err run(struct fixture *fixture, const char *path, const char *body)
{
    const struct route *route = route_of(path);
    handler_fn *handler = route->run;
    enum executor executor = route->executor;
    struct request *rq = &fixture->rq;
    struct session_user user = rq->user;
    enum err err;

    arena_reset(fixture->arena);
    request_init(rq, fixture->arena);
    assert_true(request_begin(rq, &fixture->writer->env));
    rq->user = user;
    rq->body = json_parsed(fixture->arena, str_of(body));
    assert_non_null(rq->body);
    fixture->executor_count = 0;
    for (;;) {
        assert_true(fixture->executor_count < EXECUTORS_MAX);
        fixture->executors[fixture->executor_count++] = executor;
        rq->run->next = NULL;
        if (executor == IN_WRITER) {
            err = run_in_writer(fixture, handler);
        } else {
            struct tx *tx =
                executor == IN_READER ? tx_read(fixture->db, (struct wall_ms){test_now_ms}) : NULL;

            err = handler(rq, tx, &rq->reply);
        }
        if (err != OK || !rq->run->next) return err;
        handler = rq->run->next;
        executor = rq->run->next_executor;
    }
}

static enum err signup(struct fixture *fixture, const char *body)
{
    return run(fixture, "/api/users/signup", body);
}

static enum err signin(struct fixture *fixture, const char *body)
{
    return run(fixture, "/api/users/signin", body);
}

static void check_error(const struct fixture *fixture, size_t i, const char *field,
                        const char *message)
{
    assert_true(i < fixture->rq.error_count);
    assert_string_equal(fixture->rq.errors[i].field, field);
    assert_string_equal(fixture->rq.errors[i].message, message);
}

static bool reply_has(const struct fixture *fixture, const char *text)
{
    struct str body = buf_str(&fixture->rq.reply.body);

    return memmem(body.at, body.len, text, strlen(text)) != NULL;
}

static bool reply_sets_cookie(const struct fixture *fixture)
{
    struct str headers = buf_str(&fixture->rq.reply.headers);

    return memmem(headers.at, headers.len, "session=", 8) != NULL;
}

static void check_executors(const struct fixture *fixture, const enum executor *executors,
                            size_t count)
{
    assert_int_equal(fixture->executor_count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(fixture->executors[i], executors[i]);
}

static void signing_up_makes_a_user_an_event_and_a_session(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(signup(fixture, A_USER), OK);
    check_executors(fixture, (const enum executor[]){IN_LOOP, IN_POOL, IN_WRITER}, 3);
    assert_int_equal(fixture->rq.reply.status, 201);
    assert_true(reply_has(fixture, "{\"email\":\"Ann@Example.com\",\"id\":\""));
    assert_true(reply_sets_cookie(fixture));
    assert_int_equal(fixture->published, 1);
}

static void an_email_in_use_is_refused_in_any_case(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(signup(fixture, A_USER), OK);
    assert_int_equal(
        signup(fixture, "{\"email\":\"aNN@example.COM\",\"password\":\"" A_PASSWORD "\"}"),
        ERR_EMAIL_IN_USE);
    assert_int_equal(fixture->rq.error_count, 0); /* of no field */
    assert_false(reply_sets_cookie(fixture));
}

static void every_bad_field_of_a_sign_up_is_told_email_first(void **state)
{
    static const char *const bodies[] = {
        "{}",
        "[]",
        "{\"password\":\"short\",\"email\":\"nobody\"}",
        "{\"email\":7,\"password\":12345678}",
        "{\"email\":[\"a@b.co\"],\"password\":{\"length\":9}}",
        "{\"email\":null,\"password\":null}",
        "{\"email\":\"a@b.co@c.co\",\"password\":\"   1234567   \"}",
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        assert_int_equal(signup(fixture, bodies[i]), ERR_INVALID);
        assert_int_equal(fixture->executor_count, 1);
        assert_int_equal(fixture->rq.error_count, 2);
        check_error(fixture, 0, "email", "Email must be valid");
        check_error(fixture, 1, "password", "Password must be between 8 and 128 characters");
    }
}

static void a_common_password_is_refused_unless_told_otherwise(void **state)
{
    static const char body[] = "{\"email\":\"a@b.co\",\"password\":\" PassWord1 \"}";
    struct fixture *fixture = *state;

    assert_int_equal(signup(fixture, body), ERR_INVALID);
    assert_int_equal(fixture->rq.error_count, 1);
    check_error(fixture, 0, "password", "Password is too common");
    fixture->settings.password_blocklist = false;
    assert_int_equal(signup(fixture, body), OK);
}

static void signing_in_takes_email_in_any_case_and_spaces_around_the_password(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(signup(fixture, A_USER), OK);
    assert_int_equal(
        signin(fixture, "{\"email\":\"ann@EXAMPLE.com\",\"password\":\" " A_PASSWORD "  \"}"), OK);
    check_executors(fixture, (const enum executor[]){IN_LOOP, IN_READER, IN_POOL, IN_WRITER}, 4);
    assert_int_equal(fixture->rq.reply.status, 200);
    assert_true(reply_has(fixture, "{\"email\":\"Ann@Example.com\",\"id\":\""));
    assert_true(reply_sets_cookie(fixture));
}

static void every_bad_field_of_a_sign_in_is_told(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(signin(fixture, "{\"email\":\"x\",\"password\":\"  \"}"), ERR_INVALID);
    assert_int_equal(fixture->rq.error_count, 2);
    check_error(fixture, 0, "email", "Email must be valid");
    check_error(fixture, 1, "password", "You must supply a password");
    assert_int_equal(signin(fixture, "{\"email\":\"a@b.co\",\"password\":5}"), ERR_INVALID);
    assert_int_equal(fixture->rq.error_count, 1);
    check_error(fixture, 0, "password", "You must supply a password");
}

static void check_refused(struct fixture *fixture, const char *body)
{
    assert_int_equal(signin(fixture, body), OK); /* what the audit log says of it is kept */
    assert_int_equal(fixture->rq.reply.status, 400);
    assert_true(reply_has(fixture, "Invalid credentials"));
    assert_false(reply_sets_cookie(fixture));
}

static void wrong_unknown_and_banned_walk_the_same_way(void **state)
{
    static const enum executor way[] = {IN_LOOP, IN_READER, IN_POOL, IN_WRITER};
    struct fixture *fixture = *state;
    struct tx *tx;

    assert_int_equal(signup(fixture, A_USER), OK);
    check_refused(fixture, "{\"email\":\"ann@example.com\",\"password\":\"wrong\"}");
    check_executors(fixture, way, 4);
    check_refused(fixture, "{\"email\":\"bob@example.com\",\"password\":\"wrong\"}");
    check_executors(fixture, way, 4);
    assert_int_equal(tx_begin(fixture->db, &tx), OK);
    tx_item_begin(tx, (struct wall_ms){NOW_MS});
    assert_int_equal(tx_exec(tx, NULL, "UPDATE users SET status = $1", sql_text(STR("banned"))),
                     OK);
    assert_int_equal(tx_item_end(tx, true), OK);
    assert_int_equal(tx_commit(tx), OK);
    check_refused(fixture, A_USER);
    check_executors(fixture, way, 4);
    assert_false(reply_sets_cookie(fixture));
}

static void signing_out_answers_an_empty_object(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(run(fixture, "/api/users/signout", "{}"), OK);
    assert_int_equal(fixture->rq.reply.status, 200);
    assert_true(str_eq(buf_str(&fixture->rq.reply.body), STR("{}")));
    assert_true(reply_sets_cookie(fixture)); /* to clear it */
}

static void the_current_user_is_the_sessions(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(run(fixture, "/api/users/currentuser", "{}"), OK);
    assert_true(str_eq(buf_str(&fixture->rq.reply.body), STR("{\"currentUser\":null}")));
    fixture->rq.user =
        (struct session_user){.id = STR("abc"), .email = STR("a@b.co"), .issued_at_s = 1790000000};
    assert_int_equal(run(fixture, "/api/users/currentuser", "{}"), OK);
    assert_true(str_eq(buf_str(&fixture->rq.reply.body),
                       STR("{\"currentUser\":{\"id\":\"abc\",\"email\":\"a@b.co\","
                           "\"iat\":1790000000}}")));
    fixture->rq.user.expires_at_s = 1790000001;
    assert_int_equal(run(fixture, "/api/users/currentuser", "{}"), OK);
    assert_true(reply_has(fixture, "\"iat\":1790000000,\"exp\":1790000001}}"));
}

/* Takes the session of the last answer's cookie, as the next request would bring it. */
static bool take_session(struct fixture *fixture, struct session_user *out)
{
    static struct arena *kept;
    struct str headers = buf_str(&fixture->rq.reply.headers);
    const char *start = memmem(headers.at, headers.len, "session=", 8);
    struct str cookie;

    if (!start) return false;
    if (!kept) kept = arena_new(1 << 20);
    cookie.at = start;
    cookie.len = (size_t)((const char *)memchr(start, ';', headers.len) - start);
    return session_from_cookie(fixture->keys, fixture->instance.revocations, kept,
                               arena_copy(kept, cookie), test_now_ms / 1000, out);
}

static void a_session_is_renewed_from_its_record_up_to_its_end(void **state)
{
    struct fixture *fixture = *state;
    struct session_user user;

    assert_int_equal(signup(fixture, A_USER), OK);
    assert_true(take_session(fixture, &user));
    assert_int_equal(user.expires_at_s - user.issued_at_s, 900);
    fixture->rq.user = user;
    assert_int_equal(run(fixture, "/api/users/currentuser", "{}"), OK);
    assert_int_equal(fixture->executor_count, 1); /* no record is read */
    assert_false(reply_sets_cookie(fixture));
    for (int renewals = 0; renewals < 6; renewals++) {
        test_now_ms += 450 * 1000;
        fixture->rq.user = user;
        assert_int_equal(run(fixture, "/api/users/currentuser", "{}"), OK);
        check_executors(fixture, (const enum executor[]){IN_LOOP, IN_WRITER}, 2);
        assert_true(take_session(fixture, &user));
        assert_int_equal(user.issued_at_s, test_now_ms / 1000);
    }
    assert_int_equal(user.expires_at_s, NOW_MS / 1000 + 3600); /* the end of the session */
    test_now_ms += 450 * 1000;
    fixture->rq.user = user;
    assert_int_equal(run(fixture, "/api/users/currentuser", "{}"), OK);
    assert_true(reply_has(fixture, "Ann@Example.com"));
    assert_false(reply_sets_cookie(fixture)); /* there is no more time to give */
}

static void a_session_that_ended_is_nobodys(void **state)
{
    struct fixture *fixture = *state;
    struct session_user user, other;

    assert_int_equal(signup(fixture, A_USER), OK);
    assert_true(take_session(fixture, &user));
    assert_int_equal(signin(fixture, A_USER), OK);
    assert_true(take_session(fixture, &other));
    fixture->rq.user = user;
    assert_int_equal(run(fixture, "/api/users/signout", "{}"), OK);
    assert_true(
        session_is_revoked(fixture->instance.revocations, 0, &user, (struct wall_ms){test_now_ms}));
    assert_false(session_is_revoked(fixture->instance.revocations, 0, &other,
                                    (struct wall_ms){test_now_ms}));
    test_now_ms += 450 * 1000;
    fixture->rq.user = user;
    assert_int_equal(run(fixture, "/api/users/currentuser", "{}"), OK);
    assert_true(reply_has(fixture, "{\"currentUser\":null}"));
    assert_false(take_session(fixture, &user));
    fixture->rq.user = other;
    assert_int_equal(run(fixture, "/api/users/signout-everywhere", "{}"), OK);
    fixture->rq.user = other;
    assert_int_equal(run(fixture, "/api/users/currentuser", "{}"), OK);
    assert_true(reply_has(fixture, "{\"currentUser\":null}"));
}

/* From when passwords were hashed as they were typed: a letter and its accent by themselves. */
static void a_hash_of_before_is_taken_as_it_was_typed_and_made_anew(void **state)
{
    static const char typed[] =
        "{\"email\":\"ann@example.com\",\"password\":\"cafe\xCC\x81-au-lait\"}",
                      composed[] =
                          "{\"email\":\"ann@example.com\",\"password\":\"caf\xC3\xA9-au-lait\"}";
    struct fixture *fixture = *state;
    struct password_hash before;
    struct tx *tx;

    assert_int_equal(signup(fixture, typed), OK);
    assert_int_equal(password_hash(STR("cafe\xCC\x81-au-lait"), &before), OK);
    assert_int_equal(tx_begin(fixture->db, &tx), OK);
    tx_item_begin(tx, (struct wall_ms){test_now_ms});
    assert_int_equal(
        tx_exec(tx, NULL, "UPDATE users SET password_hash = $1", sql_text(str_of(before.text))),
        OK);
    assert_int_equal(tx_item_end(tx, true), OK);
    assert_int_equal(tx_commit(tx), OK);
    assert_int_equal(signin(fixture, composed), OK);
    assert_int_equal(fixture->rq.reply.status, 400);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(signin(fixture, i == 1 ? composed : typed), OK);
        assert_int_equal(fixture->rq.reply.status, 200);
    }
}

static int64_t audit_count(struct fixture *fixture, const char *action)
{
    struct tx *tx = tx_read(fixture->db, (struct wall_ms){test_now_ms});
    struct rows rows;
    int64_t count;

    tx_query(tx, &rows, "SELECT COUNT(*) FROM audit WHERE action = $1", sql_text(str_of(action)));
    assert_true(rows_next(&rows));
    count = rows_int(&rows, 0);
    assert_int_equal(rows_end(&rows), OK);
    return count;
}

static void failures_cannot_fill_the_audit_log(void **state)
{
    struct fixture *fixture = *state;
    struct request *rq = &fixture->rq;
    struct tx *tx;

    request_init(rq, fixture->arena);
    assert_true(request_begin(rq, &fixture->writer->env));
    test_now_ms = NOW_MS / 60000 * 60000;
    assert_int_equal(tx_begin(fixture->db, &tx), OK);
    tx_item_begin(tx, (struct wall_ms){test_now_ms});
    for (int i = 0; i < 1000; i++)
        assert_int_equal(audit_entry_put(rq, tx, AUDIT_REFUSED, STR("")), OK);
    assert_int_equal(tx_item_end(tx, true), OK);
    tx_item_begin(tx, (struct wall_ms){test_now_ms + 60000});
    assert_int_equal(audit_entry_put(rq, tx, AUDIT_REFUSED, STR("")), OK);
    assert_int_equal(tx_item_end(tx, true), OK);
    assert_int_equal(tx_commit(tx), OK);
    assert_int_equal(audit_count(fixture, "session.refused"), 61);
    assert_int_equal(audit_count(fixture, "session.refused.more"), 1);
}

static void the_audit_log_is_append_only(void **state)
{
    struct fixture *fixture = *state;
    struct tx *tx;

    assert_int_equal(signup(fixture, A_USER), OK);
    assert_int_equal(audit_count(fixture, "user.signed_up"), 1);
    assert_int_equal(tx_begin(fixture->db, &tx), OK);
    tx_item_begin(tx, (struct wall_ms){test_now_ms});
    assert_int_equal(tx_exec(tx, NULL, "UPDATE audit SET actor = $1", sql_text(STR(""))),
                     ERR_CONFLICT);
    assert_int_equal(tx_exec(tx, NULL, "DELETE FROM audit WHERE at_ms > $1", sql_int(0)),
                     ERR_CONFLICT);
    assert_int_equal(tx_item_end(tx, true), OK);
    assert_int_equal(tx_commit(tx), OK);
    assert_int_equal(audit_count(fixture, "user.signed_up"), 1);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(signing_up_makes_a_user_an_event_and_a_session),
        EACH(an_email_in_use_is_refused_in_any_case),
        EACH(every_bad_field_of_a_sign_up_is_told_email_first),
        EACH(a_common_password_is_refused_unless_told_otherwise),
        EACH(signing_in_takes_email_in_any_case_and_spaces_around_the_password),
        EACH(every_bad_field_of_a_sign_in_is_told),
        EACH(wrong_unknown_and_banned_walk_the_same_way),
        EACH(signing_out_answers_an_empty_object),
        EACH(the_current_user_is_the_sessions),
        EACH(a_session_is_renewed_from_its_record_up_to_its_end),
        EACH(a_session_that_ended_is_nobodys),
        EACH(a_hash_of_before_is_taken_as_it_was_typed_and_made_anew),
        EACH(failures_cannot_fill_the_audit_log),
        EACH(the_audit_log_is_append_only),
    };

    return cmocka_run_group_tests_name("auth/routes", tests, NULL, NULL);
}
