/* runtime/signals.c: see runtime/signals.h. */
#include "runtime/signals.h"

#include "runtime/settings.h"
#include "telemetry/log.h"
#include "client/http_client.h"
#include "runtime/notify.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_BYTES_MAX 4096

void signals_block(sigset_t *set)
{
    static const int ignored[] = {SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM};

    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, set, NULL); /* inherited by every thread; the main one waits */
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        signal(ignored[i], SIG_IGN);
}

static void reload(const struct settings *settings, struct session_keys *keys)
{
    struct key_source source = settings_key_source(settings);
    struct buf why;

    buf_init(&why, NULL, 4096);
    if (session_keys_reload(&source, keys, &why))
        log_event(LOG_INFO, "boxoffice", "reloaded",
                  log_text("keys", settings->jwt_key ? STR("JWT_KEY, at a restart only")
                                                     : STR("read again")),
                  log_text("settings", STR("at a restart only")));
    else
        log_event(LOG_ERROR, "boxoffice", "reload.failed", log_text("reason", buf_str(&why)));
    buf_free(&why);
}

/* Somebody who asks over the network is answered: the loops turn. */
static bool is_answering(const struct settings *settings, int port, struct http_client *client,
                         struct arena *arena, int64_t most_ms)
{
    const char *host = settings->host;
    char url[LISTEN_HOST_MAX + 64];
    struct http_client_request request = {.method = "GET",
                                          .url = url,
                                          .connect_ms_max = most_ms,
                                          .total_ms_max = most_ms,
                                          .answer_bytes_max = ANSWER_BYTES_MAX};
    struct http_client_answer answer;

    if (strcmp(host, "0.0.0.0") == 0) host = "127.0.0.1";
    if (strcmp(host, "::") == 0) host = "::1";
    snprintf(url, sizeof url, strchr(host, ':') ? "http://[%s]:%d/healthz" : "http://%s:%d/healthz",
             host, port);
    arena_reset(arena);
    return http_client_ask(client, arena, &request, &answer) == HTTP_CLIENT_OK;
}

/* The next signal; meanwhile the service manager's watchdog hears that all is well, while it is. */
static int watched_signal(const struct settings *settings, int port, const sigset_t *set,
                          int64_t every_ms)
{
    struct timespec pause = {.tv_sec = every_ms / 1000, .tv_nsec = every_ms % 1000 * 1000000};
    struct http_client *client = http_client_new();
    struct arena *arena = arena_new(16 * ANSWER_BYTES_MAX);
    int number;

    while ((number = sigtimedwait(set, NULL, &pause)) < 0)
        if (client && arena && is_answering(settings, port, client, arena, every_ms))
            notify_send("WATCHDOG=1");
    http_client_free(client);
    arena_free(arena);
    return number;
}

static int next_signal(const struct settings *settings, int port, const sigset_t *set)
{
    int64_t every_ms = notify_watchdog_ms();
    int number = 0;

    if (every_ms) return watched_signal(settings, port, set, every_ms);
    sigwait(set, &number);
    return number;
}

int signals_wait(const struct settings *settings, struct session_keys *keys, int port,
                 const sigset_t *set)
{
    bool terminal = isatty(STDIN_FILENO);
    int number;

    notify_send("READY=1");
    while ((number = next_signal(settings, port, set)) == SIGHUP && !terminal)
        reload(settings, keys);
    notify_send("STOPPING=1");
    return number;
}
