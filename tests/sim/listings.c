/* tests/sim/listings.c: tickets offered together. Listers list seats of shows, spelt in many ways,
 * change their listings, take them down, and look at what others sell; curators (catalogue.c)
 * postpone, cancel and merge the shows meanwhile.
 *
 * Invariant 28: a seat of a show is on the market or sold once. 29: nothing of a show that has
 * started, was cancelled or is proposed is ordered, nor anything by its own seller. 30: an order
 * obeys the split of its listing, and leaves what obeys it. 32: nobody gets more tickets of a show
 * than it allows each buyer. */
#include "sim.h"

#define LISTINGS_MAX 1024
#define SHOWS_MAX    512
#define SEATS        12
#define SIDES        2   /* services that know shows: tickets and orders */
#define LATEST       128 /* tickets that are looked through for one */

#define NEWEST_LISTINGS 16

struct show_known {
    char id[25];
    struct show_state {
        int64_t version; /* -1: nothing is known there */
        int64_t starts_ms, changed_step;
        int64_t max_per_buyer; /* 0: any number */
        char status[12], into[25];
        bool on_sale; /* tickets' own word */
        struct versions applied;
    } at[SIDES];
};

struct m_listing {
    char id[25], owner[65], show[25], split[12];
    char section; /* by this file's own reckoning */
    int row;
    int64_t version, row_version, price_cents, quantity;
    bool withdrawn, withdraw_acked;
    int64_t acked;
    struct { /* orders' copy */
        int64_t version, changed_step;
        char show[25], split[12];
        bool withdrawn;
        struct versions applied;
    } copy;
};

static struct {
    struct m_listing all[LISTINGS_MAX];
    size_t count;
    struct show_known shows[SHOWS_MAX];
    size_t show_count;
    int ordered[64]; /* in this step: to be held against orders' copies once its rows are read */
    int left[64];
    size_t ordered_count;
    struct {
        int order;
        int64_t at_ms;
    } revived[64]; /* the same for those that came back by late money */
    size_t revived_count;
} market;

void listings_begin(void)
{
    market.count = market.show_count = market.ordered_count = market.revived_count = 0;
}

static struct m_listing *listing_of(const char *id)
{
    for (size_t i = market.count; i-- > 0;)
        if (strcmp(market.all[i].id, id) == 0) return &market.all[i];
    return NULL;
}

static struct show_known *show_of(const char *id, bool make)
{
    struct show_known *show;

    for (size_t i = 0; i < market.show_count; i++)
        if (strcmp(market.shows[i].id, id) == 0) return &market.shows[i];
    if (!make) return NULL;
    ASSERT(market.show_count < SHOWS_MAX);
    show = &market.shows[market.show_count++];
    *show = (struct show_known){.at = {{.version = -1}, {.version = -1}}};
    snprintf(show->id, sizeof show->id, "%s", id);
    return show;
}

static int side_of(int service)
{
    return service == ORDERS;
}

/* What a side knows of the show, or of the one it was merged into; NULL: nothing. */
static const struct show_state *known(const char *id, int side)
{
    const struct show_known *show = show_of(id, false);

    for (int i = 0; show && show->at[side].into[0] && i < 64; i++)
        show = show_of(show->at[side].into, false);
    return show && show->at[side].version >= 0 ? &show->at[side] : NULL;
}

/* Whether a side heard of the show, or of one it was merged into, in this step or since: what it
 * knew before is not known here any more. */
static bool heard_since(const char *id, int side, int64_t step)
{
    const struct show_known *show = show_of(id, false);

    for (int i = 0; show && i < 64; i++) {
        if (show->at[side].changed_step >= step) return true;
        if (!show->at[side].into[0]) return false;
        show = show_of(show->at[side].into, false);
    }
    return false;
}

static bool sells(const struct show_state *show, int64_t now_ms)
{
    if (!show) return false;
    if (strcmp(show->status, "postponed") == 0) return true;
    return strcmp(show->status, "scheduled") == 0 && show->starts_ms > now_ms;
}

/* --- rows and events ----------------------------------------------------------------------- */

static bool flag_of(const struct json *json, const char *path)
{
    bool flag = false;

    (void)json_bool(json_get_path(json, path), &flag);
    return flag;
}

static int64_t cents_of(const struct json *json, const char *path)
{
    double dollars = 0;

    (void)json_double(json_get_path(json, path), &dollars);
    return (int64_t)(dollars * 100 + 0.5);
}

/* The digits of it as a number; 0: it has none. */
static int number_in(struct str label)
{
    int number = 0;

    for (size_t i = 0; i < label.len; i++)
        if (label.at[i] >= '0' && label.at[i] <= '9') number = 10 * number + label.at[i] - '0';
    return number;
}

int listing_seat(const struct json *ticket)
{
    return number_in(text_of(ticket, "seat"));
}

static void check_made(struct m_listing *listing, const struct json *event, int64_t at_ms)
{
    struct str section = text_of(event, "section");
    const struct show_state *show = known(listing->show, side_of(TICKETS));

    listing->section = section.len ? (char)(section.at[section.len - 1] & ~0x20) : 0;
    listing->row = number_in(text_of(event, "row"));
    copy_text(listing->owner, sizeof listing->owner, text_of(event, "userId"));
    CHECK(29, listing->id,
          heard_since(listing->show, side_of(TICKETS), sim.step) || sells(show, at_ms),
          "made for show %s, of which tickets sells nothing", listing->show);
}

void listing_event(struct str subject, const struct json *event, int64_t at_ms)
{
    bool created = str_eq(subject, STR("listing:created"));
    int64_t version = whole_of(event, "version");
    struct m_listing *listing;
    char id[25];

    copy_text(id, sizeof id, text_of(event, "id"));
    listing = listing_of(id);
    if (!listing) {
        ASSERT(market.count < LISTINGS_MAX);
        listing = &market.all[market.count++];
        *listing = (struct m_listing){
            .version = -1, .row_version = -1, .acked = -1, .copy = {.version = -1}};
        copy_text(listing->id, sizeof listing->id, text_of(event, "id"));
    }
    CHECK(5, id, version == listing->version + 1 && created == (version == 0),
          "version %lld after %lld", (long long)version, (long long)listing->version);
    CHECK(17, id, !listing->withdrawn || flag_of(event, "withdrawn"), "taken down, and it is back");
    CHECK(17, id,
          !listing->withdrawn || (cents_of(event, "price") == listing->price_cents &&
                                  str_eq(text_of(event, "split"), str_of(listing->split))),
          "taken down, and its price or split changes");
    copy_text(listing->show, sizeof listing->show, text_of(event, "showId"));
    copy_text(listing->split, sizeof listing->split, text_of(event, "split"));
    if (created) check_made(listing, event, at_ms);
    CHECK(11, id, str_eq(text_of(event, "userId"), str_of(listing->owner)), "another seller");
    listing->version = version;
    listing->price_cents = cents_of(event, "price");
    listing->quantity = whole_of(event, "quantity");
    listing->withdrawn = flag_of(event, "withdrawn");
    trace("listing", id, version, listing->price_cents);
}

void listing_row(const char *id, int64_t version, const char *show, int64_t price_cents,
                 bool withdrawn)
{
    struct m_listing *listing = listing_of(id);

    CHECK(6, id, listing, "a row that no event told of");
    CHECK(5, id, version >= listing->row_version, "went back from version %lld",
          (long long)listing->row_version);
    CHECK(6, id, version == listing->version, "the row has version %lld, the last event %lld",
          (long long)version, (long long)listing->version);
    CHECK(5, id,
          strcmp(show, listing->show) == 0 && price_cents == listing->price_cents &&
              withdrawn == listing->withdrawn,
          "the row is not what its event said");
    listing->row_version = version;
}

struct versions *listing_applied(int service, struct str subject, const char *id, int64_t batch)
{
    struct versions *at;
    int64_t held;

    if (str_starts(subject, STR("show:"))) {
        struct show_state *state = &show_of(id, true)->at[side_of(service)];

        at = &state->applied;
        held = state->version;
    } else {
        struct m_listing *listing = listing_of(id);

        CHECK(6, id, listing, "%s was handed an event nobody committed", service_names[service]);
        at = &listing->copy.applied;
        held = listing->copy.version;
    }
    if (at->batch != batch) *at = (struct versions){batch, held};
    return at;
}

/* Orders' copy. */
void listing_copied(const char *id, int64_t version, const char *show, const char *split,
                    bool withdrawn)
{
    struct m_listing *listing = listing_of(id);

    CHECK(6, id, listing, "orders has a copy of a listing nobody committed");
    CHECK(5, id, version >= listing->copy.version && version <= listing->version,
          "orders' copy went from version %lld to %lld, the listing has %lld",
          (long long)listing->copy.version, (long long)version, (long long)listing->version);
    listing->copy.version = version;
    listing->copy.changed_step = sim.step;
    listing->copy.withdrawn = withdrawn;
    snprintf(listing->copy.show, sizeof listing->copy.show, "%s", show);
    snprintf(listing->copy.split, sizeof listing->copy.split, "%s", split);
}

void show_copied(int service, const char *id, int64_t version, const char *status,
                 int64_t starts_ms, const char *into, bool on_sale, int64_t max_per_buyer)
{
    struct show_state *state = &show_of(id, true)->at[side_of(service)];

    CHECK(5, id, version >= state->version && version <= catalogue_version(id),
          "%s has version %lld after %lld, the show has %lld", service_names[service],
          (long long)version, (long long)state->version, (long long)catalogue_version(id));
    state->version = version;
    state->starts_ms = starts_ms;
    state->changed_step = sim.step;
    state->on_sale = on_sale;
    state->max_per_buyer = max_per_buyer;
    snprintf(state->status, sizeof state->status, "%s", status);
    snprintf(state->into, sizeof state->into, "%s", into);
}

bool listing_sells(const struct m_ticket *ticket)
{
    const struct show_known *show = ticket->show[0] ? show_of(ticket->show, false) : NULL;

    return !ticket->listing[0] || (show && show->at[side_of(TICKETS)].on_sale);
}

/* What a ticket of it costs that comes free, and whether it may then be taken down. */
int64_t listing_price(const struct m_ticket *ticket, bool *may_go)
{
    const struct m_listing *listing = listing_of(ticket->listing);
    const struct show_known *show = show_of(ticket->show, false);

    *may_go = listing->withdrawn || (show && show->at[side_of(TICKETS)].into[0]);
    return listing->price_cents;
}

/* --- one seat, one ticket -------------------------------------------------------------------- */

/* On the market, sold, or an order's that was made before it was taken down. */
static bool stands(const struct m_ticket *ticket)
{
    return ticket->seat && ticket->row.version >= 0 &&
           (!ticket->row.withdrawn || ticket->live >= 0);
}

static bool same_seat(const struct m_ticket *a, const struct m_ticket *b)
{
    const struct m_listing *of_a = listing_of(a->listing), *of_b = listing_of(b->listing);

    return a->seat == b->seat && strcmp(a->show, b->show) == 0 && of_a->section == of_b->section &&
           of_a->row == of_b->row;
}

/* A ticket that is taken down, as orders knows, and that no order has: its seat may be listed
 * again, and orders says so in the same commit. */
static void seats_close(void)
{
    for (size_t i = 0; i < model_tickets(); i++) {
        const struct m_ticket *ticket = model_ticket_at(i);

        CHECK(28, ticket->id,
              !ticket->listing[0] || !ticket->copy_withdrawn_step || ticket->live >= 0 ||
                  ticket->closed,
              "taken down and no order's, and orders has not closed it");
    }
}

static void seats_hold(void)
{
    for (size_t i = 0; i < model_tickets(); i++) {
        const struct m_ticket *ticket = model_ticket_at(i);

        if (!stands(ticket)) continue;
        for (size_t j = 0; j < i; j++)
            CHECK(28, ticket->id,
                  !stands(model_ticket_at(j)) || !same_seat(ticket, model_ticket_at(j)),
                  "its seat is ticket %s's, too", model_ticket_at(j)->id);
    }
}

void listing_closed(const char *ticket_id)
{
    struct m_ticket *ticket = model_ticket(ticket_id);

    CHECK(6, ticket_id, ticket, "closed, and nobody committed it");
    CHECK(28, ticket_id, ticket->live < 0 && ticket->event.withdrawn,
          "closed, although an order has it or its seller sells it");
    ticket->closed = true;
}

/* --- orders ---------------------------------------------------------------------------------- */

/* By orders' own knowledge: what nobody has, and was not taken down. */
static int left_of(const char *listing)
{
    int left = 0;

    for (size_t i = 0; i < model_tickets(); i++) {
        const struct m_ticket *ticket = model_ticket_at(i);

        left += strcmp(ticket->listing, listing) == 0 && ticket->copy_version >= 0 &&
                !ticket->copy_withdrawn_step && ticket->live < 0;
    }
    return left;
}

/* How many of its tickets orders has heard of. */
static int known_of(const char *listing)
{
    int known_tickets = 0;

    for (size_t i = 0; i < model_tickets(); i++)
        known_tickets += strcmp(model_ticket_at(i)->listing, listing) == 0 &&
                         model_ticket_at(i)->copy_version >= 0;
    return known_tickets;
}

void listing_ordered(const struct m_order *order)
{
    if (!order->listing[0]) return;
    for (int i = 0; i < order->ticket_count; i++)
        CHECK(28, order->id, !model_ticket_at((size_t)order->tickets[i])->closed,
              "of a ticket which orders had closed");
    CHECK(29, order->id, strcmp(listing_of(order->listing)->owner, order->user) != 0,
          "of their own listing");
    if (market.ordered_count == 64) return;
    market.left[market.ordered_count] = left_of(order->listing);
    market.ordered[market.ordered_count++] = model_order_index(order->id, false);
}

void listing_revived(const struct m_order *order, int64_t at_ms)
{
    if (!order->listing[0] || market.revived_count == 64) return;
    market.revived[market.revived_count].order = model_order_index(order->id, false);
    market.revived[market.revived_count++].at_ms = at_ms;
}

/* A copy of one of its tickets came in this step: what was left then is not known. */
static bool tickets_moved(const char *listing)
{
    for (size_t i = 0; i < model_tickets(); i++) {
        const struct m_ticket *ticket = model_ticket_at(i);

        if (strcmp(ticket->listing, listing) == 0 && ticket->copy_step == sim.step) return true;
    }
    return false;
}

/* Side by side, where they are of seats and not all that is left. */
static void check_neighbours(const struct m_order *order, int left)
{
    const struct m_ticket *first = model_ticket_at((size_t)order->tickets[0]);

    if (!first->seat || left == 0) return;
    for (int i = 1; i < order->ticket_count; i++)
        CHECK(30, order->id, model_ticket_at((size_t)order->tickets[i])->place == first->place + i,
              "of tickets that are no neighbours");
}

/* Tickets of a show that a buyer has, by orders' own knowledge of what is of it. *moves: some of
 * that is of this step. */
static int64_t has_of_show(const char *user, const char *show_id, bool *moves)
{
    int64_t tickets = 0;

    *moves = false;
    for (size_t i = 0; i < model_orders(); i++) {
        const struct m_order *order = model_order_at(i);
        const struct m_listing *listing = order->listing[0] ? listing_of(order->listing) : NULL;
        const struct show_known *show = NULL;

        if (!listing || order->status == STATUS_CANCELLED || strcmp(order->user, user) != 0)
            continue;
        show = show_of(listing->copy.show, false);
        if (!show || (strcmp(show->id, show_id) != 0 &&
                      strcmp(show->at[side_of(ORDERS)].into, show_id) != 0))
            continue;
        *moves |= listing->copy.changed_step == sim.step ||
                  show->at[side_of(ORDERS)].changed_step == sim.step;
        tickets += order->ticket_count;
    }
    return tickets;
}

/* It has just been made, or come back by late money. */
static void check_share_of_show(const struct m_order *order)
{
    const struct m_listing *listing = listing_of(order->listing);
    const struct show_known *show = show_of(listing->copy.show, false);
    const struct show_state *state;
    int64_t tickets;
    bool moves;

    if (show && show->at[side_of(ORDERS)].into[0])
        show = show_of(show->at[side_of(ORDERS)].into, false);
    if (!show || order->status == STATUS_CANCELLED) return;
    state = &show->at[side_of(ORDERS)];
    if (state->max_per_buyer == 0 || state->changed_step == sim.step || state->into[0]) return;
    tickets = has_of_show(order->user, show->id, &moves);
    CHECK(32, order->id, moves || tickets <= state->max_per_buyer,
          "%s has %lld tickets of a show that allows %lld", order->user, (long long)tickets,
          (long long)state->max_per_buyer);
}

static void check_ordered(const struct m_order *order, int left)
{
    const struct m_listing *listing = listing_of(order->listing);
    int count = order->ticket_count;
    const struct show_state *show = known(listing->copy.show, side_of(ORDERS));
    const char *split = listing->copy.split;

    CHECK(29, order->id, listing->copy.version >= 0, "of a listing orders does not know");
    check_share_of_show(order);
    if (listing->copy.changed_step == sim.step) return;
    CHECK(17, order->id, !listing->copy.withdrawn, "of a listing that was taken down");
    CHECK(29, order->id,
          heard_since(listing->copy.show, side_of(ORDERS), sim.step) ||
              sells(show, order->made_at_ms),
          "of a show that orders knows to sell nothing");
    if (tickets_moved(order->listing)) return;
    CHECK(30, order->id, known_of(order->listing) == listing->quantity,
          "orders knew %d of its %lld tickets", known_of(order->listing),
          (long long)listing->quantity);
    CHECK(30, order->id, strcmp(split, "pairs") != 0 || count % 2 == 0,
          "of %d tickets, and they are sold in pairs", count);
    CHECK(30, order->id, strcmp(split, "all") != 0 || left == 0,
          "of %d tickets, and they are sold together; %d are left", count, left);
    CHECK(30, order->id, strcmp(split, "no_single") != 0 || left != 1, "it leaves one alone");
    check_neighbours(order, left);
}

static void check_revived(const struct m_order *order, int64_t at_ms)
{
    const struct m_listing *listing = listing_of(order->listing);

    check_share_of_show(order);
    if (listing->copy.changed_step == sim.step) return;
    CHECK(17, order->id, !listing->copy.withdrawn,
          "came back by late money, although its listing was taken down");
    CHECK(29, order->id,
          heard_since(listing->copy.show, side_of(ORDERS), sim.step) ||
              sells(known(listing->copy.show, side_of(ORDERS)), at_ms),
          "came back by late money, of a show that orders knows to sell nothing");
}

void listings_hold(int service)
{
    if (service == TICKETS || service == ORDERS) seats_hold();
    if (service != ORDERS) return;
    seats_close();
    for (size_t i = 0; i < market.ordered_count; i++)
        check_ordered(model_order_at((size_t)market.ordered[i]), market.left[i]);
    for (size_t i = 0; i < market.revived_count; i++)
        check_revived(model_order_at((size_t)market.revived[i].order), market.revived[i].at_ms);
    market.ordered_count = market.revived_count = 0;
}

/* --- listers --------------------------------------------------------------------------------- */

static int64_t below(int64_t limit)
{
    return chance_below(&sim.people, limit);
}

static bool maybe(double probability)
{
    return chance_hit(&sim.people, probability);
}

static const char *spelt(int number, char out[16])
{
    static const char *const ways[] = {"%d", "0%d", " %d ", "%d", "00%d"};

    snprintf(out, 16, ways[below(5)], number);
    return out;
}

static void some_seats(char out[160])
{
    int first = 1 + (int)below(SEATS), count = maybe(0.2)   ? 1
                                               : maybe(0.4) ? ORDERED_MAX
                                                            : 2 + (int)below(3);
    char seat[16];

    if (maybe(0.15)) {
        snprintf(out, 160, "\"quantity\":%d", count);
        return;
    }
    strcpy(out, "\"seats\":[");
    for (int i = 0; i < count; i++) {
        strcat(out, i ? ",\"" : "\"");
        strcat(out, spelt(first + (maybe(0.03) ? 0 : i), seat)); /* now and then one twice */
        strcat(out, "\"");
    }
    strcat(out, "]");
}

static const char *some_split(void)
{
    static const char *const splits[] = {"any", "any", "pairs", "all", "no_single"};

    return splits[below(5)];
}

static struct call *offer(int index, const char *user, int64_t price_cents)
{
    static const char *const sections[] = {"Block A", "block a", "BLOCK  A", "Block B"};
    const char *show = catalogue_some_show();
    char body[512], seats[160], row[16];
    struct call *call;

    if (!show && catalogue_has_room()) return catalogue_open_show(index, user);
    if (!show) return call_new(index, CALL_LIST, "", NULL, NULL);
    some_seats(seats);
    snprintf(body, sizeof body,
             "{\"showId\":\"%s\",\"section\":\"%s\",\"row\":\"%s\",%s,\"split\":\"%s\","
             "\"price\":%lld.%02lld,\"delivery\":\"issued\"}",
             show, sections[below(4)], spelt(1 + (int)below(2), row), seats, some_split(),
             (long long)price_cents / 100, (long long)price_cents % 100);
    call = call_new(index, CALL_OFFER, user, NULL, body);
    call->price_cents = price_cents;
    snprintf(call->text, sizeof call->text, "%s", show);
    return call;
}

static const struct m_listing *some_listing(const char *user)
{
    const struct m_listing *listing = NULL;

    for (int tries = 0; tries < 8 && market.count; tries++) {
        listing = &market.all[below((int64_t)market.count)];
        if (strcmp(listing->owner, user) == 0 && (!listing->withdrawn || maybe(0.1))) break;
    }
    return listing; /* someone else's now and then, which must be refused */
}

static struct call *look(int index, const char *user, const struct m_listing *listing)
{
    struct call *call;
    char query[40];

    if (maybe(0.5)) return call_new(index, CALL_OFFER_LOOK, user, listing->id, NULL);
    call = call_new(index, CALL_OFFERS, user, NULL, NULL);
    snprintf(query, sizeof query, "showId=%s", listing->show);
    call->rq.query = arena_copy(call->rq.arena, str_of(query));
    return call;
}

/* A ticket of the listing, the newest or an older one. */
static const char *some_ticket_of(const struct m_listing *listing)
{
    const char *found = NULL;

    for (size_t i = model_tickets(); i-- > 0 && (!found || maybe(0.5));)
        if (strcmp(model_ticket_at(i)->listing, listing->id) == 0) found = model_ticket_at(i)->id;
    return found;
}

const char *listing_own_ticket(const char *user)
{
    const struct m_listing *listing = some_listing(user);

    return listing && strcmp(listing->owner, user) == 0 ? some_ticket_of(listing) : NULL;
}

const char *listing_going(void)
{
    size_t count = model_tickets();

    for (size_t i = count; i-- > 0 && count - i <= LATEST;) {
        const struct m_ticket *ticket = model_ticket_at(i);

        if (ticket->listing[0] && ticket->copy_version >= 0 && !ticket->copy_withdrawn_step &&
            ticket->live < 0 && listing_of(ticket->listing)->copy.withdrawn)
            return ticket->id;
    }
    return NULL;
}

const char *listing_racing(const char *user)
{
    size_t count = model_tickets();

    for (size_t i = count; i-- > 0 && count - i <= LATEST;) {
        const struct m_ticket *ticket = model_ticket_at(i);

        if (ticket->listing[0] && ticket->live >= 0 && ticket->row.order < 0 &&
            !ticket->row.withdrawn && strcmp(ticket->owner, user) == 0)
            return ticket->id;
    }
    return NULL;
}

struct call *list_seats(int index, const char *user, int64_t price_cents, bool room)
{
    const struct m_listing *listing = some_listing(user);
    struct call *call;
    const char *racing = listing_racing(user);
    char body[160];

    if (racing && maybe(0.5)) return call_new(index, CALL_WITHDRAW, user, racing, NULL);
    if (!listing || (room && maybe(0.6) && market.count < LISTINGS_MAX - 64))
        return offer(index, user, price_cents);
    if (maybe(0.3)) return look(index, user, listing);
    if (maybe(0.2) && some_ticket_of(listing))
        return call_new(index, CALL_WITHDRAW, user, some_ticket_of(listing), NULL);
    if (maybe(0.35)) return call_new(index, CALL_OFFER_WITHDRAW, user, listing->id, NULL);
    snprintf(body, sizeof body, "{\"split\":\"%s\",\"price\":%lld.%02lld,\"delivery\":\"upload\"}",
             some_split(), (long long)price_cents / 100, (long long)price_cents % 100);
    call = call_new(index, CALL_OFFER_EDIT, user, listing->id, body);
    call->price_cents = price_cents;
    return call;
}

/* --- buyers of several ----------------------------------------------------------------------- */

/* As far as orders knows. */
static bool may_be_had(const struct m_listing *listing)
{
    return listing->copy.version >= 0 && !listing->copy.withdrawn && left_of(listing->id) > 0 &&
           sells(known(listing->copy.show, side_of(ORDERS)), sim.now_ms);
}

static bool is_free(const struct m_ticket *ticket)
{
    return ticket->copy_version >= 0 && !ticket->copy_withdrawn_step && ticket->live < 0;
}

/* Its free tickets, by their places. */
static unsigned free_places(const char *listing)
{
    unsigned places = 0;

    for (size_t i = 0; i < model_tickets(); i++) {
        const struct m_ticket *ticket = model_ticket_at(i);

        if (strcmp(ticket->listing, listing) == 0 && ticket->seat && is_free(ticket) &&
            ticket->place < 32)
            places |= 1U << ticket->place;
    }
    return places;
}

/* Three or more are left, not all of them side by side. */
static bool has_gap(const char *listing)
{
    unsigned places = free_places(listing);

    return places == 11 || places == 13; /* of four the third or the second is gone */
}

const char *listing_middle(void)
{
    for (size_t i = market.count; i-- > 0 && market.count - i <= NEWEST_LISTINGS;) {
        const struct m_listing *listing = &market.all[i];

        if (strcmp(listing->copy.split, "any") != 0 || !may_be_had(listing) ||
            free_places(listing->id) != 15)
            continue;
        for (size_t t = 0; t < model_tickets(); t++)
            if (strcmp(model_ticket_at(t)->listing, listing->id) == 0 &&
                model_ticket_at(t)->place == 1 + (int)(i % 2))
                return model_ticket_at(t)->id;
    }
    return NULL;
}

/* One of the latest that may be had, most often. */
static const struct m_listing *wanted_listing(void)
{
    const struct m_listing *found = NULL;

    if (market.count == 0) return NULL;
    if (maybe(0.1)) return &market.all[below((int64_t)market.count)];
    for (size_t i = market.count; i-- > 0 && market.count - i <= LATEST;) {
        if (!may_be_had(&market.all[i])) continue;
        found = &market.all[i];
        if (maybe(0.4) || has_gap(found->id)) break;
    }
    return found;
}

/* What its split allows, most often. */
static int wanted_count(const struct m_listing *listing)
{
    int left = left_of(listing->id);

    if (has_gap(listing->id) && maybe(0.7)) return 2;
    if (maybe(0.15) || left == 0) return 1 + (int)below(ORDERED_MAX);
    if (strcmp(listing->copy.split, "all") == 0 || maybe(0.3)) return left;
    if (strcmp(listing->copy.split, "pairs") == 0) return left >= 4 && maybe(0.3) ? 4 : 2;
    return 1 + (int)below(left);
}

struct call *listing_reserve(int index, const char *user)
{
    const struct m_listing *listing = wanted_listing();
    struct call *call;
    char body[160], total[48] = "";
    int64_t seen_cents;
    int count;

    if (!listing) return NULL;
    count = wanted_count(listing);
    seen_cents = count * listing->price_cents;
    if (maybe(0.15)) seen_cents += maybe(0.3) ? 1 : -1;
    if (maybe(0.3) || seen_cents < 1 || seen_cents > PRICE_CENTS_MAX) seen_cents = 0;
    if (seen_cents)
        snprintf(total, sizeof total, ",\"total\":%lld.%02lld", (long long)seen_cents / 100,
                 (long long)seen_cents % 100);
    snprintf(body, sizeof body, "{\"listingId\":\"%s\",\"quantity\":%d%s}", listing->id, count,
             total);
    call = call_new(index, CALL_RESERVE_SOME, user, listing->id, body);
    call->price_cents = seen_cents;
    call->quantity = count;
    return call;
}

int listing_holds(const char *listing_id, const char *user)
{
    int most = 0;

    for (size_t i = 0; i < model_tickets(); i++) {
        const struct m_ticket *ticket = model_ticket_at(i);
        int times = strcmp(ticket->listing, listing_id) == 0
                        ? model_holds(user, ticket->id, 0, INT64_MAX)
                        : 0;

        if (times > most) most = times;
    }
    return most;
}

/* --- answers --------------------------------------------------------------------------------- */

static bool says(const struct call *call, const char *word)
{
    return memmem(call_body(call).at, call_body(call).len, word, strlen(word)) != NULL;
}

static void judge_listing(const struct call *call)
{
    const struct json *answer = json_parsed(call->rq.arena, call_body(call));
    const struct json *tickets = json_get(answer, "tickets");
    int64_t version = whole_of(answer, "version");
    struct m_listing *listing;
    char id[25];

    copy_text(id, sizeof id, text_of(answer, "id"));
    listing = listing_of(id);
    CHECK(10, id, listing && listing->version >= version,
          "answered with version %lld, which nobody "
          "committed",
          (long long)version);
    CHECK(11, id, str_eq(str_of(listing->owner), call->rq.user.id), "someone else's listing");
    CHECK(10, id, cents_of(answer, "price") == call->price_cents, "answered with another price");
    CHECK(10, id, call->price_cents >= sim.price_min, "listed at a price that nobody can pay");
    CHECK(10, id, (int64_t)json_length(tickets) == whole_of(answer, "quantity"),
          "%zu tickets, not %lld", json_length(tickets), (long long)whole_of(answer, "quantity"));
    for (size_t i = 0; i < json_length(tickets); i++) {
        char ticket[25];

        copy_text(ticket, sizeof ticket, text_of(json_at(tickets, i), "id"));
        CHECK(10, ticket, model_ticket(ticket) && strcmp(model_ticket(ticket)->listing, id) == 0,
              "answered with a ticket nobody committed");
    }
    if (version > listing->acked) listing->acked = version;
}

/* Such a ticket is, or was, on the market. */
static bool was_listed(const char *show, int seat)
{
    for (size_t i = 0; i < model_tickets(); i++)
        if (model_ticket_at(i)->seat == seat && strcmp(model_ticket_at(i)->show, show) == 0)
            return true;
    return false;
}

static void judge_offer(const struct call *call)
{
    const struct show_state *show = known(call->text, side_of(TICKETS));
    const struct json *answer = json_parsed(call->rq.arena, call_body(call));
    int seat;

    if (call->rq.reply.status == 201) {
        judge_listing(call);
    } else if (call->rq.reply.status == 409) {
        seat = number_in(text_of(json_at(json_get(answer, "errors"), 0), "seat"));
        CHECK(28, NULL, says(call, "seat_taken"), "409: %.*s", (int)call_body(call).len,
              call_body(call).at);
        CHECK(28, NULL,
              seat == 0 || (show && show->into[0]) || was_listed(call->text, seat) ||
                  show_of(call->text, false)->at[side_of(TICKETS)].into[0],
              "seat %d is taken, says the answer, and never was", seat);
    } else if (says(call, "show_started") || says(call, "show_cancelled")) {
        CHECK(29, call->text,
              show && (strcmp(show->status, "scheduled") != 0 ||
                       show->starts_ms <= service_now_ms(TICKETS) ||
                       heard_since(call->text, side_of(TICKETS), call->sent_step)),
              "refused, and it is still to come");
    }
}

static void judge_change(const struct call *call)
{
    struct m_listing *listing = listing_of(call->id);
    bool own = str_eq(str_of(listing->owner), call->rq.user.id);
    int status = call->rq.reply.status;

    CHECK(11, call->id, status == 400 || status >= 429 || own == (status != 401),
          "answered %d to its %s", status, own ? "seller" : "stranger");
    if (status == 200) judge_listing(call);
    if (status == 410) CHECK(17, call->id, listing->withdrawn, "taken down, and it is not");
    if (status == 409) CHECK(30, call->id, says(call, "split_left"), "409 for another reason");
    if (status != 204) return;
    CHECK(10, call->id, listing->withdrawn, "answered taken down, but it is not");
    listing->withdraw_acked = true;
}

static void judge_offers(const struct call *call)
{
    const struct json *list = json_parsed(call->rq.arena, call_body(call));

    if (call->rq.reply.status == 404) return; /* tickets has not heard of the show */
    CHECK(INVARIANT_NONE, NULL, call->rq.reply.status == 200, "no list but %d",
          call->rq.reply.status);
    for (size_t i = 0; i < json_length(list); i++) {
        const struct m_listing *listing;
        char id[25];

        copy_text(id, sizeof id, text_of(json_at(list, i), "id"));
        listing = listing_of(id);
        CHECK(10, id, listing, "a listing nobody committed is on sale");
        CHECK(17, id, !listing->withdrawn, "a listing that was taken down is on sale");
        CHECK(15, id, !model_banned_at(TICKETS, listing->owner),
              "on sale, and tickets knows that its seller is banned");
        CHECK(29, id, known(listing->show, side_of(TICKETS))->on_sale,
              "on sale, and nothing of its show is");
        CHECK(2, id, whole_of(json_at(list, i), "free") > 0, "sold out, and listed");
    }
}

void listing_judge_order(const struct call *call, const struct m_order *order)
{
    CHECK(10, order->id,
          strcmp(order->listing, call->id) == 0 && order->ticket_count == call->quantity,
          "%d tickets of listing %s were ordered, not %d of %s", order->ticket_count,
          order->listing, call->quantity, call->id);
}

void listing_judge_refused(const struct call *call)
{
    static const char *const reasons[] = {"price_changed", "too_few",        "not_together",
                                          "\"split\"",     "own_listing",    "show_started",
                                          "show_proposed", "show_cancelled", "max_per_buyer"};
    const struct m_listing *listing = listing_of(call->id);
    bool known_reason = false;

    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        known_reason |= says(call, reasons[i]);
    if (call->rq.reply.status == 409)
        CHECK(30, call->id, known_reason, "409 for another reason: %.*s", (int)call_body(call).len,
              call_body(call).at);
    if (call->rq.reply.status == 410)
        CHECK(17, call->id, listing->withdrawn, "taken down, says the answer, and it is not");
    if (says(call, "own_listing"))
        CHECK(29, call->id, str_eq(str_of(listing->owner), call->rq.user.id),
              "somebody else's own listing");
    if (says(call, "max_per_buyer"))
        CHECK(32, call->id,
              known(listing->copy.show, side_of(ORDERS))->max_per_buyer > 0 ||
                  heard_since(listing->copy.show, side_of(ORDERS), call->sent_step),
              "the show allows any number");
    if (says(call, "price_changed"))
        CHECK(4, call->id, call->price_cents != 0, "dearer, and no price was named");
    if (says(call, "\"split\""))
        CHECK(30, call->id, listing->version > 0 || strcmp(listing->split, "any") != 0,
              "refused by a split that allows any number");
}

bool listing_kind(enum call_kind kind)
{
    return kind >= CALL_OFFER && kind <= CALL_OFFERS;
}

void listing_judge(const struct call *call)
{
    switch (call->kind) {
    case CALL_OFFER:
        judge_offer(call);
        break;
    case CALL_OFFER_EDIT:
    case CALL_OFFER_WITHDRAW:
        judge_change(call);
        break;
    case CALL_OFFERS:
        judge_offers(call);
        break;
    default:
        CHECK(10, call->id, call->rq.reply.status == 200, "a committed listing is not there");
    }
}

/* --- at the end ------------------------------------------------------------------------------ */

void listings_quiet(void)
{
    for (size_t i = 0; i < market.count; i++) {
        const struct m_listing *listing = &market.all[i];

        CHECK(10, listing->id, listing->row_version >= listing->acked,
              "an answered change is gone");
        CHECK(10, listing->id, !listing->withdraw_acked || listing->withdrawn,
              "an answered withdrawal is gone");
        CHECK(5, listing->id, listing->copy.version == listing->row_version,
              "orders' copy has version %lld of %lld", (long long)listing->copy.version,
              (long long)listing->row_version);
        CHECK(5, listing->id,
              strcmp(listing->copy.show, listing->show) == 0 &&
                  strcmp(listing->copy.split, listing->split) == 0 &&
                  listing->copy.withdrawn == listing->withdrawn,
              "orders' copy is not the listing");
        CHECK(26, listing->id, !show_of(listing->show, true)->at[side_of(TICKETS)].into[0],
              "left at a show that was merged into another one");
    }
    for (size_t i = 0; i < market.show_count; i++) {
        const struct show_known *show = &market.shows[i];

        for (int side = 0; side < SIDES; side++)
            CHECK(5, show->id, show->at[side].version == catalogue_version(show->id),
                  "%s has version %lld of %lld", side ? "orders" : "tickets",
                  (long long)show->at[side].version, (long long)catalogue_version(show->id));
        for (int side = 0; side < SIDES; side++)
            CHECK(5, show->id, show->at[side].max_per_buyer == catalogue_max_per_buyer(show->id),
                  "%s has %lld tickets a buyer", side ? "orders" : "tickets",
                  (long long)show->at[side].max_per_buyer);
        CHECK(29, show->id,
              show->at[0].on_sale ==
                  (!show->at[0].into[0] && sells(&show->at[0], service_now_ms(TICKETS))),
              "on sale: %d, status %s", show->at[0].on_sale, show->at[0].status);
    }
    for (size_t i = 0; i < model_tickets(); i++) {
        const struct m_ticket *ticket = model_ticket_at(i);

        if (!ticket->listing[0] || ticket->row.order >= 0) continue;
        CHECK(17, ticket->id, ticket->row.withdrawn || !listing_of(ticket->listing)->withdrawn,
              "free, and its listing was taken down");
        CHECK(10, ticket->id,
              ticket->row.withdrawn ||
                  ticket->row.price_cents == listing_of(ticket->listing)->price_cents,
              "free, at another price than its listing's");
        CHECK(28, ticket->id, !ticket->row.withdrawn || ticket->released,
              "taken down and nobody's, and its seat is not free");
    }
}

/* --- shows in demand ------------------------------------------------------------------------- */

const char *listing_show_in_demand(void)
{
    for (size_t i = model_orders(); i-- > 0;) {
        const struct m_order *order = model_order_at(i);

        if (!order->listing[0] || order->status == STATUS_CANCELLED) continue;
        if (chance_hit(&sim.people, 0.5)) return listing_of(order->listing)->show;
    }
    return NULL;
}
