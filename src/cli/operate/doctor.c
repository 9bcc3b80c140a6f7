/* cli/operate/doctor.c: boxoffice doctor: is all well, and if not, what is wrong and what to do.
 * One line a finding: "ok", "warn" or "fail", what was looked at, what it found. Works beside a
 * server and without one. A further check is one function and one row of `checks`. */
#include "cli/operate/control.h"
#include "cli/operate/doctor.h"

#include "cli/data/facts.h"

#include "base/clock.h"
#include "base/json.h"
#include "telemetry/log.h"
#include "bus/bus.h"
#include "delay/delay.h"
#include "runtime/database.h"
#include "runtime/membership.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define DISK_FAIL_BYTES   (INT64_C(64) << 20)
#define DISK_WARN_BYTES   (INT64_C(1) << 30)
#define DISK_WARN_PERCENT 5
#define CLOCK_FIRST_MS    INT64_C(1704067200000) /* 2024 */
#define CLOCK_LAST_MS     INT64_C(4102444800000) /* 2100 */
#define CLOCK_AHEAD_MS    5000
#define CLOCK_SAMPLE_US   100000
#define CLOCK_STEP_US     50000
#define LAG_WARN          1000
#define LAG_FAIL          10000                           /* buyers see what was true long ago */
#define KEPT_WARN_MS      (2 * 24 * 3600 * INT64_C(1000)) /* beyond their time */
#define WAITING_WARN_MS   60000
#define POSITIONS_MAX     32
#define STEPS_MAX         64
#define LINE_BYTES        8192

void doctor_report(struct doctor *doctor, enum finding finding, const char *what,
                   const char *format, ...)
{
    static const char *const words[] = {"ok", "warn", "fail"};
    char line[LINE_BYTES];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    for (char *at = line; *at; at++)
        if (*at == '\n') *at = ' '; /* what SQLite finds has several lines */
    printf("%-4s %-12s %s\n", words[finding], what, line);
    if (finding > doctor->worst) doctor->worst = finding;
}

static const char *name_of(size_t index)
{
    return folder_service(index)->name;
}

/* --- files --------------------------------------------------------------------------------- */

/* Root may look at what is the service's; then all of it must be. */
static uid_t owner_wanted(const struct doctor *doctor)
{
    struct stat status;

    return geteuid() == 0 && stat(doctor->settings.data, &status) == 0 ? status.st_uid : geteuid();
}

static void check_file(struct doctor *doctor, const char *path, enum finding when_open)
{
    struct stat status;

    if (stat(path, &status) != 0) {
        doctor_report(doctor, FAIL, "permissions", "%s: %s", path, strerror(errno));
    } else if (status.st_mode & 077) {
        doctor_report(doctor, when_open, "permissions",
                      "%s can be used by others (mode %03o): chmod go= %s", path,
                      (unsigned)status.st_mode & 0777, path);
    } else if (status.st_uid != owner_wanted(doctor)) {
        doctor_report(doctor, WARN, "permissions",
                      "%s belongs to another user (%ld): run this as that user, or chown it", path,
                      (long)status.st_uid);
    } else {
        doctor_report(doctor, FINE, "permissions", "%s is its user's alone", path);
    }
}

static void check_permissions(struct doctor *doctor)
{
    char keys[8][NAME_BYTES], path[PATH_BYTES];
    int count;

    if (!file_exists(doctor->settings.data)) {
        doctor_report(doctor, WARN, "permissions",
                      "%s is not there: the first boxoffice serve makes it", doctor->settings.data);
        return;
    }
    check_file(doctor, doctor->settings.data, WARN);
    count = folder_names(doctor->settings.data, ".key", keys, 8);
    for (int i = 0; i < count; i++)
        if (path_join(path, doctor->settings.data, keys[i])) check_file(doctor, path, FAIL);
    if (path_join(path, folder_of(&doctor->settings), RESTORING_FOLDER) && file_exists(path))
        doctor_report(doctor, FAIL, "restore",
                      "%s: a restore was broken off: run boxoffice restore again", path);
}

static void check_disk(struct doctor *doctor)
{
    const char *folder = folder_of(&doctor->settings);
    struct statvfs status;
    int64_t free_bytes, percent;
    enum finding finding = FINE;

    if (statvfs(folder, &status) != 0 || status.f_blocks == 0) {
        if (file_exists(folder))
            doctor_report(doctor, FAIL, "disk", "%s: %s", folder, strerror(errno));
        return;
    }
    free_bytes = (int64_t)(status.f_bavail * status.f_frsize);
    percent = (int64_t)(100 * status.f_bavail / status.f_blocks);
    if (free_bytes < DISK_WARN_BYTES || percent < DISK_WARN_PERCENT) finding = WARN;
    if (free_bytes < DISK_FAIL_BYTES) finding = FAIL;
    doctor_report(doctor, finding, "disk", "%lld MiB (%lld%%) free at %s%s",
                  (long long)(free_bytes >> 20), (long long)percent, folder,
                  finding ? ": make room; when it is full, writes are answered 503" : "");
}

/* --- the clock ----------------------------------------------------------------------------- */

/* How much further the wall clock went than the monotonic one, in a moment. */
static int64_t clock_step_us(void)
{
    struct timespec pause = {.tv_nsec = CLOCK_SAMPLE_US * 1000};
    int64_t wall_ms = clock_wall(&clock_system).ms, steady_us = clock_monotonic_us();

    nanosleep(&pause, NULL);
    return (clock_wall(&clock_system).ms - wall_ms) * 1000 - (clock_monotonic_us() - steady_us);
}

/* Of all; WALL_NONE: there is none. */
static struct wall_ms newest_event(const struct doctor *doctor)
{
    struct wall_ms newest = WALL_NONE, time;

    for (size_t i = 0; i < FOLDER_DATABASES; i++)
        if (doctor->dbs[i] && outbox_last_time(tx_read(doctor->dbs[i], WALL_NONE), &time) == OK)
            newest = wall_later(newest, time);
    return newest;
}

static void check_clock(struct doctor *doctor)
{
    struct timex state = {.modes = 0};
    int64_t step_us = clock_step_us();
    struct wall_ms newest = newest_event(doctor), now = clock_wall(&clock_system);
    char time[ISO8601_LEN + 1];

    iso8601_format(now, time);
    if (now.ms < CLOCK_FIRST_MS || now.ms > CLOCK_LAST_MS)
        doctor_report(doctor, FAIL, "clock", "it says %s: set it", time);
    else if (wall_since(newest, now) > CLOCK_AHEAD_MS)
        doctor_report(
            doctor, FAIL, "clock",
            "it says %s, but the newest event was made %lld s later: it was set back; set it right",
            time, (long long)wall_since(newest, now) / 1000);
    else if (llabs(step_us) > CLOCK_STEP_US)
        doctor_report(doctor, WARN, "clock",
                      "it jumped by %lld ms just now: let it be slewed, not stepped",
                      (long long)step_us / 1000);
    else if (adjtimex(&state) == TIME_ERROR)
        doctor_report(doctor, WARN, "clock", "%s, but nothing keeps it right: run a time service",
                      time);
    else
        doctor_report(doctor, FINE, "clock", "%s", time);
}

/* --- settings ------------------------------------------------------------------------------ */

static void check_settings(struct doctor *doctor)
{
    doctor_report(doctor, FINE, "settings", "boxoffice %s, data in %s, databases %s%s",
                  BOXOFFICE_VERSION, doctor->settings.data,
                  doctor->settings.postgres_url ? "on PostgreSQL" : "in ",
                  doctor->settings.postgres_url ? "" : folder_of(&doctor->settings));
}

/* --- the databases ------------------------------------------------------------------------- */

/* An embedded one that is not there was not used yet. False: PostgreSQL does not answer. */
static bool open_database(struct doctor *doctor, size_t index)
{
    bool postgres = doctor->settings.postgres_url != NULL;
    char memory[512], *dsn = NULL;
    struct buf why = {.at = memory, .cap = sizeof memory, .max = sizeof memory};
    enum err err = service_dsn(&doctor->settings, name_of(index), &dsn, &why);

    if (err == OK && (postgres || file_exists(dsn)))
        err = db_open(dsn, DB_READER, &doctor->dbs[index], &why);
    if (err)
        doctor_report(doctor, FAIL, "databases", "%s: %.*s", name_of(index),
                      why.len ? (int)why.len : (int)strlen(err_message(err)),
                      why.len ? memory : err_message(err));
    free(dsn);
    return !postgres || err != ERR_UNAVAILABLE;
}

static void open_databases(struct doctor *doctor)
{
    size_t i = 0;

    while (i < FOLDER_DATABASES && open_database(doctor, i))
        i++;
}

static void check_databases(struct doctor *doctor)
{
    size_t sound = 0, there = 0;
    char memory[512];

    for (size_t i = 0; i < FOLDER_DATABASES; i++) {
        struct buf why = {.at = memory, .cap = sizeof memory, .max = sizeof memory};

        if (!doctor->dbs[i]) continue;
        there++;
        if (doctor->settings.postgres_url || db_check(doctor->dbs[i], &why) == OK)
            sound++;
        else
            doctor_report(doctor, FAIL, "databases", "%s.db is damaged (%.*s): restore a backup",
                          name_of(i), (int)why.len, memory);
    }
    if (doctor->settings.postgres_url && there < FOLDER_DATABASES) return; /* it was said why */
    if (sound == there)
        doctor_report(doctor, FINE, "databases",
                      doctor->settings.postgres_url ? "%zu, PostgreSQL answers" : "%zu, all sound",
                      there);
}

/* What two of them both know is the same in both. */
static void check_facts(struct doctor *doctor)
{
    struct bus_member members[FOLDER_DATABASES];
    struct buf why;
    size_t count = 0;

    if (doctor->settings.postgres_url || doctor->worst == FAIL) return;
    for (size_t i = 0; i < FOLDER_DATABASES; i++)
        if (doctor->dbs[i])
            members[count++] = (struct bus_member){.service = name_of(i),
                                                   .tx = tx_read(doctor->dbs[i], WALL_NONE)};
    buf_init(&why, doctor->arena, PATH_BYTES);
    if (facts_agree(members, count, &why) == ERR_CONFLICT)
        doctor_report(doctor, FAIL, "facts", "%.*s: restore a backup", (int)why.len, why.at);
}

static size_t steps_of(const struct service_definition *def)
{
    const struct migration *step;
    size_t count = 0;

    for (size_t part = 0; (step = service_schema(def, part)); part++)
        for (; step->name; step++)
            count++;
    return count;
}

/* Steps of a later version are what an older program must not touch. */
static bool schema_fits(struct doctor *doctor, size_t index)
{
    const struct service_definition *def = folder_service(index);
    const char *suffix = doctor->settings.postgres_url ? "" : ".db";
    struct str steps[STEPS_MAX];
    size_t count = 0, known = 0;

    if (db_steps(tx_read(doctor->dbs[index], WALL_NONE), doctor->arena, steps, STEPS_MAX, &count) !=
        OK) {
        if (doctor->settings.postgres_url)
            doctor_report(doctor, WARN, "schema",
                          "%s has no tables yet: its first start makes them", def->name);
        else
            doctor_report(doctor, FAIL, "schema", "%s.db is no database of boxoffice", def->name);
        return false;
    }
    for (size_t i = 0; i < count; i++)
        known += service_step_known(def, steps[i]);
    if (known < count)
        doctor_report(doctor, FAIL, "schema",
                      "%s%s was used by a later version: use that one, or restore "
                      "the backup from before",
                      def->name, suffix);
    else if (known < steps_of(def))
        doctor_report(doctor, doctor->served ? WARN : FINE, "schema",
                      "%s%s: %zu steps come with the next "
                      "start",
                      def->name, suffix, steps_of(def) - known);
    else
        return true;
    return false;
}

static void check_schemas(struct doctor *doctor)
{
    bool all = true, any = !doctor->settings.postgres_url;

    for (size_t i = 0; i < FOLDER_DATABASES; i++) {
        if (!doctor->dbs[i]) continue;
        any = true;
        all &= schema_fits(doctor, i);
    }
    if (all && any)
        doctor_report(doctor, FINE, "schema", "every database has the steps of this version");
}

/* --- events -------------------------------------------------------------------------------- */

static int64_t last_of(struct doctor *doctor, struct str service)
{
    int64_t last = 0;

    for (size_t i = 0; i < FOLDER_DATABASES; i++)
        if (doctor->dbs[i] && str_eq(str_of(name_of(i)), service))
            (void)outbox_last(tx_read(doctor->dbs[i], WALL_NONE), &last);
    return last;
}

/* Whether one was lost, replaced or is an older copy. With a broker each service may have a folder
 * of its own. */
static void check_members(struct doctor *doctor)
{
    struct bus_member members[FOLDER_DATABASES];
    struct buf why;
    size_t count = 0;
    enum err err;

    if (doctor->settings.postgres_url) {
        buf_init(&why, doctor->arena, PATH_BYTES);
        if (folder_members_check(&doctor->settings, &why) == ERR_CONFLICT)
            doctor_report(doctor, FAIL, "together", "%.*s", (int)why.len, why.at);
        return;
    }
    for (size_t i = 0; i < FOLDER_DATABASES; i++)
        if (doctor->dbs[i] || !doctor->settings.broker)
            members[count++] = (struct bus_member){
                .service = name_of(i),
                .tx = doctor->dbs[i] ? tx_read(doctor->dbs[i], WALL_NONE) : NULL};
    buf_init(&why, doctor->arena, PATH_BYTES);
    err = bus_members_agree(members, count, &why);
    if (err == ERR_CONFLICT)
        doctor_report(doctor, FAIL, "together", "%.*s%s", (int)why.len, why.at, MEMBERS_REMEDY);
    else if (err == OK)
        doctor_report(doctor, FINE, "together", "the databases belong together");
}

static void check_lag(struct doctor *doctor)
{
    struct bus_position positions[POSITIONS_MAX];
    int64_t greatest = 0, lag;
    const char *slowest = "";
    size_t count;
    enum finding finding;

    if (doctor->settings.broker) return; /* the broker knows: GET /streaming */
    for (size_t i = 0; doctor->lag < 0 && i < FOLDER_DATABASES; i++) {
        if (!doctor->dbs[i] || bus_positions(tx_read(doctor->dbs[i], WALL_NONE), doctor->arena,
                                             positions, POSITIONS_MAX, &count) != OK)
            continue;
        for (size_t j = 0; j < count; j++) {
            lag = last_of(doctor, positions[j].source) - positions[j].sequence;
            if (lag > greatest) slowest = name_of(i);
            if (lag > greatest) greatest = lag;
        }
    }
    if (doctor->lag >= 0) greatest = doctor->lag; /* it knows what it passed over */
    finding = greatest >= LAG_FAIL ? FAIL : greatest >= LAG_WARN ? WARN : FINE;
    if (!doctor->served && finding == FAIL) finding = WARN; /* they come with the next start */
    doctor_report(doctor, finding, "lag", "%lld events at most%s%s%s", (long long)greatest,
                  finding ? ", of " : "", finding ? slowest : "",
                  !finding         ? ""
                  : doctor->served ? ": look at its log lines for what slows it"
                                   : ": they are delivered when it runs again");
}

/* What somebody has not had is kept for him, however old it is. */
static void check_kept(struct doctor *doctor)
{
    struct wall_ms now = clock_wall(&clock_system), oldest;
    int64_t age_ms = doctor->settings.retention_ms;

    for (size_t i = 0; age_ms && doctor->served && i < FOLDER_DATABASES; i++) {
        if (!doctor->dbs[i] ||
            outbox_oldest_time(tx_read(doctor->dbs[i], WALL_NONE), &oldest) != OK || !oldest.ms ||
            wall_since(now, oldest) < age_ms + KEPT_WARN_MS)
            continue;
        doctor_report(
            doctor, WARN, "kept",
            "events of %s are older than RETENTION_DAYS: a service that does not run here, "
            "or a durable listener (boxoffice events durables), has not had them",
            name_of(i));
    }
}

static void check_waiting(struct doctor *doctor)
{
    struct wall_ms now = clock_wall(&clock_system), since;
    int64_t total = 0, count;
    bool well = true;

    for (size_t i = 0; i < FOLDER_DATABASES; i++) {
        struct tx *tx = doctor->dbs[i] ? tx_read(doctor->dbs[i], WALL_NONE) : NULL;

        if (!tx || waiting_count(tx, &count) != OK || waiting_since(tx, &since) != OK) continue;
        total += count;
        if (count == 0 || wall_since(now, since) < WAITING_WARN_MS) continue;
        well = false;
        doctor_report(
            doctor, WARN, "waiting",
            "%lld events wait in %s for an earlier version, the oldest for %lld s: see GET "
            "/streaming",
            (long long)count, name_of(i), (long long)wall_since(now, since) / 1000);
    }
    if (well)
        doctor_report(doctor, FINE, "waiting", "%lld events wait for an earlier version",
                      (long long)total);
}

static void check_dead(struct doctor *doctor)
{
    struct dead_letter newest;
    int64_t total;
    size_t count;
    bool none = true;

    for (size_t i = 0; i < FOLDER_DATABASES; i++) {
        if (!doctor->dbs[i] ||
            dead_letters(tx_read(doctor->dbs[i], WALL_NONE), doctor->arena, &newest, 1, &count,
                         &total) != OK ||
            total == 0)
            continue;
        none = false;
        doctor_report(
            doctor, WARN, "dead letters",
            "%lld in %s, the newest because %.*s: boxoffice events dead list --service %s",
            (long long)total, name_of(i), (int)newest.reason.len, newest.reason.at, name_of(i));
    }
    if (none) doctor_report(doctor, FINE, "dead letters", "none");
}

/* --- servers of others --------------------------------------------------------------------- */

/* The catalogue's subjects of that service, NULL-terminated. */
static void list_subjects(const char *service, const char *out[EVENT_TYPES + 1])
{
    size_t count = 0;

    for (enum event_type type = 0; type < EVENT_TYPES; type++)
        if (strcmp(event_publisher(type), service) == 0) out[count++] = event_subject(type);
    out[count] = NULL;
}

/* Whether the outboxes are as long as what the broker has had of them. */
static void check_published(struct doctor *doctor)
{
    const char *subjects[FOLDER_DATABASES][EVENT_TYPES + 1];
    struct bus_source sources[FOLDER_DATABASES];
    char *dsns[FOLDER_DATABASES] = {NULL};
    struct buf why;
    size_t count = 0;

    buf_init(&why, doctor->arena, PATH_BYTES);
    for (size_t i = 0; i < FOLDER_DATABASES; i++) {
        if (service_dsn(&doctor->settings, name_of(i), &dsns[i], &why) != OK) continue;
        list_subjects(name_of(i), subjects[i]);
        sources[count++] = (struct bus_source){
            name_of(i), dsns[i], folder_service(i)->administration ? NULL : subjects[i]};
    }
    buf_reset(&why);
    if (bus_broker_agrees(doctor->settings.broker, sources, count, &why) == ERR_CONFLICT)
        doctor_report(doctor, FAIL, "together", "%.*s", (int)why.len, why.at);
    for (size_t i = 0; i < FOLDER_DATABASES; i++)
        free(dsns[i]);
}

static void check_nats(struct doctor *doctor)
{
    const char *setting;
    int64_t events;
    enum err err;

    if (!doctor->settings.broker) return;
    err = bus_broker_check(doctor->settings.broker, &events, &setting);
    if (err == OK)
        doctor_report(doctor, FINE, "nats", "it answers; the stream holds %lld events",
                      (long long)events);
    else if (err == ERR_NOT_FOUND)
        doctor_report(doctor, WARN, "nats",
                      "it answers, without a stream: the next start makes it; if there "
                      "was one before, boxoffice bus refill");
    else if (err == ERR_CONFLICT)
        doctor_report(doctor, WARN, "nats",
                      "its stream is set up otherwise than here (%s): change it with "
                      "the nats tool, or delete it and let it be made anew",
                      setting);
    else
        doctor_report(doctor, FAIL, "nats",
                      "no server of NATS_URL takes a connection, or none has JetStream");
    if (err == OK || err == ERR_CONFLICT) check_published(doctor);
}

static void check_redis(struct doctor *doctor)
{
    struct delay *delay;

    if (!doctor->settings.delay) return;
    delay = delay_open(doctor->settings.delay, "doctor");
    if (delay && delay_ping(delay) == OK)
        doctor_report(doctor, FINE, "redis", "it answers");
    else
        doctor_report(doctor, WARN, "redis",
                      "no answer from REDIS_URL: reservations expire all the same, "
                      "later by up to some seconds");
    delay_close(delay);
}

/* --- the command --------------------------------------------------------------------------- */

static void (*const checks[])(struct doctor *) = {
    check_settings,  doctor_check_payments, check_permissions,    check_disk,
    check_clock,     doctor_check_server,   doctor_check_proxies, check_schemas,
    check_databases, check_facts,           check_members,        check_lag,
    check_kept,      check_waiting,         check_dead,           check_nats,
    check_redis,
};

/* PostgreSQL leaves no lock in a folder. */
static bool is_served(const struct doctor *doctor)
{
    struct http_stream *control;

    if (!doctor->settings.postgres_url) return folder_served(&doctor->settings);
    control = control_try(doctor->settings.data);
    http_stream_close(control);
    return control != NULL;
}

static int doctor_run(struct doctor *doctor)
{
    doctor->arena = arena_new(DOCTOR_ARENA_MAX);
    if (!doctor->arena) return FAIL;
    doctor->served = is_served(doctor);
    open_databases(doctor);
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        checks[i](doctor);
    for (size_t i = 0; i < FOLDER_DATABASES; i++)
        db_close(doctor->dbs[i]);
    arena_free(doctor->arena);
    return cli_finish() ? FAIL : (int)doctor->worst;
}

int cli_doctor(int count, char **words)
{
    struct doctor doctor = {.worst = FINE, .lag = -1};
    const char *data = NULL;
    const struct cli_option options[] = {{"data", &data, NULL}, {0}};
    int first, code = cli_options("doctor", count, words, options, &first);

    if (code >= 0) return code;
    if (first < count) return cli_refuse("doctor takes no words");
    if (!cli_settings(data, &doctor.settings)) return FAIL;
    log_set_level(LOG_ERROR); /* what is wrong is said in a finding */
    return doctor_run(&doctor);
}
