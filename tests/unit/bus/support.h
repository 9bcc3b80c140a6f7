/* tests/unit/bus/support.h: service databases in a temporary folder, for the bus's tests. */
#ifndef UNIT_BUS_SUPPORT_H
#define UNIT_BUS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* the rest of cmocka's header needs these four */
#include <cmocka.h>

#include "../folder.h"
#include "bus/bus.h"

#define NOW_MS INT64_C(1790000000000)

static inline struct db *service_open(const struct folder *folder, const char *name)
{
    struct folder_file file = folder_file(folder, name);
    struct db *db = NULL;

    assert_int_equal(db_open(file.path, DB_WRITER, &db, NULL), OK);
    assert_int_equal(db_migrate(db, bus_schema, (struct wall_ms){NOW_MS}, NULL), OK);
    return db;
}

static inline struct tx *begin_at(struct db *db, int64_t now_ms)
{
    struct tx *tx = NULL;

    assert_int_equal(tx_begin(db, &tx), OK);
    tx_item_begin(tx, (struct wall_ms){now_ms});
    return tx;
}

static inline void commit(struct tx *tx)
{
    assert_int_equal(tx_item_end(tx, true), OK);
    assert_int_equal(tx_commit(tx), OK);
}

static inline void append(struct tx *tx, const char *subject, const char *payload)
{
    assert_int_equal(outbox_append(tx, str_of(subject), str_of(payload)), OK);
}

#endif
