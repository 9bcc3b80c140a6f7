/* tests/sim/bank.c: the card processor. It keeps its own books, by idempotency key, and they are
 * what the program's word about money is held against. */
#include "sim.h"

#include "services/payments/gateway.h"

struct charge_record {
    char key[25], order[25];
    int64_t amount_cents;
    enum gateway_result result;
    char token[64];
    char id[32];
    bool refunded;
};

static struct {
    struct charge_record *records;
    size_t count, cap;
} bank;

void bank_begin(void)
{
    bank.count = 0;
}

static struct charge_record *find(const char *key)
{
    for (size_t i = bank.count; i-- > 0;)
        if (strcmp(bank.records[i].key, key) == 0) return &bank.records[i];
    return NULL;
}

static struct charge_record *make(const struct gateway_charge *charge, const char *key)
{
    struct charge_record *record;

    if (bank.count == bank.cap) {
        bank.cap = bank.cap * 2 + 64;
        bank.records = realloc(bank.records, bank.cap * sizeof *bank.records);
        ASSERT(bank.records);
    }
    record = &bank.records[bank.count++];
    *record = (struct charge_record){.amount_cents = charge->amount_cents};
    snprintf(record->key, sizeof record->key, "%s", key);
    snprintf(record->order, sizeof record->order, "%s", object_id_text(charge->order_id).hex);
    snprintf(record->token, sizeof record->token, "%.63s", charge->token);
    snprintf(record->id, sizeof record->id, "ch_%llx",
             (unsigned long long)chance_next(&sim.people));
    return record;
}

/* The answer that counts for this key, made the first time it is asked. */
static void decide(struct charge_record *record)
{
    if (strncmp(record->token, "tok_visa", 8) == 0)
        record->result = fault_now(FAULT_CARD_DECLINE) ? GATEWAY_DECLINED : GATEWAY_DONE;
    else
        record->result = strncmp(record->token, "tok_decline", 11) == 0 ? GATEWAY_DECLINED
                                                                         : GATEWAY_REFUSED;
}

static void check_charge(const struct charge_record *record)
{
    const struct m_order *order = model_order(record->order);
    int64_t held = bank_held_for(record->order);

    CHECK(3, record->order, order, "money was taken for an order nobody committed");
    CHECK(4, record->order, record->amount_cents == order->price_cents,
          "charged %lld cents for an order of %lld", (long long)record->amount_cents,
          (long long)order->price_cents);
    CHECK(3, record->order, held == record->amount_cents, "the bank holds %lld cents twice",
          (long long)held);
}

static void bank_charge(const struct gateway *gateway, const struct gateway_charge *charge,
                        struct gateway_outcome *outcome)
{
    struct object_id_text key = object_id_text(charge->key);
    struct charge_record *record = find(key.hex);
    bool lost = fault_now(FAULT_GATEWAY_LOST), error = fault_now(FAULT_GATEWAY_ERROR);

    (void)gateway;
    *outcome = (struct gateway_outcome){.kind = GATEWAY_UNKNOWN};
    trace("bank.asked", object_id_text(charge->order_id).hex, charge->amount_cents, lost || error);
    if (lost || error) return;
    if (record) {
        CHECK(10, record->order, strcmp(record->token, charge->token) == 0 &&
                                     record->amount_cents == charge->amount_cents,
              "one key, two different charges");
    } else {
        record = make(charge, key.hex);
        decide(record);
        trace("bank.decided", record->order, record->amount_cents, record->result);
        if (record->result == GATEWAY_DONE) check_charge(record);
    }
    if (fault_now(FAULT_GATEWAY_DONE)) return;
    outcome->kind = record->result;
    if (record->result == GATEWAY_DONE)
        snprintf(outcome->id, sizeof outcome->id, "%s", record->id);
    else
        snprintf(outcome->reason, sizeof outcome->reason, "%s",
                 record->result == GATEWAY_DECLINED ? "Your card was declined." : "No such token");
}

const struct gateway bank_gateway = {.charge = bank_charge};

/* --- the books ----------------------------------------------------------------------------- */

static bool holds(const struct charge_record *record)
{
    return record->result == GATEWAY_DONE && !record->refunded;
}

int64_t bank_held_for(const char *order_id)
{
    int64_t sum = 0;

    for (size_t i = 0; i < bank.count; i++)
        if (holds(&bank.records[i]) && strcmp(bank.records[i].order, order_id) == 0)
            sum += bank.records[i].amount_cents;
    return sum;
}

int64_t bank_held(void)
{
    int64_t sum = 0;

    for (size_t i = 0; i < bank.count; i++)
        if (holds(&bank.records[i])) sum += bank.records[i].amount_cents;
    return sum;
}

bool bank_captured(const char *charge_id)
{
    const struct charge_record *record = find(charge_id);

    return record && record->result == GATEWAY_DONE;
}

bool bank_declined(const char *charge_id)
{
    const struct charge_record *record = find(charge_id);

    return record && record->result == GATEWAY_DECLINED;
}

bool bank_ever_captured_for(const char *order_id)
{
    for (size_t i = 0; i < bank.count; i++)
        if (bank.records[i].result == GATEWAY_DONE && strcmp(bank.records[i].order, order_id) == 0)
            return true;
    return false;
}

void bank_each(void (*see)(const char *charge_id, const char *order_id, int64_t amount_cents,
                           bool captured, bool refunded))
{
    for (size_t i = 0; i < bank.count; i++) {
        const struct charge_record *record = &bank.records[i];

        see(record->key, record->order, record->amount_cents, record->result == GATEWAY_DONE,
            record->refunded);
    }
}

size_t bank_charges(void)
{
    return bank.count;
}
