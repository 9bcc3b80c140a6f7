/* tests/sim/main.c: the command line: one seed or many, totals, and shrinking what was found. */
#include "sim.h"

#include "telemetry/log.h"

#include <getopt.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STEPS_DEFAULT  3000
#define ACTORS_DEFAULT 24
#define WORKERS_MAX    16
#define SHRINK_TRIES   80
#define SHRINK_S_MAX   60
#define RUN_CPU_S_MAX  60

struct totals {
    uint64_t seeds, events, steps, simulated_ms, violations;
    uint64_t faults[FAULTS], torn, lost;
};

struct arguments {
    struct options options;
    uint64_t count;  /* of seeds */
    int64_t seconds; /* 0: until count is reached */
    int jobs;
    bool hash, twice, no_shrink;
};

static const char usage[] =
    "usage: boxoffice-sim [--seed S] [--steps N] [--faults LIST] [--actors N] [--bus NAME]\n"
    "                     [--trace]\n"
    "                     [--count N] [--seconds N] [--jobs N] [--hash] [--twice] [--no-shrink]\n"
    "  --seed S       the first seed (1); one seed decides everything of its run\n"
    "  --steps N      before faults stop and everything must settle (3000)\n"
    "  --faults LIST  comma-separated; only these may happen (default: all; \"none\")\n"
    "  --actors N     at most so many (24)\n"
    "  --bus NAME     embedded or nats (default: by the seed)\n"
    "  --trace        print every event of the run\n"
    "  --count N      so many seeds, one after the other (1)\n"
    "  --seconds N    as many seeds as fit into this time\n"
    "  --jobs N       in so many processes (1)\n"
    "  --hash         print each seed's trace hash\n"
    "  --twice        run each seed twice: the trace hashes must be the same\n"
    "  --no-shrink    report a violation as it was found\n";

/* --- signals: an assertion or a crash of the program is a violation too ----------------------- */

static void on_crash(int number)
{
    signal(number, SIG_DFL);
    violation(INVARIANT_NONE, NULL, "%s", number == SIGABRT ? "an assertion failed" : "a crash");
}

/* A run takes about a second of the processor, and some that restart all the time a few. */
static void on_endless(int number)
{
    signal(number, SIG_DFL);
    violation(12, NULL, "a step that never ends");
}

static void begin_patience(void)
{
    const struct itimerval patience = {.it_value = {.tv_sec = RUN_CPU_S_MAX}};

    signal(SIGVTALRM, on_endless);
    setitimer(ITIMER_VIRTUAL, &patience, NULL);
}

static void catch_crashes(void)
{
    static const int numbers[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        signal(numbers[i], on_crash);
}

static int64_t monotonic_ms(void)
{
    return clock_monotonic_us() / 1000;
}

/* --- runs ------------------------------------------------------------------------------------ */

static void run_one(const struct arguments *arguments, uint64_t seed, struct totals *totals)
{
    struct options options = arguments->options;
    uint64_t hash;

    options.seed = seed;
    begin_patience();
    hash = sim_run(&options);
    totals->seeds++;
    totals->events += sim.events;
    totals->steps += (uint64_t)sim.step;
    totals->simulated_ms += (uint64_t)(sim.now_ms - INT64_C(1767225600000));
    if (arguments->hash)
        printf("seed %llu: %016llx\n", (unsigned long long)seed, (unsigned long long)hash);
    if (!arguments->twice) return;
    CHECK(14, NULL, sim_run(&options) == hash, "the same seed ran differently: %016llx",
          (unsigned long long)hash);
}

/* The seeds of one of several workers: every jobs-th. */
static void run_seeds(const struct arguments *arguments, int worker, struct totals *totals)
{
    int64_t until_ms = monotonic_ms() + arguments->seconds * 1000;

    for (uint64_t i = (uint64_t)worker; arguments->seconds || i < arguments->count;
         i += (uint64_t)arguments->jobs) {
        if (arguments->seconds && monotonic_ms() >= until_ms) break;
        run_one(arguments, arguments->options.seed + i, totals);
    }
    memcpy(totals->faults, fault_counts, sizeof totals->faults);
    totals->torn = torn_writes;
    totals->lost = lost_writes;
}

/* --- shrinking: the same violation with fewer steps, faults and people ----------------------- */

/* The invariant that this run breaks, -1 when none. */
static int invariant_of(const struct options *options)
{
    char line[256] = "";
    int ends[2], status, invariant = -1;
    FILE *out;
    pid_t child;

    if (pipe(ends) != 0) return -1;
    fflush(stdout);
    child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        begin_patience();
        sim_run(options);
        _exit(0);
    }
    close(ends[1]);
    out = fdopen(ends[0], "r");
    while (out && fgets(line, sizeof line, out)) {
        const char *mark = strstr(line, " invariant ");

        if (strncmp(line, "VIOLATION", 9) == 0 && mark && invariant < 0)
            invariant = atoi(mark + 11);
    }
    if (out) fclose(out);
    waitpid(child, &status, 0);
    return invariant;
}

static void print_command(const struct options *options)
{
    bool first = true;

    printf("boxoffice-sim --seed %llu --steps %lld --actors %d --faults ",
           (unsigned long long)options->seed, (long long)options->steps, options->actors);
    for (enum fault fault = 0; fault < FAULTS; fault++) {
        if (!(options->faults >> fault & 1)) continue;
        printf("%s%s", first ? "" : ",", fault_name(fault));
        first = false;
    }
    printf("%s", first ? "none" : "");
    printf("%s\n", options->bus == 0 ? "" : options->bus == 1 ? " --bus embedded" : " --bus nats");
}

static void shrink(struct options options, int invariant)
{
    int64_t until_ms = monotonic_ms() + SHRINK_S_MAX * 1000;
    struct options smaller;
    int tries = 0;

    for (enum fault fault = 0; fault < FAULTS && tries < SHRINK_TRIES; fault++) {
        if (!(options.faults >> fault & 1) || monotonic_ms() > until_ms) continue;
        smaller = options;
        smaller.faults &= ~(UINT64_C(1) << fault);
        tries++;
        if (invariant_of(&smaller) == invariant) options = smaller;
    }
    for (int actors = 2; actors < options.actors && monotonic_ms() < until_ms; actors *= 2) {
        smaller = options;
        smaller.actors = actors;
        if (invariant_of(&smaller) == invariant) options = smaller;
    }
    for (int64_t less = options.steps / 2; less > 4 && monotonic_ms() < until_ms; less /= 2) {
        smaller = options;
        smaller.steps -= less;
        if (smaller.steps > 0 && invariant_of(&smaller) == invariant) options = smaller;
    }
    printf("shrunk: ");
    print_command(&options);
}

/* --- totals --------------------------------------------------------------------------------- */

static void add(struct totals *sum, const struct totals *part)
{
    sum->seeds += part->seeds;
    sum->events += part->events;
    sum->steps += part->steps;
    sum->simulated_ms += part->simulated_ms;
    sum->torn += part->torn;
    sum->lost += part->lost;
    for (enum fault fault = 0; fault < FAULTS; fault++)
        sum->faults[fault] += part->faults[fault];
}

static void print_totals(const struct totals *totals, int64_t took_ms)
{
    enum fault rarest = 0;

    printf("seeds %llu, simulated events %llu, steps %llu, %.1f s: %.0f events/s, %.0f x real "
           "time\n",
           (unsigned long long)totals->seeds, (unsigned long long)totals->events,
           (unsigned long long)totals->steps, (double)took_ms / 1000,
           (double)totals->events * 1000 / (double)(took_ms ? took_ms : 1),
           (double)totals->simulated_ms / (double)(took_ms ? took_ms : 1));
    printf("faults:");
    for (enum fault fault = 0; fault < FAULTS; fault++) {
        printf("%s %s %llu", fault ? "," : "", fault_name(fault),
               (unsigned long long)totals->faults[fault]);
        if (totals->faults[fault] < totals->faults[rarest]) rarest = fault;
    }
    printf("; torn writes %llu, lost writes %llu\n", (unsigned long long)totals->torn,
           (unsigned long long)totals->lost);
    printf("rarest: %s %llu\n", fault_name(rarest), (unsigned long long)totals->faults[rarest]);
    printf("violations %llu\n", (unsigned long long)totals->violations);
}

/* --- workers --------------------------------------------------------------------------------- */

/* What a worker prints goes to a file of its own, so that reports do not mix. */
struct worker {
    pid_t pid;
    FILE *output;
    int results[2];
};

static void start_worker(struct worker *worker, const struct arguments *arguments, int number)
{
    worker->output = tmpfile();
    ASSERT(worker->output && pipe(worker->results) == 0);
    fflush(stdout);
    worker->pid = fork();
    ASSERT(worker->pid >= 0);
    if (worker->pid == 0) {
        static struct totals totals;
        ssize_t written;

        dup2(fileno(worker->output), STDOUT_FILENO);
        run_seeds(arguments, number, &totals);
        fflush(stdout);
        written = write(worker->results[1], &totals, sizeof totals);
        exit(written == sizeof totals ? 0 : 1);
    }
    close(worker->results[1]);
}

/* True when it found a violation, whose seed and invariant are then known. */
static bool end_worker(struct worker *worker, struct totals *sum, uint64_t *seed, int *invariant)
{
    static struct totals totals;
    char line[1024];
    bool found = false;
    int status;

    if (read(worker->results[0], &totals, sizeof totals) == sizeof totals) add(sum, &totals);
    waitpid(worker->pid, &status, 0);
    rewind(worker->output);
    while (fgets(line, sizeof line, worker->output)) {
        unsigned long long number;

        fputs(line, stdout);
        if (found ||
            sscanf(line, "VIOLATION seed %llu step %*d invariant %d", &number, invariant) != 2)
            continue;
        *seed = number;
        found = true;
    }
    if (!found && status != 0) printf("VIOLATION: a worker died with status %d\n", status);
    fclose(worker->output);
    close(worker->results[0]);
    return found || status != 0;
}

static int run_all(const struct arguments *arguments)
{
    static struct worker workers[WORKERS_MAX];
    struct totals sum = {0};
    int64_t began_ms = monotonic_ms();
    struct options options = arguments->options;
    int invariant = -1;

    for (int i = 0; i < arguments->jobs; i++)
        start_worker(&workers[i], arguments, i);
    for (int i = 0; i < arguments->jobs; i++)
        if (end_worker(&workers[i], &sum, &options.seed, &invariant)) sum.violations++;
    print_totals(&sum, monotonic_ms() - began_ms);
    if (sum.violations && invariant >= 0 && !arguments->no_shrink) shrink(options, invariant);
    return sum.violations ? VIOLATION_STATUS : 0;
}

/* --- the command line ------------------------------------------------------------------------ */

static bool take_faults(const char *list, uint64_t *out)
{
    *out = 0;
    if (strcmp(list, "none") == 0) return true;
    while (*list) {
        size_t len = strcspn(list, ",");
        enum fault fault;

        if (!fault_parse((struct str){list, len}, &fault)) {
            fprintf(stderr, "boxoffice-sim: no fault \"%.*s\"; there are:", (int)len, list);
            for (fault = 0; fault < FAULTS; fault++)
                fprintf(stderr, " %s", fault_name(fault));
            fprintf(stderr, "\n");
            return false;
        }
        *out |= UINT64_C(1) << fault;
        list += len + (list[len] == ',');
    }
    return true;
}

static bool take_bus(const char *name, int *bus)
{
    if (strcmp(name, "embedded") == 0) *bus = 1;
    if (strcmp(name, "nats") == 0) *bus = 2;
    return *bus != 0;
}

static bool take_arguments(int count, char **texts, struct arguments *out)
{
    static const struct option names[] = {
        {"seed", required_argument, NULL, 's'},
        {"steps", required_argument, NULL, 'n'},
        {"faults", required_argument, NULL, 'f'},
        {"actors", required_argument, NULL, 'a'},
        {"trace", no_argument, NULL, 't'},
        {"count", required_argument, NULL, 'c'},
        {"seconds", required_argument, NULL, 'd'},
        {"jobs", required_argument, NULL, 'j'},
        {"hash", no_argument, NULL, 'h'},
        {"twice", no_argument, NULL, '2'},
        {"no-shrink", no_argument, NULL, 'S'},
        {"bus", required_argument, NULL, 'b'},
        {NULL, 0, NULL, 0},
    };
    int letter;

    *out = (struct arguments){
        .options = {.seed = 1,
                    .steps = STEPS_DEFAULT,
                    .faults = ~UINT64_C(0),
                    .actors = ACTORS_DEFAULT},
        .count = 1,
        .jobs = 1,
    };
    while ((letter = getopt_long(count, texts, "", names, NULL)) != -1) {
        if (letter == 's') out->options.seed = strtoull(optarg, NULL, 0);
        if (letter == 'n') out->options.steps = atoll(optarg);
        if (letter == 'a') out->options.actors = atoi(optarg);
        if (letter == 't') out->options.trace = true;
        if (letter == 'c') out->count = strtoull(optarg, NULL, 0);
        if (letter == 'd') out->seconds = atoll(optarg);
        if (letter == 'j') out->jobs = atoi(optarg);
        if (letter == 'h') out->hash = true;
        if (letter == '2') out->twice = true;
        if (letter == 'S') out->no_shrink = true;
        if (letter == 'b' && !take_bus(optarg, &out->options.bus)) return false;
        if (letter == 'f' && !take_faults(optarg, &out->options.faults)) return false;
        if (letter == '?') return false;
    }
    return optind == count && out->jobs >= 1 && out->jobs <= WORKERS_MAX &&
           out->options.actors >= 2 && out->options.actors <= ACTORS_MAX && out->options.steps > 0;
}

int main(int count, char **texts)
{
    static struct arguments arguments;

    if (!take_arguments(count, texts, &arguments)) {
        fputs(usage, stderr);
        return 2;
    }
    log_set_level(getenv("SIMLOG") ? LOG_DEBUG
                                   : (enum log_level)(LOG_ERROR + 1)); /* faults are no news here */
    catch_crashes();
    return run_all(&arguments);
}
