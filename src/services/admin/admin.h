/* services/admin/admin.h: the bus as a service: health, monitoring, and the operator's
 * publisher and listeners. What its files share; nobody else includes it.
 *
 * Everything of a listener lives in the bus service's writer: opening, acknowledging, leaving and
 * delivering are work items there, so nothing below needs a lock. Only two notices come from other
 * threads, both as wakes of the deliver job: an outbox has news, a listener's stream has. */
#ifndef SERVICES_ADMIN_ADMIN_H
#define SERVICES_ADMIN_ADMIN_H

#include "runtime/app_view.h"

#define LISTENERS_MAX      256
#define DURABLES_MAX       4096
#define IN_FLIGHT_DEFAULT  1024
#define IN_FLIGHT_MAX      10000 /* a listener */
#define GROUP_FLIGHT_MAX   65536 /* a group */
#define ACK_WAIT_S_DEFAULT 30
#define ACK_WAIT_S_MAX     86400
#define LISTENER_NAME_MAX  100  /* bytes of a subject, queue group or durable name */
#define CHANNELS_MAX       1024 /* shown */
#define DEAD_LETTERS_SHOWN 100
#define SUBSCRIBER_METRICS 64 /* a service on a source */

enum { JOB_DELIVER };

struct member;

/* An event a manually acknowledging member has, or had. */
struct in_flight {
    int64_t sequence;
    struct mono_ms due;    /* then it comes again */
    struct member *member; /* NULL: it has to come again */
};

/* What shares one position in one subject: a queue group, or a listener of its own. */
struct group {
    struct group *next;
    char subject[LISTENER_NAME_MAX + 1];
    char queue_group[LISTENER_NAME_MAX + 1]; /* "": none */
    char durable[LISTENER_NAME_MAX + 1];     /* "": forgotten with its last member */
    size_t source;            /* the service, by its place in the app, whose outbox is read … */
    const char *source_name;  /* … and its name */
    int64_t position;         /* every event of the subject up to it has been handed out */
    struct in_flight *flight; /* by sequence */
    size_t flight_count, flight_room, flight_returned; /* returned: without a member */
    struct mono_ms due;                                /* no entry of flight is due before */
    int64_t durable_id;
    bool unsaved;   /* position is not stored */
    bool rewrite;   /* what is stored may be anything */
    bool overtaken; /* there were events after position that are no longer kept */
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
    int64_t last_sent, sent;
    struct wall_ms since;
    _Atomic bool gone; /* the client */
};

struct admin {
    const struct app *app;
    struct env *env; /* the first writer's side is handed to its handlers; this is for time */
    char server_id[17];
    struct group *groups;
    size_t member_count;
    atomic_size_t listening; /* the same, read by the bus's watcher in other threads */
    int64_t failures;        /* of the writer, when the deliver job last looked */
    struct db *logs[SERVICES_MAX];
    struct buf line;
};

extern const struct str openapi_json; /* docs/openapi.json */
extern const struct migration admin_schema[];
extern const struct retention admin_retention[];

static inline struct admin *admin_of(const struct env *env)
{
    return env->state;
}

/* --- health.c ------------------------------------------------------------------------------ */

handler_fn get_healthz;
handler_fn get_readyz;

/* --- publish.c ----------------------------------------------------------------------------- */

handler_fn post_publish;

/* --- refill.c ------------------------------------------------------------------------------ */

handler_fn get_refill;
handler_fn post_refill;

/* Where a subject lives: in its publisher's outbox when that runs here, else in the bus's own. */
size_t publisher_of_subject(const struct app *app, struct str subject);
/* 1 to LISTENER_NAME_MAX printable ASCII characters, no spaces, no wildcards. */
bool listener_name_valid(struct str name);

/* --- compact.c ----------------------------------------------------------------------------- */

/* The member `name` of a JSON object's text, without white space between its parts; of several the
 * last. text: valid JSON (json_parse took it). False when there is none. */
bool json_member_compact(struct str text, struct str name, struct buf *out);

/* --- outbox_view.c: other services' outboxes, from the bus's writer
 * -------------------------------- */

/* NULL when its database cannot be opened now. */
struct tx *outbox_view(struct admin *admin, size_t source);
/* The subject's metrics; all zero when nothing was published there. */
enum err outbox_view_channel(struct admin *admin, size_t source, struct str subject,
                             struct channel *out);
/* Events of the subject after a sequence, counted exactly unless they may be spread over more than
 * OUTBOX_VIEW_COUNT_MAX rows; then only those of that many rows are. last: of the channel. */
#define OUTBOX_VIEW_COUNT_MAX 20000
enum err outbox_view_count(struct admin *admin, size_t source, struct str subject, int64_t after,
                           int64_t last, int64_t *count);
void outbox_view_close(struct admin *admin);

/* --- durables.c: what is stored of a durable group ------------------------------------------ */

/* Finds what is stored under the group's name, or stores its start. ERR_QUEUE_FULL: too many. */
enum err durable_open(struct tx *tx, struct group *group);
/* Brings everything stored up to date after a transaction of unknown status. */
enum err durable_rewrite(struct tx *tx, struct group *group);
enum err durable_save(struct tx *tx, struct group *group);
enum err durable_sent(struct tx *tx, const struct group *group, int64_t sequence);
enum err durable_acknowledged(struct tx *tx, const struct group *group, int64_t sequence);

struct durable {
    struct str subject, name, queue_group; /* the last may be empty */
    int64_t position, in_flight;
    struct wall_ms used_at;
};
/* Those stored, by name and subject, or at most max of a channel, by name and group, for
 * durable_next; then rows_end. */
void durables_all(struct tx *tx, struct rows *rows);
void durables_of_channel(struct tx *tx, struct rows *rows, struct str subject, struct str source,
                         int64_t max);
/* The next of them; its texts live as long as the row. False: no more. */
bool durable_next(struct rows *rows, struct durable *out);
/* service_definition.events_needed: what is in flight may have to come again. */
enum err durables_needed(struct tx *tx, const char *source, struct tx *outbox, int64_t *up_to);
/* Forgets those of the name, of all subjects or of that one (empty: all). */
enum err durables_forget(struct tx *tx, struct str name, struct str subject, int64_t *forgotten);

/* --- groups.c ------------------------------------------------------------------------------ */

struct listen_options {
    struct str subject, queue_group, durable; /* the last two may be empty */
    bool manual_ack;
    int64_t ack_wait_ms, in_flight_max;
    int64_t start; /* first sequence to come; 0: only what is new */
    bool all;      /* from the first that is kept on */
};

/* Joins or makes the group. The stream is the caller's to make (member->stream) before anything
 * else runs; on its failure member_leave. ERR_CONFLICT: it would begin with an event that is no
 * longer kept; *removed: the newest of the subject that is not. */
enum err member_join(struct admin *admin, struct env *env, struct tx *tx,
                     const struct listen_options *options, struct member **out, int64_t *removed);
/* Its events go to others; ends its stream and frees it. why: the stream's last line says so, a
 * word of docs/events.md; NULL: its client has left. */
enum err member_leave(struct admin *admin, struct tx *tx, struct member *member, const char *why);
struct member *member_find(struct admin *admin, struct str id);
/* Nothing of the group comes again under that sequence. *acknowledged: it was waited for. */
enum err group_acknowledge(struct tx *tx, struct group *group, int64_t sequence,
                           bool *acknowledged);
/* Room for one more entry; false at GROUP_FLIGHT_MAX, or when memory ran out. */
bool group_reserve(struct group *group);
/* Where the sequence is in flight, or would be. */
size_t group_flight_at(const struct group *group, int64_t sequence);
void group_flight_insert(struct group *group, struct in_flight entry);
void group_flight_remove(struct group *group, size_t at);
void admin_free(struct admin *admin);

/* --- deliver.c ----------------------------------------------------------------------------- */

/* The deliver job. */
enum err deliver_run(struct env *env, struct tx *tx, struct wall_ms *next);

/* --- listen.c ------------------------------------------------------------------------------ */

handler_fn get_listen;
handler_fn post_ack;

/* --- unsubscribe.c: durable names, for the operator ------------------------------------------ */

handler_fn get_durables;
handler_fn post_unsubscribe;

/* --- dead_letters.c: dead letters, for the operator ------------------------------------------ */

handler_fn get_dead;
handler_fn get_dead_letter;
handler_fn post_dead_retry;
handler_fn post_dead_drop;
/* --- metrics.c ----------------------------------------------------------------------------- */

handler_fn get_metrics;

/* --- monitoring.c, channels.c ---------------------------------------------------------------- */

handler_fn post_keys_rotate, get_settings, get_audit_log; /* operate.c */
handler_fn get_monitoring;
/* As NATS Streaming's monitoring has them (nats-admin-server 0.25, server/monitor.go), and more
 * fields. */
handler_fn get_serverz, get_storez;
handler_fn get_clientsz;
handler_fn get_channelsz;
/* What each of those answers begins with. */
void put_server(struct json_writer *writer, const struct admin *admin, struct wall_ms now);

struct channel_row {
    struct channel channel;
    size_t source;
};
/* Every subject of the catalogue, every other one that was published or is listened to, by name.
 * Returns how many, at most CHANNELS_MAX; 0 when memory ran out. */
size_t channel_rows(struct admin *admin, struct arena *arena, struct channel_row *out);

#endif
