/* bus/consumer.c: see bus/consumer.h. */
#include "bus/consumer.h"

#include "base/err.h"

#include <string.h>

#define PULL_LOST_MS                                                                               \
    (CONSUMER_PULL_MS + 1500) /* no word of a request after that time: it is lost */
#define NAK_MS      200       /* doubling with each delivery up to … */
#define NAK_MS_MAX  5000
#define PROGRESS_MS 1000 /* between words to the broker that buffered messages are in hand */

enum { STATUS_NOT_FOUND = 404, STATUS_EXPIRED = 408, STATUS_CONFLICT = 409, STATUS_NOBODY = 503 };

void consumer_init(struct consumer *consumer)
{
    memset(consumer, 0, sizeof *consumer);
}

static void consumer_put(struct consumer *consumer, struct consumer_command command)
{
    size_t at = (consumer->command_first + consumer->command_count) % CONSUMER_COMMANDS_MAX;

    ASSERT(consumer->command_count < CONSUMER_COMMANDS_MAX);
    consumer->commands[at] = command;
    consumer->command_count++;
}

/* --- what comes in ------------------------------------------------------------------------- */

bool consumer_message(struct consumer *consumer, const struct consumer_message *message,
                      int64_t pending, bool listened)
{
    size_t at = (consumer->buffer_first + consumer->buffer_count) % CONSUMER_BUFFER_MAX;

    if (message->stream_sequence > consumer->last_sequence)
        consumer->last_sequence = message->stream_sequence;
    consumer->pending = pending;
    if (consumer->pull_wanted) consumer->pull_wanted--;
    if (consumer->held == CONSUMER_HELD_MAX) return false;
    if (listened && consumer->buffer_count == CONSUMER_BUFFER_MAX) return false;
    consumer->held++;
    if (!listened) {
        consumer_ack(consumer, message);
        return true;
    }
    consumer->buffer[at] = *message;
    consumer->buffer_count++;
    return true;
}

void consumer_status(struct consumer *consumer, int64_t pull, int status)
{
    if (pull == consumer->pull) consumer->pull_wanted = 0;
    /* It expired unfilled: nothing is left. What was left behind the last message, another replica
     * took. */
    if (pull == consumer->pull && status == STATUS_EXPIRED) consumer->pending = 0;
    if (status == STATUS_NOT_FOUND || status == STATUS_CONFLICT || status == STATUS_NOBODY)
        consumer->setup_uncertain = true;
}

void consumer_lost(struct consumer *consumer)
{
    size_t count = consumer->command_count;

    consumer->pull_wanted = 0;
    consumer->command_count = 0;
    for (size_t i = 0; i < count; i++) {
        size_t at = (consumer->command_first + i) % CONSUMER_COMMANDS_MAX;

        if (consumer->commands[at].action != CONSUMER_PULL)
            consumer_put(consumer, consumer->commands[at]);
    }
}

void consumer_set_up(struct consumer *consumer, bool same_stream)
{
    if (!same_stream) consumer->last_sequence = consumer->pending = 0;
    consumer->setup_uncertain = false;
}

/* What waits in the buffer for long is not delivered again meanwhile. */
static void consumer_progress(struct consumer *consumer, struct mono_ms now)
{
    if (!mono_reached(now, consumer->progress_at)) return;
    consumer->progress_at = mono_after(now, PROGRESS_MS);
    if (consumer->progress_queued) return;
    for (size_t i = 0; i < consumer->buffer_count; i++) {
        size_t at = (consumer->buffer_first + i) % CONSUMER_BUFFER_MAX;

        consumer_put(consumer, (struct consumer_command){.action = CONSUMER_PROGRESS,
                                                         .handle = consumer->buffer[at].handle});
        consumer->progress_queued++;
    }
}

bool consumer_has_room(const struct consumer *consumer)
{
    return !consumer->pull_wanted && consumer->buffer_count <= CONSUMER_PULL_MAX / 2;
}

static void consumer_pull(struct consumer *consumer, struct mono_ms now)
{
    if (!consumer_has_room(consumer)) return;
    consumer->pull_wanted = CONSUMER_PULL_MAX - consumer->buffer_count;
    consumer->pulled_at = now;
    consumer_put(consumer, (struct consumer_command){.action = CONSUMER_PULL,
                                                     .pull = ++consumer->pull,
                                                     .count = consumer->pull_wanted});
}

enum consumer_state consumer_tick(struct consumer *consumer, struct mono_ms now, bool takes,
                                  bool able)
{
    consumer->takes = takes;
    if (!takes) consumer->pending = 0; /* not this one's to tell */
    if (consumer->pull_wanted && mono_since(now, consumer->pulled_at) > PULL_LOST_MS) {
        consumer->pull_wanted = 0;
        return CONSUMER_SILENT;
    }
    if (consumer->setup_uncertain) return CONSUMER_UNCERTAIN;
    if (!able) return CONSUMER_GOOD;
    if (takes) consumer_pull(consumer, now);
    consumer_progress(consumer, now);
    return CONSUMER_GOOD;
}

/* --- the writer's side --------------------------------------------------------------------- */

size_t consumer_take(struct consumer *consumer, struct consumer_message *out, size_t max)
{
    size_t count = consumer->buffer_count < max ? consumer->buffer_count : max;

    for (size_t i = 0; i < count; i++)
        out[i] = consumer->buffer[(consumer->buffer_first + i) % CONSUMER_BUFFER_MAX];
    consumer->buffer_first = (consumer->buffer_first + count) % CONSUMER_BUFFER_MAX;
    consumer->buffer_count -= count;
    return count;
}

void consumer_ack(struct consumer *consumer, const struct consumer_message *message)
{
    consumer_put(consumer,
                 (struct consumer_command){.action = CONSUMER_ACK, .handle = message->handle});
}

void consumer_term(struct consumer *consumer, const struct consumer_message *message)
{
    consumer_put(consumer,
                 (struct consumer_command){.action = CONSUMER_TERM, .handle = message->handle});
}

void consumer_nak(struct consumer *consumer, const struct consumer_message *message)
{
    int64_t delay_ms = NAK_MS;

    for (int64_t i = 1; i < message->delivered && delay_ms < NAK_MS_MAX; i++)
        delay_ms *= 2;
    if (delay_ms > NAK_MS_MAX) delay_ms = NAK_MS_MAX;
    consumer_put(consumer, (struct consumer_command){.action = CONSUMER_NAK,
                                                     .handle = message->handle,
                                                     .delay_ms = delay_ms});
}

void consumer_hand_back(struct consumer *consumer)
{
    struct consumer_message message;

    while (consumer_take(consumer, &message, 1))
        consumer_put(consumer,
                     (struct consumer_command){.action = CONSUMER_NAK, .handle = message.handle});
}

/* --- what comes out ------------------------------------------------------------------------ */

size_t consumer_commands(struct consumer *consumer, struct consumer_command *out, size_t max)
{
    size_t count = consumer->command_count < max ? consumer->command_count : max;

    for (size_t i = 0; i < count; i++) {
        size_t at = (consumer->command_first + i) % CONSUMER_COMMANDS_MAX;

        out[i] = consumer->commands[at];
        if (out[i].action == CONSUMER_PROGRESS)
            consumer->progress_queued--;
        else if (out[i].action != CONSUMER_PULL)
            consumer->held--;
    }
    consumer->command_first = (consumer->command_first + count) % CONSUMER_COMMANDS_MAX;
    consumer->command_count -= count;
    return count;
}

bool consumer_caught_up(const struct consumer *consumer)
{
    return consumer->takes && consumer->buffer_count == 0 && consumer->pending == 0;
}

void consumer_lag(const struct consumer *consumer, int64_t *lag, int64_t *last)
{
    *last = consumer->last_sequence + consumer->pending;
    *lag = consumer->pending + (int64_t)consumer->buffer_count;
}
