/* runtime/executor/writer_connection.c: a writer's connection to its database, and the subscription
 * that begins with it. */
#include "telemetry/log.h"
#include "runtime/database.h"
#include "runtime/executor/writer.h"
#include "runtime/revocations.h"

#define REOPEN_MS       1000 /* between attempts to open a database again */
#define SHARD_REOPEN_MS 100  /* the same for a shard, which only follows the first writer */

/* --- the subscription ------------------------------------------------------------------------ */

/* Its own, and that of the runtime; what it publishes itself it need not be told. */
static void instance_list_subjects(struct instance *instance)
{
    const struct service_definition *def = instance->def;
    size_t count = revocations_subjects(instance, instance->subjects);

    ASSERT(def->listener_count <= EVENT_TYPES);
    for (size_t i = 0; i < def->listener_count; i++) {
        const char *subject = event_subject(def->listeners[i].type);

        if (!instance_listens(instance, str_of(subject))) instance->subjects[count++] = subject;
    }
}

enum err instance_subscribe(struct instance *instance)
{
    struct writer *first = writer_first(instance);
    struct subscriber who = {.service = instance->def->name,
                             .subjects = instance->subjects,
                             .broadcast = instance->def->broadcast,
                             .gather_ms = instance->def->gather_ms,
                             .notify = writer_wake,
                             .context = first};

    if (!instance->subjects[0])
        instance_list_subjects(instance); /* loops may read them from then on */
    if (!instance->subjects[0] && !instance->env.settings->broker) return OK;
    if (!instance->bus || !first->db) return OK; /* or else when it is connected */
    return subscription_open(instance->bus, &who, tx_read(first->db, WALL_NONE),
                             &first->subscription);
}

bool instance_listens(const struct instance *instance, struct str subject)
{
    for (const char *const *listed = instance->subjects; *listed; listed++)
        if (str_eq(str_of(*listed), subject)) return true;
    return false;
}

/* --- the connection --------------------------------------------------------------------------- */

static enum err writer_migrate(struct writer *writer, struct buf *why)
{
    struct wall_ms now = env_now(&writer->env);
    enum err err = OK;

    if (writer->migrated) return OK;
    TRY(service_migrate(writer->db, writer->instance->def, now, why));
    writer->migrated = true;
done:
    return err;
}

/* Once when it goes and once when it is back. */
static void connection_log(struct writer *writer, enum err err, const struct buf *why)
{
    struct str reason = why ? buf_str(why) : (struct str){0};

    if (writer->away == (err != OK)) return;
    writer->away = err != OK;
    if (err)
        log_event(LOG_ERROR, writer->instance->def->name, "database.away",
                  log_text("code", str_of(err_code(err))), log_text("reason", reason));
    else
        log_event(LOG_INFO, writer->instance->def->name, "database.back");
}

enum err writer_connect(struct writer *writer, struct buf *why)
{
    struct writer *first = writer_first(writer->instance);
    enum err err = OK;

    if (writer != first && !atomic_load(&first->open)) return ERR_UNAVAILABLE;
    TRY(db_open(writer->instance->dsn, DB_WRITER, &writer->db, why));
    if (writer == first) TRY(writer_migrate(writer, why));
    if (writer->instance->revoked_by) TRY(revocations_read(writer, env_now(&writer->env)));
    if (writer == first && !writer->subscription) TRY(instance_subscribe(writer->instance));
    atomic_store(&writer->open, true);
done:
    if (err) {
        db_close(writer->db);
        writer->db = NULL;
    }
    if (writer == first && db_dsn_is_postgres(writer->instance->dsn))
        connection_log(writer, err, why);
    return err;
}

/* A ban may be among what happened that memory was not told of: writer_connect reads them again.
 */
bool writer_reconnect(struct writer *writer, struct mono_ms now)
{
    if (writer->db) return true;
    if (!mono_reached(now, writer->reopen_at)) return false;
    writer->reopen_at = mono_after(now, writer_is_first(writer) ? REOPEN_MS : SHARD_REOPEN_MS);
    return writer_connect(writer, NULL) == OK;
}

void writer_close_broken(struct writer *writer)
{
    if (!writer->db || !db_broken(writer->db)) return;
    atomic_store(&writer->open, false);
    db_close(writer->db);
    writer->db = NULL;
}
