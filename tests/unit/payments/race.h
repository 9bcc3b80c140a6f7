/* tests/unit/payments/race.h: a world of the real services around one order, for test_race.c. Time,
 * the gateway and the delivery of events are its own; nothing a run does is committed. */
#ifndef UNIT_PAYMENTS_RACE_H
#define UNIT_PAYMENTS_RACE_H

#include "runtime/revocations.h"
#include "services/payments/payments.h"
#include "services/services.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define START_MS    INT64_C(1790000000000)
#define HOLD_MS     INT64_C(900000)
#define GRACE_MS    INT64_C(120000)
#define PRICE_CENTS 2000
#define EVENTS_MAX  64

enum who { ORDERS, PAYMENTS, EXPIRATION, TICKETS, NODES };

struct node {
    struct instance instance;
    struct writer *writer;
    struct db *db;
    struct tx *tx;
    struct object_id_source ids;     /* as they were when the run began */
    int64_t seen[NODES];             /* of that publisher's outbox, before the run */
    bool applied[NODES][EVENTS_MAX]; /* in this run, by sequence after `seen` */
};

/* What may happen next. */
enum act { PAY, CANCEL, COMPETITOR, ANSWER, CRASH, DEADLINE, GRACE_OVER, FIRE_TIMER, DELIVER };
struct choice {
    enum act act;
    enum who to, from; /* DELIVER */
    int64_t sequence;
};

/* What a run is about. */
struct scenario {
    const char *name;
    enum gateway_result answers[3];    /* of the gateway, one after the other; the last stays */
    int cancels, competitors, crashes; /* how many of each there may be */
    bool disorder;                     /* payments' events overtake each other */
};

struct world {
    char folder[64];
    struct settings settings;
    struct payments payments;
    struct arena *arena;
    struct node nodes[NODES];
    struct object_id ticket_id, order_id, rival_id;
    /* of one run */
    const struct scenario *scenario;
    int64_t now_ms;
    bool paid, deadline, grace_over;
    int cancels, competitors, crashes, calls;
    int charged, refunded; /* at the gateway */
    bool ever_complete;
};

extern struct world world;

/* A ticket on sale, reserved by the buyer, and everybody knows: cmocka's group fixture. */
int race_set_up(void **state);
int race_tear_down(void **state);

/* Back to that; every run is between these two. */
void run_begin(void);
void run_end(void);

void item_begin(struct node *node);
void item_end(struct node *node, bool keep);
/* Runs a route's handler as that user. answer (may be NULL): the body. */
enum err request(enum who who, enum method method, const char *path, const char *body,
                 const char *user, struct object_id param, struct str *answer);
struct str body_of(const char *format, struct object_id id); /* NUL-terminated */
void run_job(enum who who, size_t job);
/* The processor charges this card; charges it once, however often it is asked. */
void fake_charge(const struct gateway *gateway, const struct gateway_charge *charge,
                 struct gateway_outcome *outcome);

/* Delivers one event, twice. What comes too early stays to be delivered. True: it was taken. */
bool deliver(enum who to, enum who from, int64_t sequence);
/* Adds what that service can be delivered from that publisher; returns the new count. */
size_t add_deliveries(struct choice *out, size_t count, enum who to, enum who from, bool any_order);
/* Everything that can be delivered now, once. False: there was nothing. */
bool deliver_all(void);

/* The first column of the first row; -1: none. sql takes one id. */
int64_t number_of(enum who who, const char *sql, struct object_id id);

#endif
