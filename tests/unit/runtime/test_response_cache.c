/* Unit tests of runtime/executor/response_cache: who is given an answer again, and for how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* the rest of cmocka's header needs these four */
#include <cmocka.h>

#include "http/headers.h"
#include "runtime/executor/response_cache.h"
#include "runtime/executor/run.h"
#include "sql/sql.h"

#include "../folder.h"

#define NOW ((struct mono_ms){5000})

static const struct route page_route = {METHOD_GET, "/shows/:id", .executor = IN_LOOP};
static const struct route read_route = {METHOD_GET, "/api/tickets", .executor = IN_SHARED_READER};

struct fixture {
    struct folder folder;
    struct db *writer, *reader;
    struct arena *arena;
    struct response_cache *cache;
};

/* One statement, committed. */
static void commit(struct db *db, const char *sql)
{
    struct tx *tx;

    assert_int_equal(tx_begin(db, &tx), OK);
    tx_item_begin(tx, (struct wall_ms){1});
    assert_int_equal(tx_exec_values(tx, NULL, sql, NULL, 0), OK);
    assert_int_equal(tx_item_end(tx, true), OK);
    assert_int_equal(tx_commit(tx), OK);
}

static int setup(void **state)
{
    static struct fixture fixture;
    struct folder_file file;

    fixture.folder = folder_make();
    file = folder_file(&fixture.folder, "a.db");
    assert_int_equal(db_open(file.path, DB_WRITER, &fixture.writer, NULL), OK);
    assert_int_equal(db_open(file.path, DB_READER, &fixture.reader, NULL), OK);
    commit(fixture.writer, "CREATE TABLE t (a BIGINT)");
    fixture.arena = arena_new(1 << 20);
    fixture.cache = response_cache_new();
    assert_non_null(fixture.cache);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    response_cache_free(fixture->cache);
    arena_free(fixture->arena);
    db_close(fixture->reader);
    db_close(fixture->writer);
    folder_remove(&fixture->folder);
    return 0;
}

static struct request *ask_with(struct fixture *fixture, const struct route *route,
                                const char *header, const char *value)
{
    struct request *rq = arena_alloc(fixture->arena, sizeof *rq);
    struct header_table *head = arena_alloc(fixture->arena, sizeof *head);

    request_init(rq, fixture->arena);
    header_table_init(head, fixture->arena);
    if (header) assert_int_equal(header_table_add(head, str_of(header), str_of(value)), OK);
    rq->headers = head;
    rq->route = route;
    rq->path = STR("/shows/1");
    rq->run = arena_alloc(fixture->arena, sizeof *rq->run);
    return rq;
}

static struct request *ask(struct fixture *fixture, const struct route *route)
{
    return ask_with(fixture, route, "host", "a.example");
}

static bool finds(struct fixture *fixture, struct request *rq, struct mono_ms now)
{
    return response_cache_find(fixture->cache, rq, now);
}

/* An answer made from the fixture's database. */
static struct request *made(struct fixture *fixture, const struct route *route)
{
    struct request *rq = ask(fixture, route);

    read_set_add(&rq->run->read_set, fixture->reader, db_commits(fixture->reader));
    rq->reply.status = 200;
    rq->reply.packing = route == &page_route ? PACK_SHARED : PACK_NOT;
    rq->reply.content_type = route == &page_route ? "text/html; charset=utf-8" : NULL;
    buf_append(&rq->reply.body, STR("as it is"));
    return rq;
}

static void a_page_is_given_again_for_a_second(void **state)
{
    struct fixture *fixture = *state;
    struct request *rq = ask(fixture, &page_route);

    assert_false(finds(fixture, rq, NOW));
    response_cache_put(fixture->cache, made(fixture, &page_route), NOW);
    assert_true(finds(fixture, rq, mono_after(NOW, 999)));
    assert_true(str_eq(buf_str(&rq->reply.body), STR("as it is")));
    assert_int_equal(rq->reply.packing, PACK_SHARED);
    assert_string_equal(rq->reply.content_type, "text/html; charset=utf-8");
    assert_int_equal(rq->run->read_set.count, 1);
    assert_false(finds(fixture, ask(fixture, &page_route), mono_after(NOW, 1000)));
}

static void what_is_read_alone_is_given_again_for_good(void **state)
{
    struct fixture *fixture = *state;

    response_cache_put(fixture->cache, made(fixture, &read_route), NOW);
    assert_true(finds(fixture, ask(fixture, &read_route), mono_after(NOW, 1000000)));
}

static void a_commit_ends_it(void **state)
{
    struct fixture *fixture = *state;
    const struct route *const routes[] = {&page_route, &read_route};

    for (size_t i = 0; i < 2; i++) {
        struct request *before = made(fixture, routes[i]);

        response_cache_put(fixture->cache, before, NOW);
        commit(fixture->writer, "INSERT INTO t VALUES (1)");
        assert_false(finds(fixture, ask(fixture, routes[i]), NOW));
        response_cache_put(fixture->cache, before, NOW); /* made before, put after */
        assert_false(finds(fixture, ask(fixture, routes[i]), NOW));
    }
}

static void nobody_is_given_what_is_made_for_others(void **state)
{
    struct fixture *fixture = *state;
    struct request *rq;

    response_cache_put(fixture->cache, made(fixture, &page_route), NOW);
    assert_false(finds(fixture, ask_with(fixture, &page_route, "host", "b.example"), NOW));
    assert_false(finds(fixture, ask_with(fixture, &page_route, "cookie", "theme=dark"), NOW));
    assert_false(finds(fixture, ask_with(fixture, &page_route, "accept-language", "de"), NOW));
    rq = ask(fixture, &page_route);
    rq->secure = true;
    assert_false(finds(fixture, rq, NOW));
    rq = ask(fixture, &page_route);
    rq->user.id = STR("0123456789abcdef01234567");
    assert_false(finds(fixture, rq, NOW));
    rq = ask(fixture, &page_route);
    rq->query = STR("quantity=2");
    assert_false(finds(fixture, rq, NOW));
    assert_true(finds(fixture, ask(fixture, &page_route), NOW));
}

static void only_whole_good_public_answers_are_kept(void **state)
{
    struct fixture *fixture = *state;
    struct read_set nothing = {0};
    struct request *rq;

    rq = made(fixture, &page_route);
    rq->reply.packing = PACK_OWN;
    response_cache_put(fixture->cache, rq, NOW);
    rq = made(fixture, &page_route);
    rq->reply.status = 404;
    response_cache_put(fixture->cache, rq, NOW);
    rq = made(fixture, &page_route);
    rq->user.id = STR("0123456789abcdef01234567");
    response_cache_put(fixture->cache, rq, NOW);
    rq = made(fixture, &page_route);
    read_set_merge(&rq->run->read_set, &nothing); /* an answer that came from elsewhere */
    response_cache_put(fixture->cache, rq, NOW);
    rq = made(fixture, &page_route);
    read_set_add(&rq->run->read_set, fixture->reader, 0); /* one that cannot tell */
    response_cache_put(fixture->cache, rq, NOW);
    assert_false(finds(fixture, ask(fixture, &page_route), NOW));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_page_is_given_again_for_a_second, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_read_alone_is_given_again_for_good, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_commit_ends_it, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_is_given_what_is_made_for_others, setup, teardown),
        cmocka_unit_test_setup_teardown(only_whole_good_public_answers_are_kept, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
