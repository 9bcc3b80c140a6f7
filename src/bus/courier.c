/* bus/courier.c: see bus/courier.h. What comes in runs in a thread of the NATS library, the rest in
 * the courier's own.
 *
 * One consumer a service, for all subjects: a consumer has one filter at most (server 2.9), and one
 * a subject would deliver an entity's events out of order. What the service does not listen to is
 * acknowledged as it comes. */
#include "bus/courier.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS        200
#define PULL_MAX       512 /* events asked for at once; a late answer may come on top of a new one */
#define PULL_EXPIRES_S 2
#define PULL_LOST_MS   3500 /* no word of a request after that time: it is lost */
#define FAILURES_MAX   3    /* in a row; then the connection is opened anew */
#define OPEN_PAUSE_MS  250  /* doubling up to … */
#define OPEN_PAUSE_MAX 2000
#define NAK_MS         200 /* doubling with each delivery up to … */
#define NAK_MS_MAX     5000
#define PROGRESS_MS    1000 /* between words to the broker that buffered events are in hand */

/* Under the lock. */
static void wake(struct courier *courier)
{
    if (!courier->poked) pthread_cond_signal(&courier->wake);
    courier->poked = true;
}

void courier_poke(struct courier *courier)
{
    pthread_mutex_lock(&courier->lock);
    wake(courier);
    pthread_mutex_unlock(&courier->lock);
}

static void poke_writer(void *context)
{
    const struct subscription *sub = ((struct courier *)context)->sub;

    sub->who.poke(sub->who.context);
}

/* --- what comes in; the library's thread --------------------------------------------------- */

static struct str text_of(natsMsg *message)
{
    return (struct str){natsMsg_GetData(message), (size_t)natsMsg_GetDataLength(message)};
}

struct str parcel_text(const struct parcel *parcel)
{
    return text_of(parcel->message);
}

/* The numbers at the end of an acknowledgement subject (JetStream wire API):
 * …STREAM.CONSUMER.delivered.stream_seq.consumer_seq.nanoseconds.pending, and with a domain one
 * more token behind them. */
static bool read_metadata(const char *reply, int64_t numbers[5])
{
    struct str tokens[12];
    size_t count = 0;

    for (const char *at = reply; at && count < 12; count++) {
        const char *dot = strchr(at, '.');

        tokens[count] = (struct str){at, dot ? (size_t)(dot - at) : strlen(at)};
        at = dot ? dot + 1 : NULL;
    }
    if (count != 9 && count < 11) return false;
    for (size_t i = 0; i < 5; i++)
        if (!str_to_int64(tokens[(count == 9 ? 4 : 6) + i], &numbers[i])) return false;
    return true;
}

/* Under the lock. Answers of an event that finds no room are lost: it comes again, and is known. */
static void answer(struct courier *courier, natsMsg *message, const char *text)
{
    struct answer *slot = &courier->answers[courier->answer_count];

    if (courier->answer_count == ANSWERS_MAX) {
        natsMsg_Destroy(message);
        return;
    }
    courier->answer_count++;
    slot->message = message;
    snprintf(slot->text, sizeof slot->text, "%s", text);
    wake(courier);
}

/* INBOX.p.N: the request N is over. */
static void on_status(struct courier *courier, const char *subject, natsMsg *message)
{
    const char *status = "";
    int64_t pull;

    (void)natsMsgHeader_Get(message, "Status", &status);
    if (!str_to_int64(str_of(subject), &pull) || strcmp(status, "100") == 0) return;
    pthread_mutex_lock(&courier->lock);
    if (pull == courier->pull) courier->pull_wanted = 0;
    /* It expired unfilled: nothing is left. What was left with the last event, another replica
     * took. */
    if (pull == courier->pull && strcmp(status, "408") == 0) courier->pending = 0;
    if (strcmp(status, "409") == 0 || strcmp(status, "503") == 0 || strcmp(status, "404") == 0)
        courier->look_at_setup = true;
    wake(courier);
    pthread_mutex_unlock(&courier->lock);
}

static void on_event(struct courier *courier, natsConnection *connection, natsMsg *message)
{
    const char *reply = natsMsg_GetReply(message);
    bool heard, wake_writer = false;
    int64_t numbers[5];

    if (!read_metadata(reply, numbers)) {
        natsMsg_Destroy(message);
        return;
    }
    heard = bus_listed(courier->sub->who.subjects, str_of(natsMsg_GetSubject(message)));
    pthread_mutex_lock(&courier->lock);
    if (numbers[1] > courier->last_sequence) courier->last_sequence = numbers[1];
    courier->pending = numbers[4];
    if (courier->pull_wanted && --courier->pull_wanted == 0) wake(courier);
    if (heard && courier->buffer_count < BUFFER_MAX) {
        size_t at = (courier->buffer_first + courier->buffer_count++) % BUFFER_MAX;

        wake_writer = courier->buffer_count == 1;
        courier->buffer[at] =
            (struct parcel){message, numbers[1], numbers[0], numbers[3] / 1000000};
        message = NULL;
    }
    pthread_mutex_unlock(&courier->lock);
    if (wake_writer) poke_writer(courier);
    if (!message) return;
    (void)natsConnection_PublishString(connection, reply, heard ? "-NAK" : "+ACK");
    natsMsg_Destroy(message);
}

static void on_message(natsConnection *connection, natsSubscription *subscription, natsMsg *message,
                       void *context)
{
    struct courier *courier = context;
    const char *subject = natsMsg_GetSubject(message);
    size_t inbox = strlen(courier->link.inbox);
    int64_t sequence;

    (void)subscription;
    if (strncmp(subject, courier->link.inbox, inbox) != 0) {
        on_event(courier, connection, message);
        return;
    }
    subject += inbox;
    if (strncmp(subject, ".a.", 3) == 0 && str_to_int64(str_of(subject + 3), &sequence))
        relay_acknowledged(&courier->relay, sequence, text_of(message),
                           clock_now_ms(&clock_system));
    else if (strncmp(subject, ".p.", 3) == 0)
        on_status(courier, subject + 3, message);
    natsMsg_Destroy(message);
}

/* --- the courier's thread ------------------------------------------------------------------ */

static void disconnect(struct courier *courier)
{
    if (courier->link.connection) {
        link_close(&courier->link);
        log_event(LOG_WARN, courier->sub->who.service, "nats.disconnected",
                  log_int("failures", courier->failures));
    }
    relay_lost(&courier->relay);
    courier->set_up = false;
    courier->failures = 0;
    pthread_mutex_lock(&courier->lock);
    courier->pull_wanted = 0;
    pthread_mutex_unlock(&courier->lock);
}

static bool connected(struct courier *courier, int64_t now_ms)
{
    char name[128], host[64] = "";

    if (courier->link.connection &&
        (link_broken(&courier->link) || courier->failures > FAILURES_MAX))
        disconnect(courier);
    if (courier->link.connection) return true;
    if (now_ms < courier->open_at_ms) return false;
    /* Told apart in the broker's own figures: a pod's host name is the pod's. */
    (void)gethostname(host, sizeof host - 1);
    snprintf(name, sizeof name, "boxoffice-%s@%s", courier->sub->who.service, host);
    if (link_open(&courier->link, &courier->sub->bus->broker, name, on_message, courier) == OK) {
        courier->open_pause_ms = OPEN_PAUSE_MS;
        return true;
    }
    courier->open_at_ms = clock_now_ms(&clock_system) + courier->open_pause_ms;
    courier->open_pause_ms *= 2;
    if (courier->open_pause_ms > OPEN_PAUSE_MAX) courier->open_pause_ms = OPEN_PAUSE_MAX;
    return false;
}

static enum err make_consumer(struct courier *courier, bool same_stream)
{
    const struct subscriber *who = &courier->sub->who;

    if (!*who->subjects) return OK;
    if (!who->every_instance) {
        snprintf(courier->consumer, sizeof courier->consumer, "%s", who->service);
        return link_consumer(&courier->link, who->service);
    }
    return link_own_consumer(&courier->link, same_stream ? courier->last_sequence : 0,
                             courier->consumer);
}

/* Stream and consumer are there. */
static bool set_up(struct courier *courier)
{
    const struct subscriber *who = &courier->sub->who;
    char stream[NAME_BYTES_MAX + 1];
    int64_t created_ms = 0;
    bool same;
    enum err err = OK;

    if (courier->set_up) return true;
    TRY(link_stream(&courier->link, &courier->sub->bus->broker, &created_ms));
    snprintf(stream, sizeof stream, "%s@%lld", STREAM_NAME, (long long)created_ms);
    pthread_mutex_lock(&courier->lock);
    same = strcmp(courier->stream, stream) == 0;
    if (!same) courier->last_sequence = courier->pending = 0;
    memcpy(courier->stream, stream, sizeof stream);
    courier->look_at_setup = false;
    pthread_mutex_unlock(&courier->lock);
    TRY(make_consumer(courier, same));
    log_event(LOG_INFO, who->service, "nats.ready",
              log_text("consumer", str_of(courier->consumer)));
    courier->link.complained = false;
    courier->set_up = true;
    courier->failures = 0;
    atomic_store(&courier->ready, true);
done:
    if (err) courier->failures++;
    return err == OK;
}

static void send_answers(struct courier *courier)
{
    static const size_t at_once = 256;
    struct answer answers[256];
    size_t count;

    do {
        pthread_mutex_lock(&courier->lock);
        count = courier->answer_count < at_once ? courier->answer_count : at_once;
        courier->answer_count -= count;
        memcpy(answers, courier->answers, count * sizeof *answers);
        memmove(courier->answers, courier->answers + count,
                courier->answer_count * sizeof *answers);
        pthread_mutex_unlock(&courier->lock);
        for (size_t i = 0; i < count; i++) {
            (void)natsConnection_PublishString(
                courier->link.connection, natsMsg_GetReply(answers[i].message), answers[i].text);
            natsMsg_Destroy(answers[i].message);
        }
    } while (count);
}

/* What waits in the buffer for long is not delivered again meanwhile. */
static void say_progress(struct courier *courier, int64_t now_ms)
{
    if (now_ms < courier->progress_at_ms) return;
    courier->progress_at_ms = now_ms + PROGRESS_MS;
    pthread_mutex_lock(&courier->lock);
    for (size_t i = 0; i < courier->buffer_count; i++) {
        natsMsg *message = courier->buffer[(courier->buffer_first + i) % BUFFER_MAX].message;

        (void)natsConnection_PublishString(courier->link.connection, natsMsg_GetReply(message),
                                           "+WPI");
    }
    pthread_mutex_unlock(&courier->lock);
}

/* Of a service's replicas the one that relays takes the events, too: the broker gives each of two
 * that ask every other event, and an entity's events would overtake each other on the way. The
 * others stand by; what this one had in hand when it fell is delivered again. */
static bool takes_events(const struct courier *courier)
{
    return courier->sub->who.every_instance || courier->relay.leased;
}

/* How many to ask for now; 0: enough is on its way. */
static size_t pull_size(struct courier *courier, int64_t now_ms)
{
    size_t room = 0;

    pthread_mutex_lock(&courier->lock);
    if (!takes_events(courier)) courier->pending = 0; /* not this one's to tell */
    if (courier->pull_wanted && now_ms - courier->pull_ms > PULL_LOST_MS) {
        courier->pull_wanted = 0;
        courier->failures++;
        courier->set_up = false;
    }
    if (courier->look_at_setup) courier->set_up = false;
    if (!courier->pull_wanted && courier->buffer_count <= PULL_MAX / 2)
        room = PULL_MAX - courier->buffer_count;
    if (!*courier->consumer || !courier->set_up || !takes_events(courier)) room = 0;
    if (room) {
        courier->pull++;
        courier->pull_wanted = room;
        courier->pull_ms = now_ms;
    }
    pthread_mutex_unlock(&courier->lock);
    return room;
}

static void pull(struct courier *courier, int64_t now_ms)
{
    size_t size = pull_size(courier, now_ms);
    char subject[128], reply[INBOX_BYTES + 32], body[96];

    if (!size) return;
    snprintf(subject, sizeof subject, "$JS.API.CONSUMER.MSG.NEXT.%s.%s", STREAM_NAME,
             courier->consumer);
    snprintf(reply, sizeof reply, "%s.p.%lld", courier->link.inbox, (long long)courier->pull);
    snprintf(body, sizeof body, "{\"batch\":%zu,\"expires\":%d000000000}", size, PULL_EXPIRES_S);
    (void)natsConnection_PublishRequestString(courier->link.connection, subject, reply, body);
}

/* Until poked, or until that time has passed. False: stop. */
static bool wait_for_poke(struct courier *courier, int64_t most_ms)
{
    struct timespec until;
    int code = 0;
    bool go_on;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += most_ms * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&courier->lock);
    while (!courier->poked && !courier->stopping && !courier->relay.more && code == 0)
        code = pthread_cond_timedwait(&courier->wake, &courier->lock, &until);
    courier->poked = false;
    go_on = !courier->stopping;
    pthread_mutex_unlock(&courier->lock);
    return go_on;
}

/* Without a connection, or set up in vain, a poke changes nothing: a tick is waited for in full. */
static bool pause_a_tick(struct courier *courier)
{
    courier->relay.more = false;
    pthread_mutex_lock(&courier->lock);
    courier->poked = false;
    pthread_mutex_unlock(&courier->lock);
    return wait_for_poke(courier, TICK_MS);
}

/* What nobody will take here: another replica, or the next start, need not wait until the broker
 * gives it up. */
static void hand_back(struct courier *courier)
{
    struct parcel parcel;

    while (courier_take(courier, &parcel, 1)) {
        (void)natsConnection_PublishString(courier->link.connection,
                                           natsMsg_GetReply(parcel.message), "-NAK");
        natsMsg_Destroy(parcel.message);
    }
}

static void *courier_main(void *context)
{
    struct courier *courier = context;
    bool go_on = true;

    while (go_on) {
        int64_t now_ms = clock_now_ms(&clock_system);

        if (!connected(courier, now_ms) || !set_up(courier)) {
            go_on = pause_a_tick(courier);
            continue;
        }
        send_answers(courier);
        if (!relay_run(&courier->relay, &courier->link, now_ms)) courier->set_up = false;
        pull(courier, now_ms);
        say_progress(courier, now_ms);
        go_on = wait_for_poke(courier, courier->relay.leased ? courier->relay.look_ms : TICK_MS);
    }
    if (courier->link.connection) {
        send_answers(courier);
        link_quiet(&courier->link, TICK_MS); /* or else what is handed back came here again */
        hand_back(courier);
        (void)natsConnection_FlushTimeout(courier->link.connection, TICK_MS);
        link_close(&courier->link);
    }
    return NULL;
}

/* --- opening and closing ------------------------------------------------------------------- */

struct courier *courier_open(const struct subscription *sub, const struct bus_source *source)
{
    struct courier *courier = calloc(1, sizeof *courier);
    pthread_condattr_t monotonic;

    if (!courier) return NULL;
    courier->sub = sub;
    courier->open_pause_ms = OPEN_PAUSE_MS;
    link_init(&courier->link);
    pthread_mutex_init(&courier->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&courier->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    relay_init(&courier->relay, source, sub->bus->broker.subjects, poke_writer, courier);
    courier->thread_runs = pthread_create(&courier->thread, NULL, courier_main, courier) == 0;
    if (courier->thread_runs) return courier;
    courier_close(courier);
    return NULL;
}

void courier_close(struct courier *courier)
{
    pthread_mutex_lock(&courier->lock);
    courier->stopping = true;
    pthread_cond_signal(&courier->wake);
    pthread_mutex_unlock(&courier->lock);
    if (courier->thread_runs) pthread_join(courier->thread, NULL);
    for (size_t i = 0; i < courier->buffer_count; i++)
        natsMsg_Destroy(courier->buffer[(courier->buffer_first + i) % BUFFER_MAX].message);
    for (size_t i = 0; i < courier->answer_count; i++)
        natsMsg_Destroy(courier->answers[i].message);
    relay_free(&courier->relay);
    link_free(&courier->link);
    pthread_cond_destroy(&courier->wake);
    pthread_mutex_destroy(&courier->lock);
    free(courier);
}

/* --- the writer ---------------------------------------------------------------------------- */

size_t courier_take(struct courier *courier, struct parcel *out, size_t max)
{
    size_t count;

    pthread_mutex_lock(&courier->lock);
    count = courier->buffer_count < max ? courier->buffer_count : max;
    for (size_t i = 0; i < count; i++)
        out[i] = courier->buffer[(courier->buffer_first + i) % BUFFER_MAX];
    courier->buffer_first = (courier->buffer_first + count) % BUFFER_MAX;
    courier->buffer_count -= count;
    /* There is room again. */
    if (count && !courier->pull_wanted && courier->buffer_count <= PULL_MAX / 2) wake(courier);
    pthread_mutex_unlock(&courier->lock);
    return count;
}

void courier_answer(struct courier *courier, const struct parcel *parcel, const char *text)
{
    pthread_mutex_lock(&courier->lock);
    answer(courier, parcel->message, text);
    pthread_mutex_unlock(&courier->lock);
}

void courier_answer_later(struct courier *courier, const struct parcel *parcel)
{
    int64_t delay_ms = NAK_MS;
    char text[48];

    for (int64_t i = 1; i < parcel->delivered && delay_ms < NAK_MS_MAX; i++)
        delay_ms *= 2;
    if (delay_ms > NAK_MS_MAX) delay_ms = NAK_MS_MAX;
    snprintf(text, sizeof text, "-NAK {\"delay\":%lld000000}", (long long)delay_ms);
    courier_answer(courier, parcel, text);
}

bool courier_has(struct courier *courier)
{
    bool any;

    pthread_mutex_lock(&courier->lock);
    any = courier->buffer_count > 0;
    pthread_mutex_unlock(&courier->lock);
    return any;
}

void courier_lag(struct courier *courier, int64_t *lag, int64_t *last)
{
    pthread_mutex_lock(&courier->lock);
    *last = courier->last_sequence + courier->pending;
    *lag = courier->pending + (int64_t)courier->buffer_count;
    pthread_mutex_unlock(&courier->lock);
}
