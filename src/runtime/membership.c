/* runtime/membership.c: the databases of one market at start and stop: whether they belong together
 * (bus/members.c), and that the embedded ones remember each other. */
#include "runtime/membership.h"

#include "telemetry/log.h"
#include "runtime/app.h"
#include "runtime/database.h"
#include "runtime/executor/writer.h"
#include "runtime/retention.h"

#include <stdlib.h>

/* One that is not there is no fault by itself: its service may be new here. */
static enum err open_member(const struct settings *settings, struct bus_member *member,
                            struct db **db, struct buf *why)
{
    char *dsn = NULL;
    enum err err;

    TRY(service_dsn(settings, member->service, &dsn, why));
    if (db_dsn_is_postgres(dsn)) /* a reader is not told what is for PostgreSQL alone */
        TRY(db_open(dsn, DB_WRITER, db, NULL));
    else if (!db_exists(dsn))
        goto done;
    else
        TRY(db_open(dsn, DB_READER, db, why));
    member->tx = tx_read(*db, WALL_NONE);
done:
    free(dsn);
    return err;
}

static bool begins_anywhere(const struct service_definition *def, const char *source)
{
    const char *const *at = def->partial_sources;

    while (at && *at && strcmp(*at, source) != 0)
        at++;
    return at && *at;
}

/* A service begins with a publisher's first event, and goes on after the last it took over. */
static enum err follows(const struct service_definition *def, const struct bus_member *reader,
                        const struct bus_member *source, struct buf *why)
{
    int64_t position = 0, removed = 0;
    enum err err = OK;

    if (source->tx) TRY(outbox_removed(source->tx, &removed));
    if (reader->tx) TRY(bus_position(reader->tx, source->service, &position));
    if (removed <= position || (position == 0 && begins_anywhere(def, source->service))) return OK;
    buf_printf(why,
               "%s.db has taken over the events of %s.db up to %lld, and those up to %lld are no "
               "longer kept. If the events went through NATS meanwhile, set NATS_URL again; else",
               reader->service, source->service, (long long)position, (long long)removed);
    err = ERR_CONFLICT;
done:
    return err;
}

/* On the embedded bus. ERR_CONFLICT: why says of whom events are missing. */
static enum err all_follow(const struct service_definition *const *defs,
                           const struct bus_member *members, size_t count, struct buf *why)
{
    enum err err = OK;

    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++)
            if (service_reads(defs[i], defs[j]))
                TRY(follows(defs[i], &members[i], &members[j], why));
done:
    return err;
}

enum err members_check(const struct settings *settings,
                       const struct service_definition *const *defs, size_t count, struct buf *why)
{
    struct bus_member members[SERVICES_MAX] = {{0}};
    struct db *dbs[SERVICES_MAX] = {NULL};
    enum err err = OK;

    ASSERT(count <= SERVICES_MAX);
    for (size_t i = 0; i < count; i++)
        members[i].service = defs[i]->name;
    for (size_t i = 0; i < count; i++)
        TRY(open_member(settings, &members[i], &dbs[i], why));
    TRY(bus_members_agree(members, count, why));
    if (!settings->broker && !settings->postgres_url) TRY(all_follow(defs, members, count, why));
done:
    if (err == ERR_CONFLICT)
        buf_append(why, settings->postgres_url ? STR(MEMBERS_REMEDY_SERVER) : STR(MEMBERS_REMEDY));
    else if (settings->postgres_url)
        err = OK; /* what is not to be reached now is waited for */
    if (err && why->len == 0)
        buf_printf(why, "cannot read the databases: %s; boxoffice doctor says which",
                   err_message(err));
    for (size_t i = 0; i < count; i++)
        db_close(dbs[i]);
    return err;
}

static enum err mark(struct app *app, size_t index)
{
    struct tx *tx;
    enum err err = tx_begin(writer_first(app->dispatcher.instances[index])->db, &tx);

    if (err) return err;
    tx_item_begin(tx, (struct wall_ms){clock_wall(app->clock).ms});
    err = bus_mark_write(tx, app->members, app->dispatcher.instance_count, index);
    if (err == OK) err = tx_item_end(tx, true);
    if (err == OK) return tx_commit(tx);
    tx_rollback(tx);
    return err;
}

/* A failure costs no data: an older copy of that one is then known by its positions alone. */
void members_mark(struct app *app)
{
    for (size_t i = 0; i < app->dispatcher.instance_count; i++) {
        struct writer *writer = writer_first(app->dispatcher.instances[i]);

        if (!writer || !writer->db || db_shared(writer->db) || !app->members[i].service) continue;
        if (mark(app, i) == OK)
            app->members[i].mark.generation++;
        else
            writer_close_broken(writer);
    }
}

enum err members_read(struct app *app)
{
    enum err err = OK;

    for (size_t i = 0; i < app->dispatcher.instance_count; i++) {
        struct writer *writer = writer_first(app->dispatcher.instances[i]);

        if (!writer->db || db_shared(writer->db)) continue;
        app->members[i] = (struct bus_member){.service = writer->instance->def->name,
                                              .tx = tx_read(writer->db, WALL_NONE)};
        TRY(bus_mark_read(&app->members[i], app->random));
    }
done:
    return err;
}
