/* tests/sim/bank.c: the card processor. It keeps its own books, by idempotency key, and they are
 * what the program's word about money is held against. */
#include "sim.h"

#include "base/sha256.h"
#include "services/payments/gateway.h"

#define HOOKS_MAX   4096
#define NEWEST      3
#define REFUNDS_MAX 6                           /* of a charge */
#define KEY_MS_MAX  (24 * 3600 * INT64_C(1000)) /* so long it knows a key */

struct charge_record {
    char key[25], order[25];
    int64_t amount_cents;
    enum gateway_result result;
    char token[64];
    char id[32];
    struct {
        struct gateway_refund is;
        int64_t key; /* of ours: its number; 0: made there */
    } refunds[REFUNDS_MAX];
    int refund_count;
    struct gateway_dispute dispute; /* no id: none */
    bool ever_refunded, ever_all_back;
};

/* The bank says that something happened to a charge, until somebody answers 2xx. */
struct hook {
    size_t record;
    const char *type;
    char object[32]; /* the refund or dispute it is about; "": the charge */
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

static void tell(const struct charge_record *record, const char *type, const char *object)
{
    struct hook *hook = &bank.hooks[bank.hook_count];

    if (bank.hook_count == HOOKS_MAX) return;
    *hook = (struct hook){.record = (size_t)(record - bank.records),
                          .type = type,
                          .number = bank.hook_number++,
                          .due_ms = sim.now_ms + hook_delay_ms()};
    snprintf(hook->object, sizeof hook->object, "%s", object);
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
    hmac_sha256(STR(WEBHOOK_SECRET), (const struct str[]){str_of(time), STR("."), str_of(body)}, 3,
                &mac);
    snprintf(header, sizeof header, "t=%s,v1=%s", time, mac.hex);
    copy = arena_copy(call->rq.arena, str_of(header));
    return copy.at;
}

/* A charge, or what is about one: with its id, or with the whole of it ("expanded"), of which
 * somebody may have taken our metadata away. */
static void write_hook(const struct hook *hook, const struct charge_record *record, char *out,
                       size_t size)
{
    char charge[160];

    if (hook->number % 3 == 0)
        snprintf(charge, sizeof charge, "{\"id\":\"%s\"}", record->id);
    else
        snprintf(charge, sizeof charge, "{\"id\":\"%s\",\"metadata\":{\"charge_id\":\"%s\"}}",
                 record->id, record->key);
    if (hook->object[0] && hook->number % 2) snprintf(charge, sizeof charge, "\"%s\"", record->id);
    if (hook->object[0])
        snprintf(out, size,
                 "{\"id\":\"evt_%lld\",\"type\":\"%s\",\"data\":{\"object\":{\"id\":\"%s\","
                 "\"charge\":%s}}}",
                 (long long)hook->number, hook->type, hook->object, charge);
    else
        snprintf(out, size, "{\"id\":\"evt_%lld\",\"type\":\"%s\",\"data\":{\"object\":%s}}",
                 (long long)hook->number, hook->type, charge);
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
    write_hook(hook, record, body, sizeof body);
    if (model_charge(record->key)) model_charge(record->key)->told = true;
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

static int64_t given_back(const struct charge_record *record)
{
    int64_t sum = 0;

    for (int i = 0; i < record->refund_count; i++)
        if (!record->refunds[i].is.failed) sum += record->refunds[i].is.amount_cents;
    return sum;
}

static int64_t charged_back(const struct charge_record *record)
{
    bool lost = record->dispute.id[0] && record->dispute.status == DISPUTE_LOST;

    return lost ? record->dispute.amount_cents : 0;
}

/* What is left of a charge that was captured. */
static int64_t left_of(const struct charge_record *record)
{
    if (record->result != GATEWAY_DONE) return 0;
    return record->amount_cents - given_back(record) - charged_back(record);
}

static bool holds(const struct charge_record *record)
{
    return left_of(record) > 0;
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

/* key: the number of a refund of ours; 0: made there. NULL: there is nothing left, or no room. */
static const struct gateway_refund *give_back(struct charge_record *record, int64_t amount_cents,
                                              int64_t key)
{
    struct gateway_refund *refund = &record->refunds[record->refund_count].is;

    if (record->refund_count == REFUNDS_MAX || amount_cents <= 0) return NULL;
    *refund = (struct gateway_refund){.amount_cents = amount_cents};
    snprintf(refund->id, sizeof refund->id, "re_%llx",
             (unsigned long long)chance_next(&sim.people));
    record->refunds[record->refund_count++].key = key;
    record->ever_refunded = true;
    record->ever_all_back |= left_of(record) <= 0;
    trace("bank.refunded", record->order, amount_cents, key);
    if (amount_cents % 2)
        tell(record, "charge.refunded", "");
    else
        tell(record, "refund.created", refund->id);
    return refund;
}

/* Somebody gives all that is left back there, or a part of it. */
static void give_some_back(struct charge_record *record, struct chance *chance)
{
    int64_t left = left_of(record);
    bool part = left > 1 && chance_hit(chance, 0.5);

    (void)give_back(record, part ? 1 + chance_below(chance, left - 1) : left, 0);
}

/* At once, while the answer that knows nothing of it is on its way. */
static void perhaps_give_back(struct charge_record *record, double probability)
{
    if (record->result == GATEWAY_DONE && fault_possible(FAULT_BANK_REFUND) &&
        chance_hit(fault_chance(FAULT_BANK_REFUND), probability))
        give_some_back(record, fault_chance(FAULT_BANK_REFUND));
}

static void add_refund(struct gateway_outcome *outcome, const struct gateway_refund *refund)
{
    outcome->refunds[outcome->refund_count++] = *refund;
}

/* Newest first. */
static void show_refunds(const struct charge_record *record, struct gateway_outcome *outcome)
{
    for (int i = record->refund_count; i-- > 0;)
        add_refund(outcome, &record->refunds[i].is);
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
    CHECK(10, object_id_text(charge->order_id).hex, sim.now_ms - charge->created_at.ms < KEY_MS_MAX,
          "asked to charge a card under a key that may be forgotten");
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
            tell(record, record->result == GATEWAY_DONE ? "charge.succeeded" : "charge.failed", "");
        perhaps_give_back(record, 0.3);
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
    const struct gateway_refund *refund = NULL;
    struct gateway_refund again;

    (void)gateway;
    *outcome = (struct gateway_outcome){.kind = GATEWAY_UNKNOWN};
    trace("bank.refund", object_id_text(charge->order_id).hex, charge->amount_cents, lost || error);
    if (lost || error) return;
    CHECK(3, object_id_text(charge->order_id).hex, record && record->result == GATEWAY_DONE,
          "money is to be given back that was never taken");
    CHECK(4, record->order,
          record->amount_cents == charge->amount_cents && strcmp(record->id, charge->id) == 0,
          "a refund of another charge or amount");
    for (int i = 0; i < record->refund_count; i++) {
        if (record->refunds[i].key != charge->refunds) continue;
        again = record->refunds[i].is; /* the same key, the same answer, whatever came of it */
        again.failed = false;
        refund = &again;
    }
    if (!refund && (record->refund_count == REFUNDS_MAX || charged_back(record) > 0 ||
                    (holds(record) && fault_now(FAULT_REFUND_FAIL)))) {
        outcome->kind = GATEWAY_REFUSED;
        snprintf(outcome->reason, sizeof outcome->reason, "The card's bank takes no refund.");
        return;
    }
    if (!refund) refund = give_back(record, left_of(record), charge->refunds);
    if (fault_now(FAULT_GATEWAY_DONE)) return;
    outcome->kind = GATEWAY_DONE;
    snprintf(outcome->id, sizeof outcome->id, "%s", record->id);
    if (refund)
        add_refund(outcome, refund);
    else
        show_refunds(record, outcome); /* all of it was given back before */
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
    show_refunds(record, outcome);
    if (record->dispute.id[0]) outcome->disputes[outcome->dispute_count++] = record->dispute;
    if (holds(record)) perhaps_give_back(record, 0.4);
}

const struct gateway bank_gateway = {bank_charge, bank_refund, bank_find};

/* Half the time one of those whose answers may still be on their way. NULL: none that was captured.
 */
static struct charge_record *some_record(struct chance *chance)
{
    struct charge_record *record;
    int64_t among;

    if (bank.count == 0) return NULL;
    among = chance_hit(chance, 0.5) && bank.count > NEWEST ? NEWEST : (int64_t)bank.count;
    record = &bank.records[(int64_t)bank.count - 1 - chance_below(chance, among)];
    return record->result == GATEWAY_DONE ? record : NULL;
}

void bank_refund_something(void)
{
    struct chance *chance = fault_chance(FAULT_BANK_REFUND);
    struct charge_record *record = some_record(chance);

    if (record) give_some_back(record, chance);
}

void bank_bounce_something(void)
{
    struct chance *chance = fault_chance(FAULT_REFUND_BOUNCE);

    for (int tries = 0; tries < 8; tries++) {
        struct charge_record *record = some_record(chance);
        struct gateway_refund *refund;

        if (!record || !record->refund_count) continue;
        refund = &record->refunds[chance_below(chance, record->refund_count)].is;
        if (refund->failed) continue;
        refund->failed = true;
        trace("bank.bounced", record->order, refund->amount_cents, 0);
        tell(record, chance_hit(chance, 0.5) ? "refund.failed" : "charge.refund.updated",
             refund->id);
        return;
    }
}

/* One that is not decided yet; NULL: none is open. */
static struct charge_record *open_dispute(void)
{
    for (size_t i = bank.count; i-- > 0;)
        if (bank.records[i].dispute.id[0] && bank.records[i].dispute.status == DISPUTE_OPEN)
            return &bank.records[i];
    return NULL;
}

void bank_dispute_something(void)
{
    struct chance *chance = fault_chance(FAULT_DISPUTE);
    struct charge_record *record = chance_hit(chance, 0.5) ? open_dispute() : NULL;
    struct gateway_dispute *dispute;

    for (int tries = 0; tries < 4 && (!record || record->refund_count); tries++)
        record = some_record(chance); /* most often one of which nothing is back */
    if (!record) return;
    dispute = &record->dispute;
    if (!dispute->id[0]) {
        snprintf(dispute->id, sizeof dispute->id, "dp_%llx",
                 (unsigned long long)chance_next(chance));
        dispute->amount_cents = record->amount_cents;
        dispute->status = DISPUTE_OPEN;
        tell(record, "charge.dispute.created", dispute->id);
        if (!chance_hit(chance, 0.5)) return; /* else decided before anybody has heard of it */
    }
    if (dispute->status != DISPUTE_OPEN) return;
    dispute->status = chance_hit(chance, 0.5) ? DISPUTE_WON : DISPUTE_LOST;
    record->ever_all_back |= left_of(record) <= 0 && given_back(record) > 0;
    trace("bank.dispute", record->order, record->amount_cents, dispute->status);
    tell(record, "charge.dispute.closed", dispute->id);
}

/* --- the books ----------------------------------------------------------------------------- */

int64_t bank_held_for(const char *order_id)
{
    int64_t sum = 0;

    for (size_t i = 0; i < bank.count; i++)
        if (strcmp(bank.records[i].order, order_id) == 0) sum += left_of(&bank.records[i]);
    return sum;
}

int64_t bank_held(void)
{
    int64_t sum = 0;

    for (size_t i = 0; i < bank.count; i++)
        sum += left_of(&bank.records[i]);
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
        if ((bank.records[i].ever_refunded || charged_back(&bank.records[i]) > 0) &&
            strcmp(bank.records[i].order, order_id) == 0)
            return true;
    return false;
}

bool bank_ever_all_back_for(const char *order_id)
{
    for (size_t i = 0; i < bank.count; i++)
        if (bank.records[i].ever_all_back && strcmp(bank.records[i].order, order_id) == 0)
            return true;
    return false;
}

void bank_each(void (*see)(const struct bank_charge *charge))
{
    for (size_t i = 0; i < bank.count; i++) {
        const struct charge_record *record = &bank.records[i];

        see(&(struct bank_charge){.id = record->key,
                                  .order_id = record->order,
                                  .amount_cents = record->amount_cents,
                                  .given_back_cents = given_back(record),
                                  .charged_back_cents = charged_back(record),
                                  .captured = record->result == GATEWAY_DONE});
    }
}

size_t bank_charges(void)
{
    return bank.count;
}
