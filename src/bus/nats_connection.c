/* bus/nats_connection.c: connection, stream and consumers; see bus/nats_connection.h. */
#include "bus/nats_connection.h"

#include "telemetry/log.h"

#include <stdio.h>
#include <unistd.h>

#define SYSTEM_AUTHORITIES "/etc/ssl/certs/ca-certificates.crt"
#define NS_PER_MS          INT64_C(1000000)
#define CONNECT_MS_MAX     4000 /* all servers together */
#define PING_MS            5000 /* a peer that says nothing is given up after two more of these */
#define PINGS_OUT_MAX      2
#define API_MS_MAX         3000
#define INBOX_PENDING_MAX  65536
#define OWN_CONSUMER_MS    (5 * 60 * INT64_C(1000))
#define SUBJECTS_MAX       64

void nats_connection_init(struct nats_connection *connection)
{
    memset(connection, 0, sizeof *connection);
    pthread_mutex_init(&connection->lock, NULL);
    pthread_cond_init(&connection->done, NULL);
}

void nats_connection_free(struct nats_connection *connection)
{
    ASSERT(!connection->nats);
    pthread_cond_destroy(&connection->done);
    pthread_mutex_destroy(&connection->lock);
}

/* what: "connect", "stream", "consumer" or BUS_LOST. */
static enum err nats_connection_fail(struct nats_connection *connection, const char *what,
                                     natsStatus status, jsErrCode code)
{
    const char *text = natsStatus_GetText(status);

    if (code == JSNotEnabledErr || code == JSNotEnabledForAccountErr ||
        status == NATS_NO_RESPONDERS)
        text = "JetStream is not enabled for this user or server";
    snprintf(connection->why, sizeof connection->why, "%s: %s", what, text);
    return status == NATS_NO_MEMORY ? ERR_MEMORY : ERR_UNAVAILABLE;
}

/* --- the connection ------------------------------------------------------------------------ */

/* "tls://host:port": the host, without brackets. */
static void server_host(const char *server, char host[256])
{
    const char *at = strstr(server, "://") + 3;
    size_t length = *at == '[' ? strcspn(++at, "]") : strcspn(at, ":");

    snprintf(host, 256, "%.*s", (int)length, at);
}

/* The server proves that it is the host we mean, by an authority we believe. */
static natsStatus secure(const struct bus_broker *broker, const char *server, natsOptions *options)
{
    char host[256];
    natsStatus s = natsOptions_SetSecure(options, true);

    server_host(server, host);
    if (s == NATS_OK && broker->ca) s = natsOptions_SetCATrustedCertificates(options, broker->ca);
    if (s == NATS_OK && !broker->ca)
        s = natsOptions_LoadCATrustedCertificates(options, SYSTEM_AUTHORITIES);
    if (s == NATS_OK) s = natsOptions_SetExpectedHostname(options, host);
    return s;
}

static natsStatus give_jwt(char **jwt, char **error, void *context)
{
    const struct bus_broker *broker = context;

    (void)error;
    *jwt = strdup(broker->jwt);
    return *jwt ? NATS_OK : NATS_NO_MEMORY;
}

/* The server's nonce, signed, says that we have the key. */
static natsStatus sign(char **error, unsigned char **signature, int *length, const char *nonce,
                       void *context)
{
    const struct bus_broker *broker = context;

    (void)error;
    return nats_Sign(broker->seed, nonce, signature, length);
}

static natsStatus identify(const struct bus_broker *broker, natsOptions *options)
{
    void *context = (void *)(uintptr_t)broker; /* only read */

    if (broker->jwt)
        return natsOptions_SetUserCredentialsCallbacks(options, give_jwt, context, sign, context);
    if (broker->seed) return natsOptions_SetNKey(options, broker->user, sign, context);
    if (broker->password) return natsOptions_SetUserInfo(options, broker->user, broker->password);
    return broker->user ? natsOptions_SetToken(options, broker->user) : NATS_OK;
}

static natsStatus options_for(const struct bus_broker *broker, const char *server, const char *name,
                              natsOptions **out)
{
    natsStatus s = natsOptions_Create(out);

    if (s == NATS_OK) s = natsOptions_SetServers(*out, &server, 1);
    if (s == NATS_OK && broker->tls) s = secure(broker, server, *out);
    if (s == NATS_OK) s = natsOptions_SetName(*out, name);
    if (s == NATS_OK) s = identify(broker, *out);
    if (s == NATS_OK)
        s = natsOptions_SetTimeout(*out, CONNECT_MS_MAX / (int64_t)broker->server_count);
    if (s == NATS_OK) s = natsOptions_SetAllowReconnect(*out, false);
    if (s == NATS_OK) s = natsOptions_SetPingInterval(*out, PING_MS);
    if (s == NATS_OK) s = natsOptions_SetMaxPingsOut(*out, PINGS_OUT_MAX);
    return s;
}

/* Each server once; another one first each time, so that several programs spread over them. */
static natsStatus connect_to_any(struct nats_connection *connection,
                                 const struct bus_broker *broker, const char *name)
{
    static _Atomic unsigned turn;
    unsigned first = atomic_fetch_add(&turn, 1) + (unsigned)getpid();
    natsStatus s = NATS_NO_SERVER;

    for (size_t i = 0; s != NATS_OK && i < broker->server_count; i++) {
        const char *server = broker->servers[(first + i) % broker->server_count];
        natsOptions *options = NULL;

        s = options_for(broker, server, name, &options);
        if (s == NATS_OK) s = natsConnection_Connect(&connection->nats, options);
        natsOptions_Destroy(options);
    }
    return s;
}

/* The library's thread: the subscription's last message was handled. */
static void on_complete(void *context)
{
    struct nats_connection *connection = context;

    pthread_mutex_lock(&connection->lock);
    connection->busy = false;
    pthread_cond_signal(&connection->done);
    pthread_mutex_unlock(&connection->lock);
}

static natsStatus subscribe(struct nats_connection *connection, natsMsgHandler on_message,
                            void *context)
{
    char subject[INBOX_BYTES + 2];
    natsInbox *inbox = NULL;
    natsStatus s = natsInbox_Create(&inbox);

    if (s == NATS_OK) snprintf(connection->inbox, sizeof connection->inbox, "%s", inbox);
    natsInbox_Destroy(inbox);
    snprintf(subject, sizeof subject, "%s.>", connection->inbox);
    if (s == NATS_OK)
        s = natsConnection_Subscribe(&connection->subscription, connection->nats, subject,
                                     on_message, context);
    if (s == NATS_OK) {
        connection->busy = true;
        s = natsSubscription_SetOnCompleteCB(connection->subscription, on_complete, connection);
        if (s != NATS_OK) connection->busy = false;
    }
    if (s == NATS_OK)
        s = natsSubscription_SetPendingLimits(connection->subscription, INBOX_PENDING_MAX, -1);
    return s;
}

enum err nats_connection_open(struct nats_connection *connection, const struct bus_broker *broker,
                              const char *name, natsMsgHandler on_message, void *context)
{
    natsStatus s = connect_to_any(connection, broker, name);
    jsOptions js;

    if (s == NATS_OK) s = jsOptions_Init(&js);
    if (s == NATS_OK) {
        js.Wait = API_MS_MAX;
        s = natsConnection_JetStream(&connection->js, connection->nats, &js);
    }
    if (s == NATS_OK) s = subscribe(connection, on_message, context);
    if (s == NATS_OK) return OK;
    nats_connection_close(connection);
    return nats_connection_fail(connection, "connect", s, 0);
}

void nats_connection_quiet(struct nats_connection *connection, int64_t most_ms)
{
    if (natsSubscription_DrainTimeout(connection->subscription, most_ms) == NATS_OK)
        (void)natsSubscription_WaitForDrainCompletion(connection->subscription, most_ms);
}

void nats_connection_close(struct nats_connection *connection)
{
    natsSubscription_Destroy(connection->subscription);
    if (connection->nats) natsConnection_Close(connection->nats);
    pthread_mutex_lock(&connection->lock);
    while (connection->busy)
        pthread_cond_wait(&connection->done, &connection->lock);
    pthread_mutex_unlock(&connection->lock);
    jsCtx_Destroy(connection->js);
    natsConnection_Destroy(connection->nats);
    connection->subscription = NULL;
    connection->js = NULL;
    connection->nats = NULL;
}

bool nats_connection_broken(struct nats_connection *connection)
{
    const char *text = NULL;
    natsStatus s;

    if (!natsConnection_IsClosed(connection->nats)) return false;
    s = natsConnection_GetLastError(connection->nats, &text);
    (void)nats_connection_fail(connection, BUS_LOST, s == NATS_OK ? NATS_CONNECTION_CLOSED : s, 0);
    return true;
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

enum err bus_broker_check(const struct bus_broker *broker, int64_t *events, const char **setting)
{
    const char *subjects[SUBJECTS_MAX];
    jsStreamConfig wanted;
    jsStreamInfo *info = NULL;
    jsErrCode code = 0;
    struct nats_connection connection;
    natsStatus s;
    enum err err;

    *events = 0;
    *setting = NULL;
    settings_of_stream(broker, &wanted, subjects);
    nats_connection_init(&connection);
    TRY(nats_connection_open(&connection, broker, "boxoffice-doctor", ignore, NULL));
    s = js_GetStreamInfo(&info, connection.js, STREAM_NAME, NULL, &code);
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
    nats_connection_close(&connection);
done:
    nats_connection_free(&connection);
    return err;
}

/* One of a process's services makes it; the others find it. */
static natsStatus make_stream(struct nats_connection *connection, const struct bus_broker *broker,
                              jsStreamConfig *wanted, jsStreamInfo **info, jsErrCode *code)
{
    static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;
    natsStatus s;

    *code = 0;
    pthread_mutex_lock(&making);
    s = js_GetStreamInfo(info, connection->js, STREAM_NAME, NULL, code);
    if (*code == JSStreamNotFoundErr || s == NATS_NOT_FOUND) {
        *code = 0;
        s = js_AddStream(info, connection->js, wanted, NULL, code);
        if (s == NATS_OK)
            log_event(LOG_WARN, "bus", "nats.stream_made", log_text("name", STR(STREAM_NAME)),
                      log_int("replicas", broker->replicas),
                      log_text("remedy", STR("if there was one before, boxoffice bus refill")));
    }
    pthread_mutex_unlock(&making);
    return s;
}

enum err nats_connection_stream(struct nats_connection *connection, const struct bus_broker *broker,
                                int64_t *created_ms)
{
    const char *subjects[SUBJECTS_MAX];
    jsStreamConfig wanted;
    jsStreamInfo *info = NULL;
    jsErrCode code = 0;
    natsStatus s;

    settings_of_stream(broker, &wanted, subjects);
    s = js_GetStreamInfo(&info, connection->js, STREAM_NAME, NULL, &code);
    if (s == NATS_OK)
        report("nats.stream_differs", STREAM_NAME, difference(info->Config, &wanted),
               &connection->stream_reported);
    else if (code == JSStreamNotFoundErr || s == NATS_NOT_FOUND)
        s = make_stream(connection, broker, &wanted, &info, &code);
    if (s == NATS_OK && info->Created <= 0) s = NATS_ILLEGAL_STATE; /* it is being made */
    if (s == NATS_OK) *created_ms = info->Created / NS_PER_MS;
    jsStreamInfo_Destroy(info);
    return s == NATS_OK ? OK : nats_connection_fail(connection, "stream", s, code);
}

/* --- what was published -------------------------------------------------------------------- */

/* "orders:41" of that service; 0: of another, or of no relay. */
static int64_t sequence_of(natsMsg *message, const char *service)
{
    size_t length = strlen(service);
    const char *id = NULL;
    int64_t sequence;

    if (natsMsgHeader_Get(message, "Nats-Msg-Id", &id) != NATS_OK ||
        strncmp(id, service, length) != 0 || id[length] != ':' ||
        !str_to_int64(str_of(id + length + 1), &sequence))
        return 0;
    return sequence;
}

/* nats-server 2.9 ends by a null pointer (jsMsgGetRequest) when it is asked for a message of a
 * stream that it is making for another client. Its state says then that it has none. */
static bool stream_is_empty(struct nats_connection *connection)
{
    jsStreamInfo *info = NULL;
    natsStatus s = js_GetStreamInfo(&info, connection->js, STREAM_NAME, NULL, NULL);
    bool empty = s != NATS_OK || info->State.Msgs == 0;

    jsStreamInfo_Destroy(info);
    return empty;
}

enum err nats_connection_published(struct nats_connection *connection,
                                   const struct bus_broker *broker, const char *service,
                                   const char *const *subjects, int64_t *last)
{
    bool empty = stream_is_empty(connection);

    *last = 0;
    if (!subjects) subjects = broker->subjects;
    for (; !empty && *subjects; subjects++) {
        natsMsg *message = NULL;
        natsStatus s = js_GetLastMsg(&message, connection->js, STREAM_NAME, *subjects, NULL, NULL);
        int64_t sequence = s == NATS_OK ? sequence_of(message, service) : 0;

        natsMsg_Destroy(message);
        if (sequence > *last) *last = sequence;
    }
    return natsConnection_IsClosed(connection->nats)
               ? nats_connection_fail(connection, BUS_LOST, NATS_CONNECTION_CLOSED, 0)
               : OK;
}

/* ERR_UNAVAILABLE: it cannot be read now. */
static enum err end_of_outbox(const char *dsn, int64_t *last)
{
    struct db *reader;

    if ((!db_dsn_is_postgres(dsn) && !db_exists(dsn)) ||
        db_open(dsn, DB_READER, &reader, NULL) != OK)
        return ERR_UNAVAILABLE;
    if (outbox_last(tx_read(reader, WALL_NONE), last) != OK) *last = -1;
    db_close(reader);
    return *last < 0 ? ERR_UNAVAILABLE : OK;
}

/* Where it is read, it is after the stream, and it only grows. */
enum err nats_connection_agrees(struct nats_connection *connection, const struct bus_broker *broker,
                                const struct bus_source *source, int64_t last)
{
    int64_t published;
    enum err err;

    TRY(nats_connection_published(connection, broker, source->service, source->subjects,
                                  &published));
    if (!published || (last < 0 && end_of_outbox(source->path, &last) != OK) || published <= last)
        return OK;
    snprintf(connection->why, sizeof connection->why,
             "outbox: the database of %s is an older copy: it ends with event %lld, and the stream "
             "has had %lld",
             source->service, (long long)last, (long long)published);
    err = ERR_CONFLICT;
done:
    return err;
}

enum err bus_broker_agrees(const struct bus_broker *broker, const struct bus_source *sources,
                           size_t count, struct buf *why)
{
    struct nats_connection connection;
    enum err err;

    nats_connection_init(&connection);
    err = nats_connection_open(&connection, broker, "boxoffice-start", ignore, NULL);
    for (size_t i = 0; err == OK && i < count; i++)
        err = nats_connection_agrees(&connection, broker, &sources[i], -1);
    nats_connection_close(&connection);
    if (err == ERR_CONFLICT)
        buf_printf(why,
                   "%s: put the right database back; or restore a backup of all services' "
                   "databases, delete the stream " STREAM_NAME " with the nats tool, start, and "
                   "run boxoffice bus refill",
                   connection.why);
    nats_connection_free(&connection);
    return err == ERR_CONFLICT ? err : OK;
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

#ifdef WITH_FILTER_SUBJECTS

static size_t subject_count(const char *const *subjects)
{
    size_t count = 0;

    while (subjects[count])
        count++;
    return count;
}

static void set_filter(jsConsumerConfig *out, const char *const *subjects)
{
    out->FilterSubjects = (const char **)(uintptr_t)subjects; /* only read */
    out->FilterSubjectsLen = (int)subject_count(subjects);
}

static bool has_filter(const jsConsumerConfig *config, const char *const *subjects)
{
    if ((size_t)config->FilterSubjectsLen != subject_count(subjects)) return false;
    for (int i = 0; i < config->FilterSubjectsLen; i++)
        if (!bus_listed(subjects, str_of(config->FilterSubjects[i]))) return false;
    return true;
}

/* A consumer of an earlier version of the program; its other settings are the operator's. A server
 * before 2.10 knows no such filter and says nothing about it. */
static natsStatus update_filter(struct nats_connection *connection, const jsConsumerConfig *there,
                                const char *const *subjects, jsErrCode *code)
{
    jsConsumerConfig changed = *there;

    if (has_filter(there, subjects)) return NATS_OK;
    set_filter(&changed, subjects);
    return js_UpdateConsumer(NULL, connection->js, STREAM_NAME, &changed, NULL, code);
}

#else

/* Without it a service is sent everything, and acknowledges what it does not listen to. */
static void set_filter(jsConsumerConfig *out, const char *const *subjects)
{
    (void)out;
    (void)subjects;
}

static natsStatus update_filter(struct nats_connection *connection, const jsConsumerConfig *there,
                                const char *const *subjects, jsErrCode *code)
{
    (void)connection;
    (void)there;
    (void)subjects;
    (void)code;
    return NATS_OK;
}

#endif

enum err nats_connection_consumer(struct nats_connection *connection, const char *service,
                                  const char *const *subjects)
{
    jsConsumerInfo *info = NULL;
    jsConsumerConfig wanted;
    jsErrCode code = 0;
    natsStatus s;

    settings_of_consumer(&wanted);
    set_filter(&wanted, subjects);
    wanted.Durable = service;
    s = js_GetConsumerInfo(&info, connection->js, STREAM_NAME, service, NULL, &code);
    if (s == NATS_OK) {
        report("nats.consumer_differs", service, consumer_difference(info->Config, &wanted),
               &connection->consumer_reported);
        s = update_filter(connection, info->Config, subjects, &code);
    } else if (code == JSConsumerNotFoundErr || s == NATS_NOT_FOUND) {
        code = 0;
        s = js_AddConsumer(&info, connection->js, STREAM_NAME, &wanted, NULL, &code);
    }
    jsConsumerInfo_Destroy(info);
    return s == NATS_OK ? OK : nats_connection_fail(connection, "consumer", s, code);
}

enum err nats_connection_own_consumer(struct nats_connection *connection,
                                      const char *const *subjects, int64_t after, char *name)
{
    jsConsumerInfo *info = NULL;
    jsConsumerConfig wanted;
    jsErrCode code = 0;
    natsStatus s;

    settings_of_consumer(&wanted);
    set_filter(&wanted, subjects);
    wanted.DeliverPolicy = after ? js_DeliverByStartSequence : js_DeliverNew;
    if (after) wanted.OptStartSeq = (uint64_t)after + 1;
    wanted.InactiveThreshold = OWN_CONSUMER_MS * NS_PER_MS;
    s = js_AddConsumer(&info, connection->js, STREAM_NAME, &wanted, NULL, &code);
    if (s == NATS_OK) snprintf(name, INBOX_BYTES, "%s", info->Name);
    jsConsumerInfo_Destroy(info);
    return s == NATS_OK ? OK : nats_connection_fail(connection, "consumer", s, code);
}
