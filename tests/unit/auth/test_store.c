/* tests/unit/auth/test_store.c: the users table keeps what it is given, on a real database. */
#include "services/auth/auth.h"
#include "services/auth/store.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW_MS INT64_C(1790000000000)
#define NOW    ((struct wall_ms){NOW_MS})

struct fixture {
    char folder[64];
    struct db *db;
    struct arena *arena;
    struct tx *tx;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct buf path, why;

    if (!fixture) return -1;
    snprintf(fixture->folder, sizeof fixture->folder, "/tmp/auth-store-XXXXXX");
    if (!mkdtemp(fixture->folder)) return -1;
    buf_init(&path, NULL, 256);
    buf_init(&why, NULL, 4096);
    buf_printf(&path, "%s/auth.db%c", fixture->folder, 0);
    assert_int_equal(db_open(path.at, DB_WRITER, &fixture->db, &why), OK);
    assert_int_equal(db_migrate(fixture->db, auth_schema, (struct wall_ms){NOW_MS}, &why), OK);
    buf_free(&path);
    buf_free(&why);
    fixture->arena = arena_new(65536);
    assert_int_equal(tx_begin(fixture->db, &fixture->tx), OK);
    tx_item_begin(fixture->tx, (struct wall_ms){NOW_MS});
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    struct dirent *entry;
    DIR *folder;

    tx_rollback(fixture->tx);
    db_close(fixture->db);
    folder = opendir(fixture->folder);
    while (folder && (entry = readdir(folder)))
        unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder) closedir(folder);
    rmdir(fixture->folder);
    arena_free(fixture->arena);
    free(fixture);
    return 0;
}

static struct user someone(uint8_t number, struct str email, struct str key)
{
    static const struct password_hash hash = {"$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA"};

    return user_new((struct object_id){{number}}, email, key, &hash, NOW);
}

static enum err find(struct fixture *fixture, struct str key, struct user *out)
{
    return user_find(fixture->tx, fixture->arena, key, key, out);
}

static void a_user_is_found_as_inserted(void **state)
{
    struct fixture *fixture = *state;
    struct user user = someone(1, STR("Ann@Example.com"), STR("ann@example.com")), found;

    assert_int_equal(user_insert(fixture->tx, &user), OK);
    assert_int_equal(find(fixture, STR("ann@example.com"), &found), OK);
    assert_true(object_id_eq(found.id, user.id));
    assert_int_equal(found.version, 0);
    assert_true(str_eq(found.email, user.email));
    assert_true(str_eq(found.email_key, user.email_key));
    assert_string_equal(found.hash.text, user.hash.text);
    assert_int_equal(found.status, USER_ACTIVE);
    assert_int_equal(found.created_at.ms, NOW_MS);
}

static void nobody_is_found_by_another_key(void **state)
{
    struct fixture *fixture = *state;
    struct user user = someone(1, STR("Ann@Example.com"), STR("ann@example.com")), found;

    assert_int_equal(find(fixture, STR("ann@example.com"), &found), ERR_NOT_FOUND);
    assert_int_equal(user_insert(fixture->tx, &user), OK);
    assert_int_equal(find(fixture, STR("Ann@Example.com"), &found), ERR_NOT_FOUND);
    assert_int_equal(find(fixture, STR("an_@example.com"), &found), ERR_NOT_FOUND);
    assert_int_equal(find(fixture, STR(""), &found), ERR_NOT_FOUND);
}

static void an_email_belongs_to_one_user(void **state)
{
    struct fixture *fixture = *state;
    struct user first = someone(1, STR("ann@example.com"), STR("ann@example.com"));
    struct user second = someone(2, STR("ANN@example.com"), STR("ann@example.com"));
    struct user third = someone(3, STR("bob@example.com"), STR("bob@example.com"));
    struct user found;

    assert_int_equal(user_insert(fixture->tx, &first), OK);
    assert_int_equal(user_insert(fixture->tx, &second), ERR_EMAIL_IN_USE);
    assert_int_equal(user_insert(fixture->tx, &third), OK); /* the transaction goes on */
    assert_int_equal(find(fixture, STR("ann@example.com"), &found), OK);
    assert_true(object_id_eq(found.id, first.id));
}

static void insert_of_before(struct fixture *fixture, uint8_t number, const char *email)
{
    struct str key;
    struct user user;

    assert_int_equal(email_key_before(fixture->arena, str_of(email), &key), OK);
    user = someone(number, str_of(email), key);
    assert_int_equal(user_insert(fixture->tx, &user), OK);
    assert_int_equal(tx_exec(fixture->tx, NULL, "UPDATE users SET email_rule = 0 WHERE id = $1",
                             sql_id(user.id)),
                     OK);
}

static uint8_t number_of(struct fixture *fixture, const char *email)
{
    struct str key, before;
    struct user found;

    assert_int_equal(email_key(fixture->arena, str_of(email), &key), OK);
    assert_int_equal(email_key_before(fixture->arena, str_of(email), &before), OK);
    return user_find(fixture->tx, fixture->arena, key, before, &found) == OK ? found.id.bytes[0]
                                                                             : 0;
}

/* Two accounts of one mailbox, from when that was possible: each is found as it was typed. */
static void accounts_of_before_are_found_and_given_their_key(void **state)
{
    struct fixture *fixture = *state;
    struct env env = {.arena = fixture->arena};
    struct wall_ms next;

    insert_of_before(fixture, 1, "ann@M\xC3\x9CNCHEN.de");
    insert_of_before(fixture, 2, "bob@m\xC3\xBCnchen.de");
    insert_of_before(fixture, 3, "bob@xn--mnchen-3ya.de");
    insert_of_before(fixture, 4,
                     "jo\xC5\xBF"
                     "e@x.com");
    for (int round = 0; round < 2; round++) {
        assert_int_equal(number_of(fixture, "ann@m\xC3\xBCnchen.de"), 1);
        assert_int_equal(number_of(fixture, "bob@m\xC3\xBCnchen.de"), 2);
        assert_int_equal(number_of(fixture, "bob@xn--mnchen-3ya.de"), 3);
        assert_int_equal(number_of(fixture, "jo\xC5\xBF"
                                            "e@x.com"),
                         4);
        if (round == 0) {
            assert_int_equal(number_of(fixture, "ann@xn--mnchen-3ya.de"), 0);
            assert_int_equal(emails_rekey(&env, fixture->tx, &next), OK);
            assert_true(wall_same(next, WALL_NEVER));
        }
    }
    assert_int_equal(number_of(fixture, "ann@xn--mnchen-3ya.de"), 1);
    assert_int_equal(number_of(fixture, "jose@x.com"), 4);
}

static void a_status_outside_the_two_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct user user = someone(1, STR("ann@example.com"), STR("ann@example.com")), found;

    assert_int_equal(user_insert(fixture->tx, &user), OK);
    assert_int_equal(tx_exec(fixture->tx, NULL, "UPDATE users SET status = $1 WHERE id = $2",
                             sql_text(STR("banned")), sql_id(user.id)),
                     OK);
    assert_int_equal(find(fixture, user.email_key, &found), OK);
    assert_int_equal(found.status, USER_BANNED);
    assert_int_equal(tx_exec(fixture->tx, NULL, "UPDATE users SET status = $1 WHERE id = $2",
                             sql_text(STR("gone")), sql_id(user.id)),
                     ERR_CONFLICT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_user_is_found_as_inserted, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_is_found_by_another_key, setup, teardown),
        cmocka_unit_test_setup_teardown(an_email_belongs_to_one_user, setup, teardown),
        cmocka_unit_test_setup_teardown(accounts_of_before_are_found_and_given_their_key, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_status_outside_the_two_is_refused, setup, teardown),
    };

    return cmocka_run_group_tests_name("auth/store", tests, NULL, NULL);
}
