/* runtime/serve.c: the process around the app: its limits, heap, sandbox and signals. */
#include "runtime/serve.h"

#include "telemetry/log.h"
#include "telemetry/span_export.h"
#include "runtime/app.h"
#include "runtime/app_view.h"
#include "runtime/database.h"
#include "runtime/notify.h"
#include "runtime/sandbox/sandbox.h"
#include "runtime/signals.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define DESCRIPTORS_MIN 256
#define HEAP_STEP_BYTES (16 * 1024 * 1024)

/* A machine's cores are shared by the loops, the writers and the kernel; one loop answers six
 * figures of requests a second. */
static int loops_for(long cores)
{
    int loops = (int)(cores / 2);

    if (loops < 1) return 1;
    return loops > LOOPS_MAX ? LOOPS_MAX : loops;
}

/* Sockets for many thousands of connections; the kernel's hard limit is the operator's say. False:
 * there are too few for the databases and some visitors. */
static bool raise_descriptor_limit(struct buf *why)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return true;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max >= DESCRIPTORS_MIN) return true;
    buf_printf(why,
               "the limit of open files is %lld, and it takes %d at least: raise it (ulimit -n, or "
               "LimitNOFILE= of the unit)",
               (long long)limit.rlim_max, DESCRIPTORS_MIN);
    return false;
}

/* Gives up what serving does not take, as long as there is but this thread. */
static void enter_sandbox(const struct settings *settings)
{
    const char *missing = settings->sandbox ? sandbox_missing() : "SANDBOX=off";
    struct sandbox_plan plan = {{settings->data, settings->sqlite_dir},
                                {settings->port, settings_monitoring_port(settings)}};

    if (!missing)
        sandbox_begin(&plan);
    else
        log_event(LOG_WARN, "boxoffice", "sandbox", log_text("off", str_of(missing)));
}

/* The key is in the sessions' own memory by now, and nobody else looks for it. */
static void wipe_key(const struct settings *settings)
{
    char *key = getenv("JWT_KEY");

    if (settings->jwt_key && key) explicit_bzero(key, strlen(key));
}

/* The heap grows and shrinks in large steps: each is a change of the process's memory map, which
 * waits for whoever holds that. A hashing thread does, for the 19 MiB it takes and gives back each
 * time, and it may be kept from running meanwhile: it stands back behind the one that waits. */
static void set_up_heap(void)
{
    mallopt(M_ARENA_MAX, 4); /* one heap a thread would keep memory that nobody uses */
    mallopt(M_TOP_PAD, HEAP_STEP_BYTES);
    mallopt(M_TRIM_THRESHOLD, 2 * HEAP_STEP_BYTES);
    mallopt(M_MMAP_THRESHOLD, HEAP_STEP_BYTES / 2); /* no maps of their own for single answers */
}

static void print_address(const char *what, const char *host, int port)
{
    bool v6 = strchr(host, ':') != NULL;

    printf("%s on http://%s%s%s:%d\n", what, v6 ? "[" : "", host, v6 ? "]" : "", port);
}

int app_serve(const struct settings *settings, const struct service_definition *const *definitions,
              size_t count, size_t known_count)
{
    struct app *app = calloc(1, sizeof *app);
    struct buf why;
    sigset_t signals;
    int code = 1;
    enum err err;

    if (!app) {
        fputs("boxoffice: cannot start: out of memory\n", stderr);
        return 1;
    }
    log_assertions();
    set_up_heap();
    umask(0077); /* whatever this program makes is its user's alone */
    signals_block(&signals);
    buf_init(&why, NULL, 4096);
    app->settings = settings;
    app->clock = &clock_system;
    app->random = &random_system;
    app->known = definitions;
    app->known_count = known_count;
    app->loops = loops_for(sysconf(_SC_NPROCESSORS_ONLN));
    err = raise_descriptor_limit(&why) && data_folders_make(settings, &why) ? OK : ERR_IO;
    if (err == OK) {
        notify_open();
        enter_sandbox(settings);
        err = app_open(app, definitions, count, &why);
        wipe_key(settings);
    }
    if (err == OK && settings->otlp_endpoint && !spans_start(settings->otlp_endpoint))
        err = ERR_MEMORY;
    if (err == OK) err = app_start(app, &why);
    if (err) {
        if (why.len)
            fprintf(stderr, "boxoffice: %.*s\n", (int)why.len, why.at);
        else
            fprintf(stderr, "boxoffice: cannot start: %s\n", err_code(err));
    } else {
        print_address("listening", settings->host, http_server_port(app->server));
        print_address("monitoring", settings->monitoring_host,
                      http_server_monitoring_port(app->server));
        fflush(stdout);
        log_event(LOG_INFO, "boxoffice", "started", log_text("version", STR(BOXOFFICE_VERSION)),
                  log_text("data", str_of(settings->data)), log_int("services", (int64_t)count - 1),
                  log_int("startMs", app_uptime_ms(app)));
        log_event(LOG_INFO, "boxoffice", "stopping",
                  log_int("signal", signals_wait(settings, app->keys, http_server_port(app->server),
                                                 &signals)));
        code = 0;
    }
    app_close(app);
    notify_close();
    spans_stop();
    buf_free(&why);
    free(app);
    return code;
}
