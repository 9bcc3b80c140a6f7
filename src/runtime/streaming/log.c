/* runtime/streaming/log.c: reads other services' outboxes through connections of its own, which
 * belong to the bus's writer and are opened when first needed. */
#include "runtime/streaming/streaming.h"

struct tx *log_view(struct streaming *streaming, size_t source)
{
    const struct service *service = streaming->house->services[source];
    struct db **log = &streaming->logs[source];

    if (*log && db_broken(*log)) {
        db_close(*log);
        *log = NULL;
    }
    if (!*log && db_open(service->path, DB_READER, log, NULL) != OK) return NULL;
    return tx_read(*log, env_now_ms(&service->env));
}

enum err log_channel(struct streaming *streaming, size_t source, struct str subject,
                     struct channel *out)
{
    struct tx *tx = log_view(streaming, source);

    *out = (struct channel){.subject = subject};
    return tx ? outbox_channel(tx, subject, out) : ERR_UNAVAILABLE;
}

enum err log_count(struct streaming *streaming, size_t source, struct str subject, int64_t after,
                   int64_t last, int64_t *count)
{
    struct tx *tx;
    struct rows rows;

    *count = 0;
    if (after >= last) return OK;
    tx = log_view(streaming, source);
    if (!tx) return ERR_UNAVAILABLE;
    if (last - after > LOG_COUNT_MAX) last = after + LOG_COUNT_MAX;
    tx_query(tx, &rows, "SELECT COUNT(*) FROM outbox WHERE seq > $1 AND seq <= $2 AND subject = $3",
             sql_int(after), sql_int(last), sql_text(subject));
    if (rows_next(&rows)) *count = rows_int(&rows, 0);
    return rows_end(&rows);
}

void log_close(struct streaming *streaming)
{
    for (size_t i = 0; i < SERVICES_MAX; i++)
        db_close(streaming->logs[i]);
}
