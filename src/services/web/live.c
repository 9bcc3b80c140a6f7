/* services/web/live.c: one event stream a page; what happens to tickets is told to all of them.
 *
 * Everything belongs to the service's writer: joining is a request there, events come there, and
 * one job sends what has gathered. Only the notice that a browser has left comes from other
 * threads, by way of a stack that the job empties. An order's page is told that its order has
 * changed, never how: it then fetches itself again, with its owner's cookie.
 *
 * The stream of somebody whose session is refused meanwhile is ended; the browser comes again, as
 * somebody without a session.
 *
 * Between a page's data and its stream there is a gap, and another whenever the stream breaks. What
 * happened last is kept, and whoever joins is first told what is newer than what it knows
 * (?since=, Last-Event-ID); hearing something twice does no harm. */
#include "services/web/web.h"

#include "base/metric.h"
#include "base/money.h"
#include "http/server.h"

#include <stdatomic.h>
#include <stdio.h>

#define MEMBERS_MAX   20000
#define NEWS_MAX      65536 /* bytes gathered; beyond them pages are told to look again */
#define CHANGED_MAX   1024  /* orders gathered, likewise */
#define HEARTBEAT_MS  25000 /* so that proxies keep the stream and the gone are noticed */
#define MEMBERS_A_MS  500 /* sending to many takes time: gather for as long as the last one took */
#define LIVE_JOB      0
#define USER_ID_BYTES 256  /* 64 characters */
#define REFUSED_MS    500  /* between looks for members whose session is refused by now */
#define RECENT_MAX    256  /* events kept */
#define RECENT_BYTES  1400 /* a title of 200 four-byte characters fits */
#define OVERLAP_MS    2000 /* a page's data is older than its clock, and clocks differ */

struct member {
    struct member *previous, *next; /* in the list of all; next: also of the free ones */
    struct member *gone_next;
    struct env *env;
    struct stream *stream;
    struct object_id order_id;       /* all zero: none */
    char user_id[USER_ID_BYTES + 1]; /* "": nobody is signed in */
    char sid_hash[SESSION_ID_HASH_HEX + 1];
    _Atomic bool gone;
};

/* What happened: an event for everyone, or a changed order. */
struct recent {
    int64_t at_ms;
    struct object_id order_id; /* all zero: for everyone */
    size_t length;
    char text[RECENT_BYTES];
};

struct live {
    struct arena *arena; /* of the members, who are used again */
    struct member *members, *spare;
    size_t count, signed_in;
    int64_t refused_look_ms; /* when to look next for those who are refused */
    _Atomic(struct member *) gone;
    struct buf news; /* events for everyone, ready to be sent */
    struct object_id changed[CHANGED_MAX];
    size_t changed_count;
    int64_t sent_ms, heartbeat_ms;
    struct recent recent[RECENT_MAX];
    size_t recent_count;  /* ever; the newest is at (recent_count - 1) % RECENT_MAX */
    int64_t forgotten_ms; /* nothing is known of what happened up to then */
};

#define STALE STR("event: stale\ndata: 1\n\n")
#define NUDGE STR("event: order\ndata: 1\n\n")
#define BEAT  STR(":\n\n")

struct live *live_new(struct arena *arena, int64_t now_ms)
{
    struct live *live = arena_alloc(arena, sizeof *live);

    if (!live) return NULL;
    live->forgotten_ms = now_ms;
    live->arena = arena_new(MEMBERS_MAX * (sizeof(struct member) + 16) + 4096);
    if (!live->arena) return NULL;
    buf_init(&live->news, NULL, NEWS_MAX);
    atomic_init(&live->gone, NULL);
    return live;
}

/* --- who is there ---------------------------------------------------------------------------- */

/* In a loop thread: the browser has left. */
static void left(void *context)
{
    struct member *member = context;
    struct live *live = ((struct web *)member->env->state)->live;
    struct member *head = atomic_load(&live->gone);

    atomic_store(&member->gone, true);
    do
        member->gone_next = head;
    while (!atomic_compare_exchange_weak(&live->gone, &head, member));
    env_job_poke(member->env, LIVE_JOB);
}

static struct member *member_add(struct live *live, struct env *env)
{
    struct member *member = live->spare;

    if (live->count == MEMBERS_MAX) return NULL;
    if (member)
        live->spare = member->next;
    else
        member = arena_alloc(live->arena, sizeof *member);
    if (!member) return NULL;
    *member = (struct member){.next = live->members, .env = env};
    if (live->members) live->members->previous = member;
    live->members = member;
    live->count++;
    metric_add(METRIC_LIVE_CLIENTS, 1);
    return member;
}

static void member_remove(struct live *live, struct member *member)
{
    if (member->previous)
        member->previous->next = member->next;
    else
        live->members = member->next;
    if (member->next) member->next->previous = member->previous;
    live->signed_in -= *member->user_id != '\0';
    member->next = live->spare;
    live->spare = member;
    live->count--;
    metric_add(METRIC_LIVE_CLIENTS, -1);
}

/* After stream_end `left` cannot run any more; one that has run put the member on the stack. */
static void member_drop(struct live *live, struct member *member)
{
    stream_end(member->stream);
    member->stream = NULL;
    if (!atomic_load(&member->gone)) member_remove(live, member);
}

static void bury_the_gone(struct live *live)
{
    struct member *member = atomic_exchange(&live->gone, NULL);

    while (member) {
        struct member *next = member->gone_next;

        if (member->stream) stream_end(member->stream);
        member_remove(live, member);
        member = next;
    }
}

void live_free(struct live *live)
{
    if (!live) return;
    bury_the_gone(live);
    while (live->members)
        member_drop(live, live->members);
    buf_free(&live->news);
    arena_free(live->arena);
}

/* --- what was missed -------------------------------------------------------------------------- */

static bool is_zero(struct object_id id)
{
    return object_id_eq(id, (struct object_id){{0}});
}

static struct recent *remember(struct live *live, int64_t now_ms, struct object_id order_id)
{
    struct recent *recent = &live->recent[live->recent_count++ % RECENT_MAX];

    if (live->recent_count > RECENT_MAX) live->forgotten_ms = recent->at_ms;
    recent->at_ms = now_ms;
    recent->order_id = order_id;
    recent->length = 0;
    return recent;
}

/* Everything since then that the member may hear. */
static void catch_up(const struct live *live, const struct member *member, int64_t since_ms,
                     struct buf *out)
{
    size_t first = live->recent_count > RECENT_MAX ? live->recent_count - RECENT_MAX : 0;
    bool nudged = false;

    for (size_t i = first; i < live->recent_count; i++) {
        const struct recent *recent = &live->recent[i % RECENT_MAX];

        if (recent->at_ms + OVERLAP_MS < since_ms) continue;
        buf_append(out, (struct str){recent->text, recent->length});
        if (nudged || is_zero(recent->order_id)) continue;
        nudged = object_id_eq(recent->order_id, member->order_id);
        if (nudged) buf_append(out, NUDGE);
    }
}

/* A fresh page says when it was made, one whose stream broke what it heard last. Only the latter is
 * told to look again: a page that was made just now would do so for ever on a busy day. */
static void greet(struct request *rq, const struct live *live, const struct member *member,
                  struct buf *out)
{
    struct str last = request_header(rq, "last-event-id");
    struct str since = last.at ? last : request_query(rq, "since");
    int64_t since_ms;

    buf_append(out, STR("retry: 2000\n\n"));
    if (!since.at || !str_to_int64(since, &since_ms)) return;
    if (last.at && since_ms < live->forgotten_ms)
        buf_append(out, STALE);
    else
        catch_up(live, member, since_ms, out);
}

struct str live_path(struct request *rq, struct str order_id)
{
    struct buf path;

    buf_init(&path, rq->arena, 128);
    buf_printf(&path, "/live?since=%lld", (long long)env_now_ms(rq->env));
    if (order_id.len) {
        buf_append(&path, STR("&order="));
        buf_append(&path, order_id);
    }
    return path.failed ? STR("/live") : buf_str(&path);
}

/* --- joining --------------------------------------------------------------------------------- */

static void note_user(struct live *live, struct member *member, const struct session_user *user)
{
    if (!user->id.len) return;
    snprintf(member->user_id, sizeof member->user_id, "%.*s", (int)user->id.len, user->id.at);
    memcpy(member->sid_hash, user->sid_hash, sizeof member->sid_hash);
    live->signed_in++;
}

/* When the job has to run although nothing happens. */
static int64_t next_ms_of(const struct live *live)
{
    if (!live->members) return JOB_NEVER;
    return live->signed_in && live->refused_look_ms < live->heartbeat_ms ? live->refused_look_ms
                                                                         : live->heartbeat_ms;
}

static enum err join(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct live *live = web_of(rq)->live;
    const struct object_id *order_id = rq->state;
    struct member *member = member_add(live, rq->env);

    if (!member) return ERR_QUEUE_FULL;
    if (order_id) member->order_id = *order_id;
    rp->status = 200;
    greet(rq, live, member, &rp->body);
    member->stream = reply_stream(rq, rp, "text/event-stream; charset=utf-8", left, member);
    if (!member->stream) {
        member_remove(live, member);
        return ERR_MEMORY;
    }
    reply_header(rp, "Cache-Control", STR("no-store"));
    reply_header(rp, "X-Accel-Buffering", STR("no"));
    if (live->heartbeat_ms == 0) live->heartbeat_ms = tx->now_ms + HEARTBEAT_MS;
    note_user(live, member, &rq->user);
    env_job_due(rq->env, LIVE_JOB, next_ms_of(live));
    return OK;
}

/* Only the owner of an order hears of it, and who that is only the API knows. */
static enum err took_order(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    if (!api_ok(rq, NULL)) return reply_empty(rp, 204); /* and do not come again */
    return request_then(rq, IN_WRITER, join);
}

/* GET /live?order=: text/event-stream (HTML, "Server-sent events"). Events: ticket, the state of
 * one as JSON; order, the order has changed; stale, look again. */
enum err get_live(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct str order = request_query(rq, "order");
    struct object_id *id;

    (void)tx;
    if (!order.at) return request_then(rq, IN_WRITER, join);
    id = arena_alloc(rq->arena, sizeof *id);
    if (!id) return ERR_MEMORY;
    if (!object_id_parse(order, id)) return reply_empty(rp, 204);
    rq->state = id;
    return request_call(rq, METHOD_GET, path_of(rq, "/api/orders/", order, ""), STR(""),
                        took_order);
}

/* --- sending --------------------------------------------------------------------------------- */

static bool is_changed(const struct live *live, const struct member *member)
{
    for (size_t i = 0; i < live->changed_count; i++)
        if (object_id_eq(live->changed[i], member->order_id)) return true;
    return false;
}

/* False: the browser is gone, or too slow. */
static bool tell(const struct live *live, const struct member *member, struct str news, bool beat)
{
    if (live->changed_count && is_changed(live, member) && !stream_write(member->stream, NUDGE))
        return false;
    if (news.len) return stream_write(member->stream, news);
    return !beat || stream_write(member->stream, BEAT);
}

static void end_the_refused(struct env *env, struct live *live, int64_t now_ms)
{
    if (now_ms < live->refused_look_ms) return;
    live->refused_look_ms = now_ms + REFUSED_MS;
    for (struct member *member = live->members, *next; member && live->signed_in; member = next) {
        struct session_user user = {.id = str_of(member->user_id)};

        next = member->next;
        if (!member->stream || !user.id.len) continue;
        memcpy(user.sid_hash, member->sid_hash, sizeof user.sid_hash);
        if (env_session_refused(env, &user, now_ms)) member_drop(live, member);
    }
}

enum err live_send(struct env *env, struct tx *tx, int64_t *next_ms)
{
    struct live *live = ((struct web *)env->state)->live;
    struct str news = live->news.failed ? STALE : buf_str(&live->news);
    bool beat = live->heartbeat_ms <= tx->now_ms;

    bury_the_gone(live);
    end_the_refused(env, live, tx->now_ms);
    if (news.len || live->changed_count || beat) {
        for (struct member *member = live->members, *next; member; member = next) {
            next = member->next;
            if (member->stream && !tell(live, member, news, beat)) member_drop(live, member);
        }
        live->sent_ms = tx->now_ms;
    }
    buf_reset(&live->news);
    live->changed_count = 0;
    if (beat) live->heartbeat_ms = tx->now_ms + HEARTBEAT_MS;
    *next_ms = next_ms_of(live);
    return OK;
}

/* --- what happens ----------------------------------------------------------------------------- */

/* Soon: at once, unless so many listen that the last sending still counts. */
static void send_soon(struct env *env, const struct tx *tx)
{
    const struct live *live = ((struct web *)env->state)->live;
    int64_t due_ms = live->sent_ms + (int64_t)(live->count / MEMBERS_A_MS);

    if (!live->members) return;
    env_job_due(env, LIVE_JOB, due_ms > tx->now_ms ? due_ms : tx->now_ms);
}

static void put_price(struct json_writer *json, int64_t cents)
{
    char memory[32];
    struct buf price = {.at = memory, .cap = sizeof memory, .max = sizeof memory};

    if (cents % 100)
        buf_printf(&price, "$%lld.%02lld", (long long)(cents / 100), (long long)(cents % 100));
    else
        buf_printf(&price, "$%lld", (long long)(cents / 100));
    json_put_text(json, buf_str(&price));
}

/* What anybody may see of a ticket. The id is the time, for when the stream breaks. */
static void tell_ticket(struct env *env, const struct tx *tx, struct object_id id, struct str title,
                        int64_t price_cents, struct str state)
{
    struct live *live = ((struct web *)env->state)->live;
    struct recent *recent = remember(live, tx->now_ms, (struct object_id){{0}});
    struct object_id_text text = object_id_text(id);
    struct buf out = {.at = recent->text, .cap = RECENT_BYTES, .max = RECENT_BYTES};
    struct json_writer json = json_writer_to(&out);

    buf_printf(&out, "id: %lld\nevent: ticket\ndata: ", (long long)tx->now_ms);
    json_begin_object(&json);
    json_key(&json, "id");
    json_put_text(&json, str_of(text.hex));
    json_key(&json, "state");
    json_put_text(&json, state);
    json_key(&json, "title");
    json_put_text(&json, title);
    json_key(&json, "price");
    put_price(&json, price_cents);
    json_end_object(&json);
    buf_append(&out, STR("\n\n"));
    if (out.failed) return; /* control characters by the hundred: its page will tell */
    recent->length = out.len;
    if (!live->members) return;
    buf_append(&live->news, buf_str(&out));
    send_soon(env, tx);
}

static enum verdict on_ticket_created(struct env *env, struct tx *tx, const void *event)
{
    const struct ticket_created *ticket = event;

    tell_ticket(env, tx, ticket->id, ticket->title, ticket->price_cents, STR("new"));
    return VERDICT_SEEN;
}

static enum verdict on_ticket_updated(struct env *env, struct tx *tx, const void *event)
{
    const struct ticket_updated *ticket = event;
    bool held = !is_zero(ticket->order_id);

    tell_ticket(env, tx, ticket->id, ticket->title, ticket->price_cents,
                ticket->sold ? STR("sold")
                : held       ? STR("reserved")
                             : STR("free"));
    return VERDICT_SEEN;
}

static enum verdict order_changed(struct env *env, const struct tx *tx, struct object_id id)
{
    struct live *live = ((struct web *)env->state)->live;

    remember(live, tx->now_ms, id);
    if (!live->members) return VERDICT_SEEN;
    if (live->changed_count < CHANGED_MAX)
        live->changed[live->changed_count++] = id;
    else
        live->news.failed = true; /* then everyone looks again */
    send_soon(env, tx);
    return VERDICT_SEEN;
}

static enum verdict on_order_cancelled(struct env *env, struct tx *tx, const void *event)
{
    return order_changed(env, tx, ((const struct order_cancelled *)event)->id);
}

static enum verdict on_order_completed(struct env *env, struct tx *tx, const void *event)
{
    return order_changed(env, tx, ((const struct order_completed *)event)->id);
}

static enum verdict on_payment_failed(struct env *env, struct tx *tx, const void *event)
{
    return order_changed(env, tx, ((const struct payment_failed *)event)->order_id);
}

static enum verdict on_payment_refunded(struct env *env, struct tx *tx, const void *event)
{
    return order_changed(env, tx, ((const struct payment_refunded *)event)->order_id);
}

const struct listener web_listeners[WEB_LISTENERS] = {
    {EVENT_TICKET_CREATED, on_ticket_created},   {EVENT_TICKET_UPDATED, on_ticket_updated},
    {EVENT_ORDER_CANCELLED, on_order_cancelled}, {EVENT_ORDER_COMPLETED, on_order_completed},
    {EVENT_PAYMENT_FAILED, on_payment_failed},   {EVENT_PAYMENT_REFUNDED, on_payment_refunded},
};
