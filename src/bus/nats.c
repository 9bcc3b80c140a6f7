/* bus/nats.c: connection, stream and consumers; see bus/nats.h. */
#include "bus/nats.h"

#include "base/log.h"

#include <stdio.h>

#define NS_PER_MS         INT64_C(1000000)
#define CONNECT_MS_MAX    2000
#define PING_MS           5000 /* a peer that says nothing is given up after two more of these */
#define PINGS_OUT_MAX     2
#define API_MS_MAX        3000
#define INBOX_PENDING_MAX 65536
#define OWN_CONSUMER_MS   (5 * 60 * INT64_C(1000))
#define SUBJECTS_MAX      64

void link_init(struct link *link)
{
    memset(link, 0, sizeof *link);
    pthread_mutex_init(&link->lock, NULL);
    pthread_cond_init(&link->done, NULL);
}

void link_free(struct link *link)
{
    ASSERT(!link->connection);
    pthread_cond_destroy(&link->done);
    pthread_mutex_destroy(&link->lock);
}

/* The first of a row of failures is logged. */
static enum err complain(struct link *link, const char *what, natsStatus status, jsErrCode code)
{
    if (!link->complained)
        log_event(LOG_WARN, "bus", "nats.failed", log_text("what", str_of(what)),
                  log_text("reason", str_of(natsStatus_GetText(status))), log_int("code", code));
    link->complained = true;
    return status == NATS_NO_MEMORY ? ERR_MEMORY : ERR_UNAVAILABLE;
}

/* --- the connection ------------------------------------------------------------------------ */

static natsStatus options_for(const struct bus_broker *broker, const char *name, natsOptions **out)
{
    const char *servers[BROKERS_MAX];
    natsStatus s = natsOptions_Create(out);

    memcpy(servers, broker->servers, sizeof servers);
    if (s == NATS_OK) s = natsOptions_SetServers(*out, servers, (int)broker->server_count);
    if (s == NATS_OK) s = natsOptions_SetName(*out, name);
    if (s == NATS_OK && broker->user)
        s = natsOptions_SetUserInfo(*out, broker->user, broker->password);
    if (s == NATS_OK) s = natsOptions_SetTimeout(*out, CONNECT_MS_MAX);
    if (s == NATS_OK) s = natsOptions_SetAllowReconnect(*out, false);
    if (s == NATS_OK) s = natsOptions_SetPingInterval(*out, PING_MS);
    if (s == NATS_OK) s = natsOptions_SetMaxPingsOut(*out, PINGS_OUT_MAX);
    return s;
}

/* The library's thread: the subscription's last message was handled. */
static void on_complete(void *context)
{
    struct link *link = context;

    pthread_mutex_lock(&link->lock);
    link->busy = false;
    pthread_cond_signal(&link->done);
    pthread_mutex_unlock(&link->lock);
}

static natsStatus subscribe(struct link *link, natsMsgHandler on_message, void *context)
{
    char subject[INBOX_BYTES + 2];
    natsInbox *inbox = NULL;
    natsStatus s = natsInbox_Create(&inbox);

    if (s == NATS_OK) snprintf(link->inbox, sizeof link->inbox, "%s", inbox);
    natsInbox_Destroy(inbox);
    snprintf(subject, sizeof subject, "%s.>", link->inbox);
    if (s == NATS_OK)
        s = natsConnection_Subscribe(&link->subscription, link->connection, subject, on_message,
                                     context);
    if (s == NATS_OK) {
        link->busy = true;
        s = natsSubscription_SetOnCompleteCB(link->subscription, on_complete, link);
        if (s != NATS_OK) link->busy = false;
    }
    if (s == NATS_OK)
        s = natsSubscription_SetPendingLimits(link->subscription, INBOX_PENDING_MAX, -1);
    return s;
}

enum err link_open(struct link *link, const struct bus_broker *broker, const char *name,
                   natsMsgHandler on_message, void *context)
{
    natsOptions *options = NULL;
    natsStatus s = options_for(broker, name, &options);
    jsOptions js;

    if (s == NATS_OK) s = natsConnection_Connect(&link->connection, options);
    natsOptions_Destroy(options);
    if (s == NATS_OK) s = jsOptions_Init(&js);
    if (s == NATS_OK) {
        js.Wait = API_MS_MAX;
        s = natsConnection_JetStream(&link->js, link->connection, &js);
    }
    if (s == NATS_OK) s = subscribe(link, on_message, context);
    if (s == NATS_OK) return OK;
    link_close(link);
    return s == NATS_NO_MEMORY ? ERR_MEMORY : ERR_UNAVAILABLE;
}

void link_quiet(struct link *link, int64_t most_ms)
{
    if (natsSubscription_DrainTimeout(link->subscription, most_ms) == NATS_OK)
        (void)natsSubscription_WaitForDrainCompletion(link->subscription, most_ms);
}

void link_close(struct link *link)
{
    natsSubscription_Destroy(link->subscription);
    if (link->connection) natsConnection_Close(link->connection);
    pthread_mutex_lock(&link->lock);
    while (link->busy)
        pthread_cond_wait(&link->done, &link->lock);
    pthread_mutex_unlock(&link->lock);
    jsCtx_Destroy(link->js);
    natsConnection_Destroy(link->connection);
    link->subscription = NULL;
    link->js = NULL;
    link->connection = NULL;
}

bool link_broken(const struct link *link)
{
    return natsConnection_IsClosed(link->connection);
}

/* --- the stream ---------------------------------------------------------------------------- */

static void settings_of_stream(const struct bus_broker *broker, jsStreamConfig *out,
                               const char *subjects[SUBJECTS_MAX])
{
    int count = 0;

    jsStreamConfig_Init(out);
    for (; broker->subjects[count]; count++) {
        ASSERT(count < SUBJECTS_MAX);
        subjects[count] = broker->subjects[count];
    }
    out->Name = STREAM_NAME;
    out->Subjects = subjects; /* one by one: order:* is no wildcard inside a token */
    out->SubjectsLen = count;
    out->Storage = js_FileStorage;
    out->Replicas = broker->replicas;
    out->MaxAge = STREAM_AGE_MS_MAX * NS_PER_MS;
    out->Duplicates = DUPLICATES_MS * NS_PER_MS;
    out->MaxMsgSize = MESSAGE_BYTES_MAX;
}

static bool has_subject(const jsStreamConfig *config, const char *subject)
{
    for (int i = 0; i < config->SubjectsLen; i++)
        if (strcmp(config->Subjects[i], subject) == 0) return true;
    return false;
}

/* The first setting that is not as wanted; NULL: all are. */
static const char *difference(const jsStreamConfig *there, const jsStreamConfig *wanted)
{
    for (int i = 0; i < wanted->SubjectsLen; i++)
        if (!has_subject(there, wanted->Subjects[i])) return wanted->Subjects[i];
    if (there->SubjectsLen != wanted->SubjectsLen) return "subjects";
    if (there->Storage != wanted->Storage) return "storage";
    if (there->Replicas != wanted->Replicas) return "replicas";
    if (there->MaxAge != wanted->MaxAge) return "max_age";
    if (there->Duplicates != wanted->Duplicates) return "duplicate_window";
    if (there->MaxMsgSize != wanted->MaxMsgSize) return "max_msg_size";
    if (there->Retention != wanted->Retention) return "retention";
    return NULL;
}

/* Once for each of the two. */
static void report(const char *event, const char *name, const char *setting, bool *reported)
{
    if (setting && !*reported)
        log_event(
            LOG_WARN, "bus", event, log_text("name", str_of(name)),
            log_text("setting", str_of(setting)),
            log_text("remedy", STR("left as it is: change it with the nats tool, or delete it "
                                   "and let it be made anew")));
    *reported = setting != NULL;
}

static void ignore(natsConnection *connection, natsSubscription *subscription, natsMsg *message,
                   void *context)
{
    (void)connection, (void)subscription, (void)context;
    natsMsg_Destroy(message);
}

enum err bus_broker_look(const struct bus_broker *broker, int64_t *events, const char **setting)
{
    const char *subjects[SUBJECTS_MAX];
    jsStreamConfig wanted;
    jsStreamInfo *info = NULL;
    jsErrCode code = 0;
    struct link link;
    natsStatus s;
    enum err err;

    *events = 0;
    *setting = NULL;
    settings_of_stream(broker, &wanted, subjects);
    link_init(&link);
    TRY(link_open(&link, broker, "boxoffice-doctor", ignore, NULL));
    s = js_GetStreamInfo(&info, link.js, STREAM_NAME, NULL, &code);
    if (code == JSStreamNotFoundErr || s == NATS_NOT_FOUND) {
        err = ERR_NOT_FOUND;
    } else if (s != NATS_OK) {
        err = ERR_UNAVAILABLE;
    } else {
        *events = (int64_t)info->State.Msgs;
        *setting = difference(info->Config, &wanted);
        if (*setting) err = ERR_CONFLICT;
    }
    jsStreamInfo_Destroy(info);
    link_close(&link);
done:
    link_free(&link);
    return err;
}

static pthread_mutex_t making =
    PTHREAD_MUTEX_INITIALIZER; /* one of a process's services makes it */

enum err link_stream(struct link *link, const struct bus_broker *broker, int64_t *created_ms)
{
    const char *subjects[SUBJECTS_MAX];
    jsStreamConfig wanted;
    jsStreamInfo *info = NULL;
    jsErrCode code = 0;
    natsStatus s;

    settings_of_stream(broker, &wanted, subjects);
    pthread_mutex_lock(&making);
    s = js_GetStreamInfo(&info, link->js, STREAM_NAME, NULL, &code);
    if (s == NATS_OK) {
        report("nats.stream_differs", STREAM_NAME, difference(info->Config, &wanted),
               &link->stream_reported);
    } else if (code == JSStreamNotFoundErr || s == NATS_NOT_FOUND) {
        code = 0;
        s = js_AddStream(&info, link->js, &wanted, NULL, &code);
        if (s == NATS_OK)
            log_event(LOG_WARN, "bus", "nats.stream_made", log_text("name", STR(STREAM_NAME)),
                      log_int("replicas", broker->replicas),
                      log_text("remedy", STR("if there was one before, boxoffice bus refill")));
    }
    pthread_mutex_unlock(&making);
    if (s == NATS_OK) *created_ms = info->Created / NS_PER_MS;
    jsStreamInfo_Destroy(info);
    return s == NATS_OK ? OK : complain(link, "stream", s, code);
}

/* --- consumers ----------------------------------------------------------------------------- */

static void settings_of_consumer(jsConsumerConfig *out)
{
    jsConsumerConfig_Init(out);
    out->DeliverPolicy = js_DeliverAll;
    out->AckPolicy = js_AckExplicit;
    out->AckWait = ACK_WAIT_MS * NS_PER_MS;
    out->MaxAckPending = ACK_PENDING_MAX;
    out->MaxDeliver = -1;
}

static const char *consumer_difference(const jsConsumerConfig *there,
                                       const jsConsumerConfig *wanted)
{
    if (there->DeliverSubject && *there->DeliverSubject) return "deliver_subject";
    if (there->FilterSubject && *there->FilterSubject) return "filter_subject";
    if (there->AckPolicy != wanted->AckPolicy) return "ack_policy";
    if (there->AckWait != wanted->AckWait) return "ack_wait";
    if (there->MaxAckPending != wanted->MaxAckPending) return "max_ack_pending";
    if (there->MaxDeliver > 0) return "max_deliver";
    return NULL;
}

enum err link_consumer(struct link *link, const char *service)
{
    jsConsumerInfo *info = NULL;
    jsConsumerConfig wanted;
    jsErrCode code = 0;
    natsStatus s;

    settings_of_consumer(&wanted);
    wanted.Durable = service;
    s = js_GetConsumerInfo(&info, link->js, STREAM_NAME, service, NULL, &code);
    if (s == NATS_OK) {
        report("nats.consumer_differs", service, consumer_difference(info->Config, &wanted),
               &link->consumer_reported);
    } else if (code == JSConsumerNotFoundErr || s == NATS_NOT_FOUND) {
        code = 0;
        s = js_AddConsumer(&info, link->js, STREAM_NAME, &wanted, NULL, &code);
    }
    jsConsumerInfo_Destroy(info);
    return s == NATS_OK ? OK : complain(link, "consumer", s, code);
}

enum err link_own_consumer(struct link *link, int64_t after, char *name)
{
    jsConsumerInfo *info = NULL;
    jsConsumerConfig wanted;
    jsErrCode code = 0;
    natsStatus s;

    settings_of_consumer(&wanted);
    wanted.DeliverPolicy = after ? js_DeliverByStartSequence : js_DeliverNew;
    if (after) wanted.OptStartSeq = (uint64_t)after + 1;
    wanted.InactiveThreshold = OWN_CONSUMER_MS * NS_PER_MS;
    s = js_AddConsumer(&info, link->js, STREAM_NAME, &wanted, NULL, &code);
    if (s == NATS_OK) snprintf(name, INBOX_BYTES, "%s", info->Name);
    jsConsumerInfo_Destroy(info);
    return s == NATS_OK ? OK : complain(link, "consumer", s, code);
}
