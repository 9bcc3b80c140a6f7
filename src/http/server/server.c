/* http/server/server.c: starts the loops, stops them, counts for them. */
#include "http/server/server.h"

#include "http/server/listening_socket.h"
#include "http/server/net_loop.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Signals are the main thread's business; SIGPIPE is nobody's (main ignores it, and a loop that is
 * used without that main must not die of it either). */
static void *thread_main(void *argument)
{
    struct net_loop *net = argument;
    char name[16];

    snprintf(name, sizeof name, "http-%d", net->loop.index % 1000);
    pthread_setname_np(pthread_self(), name);
    net_loop_run(net);
    return NULL;
}

static bool thread_start(struct net_loop *net)
{
    sigset_t all, before;
    int failed;

    sigfillset(&all);
    sigdelset(&all, SIGSYS); /* how a sandbox tells a thread what it may not do */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&net->thread, NULL, thread_main, net);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    net->threaded = failed == 0;
    return net->threaded;
}

/* Of the first loop alone: the control socket, and monitoring. */
static bool listen_apart(struct http_server *server, int fds[LISTENERS_MAX], const char **why)
{
    const struct http_config *config = &server->config;

    if (server->control_path) {
        fds[LISTENER_CONTROL] = listening_control(server->control_path, why);
        if (fds[LISTENER_CONTROL] < 0) {
            free(server->control_path); /* not ours to remove */
            server->control_path = NULL;
            return false;
        }
    }
    if (!config->monitoring_host) return true;
    server->monitoring_port = config->monitoring_port;
    fds[LISTENER_MONITORING] =
        listening_tcp(config->monitoring_host, &server->monitoring_port, false, why);
    return fds[LISTENER_MONITORING] >= 0 || listening_busy("MONITORING_LISTEN", why);
}

/* Takes its descriptors over. */
static enum err loop_make(struct http_server *server, int index, int fds[LISTENERS_MAX],
                          const char **why)
{
    enum err err = ERR_UNAVAILABLE;

    if (index == 0 && !listen_apart(server, fds, why)) goto failed;
    server->loops[index] = net_loop_new(server, index, fds);
    server->loop_count = index + (server->loops[index] != NULL);
    if (server->loops[index]) return OK;
    *why = "cannot make an event loop: out of memory or descriptors";
    err = ERR_MEMORY;
failed:
    for (size_t i = 0; i < LISTENERS_MAX; i++)
        if (fds[i] >= 0) close(fds[i]);
    return err;
}

static enum err loops_make(struct http_server *server, const char **why)
{
    const struct http_config *config = &server->config;
    bool share = config->loops > 1;
    enum err err = OK;

    server->port = config->port;
    if (share && config->port && !listening_port_free(config->host, config->port, why))
        return ERR_UNAVAILABLE;
    for (int i = 0; i < config->loops; i++) {
        int fds[LISTENERS_MAX] = {listening_tcp(config->host, &server->port, share, why), -1, -1};

        if (fds[LISTENER_PUBLIC] < 0) return ERR_UNAVAILABLE;
        TRY(loop_make(server, i, fds, why));
    }
done:
    return err;
}

enum err http_server_start(const struct http_config *config, struct http_server **out,
                           const char **why)
{
    struct http_server *server;
    enum err err = ERR_MEMORY;

    ASSERT(config->loops >= 1 && config->dispatch && config->clock);
    *out = NULL;
    *why = "out of memory";
    server = calloc(1, sizeof *server + (size_t)config->loops * sizeof server->loops[0]);
    if (!server) return ERR_MEMORY;
    server->config = *config;
    if (config->control_path && !(server->control_path = strdup(config->control_path))) goto done;
    server->router = router_new(config->mounts, config->mount_count);
    if (!server->router) goto done;
    if (config->connections_per_address > 0) {
        server->limiter =
            connection_limiter_new(config->connections_per_address,
                                   config->connections_max + ACCEPT_BATCH * config->loops);
        if (!server->limiter) goto done;
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

int http_server_monitoring_port(const struct http_server *server)
{
    return server->monitoring_port;
}

void http_server_stop(struct http_server *server, int64_t grace_ms)
{
    server->grace_ms = grace_ms > 0 ? grace_ms : 0;
    atomic_store(&server->stopping, true);
    for (int i = 0; i < server->loop_count; i++) {
        struct net_loop *net = server->loops[i];

        if (net->threaded) {
            event_loop_wake(&net->loop); /* it may have seen the flag already and be gone */
        } else {
            net_loop_wind_down(net);
            net_loop_run(net);
        }
    }
    for (int i = 0; i < server->loop_count; i++)
        if (server->loops[i]->threaded) pthread_join(server->loops[i]->thread, NULL);
    for (int i = 0; i < server->loop_count; i++)
        event_loop_unref(&server->loops[i]->loop);
    if (server->control_path) listening_control_remove(server->control_path);
    free(server->control_path);
    connection_limiter_free(server->limiter);
    router_free(server->router);
    free(server);
}

struct http_counters http_server_counters(const struct http_server *server)
{
    struct http_counters sum = {0};
    int open = atomic_load(&server->sockets);

    sum.connections_open = open > 0 ? (uint64_t)open : 0;
    for (int i = 0; i < server->loop_count; i++) {
        const struct connection_counters *counters = &server->loops[i]->loop.counters;

        sum.connections_total += atomic_load(&counters->connections);
        sum.connections_refused += atomic_load(&counters->refused);
        sum.connections_refused_address += atomic_load(&counters->refused_address);
        sum.connections_evicted += atomic_load(&counters->evicted);
        sum.requests_total += atomic_load(&counters->requests);
        sum.deadline_cuts += atomic_load(&counters->deadline_cuts);
        sum.bad_requests += atomic_load(&counters->bad_requests);
        sum.unread_cuts += atomic_load(&counters->unread_cuts);
        sum.forwarded_untrusted += atomic_load(&counters->forwarded_untrusted);
    }
    return sum;
}
