/* bus/consumer.h: what a service does with its JetStream consumer, as a state machine: messages,
 * statuses, acknowledgements and the time go in, and commands come out, for whoever owns the
 * connection to carry out in their order. It asks for messages, keeps a bounded buffer filled with
 * them, and acknowledges what the service has committed.
 *
 * It knows no network, no thread and no clock: its owner guards it and says what time it is. */
#ifndef BUS_CONSUMER_H
#define BUS_CONSUMER_H

#include "base/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONSUMER_BUFFER_MAX 1024
#define CONSUMER_HELD_MAX   2048 /* messages that came and whose last command was not taken yet */
#define CONSUMER_PULL_MAX   512  /* messages asked for at once */
#define CONSUMER_PULL_MS    2000 /* the broker answers a request for messages by then */

/* A delivered message. handle: the owner's, for its commands; no two messages have the same. */
struct consumer_message {
    void *handle;
    int64_t stream_sequence, delivered; /* delivered: how often, this time included */
    struct wall_ms published_at;
};

enum consumer_action {
    CONSUMER_PULL,     /* ask for `count` messages, as request number `pull` */
    CONSUMER_PROGRESS, /* the message is in hand: it is not to be delivered again yet */
    CONSUMER_ACK,      /* it took effect; this and the two below are the last about a message */
    CONSUMER_NAK,      /* deliver it again after delay_ms; 0: at once, to whoever asks */
    CONSUMER_TERM      /* never deliver it again */
};

struct consumer_command {
    enum consumer_action action;
    void *handle;     /* of the message; NULL: CONSUMER_PULL */
    int64_t delay_ms; /* CONSUMER_NAK */
    int64_t pull;     /* CONSUMER_PULL … */
    size_t count;
};

#define CONSUMER_COMMANDS_MAX (CONSUMER_HELD_MAX + CONSUMER_BUFFER_MAX + 1)

struct consumer {
    struct consumer_message buffer[CONSUMER_BUFFER_MAX]; /* a ring */
    size_t buffer_first, buffer_count;
    struct consumer_command commands[CONSUMER_COMMANDS_MAX]; /* a ring */
    size_t command_first, command_count;
    size_t held;            /* messages that came and whose last command was not taken yet */
    size_t progress_queued; /* CONSUMER_PROGRESS among the commands */
    int64_t pull;           /* number of the latest request … */
    size_t pull_wanted;     /* … and how many it may still bring; 0: it is over */
    struct mono_ms pulled_at;
    struct mono_ms progress_at;
    bool takes;            /* this one, and not another replica, is given messages */
    bool setup_uncertain;  /* a status said that stream or consumer may be gone */
    int64_t last_sequence; /* the newest of the stream that came */
    int64_t pending;       /* in the stream, not delivered yet */
};

void consumer_init(struct consumer *consumer); /* of zeroed memory or a used one */

/* --- what comes in ------------------------------------------------------------------------- */

/* A message; pending: how many are left in the stream behind it. listened: the service listens to
 * its subject; else it is acknowledged at once. False: there is no room for it, and it stays the
 * owner's, who says so to the broker (a request whose end was lost may still bring some). */
bool consumer_message(struct consumer *consumer, const struct consumer_message *message,
                      int64_t pending, bool listened);
/* The broker says in what way the request number `pull` is over: "404", "408", "409", "503". */
void consumer_status(struct consumer *consumer, int64_t pull, int status);
/* The connection is gone, and with it what was asked for. Acknowledgements stay, for the next one.
 */
void consumer_lost(struct consumer *consumer);
/* Stream and consumer are there (again). same_stream: it is the one there was before. */
void consumer_set_up(struct consumer *consumer, bool same_stream);

/* Time has passed, or something has happened. takes: of the replicas this one is given messages;
 * able: connection and consumer are there to ask for them. */
enum consumer_state {
    CONSUMER_GOOD,
    CONSUMER_UNCERTAIN, /* stream and consumer have to be looked for … */
    CONSUMER_SILENT     /* … and no word came of what was asked for, for too long */
};
enum consumer_state consumer_tick(struct consumer *consumer, struct mono_ms now, bool takes,
                                  bool able);

/* --- the writer's side --------------------------------------------------------------------- */

/* Hands over at most max messages of the buffer, oldest first. Each has to be given back once, to
 * one of the three below, and its handle with it. */
size_t consumer_take(struct consumer *consumer, struct consumer_message *out, size_t max);
void consumer_ack(struct consumer *consumer, const struct consumer_message *message);
void consumer_term(struct consumer *consumer, const struct consumer_message *message);
/* Not now: it comes again, the later the more often it came. */
void consumer_nak(struct consumer *consumer, const struct consumer_message *message);
/* What nobody will take any more goes back at once: another replica, or the next start, need not
 * wait until the broker gives it up. */
void consumer_hand_back(struct consumer *consumer);

/* --- what comes out ------------------------------------------------------------------------ */

/* The next commands, at most max, in order. Of those that are a message's last the handle is the
 * owner's again. */
size_t consumer_commands(struct consumer *consumer, struct consumer_command *out, size_t max);
/* The next tick would ask for messages. */
bool consumer_has_room(const struct consumer *consumer);
/* It is given messages, and as far as it knows there is none that was not taken. */
bool consumer_caught_up(const struct consumer *consumer);
/* How many messages of the stream have not been taken, and its newest sequence. */
void consumer_lag(const struct consumer *consumer, int64_t *lag, int64_t *last);

#endif
