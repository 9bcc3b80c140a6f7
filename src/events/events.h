/* events/events.h: the event catalogue (docs/events.md): one table, and everything made of it.
 *
 * A row of EVENT_MAP gives an event its enum name, its struct, its subject, the service that
 * publishes it and its fields; structs, encoders, decoders, typed publish functions, JSON Schema
 * and AsyncAPI all come from these rows. To add a field or an event, add it here and nowhere else.
 */
#ifndef EVENTS_EVENTS_H
#define EVENTS_EVENTS_H

#include "base/degrees.h"
#include "bus/bus.h"
#include "events/values.h"

/* Kinds of field, their C type and what a decoder accepts.
 *   ID       struct object_id   24 hex digits
 *   REF      struct object_id   the same, may be absent or null (then all zero)
 *   VERSION  int64_t            whole number >= 0
 *   TEXT     struct str         1 to 320 bytes
 *   TITLE    struct str         1 to 200 code points; what reaches beyond it is left out of it
 *                               (text_contained)
 *   NAME     struct str         the same, may be absent (then empty)
 *   USER     struct str         1 to 64 printable characters
 *   MONEY    int64_t            cents, greater than 0; decimal dollars on the wire
 *   MONEY_REF int64_t           as MONEY, may be absent (then 0)
 *   TIME     struct wall_ms     ISO-8601 on the wire
 *   FLAG     bool               may be absent (then false); written only when true
 *   HASH     struct str         64 lower-case hex digits: the SHA-256 of a session's id
 *   HASH_REF struct str         the same, may be absent or null (then empty)
 *   COUNT    int64_t            whole number >= 0, may be absent (then 0); written when it is not 0
 *   BOUND    int64_t            whole number >= 0, may be absent (then NO_BOUND)
 *   TIME_REF struct wall_ms     as TIME, may be absent (then WALL_NONE)
 *   DEGREES  int64_t            a latitude or longitude in millionths, may be absent
 *                               (then DEGREES_UNKNOWN)
 *   NAMES    struct name_list   an array of TITLE, at most NAMES_MAX; may be absent (then empty)
 *   TICKETS  struct ordered_list an array of {id, price}, at most LISTING_TICKETS_MAX; may be
 *                               absent (then empty)
 */
/* clang-format off */
/* S is the struct the fields belong to.
 *        kind     member         wire name */
#define USER_FIELDS(F, S)                                                                          \
    F(S, ID,      id,            "id")                                                             \
    F(S, VERSION, version,       "version")                                                        \
    F(S, TEXT,    email,         "email")                                                          \
    F(S, TEXT,    status,        "status")

/* confirmed: somebody showed that the address is theirs. */
#define USER_UPDATED_FIELDS(F, S)                                                                  \
    USER_FIELDS(F, S)                                                                              \
    F(S, FLAG,    confirmed,     "confirmed")

/* until: when the last token of the session is over, or this one is to be. */
#define SESSION_FIELDS(F, S)                                                                       \
    F(S, HASH,    id_hash,       "session")                                                        \
    F(S, USER,    user_id,       "userId")                                                         \
    F(S, TIME,    until,         "until")

/* A link to a new password is wanted; what opens it is worked out from the id (link_token.h). */
#define RESET_REQUESTED_FIELDS(F, S)                                                               \
    F(S, ID,      id,            "id")                                                             \
    F(S, USER,    user_id,       "userId")                                                         \
    F(S, TIME,    expires_at,    "expiresAt")

/* A link is to be mailed to that address, to show whose it is; what opens it as above. */
#define ADDRESS_REQUESTED_FIELDS(F, S)                                                             \
    F(S, ID,      id,            "id")                                                             \
    F(S, USER,    user_id,       "userId")                                                         \
    F(S, TEXT,    email,         "email")                                                          \
    F(S, TIME,    expires_at,    "expiresAt")

/* email: the one that the account had before. */
#define ADDRESS_CHANGED_FIELDS(F, S)                                                               \
    F(S, ID,      id,            "id")                                                             \
    F(S, USER,    user_id,       "userId")                                                         \
    F(S, TEXT,    email,         "email")

/* Somebody signed in with a browser that the account did not know. */
#define DEVICE_ADDED_FIELDS(F, S)                                                                  \
    F(S, ID,      id,            "id")                                                             \
    F(S, USER,    user_id,       "userId")                                                         \
    F(S, TEXT,    browser,       "browser")

/* on: sign-in asks for a code from now on; else it does no more. */
#define FACTOR_CHANGED_FIELDS(F, S)                                                                \
    F(S, ID,      id,            "id")                                                             \
    F(S, USER,    user_id,       "userId")                                                         \
    F(S, FLAG,    on,            "on")

#define PASSWORD_CHANGED_FIELDS(F, S)                                                              \
    F(S, ID,      id,            "id")                                                             \
    F(S, USER,    user_id,       "userId")

#define TICKET_FIELDS(F, S)                                                                        \
    F(S, ID,      id,            "id")                                                             \
    F(S, VERSION, version,       "version")                                                        \
    F(S, TITLE,   title,         "title")                                                          \
    F(S, MONEY,   price_cents,   "price")                                                          \
    F(S, USER,    user_id,       "userId")

/* Of a ticket of a listing alone: which, its place in the order of that, and the seat's label. */
#define TICKET_LISTED_FIELDS(F, S)                                                                 \
    F(S, REF,     listing_id,    "listingId")                                                      \
    F(S, COUNT,   position,      "position")                                                       \
    F(S, NAME,    seat,          "seat")

/* imported: taken over from elsewhere, with the version it had there (boxoffice import). */
#define TICKET_CREATED_FIELDS(F, S)                                                                \
    TICKET_FIELDS(F, S)                                                                            \
    TICKET_LISTED_FIELDS(F, S)                                                                     \
    F(S, FLAG,    imported,      "imported")

/* withdrawn: its seller has taken it down; an order that was made before that may still have it. */
#define TICKET_UPDATED_FIELDS(F, S)                                                                \
    TICKET_FIELDS(F, S)                                                                            \
    TICKET_LISTED_FIELDS(F, S)                                                                     \
    F(S, REF,     order_id,      "orderId")                                                        \
    F(S, FLAG,    sold,          "sold")                                                           \
    F(S, FLAG,    withdrawn,     "withdrawn")

/* A ticket of a listing that its seller has taken down, once no order has it nor can get it. */
#define TICKET_CLOSED_FIELDS(F, S)                                                                 \
    F(S, ID,      id,            "id")

/* price: of one ticket. quantity: how many tickets were made. withdrawn: taken down for good. */
#define LISTING_FIELDS(F, S)                                                                       \
    F(S, ID,      id,            "id")                                                             \
    F(S, VERSION, version,       "version")                                                        \
    F(S, USER,    user_id,       "userId")                                                         \
    F(S, ID,      show_id,       "showId")                                                         \
    F(S, NAME,    section,       "section")                                                        \
    F(S, NAME,    row,           "row")                                                            \
    F(S, COUNT,   quantity,      "quantity")                                                       \
    F(S, TEXT,    split,         "split")                                                          \
    F(S, MONEY,   price_cents,   "price")                                                          \
    F(S, MONEY_REF, face_value_cents, "faceValue")                                                 \
    F(S, NAMES,   restrictions,  "restrictions")                                                   \
    F(S, TEXT,    delivery,      "delivery")                                                       \
    F(S, FLAG,    withdrawn,     "withdrawn")

/* What is left of a show's listings. id: the show's; lowest_cents: what the cheapest ticket costs in
 * full, where there is one. */
#define OFFERS_FIELDS(F, S)                                                                        \
    F(S, ID,      id,            "id")                                                             \
    F(S, VERSION, version,       "version")                                                        \
    F(S, MONEY_REF, lowest_cents, "lowestTotal")                                                   \
    F(S, COUNT,   available,     "available")

/* tickets: of an order of a listing alone, all of them; ticket is the first. */
#define ORDER_CREATED_FIELDS(F, S)                                                                 \
    F(S, ID,      id,            "id")                                                             \
    F(S, VERSION, version,       "version")                                                        \
    F(S, TEXT,    status,        "status")                                                         \
    F(S, USER,    user_id,       "userId")                                                         \
    F(S, TIME,    expires_at,    "expiresAt")                                                      \
    F(S, ID,      ticket_id,     "ticket.id")                                                      \
    F(S, MONEY,   price_cents,   "ticket.price")                                                   \
    F(S, NAME,    title,         "ticket.title")                                                   \
    F(S, TICKETS, tickets,       "tickets")                                                        \
    F(S, FLAG,    imported,      "imported")                                                       \
    F(S, HASH_REF, session,      "session")

#define ORDER_UPDATED_FIELDS(F, S)                                                                 \
    F(S, ID,      id,            "id")                                                             \
    F(S, VERSION, version,       "version")                                                        \
    F(S, TEXT,    status,        "status")                                                         \
    F(S, TIME,    expires_at,    "expiresAt")                                                      \
    F(S, ID,      ticket_id,     "ticket.id")

#define ORDER_CANCELLED_FIELDS(F, S)                                                               \
    F(S, ID,      id,            "id")                                                             \
    F(S, VERSION, version,       "version")                                                        \
    F(S, ID,      ticket_id,     "ticket.id")                                                      \
    F(S, TICKETS, tickets,       "tickets")

#define ORDER_COMPLETED_FIELDS(F, S)                                                               \
    F(S, ID,      id,            "id")                                                             \
    F(S, VERSION, version,       "version")                                                        \
    F(S, USER,    user_id,       "userId")                                                         \
    F(S, ID,      ticket_id,     "ticket.id")                                                      \
    F(S, MONEY,   price_cents,   "ticket.price")                                                   \
    F(S, NAME,    title,         "ticket.title")                                                   \
    F(S, TICKETS, tickets,       "tickets")

#define EXPIRATION_COMPLETE_FIELDS(F, S)                                                           \
    F(S, ID,      order_id,      "orderId")

#define PAYMENT_PENDING_FIELDS(F, S)                                                               \
    F(S, ID,      id,            "id")                                                             \
    F(S, ID,      order_id,      "orderId")

#define PAYMENT_CREATED_FIELDS(F, S)                                                               \
    F(S, ID,      id,            "id")                                                             \
    F(S, ID,      order_id,      "orderId")                                                        \
    F(S, TEXT,    stripe_id,     "stripeId")

#define PAYMENT_FAILED_FIELDS(F, S)                                                                \
    F(S, ID,      id,            "id")                                                             \
    F(S, ID,      order_id,      "orderId")                                                        \
    F(S, TEXT,    reason,        "reason")                                                         \
    F(S, FLAG,    declined,      "declined")

#define PAYMENT_REJECTED_FIELDS(F, S)                                                              \
    F(S, ID,      id,            "id")                                                             \
    F(S, ID,      order_id,      "orderId")                                                        \
    F(S, TEXT,    reason,        "reason")

#define PAYMENT_REFUNDED_FIELDS(F, S)                                                              \
    F(S, ID,      id,            "id")                                                             \
    F(S, ID,      order_id,      "orderId")                                                        \
    F(S, TEXT,    refund_id,     "refundId")                                                       \
    F(S, COUNT,   notice,        "notice")

/* notice: counts these and payment:refunded of one payment, so that the last word is known. */
#define PAYMENT_REFUND_FAILED_FIELDS(F, S)                                                         \
    F(S, ID,      id,            "id")                                                             \
    F(S, ID,      order_id,      "orderId")                                                        \
    F(S, TEXT,    reason,        "reason")                                                         \
    F(S, COUNT,   notice,        "notice")

#define VENUE_FIELDS(F, S)                                                                         \
    F(S, ID,      id,            "id")                                                             \
    F(S, VERSION, version,       "version")                                                        \
    F(S, TITLE,   name,          "name")                                                           \
    F(S, TITLE,   city,          "city")                                                           \
    F(S, TEXT,    country,       "country")                                                        \
    F(S, DEGREES, latitude,      "coordinates.latitude")                                           \
    F(S, DEGREES, longitude,     "coordinates.longitude")                                          \
    F(S, TEXT,    time_zone,     "timeZone")                                                       \
    F(S, TEXT,    status,        "status")                                                         \
    F(S, USER,    user_id,       "userId")                                                         \
    F(S, REF,     merged_into,   "mergedInto")

/* The local times: as the venue's clocks show them, with their offset. */
#define SHOW_FIELDS(F, S)                                                                          \
    F(S, ID,      id,            "id")                                                             \
    F(S, VERSION, version,       "version")                                                        \
    F(S, ID,      venue_id,      "venueId")                                                        \
    F(S, TITLE,   title,         "title")                                                          \
    F(S, NAMES,   performers,    "performers")                                                     \
    F(S, TEXT,    category,      "category")                                                       \
    F(S, TIME,    starts_at,     "startsAt")                                                       \
    F(S, TEXT,    starts_local,  "startsAtLocal")                                                  \
    F(S, TIME_REF, doors_at,     "doorsAt")                                                        \
    F(S, NAME,    doors_local,   "doorsAtLocal")                                                   \
    F(S, TEXT,    status,        "status")                                                         \
    F(S, COUNT,   max_per_buyer, "rules.maxPerBuyer")                                              \
    F(S, BOUND,   max_over_face_bps, "rules.maxOverFaceBps")                                       \
    F(S, USER,    user_id,       "userId")                                                         \
    F(S, REF,     merged_into,   "mergedInto")

/* status: valid or void. userId: the holder. */
#define ENTRY_UPDATED_FIELDS(F, S)                                                                 \
    F(S, ID,      id,            "id")                                                             \
    F(S, VERSION, version,       "version")                                                        \
    F(S, TEXT,    status,        "status")                                                         \
    F(S, USER,    user_id,       "userId")

/* showId: as it was issued, which it stays. */
#define ENTRY_CREATED_FIELDS(F, S)                                                                 \
    ENTRY_UPDATED_FIELDS(F, S)                                                                     \
    F(S, ID,      ticket_id,     "ticketId")                                                       \
    F(S, ID,      order_id,      "orderId")                                                        \
    F(S, ID,      show_id,       "showId")                                                         \
    F(S, TEXT,    serial,        "serial")

/* Once of an entry, ever. showId: as it is now. userId: the holder. offline: the gate let in by itself
 * and told of it later. */
#define ENTRY_ADMITTED_FIELDS(F, S)                                                                \
    F(S, ID,      id,            "id")                                                             \
    F(S, ID,      ticket_id,     "ticketId")                                                       \
    F(S, ID,      order_id,      "orderId")                                                        \
    F(S, ID,      show_id,       "showId")                                                         \
    F(S, ID,      gate_id,       "gateId")                                                         \
    F(S, USER,    user_id,       "userId")                                                         \
    F(S, TIME,    at,            "at")                                                             \
    F(S, FLAG,    offline,       "offline")

/* email: whom it is for, as it was typed. userId: who gives it. */
#define TRANSFER_CREATED_FIELDS(F, S)                                                              \
    F(S, ID,      id,            "id")                                                             \
    F(S, VERSION, version,       "version")                                                        \
    F(S, ID,      entry_id,      "entryId")                                                        \
    F(S, USER,    user_id,       "userId")                                                         \
    F(S, TEXT,    email,         "email")                                                          \
    F(S, TITLE,   title,         "title")

/* status: taken, withdrawn, declined or ended. title: of one that was taken alone. */
#define TRANSFER_UPDATED_FIELDS(F, S)                                                              \
    F(S, ID,      id,            "id")                                                             \
    F(S, VERSION, version,       "version")                                                        \
    F(S, ID,      entry_id,      "entryId")                                                        \
    F(S, TEXT,    status,        "status")                                                         \
    F(S, USER,    user_id,       "userId")                                                         \
    F(S, NAME,    title,         "title")

/*    enum                 struct               subject                publisher     fields */
#define EVENT_MAP(X)                                                                               \
    X(USER_CREATED,        user_created,        "user:created",        "auth",       USER_FIELDS)  \
    X(USER_UPDATED,        user_updated,        "user:updated",        "auth",       USER_UPDATED_FIELDS) \
    X(SESSION_ENDED,       session_ended,       "session:ended",       "auth",       SESSION_FIELDS) \
    X(SESSION_EXTENDED,    session_extended,    "session:extended",    "auth",       SESSION_FIELDS) \
    X(RESET_REQUESTED,     reset_requested,     "reset:requested",     "auth",       RESET_REQUESTED_FIELDS) \
    X(ADDRESS_REQUESTED,   address_requested,   "address:requested",   "auth",       ADDRESS_REQUESTED_FIELDS) \
    X(ADDRESS_CHANGED,     address_changed,     "address:changed",     "auth",       ADDRESS_CHANGED_FIELDS) \
    X(DEVICE_ADDED,        device_added,        "device:added",        "auth",       DEVICE_ADDED_FIELDS) \
    X(FACTOR_CHANGED,      factor_changed,      "factor:changed",      "auth",       FACTOR_CHANGED_FIELDS) \
    X(PASSWORD_CHANGED,    password_changed,    "password:changed",    "auth",       PASSWORD_CHANGED_FIELDS) \
    X(TICKET_CREATED,      ticket_created,      "ticket:created",      "tickets",    TICKET_CREATED_FIELDS) \
    X(TICKET_UPDATED,      ticket_updated,      "ticket:updated",      "tickets",    TICKET_UPDATED_FIELDS) \
    X(TICKET_CLOSED,       ticket_closed,       "ticket:closed",       "orders",     TICKET_CLOSED_FIELDS) \
    X(LISTING_CREATED,     listing_created,     "listing:created",     "tickets",    LISTING_FIELDS) \
    X(LISTING_UPDATED,     listing_updated,     "listing:updated",     "tickets",    LISTING_FIELDS) \
    X(OFFERS_UPDATED,      offers_updated,      "offers:updated",      "tickets",    OFFERS_FIELDS) \
    X(ORDER_CREATED,       order_created,       "order:created",       "orders",     ORDER_CREATED_FIELDS) \
    X(ORDER_UPDATED,       order_updated,       "order:updated",       "orders",     ORDER_UPDATED_FIELDS) \
    X(ORDER_CANCELLED,     order_cancelled,     "order:cancelled",     "orders",     ORDER_CANCELLED_FIELDS) \
    X(ORDER_COMPLETED,     order_completed,     "order:completed",     "orders",     ORDER_COMPLETED_FIELDS) \
    X(EXPIRATION_COMPLETE, expiration_complete, "expiration:complete", "expiration", EXPIRATION_COMPLETE_FIELDS) \
    X(PAYMENT_PENDING,     payment_pending,     "payment:pending",     "payments",   PAYMENT_PENDING_FIELDS) \
    X(PAYMENT_CREATED,     payment_created,     "payment:created",     "payments",   PAYMENT_CREATED_FIELDS) \
    X(PAYMENT_FAILED,      payment_failed,      "payment:failed",      "payments",   PAYMENT_FAILED_FIELDS) \
    X(PAYMENT_REJECTED,    payment_rejected,    "payment:rejected",    "orders",     PAYMENT_REJECTED_FIELDS) \
    X(PAYMENT_REFUNDED,    payment_refunded,    "payment:refunded",    "payments",   PAYMENT_REFUNDED_FIELDS) \
    X(PAYMENT_REFUND_FAILED, payment_refund_failed, "payment:refund_failed", "payments", PAYMENT_REFUND_FAILED_FIELDS) \
    X(VENUE_CREATED,       venue_created,       "venue:created",       "catalogue",  VENUE_FIELDS) \
    X(VENUE_UPDATED,       venue_updated,       "venue:updated",       "catalogue",  VENUE_FIELDS) \
    X(SHOW_CREATED,        show_created,        "show:created",        "catalogue",  SHOW_FIELDS)  \
    X(SHOW_UPDATED,        show_updated,        "show:updated",        "catalogue",  SHOW_FIELDS)  \
    X(ENTRY_CREATED,       entry_created,       "entry:created",       "entries",    ENTRY_CREATED_FIELDS) \
    X(ENTRY_UPDATED,       entry_updated,       "entry:updated",       "entries",    ENTRY_UPDATED_FIELDS) \
    X(ENTRY_ADMITTED,      entry_admitted,      "entry:admitted",      "entries",    ENTRY_ADMITTED_FIELDS) \
    X(TRANSFER_CREATED,    transfer_created,    "transfer:created",    "entries",    TRANSFER_CREATED_FIELDS) \
    X(TRANSFER_UPDATED,    transfer_updated,    "transfer:updated",    "entries",    TRANSFER_UPDATED_FIELDS)

enum event_type {
#define X(name, type, subject, publisher, fields) EVENT_##name,
    EVENT_MAP(X)
#undef X
    EVENT_TYPES /* how many; also: no such event */
};
/* clang-format on */

#define EVENT_C_ID        struct object_id
#define EVENT_C_REF       struct object_id
#define EVENT_C_VERSION   int64_t
#define EVENT_C_TEXT      struct str
#define EVENT_C_TITLE     struct str
#define EVENT_C_NAME      struct str
#define EVENT_C_USER      struct str
#define EVENT_C_MONEY     int64_t
#define EVENT_C_TIME      struct wall_ms
#define EVENT_C_FLAG      bool
#define EVENT_C_HASH      struct str
#define EVENT_C_HASH_REF  struct str
#define EVENT_C_COUNT     int64_t
#define EVENT_C_BOUND     int64_t
#define EVENT_C_TIME_REF  struct wall_ms
#define EVENT_C_DEGREES   int64_t
#define EVENT_C_NAMES     struct name_list
#define EVENT_C_MONEY_REF int64_t
#define EVENT_C_TICKETS   struct ordered_list

#define EVENT_MEMBER(S, kind, member, wire) EVENT_C_##kind member;
#define X(name, type, subject, publisher, fields)                                                  \
    struct type {                                                                                  \
        fields(EVENT_MEMBER, type)                                                                 \
    };
EVENT_MAP(X)
#undef X
#undef EVENT_MEMBER

/* Any decoded event. */
union event {
#define X(name, type, subject, publisher, fields) struct type type;
    EVENT_MAP(X)
#undef X
};

/* The row's columns. type < EVENT_TYPES. */
const char *event_subject(enum event_type type);
const char *event_publisher(enum event_type type);
/* EVENT_TYPES when the catalogue has no such subject. */
enum event_type event_type_of(struct str subject);

/* Appends the payload of docs/events.md to out. */
void event_encode(enum event_type type, const void *event, struct buf *out);
/* Texts live in the arena. ERR_INVALID with the reason in why ("version: must be a whole number, 0
 * or more") when the payload is not a valid event; unknown members are ignored. ERR_MEMORY: nobody
 * knows what it is. */
enum err event_decode(enum event_type type, struct arena *arena, struct str payload,
                      union event *event, struct buf *why);

/* Encodes and appends to the outbox in the caller's transaction. */
enum err event_publish(struct tx *tx, enum event_type type, const void *event);

/* publish_order_created(tx, &(struct order_created){…}) and so on, one for each row. */
#define X(name, type, subject, publisher, fields)                                                  \
    static inline enum err publish_##type(struct tx *tx, const struct type *event)                 \
    {                                                                                              \
        return event_publish(tx, EVENT_##name, event);                                             \
    }
EVENT_MAP(X)
#undef X

/* JSON Schema (2020-12) of one event; AsyncAPI 3.0 of the whole catalogue. */
void event_json_schema(enum event_type type, struct json_writer *writer);
void events_asyncapi(struct buf *out);

#endif
