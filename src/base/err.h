/* base/err.h: every way a call can end, in one table.
 *
 * Each function that can fail returns enum err. A row gives the number's name, the HTTP status a
 * client sees, the stable code for programs, the default message (docs/openapi.json words where the
 * contract has them) and what the bus does with an event whose listener ended so. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

/* What becomes of a delivered event. */
enum verdict {
    VERDICT_APPLIED, /* took effect; acknowledge */
    VERDICT_SEEN,    /* took effect earlier, or means nothing here; acknowledge */
    VERDICT_EARLY,   /* an earlier version is missing; set aside until it arrives */
    VERDICT_RETRY,   /* cannot be applied now (disk full, database away); deliver again */
    VERDICT_DEAD     /* can never be applied; dead-letter with its reason */
};
#define VERDICTS (VERDICT_DEAD + 1)

/* clang-format off */
/*    name                     status  code                   message                     verdict */
#define ERR_MAP(X)                                                                                 \
    X(OK,                      200, "ok",                    "",                          APPLIED) \
    X(ERR_INVALID,             400, "invalid",               "Invalid value",             DEAD)    \
    X(ERR_BAD_REQUEST,         400, "bad_request",           "Something went wrong",      DEAD)    \
    X(ERR_NOT_AUTHORIZED,      401, "not_authorized",        "Not authorized",            DEAD)    \
    X(ERR_GATE_REVOKED,        401, "gate_revoked",          "The key of this gate was taken back, ask for another one", DEAD) \
    X(ERR_CROSS_SITE,          403, "cross_site",            "Request came from another site", DEAD) \
    X(ERR_NOT_FOUND,           404, "not_found",             "Not Found",                 DEAD)    \
    X(ERR_TIMEOUT,             408, "request_timeout",       "Request took too long",     RETRY)   \
    X(ERR_TOO_LARGE,           413, "body_too_large",        "Body must be 64 KiB or less", DEAD)  \
    X(ERR_HEADERS_TOO_LARGE,   431, "headers_too_large",     "Headers must be 16 KiB or less", DEAD) \
    X(ERR_BUSY,                429, "too_many_requests",     "Too many requests, try again soon", RETRY) \
    X(ERR_EXPECTATION,         417, "expectation_failed",    "Only Expect: 100-continue is understood", DEAD) \
    X(ERR_MISDIRECTED,         421, "misdirected",           "Ask for monitoring by address, localhost, or a name without a dot", DEAD) \
    X(ERR_INTERNAL,            500, "internal",              "Something went wrong",      RETRY)   \
    X(ERR_UNREADABLE,          500, "unreadable_row",        "Something went wrong",      DEAD)    \
    X(ERR_UNAVAILABLE,         503, "unavailable",           "Service is not available, try again soon", RETRY) \
    X(ERR_QUEUE_FULL,          503, "queue_full",            "Service is at its limit, try again soon", RETRY) \
    X(ERR_NOT_YET,             503, "not_yet",               "This was made a moment ago, try again soon", RETRY) \
    X(ERR_DISK_FULL,           503, "disk_full",             "Service cannot store data now, try again soon", RETRY) \
    X(ERR_IO,                  503, "storage_failed",        "Service cannot store data now, try again soon", RETRY) \
    X(ERR_COMMIT_UNKNOWN,      503, "outcome_unknown",       "The outcome is unknown, look before trying again", RETRY) \
    X(ERR_CONTENTION,          503, "contention",            "Too many at once, try again soon", RETRY) \
    X(ERR_STOPPING,            503, "stopping",              "Service is stopping, try again soon", RETRY) \
    X(ERR_LOCKED,              503, "locked",                "Another process uses this database", RETRY) \
    X(ERR_CONFLICT,            409, "conflict",              "Already exists",            DEAD)    \
    X(ERR_MEMORY,              503, "out_of_memory",         "Service is at its limit, try again soon", RETRY) \
    X(ERR_EMAIL_IN_USE,        400, "email_in_use",          "Email in use",              DEAD)    \
    X(ERR_BAD_CREDENTIALS,     400, "invalid_credentials",   "Invalid credentials",       DEAD)    \
    X(ERR_FACTOR_REQUIRED,     401, "factor_required",       "A code of your app is needed as well", DEAD) \
    X(ERR_FACTOR_OVER,         400, "factor_over",           "That took too long, sign in again", DEAD) \
    X(ERR_LINK_USED,           400, "link_used",             "This link was used or is too old", DEAD) \
    X(ERR_ADDRESS_UNCONFIRMED, 403, "address_unconfirmed",   "Confirm your email address first, by a link that is mailed to you", DEAD) \
    X(ERR_TICKET_LOCKED,       400, "ticket_locked",         "Cannot edit a reserved ticket", DEAD) \
    X(ERR_TICKET_WITHDRAWN,    410, "ticket_withdrawn",      "This ticket was taken down", DEAD)   \
    X(ERR_TICKET_HELD,         409, "ticket_held",           "Cannot take down a reserved ticket", DEAD) \
    X(ERR_TICKET_SOLD,         409, "ticket_sold",           "Cannot take down a sold ticket", DEAD) \
    X(ERR_TICKET_LISTED,       409, "ticket_of_listing",     "This ticket is one of a listing, change the listing", DEAD) \
    X(ERR_LISTING_WITHDRAWN,   410, "listing_withdrawn",     "This listing was taken down", DEAD) \
    X(ERR_SEAT_TAKEN,          409, "seat_taken",            "One of these seats is on the market already, leave it out", DEAD) \
    X(ERR_SPLIT,               409, "split",                 "The seller does not sell so many of these tickets at a time, choose another number", DEAD) \
    X(ERR_TOO_FEW,             409, "too_few",               "So many of these tickets are not left, order fewer", DEAD) \
    X(ERR_NOT_TOGETHER,        409, "not_together",          "So many seats are left, but not side by side, order fewer", DEAD) \
    X(ERR_MAX_PER_BUYER,       409, "max_per_buyer",         "This show allows each buyer fewer tickets, order fewer", DEAD) \
    X(ERR_TOTAL_TOO_HIGH,      400, "total_too_high",        "Together these tickets cost more than can be paid at once, order fewer", DEAD) \
    X(ERR_SPLIT_LEFT,          409, "split_left",            "What would be left does not obey the split: change the split first, or take the whole listing down", DEAD) \
    X(ERR_OWN_LISTING,         409, "own_listing",           "This is your own listing, take it down instead", DEAD) \
    X(ERR_SHOW_PROPOSED,       409, "show_proposed",         "This show is not accepted yet, come again later", DEAD) \
    X(ERR_SHOW_STARTED,        409, "show_started",          "This show has started, nothing of it is sold any more", DEAD) \
    X(ERR_SHOW_CANCELLED,      409, "show_cancelled",        "This show was cancelled, nothing of it is sold any more", DEAD) \
    X(ERR_TOO_MANY_LISTED,     429, "too_many_listed",       "Too many of your tickets are on the market, take some down first", RETRY) \
    X(ERR_TICKET_RESERVED,     400, "ticket_reserved",       "Ticket is already reserved", DEAD)   \
    X(ERR_TOO_MANY_UNPAID,     429, "too_many_unpaid_orders", "Too many unpaid orders, pay for one or give one back", RETRY) \
    X(ERR_HELD_TOO_OFTEN,      429, "held_too_often",        "You have held this ticket before, try again later", RETRY) \
    X(ERR_PRICE_TOO_LOW,       400, "price_below_minimum",   "This ticket cannot be paid for at its price", DEAD) \
    X(ERR_PRICE_CHANGED,       409, "price_changed",         "The price has changed",     DEAD)    \
    X(ERR_ORDER_COMPLETE,      400, "order_complete",        "Cannot cancel a completed order", DEAD) \
    X(ERR_ORDER_CANCELLED,     400, "order_cancelled",       "Cannot pay for a cancelled order", DEAD) \
    X(ERR_ORDER_PAID,          400, "order_paid",            "Order is already paid",     DEAD)    \
    X(ERR_ENTRY_VOID,          409, "entry_void",            "This ticket is void, nobody gets in by it", DEAD) \
    X(ERR_ENTRY_USED,          409, "entry_used",            "Somebody was let in by this ticket already", DEAD) \
    X(ERR_TRANSFER_WAITING,    409, "transfer_waiting",      "This ticket is on its way to somebody already, take it back first", DEAD) \
    X(ERR_TRANSFER_OVER,       409, "transfer_over",         "This ticket was taken, taken back or declined, or its time to be taken is over", DEAD) \
    X(ERR_TRANSFER_LATE,       409, "transfer_late",         "Tickets change hands until two hours before the show", DEAD) \
    X(ERR_CARD_DECLINED,       402, "card_declined",         "Your card was declined.",   DEAD)    \
    X(ERR_TOO_MANY_DECLINES,   429, "too_many_declines",     "Too many payments came to nothing, try again later", RETRY) \
    X(ERR_PAYMENT_REFUSED,     400, "payment_refused",       "The payment could not be made", DEAD) \
    X(ERR_PAYMENT_PENDING,     503, "payment_pending",       "The payment is being processed, try again soon", RETRY) \
    X(ERR_KEY_REUSED,          409, "idempotency_key_reused", "Idempotency-Key was used with another request", DEAD) \
    X(ERR_NOT_REFUNDABLE,      409, "not_refundable",        "There is no money to give back", DEAD) \
    X(ERR_VERSION_CHANGED,     409, "version_changed",       "Somebody changed it meanwhile, look at it again", DEAD) \
    X(ERR_WRONG_STATUS,        409, "wrong_status",          "That cannot be done with what it is now, look at it again", DEAD) \
    X(ERR_MERGED,              409, "merged",                "It was merged into another one, change that one", DEAD) \
    X(ERR_MERGE_TARGET,        409, "merge_target",          "It can only be merged into another one that was accepted and still stands", DEAD) \
    X(ERR_SHOW_PAST,           409, "show_past",             "The time of this show is over, correct it first", DEAD) \
    X(ERR_SHOW_TIME,           409, "show_time",             "The local time of a show there does not exist in that time zone, correct the show first", DEAD) \
    X(ERR_VENUE_PROPOSED,      409, "venue_proposed",        "The venue of this show is not accepted yet, accept it first", DEAD) \
    X(ERR_TOO_MANY_GATES,      409, "too_many_gates",        "This show has as many gates as it can, use one of them", DEAD) \
    X(ERR_TOO_MANY_PROPOSALS,  429, "too_many_proposals",    "Too many of your proposals wait to be looked at, try again later", RETRY) \
    X(ERR_BAD_SIGNATURE,       400, "bad_signature",         "Invalid signature",         DEAD)

enum err {
#define X(name, status, code, message, verdict) name,
    ERR_MAP(X)
#undef X
    ERR_COUNT
};
/* clang-format on */

/* The columns of the table. Threads: any. The strings are constants. */
int err_status(enum err err);
const char *err_code(enum err err);
const char *err_message(enum err err);
enum verdict err_verdict(enum err err);

/* Call, check, go to done: (style: one way out of a function). Needs `enum err err` in scope. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        if ((err = (call)) != OK) goto done;                                                       \
    } while (0)

/* A broken invariant stops the program before it lies. Stays on in release builds. */
#define ASSERT(condition) ((condition) ? (void)0 : assert_failed(#condition, __FILE__, __LINE__))
_Noreturn void assert_failed(const char *condition, const char *file, int line);
/* Who says what was broken, before the end; until then it is a plain line on standard error. Once,
 * before there are threads. */
typedef void assert_report_fn(const char *condition, const char *file, int line);
void assert_report_by(assert_report_fn *report);

#endif
