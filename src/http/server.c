/* http/server.c: starts the loops, stops them, counts for them. */
#include "http/loop.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Signals are the main thread's business; SIGPIPE is nobody's (main ignores it, and a loop that is
 * used without that main must not die of it either). */
static void *thread_main(void *argument)
{
    struct loop *loop = argument;
    char name[16];

    snprintf(name, sizeof name, "http-%d", loop->lane.index % 1000);
    pthread_setname_np(pthread_self(), name);
    loop_run(loop);
    return NULL;
}

static bool thread_start(struct loop *loop)
{
    sigset_t all, before;
    int failed;

    sigfillset(&all);
    sigdelset(&all, SIGSYS); /* how a sandbox tells a thread what it may not do */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&loop->thread, NULL, thread_main, loop);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    loop->threaded = failed == 0;
    return loop->threaded;
}

static enum err loops_make(struct http_server *server, const char **why)
{
    const struct http_config *config = &server->config;
    bool share = config->loops > 1;

    server->port = config->port;
    if (share && config->port && !listen_port_free(config->host, config->port, why))
        return ERR_UNAVAILABLE;
    for (int i = 0; i < config->loops; i++) {
        int tcp = listen_tcp(config->host, &server->port, share, why), control = -1;

        if (tcp < 0) return ERR_UNAVAILABLE;
        if (i == 0 && server->control_path) {
            control = listen_control(server->control_path, why);
            if (control < 0) {
                free(server->control_path); /* not ours to remove */
                server->control_path = NULL;
                close(tcp);
                return ERR_UNAVAILABLE;
            }
        }
        server->loops[i] = loop_new(server, i, tcp, control);
        if (!server->loops[i]) {
            close(tcp);
            if (control >= 0) close(control);
            *why = "cannot make an event loop: out of memory or descriptors";
            return ERR_MEMORY;
        }
        server->loop_count = i + 1;
    }
    return OK;
}

enum err http_server_start(const struct http_config *config, struct http_server **out,
                           const char **why)
{
    struct http_server *server;
    enum err err = ERR_MEMORY;

    ASSERT(config->loops >= 1 && config->dispatch && config->clock);
    *out = NULL;
    *why = "out of memory";
    http_parser_set_max_header_size(HTTP_HEADERS_MAX);
    server = calloc(1, sizeof *server + (size_t)config->loops * sizeof server->loops[0]);
    if (!server) return ERR_MEMORY;
    server->config = *config;
    if (config->control_path && !(server->control_path = strdup(config->control_path))) goto done;
    server->router = router_new(config->mounts, config->mount_count);
    if (!server->router) goto done;
    if (config->connections_per_address > 0) {
        server->crowd = crowd_new(config->connections_per_address,
                                  config->connections_max + ACCEPT_BATCH * config->loops);
        if (!server->crowd) goto done;
    }
    err = ERR_INVALID;
    if (!proxies_parse(config->trusted_proxies ? config->trusted_proxies : "", &server->proxies,
                       why))
        goto done;
    TRY(loops_make(server, why));
    if (config->listening) config->listening(config->context);
    for (int i = 0; i < server->loop_count; i++) {
        if (thread_start(server->loops[i])) continue;
        *why = "cannot start a thread";
        err = ERR_UNAVAILABLE;
        goto done;
    }
    *out = server;
    *why = NULL;
    return OK;
done:
    http_server_stop(server, 0);
    return err;
}

int http_server_port(const struct http_server *server)
{
    return server->port;
}

void http_server_stop(struct http_server *server, int64_t grace_ms)
{
    server->grace_ms = grace_ms > 0 ? grace_ms : 0;
    atomic_store(&server->stopping, true);
    for (int i = 0; i < server->loop_count; i++) {
        struct loop *loop = server->loops[i];

        if (loop->threaded) {
            lane_wake(&loop->lane); /* it may have seen the flag already and be gone */
        } else {
            loop_wind_down(loop);
            loop_run(loop);
        }
    }
    for (int i = 0; i < server->loop_count; i++)
        if (server->loops[i]->threaded) pthread_join(server->loops[i]->thread, NULL);
    for (int i = 0; i < server->loop_count; i++)
        lane_unref(&server->loops[i]->lane);
    if (server->control_path) listen_control_remove(server->control_path);
    free(server->control_path);
    crowd_free(server->crowd);
    router_free(server->router);
    free(server);
}

struct http_counters http_server_counters(const struct http_server *server)
{
    struct http_counters sum = {0};
    int open = atomic_load(&server->sockets);

    sum.connections_open = open > 0 ? (uint64_t)open : 0;
    for (int i = 0; i < server->loop_count; i++) {
        const struct lane_counters *counters = &server->loops[i]->lane.counters;

        sum.connections_total += atomic_load(&counters->connections);
        sum.connections_refused += atomic_load(&counters->refused);
        sum.connections_refused_address += atomic_load(&counters->refused_address);
        sum.connections_evicted += atomic_load(&counters->evicted);
        sum.requests_total += atomic_load(&counters->requests);
        sum.deadline_cuts += atomic_load(&counters->deadline_cuts);
        sum.bad_requests += atomic_load(&counters->bad_requests);
    }
    return sum;
}
