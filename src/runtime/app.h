/* runtime/app.h: the whole program, wired: its services, the bus, HTTP. Opened bottom up, closed
 * the other way round. For the runtime itself and for whoever owns time (the simulator); services
 * see what they are handed (runtime/service.h). */
#ifndef RUNTIME_APP_H
#define RUNTIME_APP_H

#include "bus/bus.h"
#include "http/server/server.h"
#include "runtime/executor/dispatch.h"

struct app {
    const struct settings *settings; /* this and the next three: from whoever makes the app */
    const struct clock *clock;
    struct random *random;
    int loops;
    /* Every service that this program knows, also those it does not run: theirs too is what they
     * have not taken over yet. From whoever makes the app. */
    const struct service_definition *const *known;
    size_t known_count;
    struct dispatcher dispatcher; /* with the instances of its services, the administration first */
    struct revocation_table *revocations;
    struct bus *bus;
    _Atomic(struct http_server *) server; /* NULL until it runs */
    atomic_int port; /* the server's; 0 until it runs, and there still when it is gone */
    struct session_keys *keys;
    struct bus_member members[SERVICES_MAX]; /* of the embedded databases; membership.c */
    struct wall_ms started_at;               /* as people see it, and … */
    struct mono_ms started; /* … how long ago that is, whatever the clock is set to */
    _Atomic bool stopping;
};

/* Databases, bus, subscriptions, pools: all but the writers' threads and HTTP, so that whoever owns
 * time may step the writers. app: zeroed but for its first members. To be closed also after an
 * error. */
enum err app_open(struct app *app, const struct service_definition *const *definitions,
                  size_t count, struct buf *why);
/* Writers and HTTP. */
enum err app_start(struct app *app, struct buf *why);
void app_close(struct app *app);

/* What app_open does last for each service, when it has subscribed. */
enum err instance_start(struct instance *instance, struct buf *why);

#endif
