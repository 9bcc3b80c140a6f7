/* runtime/app_view.h: the running program as its administration sees it: read, not changed. All of
 * it may be called from any thread unless it says otherwise. */
#ifndef RUNTIME_APP_VIEW_H
#define RUNTIME_APP_VIEW_H

#include "bus/bus.h"
#include "http/server/server.h"
#include "runtime/executor/writer.h"

struct app;

struct wall_ms app_started_at(const struct app *app);
/* How long ago that was, whatever the wall clock was set to meanwhile. */
int64_t app_uptime_ms(const struct app *app);
bool app_is_stopping(const struct app *app);
/* Every service's database can be read, its listeners are subscribed and its writers' last
 * transactions could be made; and nobody has asked the program to stop. As instance_readable. */
bool app_is_ready(const struct app *app, const struct tx *tx, struct wall_ms now);
struct bus *app_bus(const struct app *app);
/* NULL until it runs. */
const struct http_server *app_http_server(const struct app *app);
/* For their rotation: the one thing of the app that its administration changes. */
struct session_keys *app_session_keys(const struct app *app);

/* Its services, the administration first, as index < app_service_count. They live as long as it. */
size_t app_service_count(const struct app *app);
const struct instance *app_service(const struct app *app, size_t index);
/* NULL: no service here is called so. */
const struct instance *app_service_called(const struct app *app, struct str name);

const char *instance_name(const struct instance *instance);
/* Of its database (db_open). */
const char *instance_dsn(const struct instance *instance);
/* How many routes it has, and the subjects it listens to, NULL-terminated. */
size_t instance_route_count(const struct instance *instance);
const char *const *instance_subjects(const struct instance *instance);
/* Its database can be read, over the connection of the loop whose handler has tx; on PostgreSQL,
 * as its writer saw it within the last second. In that loop's thread. */
bool instance_readable(const struct instance *instance, const struct tx *tx, struct wall_ms now);
/* Its database is there, and its listeners are subscribed. */
bool instance_subscribed(const struct instance *instance);
/* The first writer could make its last transaction; every writer could. */
bool instance_writable(const struct instance *instance);
bool instance_healthy(const struct instance *instance);
/* 0 while the broker it takes its events from is away; -1: it takes none. */
int64_t instance_bus_connected(const struct instance *instance);
/* Requests that wait for its writers, and work that waits for its pool; -1: it has none. */
int64_t instance_queue_length(const struct instance *instance);
int64_t instance_pool_queue_length(const struct instance *instance);
/* Of all its writers. */
void instance_metrics(const struct instance *instance, struct writer_metrics *out);
/* What of the bus is kept in its tables, as instance_readable looks; false: unknown. */
bool instance_backlog(const struct instance *instance, const struct tx *tx, enum backlog which,
                      int64_t *count);

/* One of its own gauges (service_definition.gauges), looked at in the same way. */
size_t instance_gauge_count(const struct instance *instance);
const struct gauge *instance_gauge(const struct instance *instance, size_t index);
bool instance_gauge_value(const struct instance *instance, const struct tx *tx, size_t index,
                          int64_t *value);
/* 0 while its Redis does not answer; -1: it has none. */
int64_t instance_redis_connected(const struct instance *instance);

/* What the request's handler chains next (request_then) is that service's, in its writer. */
void request_move(struct request *rq, const struct instance *to);
/* Events were put back for env's service: it looks for them with the next batch. Writer only. */
void env_events_put_back(struct env *env);

#endif
