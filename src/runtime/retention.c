/* runtime/retention.c: see runtime/retention.h. */
#include "runtime/retention.h"

#include "runtime/app.h"
#include "runtime/database.h"
#include "runtime/revocations.h"

#include <stdlib.h>

#define ROWS_MAX  1000    /* of a table in one transaction: some milliseconds */
#define MORE_MS   1000    /* between two of them: 1,000 rows a second and table */
#define LOOK_MS   3600000 /* between looks when there was nothing more */
#define FAILED_MS 60000

const struct retention *service_retention(const struct service_definition *def, size_t part)
{
    const struct retention *const parts[] = {bus_retention, runtime_retention, def->retention};

    return part < sizeof parts / sizeof *parts ? parts[part] : NULL;
}

/* --- how far the outbox was taken over ------------------------------------------------------ */

static bool listens(const struct service_definition *def, enum event_type type)
{
    if (revocations_listen(def, type)) return true;
    for (size_t i = 0; i < def->listener_count; i++)
        if (def->listeners[i].type == type) return true;
    return false;
}

/* The administration publishes any subject for others (bus_source). One that hears every event from
 * its start on needs none of before. */
bool service_reads(const struct service_definition *def, const struct service_definition *source)
{
    if (def == source || def->broadcast) return false;
    for (enum event_type type = 0; type < EVENT_TYPES; type++)
        if (listens(def, type) &&
            (source->administration || strcmp(event_publisher(type), source->name) == 0))
            return true;
    return false;
}

/* What the service's database knows of the outbox: the lower of *up_to and that. */
static enum err look_into(const struct writer *writer, const struct service_definition *def,
                          struct tx *outbox, int64_t *up_to)
{
    const char *source = writer->instance->def->name;
    struct db *db = NULL;
    char *dsn = NULL;
    int64_t position = INT64_MAX;
    struct tx *tx;
    enum err err;

    TRY(service_dsn(writer->env.settings, def->name, &dsn, NULL));
    if (!writer->env.settings->postgres_url && !db_exists(dsn)) {
        *up_to = 0;
        goto done;
    }
    TRY(db_open(dsn, DB_READER, &db, NULL));
    tx = tx_read(db, env_now(&writer->env));
    if (def->events_needed)
        TRY(def->events_needed(tx, source, outbox, &position));
    else
        TRY(bus_position(tx, source, &position));
    if (position < *up_to) *up_to = position;
done:
    db_close(db);
    free(dsn);
    return err;
}

/* With a broker its stream has what the services need; without, they read the outbox. The
 * listeners of the administration read it in either case. */
static enum err needed_after(const struct writer *writer, struct tx *outbox, int64_t *up_to)
{
    const struct app *app = writer->env.app;
    enum err err = OK;

    /* Nobody can say who will read it: another program with the same database, once it has a
     * broker. */
    *up_to = app->settings->postgres_url && !app->settings->broker ? 0 : INT64_MAX;
    for (size_t i = 0; *up_to && i < app->known_count; i++) {
        const struct service_definition *def = app->known[i];
        bool reads = !app->settings->broker && service_reads(def, writer->instance->def);

        if (def->events_needed || reads) TRY(look_into(writer, def, outbox, up_to));
    }
done:
    return err;
}

/* --- what is forgotten ---------------------------------------------------------------------- */

/* What is held of an order is needed for as long as it is live, whatever RETENTION_DAYS says. */
static struct wall_ms rows_before(const struct settings *settings, struct wall_ms now)
{
    return wall_after(now, -settings->retention_ms - settings->order_expiration_ms);
}

bool env_is_forgotten(const struct env *env, const struct tx *tx, struct object_id id)
{
    struct object_id first = object_id_floor(rows_before(env->settings, tx->now));

    return env->settings->retention_ms > 0 && object_id_before(id, first);
}

/* --- one round ------------------------------------------------------------------------------ */

struct mono_ms retention_next(const struct writer *writer)
{
    bool ours = writer_is_first(writer) && writer->env.settings->retention_ms > 0;

    return ours ? writer->retention_at : MONO_NEVER;
}

/* Counts what goes with this transaction, and whether there may be more of it. */
static void count(int64_t removed, int64_t *all, bool *more)
{
    *all += removed;
    if (removed >= ROWS_MAX) *more = true;
}

enum err retention_run(struct writer *writer, struct tx *tx, int64_t *removed, bool *more)
{
    const struct settings *settings = writer->env.settings;
    struct wall_ms before = rows_before(settings, tx->now);
    int64_t up_to, some;
    const struct retention *rows;
    enum err err;

    *more = false;
    *removed = 0;
    TRY(needed_after(writer, tx, &up_to));
    TRY(outbox_prune(tx, up_to, wall_after(tx->now, -settings->retention_ms), ROWS_MAX, &some));
    count(some, removed, more);
    for (size_t part = 0; (rows = service_retention(writer->instance->def, part)); part++)
        for (; rows->table; rows++) {
            if (!rows->prune) continue;
            TRY(rows->prune(tx, before, ROWS_MAX, &some));
            count(some, removed, more);
        }
done:
    return err;
}

void retention_ran(struct writer *writer, struct mono_ms now, enum err err, bool more)
{
    int64_t pause_ms = more ? MORE_MS : LOOK_MS;

    writer->retention_at = mono_after(now, err ? FAILED_MS : pause_ms);
}
