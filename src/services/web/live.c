/* services/web/live.c: one event stream a browser; what happens to tickets is told to all of them.
 *
 * Everything belongs to the service's writer: joining is a request there, events come there, and
 * one job sends what has gathered. Only the notice that a browser has left comes from other
 * threads, by way of a stack that the job empties. Whoever is signed in is also told which of their
 * own orders has changed, never how: pages then fetch themselves again, with their owner's cookie.
 *
 * However much happens, a browser is sent little: of each ticket its last state, and where too many
 * changed at once only that they did, at most once a second; a page then says so.
 *
 * The stream of somebody whose session is refused meanwhile is ended; the browser comes again, as
 * somebody without a session.
 *
 * Between a page's data and its stream there is a gap, and another whenever the stream breaks. What
 * happened last is kept, and whoever joins is first told what is newer than what it knows
 * (?since=, Last-Event-ID); hearing something twice does no harm. */
#include "services/web/live.h"

#include "base/money.h"
#include "base/siphash.h"
#include "http/server/server.h"
#include "identity/user_id.h"
#include "services/web/api.h"
#include "services/web/web.h"
#include "telemetry/metric.h"

#include <stdatomic.h>
#include <stdio.h>

#define MEMBERS_MAX   20000
#define FRESH_MAX     64    /* tickets changed between two sendings; beyond: pages look again */
#define CHANGED_MAX   1024  /* orders gathered, likewise */
#define PAUSE_MS      50    /* between two sendings, for what happens meanwhile to gather */
#define STALE_MS      1000  /* the same after pages were told to look again */
#define HEARTBEAT_MS  25000 /* so that proxies keep the stream and the gone are noticed */
#define MEMBERS_A_MS  500 /* sending to many takes time: gather for as long as the last one took */
#define LIVE_JOB      0
#define USER_ID_BYTES USER_ID_BYTES_MAX
#define REFUSED_MS    500  /* between looks for members whose session is refused by now */
#define RECENT_MAX    256  /* events kept */
#define RECENT_BYTES  1400 /* a title of 200 four-byte characters fits */
#define OWNER_SETS    4096 /* whose an order is: for so many orders, four at a place */
#define OWNER_WAYS    4
#define ORDERS_ASKED  50 /* of a visitor who joins */
#define NEWS_MAX      (FRESH_MAX * RECENT_BYTES)

struct member {
    struct member *previous, *next; /* in the list of all; next: also of the free ones */
    struct member *gone_next;
    struct env *env;
    struct stream *stream;
    uint64_t user; /* hash of the id; 0: nobody is signed in */
    char user_id[USER_ID_BYTES + 1];
    char sid_hash[SESSION_ID_HASH_HEX + 1];
    _Atomic bool gone;
};

/* What happened: an event for everyone, or a changed order. */
struct recent {
    struct wall_ms at;
    struct object_id order_id; /* all zero: for everyone */
    size_t length;
    char text[RECENT_BYTES];
};

/* A ticket's last state, or a show's, which stands in a recent of that number. */
struct fresh {
    struct object_id id;
    size_t recent;
};

struct owner {
    struct object_id order_id;
    uint64_t user; /* 0: unknown */
};

struct live {
    struct arena *arena; /* of the members, who are used again */
    struct member *members, *spare;
    size_t count, signed_in;
    struct mono_ms refused_look_at; /* when to look next for those who are refused */
    _Atomic(struct member *) gone;
    struct fresh fresh[FRESH_MAX]; /* tickets whose last state is still to be sent */
    size_t fresh_count;
    struct owner changed[CHANGED_MAX];
    size_t changed_count;
    bool too_many; /* for either of them: everyone looks again */
    struct mono_ms sent_at, heartbeat_at;
    int64_t pause_ms;
    uint64_t key[2]; /* of the hashes of users */
    struct owner owners[OWNER_SETS][OWNER_WAYS];
    size_t owner_next; /* which way is overwritten next */
    struct recent recent[RECENT_MAX];
    size_t recent_count;             /* ever; the newest is at (recent_count - 1) % RECENT_MAX */
    _Atomic(struct wall_ms) news_at; /* when the last of it happened; read by any thread */
    struct wall_ms forgotten_until;  /* nothing is known of what happened up to then */
};

#define STALE     STR("event: stale\ndata: 1\n\n")
#define HEARTBEAT STR(":\n\n")

struct live *live_new(struct arena *arena, struct random *random, struct wall_ms now)
{
    struct live *live = arena_alloc(arena, sizeof *live);

    if (!live) return NULL;
    random_fill(random, live->key, sizeof live->key);
    live->forgotten_until = now;
    atomic_init(&live->news_at, now);
    live->arena = arena_new(MEMBERS_MAX * (sizeof(struct member) + 16) + 4096);
    if (!live->arena) return NULL;
    atomic_init(&live->gone, NULL);
    return live;
}

/* --- who is there ---------------------------------------------------------------------------- */

/* In a loop thread: the browser has left. */
static void member_left(void *context)
{
    struct member *member = context;
    struct live *live = ((struct web *)member->env->state)->live;
    struct member *head = atomic_load(&live->gone);

    atomic_store(&member->gone, true);
    do
        member->gone_next = head;
    while (!atomic_compare_exchange_weak(&live->gone, &head, member));
    env_job_wake(member->env, LIVE_JOB);
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

/* After stream_end `member_left` cannot run any more; one that has run put the member on the stack.
 */
static void member_drop(struct live *live, struct member *member)
{
    stream_end(member->stream);
    member->stream = NULL;
    if (!atomic_load(&member->gone)) member_remove(live, member);
}

static void members_remove_gone(struct live *live)
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
    members_remove_gone(live);
    while (live->members)
        member_drop(live, live->members);
    arena_free(live->arena);
}

/* --- whose an order is ------------------------------------------------------------------------ *
 * Not every event of an order says whose it is. The first one does, and whoever joins brings along
 * the orders of before this program began. Bounded: the oldest of a place is forgotten. */

static bool is_zero(struct object_id id)
{
    return object_id_eq(id, (struct object_id){{0}});
}

static uint64_t user_hash(const struct live *live, struct str user_id)
{
    uint64_t hash = user_id.len ? siphash(live->key, user_id) : 0;

    return user_id.len && hash == 0 ? 1 : hash;
}

static struct owner *owner_set(struct live *live, struct object_id order_id)
{
    struct str bytes = {(const char *)order_id.bytes, sizeof order_id.bytes};

    return live->owners[siphash(live->key, bytes) % OWNER_SETS];
}

static uint64_t owner_of(struct live *live, struct object_id order_id)
{
    const struct owner *set = owner_set(live, order_id);

    for (size_t i = 0; i < OWNER_WAYS; i++)
        if (object_id_eq(set[i].order_id, order_id)) return set[i].user;
    return 0;
}

static void owner_put(struct live *live, struct object_id order_id, uint64_t user)
{
    if (owner_of(live, order_id)) return;
    owner_set(live, order_id)[live->owner_next++ % OWNER_WAYS] = (struct owner){order_id, user};
}

static void put_order_changed(struct buf *out, struct object_id order_id)
{
    struct object_id_text text = object_id_text(order_id);

    buf_printf(out, "event: order\ndata: {\"id\":\"%s\"}\n\n", text.hex);
}

/* --- what was missed -------------------------------------------------------------------------- */

static struct recent *recent_add(struct live *live, struct wall_ms now, struct object_id order_id)
{
    struct recent *recent = &live->recent[live->recent_count++ % RECENT_MAX];

    if (live->recent_count > RECENT_MAX && wall_before(live->forgotten_until, recent->at))
        live->forgotten_until = recent->at;
    recent->at = now;
    atomic_store(&live->news_at, now);
    recent->order_id = order_id;
    recent->length = 0;
    return recent;
}

/* Everything since then that the member may hear. */
static void put_missed(struct live *live, const struct member *member, struct wall_ms since,
                       struct buf *out)
{
    size_t first = live->recent_count > RECENT_MAX ? live->recent_count - RECENT_MAX : 0;

    for (size_t i = first; i < live->recent_count; i++) {
        const struct recent *recent = &live->recent[i % RECENT_MAX];

        if (wall_before(wall_after(recent->at, LIVE_OVERLAP_MS), since)) continue;
        buf_append(out, (struct str){recent->text, recent->length});
        if (member->user && !is_zero(recent->order_id) &&
            owner_of(live, recent->order_id) == member->user)
            put_order_changed(out, recent->order_id);
    }
}

/* A fresh page says when it was made (?since=); one whose stream broke, or which was hidden for a
 * while, what it heard last (Last-Event-ID, ?last=). Only the latter is told to look again: a page
 * that was made just now would do so for ever on a busy day. "here" is the end of what was missed,
 * and its id is the time from which on nothing will be. */
static void put_hello(struct request *rq, struct live *live, const struct member *member,
                      struct buf *out)
{
    struct str last = request_header(rq, "last-event-id");
    struct str since = request_query(rq, "since");
    struct wall_ms from;

    if (!last.at) last = request_query(rq, "last");
    if (last.at) since = last;
    buf_append(out, STR("retry: 2000\n\n"));
    if (since.at && str_to_int64(since, &from.ms)) {
        if (last.at && wall_before(from, live->forgotten_until))
            buf_append(out, STALE);
        else
            put_missed(live, member, from, out);
    }
    buf_printf(out, "id: %lld\nevent: here\ndata: 1\n\n", (long long)env_now(rq->run->env).ms);
}

struct wall_ms live_news_at(const struct live *live)
{
    return atomic_load(&live->news_at);
}

/* --- joining --------------------------------------------------------------------------------- */

/* The visitor's newest orders; rq->run->state. */
struct own_orders {
    size_t count;
    struct object_id at[ORDERS_ASKED];
};

static void member_set_user(struct live *live, struct member *member,
                            const struct session_user *user, const struct own_orders *orders)
{
    if (!user->id.len) return;
    snprintf(member->user_id, sizeof member->user_id, "%.*s", (int)user->id.len, user->id.at);
    memcpy(member->sid_hash, user->sid_hash, sizeof member->sid_hash);
    member->user = user_hash(live, user->id);
    live->signed_in++;
    for (size_t i = 0; orders && i < orders->count; i++)
        owner_put(live, orders->at[i], member->user);
}

/* When the job has to run although nothing happens. */
static struct mono_ms live_next(const struct live *live)
{
    if (!live->members) return MONO_NEVER;
    return live->signed_in ? mono_earlier(live->refused_look_at, live->heartbeat_at)
                           : live->heartbeat_at;
}

static enum err member_join(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct live *live = web_of(rq)->live;
    struct member *member = member_add(live, rq->run->env);

    (void)tx;
    if (!member) return ERR_QUEUE_FULL;
    member_set_user(live, member, &rq->user, rq->run->state);
    rp->status = 200;
    put_hello(rq, live, member, &rp->body);
    member->stream = reply_stream(rq, rp, "text/event-stream; charset=utf-8", member_left, member);
    if (!member->stream) {
        member_remove(live, member);
        return ERR_MEMORY;
    }
    reply_header(rp, "Cache-Control", STR("no-store"));
    reply_header(rp, "X-Accel-Buffering", STR("no"));
    if (live->heartbeat_at.ms == 0)
        live->heartbeat_at = mono_after(env_mono(rq->run->env), HEARTBEAT_MS);
    env_job_due_at(rq->run->env, LIVE_JOB, live_next(live));
    return OK;
}

/* Refused meanwhile: then as a stranger. No answer: then of orders to come. */
static enum err took_own_orders(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct own_orders *orders = rq->run->state;
    const struct json *list;

    (void)tx, (void)rp;
    if (rq->call.status == 401) rq->user = (struct session_user){.id = {NULL, 0}};
    if (api_ok(rq, &list)) {
        for (size_t i = 0; i < json_length(list) && orders->count < ORDERS_ASKED; i++) {
            struct str id = STR("");

            json_text(json_get(json_at(list, i), "id"), &id);
            if (object_id_parse(id, &orders->at[orders->count])) orders->count++;
        }
    }
    return request_then(rq, IN_WRITER, member_join);
}

/* GET /live?since=&last=&me=: text/event-stream (HTML, "Server-sent events"). Events: ticket, the
 * state of one as JSON; show, what can be had of one; order, one of the visitor's own has changed;
 * stale, more happened than is told; here, what was missed has been told. */
enum err get_live(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx, (void)rp;
    rq->run->state = NULL;
    if (!rq->user.id.len) return request_then(rq, IN_WRITER, member_join);
    rq->run->state = arena_alloc(rq->arena, sizeof(struct own_orders));
    if (!rq->run->state) return ERR_MEMORY;
    return request_call(rq, METHOD_GET, api_list(rq, "/api/orders", ORDERS_ASKED), STR(""),
                        took_own_orders);
}

/* --- sending --------------------------------------------------------------------------------- */

/* False: the browser is gone, or too slow. */
static bool member_send(const struct live *live, const struct member *member, struct str news,
                        bool heartbeat)
{
    char memory[64];

    for (size_t i = 0; member->user && i < live->changed_count; i++) {
        struct buf notice = {.at = memory, .cap = sizeof memory, .max = sizeof memory};

        if (live->changed[i].user != member->user) continue;
        put_order_changed(&notice, live->changed[i].order_id);
        if (!stream_write(member->stream, buf_str(&notice))) return false;
    }
    if (news.len) return stream_write(member->stream, news);
    return !heartbeat || stream_write(member->stream, HEARTBEAT);
}

/* What everyone is sent: of each ticket its last state. */
static struct str news_of(const struct live *live, struct arena *arena)
{
    struct buf news;

    if (live->too_many) return STALE;
    buf_init(&news, arena, NEWS_MAX);
    for (size_t i = 0; i < live->fresh_count; i++) {
        const struct recent *recent = &live->recent[live->fresh[i].recent % RECENT_MAX];

        if (live->recent_count - live->fresh[i].recent > RECENT_MAX) return STALE;
        buf_append(&news, (struct str){recent->text, recent->length});
    }
    return news.failed ? STALE : buf_str(&news);
}

static void members_end_refused(struct env *env, struct live *live, struct wall_ms now,
                                struct mono_ms mono)
{

    if (!mono_reached(mono, live->refused_look_at)) return;
    live->refused_look_at = mono_after(mono, REFUSED_MS);
    for (struct member *member = live->members, *next; member && live->signed_in; member = next) {
        struct session_user user = {.id = str_of(member->user_id)};

        next = member->next;
        if (!member->stream || !user.id.len) continue;
        memcpy(user.sid_hash, member->sid_hash, sizeof user.sid_hash);
        if (env_session_refused(env, &user, now)) member_drop(live, member);
    }
}

enum err live_send(struct env *env, struct tx *tx, struct wall_ms *next)
{
    struct live *live = ((struct web *)env->state)->live;
    struct str news = news_of(live, env->arena);
    struct mono_ms now = env_mono(env);
    bool heartbeat = mono_reached(now, live->heartbeat_at);

    members_remove_gone(live);
    members_end_refused(env, live, tx->now, now);
    if (news.len || live->changed_count || heartbeat) {
        for (struct member *member = live->members, *after; member; member = after) {
            after = member->next;
            if (member->stream && !member_send(live, member, news, heartbeat))
                member_drop(live, member);
        }
        live->sent_at = now;
        live->pause_ms = str_eq(news, STALE) ? STALE_MS : PAUSE_MS;
    }
    live->fresh_count = live->changed_count = 0;
    live->too_many = false;
    if (heartbeat) live->heartbeat_at = mono_after(now, HEARTBEAT_MS);
    *next = WALL_NEVER;
    env_job_due_at(env, LIVE_JOB, live_next(live));
    return OK;
}

/* --- what happens ----------------------------------------------------------------------------- */

/* Soon: at once, unless something was sent a moment ago, or so many listen that it still counts. */
static void live_send_soon(struct env *env)
{
    const struct live *live = ((struct web *)env->state)->live;
    int64_t busy_ms = (int64_t)(live->count / MEMBERS_A_MS);
    int64_t pause_ms = busy_ms > live->pause_ms ? busy_ms : live->pause_ms;

    if (live->members) env_job_due_at(env, LIVE_JOB, mono_after(live->sent_at, pause_ms));
}

static void put_price(struct json_writer *json, int64_t cents)
{
    char memory[32];
    struct buf price = {.at = memory, .cap = sizeof memory, .max = sizeof memory};

    money_text(&price, cents);
    json_key(json, "price");
    json_put_text(json, buf_str(&price));
    if (!*price_size(buf_str(&price))) return;
    json_key(json, "size");
    json_put_text(json, str_of(price_size(buf_str(&price))));
}

/* Where a ticket's state goes that is told next: instead of one that was not sent yet. */
static struct recent *fresh_recent(struct live *live, struct wall_ms now, struct object_id id)
{
    struct recent *recent = recent_add(live, now, (struct object_id){{0}});
    struct fresh fresh = {id, live->recent_count - 1};

    for (size_t i = 0; i < live->fresh_count; i++)
        if (object_id_eq(live->fresh[i].id, id)) {
            live->fresh[i] = fresh;
            return recent;
        }
    if (!live->members) return recent;
    if (live->fresh_count < FRESH_MAX)
        live->fresh[live->fresh_count++] = fresh;
    else
        live->too_many = true;
    return recent;
}

/* What anybody may see of a ticket. The id is the time, for when the stream breaks. */
static void ticket_changed(struct env *env, const struct tx *tx, struct object_id id,
                           struct str title, int64_t price_cents, struct str state)
{
    struct live *live = ((struct web *)env->state)->live;
    struct recent *recent = fresh_recent(live, tx->now, id);
    struct object_id_text text = object_id_text(id);
    struct buf out = {.at = recent->text, .cap = RECENT_BYTES, .max = RECENT_BYTES};
    struct json_writer json = json_writer_to(&out);

    buf_printf(&out, "id: %lld\nevent: ticket\ndata: ", (long long)tx->now.ms);
    json_begin_object(&json);
    json_key(&json, "id");
    json_put_text(&json, str_of(text.hex));
    json_key(&json, "state");
    json_put_text(&json, state);
    json_key(&json, "title");
    json_put_text(&json, title);
    put_price(&json, price_cents);
    json_end_object(&json);
    buf_append(&out, STR("\n\n"));
    if (out.failed) return; /* control characters by the hundred: its page will tell */
    recent->length = out.len;
    live_send_soon(env);
}

static enum verdict on_ticket_created(struct env *env, struct tx *tx, const void *event)
{
    const struct ticket_created *ticket = event;

    ticket_changed(env, tx, ticket->id, ticket->title, ticket->price_cents, STR("new"));
    return VERDICT_SEEN;
}

static enum verdict on_ticket_updated(struct env *env, struct tx *tx, const void *event)
{
    const struct ticket_updated *ticket = event;
    bool held = !is_zero(ticket->order_id);

    ticket_changed(env, tx, ticket->id, ticket->title, ticket->price_cents,
                   ticket->sold        ? STR("sold")
                   : held              ? STR("reserved")
                   : ticket->withdrawn ? STR("withdrawn")
                                       : STR("free"));
    return VERDICT_SEEN;
}

/* What can be had of a show now: pages of it look again, and lists say it in place. */
static enum verdict on_offers_updated(struct env *env, struct tx *tx, const void *event)
{
    struct live *live = ((struct web *)env->state)->live;
    const struct offers_updated *offers = event;
    struct recent *recent = fresh_recent(live, tx->now, offers->id);
    struct buf out = {.at = recent->text, .cap = RECENT_BYTES, .max = RECENT_BYTES};
    struct json_writer json = json_writer_to(&out);

    buf_printf(&out, "id: %lld\nevent: show\ndata: ", (long long)tx->now.ms);
    json_begin_object(&json);
    json_member_id(&json, "id", offers->id);
    json_member_int(&json, "left", offers->available);
    if (offers->lowest_cents) put_price(&json, offers->lowest_cents);
    json_end_object(&json);
    buf_append(&out, STR("\n\n"));
    recent->length = out.len;
    live_send_soon(env);
    return VERDICT_SEEN;
}

static enum verdict order_changed(struct env *env, const struct tx *tx, struct object_id id)
{
    struct live *live = ((struct web *)env->state)->live;

    recent_add(live, tx->now, id);
    if (!live->members) return VERDICT_SEEN;
    if (live->changed_count < CHANGED_MAX)
        live->changed[live->changed_count++] = (struct owner){id, owner_of(live, id)};
    else
        live->too_many = true;
    live_send_soon(env);
    return VERDICT_SEEN;
}

static enum verdict on_order_created(struct env *env, struct tx *tx, const void *event)
{
    struct live *live = ((struct web *)env->state)->live;
    const struct order_created *order = event;

    owner_put(live, order->id, user_hash(live, order->user_id));
    return order_changed(env, tx, order->id);
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

const struct listener live_listeners[LIVE_LISTENERS] = {
    {EVENT_TICKET_CREATED, on_ticket_created},     {EVENT_TICKET_UPDATED, on_ticket_updated},
    {EVENT_ORDER_CREATED, on_order_created},       {EVENT_ORDER_CANCELLED, on_order_cancelled},
    {EVENT_ORDER_COMPLETED, on_order_completed},   {EVENT_PAYMENT_FAILED, on_payment_failed},
    {EVENT_PAYMENT_REFUNDED, on_payment_refunded}, {EVENT_OFFERS_UPDATED, on_offers_updated},
};
