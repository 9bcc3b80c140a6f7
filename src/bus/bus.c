/* bus/bus.c: the bus of one process: its sources, its subscriptions, who is notified when an outbox
 * has grown. */
#include "bus/driver.h"

#include <stdlib.h>

enum err bus_open(const struct bus_source *sources, size_t count, const struct bus_broker *broker,
                  const struct clock *clock, struct bus **out)
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
    bus->clock = clock;
    outbox_relay(broker != NULL);
    return OK;
}

void bus_close(struct bus *bus)
{
    if (!bus) return;
    pthread_mutex_destroy(&bus->lock);
    free(bus);
}

void bus_stopping(struct bus *bus)
{
    pthread_mutex_lock(&bus->lock);
    for (size_t i = 0; bus->driver->stopping && i < SUBSCRIPTIONS_MAX; i++)
        if (bus->subscriptions[i]) bus->driver->stopping(bus->subscriptions[i]);
    pthread_mutex_unlock(&bus->lock);
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

void bus_watch(struct bus *bus, void (*notify)(void *context), void *context)
{
    pthread_mutex_lock(&bus->lock);
    ASSERT(!notify || !bus->watch);
    bus->watch_context = context;
    bus->watch = notify;
    pthread_mutex_unlock(&bus->lock);
}

size_t bus_metrics(struct bus *bus, struct subscription_metrics *out, size_t max)
{
    size_t count = 0;

    pthread_mutex_lock(&bus->lock);
    for (size_t i = 0; i < SUBSCRIPTIONS_MAX; i++)
        if (bus->subscriptions[i])
            count = bus->driver->metrics(bus->subscriptions[i], out, max, count);
    pthread_mutex_unlock(&bus->lock);
    return count;
}
