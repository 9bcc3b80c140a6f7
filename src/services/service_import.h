/* services/service_import.h: taking over what the Node application kept, and what files say of a
 * market (boxoffice import): each service's own rows and events, inside a transaction of its
 * writer. Whoever follows the events learns the rest: an entity begins with the version it had.
 *
 * *added: false when the id is there already; then nothing is written. Texts stay the caller's. */
#ifndef SERVICES_IMPORT_H
#define SERVICES_IMPORT_H

#include "events/sale_rules.h"
#include "http/request.h"
#include "sql/sql.h"

struct imported_user {
    struct object_id id;
    int64_t version;
    struct str email;
    struct str password; /* "hex.salt": scrypt, N=16384 r=8 p=1, 64 bytes */
};

struct imported_ticket {
    struct object_id id;
    int64_t version; /* 1 or more when an order holds it */
    struct str title;
    int64_t price_cents;
    struct str user_id;
    struct object_id order_id; /* that holds it; all zero: on sale */
    bool sold;
};

enum imported_status { IMPORTED_LIVE, IMPORTED_COMPLETE, IMPORTED_CANCELLED };

struct imported_order {
    struct object_id id;
    int64_t version; /* 1 or more unless it is live */
    enum imported_status status;
    struct str user_id;
    struct wall_ms expires_at;
    const struct imported_ticket *ticket;
    struct object_id payment_id; /* of a complete order; all zero: unknown */
    struct str stripe_id;
};

struct imported_payment {
    struct object_id id;
    struct object_id order_id;
    struct str stripe_id;
    int64_t amount_cents;
};

/* Whether email, password, title are what their service takes. */
bool imported_email_valid(struct str email);
bool imported_password_valid(struct str password);
bool imported_title_valid(struct str title);
/* The title as its service keeps it; at == NULL when memory ran out. */
struct str imported_title_kept(struct arena *arena, struct str title);

/* ERR_EMAIL_IN_USE: someone else has the address. */
enum err import_user(struct tx *tx, struct arena *arena, const struct imported_user *user,
                     bool *added);
enum err import_ticket(struct tx *tx, struct arena *arena, const struct imported_ticket *ticket,
                       bool *added);
/* In tickets' database: it has followed the order up to here, its ticket is as the order left it.
 */
enum err import_followed_order(struct tx *tx, const struct imported_order *order);
/* ERR_TICKET_RESERVED: another order, not cancelled, has the ticket. */
enum err import_order(struct tx *tx, struct arena *arena, const struct imported_order *order,
                      bool *added);
/* A captured charge. ERR_CONFLICT: its order has another one, or its stripeId is another's. */
enum err import_payment(struct tx *tx, struct arena *arena, const struct imported_payment *payment,
                        bool *added);

/* --- a market's venues, shows and listings ----------------------------------------------------
 * rq: a request by hand (request_init), whose body is what the API's would have, whose user it is
 * of, and whose run has an env with settings, clock and ids. What is wrong is rejected in it as
 * there: ERR_INVALID, and nothing may stay of what was written for it. */

/* Accepted, … */
enum err import_venue(struct request *rq, struct tx *tx, struct object_id id, bool *added);
/* … scheduled. copy: what others are to know of it, whether or not it was added; its texts live in
 * the request's arena. */
enum err import_show(struct request *rq, struct tx *tx, struct object_id id, struct show_copy *copy,
                     bool *added);
/* In tickets' database: it has followed a show that nothing was changed of. */
enum err import_followed_show(struct tx *tx, const struct show_copy *show);
/* Of the request's user. Its show is one that tickets have followed. */
enum err import_listing(struct request *rq, struct tx *tx, struct object_id id, bool *added);
/* Who the body's "seller" is, by email or id; over a read view of auth's database. */
enum err import_seller(struct request *rq, struct tx *tx, struct object_id *id);

#endif
