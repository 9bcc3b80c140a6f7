/* runtime/streaming/streaming.h: the bus as a service: health, monitoring, and the operator's
 * publisher and listeners. What its files share; nobody else includes it.
 *
 * Everything of a listener lives in the bus service's writer: opening, acknowledging, leaving and
 * delivering are work items there, so nothing below needs a lock. Only two notices come from other
 * threads, both as pokes of the deliver job: an outbox has news, a listener's stream has. */
#ifndef RUNTIME_STREAMING_STREAMING_H
#define RUNTIME_STREAMING_STREAMING_H

#include "runtime/house.h"

#define LISTENERS_MAX      256
#define DURABLES_MAX       4096
#define IN_FLIGHT_DEFAULT  1024
#define IN_FLIGHT_MAX      10000 /* a listener */
#define GROUP_FLIGHT_MAX   65536 /* a group */
#define ACK_WAIT_S_DEFAULT 30
#define ACK_WAIT_S_MAX     86400
#define STREAMING_NAME_MAX 100  /* bytes of a subject, queue group or durable name */
#define CHANNELS_MAX       1024 /* shown */
#define DEAD_LETTERS_SHOWN 100
#define SUBSCRIBER_FIGURES 64 /* a service on a source */

enum { JOB_DELIVER };

struct member;

/* An event a manually acknowledging member has, or had. */
struct in_flight {
    int64_t sequence;
    int64_t due_ms;        /* then it comes again */
    struct member *member; /* NULL: it has to come again */
};

/* What shares one position in one subject: a queue group, or a listener of its own. */
struct group {
    struct group *next;
    char subject[STREAMING_NAME_MAX + 1];
    char queue_group[STREAMING_NAME_MAX + 1]; /* "": none */
    char durable[STREAMING_NAME_MAX + 1];     /* "": forgotten with its last member */
    size_t source;            /* the service, by its place in the house, whose outbox is read … */
    const char *source_name;  /* … and its name */
    int64_t position;         /* every event of the subject up to it has been handed out */
    struct in_flight *flight; /* by sequence */
    size_t flight_count, flight_room, flight_returned; /* returned: without a member */
    int64_t due_ms;                                    /* no entry of flight is due before */
    int64_t durable_id;
    bool unsaved; /* position is not stored */
    bool rewrite; /* what is stored may be anything */
    struct member *members;
    struct member *turn; /* where the search for the next member begins; may be NULL */
};

struct member {
    struct member *next;
    struct group *group;
    struct env *env;
    struct stream *stream;
    char id[17]; /* of the subscription, and of the client: a listener has one */
    bool manual_ack;
    int64_t ack_wait_ms;
    size_t in_flight_max, in_flight;
    int64_t last_sent, sent, since_ms;
    _Atomic bool gone; /* the client */
};

struct streaming {
    struct house *house;
    char server_id[17];
    struct group *groups;
    size_t member_count;
    atomic_size_t listening; /* the same, read by the bus's watcher in other threads */
    int64_t failures;        /* of the writer, when the deliver job last looked */
    struct db *logs[SERVICES_MAX];
    struct buf line;
};

extern const struct str openapi_json; /* docs/openapi.json */
extern const struct migration streaming_schema[];

static inline struct streaming *streaming_of(const struct env *env)
{
    return env->state;
}

/* --- health.c ------------------------------------------------------------------------------ */

/* The loop that runs a handler of this service, told by the connection it came with. */
int streaming_loop(const struct service *service, const struct tx *tx);
handler_fn get_healthz;
handler_fn get_readyz;

/* --- publish.c ----------------------------------------------------------------------------- */

handler_fn post_publish;

/* --- refill.c ------------------------------------------------------------------------------ */

handler_fn get_refill;
handler_fn post_refill;

/* Where a subject lives: in its publisher's outbox when that runs here, else in the bus's own. */
size_t streaming_source(const struct house *house, struct str subject);
/* 1 to STREAMING_NAME_MAX printable ASCII characters, no spaces, no wildcards. */
bool streaming_name_valid(struct str name);

/* --- compact.c ----------------------------------------------------------------------------- */

/* The member `name` of a JSON object's text, without white space between its parts; of several the
 * last. text: valid JSON (json_parse took it). False when there is none. */
bool json_member_compact(struct str text, struct str name, struct buf *out);

/* --- log.c: other services' outboxes, from the bus's writer -------------------------------- */

/* NULL when its database cannot be opened now. */
struct tx *log_view(struct streaming *streaming, size_t source);
/* The subject's figures; all zero when nothing was published there. */
enum err log_channel(struct streaming *streaming, size_t source, struct str subject,
                     struct channel *out);
/* Events of the subject after a sequence, counted exactly unless they may be spread over more than
 * LOG_COUNT_MAX rows; then only those of that many rows are. last: of the channel. */
#define LOG_COUNT_MAX 20000
enum err log_count(struct streaming *streaming, size_t source, struct str subject, int64_t after,
                   int64_t last, int64_t *count);
void log_close(struct streaming *streaming);

/* --- durables.c: what is stored of a durable group ------------------------------------------ */

/* Finds what is stored under the group's name, or stores its start. ERR_QUEUE_FULL: too many. */
enum err durable_open(struct tx *tx, struct group *group);
/* Brings everything stored up to date after a transaction of unknown fate. */
enum err durable_rewrite(struct tx *tx, struct group *group);
enum err durable_save(struct tx *tx, struct group *group);
enum err durable_sent(struct tx *tx, const struct group *group, int64_t sequence);
enum err durable_settled(struct tx *tx, const struct group *group, int64_t sequence);

/* --- groups.c ------------------------------------------------------------------------------ */

struct listen_options {
    struct str subject, queue_group, durable; /* the last two may be empty */
    bool manual_ack;
    int64_t ack_wait_ms, in_flight_max;
    int64_t start; /* first sequence to come; 0: only what is new */
};

/* Joins or makes the group. The stream is the caller's to make (member->stream) before anything
 * else runs; on its failure member_leave. */
enum err member_join(struct streaming *streaming, struct env *env, struct tx *tx,
                     const struct listen_options *options, struct member **out);
/* Its events go to others; ends its stream and frees it. */
enum err member_leave(struct streaming *streaming, struct tx *tx, struct member *member);
struct member *member_find(struct streaming *streaming, struct str id);
/* Nothing of the group comes again under that sequence. *settled: it was waited for. */
enum err group_acknowledge(struct tx *tx, struct group *group, int64_t sequence, bool *settled);
/* Room for one more entry; false at GROUP_FLIGHT_MAX, or when memory ran out. */
bool group_reserve(struct group *group);
/* Where the sequence is in flight, or would be. */
size_t group_flight_at(const struct group *group, int64_t sequence);
void group_flight_insert(struct group *group, struct in_flight entry);
void group_flight_remove(struct group *group, size_t at);
void streaming_free(struct streaming *streaming);

/* --- deliver.c ----------------------------------------------------------------------------- */

/* The deliver job. */
enum err deliver_run(struct env *env, struct tx *tx, int64_t *next_ms);

/* --- listen.c ------------------------------------------------------------------------------ */

handler_fn get_listen;
handler_fn post_ack;

/* --- letters.c: dead letters, for the operator ----------------------------------------------- */

handler_fn get_dead;
handler_fn get_dead_letter;
handler_fn post_dead_retry;
handler_fn post_dead_drop;
/* --- metrics.c ----------------------------------------------------------------------------- */

handler_fn get_metrics;

/* --- monitoring.c, channels.c ---------------------------------------------------------------- */

/* MONITORING: everybody, or this machine and the operator alone. */
bool monitoring_allowed(const struct request *rq);
handler_fn post_keys_rotate, get_trail; /* operate.c */
handler_fn get_streaming;
handler_fn get_clientsz;
handler_fn get_channelsz;

handler_fn show_clients;
handler_fn show_channels;

struct channel_row {
    struct channel channel;
    size_t source;
};
/* Every subject of the catalogue, every other one that was published or is listened to. Returns how
 * many, at most CHANNELS_MAX; 0 when memory ran out. */
size_t channel_rows(struct streaming *streaming, struct arena *arena, struct channel_row *out);

#endif
