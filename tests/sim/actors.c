/* tests/sim/actors.c: the people. Sellers list, edit and take down; listers do it by the dozen
 * (listings.c); buyers reserve, pay with good and bad cards, click twice, cancel, give up, come
 * back at the last moment; touts hold all they can get and pay for nothing; competitors take a
 * ticket while the money of its last holder is on its way; operators give money back; guards ban
 * people and let them in again; givers send tickets on; visitors sign in and out (visitors.c); some
 * lose their passwords (forgetful.c); passers-by look around and try what they must not. Each knows
 * what it was told, and holds every answer against the model.
 *
 * A new kind of people is a function that makes the next call, and a row in `roles`. */
#include "sim.h"

#define OWN_MAX     64 /* tickets of a seller */
#define HOT_TICKETS 3
#define NEWEST      8
#define LOOKS_MAX   24  /* at tickets, before one that is taken is tried all the same */
#define AT_LEAST    9   /* the first of `roles` are always there, one of each */
#define LIST_MAX    100 /* of one page */
#define FRESH_MS    8000

struct actor_kind;

struct actor {
    const struct actor_kind *role;
    int64_t next_ms;
    int waiting;     /* for answers */
    int64_t pace_ms; /* between two acts */
    char user[25];
    bool has_account; /* else a token made by another service of the same key */
    char order[25];   /* a buyer's present reservation, "" for none */
    char token[32];   /* the card of the present payment */
    int64_t order_until_ms;
    int payments_tried;
    char hoarded[25]; /* the ticket a tout tries again, "" for none */
    char regrets[25]; /* the charge it wants back while it pays once more, "" for none */
};

enum workload { QUIET, ORDINARY, ONE_TICKET, RESTLESS, WORKLOADS };

static struct {
    struct actor all[ACTORS_MAX];
    int count;
    enum workload workload;
    bool ended;
    int tickets_max;
} people;

static bool maybe(double probability)
{
    return chance_hit(&sim.people, probability);
}

static int64_t below(int64_t limit)
{
    return chance_below(&sim.people, limit);
}

/* --- bodies -------------------------------------------------------------------------------- */

static const struct json *answer_of(const struct call *call)
{
    struct arena *arena = call->rq.arena;

    return call_body(call).len ? json_parsed(arena, call_body(call)) : NULL;
}

static struct str member(const struct json *answer, const char *path)
{
    struct str text = {"", 0};

    (void)json_text(json_get_path(answer, path), &text);
    return text;
}

static int64_t number(const struct json *answer, const char *path)
{
    int64_t value = -1;

    (void)json_int64(json_get_path(answer, path), &value);
    return value;
}

static int64_t cents(const struct json *answer, const char *path)
{
    double dollars = 0;

    (void)json_double(json_get_path(answer, path), &dollars);
    return (int64_t)(dollars * 100 + 0.5);
}

static bool says(const struct call *call, const char *message)
{
    return memmem(call_body(call).at, call_body(call).len, message, strlen(message)) != NULL;
}

static int status_of(const struct call *call)
{
    return call->rq.reply.status;
}

/* --- choosing ------------------------------------------------------------------------------ */

static const char *some_ticket(void)
{
    size_t count = model_tickets();
    bool hot = people.workload == ONE_TICKET || maybe(0.5); /* the newest ones sell best */
    size_t most = people.workload == ONE_TICKET ? HOT_TICKETS : NEWEST;
    size_t among = hot && count > most ? most : count;

    if (count == 0) return NULL;
    return model_ticket_at(count - 1 - (size_t)below((int64_t)among))->id;
}

static const char *some_order(void)
{
    return model_orders() ? model_order_at((size_t)below((int64_t)model_orders()))->id : NULL;
}

static int64_t some_price(void)
{
    static const int64_t edges[] = {1, 9, 10, 29, 57, 99, 100, 101, 115, 1999, 33333, 99999999};

    return maybe(0.3) ? edges[below(12)] : 1 + below(1000000);
}

/* --- sellers ------------------------------------------------------------------------------- */

/* What some write around a title, and what is kept of it. */
static const struct {
    const char *typed, *kept;
} flourishes[] = {
    {"", ""},
    {" \u202egnp.exe", " gnp.exe"},
    {" \u202bx\u202c\u202c", " \u202bx\u202c"},
    {" a\u0300\u0301\u0302\u0303\u0304", " a\u0300\u0301\u0302"},
    {" \U0001f468\u200d\U0001f469\u200d\U0001f467", " \U0001f468\u200d\U0001f469\u200d\U0001f467"},
};
#define FLOURISHES (int64_t)(sizeof flourishes / sizeof *flourishes)

static struct call *offer(int index, enum call_kind kind, const char *ticket, int64_t price_cents)
{
    struct call *call;
    char body[512];
    int64_t flourish = maybe(0.9) ? 0 : below(FLOURISHES), number = below(1000000);

    snprintf(body, sizeof body, "{\"title\":\"Seat %lld%s\",\"price\":%lld.%02lld}",
             (long long)number, flourishes[flourish].typed, (long long)price_cents / 100,
             (long long)price_cents % 100);
    call = call_new(index, kind, people.all[index].user, ticket, body);
    call->price_cents = price_cents;
    snprintf(call->text, sizeof call->text, "Seat %lld%s", (long long)number,
             flourishes[flourish].kept);
    if (price_cents < sim.price_min) {
        call->expect = 400;
        call->message = "The lowest price is $0.50";
    }
    return call;
}

static struct call *bad_offer(int index)
{
    static const struct {
        const char *body, *message;
    } bad[] = {
        {"{\"title\":\"  \",\"price\":5}", "Title is required"},
        {"{\"price\":5}", "Title is required"},
        {"{\"title\":\"\u200b\u00a0\",\"price\":5}", "Title is required"},
        {"{\"title\":\"Seat\",\"price\":0}", "Price must be greater than 0"},
        {"{\"title\":\"Seat\",\"price\":-10}", "Price must be greater than 0"},
        {"{\"title\":\"Seat\",\"price\":1.999}", "Price must be greater than 0"},
        {"{\"title\":\"Seat\",\"price\":1000000}", "Price must be greater than 0"},
        {"{\"title\":\"Seat\"}", "Price must be greater than 0"},
        {"{\"title\":7,\"price\":\"x\"}", "Title is required"},
    };
    size_t at = (size_t)below(sizeof bad / sizeof *bad);
    struct call *call = call_new(index, CALL_SELL, people.all[index].user, NULL, bad[at].body);

    call->expect = 400;
    call->message = bad[at].message;
    return call;
}

static int unsold_tickets(void)
{
    int count = 0;

    for (size_t i = 0; i < model_tickets(); i++)
        count += !model_ticket_at(i)->row.sold && !model_ticket_at(i)->row.withdrawn;
    return count;
}

static struct call *sell_or_edit(int index)
{
    const struct actor *actor = &people.all[index];
    const char *ticket = some_ticket();

    if (maybe(0.06)) return bad_offer(index);
    if (!ticket || (unsold_tickets() < people.tickets_max && maybe(0.5)))
        return offer(index, CALL_SELL, NULL, some_price());
    for (int tries = 0; tries < 8 && strcmp(model_ticket(ticket)->owner, actor->user) != 0; tries++)
        ticket = some_ticket(); /* someone else's now and then, which must be refused */
    if (maybe(0.12)) return call_new(index, CALL_WITHDRAW, actor->user, ticket, NULL);
    return offer(index, CALL_EDIT, ticket, some_price());
}

/* --- buyers -------------------------------------------------------------------------------- */

/* Most look for one that is free. */
static const char *ticket_to_reserve(void)
{
    const char *ticket = some_ticket();
    int looks = maybe(0.8) ? LOOKS_MAX : 0;

    while (ticket && looks-- > 0 && model_ticket(ticket)->live >= 0)
        ticket = some_ticket();
    return ticket;
}

static struct call *reserve_ticket(int index, const char *ticket)
{
    const struct m_ticket *seen = model_ticket(ticket);
    int64_t price_cents = seen->row.price_cents, version = maybe(0.3) ? seen->row.version : 0;
    struct call *call;
    char price[48] = "", named[48] = "", body[192];

    if (maybe(0.1)) price_cents += maybe(0.5) ? 1 : -1; /* what was seen a while ago */
    if (maybe(0.3) || price_cents < 1 || price_cents > PRICE_CENTS_MAX) price_cents = 0;
    if (price_cents)
        snprintf(price, sizeof price, ",\"price\":\"%lld.%02lld\"", (long long)price_cents / 100,
                 (long long)price_cents % 100);
    if (version) snprintf(named, sizeof named, ",\"version\":%lld", (long long)version);
    snprintf(body, sizeof body, "{\"ticketId\":\"%s\"%s%s}", ticket, price, named);
    call = call_new(index, CALL_RESERVE, people.all[index].user, ticket, body);
    call->price_cents = price_cents;
    call->version = version;
    return call;
}

static struct call *reserve(int index)
{
    const char *ticket = ticket_to_reserve(), *going = listing_going(), *middle = NULL;
    struct call *call;

    if (going && maybe(0.7)) return reserve_ticket(index, going);
    if (maybe(0.2)) middle = listing_middle();
    if (middle) return reserve_ticket(index, middle);
    if (maybe(0.03)) {
        call = call_new(index, CALL_RESERVE, people.all[index].user, NULL, "{\"ticketId\":17}");
        call->expect = 400;
        call->message = "TicketId must be provided";
        return call;
    }
    if (maybe(0.02)) {
        call = call_new(index, CALL_RESERVE, people.all[index].user, NULL,
                        "{\"ticketId\":\"0123456789abcdef01234567\"}");
        call->expect = 404;
        return call;
    }
    if (!ticket || (model_ticket(ticket)->live >= 0 && maybe(0.7))) /* sold out */
        return call_new(index, CALL_LIST, "", NULL, NULL);
    return reserve_ticket(index, ticket);
}

/* Some of a listing, or one ticket. */
static struct call *reserve_any(int index)
{
    struct call *call = maybe(0.3) ? listing_reserve(index, people.all[index].user) : NULL;

    return call ? call : reserve(index);
}

static struct call *pay_by(int index, const char *token)
{
    struct actor *actor = &people.all[index];
    struct call *call;
    char body[256];

    snprintf(actor->token, sizeof actor->token, "%s", token);
    actor->payments_tried++;
    snprintf(body, sizeof body, "{\"token\":\"%s\",\"orderId\":\"%s\"}", actor->token,
             actor->order);
    call = call_new(index, CALL_PAY, actor->user, actor->order, body);
    snprintf(call->text, sizeof call->text, "%s", actor->token);
    return call;
}

static struct call *pay(int index)
{
    static const char *const tokens[] = {"tok_visa", "tok_visa_debit", "tok_decline",
                                         "tok_rubbish"};
    const struct actor *actor = &people.all[index];
    char token[32];

    snprintf(token, sizeof token, "%s", actor->token);
    if (actor->payments_tried == 0 || maybe(0.3))
        snprintf(token, sizeof token, "%s", tokens[maybe(0.7) ? 0 : below(4)]);
    return pay_by(index, token);
}

/* While the first card is still being asked. */
static struct call *pay_by_another_card(int index)
{
    bool visa = strcmp(people.all[index].token, "tok_visa") == 0;

    return pay_by(index, visa ? "tok_visa_debit" : "tok_visa");
}

static struct call *cancel(int index, const char *order_id)
{
    struct m_order *order = model_order(order_id);

    if (order && strcmp(order->user, people.all[index].user) == 0) order->cancel_sent = true;
    return call_new(index, CALL_CANCEL, people.all[index].user, order_id, NULL);
}

static struct call *go_on_with_order(int index)
{
    struct actor *actor = &people.all[index];
    double fate = chance_unit(&sim.people);
    char order[25];

    memcpy(order, actor->order, sizeof order);
    if (actor->payments_tried > 4 || fate < 0.08) { /* gives up without a word */
        actor->order[0] = '\0';
        return reserve_any(index);
    }
    if (fate < 0.7) return pay(index);
    if (fate < 0.8) return call_new(index, CALL_ORDER, actor->user, order, NULL);
    if (maybe(0.8)) actor->order[0] = '\0';
    return cancel(index, order);
}

static struct call *buy(int index)
{
    struct actor *actor = &people.all[index];

    if (actor->order[0]) return go_on_with_order(index);
    if (maybe(0.05)) return call_new(index, CALL_ORDERS, actor->user, NULL, NULL);
    return reserve_any(index);
}

static const char *charge_in(const char *status)
{
    for (size_t i = model_charges(); i-- > 0;)
        if (strcmp(model_charge_at(i)->status, status) == 0) return model_charge_at(i)->id;
    return NULL;
}

/* --- groups -------------------------------------------------------------------------------- */

/* Wants several tickets side by side, or none. */
static struct call *buy_together(int index)
{
    struct actor *actor = &people.all[index];
    struct call *call;
    char order[25];

    memcpy(order, actor->order, sizeof order);
    if (order[0] && maybe(0.8)) return pay_by(index, "tok_visa");
    actor->order[0] = '\0';
    if (order[0]) return cancel(index, order);
    call = listing_reserve(index, actor->user);
    return call ? call : call_new(index, CALL_ORDERS, actor->user, NULL, NULL);
}

/* --- touts --------------------------------------------------------------------------------- */

/* Holds what it can get and the same ticket again and again, and pays for nothing. */
static struct call *hoard(int index)
{
    struct actor *actor = &people.all[index];
    const char *last = actor->hoarded[0] ? actor->hoarded : NULL;
    char order[25];

    memcpy(order, actor->order, sizeof order);
    if (order[0] && maybe(0.5)) {
        actor->order[0] = '\0';
        return cancel(index, order);
    }
    if (maybe(0.15)) {
        struct call *some = listing_reserve(index, actor->user);

        if (some) return some;
    }
    if (!last || maybe(0.3)) last = ticket_to_reserve();
    if (!last) return call_new(index, CALL_LIST, "", NULL, NULL);
    memmove(actor->hoarded, last, sizeof actor->hoarded);
    return reserve_ticket(index, actor->hoarded);
}

/* --- card testers -------------------------------------------------------------------------- */

/* Finds out which of many stolen cards are good: some a reservation, and on to the next. */
static struct call *test_cards(int index)
{
    struct actor *actor = &people.all[index];
    char order[25];

    memcpy(order, actor->order, sizeof order);
    if (!order[0]) return reserve(index);
    if (actor->payments_tried < 4) return pay_by(index, maybe(0.5) ? "tok_rubbish" : "tok_decline");
    actor->order[0] = '\0';
    return cancel(index, order);
}

/* --- competitors --------------------------------------------------------------------------- */

/* One that is free again while a card is still being charged for it. */
static const char *ticket_in_doubt(void)
{
    size_t charges = model_charges();

    for (size_t i = 0; i < charges && i < NEWEST; i++) {
        const struct m_charge *charge = model_charge_at(charges - 1 - i);
        const struct m_order *order =
            charge->order >= 0 ? model_order_at((size_t)charge->order) : NULL;
        const struct m_ticket *ticket = order ? model_ticket_at((size_t)order->tickets[0]) : NULL;
        bool in_doubt =
            strcmp(charge->status, "pending") == 0 || strcmp(charge->status, "unknown") == 0;

        if (ticket && in_doubt && order->status == STATUS_CANCELLED && ticket->live < 0)
            return ticket->id;
    }
    return NULL;
}

/* No card is being asked. */
static bool nothing_uncertain(const struct actor *actor)
{
    return !actor->order[0] && !charge_in("pending") && !charge_in("unknown");
}

/* Payments has money for a ticket that somebody else now holds, and orders has not heard of it. */
static bool money_comes(const struct m_ticket *ticket)
{
    size_t charges = model_charges();

    for (size_t i = 0; i < charges && i < NEWEST; i++) {
        const struct m_charge *charge = model_charge_at(charges - 1 - i);
        const struct m_order *order =
            charge->order >= 0 ? model_order_at((size_t)charge->order) : NULL;

        if (order && model_place(order, ticket) >= 0 && order->status == STATUS_CANCELLED &&
            strcmp(charge->status, "captured") == 0)
            return true;
    }
    return false;
}

static bool gives_way(const struct actor *actor)
{
    const struct m_order *order = actor->order[0] ? model_order(actor->order) : NULL;

    if (order && order->listing[0] && sim.options.seed % 2)
        return false; /* it keeps one of several */
    return order && money_comes(model_ticket_at((size_t)order->tickets[0]));
}

/* Takes it, and gives it back: sooner or later, or just before the other's money comes. */
static struct call *compete(int index)
{
    struct actor *actor = &people.all[index];
    const char *ticket = ticket_in_doubt();
    char order[25];

    memcpy(order, actor->order, sizeof order);
    if (order[0]) {
        bool now = gives_way(actor);

        if (!now && maybe(0.1)) return pay(index);
        if (!now && maybe(0.7)) return call_new(index, CALL_ORDER, actor->user, order, NULL);
        actor->order[0] = '\0';
        return cancel(index, order);
    }
    if (ticket) return reserve_ticket(index, ticket);
    return reserve(index);
}

/* --- listers ------------------------------------------------------------------------------- */

/* They want their own tickets now and then. */
static struct call *list_together(int index)
{
    bool room = unsold_tickets() < 2 * people.tickets_max;
    const char *own = maybe(0.25) ? listing_own_ticket(people.all[index].user) : NULL;

    if (own) return reserve_ticket(index, own);
    return list_seats(index, people.all[index].user, some_price(), room);
}

/* --- operators ----------------------------------------------------------------------------- */

/* One of the newest or any; most look for one that can be given back. */
static const char *charge_to_refund(void)
{
    size_t charges = model_charges();
    size_t among = maybe(0.5) && charges > NEWEST ? NEWEST : charges;
    const struct m_charge *charge = model_charge_at(charges - 1 - (size_t)below((int64_t)among));

    for (int tries = 0; tries < 4 && strcmp(charge->status, "captured") != 0 && maybe(0.8); tries++)
        charge = model_charge_at(charges - 1 - (size_t)below((int64_t)among));
    return charge->id;
}

static bool nothing_owed(const struct actor *actor)
{
    (void)actor;
    return !charge_in("refund_failed") && !charge_in("refund_pending") && !letters_late();
}

/* Gives a payment back, most often one whose refund failed; now and then one on its way back.
 * Sends a letter again. */
static struct call *operate(int index)
{
    const char *owed = charge_in(maybe(0.5) ? "refund_pending" : "refund_failed");

    if (maybe(letters_late() ? 0.7 : 0.2) && letters_some())
        return call_new(index, CALL_MAIL_SEND, "", letters_some(), NULL);
    if (!model_charges() || maybe(owed ? 0.1 : 0.3))
        return call_new(index, CALL_LIST, "", NULL, NULL);
    return call_new(index, CALL_REFUND, "", owed && maybe(0.8) ? owed : charge_to_refund(), NULL);
}

/* --- passers-by ---------------------------------------------------------------------------- */

static struct call *sign(int index, enum call_kind kind)
{
    struct call *call;
    char body[256], email[64];

    snprintf(email, sizeof email, "p%lld@example.com", (long long)below(12));
    snprintf(body, sizeof body, "{\"email\":\"%s\",\"password\":\"gondola-Turnip-%lld\"}", email,
             (long long)(kind == CALL_SIGNIN && maybe(0.2)));
    call = call_new(index, kind, "", NULL, body);
    snprintf(call->text, sizeof call->text, "%s", email);
    call->price_cents = strstr(body, "Turnip-1") != NULL; /* a wrong password */
    if (!model_user(email)) return call;
    call->expect = kind == CALL_SIGNIN && !call->price_cents ? 200 : 400;
    if (call->expect == 400)
        call->message = kind == CALL_SIGNIN ? "Invalid credentials" : "Email in use";
    if (kind == CALL_SIGNIN && !call->price_cents) call->expect = 0; /* unless banned: judge_sign */
    return call;
}

/* Makes the account of an actor who wants one, or finds that it was made after all. */
static struct call *make_account(int index)
{
    struct actor *actor = &people.all[index];
    const struct m_user *user;
    struct call *call;
    char body[256], email[64];

    if (!actor->has_account) return NULL;
    snprintf(email, sizeof email, "a%d@example.com", index);
    user = model_user(email);
    if (user) {
        memcpy(actor->user, user->id, sizeof actor->user);
        actor->has_account = false; /* nothing more to make */
        return NULL;
    }
    snprintf(body, sizeof body, "{\"email\":\"%s\",\"password\":\"gondola-Turnip-0\"}", email);
    call = call_new(index, CALL_SIGNUP, "", NULL, body);
    snprintf(call->text, sizeof call->text, "%s", email);
    return call;
}

/* --- guards ------------------------------------------------------------------------------- */

/* The account of somebody whose card is being asked, and who is not banned; NULL: nobody's. */
static const struct m_user *some_payer(void)
{
    size_t charges = model_charges();

    for (size_t i = 0; i < charges && i < NEWEST; i++) {
        const struct m_charge *charge = model_charge_at(charges - 1 - i);
        const struct m_user *user =
            charge->order >= 0 ? model_user_of(model_order_at((size_t)charge->order)->user) : NULL;
        bool asked =
            strcmp(charge->status, "pending") == 0 || strcmp(charge->status, "unknown") == 0;

        if (user && asked && user->version % 2 == 0) return user;
    }
    return NULL;
}

/* Somebody with several reservations; NULL: nobody. */
static const struct m_user *some_holder(void)
{
    for (size_t i = 0; i < model_users(); i++) {
        const struct m_user *user = model_user_at(i);

        if (user->version % 2 == 0 && model_unpaid(user->id, INT64_MAX) > 1) return user;
    }
    return NULL;
}

static bool nobody_pays(const struct actor *actor)
{
    (void)actor;
    return !some_payer();
}

/* Somebody with a ticket on sale; or somebody banned. NULL: nobody. */
static const struct m_user *some_seller(bool banned)
{
    for (size_t i = model_tickets(), looks = 0; i-- > 0 && looks < LOOKS_MAX; looks++) {
        const struct m_ticket *ticket = model_ticket_at(i);
        const struct m_user *user = model_user_of(ticket->owner);

        if (user && ticket->row.order < 0 && !ticket->row.withdrawn &&
            (user->version % 2 == 1) == banned && maybe(0.5))
            return user;
    }
    return NULL;
}

static const struct m_user *somebody_to_guard(void)
{
    if (maybe(0.3)) return some_payer();
    return maybe(0.3) ? some_holder() : some_seller(maybe(0.6));
}

static struct call *ban(int index, const struct m_user *user, bool banned)
{
    struct call *call;
    char body[128];

    snprintf(body, sizeof body, "{\"user\":\"%s\",\"reason\":\"touting\"}",
             maybe(0.5) ? user->id : user->email);
    call = call_new(index, banned ? CALL_BAN : CALL_UNBAN, "", NULL, body);
    snprintf(call->text, sizeof call->text, "%s", user->id);
    return call;
}

/* Bans people, often while they pay or sell, and lets them in again. */
static struct call *keep_order(int index)
{
    const struct m_user *user = somebody_to_guard();

    if (!model_users() || maybe(0.3)) return call_new(index, CALL_LIST, "", NULL, NULL);
    if (!user || maybe(0.3)) user = model_user_at((size_t)below((int64_t)model_users()));
    return ban(index, user, maybe(user->version % 2 == 1 ? 0.1 : 0.9));
}

static struct call *look_around(int index)
{
    struct actor *actor = &people.all[index];
    const char *ticket = some_ticket(), *order = some_order();
    char body[128];

    switch (below(8)) {
    case 0:
        return sign(index, CALL_SIGNUP);
    case 1:
        return sign(index, CALL_SIGNIN);
    case 2:
        return call_new(index, CALL_LIST, actor->user, NULL, NULL);
    case 3:
        if (ticket) return call_new(index, CALL_TICKET, "", ticket, NULL);
        break;
    case 4:
        if (order) return call_new(index, CALL_ORDER, actor->user, order, NULL);
        break;
    case 5:
        if (order) return cancel(index, order); /* not theirs */
        break;
    case 6:
        if (!order) break;
        snprintf(body, sizeof body, "{\"token\":\"tok_visa\",\"orderId\":\"%s\"}", order);
        return call_new(index, CALL_PAY, actor->user, order, body);
    default:
        break;
    }
    return call_new(index, CALL_LIST, "", NULL, NULL);
}

/* --- curators ------------------------------------------------------------------------------ */

static struct call *curate_as(int index)
{
    return curate(index, people.all[index].user);
}

/* --- givers -------------------------------------------------------------------------------- */

static bool nothing_to_send(const struct actor *actor)
{
    (void)actor;
    return !transfers_wanted();
}

/* --- roles --------------------------------------------------------------------------------- */

static struct call *guard_as(int index)
{
    return guard_door(index, people.all[index].user);
}

static const struct actor_kind {
    const char *name; /* of their users: "buyer-7" */
    int share;        /* of a hundred */
    double haste;     /* pace, in parts of the usual one */
    struct call *(*act)(int index);
    bool (*idle)(const struct actor *actor); /* no need for haste now; NULL: never */
} roles[] = {
    {"seller", 17, 1, sell_or_edit, NULL},
    {"buyer", 25, 1, buy, NULL},
    {"group", 8, 0.5, buy_together, NULL},
    {"tester", 3, 0.1, test_cards, NULL},
    {"competitor", 7, 0.05, compete, nothing_uncertain},
    {"operator", 4, 0.1, operate, nothing_owed},
    {"curator", 4, 1, curate_as, NULL},
    {"lister", 6, 1, list_together, NULL},
    {"door", 4, 0.2, guard_as, NULL},
    {"giver", 4, 0.05, send_on, nothing_to_send},
    {"forgetful", 3, 0.4, forget, NULL},
    {"guard", 5, 0.2, keep_order, nobody_pays},
    {"tout", 6, 0.5, hoard, NULL},
    {"visitor", 4, 0.5, visit, NULL},
    {"passer-by", 4, 1, look_around, NULL},
};

static const struct actor_kind *some_role(void)
{
    const struct actor_kind *role = roles;

    for (int64_t drawn = below(100); drawn >= role->share; role++)
        drawn -= role->share;
    return role;
}

/* --- acting -------------------------------------------------------------------------------- */

static int64_t acts_at_ms(const struct actor *actor)
{
    bool idle = actor->role->idle && actor->role->idle(actor);

    if (actor->role->act == compete && gives_way(actor)) return sim.now_ms;
    if (actor->role->act == list_together && (actor - people.all) % 2 &&
        listing_racing(actor->user))
        return sim.now_ms;
    return actor->next_ms + (idle ? (int64_t)((double)actor->pace_ms / actor->role->haste) : 0);
}

static bool is_due(const struct actor *actor)
{
    return !people.ended && !actor->waiting && acts_at_ms(actor) <= sim.now_ms;
}

size_t actors_due(void)
{
    size_t count = 0;

    for (int i = 0; i < people.count; i++)
        count += is_due(&people.all[i]);
    return count;
}

int64_t actors_next_ms(void)
{
    int64_t next_ms = INT64_MAX;

    for (int i = 0; i < people.count && !people.ended; i++) {
        const struct actor *actor = &people.all[i];

        if (!actor->waiting && acts_at_ms(actor) < next_ms) next_ms = acts_at_ms(actor);
    }
    return next_ms;
}

static struct call *twin_of(const struct call *call)
{
    struct str body = call->rq.body_bytes, user = call->rq.user.id;
    struct call *twin =
        call_new(call->actor, call->kind, user.at, call->id[0] ? call->id : NULL, body.at);

    twin->expect = call->expect;
    twin->message = call->message;
    twin->price_cents = call->price_cents;
    twin->quantity = call->quantity;
    twin->ended = call->ended;
    memcpy(twin->rq.user.sid, call->rq.user.sid, sizeof twin->rq.user.sid);
    memcpy(twin->rq.user.sid_hash, call->rq.user.sid_hash, sizeof twin->rq.user.sid_hash);
    twin->rq.user.expires_at_s = call->rq.user.expires_at_s;
    twin->version = call->version;
    twin->rq.user.roles = call->rq.user.roles;
    twin->rq.user.email = arena_copy(twin->rq.arena, call->rq.user.email);
    memcpy(twin->text, call->text, sizeof twin->text);
    if (door_kind(call->kind)) door_sign(twin);
    if (call->rq.query.len) twin->rq.query = arena_copy(twin->rq.arena, call->rq.query);
    return twin;
}

void actor_act(size_t due)
{
    struct actor *actor = people.all;
    struct call *call, *twin = NULL;
    int index;

    while (!is_due(actor) || due-- > 0)
        actor++;
    index = (int)(actor - people.all);
    call = make_account(index);
    if (!call) call = actor->regrets[0] && actor->order[0] ? pay(index) : actor->role->act(index);
    if (actor->regrets[0]) {
        call_send(call_new(index, CALL_REFUND, "", actor->regrets, NULL));
        actor->waiting++;
        actor->regrets[0] = '\0';
    } else if (fault_now(FAULT_DOUBLE_SUBMIT)) {
        twin = twin_of(call);
    } else if (call->kind == CALL_PAY && maybe(actor->role->act == buy_together ? 0.2 : 0.08)) {
        twin = cancel(index, call->id); /* changes their mind while the card is asked */
    } else if (call->kind == CALL_PAY && model_user_of(actor->user) && maybe(0.03)) {
        twin = ban(index, model_user_of(actor->user), true); /* by somebody who is watching them */
    } else if (call->kind == CALL_PAY && maybe(0.06) && strcmp(call->id, actor->order) == 0) {
        twin = pay_by_another_card(index);
    }
    actor->waiting += twin ? 2 : 1;
    call_send(call);
    if (twin) call_send(twin);
}

/* --- answers ------------------------------------------------------------------------------- */

static void judge_ticket(const struct call *call, const struct json *answer)
{
    char id[25];
    struct m_ticket *ticket;
    int64_t version = number(answer, "version");

    snprintf(id, sizeof id, "%.*s", (int)member(answer, "id").len, member(answer, "id").at);
    ticket = model_ticket(id);
    CHECK(10, id, ticket && ticket->event.version >= version && version >= 0,
          "answered with version %lld of a ticket nobody committed", (long long)version);
    CHECK(10, id,
          ticket->history[version].price_cents == call->price_cents &&
              ticket->history[version].title == hash_text(str_of(call->text)),
          "answered, but another price or title was committed");
    CHECK(10, id,
          cents(answer, "price") == call->price_cents &&
              str_eq(member(answer, "title"), str_of(call->text)),
          "the answer shows another price or title");
    CHECK(11, id, str_eq(str_of(ticket->owner), str_of(people.all[call->actor].user)),
          "an answer about someone else's ticket");
    if (version > ticket->acked) ticket->acked = (int)version;
}

static void judge_edit(const struct call *call)
{
    const struct m_ticket *ticket = model_ticket(call->id);
    bool own = str_eq(str_of(ticket->owner), str_of(people.all[call->actor].user));

    if (status_of(call) == 200) {
        CHECK(11, call->id, own, "someone else edited this ticket");
        judge_ticket(call, answer_of(call));
    } else if (status_of(call) == 410) {
        CHECK(17, call->id, ticket->event.withdrawn, "taken down, says the answer, and it is not");
    } else if (status_of(call) == 409) {
        CHECK(2, call->id, ticket->listing[0], "of a listing, says the answer, and it is not");
    } else {
        CHECK(11, call->id, status_of(call) != 401 || !own, "its owner may not edit a ticket");
        CHECK(2, call->id, status_of(call) == 401 || ticket->event.version > 0,
              "a ticket that was never held cannot be edited");
    }
}

static bool was_ordered(const struct m_ticket *ticket)
{
    for (size_t i = 0; i < model_orders(); i++)
        if (model_place(model_order_at(i), ticket) >= 0) return true;
    return false;
}

static void judge_withdrawal(const struct call *call)
{
    struct m_ticket *ticket = model_ticket(call->id);
    bool own = str_eq(str_of(ticket->owner), str_of(people.all[call->actor].user));

    if (status_of(call) == 204) {
        CHECK(11, call->id, own, "someone else took this ticket down");
        CHECK(10, call->id, ticket->event.withdrawn, "answered taken down, but it is not");
        ticket->withdraw_acked = true;
    } else if (status_of(call) == 409 && says(call, "split_left")) {
        CHECK(30, call->id, ticket->listing[0], "kept by a split, and it is of no listing");
    } else if (status_of(call) == 409) {
        CHECK(2, call->id, was_ordered(ticket),
              "a ticket that was never held cannot be taken down");
        CHECK(1, call->id, !says(call, "ticket_sold") || ticket->was_sold,
              "sold, says the answer, and it never was");
    } else {
        CHECK(11, call->id, status_of(call) == 401 && !own, "answered %d to its %s",
              status_of(call), own ? "seller" : "stranger");
    }
}

static void judge_order(const struct call *call, const struct json *answer)
{
    struct actor *actor = &people.all[call->actor];
    char id[25];
    struct m_order *order;

    snprintf(id, sizeof id, "%.*s", (int)member(answer, "id").len, member(answer, "id").at);
    order = model_order(id);
    CHECK(10, id, order && order->version >= 0, "answered with an order nobody committed");
    CHECK(11, id, strcmp(order->user, actor->user) == 0, "an answer with someone else's order");
    CHECK(4, id,
          cents(answer, "ticket.price") == order->prices[0] &&
              (!order->listing[0] || cents(answer, "total") == order->price_cents),
          "the answer shows %lld cents", (long long)cents(answer, "ticket.price"));
    if (call->kind != CALL_RESERVE && call->kind != CALL_RESERVE_SOME) return;
    CHECK(4, id, !call->price_cents || order->price_cents <= call->price_cents,
          "reserved at %lld cents, the buyer agreed to %lld", (long long)order->price_cents,
          (long long)call->price_cents);
    for (int i = 0; i < order->ticket_count; i++)
        CHECK(4, id, order->prices[i] >= sim.price_min, "reserved at a price nobody can pay");
    CHECK(5, id, number(answer, "ticket.version") >= call->version,
          "reserved at version %lld, the buyer saw %lld",
          (long long)number(answer, "ticket.version"), (long long)call->version);
    if (call->kind == CALL_RESERVE_SOME)
        listing_judge_order(call, order);
    else
        CHECK(10, id,
              order->ticket_count == 1 &&
                  strcmp(model_ticket_at((size_t)order->tickets[0])->id, call->id) == 0,
              "reserved another ticket");
    order->acked = true;
    snprintf(actor->order, sizeof actor->order, "%s", id);
    actor->order_until_ms = order->expires_at_ms;
    actor->payments_tried = 0;
}

/* The ticket as the answer says it is now: dearer than the buyer agreed to, and so once. */
static void judge_price_changed(const struct call *call)
{
    const struct json *now = json_get(json_at(json_get(answer_of(call), "errors"), 0), "ticket");
    const struct m_ticket *ticket = model_ticket(call->id);
    int64_t version = number(now, "version");

    CHECK(4, call->id, call->price_cents && cents(now, "price") > call->price_cents,
          "dearer than %lld cents, says the answer, and %lld", (long long)call->price_cents,
          (long long)cents(now, "price"));
    CHECK(10, call->id,
          version >= 0 && version <= ticket->event.version &&
              ticket->history[version].price_cents == cents(now, "price"),
          "version %lld has another price", (long long)version);
}

/* The ticket, or one of the listing. */
static int times_held(const struct call *call)
{
    const char *user = people.all[call->actor].user;

    if (call->kind == CALL_RESERVE_SOME) return listing_holds(call->id, user);
    return model_holds(user, call->id, 0, INT64_MAX);
}

/* Whoever was refused holds, or held, as much as that says. */
static void judge_share(const struct call *call)
{
    const char *user = people.all[call->actor].user;

    if (says(call, "too_many_unpaid"))
        CHECK(16, call->id,
              sim.unpaid_max > 0 && model_unpaid(user, call->sent_step) >= sim.unpaid_max,
              "too many unpaid, says the answer, and %s had %d", user,
              model_unpaid(user, call->sent_step));
    else
        CHECK(16, call->id,
              says(call, "held_too_often") && sim.holds_max > 0 &&
                  times_held(call) >= sim.holds_max,
              "held too often, says the answer, and %s had it %d times", user, times_held(call));
}

static bool clocks_differ(void)
{
    return fault_possible(FAULT_CLOCK_SKEW) || fault_possible(FAULT_CLOCK_JUMP);
}

/* Nobody is told that there is no such thing when it was made a moment ago. */
static void judge_missing(const struct call *call)
{
    struct object_id id;
    int64_t age_ms;

    if (status_of(call) != 404) return;
    ASSERT(object_id_parse(str_of(call->id), &id));
    age_ms = sim.now_ms - object_id_time(id).ms;
    CHECK(10, call->id, clocks_differ() || age_ms < 0 || age_ms > FRESH_MS,
          "made %lld ms ago, and not found", (long long)age_ms);
}

static void judge_reserve(const struct call *call)
{
    const struct m_ticket *ticket = call->id[0] ? model_ticket(call->id) : NULL;

    if (ticket && !model_banned_at(ORDERS, ticket->owner) &&
        !model_ban_moved(ORDERS, ticket->owner, call->sent_step))
        judge_missing(call);
    if (status_of(call) == 201) {
        judge_order(call, answer_of(call));
    } else if (status_of(call) == 409 && says(call, "price_changed")) {
        judge_price_changed(call);
    } else if (status_of(call) == 409) {
        CHECK(29, call->id, ticket && ticket->listing[0],
              "refused for its listing, and it is of none");
    } else if (ticket && status_of(call) == 410 && says(call, "listing_withdrawn")) {
        CHECK(17, call->id, ticket->listing[0], "its listing was taken down, and it is of none");
    } else if (ticket && status_of(call) == 410) {
        CHECK(17, call->id, ticket->event.withdrawn, "taken down, says the answer, and it is not");
    } else if (ticket && status_of(call) == 400 && says(call, "price_below_minimum")) {
        CHECK(4, call->id, sim.price_min > 1, "below a minimum that is none");
    } else if (ticket && status_of(call) == 400) {
        CHECK(2, call->id, says(call, "Ticket is already reserved"),
              "refused for another reason: %.*s", (int)call_body(call).len, call_body(call).at);
        CHECK(2, call->id, ticket->event.version > 0 || ticket->live >= 0 || model_orders() > 0,
              "reserved, says the answer, but never was");
    }
}

static void judge_reserve_some(const struct call *call)
{
    if (status_of(call) == 201)
        judge_order(call, answer_of(call));
    else
        listing_judge_refused(call);
}

static void judge_cancel(const struct call *call)
{
    struct m_order *order = model_order(call->id);
    bool own = strcmp(order->user, people.all[call->actor].user) == 0;

    if (status_of(call) == 204) {
        CHECK(11, call->id, own, "someone else cancelled this order");
        CHECK(10, call->id, order->was_cancelled, "answered cancelled, but it is not");
        order->cancel_acked = true;
    } else if (status_of(call) == 400) {
        CHECK(1, call->id, order->was_complete, "a live order cannot be cancelled");
    } else {
        CHECK(11, call->id, status_of(call) == 401 && !own, "answered %d to its %s",
              status_of(call), own ? "owner" : "stranger");
    }
}

static void judge_pay(const struct call *call)
{
    struct m_order *order = model_order(call->id);
    const struct json *answer = answer_of(call);
    struct str stripe_id = member(answer, "stripeId");
    char charge[25];

    judge_missing(call);

    CHECK(11, call->id,
          status_of(call) == 401 || status_of(call) == 404 ||
              strcmp(order->user, people.all[call->actor].user) == 0,
          "someone else may pay for this order");
    CHECK(11, call->id,
          status_of(call) != 401 || strcmp(order->user, people.all[call->actor].user) != 0,
          "its owner may not pay for this order");
    if (status_of(call) == 201) {
        snprintf(charge, sizeof charge, "%.*s", (int)member(answer, "id").len,
                 member(answer, "id").at);
        CHECK(3, call->id, bank_captured(charge), "paid, says the answer; the bank has nothing");
        CHECK(10, call->id, model_charge(charge), "paid by a charge nobody committed");
        CHECK(10, call->id, strcmp(bank_token(charge), call->text) == 0 || !call->text[0],
              "paid with another card");
        CHECK(10, call->id,
              !order->paid_as[0] || str_eq(stripe_id, str_of(order->paid_as)) ||
                  model_charge_goes_back(order->paid_as),
              "paid once as %s, now as %.*s", order->paid_as, (int)stripe_id.len, stripe_id.at);
        snprintf(order->paid_as, sizeof order->paid_as, "%.*s", (int)stripe_id.len, stripe_id.at);
        if (maybe(0.15)) memcpy(people.all[call->actor].regrets, charge, sizeof charge);
    } else if (status_of(call) == 402) {
        CHECK(3, call->id, says(call, "Your card was declined."), "declined in other words");
    } else if (status_of(call) == 400 && says(call, "cancelled order")) {
        CHECK(1, call->id, order->was_cancelled, "cancelled, says the answer, but it never was");
    } else if (status_of(call) == 400 && says(call, "already paid")) {
        CHECK(3, call->id, bank_ever_captured_for(call->id),
              "paid, says the answer, but it is not");
    } else if (status_of(call) == 400) {
        /* Beyond the life of its key nothing is asked again: the money was not taken. */
        bool given_up = sim.woke_ms && call->sent_ms <= sim.woke_ms;

        CHECK(3, call->id,
              given_up || (strcmp(call->text, "tok_rubbish") == 0 && says(call, "Invalid value")),
              "a good card was refused as invalid");
    }
}

static int tickets_for_sale(void)
{
    int count = 0;

    for (size_t i = 0; i < model_tickets(); i++) {
        const struct m_ticket *ticket = model_ticket_at(i);

        count += ticket->row.version >= 0 && ticket->row.order < 0 && !ticket->row.withdrawn &&
                 ticket->row.price_cents >= sim.price_min &&
                 !model_banned_at(TICKETS, ticket->owner) && listing_sells(ticket);
    }
    return count;
}

static void judge_list(const struct call *call)
{
    const struct json *list = answer_of(call);
    char last[25] = "g";

    CHECK(INVARIANT_NONE, NULL, list && status_of(call) == 200, "no list but %d", status_of(call));
    for (size_t i = 0; i < json_length(list); i++) {
        struct str id = member(json_at(list, i), "id");
        char text[25];

        snprintf(text, sizeof text, "%.*s", (int)id.len, id.at);
        CHECK(10, text, strcmp(text, last) < 0, "the list is not newest first");
        memcpy(last, text, sizeof last);
        if (call->kind == CALL_ORDERS) {
            CHECK(11, text,
                  str_eq(member(json_at(list, i), "userId"), str_of(people.all[call->actor].user)),
                  "someone else's order in a list");
        } else {
            const struct m_ticket *ticket = model_ticket(text);

            CHECK(10, text, ticket, "a ticket nobody committed is on sale");
            CHECK(2, text, ticket->row.order < 0, "a held ticket is on sale");
            CHECK(29, text, listing_sells(ticket), "on sale, and nothing of its show is");
            CHECK(17, text, !ticket->row.withdrawn, "a ticket that was taken down is on sale");
            CHECK(4, text, ticket->row.price_cents >= sim.price_min,
                  "on sale at a price that nobody can pay");
            CHECK(15, text, !model_banned_at(TICKETS, ticket->owner),
                  "on sale, and tickets knows that its seller %s is banned", ticket->owner);
        }
    }
    if (call->kind == CALL_LIST && json_length(list) < LIST_MAX)
        CHECK(2, NULL, (int)json_length(list) == tickets_for_sale(), "%zu on sale, not %d",
              json_length(list), tickets_for_sale());
}

static void judge_sign(const struct call *call)
{
    const struct m_user *user = model_user(call->text);
    struct str id = member(answer_of(call), "id");
    bool moved = user && user->changed_step >= call->sent_step;

    if (status_of(call) == 201 || status_of(call) == 200) {
        CHECK(10, NULL, user && str_eq(str_of(user->id), id), "signed in as nobody committed");
        CHECK(11, NULL, !call->price_cents, "signed in with a wrong password");
        CHECK(15, user->id, moved || user->version % 2 == 0, "banned, and signed in");
    } else if (call->kind == CALL_SIGNIN && user && !call->price_cents && !moved) {
        CHECK(15, user->id, user->version % 2 == 1, "the right password, and not signed in: %d",
              status_of(call));
    }
}

static void judge_ban(const struct call *call)
{
    const struct m_user *user = model_user_of(call->text);
    const struct json *answer = answer_of(call);
    int64_t version = number(answer, "version");

    CHECK(INVARIANT_NONE, call->text, status_of(call) == 200, "answered %d to the operator",
          status_of(call));
    CHECK(10, call->text, str_eq(member(answer, "id"), str_of(user->id)),
          "an answer about someone else");
    CHECK(10, call->text, version <= user->version, "answered with version %lld nobody committed",
          (long long)version);
    CHECK(15, call->text,
          version % 2 == (call->kind == CALL_BAN) &&
              str_eq(member(answer, "status"),
                     call->kind == CALL_BAN ? STR("banned") : STR("active")),
          "answered with version %lld and another status", (long long)version);
}

/* True: it is about a ban, and nothing else is to be said of it. */
static bool judge_session(const struct call *call)
{
    const char *user = call->rq.user.id.at;
    bool moved;

    if (call->rq.route->access != ACCESS_SESSION) return false;
    moved = model_ban_moved(call->service, user, call->sent_step);
    CHECK(15, user, !call->banned || moved || status_of(call) == 401,
          "banned, as %s knows, and answered %d", service_names[call->service], status_of(call));
    CHECK(15, user,
          !call->overtaken || status_of(call) == 401 || status_of(call) >= 429 ||
              model_ban_moved(call->service, user, call->handed_step),
          "banned before it came to %s's writer, and answered %d", service_names[call->service],
          status_of(call));
    return status_of(call) == 401 && (moved || model_banned_at(call->service, user));
}

/* What may be said at all, whoever asked. */
static void judge_status(const struct call *call)
{
    static const int usual[] = {200, 201, 204, 308, 400, 401, 402, 404, 409, 410, 429, 503};
    bool known = false;

    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        known |= usual[i] == status_of(call);
    CHECK(INVARIANT_NONE, call->id[0] ? call->id : NULL, known, "answered %d: %.*s",
          status_of(call), (int)call_body(call).len, call_body(call).at);
    CHECK(INVARIANT_NONE, call->id,
          status_of(call) != 409 || call->kind == CALL_REFUND || call->kind == CALL_RESERVE ||
              call->kind == CALL_RESERVE_SOME || call->kind == CALL_WITHDRAW ||
              call->kind == CALL_EDIT || call->kind == CALL_RESET_LINK ||
              call->kind == CALL_MAIL_SEND || catalogue_kind(call->kind) ||
              listing_kind(call->kind) || transfer_kind(call->kind),
          "answered 409: %.*s", (int)call_body(call).len, call_body(call).at);
    CHECK(12, NULL,
          status_of(call) != 503 || faults_of_disk() || says(call, "payment_pending") ||
              says(call, "not_yet"),
          "503 without need: %.*s", (int)call_body(call).len, call_body(call).at);
    if (status_of(call) == 429 && says(call, "too_many_declines"))
        CHECK(12, call->id, model_charges_of(people.all[call->actor].user) >= DECLINES_PER_ORDER,
              "refused for too many declines without need");
    else if (status_of(call) == 429 && says(call, "too_many_proposals"))
        CHECK(12, NULL, call->kind == CALL_VENUE || call->kind == CALL_SHOW,
              "too many proposals, and none was made");
    else if (status_of(call) == 429 &&
             (call->kind == CALL_RESERVE || call->kind == CALL_RESERVE_SOME))
        judge_share(call);
    else if (status_of(call) == 429 && call->kind == CALL_GIVE)
        CHECK(12, NULL, transfers_many(), "too many sent, says the answer, and there were few");
    else
        CHECK(12, NULL, status_of(call) != 429 || fault_possible(FAULT_POOL_FULL),
              "429 without need");
    if (!call->expect || status_of(call) >= 429) return;
    CHECK(INVARIANT_NONE, NULL, status_of(call) == call->expect, "answered %d where %lld must come",
          status_of(call), (long long)call->expect);
    CHECK(INVARIANT_NONE, NULL, !call->message || says(call, call->message), "no \"%s\" in %.*s",
          call->message, (int)call_body(call).len, call_body(call).at);
}

static void judge(const struct call *call)
{
    if (judge_session(call)) return;
    judge_status(call);
    if (catalogue_kind(call->kind)) {
        if (status_of(call) < 429) catalogue_judge(call);
        return;
    }
    if (listing_kind(call->kind)) {
        if (status_of(call) < 429) listing_judge(call);
        return;
    }
    if (door_kind(call->kind)) {
        if (status_of(call) < 429) door_judge(call);
        return;
    }
    if (transfer_kind(call->kind)) {
        if (status_of(call) < 429 && !call->expect) transfer_judge(call);
        return;
    }
    if (status_of(call) >= 429 || (call->expect && call->service != AUTH)) return;
    switch (call->kind) {
    case CALL_SIGNUP:
    case CALL_SIGNIN:
        judge_sign(call);
        break;
    case CALL_SELL:
        CHECK(INVARIANT_NONE, NULL, status_of(call) == 201, "cannot list a ticket: %d",
              status_of(call));
        judge_ticket(call, answer_of(call));
        break;
    case CALL_EDIT:
        judge_edit(call);
        break;
    case CALL_WITHDRAW:
        judge_withdrawal(call);
        break;
    case CALL_RESERVE_SOME:
        judge_reserve_some(call);
        break;
    case CALL_RESERVE:
        judge_reserve(call);
        break;
    case CALL_CANCEL:
        judge_cancel(call);
        break;
    case CALL_ORDER:
        CHECK(11, call->id,
              (status_of(call) == 200) ==
                  (strcmp(model_order(call->id)->user, people.all[call->actor].user) == 0),
              "order shown to the wrong one, or not shown to its owner: %d", status_of(call));
        if (status_of(call) == 200) judge_order(call, answer_of(call));
        break;
    case CALL_PAY:
        judge_pay(call);
        break;
    case CALL_LIST:
    case CALL_ORDERS:
        judge_list(call);
        break;
    case CALL_TICKET:
        CHECK(10, call->id,
              status_of(call) == 200 ||
                  (status_of(call) == 410 && model_ticket(call->id)->event.withdrawn),
              "a committed ticket is not there");
        break;
    case CALL_BAN:
    case CALL_UNBAN:
        judge_ban(call);
        break;
    case CALL_SELLING: /* and what visitors see is visitors.c's matter */
    case CALL_SIGNOUT:
    case CALL_GRANT:
    case CALL_REVOKE:
    case CALL_FORGOT: /* … and forgetful.c's */
    case CALL_RESET:
    case CALL_PASSWORD:
    case CALL_RESET_LINK:
    case CALL_MAIL_SEND:
    case CALL_PUBLISH:
    case CALL_GIVE: /* above, as the two below */
    case CALL_ACCEPT:
    case CALL_TAKE_BACK:
    case CALL_REFUND:
    case CALL_WEBHOOK:
    case CALL_KINDS:
    default: /* of the catalogue and of listings: above */
        break;
    }
}

/* Somebody banned tries once more, before the other services have heard of it. */
static void hurry(const char *user)
{
    for (int i = 0; i < people.count; i++)
        if (strcmp(people.all[i].user, user) == 0) people.all[i].next_ms = sim.now_ms;
}

void actor_answer(struct call *call)
{
    struct actor *actor;

    if (call->actor >= 0 && people.all[call->actor].role->act == visit) {
        visitor_answer(call);
        if (!call->lost && !call->ended && call->kind != CALL_ORDERS &&
            !(catalogue_kind(call->kind) && status_of(call) == 401)) /* its session was over */
            judge(call);
    } else if (call->actor >= 0 && people.all[call->actor].role->act == forget) {
        forgetful_answer(call);
        if (!call->lost && !judge_session(call)) judge_status(call);
    } else if (!call->lost) {
        judge(call);
    }
    if (call->kind == CALL_BAN) hurry(call->text);
    if (call->kind == CALL_WEBHOOK) bank_hook_answer(call);
    if (call->kind == CALL_PUBLISH) world_published_mistake();
    if (call->actor < 0) return;
    actor = &people.all[call->actor];
    actor->waiting--;
    actor->next_ms = sim.now_ms + below(actor->pace_ms);
    if (!call->lost && status_of(call) == 503) actor->next_ms += 500;
    if (call->lost && maybe(0.5)) actor->order[0] = '\0';
    if (actor->regrets[0]) actor->next_ms = sim.now_ms;
    /* Some come back in the last second, or a little too late. */
    if (actor->order[0] && maybe(0.15) && actor->order_until_ms > sim.now_ms)
        actor->next_ms = actor->order_until_ms - 1500 + below(2000);
}

/* --- begin and end ------------------------------------------------------------------------- */

static void hire(int index)
{
    struct actor *actor = &people.all[index];
    static const int64_t paces[WORKLOADS] = {120000, 20000, 500, 5000};

    *actor = (struct actor){.role = index < AT_LEAST ? &roles[index] : some_role()};
    actor->pace_ms = 1 + (int64_t)(actor->role->haste * (double)below(2 * paces[people.workload]));
    actor->next_ms = sim.now_ms + below(actor->pace_ms);
    actor->has_account = maybe(0.4);
    snprintf(actor->user, sizeof actor->user, "%s-%d", actor->role->name, index);
}

void actors_begin(void)
{
    people.ended = false;
    visitors_begin();
    people.workload = (enum workload)below(WORKLOADS);
    people.count = 2 + (int)below(sim.options.actors - 2);
    people.tickets_max = people.workload == ONE_TICKET ? HOT_TICKETS : 4 + (int)below(60);
    for (int i = 0; i < people.count; i++)
        hire(i);
}

void actors_end(void)
{
    people.ended = true;
}
