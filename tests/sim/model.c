/* tests/sim/model.c: a plain model of tickets, orders and money, fed by what was committed and by
 * nothing the program says about itself. Each event of an entity must be a step its state allows;
 * each row must be what its events say. */
#include "sim.h"

#define USERS_MAX        256
#define HISTORY_MIN      8
#define LATE_MS          1000
#define DECLINE_GRACE_MS 60000
#define HOUR_MS          (3600 * INT64_C(1000))

enum entity { ENTITY_TICKET, ENTITY_ORDER, ENTITY_CHARGE, ENTITIES };

/* An open-addressing table from ids to places in the arrays below. */
struct names {
    int *slots; /* index + 1 */
    size_t cap;
};

static struct {
    struct names names[ENTITIES];
    struct m_ticket *tickets;
    struct m_order *orders;
    struct m_charge *charges;
    size_t count[ENTITIES], cap[ENTITIES];
    struct m_user users[USERS_MAX];
    size_t user_count;
    struct arena *arena;
} model;

uint64_t hash_text(struct str text)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.at[i]) * UINT64_C(1099511628211);
    return hash;
}

/* --- finding ------------------------------------------------------------------------------- */

static const char *id_at(enum entity entity, size_t index)
{
    if (entity == ENTITY_TICKET) return model.tickets[index].id;
    return entity == ENTITY_ORDER ? model.orders[index].id : model.charges[index].id;
}

static size_t slot_of(enum entity entity, const char *id)
{
    const struct names *names = &model.names[entity];
    size_t at = hash_text(str_of(id)) & (names->cap - 1);

    while (names->slots[at] && strcmp(id_at(entity, (size_t)names->slots[at] - 1), id) != 0)
        at = (at + 1) & (names->cap - 1);
    return at;
}

static void grow_names(enum entity entity)
{
    struct names *names = &model.names[entity];

    if (names->cap > model.count[entity] * 2 + 2) return;
    names->cap = names->cap ? names->cap * 2 : 256;
    free(names->slots);
    names->slots = calloc(names->cap, sizeof *names->slots);
    ASSERT(names->slots);
    for (size_t i = 0; i < model.count[entity]; i++)
        names->slots[slot_of(entity, id_at(entity, i))] = (int)i + 1;
}

static void grow_entities(enum entity entity)
{
    size_t cap = model.cap[entity];

    if (model.count[entity] < cap) return;
    cap = cap * 2 + 64;
    if (entity == ENTITY_TICKET) {
        model.tickets = realloc(model.tickets, cap * sizeof *model.tickets);
        memset(&model.tickets[model.cap[entity]], 0,
               (cap - model.cap[entity]) * sizeof *model.tickets);
    } else if (entity == ENTITY_ORDER) {
        model.orders = realloc(model.orders, cap * sizeof *model.orders);
    } else {
        model.charges = realloc(model.charges, cap * sizeof *model.charges);
    }
    ASSERT(model.tickets || model.orders || model.charges);
    model.cap[entity] = cap;
}

static void make(enum entity entity, size_t index, const char *id)
{
    const struct ticket_state unseen = {.version = -1, .order = -1};

    if (entity == ENTITY_TICKET) {
        struct m_ticket *ticket = &model.tickets[index], old = *ticket;

        *ticket = (struct m_ticket){.row = unseen,
                                    .event = unseen,
                                    .copy_version = -1,
                                    .live = -1,
                                    .acked = -1,
                                    .history = old.history,
                                    .history_cap = old.history_cap};
        snprintf(ticket->id, sizeof ticket->id, "%s", id);
    } else if (entity == ENTITY_ORDER) {
        struct m_order *order = &model.orders[index];

        *order = (struct m_order){.version = -1,
                                  .event_version = -1,
                                  .copy_version = -1,
                                  .timer_version = -1,
                                  .timer_due_ms = -1,
                                  .ended_step = -1,
                                  .ticket_seen = -1};
        snprintf(order->id, sizeof order->id, "%s", id);
    } else {
        model.charges[index] = (struct m_charge){.order = -1, .ask_at_ms = INT64_MAX};
        snprintf(model.charges[index].id, sizeof model.charges[index].id, "%s", id);
    }
}

static int index_of(enum entity entity, const char *id, bool may_make)
{
    size_t at;

    if (strlen(id) != 24) return -1;
    grow_names(entity);
    at = slot_of(entity, id);
    if (model.names[entity].slots[at]) return model.names[entity].slots[at] - 1;
    if (!may_make) return -1;
    grow_entities(entity);
    make(entity, model.count[entity], id);
    model.names[entity].slots[at] = (int)++model.count[entity];
    return (int)model.count[entity] - 1;
}

int model_ticket_index(const char *id, bool may_make)
{
    return index_of(ENTITY_TICKET, id, may_make);
}

int model_order_index(const char *id, bool may_make)
{
    return index_of(ENTITY_ORDER, id, may_make);
}

int model_charge_index(const char *id, bool may_make)
{
    return index_of(ENTITY_CHARGE, id, may_make);
}

size_t model_tickets(void)
{
    return model.count[ENTITY_TICKET];
}

size_t model_orders(void)
{
    return model.count[ENTITY_ORDER];
}

size_t model_charges(void)
{
    return model.count[ENTITY_CHARGE];
}

struct m_ticket *model_ticket_at(size_t index)
{
    return &model.tickets[index];
}

struct m_order *model_order_at(size_t index)
{
    return &model.orders[index];
}

struct m_charge *model_charge_at(size_t index)
{
    return &model.charges[index];
}

struct m_ticket *model_ticket(const char *id)
{
    int index = model_ticket_index(id, false);

    return index < 0 ? NULL : &model.tickets[index];
}

struct m_order *model_order(const char *id)
{
    int index = model_order_index(id, false);

    return index < 0 ? NULL : &model.orders[index];
}

struct m_charge *model_charge(const char *id)
{
    int index = model_charge_index(id, false);

    return index < 0 ? NULL : &model.charges[index];
}

bool model_refund_begun(const char *order_id)
{
    int order = model_order_index(order_id, false);

    for (size_t i = 0; i < model.count[ENTITY_CHARGE]; i++)
        if (model.charges[i].order == order && strncmp(model.charges[i].status, "refund", 6) == 0)
            return true;
    return bank_ever_refunded_for(order_id);
}

static bool failed(const struct m_charge *charge)
{
    return strcmp(charge->status, "declined") == 0 || strcmp(charge->status, "refused") == 0;
}

static bool in_flight(const struct m_charge *charge)
{
    return strcmp(charge->status, "pending") == 0 || strcmp(charge->status, "unknown") == 0;
}

int model_charges_of(const char *user)
{
    int count = 0;

    for (size_t i = 0; i < model.count[ENTITY_CHARGE]; i++) {
        int order = model.charges[i].order;

        count += order >= 0 && strcmp(model.orders[order].user, user) == 0;
    }
    return count;
}

void model_charge_allowed(const struct m_charge *charge)
{
    const char *user = model.orders[charge->order].user;
    int of_order = 0, of_account = 0;

    for (size_t i = 0; i < model.count[ENTITY_CHARGE]; i++) {
        const struct m_charge *other = &model.charges[i];
        bool recent = other->created_at_ms > charge->created_at_ms - 3600 * 1000 &&
                      other->created_at_ms <= charge->created_at_ms;

        if (other == charge || other->order < 0) continue;
        if (other->order == charge->order) of_order += failed(other);
        if (strcmp(model.orders[other->order].user, user) == 0)
            of_account += (failed(other) && recent) || in_flight(other);
    }
    CHECK(12, charge->id, of_order < DECLINES_PER_ORDER,
          "begun, although %d of its order came to nothing", of_order);
    CHECK(12, charge->id, of_account < DECLINES_PER_ACCOUNT,
          "begun, although %d of its buyer came to nothing within the hour", of_account);
}

bool model_copy_was_cancelled(const struct m_order *order)
{
    return order->copy_status == STATUS_CANCELLED && order->copy_step < sim.step;
}

int64_t model_ask_ms(void)
{
    int64_t next_ms = INT64_MAX;

    for (size_t i = 0; i < model.count[ENTITY_CHARGE]; i++)
        if (model.charges[i].ask_at_ms < next_ms) next_ms = model.charges[i].ask_at_ms;
    return next_ms;
}

const char *model_asked_before(struct mono_ms at)
{
    for (size_t i = 0; i < model.count[ENTITY_CHARGE]; i++) {
        const struct m_charge *charge = &model.charges[i];

        if (charge->asking && charge->ask_at_ms < INT64_MAX &&
            charge->ask_at_ms > service_now_ms(PAYMENTS) && charge->ask_set_at.ms < at.ms)
            return charge->id;
    }
    return NULL;
}

bool model_charge_goes_back(const char *stripe_id)
{
    const struct m_charge *charge = model_charge(bank_key(stripe_id));

    return charge && strncmp(charge->status, "refund", 6) == 0;
}

int model_status(const char *text)
{
    static const char *const words[] = {
        [STATUS_CREATED] = "created",
        [STATUS_AWAITING] = "awaiting:payment",
        [STATUS_COMPLETE] = "complete",
        [STATUS_CANCELLED] = "cancelled",
    };

    for (int status = STATUS_CREATED; status <= STATUS_CANCELLED; status++)
        if (strcmp(words[status], text) == 0) return status;
    return STATUS_NONE;
}

/* --- people and bans ----------------------------------------------------------------------- */

size_t model_users(void)
{
    return model.user_count;
}

struct m_user *model_user_at(size_t index)
{
    return &model.users[index];
}

struct m_user *model_user(const char *email)
{
    for (size_t i = 0; i < model.user_count; i++)
        if (strcmp(model.users[i].email, email) == 0) return &model.users[i];
    return NULL;
}

struct m_user *model_user_of(const char *id)
{
    for (size_t i = 0; i < model.user_count; i++)
        if (strcmp(model.users[i].id, id) == 0) return &model.users[i];
    return NULL;
}

static struct m_user *user_made(const char *id)
{
    struct m_user *user = model_user_of(id);

    if (user) return user;
    ASSERT(model.user_count < USERS_MAX);
    user = &model.users[model.user_count++];
    *user = (struct m_user){.version = -1, .event_version = -1};
    for (int i = 0; i < SIM_SERVICES; i++)
        user->held[i].version = -1;
    snprintf(user->id, sizeof user->id, "%s", id);
    return user;
}

void model_user_row(const char *id, const char *email, int64_t version, bool banned)
{
    struct m_user *user = user_made(id), *other = model_user(email);

    CHECK(1, id, !other || other == user, "two users with the email %s", email);
    CHECK(5, id, version >= user->version, "a user went back from version %lld",
          (long long)user->version);
    CHECK(6, id, version == user->event_version, "the row has version %lld, the last event %lld",
          (long long)version, (long long)user->event_version);
    CHECK(5, id, banned == (version % 2 == 1), "the row is not what its event said");
    if (user->version != version) user->changed_step = sim.step;
    user->version = version;
    snprintf(user->email, sizeof user->email, "%s", email);
}

void model_ban_row(int service, const char *id, int64_t version, bool banned)
{
    struct m_user *user = model_user_of(id);

    CHECK(6, id, user, "%s heard of a user nobody committed", service_names[service]);
    CHECK(5, id, version >= user->held[service].version && version <= user->event_version,
          "%s went from version %lld to %lld, the user has %lld", service_names[service],
          (long long)user->held[service].version, (long long)version,
          (long long)user->event_version);
    CHECK(5, id, banned == (version % 2 == 1), "%s has version %lld as %s", service_names[service],
          (long long)version, banned ? "banned" : "active");
    if (user->held[service].version == version) return;
    trace("ban.held", id, service, version);
    user->held[service].version = version;
    user->held[service].changed_step = sim.step;
}

bool service_refuses_sessions(int service)
{
    return service == AUTH || service == TICKETS || service == ORDERS || service == PAYMENTS ||
           service == CATALOGUE || service == ENTRIES || service == MAIL;
}

bool model_banned_at(int service, const char *id)
{
    const struct m_user *user = model_user_of(id);

    return user && user->held[service].version % 2 == 1;
}

bool model_banned_before(int service, const char *id)
{
    return model_banned_at(service, id) && !model_ban_moved(service, id, sim.step);
}

bool model_ban_moved(int service, const char *id, int64_t since_step)
{
    const struct m_user *user = model_user_of(id);

    return user && user->held[service].version >= 0 &&
           user->held[service].changed_step >= since_step;
}

static void bans_hold(void)
{
    for (size_t i = 0; i < model.user_count; i++) {
        if (model.users[i].held[ORDERS].version % 2 != 1) continue;
        for (size_t j = 0; j < model.count[ENTITY_ORDER]; j++) {
            const struct m_order *order = &model.orders[j];

            CHECK(15, order->id,
                  (order->status != STATUS_CREATED && order->status != STATUS_AWAITING) ||
                      strcmp(order->user, model.users[i].id) != 0,
                  "live, and orders knows that its buyer %s is banned", order->user);
        }
    }
}

static void captures_hold(void)
{
    for (size_t i = 0; i < model.count[ENTITY_ORDER]; i++)
        model.orders[i].captured = 0;
    for (size_t i = 0; i < model.count[ENTITY_CHARGE]; i++) {
        const struct m_charge *charge = &model.charges[i];

        if (charge->order < 0 || strcmp(charge->status, "captured") != 0) continue;
        CHECK(3, charge->id, ++model.orders[charge->order].captured == 1,
              "captured, and so is another charge of order %s", model.orders[charge->order].id);
    }
}

static void sessions_end(void)
{
    bool any = false;

    for (size_t i = 0; i < model.user_count; i++)
        any |= model_banned_at(AUTH, model.users[i].id) &&
               model_ban_moved(AUTH, model.users[i].id, sim.step);
    CHECK(15, NULL,
          !any ||
              watch_count(AUTH, "SELECT COUNT(*) FROM sessions s JOIN users u ON u.id = s.user_id"
                                " WHERE u.status = 'banned'") == 0,
          "a banned user still has a session");
}

void model_service_holds(int service)
{
    if (service == CATALOGUE) catalogue_holds();
    listings_hold(service);
    if (service == AUTH) sessions_end();
    if (service == ORDERS) bans_hold();
    if (service == PAYMENTS) captures_hold();
}

/* Orders has not heard the last of this user, so it may be hearing it just now. */
static bool news_of(const char *id)
{
    const struct m_user *user = model_user_of(id);

    return user && user->event_version > user->held[ORDERS].version;
}

/* … and a ban is among it. */
static bool ban_arrives(const struct m_order *order)
{
    const struct m_user *user = model_user_of(order->user);

    if (!news_of(order->user)) return false;
    return user->event_version % 2 == 1 || user->event_version - user->held[ORDERS].version >= 2;
}

/* --- reading an event ---------------------------------------------------------------------- */

void copy_text(char *to, size_t size, struct str text)
{
    snprintf(to, size, "%.*s", (int)text.len, text.at);
}

struct str text_of(const struct json *event, const char *path)
{
    struct str text = {"", 0};

    (void)json_text(json_get_path(event, path), &text);
    return text;
}

int64_t whole_of(const struct json *event, const char *path)
{
    int64_t number = -1;

    (void)json_int64(json_get_path(event, path), &number);
    return number;
}

static int64_t time_of(const struct json *event, const char *path)
{
    struct wall_ms time = {-1};

    (void)iso8601_parse(text_of(event, path), &time);
    return time.ms;
}

static int64_t cents_of(const struct json *event, const char *path)
{
    double dollars = 0;

    (void)json_double(json_get_path(event, path), &dollars);
    return (int64_t)(dollars * 100 + 0.5);
}

static const char *word(struct str text)
{
    static char words[4][128];
    static unsigned turn;
    char *out = words[turn++ & 3];

    snprintf(out, sizeof words[0], "%.*s", (int)text.len, text.at);
    return out;
}

/* --- tickets ------------------------------------------------------------------------------- */

static void keep_history(struct m_ticket *ticket)
{
    size_t version = (size_t)ticket->event.version;

    if (version >= ticket->history_cap) {
        ticket->history_cap = version * 2 + HISTORY_MIN;
        ticket->history = realloc(ticket->history, ticket->history_cap * sizeof *ticket->history);
        ASSERT(ticket->history);
    }
    ticket->history[version].price_cents = ticket->event.price_cents;
    ticket->history[version].title = ticket->event.title;
    ticket->history[version].withdrawn = ticket->event.withdrawn;
}

/* While an order has it a ticket shows what the order was made at; an edit that came meanwhile is
 * kept for when it is free again. */
static void check_shown(struct m_ticket *ticket, const struct ticket_state *to,
                        const struct m_order *before, const struct m_order *after)
{
    const struct ticket_state *from = &ticket->event;
    bool may_go;

    if (before && !after && ticket->listing[0]) {
        int64_t price_cents = listing_price(ticket, &may_go);

        CHECK(10, ticket->id, to->price_cents == price_cents,
              "free at %lld cents, its listing says %lld", (long long)to->price_cents,
              (long long)price_cents);
        ticket->edited_price = 0;
    } else if (!before && after) {
        int place = model_place(after, ticket);

        CHECK(2, ticket->id, place >= 0, "held by an order of other tickets");
        CHECK(4, ticket->id,
              to->price_cents == after->prices[place] &&
                  to->title == (place == 0 ? after->title : from->title),
              "it shows %lld cents, its order was made at %lld", (long long)to->price_cents,
              (long long)after->prices[place]);
        if (from->price_cents == to->price_cents && from->title == to->title) return;
        ticket->edited_price = from->price_cents;
        ticket->edited_title = from->title;
    } else if (before && !after && ticket->edited_price) {
        CHECK(10, ticket->id,
              to->price_cents == ticket->edited_price && to->title == ticket->edited_title,
              "free at %lld cents, its seller made it %lld", (long long)to->price_cents,
              (long long)ticket->edited_price);
        ticket->edited_price = 0;
    } else if (before) {
        CHECK(2, ticket->id, from->price_cents == to->price_cents && from->title == to->title,
              "a held ticket was edited");
    }
}

/* Taken down while it is free, for good: then only an order that was made before may have it. */
static void check_withdrawn(const struct m_ticket *ticket, const struct ticket_state *to)
{
    const struct ticket_state *from = &ticket->event;
    bool free = from->order < 0 && to->order < 0, may_go = false;

    if (ticket->listing[0] && from->order >= 0 && to->order < 0)
        (void)listing_price(ticket, &may_go);
    CHECK(17, ticket->id, !from->withdrawn || to->withdrawn, "taken down, and for sale again");
    CHECK(17, ticket->id, !from->withdrawn || !free, "changed after it was taken down");
    CHECK(17, ticket->id, from->withdrawn || !to->withdrawn || free || may_go,
          "taken down while an order has it");
}

/* What may become of a ticket: edited while it is free, reserved, freed, sold, taken down. */
static void check_ticket_step(struct m_ticket *ticket, const struct ticket_state *to)
{
    const struct ticket_state *from = &ticket->event;
    const struct m_order *before = from->order >= 0 ? &model.orders[from->order] : NULL;
    const struct m_order *after = to->order >= 0 ? &model.orders[to->order] : NULL;

    CHECK(5, ticket->id, to->version == from->version + 1, "version %lld after %lld",
          (long long)to->version, (long long)from->version);
    check_shown(ticket, to, before, after);
    check_withdrawn(ticket, to);
    CHECK(1, ticket->id,
          !from->sold || (to->sold && to->order == from->order) ||
              (!after && bank_ever_refunded_for(before->id)),
          "a sold ticket was given away");
    CHECK(2, ticket->id, from->order != to->order || from->sold != to->sold || !before,
          "a version without a change");
    if (before && after)
        CHECK(1, ticket->id, before == after && to->sold, "from one order to another");
    if (after) {
        CHECK(2, ticket->id, model_place(after, ticket) >= 0, "held by an order of other tickets");
        CHECK(2, ticket->id, !to->sold || after->was_complete,
              "sold to order %s, which is not complete", after->id);
    }
    if (before && !after)
        CHECK(2, ticket->id, before->was_cancelled, "freed while order %s has it", before->id);
}

static void ticket_event(const struct json *event, bool created)
{
    const char *id = word(text_of(event, "id")), *order_id = word(text_of(event, "orderId"));
    struct m_ticket *ticket = model_ticket_at((size_t)model_ticket_index(id, true));
    struct ticket_state to = {
        .version = whole_of(event, "version"),
        .price_cents = cents_of(event, "price"),
        .title = hash_text(text_of(event, "title")),
        .order = order_id[0] ? model_order_index(order_id, false) : -1,
    };

    (void)json_bool(json_get(event, "sold"), &to.sold);
    (void)json_bool(json_get(event, "withdrawn"), &to.withdrawn);
    CHECK(6, id, !order_id[0] || to.order >= 0, "held by order %s, which nobody committed",
          order_id);
    snprintf(ticket->listing, sizeof ticket->listing, "%s", word(text_of(event, "listingId")));
    ticket->seat = listing_seat(event);
    ticket->place = (int)whole_of(event, "position");
    if (ticket->place < 0) ticket->place = 0; /* the first one's is left out */
    if (created)
        CHECK(5, id, ticket->event.version == -1 && to.version == 0, "created at version %lld",
              (long long)to.version);
    else
        check_ticket_step(ticket, &to);
    ticket->event = to;
    ticket->was_sold |= to.sold;
    keep_history(ticket);
    trace(created ? "ticket:created" : "ticket:updated", id, to.version, to.price_cents);
}

void model_ticket_agrees(struct m_ticket *ticket)
{
    const struct ticket_state *row = &ticket->row, *event = &ticket->event;

    CHECK(6, ticket->id, row->version == event->version,
          "the row has version %lld, the last event %lld", (long long)row->version,
          (long long)event->version);
    CHECK(5, ticket->id,
          row->price_cents == event->price_cents && row->title == event->title &&
              row->order == event->order && row->sold == event->sold &&
              row->withdrawn == event->withdrawn,
          "the row is not what its event said");
}

/* --- orders -------------------------------------------------------------------------------- */

static bool refund_begun(const struct m_order *order)
{
    for (size_t i = 0; i < model.count[ENTITY_CHARGE]; i++)
        if (model.charges[i].refund_begun && model.charges[i].order == (int)(order - model.orders))
            return true;
    return false;
}

static void check_cancellation(const struct m_order *order, int64_t at_ms)
{
    if (order->event_status == STATUS_COMPLETE) {
        CHECK(1, order->id, bank_ever_all_back_for(order->id) || refund_begun(order),
              "a complete order was cancelled, although its money is not back");
        return;
    }
    CHECK(9, order->id,
          order->cancel_sent || at_ms >= order->deadline_ms || ban_arrives(order) ||
              (order->failures > 0 && at_ms >= order->reserved_until_ms),
          "expired %lld ms early", (long long)(order->deadline_ms - at_ms));
}

static bool unpaid(const struct m_order *order)
{
    return order->event_status == STATUS_CREATED || order->event_status == STATUS_AWAITING;
}

int model_unpaid(const char *user, int64_t step)
{
    int count = 0;

    for (size_t i = 0; i < model.count[ENTITY_ORDER]; i++)
        count += (unpaid(&model.orders[i]) || model.orders[i].ended_step >= step) &&
                 strcmp(model.orders[i].user, user) == 0;
    return count;
}

int model_place(const struct m_order *order, const struct m_ticket *ticket)
{
    for (int i = 0; i < order->ticket_count; i++)
        if (&model.tickets[order->tickets[i]] == ticket) return i;
    return -1;
}

int model_holds(const char *user, const char *ticket_id, int64_t since_ms, int64_t until_ms)
{
    const struct m_ticket *ticket = model_ticket(ticket_id);
    int count = 0;

    for (size_t i = 0; i < model.count[ENTITY_ORDER]; i++) {
        const struct m_order *order = &model.orders[i];

        count += model_place(order, ticket) >= 0 && order->made_at_ms > since_ms &&
                 order->made_at_ms <= until_ms && strcmp(order->user, user) == 0;
    }
    return count;
}

/* With this one nobody has too many unpaid orders, nor had one of the tickets too often. */
static void check_share(const struct m_order *order, int64_t at_ms)
{
    CHECK(16, order->id, !sim.unpaid_max || model_unpaid(order->user, INT64_MAX) < sim.unpaid_max,
          "made while %s had %d unpaid", order->user, model_unpaid(order->user, INT64_MAX));
    for (int i = 0; i < order->ticket_count; i++) {
        const char *ticket = model.tickets[order->tickets[i]].id;

        CHECK(16, order->id,
              !sim.holds_max ||
                  model_holds(order->user, ticket, at_ms - HOUR_MS, at_ms) <= sim.holds_max,
              "made although %s had the ticket before, %d times within the hour", order->user,
              model_holds(order->user, ticket, at_ms - HOUR_MS, at_ms) - 1);
    }
}

/* One of the order's tickets, which nobody else has. */
static void order_ticket(struct m_order *order, const char *ticket_id, int64_t price_cents)
{
    int ticket = model_ticket_index(ticket_id, false);

    CHECK(6, order->id, ticket >= 0, "an order for ticket %s, which nobody committed", ticket_id);
    CHECK(1, order->id, model.tickets[ticket].live == -1, "ticket %s has live order %s already",
          ticket_id, model.orders[model.tickets[ticket].live].id);
    CHECK(30, order->id, order->ticket_count < ORDERED_MAX, "of more tickets than a listing has");
    CHECK(30, order->id,
          order->ticket_count == 0 || strcmp(model.tickets[ticket].listing, order->listing) == 0,
          "of tickets of two listings");
    snprintf(order->listing, sizeof order->listing, "%s", model.tickets[ticket].listing);
    order->tickets[order->ticket_count] = ticket;
    order->prices[order->ticket_count++] = price_cents;
    order->price_cents += price_cents;
    model.tickets[ticket].live = (int)(order - model.orders);
}

/* All of an order of a listing, or its one ticket. */
static void order_tickets(struct m_order *order, const struct json *event)
{
    const struct json *tickets = json_get(event, "tickets");

    order->ticket_count = 0;
    order->price_cents = 0;
    for (size_t i = 0; i < json_length(tickets); i++)
        order_ticket(order, word(text_of(json_at(tickets, i), "id")),
                     cents_of(json_at(tickets, i), "price"));
    if (!tickets)
        order_ticket(order, word(text_of(event, "ticket.id")), cents_of(event, "ticket.price"));
    CHECK(30, order->id, (order->listing[0] != '\0') == (tickets != NULL),
          "of a listing, and its event does not say so");
    CHECK(4, order->id,
          strcmp(model.tickets[order->tickets[0]].id, word(text_of(event, "ticket.id"))) == 0 &&
              order->prices[0] == cents_of(event, "ticket.price"),
          "its first ticket is another one");
}

static void order_created(struct m_order *order, const struct json *event, int64_t at_ms)
{
    CHECK(5, order->id, order->event_version == -1 && whole_of(event, "version") == 0,
          "an order begins with version 0, once");
    order_tickets(order, event);
    snprintf(order->user, sizeof order->user, "%.*s", (int)text_of(event, "userId").len,
             text_of(event, "userId").at);
    order->title = hash_text(text_of(event, "ticket.title"));
    order->made_at_ms = at_ms;
    check_share(order, at_ms);
    order->event_status = STATUS_CREATED;
    order->latest_ms = order->deadline_ms = order->reserved_until_ms = time_of(event, "expiresAt");
    CHECK(9, order->id, order->deadline_ms == at_ms + sim.hold_ms, "made at %lld, until %lld",
          (long long)at_ms, (long long)order->deadline_ms);
    listing_ordered(order);
}

static void order_cancelled(struct m_order *order, int64_t at_ms)
{
    check_cancellation(order, at_ms);
    order->event_status = STATUS_CANCELLED;
    order->ended_step = sim.step;
    order->was_cancelled = true;
    for (int i = 0; i < order->ticket_count; i++) {
        struct m_ticket *ticket = &model.tickets[order->tickets[i]];

        if (ticket->live == (int)(order - model.orders)) ticket->live = -1;
    }
}

/* A ticket of an order that is complete now; it may have been cancelled before. */
static void ticket_bought(const struct m_order *order, struct m_ticket *ticket)
{
    int own = (int)(order - model.orders);

    CHECK(1, order->id, ticket->live == -1 || ticket->live == own,
          "sold, while order %s has the ticket", model.orders[ticket->live].id);
    CHECK(17, order->id,
          order->event_status != STATUS_CANCELLED || !ticket->copy_withdrawn_step ||
              ticket->copy_withdrawn_step >= sim.step,
          "came back by late money, although its ticket was taken down");
    CHECK(28, order->id, order->event_status != STATUS_CANCELLED || !ticket->closed,
          "came back by late money, although orders had closed its ticket");
    ticket->live = own;
}

static void order_completed(struct m_order *order, int64_t at_ms)
{
    for (int i = 0; i < order->ticket_count; i++)
        ticket_bought(order, &model.tickets[order->tickets[i]]);
    CHECK(3, order->id,
          bank_held_for(order->id) == order->price_cents || model_refund_begun(order->id),
          "complete at %lld cents; the bank holds %lld", (long long)order->price_cents,
          (long long)bank_held_for(order->id));
    CHECK(3, order->id, bank_ever_captured_for(order->id), "complete, and never paid");
    CHECK(1, order->id, order->event_status != STATUS_COMPLETE, "completed twice");
    CHECK(15, order->id,
          order->event_status != STATUS_CANCELLED || !model_banned_at(ORDERS, order->user) ||
              news_of(order->user),
          "came back by late money, although its buyer %s is banned", order->user);
    if (order->event_status == STATUS_CANCELLED) listing_revived(order, at_ms);
    order->event_status = STATUS_COMPLETE;
    order->ended_step = sim.step;
    order->was_complete = true;
}

/* Payments move a deadline: once by the grace, once by the grace of a minute after a decline. */
static void order_updated(struct m_order *order, const struct json *event, int64_t at_ms)
{
    int64_t deadline_ms = time_of(event, "expiresAt");
    int status = model_status(word(text_of(event, "status")));
    bool live = order->event_status == STATUS_CREATED || order->event_status == STATUS_AWAITING;
    bool stays_live = status == STATUS_CREATED || status == STATUS_AWAITING;

    if (at_ms > order->latest_ms) order->latest_ms = at_ms; /* clocks may go back meanwhile */
    CHECK(1, order->id, live ? stays_live : status == order->event_status, "from status %d to %d",
          order->event_status, status);
    if (live)
        CHECK(9, order->id,
              deadline_ms >= order->reserved_until_ms &&
                  deadline_ms <= order->latest_ms + 2 * sim.grace_ms + 2 * DECLINE_GRACE_MS,
              "the deadline moved to %lld, reserved until %lld", (long long)deadline_ms,
              (long long)order->reserved_until_ms);
    order->updates++;
    order->event_status = status;
    order->deadline_ms = deadline_ms;
}

static void order_event(struct str subject, const struct json *event, int64_t at_ms)
{
    const char *id = word(text_of(event, "id"));
    struct m_order *order;
    int64_t version = whole_of(event, "version");

    if (str_eq(subject, STR("payment:rejected"))) return;
    order = model_order_at((size_t)model_order_index(id, true));
    CHECK(5, id, version == order->event_version + 1, "%.*s with version %lld after %lld",
          (int)subject.len, subject.at, (long long)version, (long long)order->event_version);
    trace(word(subject), NULL, 0, 0);
    if (str_eq(subject, STR("order:created")))
        order_created(order, event, at_ms);
    else if (str_eq(subject, STR("order:updated")))
        order_updated(order, event, at_ms);
    else if (str_eq(subject, STR("order:cancelled")))
        order_cancelled(order, at_ms);
    else if (str_eq(subject, STR("order:completed")))
        order_completed(order, at_ms);
    order->event_version = version;
    trace("order.event", id, version, order->event_status);
}

void model_order_agrees(struct m_order *order)
{
    CHECK(6, order->id, order->version == order->event_version,
          "the row has version %lld, the last event %lld", (long long)order->version,
          (long long)order->event_version);
    CHECK(5, order->id, order->status == order->event_status, "the row has status %d, not %d",
          order->status, order->event_status);
}

/* --- the others ---------------------------------------------------------------------------- */

static void expiration_event(const struct json *event, int64_t at_ms)
{
    const char *id = word(text_of(event, "orderId"));
    struct m_order *order = model_order(id);

    CHECK(6, id, order, "the time of an order that nobody committed is over");
    CHECK(9, id, at_ms >= order->reserved_until_ms, "fired %lld ms early",
          (long long)(order->reserved_until_ms - at_ms));
    CHECK(7, id, order->fires <= order->updates || retention_forgotten(EXPIRATION, id),
          "fired too often");
    CHECK(7, id,
          order->event_status == STATUS_CREATED || order->event_status == STATUS_AWAITING ||
              order->timer_version < order->version,
          "rung, although expiration knew that it need not be");
    order->fires++;
    trace("expiration:complete", id, order->expires_at_ms, at_ms);
}

static void payment_event(struct str subject, const struct json *event)
{
    const char *id = word(text_of(event, "id")), *order_id = word(text_of(event, "orderId"));
    struct m_charge *charge = model_charge_at((size_t)model_charge_index(id, true));

    CHECK(6, id, model_order(order_id), "a payment for order %s, which nobody committed", order_id);
    trace("payment.event", order_id, (int64_t)subject.len, 0);
    if (str_eq(subject, STR("payment:created"))) {
        CHECK(3, id, bank_captured(id), "paid, says the event; the bank knows nothing of it");
        CHECK(7, id, !charge->created_event, "payment:created twice");
        charge->created_event = true;
    } else if (str_eq(subject, STR("payment:failed"))) {
        CHECK(3, id, !bank_captured(id), "declined, says the event; the bank has the money");
        CHECK(7, id, !charge->failed_event, "payment:failed twice");
        charge->failed_event = true;
        model_order(order_id)->failures++;
    } else if (str_eq(subject, STR("payment:refunded"))) {
        CHECK(3, id, bank_ever_refunded_for(order_id),
              "given back, says the event; the bank knows nothing of it");
        CHECK(7, id, !charge->refunded_event, "payment:refunded twice");
        charge->refunded_event = true;
    } else if (str_eq(subject, STR("payment:refund_failed"))) {
        CHECK(7, id, charge->refunded_event, "came back, says the event, and was never away");
        charge->refunded_event = false;
    }
}

static void user_event(const struct json *event, bool created)
{
    const char *id = word(text_of(event, "id"));
    struct m_user *user = user_made(id);
    int64_t version = whole_of(event, "version");
    bool banned = str_eq(text_of(event, "status"), STR("banned"));

    CHECK(5, id, version == user->event_version + 1 && created == (version == 0),
          "version %lld after %lld", (long long)version, (long long)user->event_version);
    CHECK(5, id, banned == (version % 2 == 1), "version %lld says %s", (long long)version,
          banned ? "banned" : "active");
    user->event_version = version;
    trace(banned ? "user.banned" : "user.active", id, version, 0);
}

void model_event(int service, int64_t sequence, struct str subject, struct str payload,
                 int64_t at_ms)
{
    const struct json *event;

    (void)sequence;
    arena_reset(model.arena);
    event = json_parsed(model.arena, payload);
    CHECK(6, NULL, event, "%s published what is not JSON", service_names[service]);
    if (service == TICKETS && str_starts(subject, STR("listing:")))
        listing_event(subject, event, at_ms);
    else if (service == TICKETS && str_starts(subject, STR("offers:")))
        offers_event(event);
    else if (service == TICKETS)
        ticket_event(event, str_eq(subject, STR("ticket:created")));
    else if (str_eq(subject, STR("ticket:closed")))
        listing_closed(word(text_of(event, "id")));
    else if (service == ORDERS)
        order_event(subject, event, at_ms);
    else if (service == EXPIRATION)
        expiration_event(event, at_ms);
    else if (service == PAYMENTS)
        payment_event(subject, event);
    else if (service == CATALOGUE)
        catalogue_event(subject, event, at_ms);
    else if (service == ENTRIES && str_starts(subject, STR("transfer:")))
        transfer_event(subject, event, at_ms);
    else if (service == ENTRIES)
        entry_event(subject, event);
    else if (service == AUTH && str_starts(subject, STR("user:")))
        user_event(event, str_eq(subject, STR("user:created")));
    letters_event(subject, event, at_ms);
}

/* --- versions ------------------------------------------------------------------------------ */

/* What the subscriber's committed rows say about the entity. */
static int64_t stored_version(int service, const struct m_order *order)
{
    if (service == TICKETS) return order->ticket_seen;
    return service == PAYMENTS ? order->copy_version : order->timer_version;
}

/* Of another's ticket or order that is so old that it may have been forgotten nothing waits: what
 * came before it may have been taken for seen. Payments takes all of that for seen. */
static bool waits_for_none(int service, struct str subject)
{
    if (service == ORDERS) return str_starts(subject, STR("ticket:"));
    return (service == TICKETS || service == EXPIRATION) && str_starts(subject, STR("order:"));
}

static void check_verdict(const char *id, int service, struct str subject, struct versions *at,
                          int64_t version, enum verdict verdict)
{
    bool frees = service == TICKETS && str_eq(subject, STR("order:cancelled"));
    bool sells = service == TICKETS && str_eq(subject, STR("order:completed"));
    bool old = retention_forgotten(service, id), forgotten = old && at->version < 0;
    bool out_of_turn = old && waits_for_none(service, subject);

    CHECK(7, id,
          verdict != VERDICT_APPLIED || version == at->version + 1 ||
              ((frees || forgotten || out_of_turn) && version > at->version),
          "%s applied version %lld on top of %lld", service_names[service], (long long)version,
          (long long)at->version);
    CHECK(7, id,
          verdict != VERDICT_SEEN || version <= at->version || forgotten ||
              (out_of_turn && service == TICKETS),
          "%s has seen version %lld, it says, but only %lld was applied", service_names[service],
          (long long)version, (long long)at->version);
    CHECK(7, id, verdict != VERDICT_EARLY || version > at->version,
          "%s waits before version %lld, which it has", service_names[service], (long long)version);
    CHECK(7, id, verdict != VERDICT_EARLY || !frees, "%s lets a cancellation wait, version %lld",
          service_names[service], (long long)version);
    /* The ticket may be another order's still. */
    CHECK(7, id, verdict != VERDICT_EARLY || !out_of_turn || sells,
          "%s lets version %lld of what it may have forgotten wait", service_names[service],
          (long long)version);
    if (verdict == VERDICT_APPLIED) at->version = version;
}

/* Of tickets and orders, as the committed rows have it when the batch begins. */
static struct versions *applied_by(int service, struct str subject, const char *id, int64_t batch)
{
    bool of_order = str_starts(subject, STR("order:"));
    int index = of_order ? model_order_index(id, false) : model_ticket_index(id, false);
    struct versions *at;

    CHECK(6, id, index >= 0, "%s was handed an event nobody committed", service_names[service]);
    at = of_order ? &model.orders[index].applied[service] : &model.tickets[index].applied[service];
    if (at->batch != batch)
        *at = (struct versions){batch, of_order ? stored_version(service, &model.orders[index])
                                                : model.tickets[index].copy_version};
    return at;
}

void model_verdict(int service, int64_t batch, const struct delivery *delivery)
{
    struct str subject = delivery->subject;
    bool of_copy = str_starts(subject, STR("show:")) || str_starts(subject, STR("listing:"));
    bool of_either = str_starts(subject, STR("order:")) || str_starts(subject, STR("ticket:"));
    const struct json *event;
    struct versions *at;
    const char *id;

    if (!of_copy && !of_either) return;
    if (str_eq(subject, STR("ticket:closed"))) return; /* has no versions */
    if (service == AUTH || service == MAIL || service == ENTRIES)
        return; /* take an order of any version */
    if (quiet_is_mistake(subject, delivery->payload)) return;
    arena_reset(model.arena);
    event = json_parsed(model.arena, delivery->payload);
    id = word(text_of(event, "id"));
    at = of_copy ? listing_applied(service, subject, id, batch)
                 : applied_by(service, subject, id, batch);
    check_verdict(id, service, subject, at, whole_of(event, "version"), delivery->verdict);
}

/* --- punctuality --------------------------------------------------------------------------- */

/* While nothing disturbs it, an order is not live longer than a second past its time. */
void model_punctual(void)
{
    for (size_t i = 0; i < model.count[ENTITY_ORDER]; i++) {
        const struct m_order *order = &model.orders[i];
        int64_t from_ms = order->expires_at_ms;

        if (order->status != STATUS_CREATED && order->status != STATUS_AWAITING) continue;
        if (sim.calm_since_ms > from_ms) from_ms = sim.calm_since_ms;
        CHECK(9, order->id, sim.now_ms <= from_ms + LATE_MS, "%lld ms past its time and live",
              (long long)(sim.now_ms - order->expires_at_ms));
    }
}

void model_begin(void)
{
    if (!model.arena) model.arena = arena_new(1024 * 1024);
    ASSERT(model.arena);
    for (enum entity entity = 0; entity < ENTITIES; entity++) {
        model.count[entity] = 0;
        if (model.names[entity].slots)
            memset(model.names[entity].slots, 0,
                   model.names[entity].cap * sizeof *model.names[entity].slots);
    }
    model.user_count = 0;
}
