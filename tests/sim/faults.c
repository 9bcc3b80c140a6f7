/* tests/sim/faults.c: what may go wrong in a run, and how often. */
#include "sim.h"

#define OFTEN 0.4 /* highest rate of what has few opportunities */

struct fault_row {
    const char *name;
    double most; /* highest probability at each opportunity */
};

static const struct fault_row rows[FAULTS] = {
#define X(name, text, most) [FAULT_##name] = {text, most},
    FAULT_MAP(X)
#undef X
};

static struct {
    double rate[FAULTS]; /* of this run */
    struct chance chance[FAULTS];
} faults;

uint64_t fault_counts[FAULTS];

const char *fault_name(enum fault fault)
{
    return rows[fault].name;
}

bool fault_parse(struct str name, enum fault *out)
{
    for (enum fault fault = 0; fault < FAULTS; fault++) {
        if (!str_eq(name, str_of(rows[fault].name))) continue;
        *out = fault;
        return true;
    }
    return false;
}

/* What has few opportunities in a run beside other faults is more often among the few, and the only
 * kind of a run. */
static const struct {
    enum fault fault;
    int64_t share;
} rare[] = {{FAULT_REFUND_FAIL, 24},  {FAULT_CARD_DECLINE, 6},   {FAULT_WEBHOOK_LOST, 5},
            {FAULT_GATEWAY_DONE, 1},  {FAULT_WEBHOOK_REPEAT, 1}, {FAULT_DISPUTE, 6},
            {FAULT_REFUND_BOUNCE, 3}, {FAULT_SUSPEND, 4}};

#define RARE_SHARES 56 /* of all of them; each kind has one more */

static bool is_rare(enum fault fault)
{
    for (size_t i = 0; i < sizeof rare / sizeof *rare; i++)
        if (rare[i].fault == fault) return true;
    return false;
}

/* What does nothing alone comes with what makes it matter: by a bit each. */
static uint64_t company(enum fault fault)
{
    static const uint64_t one = 1;

    switch (fault) {
    case FAULT_BANK_REFUND:
        return one << FAULT_GATEWAY_LATE;
    case FAULT_DISPUTE:
        return one << FAULT_BANK_REFUND | one << FAULT_REFUND_BOUNCE | one << FAULT_WEBHOOK_LATE;
    case FAULT_REFUND_BOUNCE:
        return one << FAULT_BANK_REFUND | one << FAULT_DISPUTE;
    case FAULT_SUSPEND:
        return one << FAULT_EVENT_DELAY | one << FAULT_EVENT_REORDER | one << FAULT_GATEWAY_LATE;
    default:
        return 0;
    }
}

static enum fault some_fault(struct chance *chance)
{
    int64_t drawn = chance_below(chance, FAULTS + RARE_SHARES) - FAULTS;
    size_t at = 0;

    if (drawn < 0) return (enum fault)(drawn + FAULTS);
    while (drawn >= rare[at].share)
        drawn -= rare[at++].share;
    return rare[at].fault;
}

/* Some runs have no faults, some one kind, some a few, some all; each kind has its own rate, from a
 * hundredth of its highest upwards, or from a quarter of it where opportunities are rare. */
void faults_begin(uint64_t seed, uint64_t allowed)
{
    struct chance chance = {seed ^ UINT64_C(0xFA0175)};
    int64_t mode = chance_below(&chance, 10);
    enum fault only = some_fault(&chance);

    for (enum fault fault = 0; fault < FAULTS; fault++) {
        double rate = rows[fault].most;
        bool few = chance_hit(&chance, is_rare(fault) ? 0.5 : 0.25);
        bool with_it = fault == only || company(only) >> fault & 1;
        bool on = mode >= 7 || (mode >= 4 && few) || (mode >= 1 && mode < 4 && with_it);

        for (int64_t halvings = chance_below(&chance, rate < OFTEN ? 7 : 3); halvings > 0;
             halvings--)
            rate /= 2;
        faults.rate[fault] = on && allowed >> fault & 1 ? rate : 0;
        faults.chance[fault].state = seed * UINT64_C(0x9E3779B97F4A7C15) + (uint64_t)fault;
        (void)chance_next(&faults.chance[fault]);
    }
}

void faults_end(void)
{
    memset(faults.rate, 0, sizeof faults.rate);
}

bool fault_possible(enum fault fault)
{
    return faults.rate[fault] > 0;
}

bool fault_now(enum fault fault)
{
    if (sim.watching || faults.rate[fault] <= 0) return false;
    if (!chance_hit(&faults.chance[fault], faults.rate[fault])) return false;
    fault_counts[fault]++;
    trace("fault", NULL, (int64_t)fault, 0);
    return true;
}

bool faults_of_disk(void)
{
    static const enum fault kinds[] = {FAULT_DISK_FULL,  FAULT_WRITE_ERROR,  FAULT_SYNC_ERROR,
                                       FAULT_READ_ERROR, FAULT_CRASH_INSIDE, FAULT_ITEM_UNDONE};
    bool any = sim.healing; /* what they left may still show */

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        any |= faults.rate[kinds[i]] > 0;
    return any;
}

struct chance *fault_chance(enum fault fault)
{
    return &faults.chance[fault];
}
