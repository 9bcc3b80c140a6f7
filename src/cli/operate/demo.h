/* cli/operate/demo.h: what the files of boxoffice demo share: people, and what they ask. */
#ifndef CLI_DEMO_H
#define CLI_DEMO_H

#include "base/json.h"
#include "base/object_id.h"
#include "client/http_client.h"

#define DEMO_PEOPLE  15 /* the first ones sell, … */
#define DEMO_SELLERS 12 /* … the others buy */
#define DEMO_VENUES  12
#define DEMO_SHOWS   200
#define DEMO_LISTED  5000 /* tickets in listings */

struct person {
    const char *name;
    char source[32];   /* where they come from, on this machine */
    char cookie[2048]; /* "Cookie: session=…" */
};

struct demo {
    const char *url, *data;
    uint64_t seed;
    bool force;
    struct http_client *client;
    struct arena *arena; /* of one answer */
    struct http_client_answer answer;
    struct person people[DEMO_PEOPLE];
    int sold, reserved, cancelled, declined, listings;
};

/* --- demo.c ---------------------------------------------------------------------------------- */

/* Below `below`, by the seed. */
uint64_t chance(struct demo *demo, uint64_t below);
#define PICK(demo, list) ((list)[chance(demo, sizeof(list) / sizeof *(list))])

/* Status of the answer, which is in demo->answer; who is over a limit waits as long as it says. 0:
 * there was none, and it was said. */
int demo_ask(struct demo *demo, const struct person *who, const char *method, const char *path,
             struct str body);
/* Says what else than expected the server answered. False. */
bool demo_unexpected(const struct demo *demo, const char *what);
/* The id in the answer. False: there is none, and it was said. */
bool demo_take_id(struct demo *demo, char out[OBJECT_ID_HEX + 1]);
/* Signs in anew: with the roles that were granted meanwhile. */
bool demo_sign_in(struct demo *demo, struct person *person);
/* A reservation of this body, and what becomes of it; the number decides that. */
bool demo_order(struct demo *demo, int number, struct str body);

/* --- demo_market.c --------------------------------------------------------------------------- */

/* Venues, shows of the months to come, listings, and a few orders of several tickets. */
bool demo_fill_shows(struct demo *demo);

#endif
