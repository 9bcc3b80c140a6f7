/* services/payments/signature.h: who sent a webhook. The scheme is Stripe's
 * (docs.stripe.com/webhooks, "Verify manually"): the header Stripe-Signature carries
 * "t=SECONDS,v1=HEX,v1=HEX,…", and a v1 is HMAC-SHA256 of "SECONDS.BODY" under the endpoint's
 * secret; there are several while a secret is being changed. Other schemes (v0) count for
 * nothing. */
#ifndef SERVICES_PAYMENTS_SIGNATURE_H
#define SERVICES_PAYMENTS_SIGNATURE_H

#include "base/str.h"

#define SIGNATURE_TOLERANCE_S 300 /* both ways */

/* body: as it came, byte for byte. Takes the same time wherever a signature differs. */
bool signature_valid(struct str secret, struct str header, struct str body, int64_t now_s);

#endif
