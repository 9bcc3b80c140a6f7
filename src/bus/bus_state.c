/* bus/bus_state.c: what the drivers keep of the bus they serve: whether its broker is there, and
 * how far each outbox goes. */
#include "bus/driver.h"

#include "telemetry/log.h"

#include <stdio.h>

void bus_broker_is(struct bus *bus, const char *away)
{
    bool changed;

    pthread_mutex_lock(&bus->lock);
    changed = strcmp(bus->away, away ? away : "") != 0;
    /* The services lose their connections one after the other: that is one outage. */
    if (away && bus->away[0] && str_starts(str_of(away), STR(BUS_LOST))) changed = false;
    if (changed) snprintf(bus->away, sizeof bus->away, "%s", away ? away : "");
    pthread_mutex_unlock(&bus->lock);
    if (!changed) return;
    if (away)
        log_event(LOG_ERROR, "bus", "nats.away", log_text("reason", str_of(away)));
    else
        log_event(LOG_INFO, "bus", "nats.back");
}

int64_t bus_last_sequence(struct bus *bus, const char *service)
{
    for (size_t i = 0; i < bus->source_count; i++)
        if (strcmp(bus->sources[i].service, service) == 0) return atomic_load(&bus->last[i]);
    return 0;
}

enum err bus_read_last(struct bus *bus, size_t source, struct db *reader)
{
    struct rows rows;

    tx_query(tx_read(reader, WALL_NONE), &rows, "SELECT COALESCE(MAX(seq), 0) FROM outbox");
    if (rows_next(&rows) && rows_int(&rows, 0) > atomic_load(&bus->last[source]))
        atomic_store(&bus->last[source], rows_int(&rows, 0));
    return rows_end(&rows);
}

bool bus_listed(const char *const *list, struct str subject)
{
    for (; *list; list++)
        if (str_eq(str_of(*list), subject)) return true;
    return false;
}
