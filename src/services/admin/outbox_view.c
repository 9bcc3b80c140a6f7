/* services/admin/outbox_view.c: reads other services' outboxes through connections of its own,
 * which belong to the bus's writer and are opened when first needed. */
#include "services/admin/admin.h"

struct tx *outbox_view(struct admin *admin, size_t source)
{
    const struct instance *service = app_service(admin->app, source);
    struct db **log = &admin->logs[source];

    if (*log && db_broken(*log)) {
        db_close(*log);
        *log = NULL;
    }
    if (!*log && db_open(instance_dsn(service), DB_READER, log, NULL) != OK) return NULL;
    return tx_read(*log, env_now(admin->env));
}

enum err outbox_view_channel(struct admin *admin, size_t source, struct str subject,
                             struct channel *out)
{
    struct tx *tx = outbox_view(admin, source);

    *out = (struct channel){.subject = subject};
    return tx ? outbox_channel(tx, subject, out) : ERR_UNAVAILABLE;
}

enum err outbox_view_count(struct admin *admin, size_t source, struct str subject, int64_t after,
                           int64_t last, int64_t *count)
{
    struct tx *tx;

    *count = 0;
    if (after >= last) return OK;
    tx = outbox_view(admin, source);
    if (!tx) return ERR_UNAVAILABLE;
    if (last - after > OUTBOX_VIEW_COUNT_MAX) last = after + OUTBOX_VIEW_COUNT_MAX;
    return outbox_count(tx, subject, after, last, count);
}

void outbox_view_close(struct admin *admin)
{
    for (size_t i = 0; i < SERVICES_MAX; i++)
        db_close(admin->logs[i]);
}
