/* tests/sim/bank.c: the card processor. It keeps its own books, by idempotency key, and they are
 * what the program's word about money is held against. */
#include "sim.h"

#include "http/hmac.h"
#include "services/payments/gateway.h"

#define HOOKS_MAX 4096
#define NEWEST    3

struct charge_record {
    char key[25], order[25];
    int64_t amount_cents;
    enum gateway_result result;
    char token[64];
    char id[32], refund_id[32];
    bool refunded;
};

/* The bank says that something happened to a charge, until somebody answers 2xx. */
struct hook {
    size_t record;
    const char *type;
    int64_t number, due_ms;
    int tries;
    bool out, done;
};

static struct {
    struct charge_record *records;
    size_t count, cap;
    struct hook hooks[HOOKS_MAX];
    size_t hook_count;
    int64_t hook_number;
} bank;

void bank_begin(void)
{
    bank.count = bank.hook_count = 0;
    bank.hook_number = 0;
}

/* --- webhooks ------------------------------------------------------------------------------- */

static int64_t hook_delay_ms(void)
{
    if (fault_now(FAULT_WEBHOOK_LATE))
        return chance_below(fault_chance(FAULT_WEBHOOK_LATE), INT64_C(72) * 3600 * 1000);
    if (chance_hit(&sim.people, 0.5)) return 0; /* overtakes the answer to what it is about */
    return chance_below(&sim.people, chance_hit(&sim.people, 0.5) ? 500 : 10000);
}

static void tell(const struct charge_record *record, const char *type)
{
    struct hook *hook = &bank.hooks[bank.hook_count];

    if (bank.hook_count == HOOKS_MAX) return;
    *hook = (struct hook){.record = (size_t)(record - bank.records),
                          .type = type,
                          .number = bank.hook_number++,
                          .due_ms = sim.now_ms + hook_delay_ms()};
    bank.hook_count++;
    if (bank.hook_count == HOOKS_MAX || !fault_now(FAULT_WEBHOOK_REPEAT)) return;
    bank.hooks[bank.hook_count] = *hook;
    bank.hooks[bank.hook_count++].due_ms += hook_delay_ms();
}

static bool hook_due(const struct hook *hook)
{
    return !hook->out && !hook->done && hook->due_ms <= sim.now_ms;
}

size_t bank_hooks_due(void)
{
    size_t count = 0;

    for (size_t i = 0; i < bank.hook_count; i++)
        count += hook_due(&bank.hooks[i]);
    return count;
}

int64_t bank_next_ms(void)
{
    int64_t next_ms = INT64_MAX;

    for (size_t i = 0; i < bank.hook_count; i++) {
        const struct hook *hook = &bank.hooks[i];

        if (!hook->out && !hook->done && hook->due_ms < next_ms) next_ms = hook->due_ms;
    }
    return next_ms;
}

static const char *sign(struct call *call, const char *body)
{
    char time[24], header[128];
    struct hmac_text mac;
    struct str copy;

    snprintf(time, sizeof time, "%lld", (long long)(service_now_ms(PAYMENTS) / 1000));
    ASSERT(hmac_sha256(STR(WEBHOOK_SECRET),
                       (const struct str[]){str_of(time), STR("."), str_of(body)}, 3, &mac));
    snprintf(header, sizeof header, "t=%s,v1=%s", time, mac.hex);
    copy = arena_copy(call->rq.arena, str_of(header));
    return copy.at;
}

void bank_send_hook(size_t index)
{
    struct hook *hook = bank.hooks;
    const struct charge_record *record;
    struct call *call;
    char body[512];

    while (!hook_due(hook) || index-- > 0)
        hook++;
    if (fault_now(FAULT_WEBHOOK_LOST)) {
        hook->due_ms = sim.now_ms + chance_below(fault_chance(FAULT_WEBHOOK_LOST), 3600 * 1000);
        return;
    }
    record = &bank.records[hook->record];
    snprintf(body, sizeof body,
             "{\"id\":\"evt_%lld\",\"type\":\"%s\",\"data\":{\"object\":{\"id\":\"%s\","
             "\"metadata\":{\"charge_id\":\"%s\"}}}}",
             (long long)hook->number, hook->type, record->id, record->key);
    hook->out = true;
    call = call_new(-3, CALL_WEBHOOK, "", NULL, body);
    call->price_cents = hook - bank.hooks;
    call_header(call, "stripe-signature", sign(call, body));
    call_send(call);
}

/* Without a 2xx it comes again. */
void bank_hook_answer(const struct call *call)
{
    struct hook *hook = &bank.hooks[call->price_cents];

    hook->out = false;
    hook->done = !call->lost && call->rq.reply.status == 200;
    hook->due_ms = sim.now_ms + 1000 * (INT64_C(1) << (hook->tries < 10 ? hook->tries++ : 10));
    CHECK(INVARIANT_NONE, NULL, call->lost || hook->done || call->rq.reply.status >= 429,
          "a webhook was answered %d", call->rq.reply.status);
}

/* --- charges -------------------------------------------------------------------------------- */

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
        record->result =
            strncmp(record->token, "tok_decline", 11) == 0 ? GATEWAY_DECLINED : GATEWAY_REFUSED;
}

static bool holds(const struct charge_record *record)
{
    return record->result == GATEWAY_DONE && !record->refunded;
}

static void check_charge(const struct charge_record *record)
{
    const struct m_order *order = model_order(record->order);
    int64_t held = 0;

    for (size_t i = 0; i < bank.count; i++) {
        const struct charge_record *other = &bank.records[i];
        const struct m_charge *charge = model_charge(other->key);

        if (!holds(other) || strcmp(other->order, record->order) != 0) continue;
        if (other == record || !charge || strncmp(charge->status, "refund", 6) != 0)
            held += other->amount_cents; /* what is on its way back does not count */
    }
    CHECK(3, record->order, order, "money was taken for an order nobody committed");
    CHECK(4, record->order, record->amount_cents == order->price_cents,
          "charged %lld cents for an order of %lld", (long long)record->amount_cents,
          (long long)order->price_cents);
    CHECK(3, record->order, held == record->amount_cents, "the bank holds %lld cents twice",
          (long long)held);
}

static void give_back(struct charge_record *record)
{
    if (record->refunded) return;
    record->refunded = true;
    snprintf(record->refund_id, sizeof record->refund_id, "re_%llx",
             (unsigned long long)chance_next(&sim.people));
    trace("bank.refunded", record->order, record->amount_cents, 0);
    tell(record, "charge.refunded");
}

/* At once, while the answer that knows nothing of it is on its way. */
static void perhaps_give_back(struct charge_record *record, double probability)
{
    if (record->result == GATEWAY_DONE && fault_possible(FAULT_BANK_REFUND) &&
        chance_hit(fault_chance(FAULT_BANK_REFUND), probability))
        give_back(record);
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
        CHECK(10, record->order,
              strcmp(record->token, charge->token) == 0 &&
                  record->amount_cents == charge->amount_cents,
              "one key, two different charges");
    } else {
        record = make(charge, key.hex);
        decide(record);
        trace("bank.decided", record->order, record->amount_cents, record->result);
        if (record->result == GATEWAY_DONE) check_charge(record);
        if (chance_hit(&sim.people, 0.6))
            tell(record, record->result == GATEWAY_DONE ? "charge.succeeded" : "charge.failed");
        perhaps_give_back(record, 0.1);
    }
    if (fault_now(FAULT_GATEWAY_DONE)) return;
    outcome->kind = record->result;
    if (record->result == GATEWAY_DONE)
        snprintf(outcome->id, sizeof outcome->id, "%s", record->id);
    else
        snprintf(outcome->reason, sizeof outcome->reason, "%s",
                 record->result == GATEWAY_DECLINED ? "Your card was declined." : "");
}

static void bank_refund(const struct gateway *gateway, const struct gateway_charge *charge,
                        struct gateway_outcome *outcome)
{
    struct charge_record *record = find(object_id_text(charge->key).hex);
    bool lost = fault_now(FAULT_GATEWAY_LOST), error = fault_now(FAULT_GATEWAY_ERROR);

    (void)gateway;
    *outcome = (struct gateway_outcome){.kind = GATEWAY_UNKNOWN};
    trace("bank.refund", object_id_text(charge->order_id).hex, charge->amount_cents, lost || error);
    if (lost || error) return;
    CHECK(3, object_id_text(charge->order_id).hex, record && record->result == GATEWAY_DONE,
          "money is to be given back that was never taken");
    CHECK(4, record->order,
          record->amount_cents == charge->amount_cents && strcmp(record->id, charge->id) == 0,
          "a refund of another charge or amount");
    if (!record->refunded && fault_now(FAULT_REFUND_FAIL)) {
        outcome->kind = GATEWAY_REFUSED;
        snprintf(outcome->reason, sizeof outcome->reason, "The card's bank takes no refund.");
        return;
    }
    give_back(record);
    if (fault_now(FAULT_GATEWAY_DONE)) return;
    outcome->kind = GATEWAY_DONE;
    snprintf(outcome->id, sizeof outcome->id, "%s", record->id);
    snprintf(outcome->refund_id, sizeof outcome->refund_id, "%s", record->refund_id);
}

static void bank_find(const struct gateway *gateway, const struct gateway_charge *charge,
                      struct gateway_outcome *outcome)
{
    struct charge_record *record = find(object_id_text(charge->key).hex);
    bool lost = fault_now(FAULT_GATEWAY_LOST), error = fault_now(FAULT_GATEWAY_ERROR);

    (void)gateway;
    *outcome = (struct gateway_outcome){.kind = GATEWAY_UNKNOWN};
    trace("bank.find", object_id_text(charge->order_id).hex, charge->amount_cents, lost || error);
    if (lost || error) return;
    outcome->kind = record ? record->result : GATEWAY_ABSENT;
    if (!record) return;
    if (record->result == GATEWAY_DECLINED)
        snprintf(outcome->reason, sizeof outcome->reason, "Your card was declined.");
    if (record->result != GATEWAY_DONE) return;
    snprintf(outcome->id, sizeof outcome->id, "%s", record->id);
    if (record->refunded)
        snprintf(outcome->refund_id, sizeof outcome->refund_id, "%s", record->refund_id);
    else
        perhaps_give_back(record, 0.4);
}

const struct gateway bank_gateway = {bank_charge, bank_refund, bank_find};

void bank_refund_something(void)
{
    struct chance *chance = fault_chance(FAULT_BANK_REFUND);
    struct charge_record *record;
    int64_t among;

    if (bank.count == 0) return;
    /* Half the time one of those whose answers may still be on their way. */
    among = chance_hit(chance, 0.5) && bank.count > NEWEST ? NEWEST : (int64_t)bank.count;
    record = &bank.records[(int64_t)bank.count - 1 - chance_below(chance, among)];
    if (record->result == GATEWAY_DONE) give_back(record);
}

/* --- the books ----------------------------------------------------------------------------- */

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

const char *bank_token(const char *charge_id)
{
    const struct charge_record *record = find(charge_id);

    return record ? record->token : "";
}

bool bank_declined(const char *charge_id)
{
    const struct charge_record *record = find(charge_id);

    return record && record->result == GATEWAY_DECLINED;
}

const char *bank_key(const char *stripe_id)
{
    for (size_t i = 0; i < bank.count; i++)
        if (strcmp(bank.records[i].id, stripe_id) == 0) return bank.records[i].key;
    return "";
}

bool bank_ever_captured_for(const char *order_id)
{
    for (size_t i = 0; i < bank.count; i++)
        if (bank.records[i].result == GATEWAY_DONE && strcmp(bank.records[i].order, order_id) == 0)
            return true;
    return false;
}

bool bank_ever_refunded_for(const char *order_id)
{
    for (size_t i = 0; i < bank.count; i++)
        if (bank.records[i].refunded && strcmp(bank.records[i].order, order_id) == 0) return true;
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
