/* identity/email.h: what an email address is, and when two are the same mailbox.
 *
 * Pure but for memory. Threads: any. */
#ifndef IDENTITY_EMAIL_H
#define IDENTITY_EMAIL_H

#include "base/arena.h"

#define EMAIL_MAX        254 /* bytes: RFC 5321's longest path, without its angle brackets */
#define EMAIL_LOCAL_MAX  64  /* bytes: RFC 5321 section 4.5.3.1.1 */
#define DOMAIN_LABEL_MAX 63  /* bytes: RFC 1035 section 2.3.4 */

/* True for local@domain: the local part a dot-atom (RFC 5322 section 3.2.3), the domain two or more
 * labels, the last one letters. Both may hold letters beyond ASCII (RFC 6531). No quoted local
 * parts, no comments, no address literals. Spaces around it are not valid. */
bool email_valid(struct str email);

/* What addresses are compared by, in the arena: one mailbox, one key, however it is typed.
 *   - The domain as DNS knows it, in ASCII and lower case (IDNA2008 with the mapping of UTS 46, not
 *     transitional: ß is no ss). Unicode and punycode are one.
 *   - The local part in Unicode's form KC and lower case, letter by letter. So the Kelvin sign is a
 * k and the long s an s; letters of other scripts that only look alike stay apart. ERR_INVALID: the
 * domain is none that can be looked up, or the key is longer than EMAIL_MAX. Expects what
 * email_valid takes. */
enum err email_key(struct arena *arena, struct str email, struct str *out);

/* The key that accounts were made with before: the whole address in lower case, as far as letters
 * of two UTF-8 bytes have pairs of the same length. An account keeps it until it is given the other
 * one (emails_rekey), and for good when that is taken. ERR_MEMORY. */
enum err email_key_before(struct arena *arena, struct str email, struct str *out);

#endif
