/* services/auth/guesses.h: how many wrong passwords are listened to, and whose.
 *
 * Three budgets, so that guessing is stopped and nobody is locked out by a stranger:
 *   - a device that signed in to the account before (device.h) has one of its own, and no other;
 *   - anybody else has one for each account and address;
 *   - and there is one for all strangers to an account, and one for all accounts of an address.
 * Each is counted by the minute, with longer waits each time, and by the day, which a quiet minute
 * does not make good. Counts are of this process. Threads: any. */
#ifndef SERVICES_AUTH_GUESSES_H
#define SERVICES_AUTH_GUESSES_H

#include "runtime/limits.h"
#include "services/auth/device.h"

struct guesses {
    struct limit *device, *device_day;   /* of one device at its account */
    struct limit *account, *account_day; /* of one address at one account */
    struct limit *address, *address_day; /* of one address */
    struct limit *strangers_day;         /* at one account */
};

/* Who guesses, at which account. */
struct guesser {
    struct str account; /* email_key */
    struct str address; /* request_client_network */
    struct str both;    /* the two, as one key */
    struct str device;  /* its number; empty: none that is known */
};

/* From the settings; a limit of 0 is none. ERR_MEMORY, and what there is has to be freed. */
enum err guesses_init(struct guesses *guesses, const struct env *env);
void guesses_free(struct guesses *guesses);

/* Texts in the request's arena. ERR_MEMORY. */
enum err guesser_of(struct request *rq, struct str email_key, struct guesser *out);
/* Whether they have to wait just now; takes nothing. OK or ERR_BUSY (limits.h). */
enum err guess_check(struct guesses *guesses, const struct guesser *who, struct request *rq);
/* Takes one of each of their budgets, before it is known whether it is a guess: so many at once
 * count as many. OK or ERR_BUSY. */
enum err guess_take(struct guesses *guesses, const struct guesser *who, struct request *rq);
/* It was none: gives back what was taken, and not more. An account of their own buys nobody guesses
 * at others', and the owner's sign-in does not make good what strangers used up. */
void guess_was_right(struct guesses *guesses, const struct guesser *who);

#endif
