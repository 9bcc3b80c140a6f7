/* tests/sim/sim.h: the simulator. The real services, one thread, and nothing left to chance: a
 * 64-bit seed decides clock, random numbers, the order of every work item, what the card processor
 * answers and what goes wrong when.
 *
 * world.c    opens the app and steps it        vfs.c      SQLite over memory that can fail
 * faults.c   what may go wrong, how often        media.c    pool, bus: delays, repeats, reordering
 * bank.c     the card processor                  calls.c    requests and their answers
 * catalogue.c venues and shows                   listings.c tickets offered together
 * letters.c  the server of mail, and what it got forgetful.c lost passwords
 * entries.c  what opens doors                     door.c     gates, with a network and without
 * transfers.c what is sent to others of it        told.c     what becomes of shows is told
 * visitors.c sessions that end                   retention.c what services may forget
 * actors.c   buyers, sellers, passers-by         watch.c    rows and events as they are committed
 * model.c    what the rows must obey             quiet.c    what must hold when all has settled
 * broker.c   NATS JetStream, in some runs         nats_library.c what libnats has for it
 * offers.c   what shows say is left
 * trace.c    the hash, the last events           main.c     seeds, reports, shrinking */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "runtime/app.h"
#include "runtime/executor/pool.h"
#include "runtime/executor/writer.h"

#include <stdio.h>
#include <stdlib.h>

/* --- chance -------------------------------------------------------------------------------- */

/* SplitMix64: a stream of its own for each purpose, so that leaving a fault out of a run changes
 * the draws of nothing else. */
struct chance {
    uint64_t state;
};

static inline uint64_t chance_next(struct chance *chance)
{
    uint64_t z = chance->state += UINT64_C(0x9E3779B97F4A7C15);

    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}
static inline int64_t chance_below(struct chance *chance, int64_t limit)
{
    return limit > 0 ? (int64_t)(chance_next(chance) % (uint64_t)limit) : 0;
}
static inline double chance_unit(struct chance *chance)
{
    return (double)(chance_next(chance) >> 11) * 0x1p-53;
}
static inline bool chance_hit(struct chance *chance, double probability)
{
    return chance_unit(chance) < probability;
}

/* --- faults (faults.c) --------------------------------------------------------------------- */

/*    enum              name             highest probability at each opportunity */
#define FAULT_MAP(X)                                                                               \
    X(KILL, "kill", 0.008)                   /* of the process, between two steps */               \
    X(POWER_CUT, "power-cut", 0.008)         /* the same, and unsynced writes are lost */          \
    X(CRASH_INSIDE, "crash-inside", 0.008)   /* either, in the midst of a step */                  \
    X(SERVICE_CRASH, "service-crash", 0.008) /* of one service */                                  \
    X(STALL, "stall", 0.01)                  /* a service does nothing for a while */              \
    X(DISK_FULL, "disk-full", 0.008)         /* for a while */                                     \
    X(WRITE_ERROR, "write-error", 0.006)     /* each write */                                      \
    X(SYNC_ERROR, "sync-error", 0.04)        /* each sync: nobody knows what is on the disk */     \
    X(READ_ERROR, "read-error", 0.004)       /* each read */                                       \
    X(CLOCK_SKEW, "clock-skew", 0.008)       /* a service's clock is up to an hour off */          \
    X(CLOCK_JUMP, "clock-jump", 0.006)       /* all clocks jump by up to an hour */                \
    X(SUSPEND, "suspend", 0.02)              /* the machine sleeps for more than a day */          \
    X(CARD_DECLINE, "card-decline", 0.9)                                                           \
    X(GATEWAY_ERROR, "gateway-error", 0.8) /* 500, nothing done */                                 \
    X(GATEWAY_LOST, "gateway-lost", 0.4)   /* time-out, not done */                                \
    X(GATEWAY_DONE, "gateway-done", 0.6)   /* time-out, and done */                                \
    X(GATEWAY_TWICE, "gateway-twice", 0.6) /* the answer comes twice */                            \
    X(GATEWAY_LATE, "gateway-late", 0.4)   /* as late as its time limit allows */                  \
    X(REFUND_FAIL, "refund-fail", 0.9)                                                             \
    X(BANK_REFUND, "bank-refund", 0.01) /* given back at the processor, not by us */               \
    X(WEBHOOK_REPEAT, "webhook-repeat", 0.9)                                                       \
    X(WEBHOOK_LATE, "webhook-late", 0.9) /* days late */                                           \
    X(WEBHOOK_LOST, "webhook-lost", 0.8) /* until the processor tries again, within an hour */     \
    X(POOL_FULL, "pool-full", 0.3)                                                                 \
    X(EVENT_REORDER, "event-reorder", 0.7)       /* within a batch */                              \
    X(EVENT_REPEAT, "event-repeat", 0.6)         /* in the same batch or much later */             \
    X(EVENT_DELAY, "event-delay", 0.6)           /* acknowledgement lost: delivered again */       \
    X(NO_MEMORY, "no-memory", 0.05)              /* as an event is decoded */                      \
    X(EVENT_MALFORMED, "event-malformed", 0.006) /* published by mistake */                        \
    X(EVENT_FUTURE, "event-future", 0.006)       /* of a version that never comes */               \
    X(DOUBLE_SUBMIT, "double-submit", 0.3)       /* the same request again, at once */             \
    X(REFUND_BOUNCE, "refund-bounce", 0.01)      /* a refund comes back, days later or at once */  \
    X(DISPUTE, "dispute", 0.01)                  /* opened, won or lost */                         \
    X(MAIL_REFUSE, "mail-refuse", 0.4)           /* for good */                                    \
    X(MAIL_LATER, "mail-later", 0.8)             /* come again */                                  \
    X(MAIL_CUT, "mail-cut", 0.4)                 /* hung up, with the letter or without */         \
    X(MAIL_SLOW, "mail-slow", 0.4)               /* an answer minutes late */                      \
    X(BROKER_CUT, "broker-cut", 0.02)            /* a service's connection breaks */               \
    X(BROKER_SILENT, "broker-silent", 0.01)      /* nothing comes through for a while */           \
    X(BROKER_AWAY, "broker-away", 0.006)         /* no server is there, for a while */             \
    X(BROKER_LEADER, "broker-leader", 0.02)      /* another server leads: requests are lost */     \
    X(BROKER_REFUSE, "broker-refuse", 0.3)       /* it does not take an event */                   \
    X(BROKER_MUTE, "broker-mute", 0.2)           /* an acknowledgement is lost, either way */      \
    X(ITEM_UNDONE, "item-undone", 0.05)          /* no memory to publish what was stored */

enum fault {
#define X(name, text, most) FAULT_##name,
    FAULT_MAP(X)
#undef X
        FAULTS
};

const char *fault_name(enum fault fault);
bool fault_parse(struct str name, enum fault *out);
/* Which faults this run has and how often, by the seed. allowed: a bit a fault. */
void faults_begin(uint64_t seed, uint64_t allowed);
void faults_end(void); /* healing: none from here on */
/* Draws from the fault's own stream; true counts as injected. */
bool fault_now(enum fault fault);
struct chance *fault_chance(enum fault fault);
bool fault_possible(enum fault fault); /* in this run */
bool faults_of_disk(void);             /* any that may make the program answer 503 */
/* Injected so far in this process, for the totals. */
extern uint64_t fault_counts[FAULTS];
extern uint64_t torn_writes, lost_writes;

/* --- the run ------------------------------------------------------------------------------- */

#define DAY_MS               INT64_C(86400000)
#define ACTORS_MAX           64
#define DECLINES_PER_ORDER   3
#define DECLINES_PER_ACCOUNT 6
#define WEBHOOK_SECRET       "whsec_of the simulator"

struct options {
    uint64_t seed;
    int64_t steps;   /* before healing */
    uint64_t faults; /* allowed ones, a bit each */
    int actors;      /* at most */
    int bus;         /* 1: embedded, 2: JetStream; 0: by the seed */
    bool trace;      /* print every event */
};

struct sim {
    struct options options;
    int64_t now_ms;    /* the wall clock, as the world outside has it … */
    int64_t jumped_ms; /* … after it was set by so much in all */
    int64_t step;
    uint64_t events; /* simulated ones, of this run */
    bool healing;
    int64_t calm_since_ms; /* nothing disturbs the expiry of orders since then */
    int64_t patience_ms;   /* for an answer: payments waits 20 s, then for what is on its way */
    int64_t slept_ms;      /* in all */
    int64_t woke_ms;       /* when the machine woke from its latest sleep; 0: it has not slept */
    int64_t task_lost_ms;  /* the pool was full then: what it refused is asked again a minute on */
    int64_t hold_ms, grace_ms, session_ms;
    int64_t unpaid_max, holds_max; /* of one buyer, of one ticket in an hour; 0: any number */
    int64_t price_min;             /* cents */
    struct chance order;           /* of steps */
    struct chance people;          /* what actors do */
    struct chance product;         /* what the program draws */
    struct chance disk;
    struct app *app;
    bool broker;   /* events go through JetStream (broker.c) */
    bool watching; /* the simulator itself reads: nothing fails */
    bool crashed;  /* in the midst of a step: the process is gone */
};

extern struct sim sim;

enum { BUS, AUTH, TICKETS, ORDERS, EXPIRATION, PAYMENTS, CATALOGUE, ENTRIES, MAIL, SIM_SERVICES };
extern const char *const service_names[SIM_SERVICES];

/* Runs one seed to its quiet end. Does not return when an invariant is broken (violation). */
uint64_t sim_run(const struct options *options);
static inline struct instance *sim_service(int index)
{
    return sim.app->dispatcher.instances[index];
}
static inline struct writer *sim_writer(int index)
{
    return writer_first(sim_service(index));
}
int64_t service_now_ms(int index);
struct mono_ms sim_mono(void); /* everybody's; no fault sets it */
/* What disturbs the punctuality of expiry until until_ms. */
void sim_disturb(int64_t until_ms);
/* An event of a version that never comes has been published. */
void world_published_mistake(void);

/* --- trace.c ------------------------------------------------------------------------------- */

void trace_begin(void);
/* Adds to the hash and to the ring of last events. subject: an id in hex or NULL. what: a constant.
 * Each counts as a simulated event. */
void trace(const char *what, const char *subject, int64_t a, int64_t b);
/* The same without being an event: only the hash. */
void trace_bytes(struct str bytes);
uint64_t trace_hash(void);
/* Reports and ends the process with VIOLATION_STATUS. subject: the entity's id in hex, or NULL. */
#define VIOLATION_STATUS 3
_Noreturn void violation(int invariant, const char *subject, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Beyond them: a crash, an answer of 500, an assertion. */
#define INVARIANT_NONE 0
#define CHECK(invariant, subject, condition, ...)                                                  \
    ((condition) ? (void)0 : violation(invariant, subject, __VA_ARGS__))

/* --- vfs.c --------------------------------------------------------------------------------- */

void vfs_register(void);              /* as SQLite's default; once */
void vfs_begin(int checkpoint_pages); /* a new run: no files */
/* The folder's state after opening for the first time, which is the same for every seed. */
void vfs_keep_template(void);
bool vfs_use_template(void);
/* From now on nothing is written: the process is being taken down. */
void vfs_freeze(void);
bool vfs_frozen(void);
/* After so many more calls that change something, freeze by itself. */
void vfs_freeze_after(int64_t calls);
/* After everything was closed: what a new process finds. power: what was not synced is lost in
 * part. */
void vfs_crash(bool power);
void vfs_heal(void);
void vfs_disk_full(bool full);
int64_t vfs_bytes(void);
/* Errors answered to SQLite so far. */
uint64_t vfs_errors(void);

/* --- media.c ------------------------------------------------------------------------------- */

void media_begin(void);
/* Slow work that could go on now; runs the index-th of them. */
size_t pool_due(void);
void pool_run(size_t index);
int64_t pool_next_ms(void); /* INT64_MAX: nothing waits */
size_t pool_waiting(void);
void media_forget(int service); /* its deliveries and works are lost */

/* --- broker.c ------------------------------------------------------------------------------ */

void broker_begin(void);
/* What may happen now at the broker, on the way to it and in its clients; does the index-th. */
size_t broker_due(void);
void broker_run(size_t index);
int64_t broker_next_ms(void); /* INT64_MAX: nothing happens by itself */
/* Time has passed in which nothing happened: those who only wait have asked again meanwhile. */
void broker_pass_time(void);
void broker_disturb(void); /* something goes wrong, or not */
void broker_heal(void);
/* It has been given the service's event. */
bool broker_had(int service, int64_t sequence);
/* The machine slept for so long that services may have forgotten what they took, while it still has
 * that twice. */
bool broker_outslept(void);
/* All there is was given to it, and what the service listens to was taken and acknowledged. */
void broker_quiet(int service);

/* --- bank.c -------------------------------------------------------------------------------- */

struct gateway;
struct call;
extern const struct gateway bank_gateway;

void bank_begin(void);
/* What an order has paid and not got back, cents. */
int64_t bank_held_for(const char *order_id);
int64_t bank_held(void);
bool bank_captured(const char *charge_id);
const char *bank_token(const char *charge_id); /* "" when there is no such charge */
const char *bank_key(const char *stripe_id);   /* the charge's id, "" when there is none */
bool bank_ever_captured_for(const char *order_id);
/* By a refund or a lost dispute, all or a part. */
bool bank_ever_refunded_for(const char *order_id);
/* All that was left of a charge of it went back by a refund. */
bool bank_ever_all_back_for(const char *order_id);
/* Somebody gives money back there, all or a part; a refund comes back from the buyer's bank; a
 * dispute is opened, won or lost. The bank tells us by a webhook. */
void bank_refund_something(void);
void bank_bounce_something(void);
void bank_dispute_something(void);
/* Webhooks that are due; sends the index-th. */
size_t bank_hooks_due(void);
void bank_send_hook(size_t index);
int64_t bank_next_ms(void);
void bank_hook_answer(const struct call *call);
size_t bank_charges(void);
struct bank_charge {
    const char *id, *order_id;
    int64_t amount_cents, given_back_cents, charged_back_cents;
    bool captured;
};
void bank_each(void (*see)(const struct bank_charge *charge));

/* --- calls.c ------------------------------------------------------------------------------- */

enum call_kind {
    CALL_SIGNUP,
    CALL_SIGNIN,
    CALL_SIGNOUT,
    CALL_SELL,
    CALL_EDIT,
    CALL_WITHDRAW,
    CALL_LIST,
    CALL_TICKET,
    CALL_SELLING,
    CALL_OFFER, /* … to CALL_OFFERS: listings.c */
    CALL_OFFER_EDIT,
    CALL_OFFER_WITHDRAW,
    CALL_OFFER_LOOK,
    CALL_OFFERS,
    CALL_RESERVE,
    CALL_RESERVE_SOME, /* so many of a listing */
    CALL_CANCEL,
    CALL_ORDER,
    CALL_ORDERS,
    CALL_PAY,
    CALL_PUBLISH,
    CALL_GIVE, /* … to CALL_TAKE_BACK: transfers.c */
    CALL_ACCEPT,
    CALL_TAKE_BACK,
    CALL_REFUND,
    CALL_WEBHOOK,
    CALL_BAN,
    CALL_UNBAN,
    CALL_GRANT,
    CALL_REVOKE,
    CALL_FORGOT,
    CALL_RESET,
    CALL_PASSWORD,
    CALL_RESET_LINK,
    CALL_MAIL_SEND,
    CALL_VENUE, /* … to CALL_SEARCH: catalogue.c */
    CALL_VENUE_CORRECT,
    CALL_VENUE_ACCEPT,
    CALL_VENUE_REFUSE,
    CALL_VENUE_MERGE,
    CALL_VENUE_LOOK,
    CALL_SHOW,
    CALL_SHOW_CORRECT,
    CALL_SHOW_ACCEPT,
    CALL_SHOW_POSTPONE,
    CALL_SHOW_RESCHEDULE,
    CALL_SHOW_CANCEL,
    CALL_SHOW_MERGE,
    CALL_SHOW_LOOK,
    CALL_SEARCH,
    CALL_GATE, /* … to CALL_LIST_OF_DOOR: door.c */
    CALL_GATE_REVOKE,
    CALL_SCAN,
    CALL_LIST_OF_DOOR,
    CALL_KINDS
};

struct call {
    struct request rq; /* first */
    enum call_kind kind;
    bool used, answered, lost;
    int actor;
    int service;
    int64_t sent_ms, sent_step;
    bool banned; /* its service knew so for sure when this was sent */
    bool ended;  /* its session was signed out before this was sent */
    bool handed; /* to its writer, at this step … */
    int64_t handed_step;
    bool overtaken;      /* … and its service knew by then */
    int64_t expect;      /* status that must come when the program can answer; 0: any */
    const char *message; /* and the message in it */
    char id[25];         /* what it is about: ticket or order */
    int64_t price_cents;
    int64_t version; /* of the ticket that the buyer saw; 0: any */
    int quantity;    /* tickets of a listing */
    char text[208];  /* title, token, email */
    struct call *next;
};

void calls_begin(void);
/* A request about to be sent by actor, as user_id ("" for nobody). body: JSON or NULL. */
struct call *call_new(int actor, enum call_kind kind, const char *user_id, const char *param,
                      const char *body);
void call_send(struct call *call);
/* name and value live as long as the call: in its arena. */
void call_header(struct call *call, const char *name, const char *value);
/* The loop's end: what was sent goes to the writers. */
bool calls_handover_waits(void);
void calls_handover(void);
/* Answers that have come since; takes one. The caller gives it back by call_free. */
struct call *call_take_answered(void);
void call_free(struct call *call);
/* The process is gone: nobody gets an answer. service: SIM_SERVICES for all. */
void calls_lose(int service);
size_t calls_out(void);
void calls_punctual(void); /* invariant 13: nobody waits for an answer without end */
struct str call_body(const struct call *call);

/* --- visitors.c ---------------------------------------------------------------------------- */

void visitors_begin(void);
struct call *visit(int actor);                /* the next call of one with a session */
void visitor_answer(const struct call *call); /* also of lost ones */
void visitors_before_clocks_change(void);
void visitors_quiet(void); /* invariant 15: who signed out is so everywhere */

/* --- forgetful.c --------------------------------------------------------------------------- */

void forgetful_begin(void);
struct call *forget(int actor);                 /* the next call of one who loses passwords */
void forgetful_answer(const struct call *call); /* also of lost ones */

/* --- letters.c ----------------------------------------------------------------------------- */

void letters_begin(void);
/* What was published; once the model has it. */
void letters_event(struct str subject, const struct json *event, int64_t at_ms);
/* Rows of mail: of people, and of letters (an sqlite3_stmt). */
void letters_person(const char *user, int64_t version, const char *email);
void letters_row(void *statement);
/* A link that has come to that address, was asked for after that, and when; NULL: none. */
const char *letters_token(const char *email, int64_t after_ms, int64_t *asked_ms);
/* One that is uncertain here, and the server's answer may be on its way; NULL: there is none. */
#define LATEST_ANSWER_MS 600000
const char *letters_late(void);
/* Any letter, such a one first, then most often one of the latest uncertain ones; NULL: there is
 * none. The operator is about to ask that it be sent again. */
const char *letters_some(void);
void letters_asked(const char *id);
void letters_quiet(void); /* invariant 23: nobody was left out */

/* --- told.c: who holds entries, and is told what becomes of their show ------------------------ */

void told_begin(void);
void told_event(struct str subject, const struct json *event, int64_t at_ms);
/* Of a show's change. */
bool told_is_kind(const char *kind);
/* A letter of that kind about the show was written to the user. The kind, for good. */
const char *told_written(const char *letter, const char *kind, const char *about, const char *user);
void told_quiet(void);

/* --- catalogue.c: venues and shows ----------------------------------------------------------- */

void catalogue_begin(void);
void catalogue_event(struct str subject, const struct json *event, int64_t at_ms);
/* venue: "" of a venue itself. */
void catalogue_row(const char *id, int64_t version, const char *status, const char *merged_into,
                   const char *venue);
void catalogue_holds(void); /* after a step */
struct call *curate(int actor, const char *user);
bool catalogue_kind(enum call_kind kind);
void catalogue_judge(const struct call *call);
void catalogue_quiet(void);

/* A show that may be listed for, most often; NULL: there is none, and the call that makes one, or
 * the place for it. */
const char *catalogue_some_show(void);
struct call *catalogue_open_show(int actor, const char *user);
/* There is room for more shows and venues. */
bool catalogue_has_room(void);
/* Of its latest event; -1: there is no such show. */
int64_t catalogue_version(const char *id);
int64_t catalogue_max_per_buyer(const char *id);

/* --- listings.c: tickets offered together ---------------------------------------------------- */

struct m_ticket;
struct m_order;
void listings_begin(void);
void listing_event(struct str subject, const struct json *event, int64_t at_ms);
void listing_row(const char *id, int64_t version, const char *show, int64_t price_cents,
                 bool withdrawn);
/* What a service has applied of a show or a listing in that batch of deliveries, from its committed
 * copy on. */
struct versions *listing_applied(int service, struct str subject, const char *id, int64_t batch);
/* What orders knows of a listing, and what tickets and orders know of a show. */
void listing_copied(const char *id, int64_t version, const char *show, const char *split,
                    bool withdrawn);
void show_copied(int service, const char *id, int64_t version, const char *status,
                 int64_t starts_ms, const char *into, bool on_sale, int64_t max_per_buyer);
/* Some tickets of a listing that is for sale, most often, and of another one else. NULL: none is.
 */
struct call *listing_reserve(int actor, const char *user);
/* The listing's ticket that the user reserved most often: how often. */
int listing_holds(const char *listing_id, const char *user);
/* Why some tickets of a listing were not to be had, and whether an order is what was asked for. */
void listing_judge_refused(const struct call *call);
void listing_judge_order(const struct call *call, const struct m_order *order);
/* The seat that a ticket's event names, 0: none. */
int listing_seat(const struct json *ticket);
/* The ticket is of a show that tickets has on sale, or of none. */
bool listing_sells(const struct m_ticket *ticket);
/* What a ticket of a listing costs that comes free; may_go: it may be taken down then. */
int64_t listing_price(const struct m_ticket *ticket, bool *may_go);
/* A ticket of a listing of theirs; one of the latest that orders has on the market still, though it
 * knows that its listing was taken down. NULL: none. */
const char *listing_own_ticket(const char *user);
const char *listing_going(void);
/* A ticket in the middle of four that are free; one of the user's that an order has, as tickets has
 * not heard yet; the show of which somebody holds or has tickets. NULL: none. */
const char *listing_middle(void);
const char *listing_racing(const char *user);
const char *listing_show_in_demand(void);
void listing_ordered(const struct m_order *order);
void listing_revived(const struct m_order *order, int64_t at_ms);
void listing_closed(const char *ticket_id);
void listings_hold(int service); /* after a step */
/* room: there may be more tickets. */
struct call *list_seats(int actor, const char *user, int64_t price_cents, bool room);
bool listing_kind(enum call_kind kind);
void listing_judge(const struct call *call);
void listings_quiet(void);

/* --- entries.c: what opens doors ------------------------------------------------------------- */

#define ENTRIES_MAX 4096

struct m_entry {
    char id[25], serial[16], holder[65];
    char show[25];                /* as it was issued */
    int ticket, order;            /* in the model */
    int64_t version, row_version; /* of its latest event; of its row, -1: not seen */
    int64_t moved_step;           /* when it had another holder last */
    bool valid;
    bool admitted;
    char gate[25]; /* that let somebody in by it … */
    char scan[25]; /* … and the scan that was answered so; empty: none was yet */
};
size_t entries_count(void);
struct m_entry *entry_at(size_t index);
struct m_entry *entry_of(const char *id); /* NULL: there is none */

void entries_begin(void);
void entry_event(struct str subject, const struct json *event);
void entry_row(const char *id, int64_t version, const char *status, const char *holder,
               const char *serial);
void entries_quiet(void); /* invariants 19 and 20 */

/* --- transfers.c: what is sent to others of it --------------------------------------------------
 */

void transfers_begin(void);
void transfer_event(struct str subject, const struct json *event, int64_t at_ms);
/* What waits of the entry is for that user, whom an event tells to be its holder. */
bool transfer_hands(const char *entry, const char *holder);
/* There is something new to be sent or taken. */
bool transfers_wanted(void);
struct call *send_on(int actor);
bool transfer_kind(enum call_kind kind);
/* So many were sent that somebody may have sent too many. */
bool transfers_many(void);
void transfer_judge(const struct call *call);
void transfers_quiet(void);

/* --- door.c: gates ------------------------------------------------------------------------- */

void door_begin(void);
/* A gate reads a code, tells of what it did without a network, or is made or taken back. */
struct call *guard_door(int actor, const char *user);
bool door_kind(enum call_kind kind);
/* With the key of the gate that the call is of. */
void door_sign(struct call *call);
void door_judge(const struct call *call);
void door_quiet(void);

/* --- actors.c ------------------------------------------------------------------------------ */

void actors_begin(void);
void actors_end(void); /* healing: nobody starts anything new */
size_t actors_due(void);
void actor_act(size_t index);
int64_t actors_next_ms(void);
void actor_answer(struct call *call); /* also of lost ones */

/* --- watch.c: what was committed, row by row ------------------------------------------------ */

void watch_register(void); /* once, before SQLite opens anything */
void watch_begin(void);
void watch_open(void);  /* after the app is open */
void watch_close(void); /* before it is closed */
/* Sees what the service's last transaction changed. */
void watch_step(int service);
/* Reads everything anew: after a crash, an unknown outcome, at the end. */
void watch_all(int service);
int64_t watch_count(int service, const char *sql);
void watch_rows(int service, const char *sql, void (*see)(void *sqlite_statement));

/* --- model.c ------------------------------------------------------------------------------- */

enum { STATUS_NONE, STATUS_CREATED, STATUS_AWAITING, STATUS_COMPLETE, STATUS_CANCELLED };

struct ticket_state {
    int64_t version, price_cents;
    uint64_t title; /* hash */
    int order;      /* index in the model, -1: free */
    bool sold, withdrawn;
};

/* How far a subscriber has come with an entity, within the batch that is going on. */
struct versions {
    int64_t batch, version;
};

struct m_ticket {
    char id[25];
    char owner[65];
    struct ticket_state row, event; /* version -1: not seen */
    int64_t copy_version, copy_price;
    uint64_t copy_title;
    bool copy_gone; /* it was removed, once or more */
    int64_t
        copy_withdrawn_step; /* since when orders knows that it was taken down; 0: it does not */
    struct versions applied[SIM_SERVICES];
    int live;              /* order that has it, -1: none */
    int64_t edited_price;  /* what it becomes when it is free again … */
    uint64_t edited_title; /* … price 0: what it is */
    bool was_sold, withdraw_acked;
    char listing[25], show[25]; /* of a ticket of a listing; the show by its row */
    int seat;                   /* 0: none is named */
    int place;                  /* in its listing's order */
    bool closed;                /* orders has said that nobody can have it … */
    bool released;              /* … and its row that its seat may be listed again */
    int64_t copy_step;          /* when orders heard of it last */
    int acked;                  /* highest version answered to its seller, -1: none */
    struct {
        int64_t price_cents;
        uint64_t title;
        bool withdrawn;
    } * history; /* by version */
    size_t history_cap;
};

#define ORDERED_MAX 4 /* tickets of one order: as many as a listing has (listings.c) */

struct m_order {
    char id[25];
    char user[65];
    char listing[25];            /* empty: of a ticket of none */
    int tickets[ORDERED_MAX];    /* in the listing's order */
    int64_t prices[ORDERED_MAX]; /* each, as it was reserved */
    int ticket_count;            /* 0: no event has told them yet */
    int64_t price_cents;         /* of all of them */
    int64_t made_at_ms;
    uint64_t title;                 /* the first one's, as it was reserved */
    int64_t version, expires_at_ms; /* the row */
    int64_t reserved_until_ms;      /* without either grace */
    int64_t deadline_ms;            /* as its events have it */
    int64_t latest_ms;              /* that its deadline may be counted from */
    int failures, updates, fires;
    int captured; /* charges */
    int status;
    int64_t event_version;
    int event_status;
    int64_t copy_version; /* payments' */
    int copy_status;
    int64_t copy_step;                   /* when that came */
    int64_t timer_version, timer_due_ms; /* expiration's; due -1: none */
    int timer_fires;                     /* when that was set */
    struct versions applied[SIM_SERVICES];
    int64_t ticket_seen; /* tickets' order_versions */
    int64_t ended_step;  /* -1: it never was cancelled or complete */
    bool cancel_sent, cancel_acked, acked;
    bool was_cancelled, was_complete;
    char paid_as[64]; /* stripeId answered to its buyer */
};

struct m_charge {
    char id[25];
    int order;
    char status[24];
    int64_t amount_cents, created_at_ms;
    int64_t ask_at_ms;         /* by payments' clock; INT64_MAX: no need */
    struct mono_ms ask_set_at; /* when that was set */
    int64_t given_back_cents, charged_back_cents;
    bool created_event, failed_event, refunded_event;
    int64_t attempts;
    bool asking;       /* by its row, the bank is being asked */
    bool told;         /* the bank has told of it */
    bool refund_asked; /* by an operator: it may begin and end in one step */
    bool refund_begun; /* by us */
};

void model_begin(void);
size_t model_tickets(void);
size_t model_orders(void);
size_t model_charges(void);
struct m_ticket *model_ticket_at(size_t index);
struct m_order *model_order_at(size_t index);
struct m_charge *model_charge_at(size_t index);
/* NULL when the program has never committed one. */
struct m_ticket *model_ticket(const char *id);
struct m_order *model_order(const char *id);
struct m_charge *model_charge(const char *id);
/* Money of this order was given back, or is to be. */
bool model_refund_begun(const char *order_id);
/* The same of one charge, by the processor's id. */
bool model_charge_goes_back(const char *stripe_id);
/* Charges of this user's orders. */
int model_charges_of(const char *user);
/* A charge that was begun just now: not too many before it came to nothing. */
void model_charge_allowed(const struct m_charge *charge);
/* Payments knew so before this step. */
bool model_copy_was_cancelled(const struct m_order *order);
/* When payments is to ask the processor next; INT64_MAX: never. */
int64_t model_ask_ms(void);
/* A charge that was asked for before then, and waits for the answer or the time to ask again, which
 * nothing has changed since; NULL: none. */
const char *model_asked_before(struct mono_ms at);
int model_charge_index(const char *id, bool make);
int model_ticket_index(const char *id, bool make);
int model_order_index(const char *id, bool make);
int model_status(const char *text);
/* How many orders of a user are live and unpaid, or were so in this step or later. */
int model_unpaid(const char *user, int64_t step);
/* Where the ticket is among the order's; -1: it is not. */
int model_place(const struct m_order *order, const struct m_ticket *ticket);
/* How often a user reserved a ticket after since_ms and until until_ms. */
int model_holds(const char *user, const char *ticket_id, int64_t since_ms, int64_t until_ms);

/* Somebody with an account. Versions are even while active and odd while banned. */
struct m_user {
    char id[25], email[64];
    int64_t version, event_version; /* -1: not seen */
    int64_t changed_step;
    struct {
        int64_t version; /* -1: this service never heard of a ban */
        int64_t changed_step;
    } held[SIM_SERVICES];
};

/* Of an event; what is not there is empty, or -1. */
struct str text_of(const struct json *event, const char *path);
int64_t whole_of(const struct json *event, const char *path);
/* As a C string, cut where there is no more room. */
void copy_text(char *to, size_t size, struct str text);

size_t model_users(void);
struct m_user *model_user_at(size_t index);
/* NULL when there is none. */
struct m_user *model_user(const char *email);
struct m_user *model_user_of(const char *id);
void model_user_row(const char *id, const char *email, int64_t version, bool banned);
/* A service's own book of bans. */
void model_ban_row(int service, const char *id, int64_t version, bool banned);
bool service_refuses_sessions(int service); /* whether it has such a book that counts */
bool model_banned_at(int service, const char *id);
/* … and it was so before this step began. */
bool model_banned_before(int service, const char *id);
/* The service's book about this user has changed since the step began. */
bool model_ban_moved(int service, const char *id, int64_t since_step);
/* After a step: nobody banned has a live order or a session, and no order is paid for twice. */
void model_service_holds(int service);

/* Events, as the outbox has them. now_ms: created_at_ms of the row. */
void model_event(int service, int64_t sequence, struct str subject, struct str payload,
                 int64_t at_ms);
/* A subscriber's word about a delivery: version n on top of n-1, once. batch: a number of its own.
 */
void model_verdict(int service, int64_t batch, const struct delivery *delivery);
/* After a service's rows and events of one transaction were seen: they agree. */
void model_ticket_agrees(struct m_ticket *ticket);
void model_order_agrees(struct m_order *order);
void model_punctual(void); /* invariant 9, the late side */

uint64_t hash_text(struct str text);

/* Whether a service has published an event of the subject with a sequence in (after, up_to]. */
bool watch_published(int service, struct str subject, int64_t after, int64_t up_to);

/* --- retention.c: what has had its time goes ------------------------------------------------- */

void retention_begin(uint64_t seed);
/* Before a service's step: the time to remove something comes when it likes, durable listeners
 * come, take events, and leave, and the operator drops a dead letter. */
void retention_disturb(int service);
/* A service's outbox begins with event `first` from now on; what went last was published at that
 * time. Invariant 18. */
void retention_check(int service, int64_t first, int64_t last_gone_ms);
/* Whether the operator has dropped the service's dead letter of that event, or perhaps has. */
bool retention_dropped(int service, int source, int64_t sequence, bool perhaps);
/* Whether the service may have forgotten the order or ticket, by its clock. */
bool retention_forgotten(int service, const char *id);
/* Orders' copy of the ticket, or what the service keeps of the order, is gone. */
void retention_forgets_ticket(struct m_ticket *ticket);
void retention_forgets_order(int service, struct m_order *order);

/* --- offers.c ------------------------------------------------------------------------------ */

void offers_begin(void);
void offers_event(const struct json *event);
/* What an answer says of the show. */
void offers_judge(const char *id, const struct json *said);
void offers_quiet(void);

/* --- quiet.c ------------------------------------------------------------------------------- */

void quiet_check(void);
/* The simulator is going to publish this by mistake. */
void quiet_mistake(const char *subject, const char *payload);
bool quiet_is_mistake(struct str subject, struct str payload);
void quiet_begin(void);

#endif
