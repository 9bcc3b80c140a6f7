/* services/auth/device.h: devices that somebody has signed in from before.
 *
 * The device cookie of OWASP's "Slow Down Online Guessing Attacks with Device Cookies": set when a
 * sign-in succeeds, it says that this browser once knew the password of that account. It opens
 * nothing; guesses that come with it have a budget of their own (guesses.h), so that strangers who
 * use up theirs lock nobody out. It holds a random number and a seal over number and account, no
 * address and no id. */
#ifndef SERVICES_AUTH_DEVICE_H
#define SERVICES_AUTH_DEVICE_H

#include "runtime/service.h"

#define DEVICE_DAYS 365 /* the cookie lives, from the latest sign-in on */

/* The number of the device that brings a cookie for this account (email_key); empty: it brings
 * none, or somebody else's, or one that was not made here. In the request's arena. Any thread. */
struct str device_of(struct request *rq, struct str email_key);
/* Sets the cookie for the account: again with that number, a fresh one when it is empty. */
enum err device_remember(struct request *rq, struct reply *rp, struct str email_key,
                         struct str device);

#endif
