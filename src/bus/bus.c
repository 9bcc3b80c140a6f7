/* bus/bus.c: the bus of one process: its sources, its subscriptions, who is poked when an outbox
 * has grown. */
#include "bus/driver.h"

#include <stdlib.h>

enum err bus_open(const struct bus_source *sources, size_t count, const struct bus_broker *broker,
                  struct bus **out)
{
    struct bus *bus = calloc(1, sizeof *bus);

    ASSERT(count <= SOURCES_MAX);
    *out = bus;
    if (!bus) return ERR_MEMORY;
    pthread_mutex_init(&bus->lock, NULL);
    memcpy(bus->sources, sources, count * sizeof *sources);
    bus->source_count = count;
    bus->driver = broker ? &bus_jetstream : &bus_embedded;
    if (broker) bus->broker = *broker;
    outbox_relay(broker != NULL);
    return OK;
}

void bus_close(struct bus *bus)
{
    if (!bus) return;
    pthread_mutex_destroy(&bus->lock);
    free(bus);
}

void bus_notify(struct bus *bus, const char *service, int64_t last)
{
    for (size_t i = 0; i < bus->source_count; i++)
        if (strcmp(bus->sources[i].service, service) == 0) atomic_store(&bus->last[i], last);
    pthread_mutex_lock(&bus->lock);
    for (size_t i = 0; i < SUBSCRIPTIONS_MAX; i++)
        if (bus->subscriptions[i]) bus->driver->notify(bus->subscriptions[i], service);
    if (bus->watch) bus->watch(bus->watch_context);
    pthread_mutex_unlock(&bus->lock);
}

void bus_watch(struct bus *bus, void (*poke)(void *context), void *context)
{
    pthread_mutex_lock(&bus->lock);
    ASSERT(!poke || !bus->watch);
    bus->watch_context = context;
    bus->watch = poke;
    pthread_mutex_unlock(&bus->lock);
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

    tx_query(tx_read(reader, 0), &rows, "SELECT COALESCE(MAX(seq), 0) FROM outbox");
    if (rows_next(&rows) && rows_int(&rows, 0) > atomic_load(&bus->last[source]))
        atomic_store(&bus->last[source], rows_int(&rows, 0));
    return rows_end(&rows);
}

size_t bus_figures(struct bus *bus, struct subscription_figures *out, size_t max)
{
    size_t count = 0;

    pthread_mutex_lock(&bus->lock);
    for (size_t i = 0; i < SUBSCRIPTIONS_MAX; i++)
        if (bus->subscriptions[i])
            count = bus->driver->figures(bus->subscriptions[i], out, max, count);
    pthread_mutex_unlock(&bus->lock);
    return count;
}

bool bus_listed(const char *const *list, struct str subject)
{
    for (; *list; list++)
        if (str_eq(str_of(*list), subject)) return true;
    return false;
}
