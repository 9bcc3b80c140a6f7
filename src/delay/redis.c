/* delay/redis.c: delay.h on Redis. */
#include "delay/delay.h"

#include "base/percent.h"
#include "delay/tls.h"
#include "telemetry/log.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

#define KEY_BYTES  64
#define TEXT_BYTES 25 /* 24 hex digits, or a time in milliseconds, and the end */

/* KEYS: due, claimed. ARGV: id, due, id, due, … */
static const char put_script[] = "for i = 1, #ARGV, 2 do\n"
                                 "  if not redis.call('ZSCORE', KEYS[2], ARGV[i]) then\n"
                                 "    redis.call('ZADD', KEYS[1], ARGV[i + 1], ARGV[i])\n"
                                 "  end\n"
                                 "end\n"
                                 "return 0";

/* KEYS: due, claimed. ARGV: now, lease, max. A lease is counted by the server's clock, one for all
 * replicas; should that be set back, no claim holds for longer than a lease from then on. Claims
 * that lapsed are due again. */
static const char claim_script[] =
    "local time = redis.call('TIME')\n"
    "local server = time[1] * 1000 + math.floor(time[2] / 1000)\n"
    "local ends = string.format('%.0f', server + ARGV[2])\n"
    "local far = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. ends, '+inf', 'LIMIT', 0, ARGV[3])\n"
    "for _, id in ipairs(far) do redis.call('ZADD', KEYS[2], ends, id) end\n"
    "local back = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', server),\n"
    "  'LIMIT', 0, ARGV[3])\n"
    "for _, id in ipairs(back) do\n"
    "  redis.call('ZREM', KEYS[2], id)\n"
    "  redis.call('ZADD', KEYS[1], ARGV[1], id)\n"
    "end\n"
    "local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])\n"
    "for _, id in ipairs(ids) do\n"
    "  redis.call('ZREM', KEYS[1], id)\n"
    "  redis.call('ZADD', KEYS[2], ends, id)\n"
    "end\n"
    "return ids";

struct delay {
    struct delay_address address;
    redisContext *redis; /* NULL: not connected */
    struct tls *tls;     /* NULL: in the clear */
    _Atomic bool away;   /* what was asked last was not answered well */
    char due[KEY_BYTES], claimed[KEY_BYTES];
};

/* --- the address --------------------------------------------------------------------------- */

static bool copy_part(char *out, size_t room, const char *from, const char *end)
{
    size_t length = (size_t)(end - from);

    if (length >= room) return false;
    memcpy(out, from, length);
    out[length] = '\0';
    return true;
}

/* Takes "[user]:password@" off the front. */
static bool take_user(const char **at, const char *end, struct delay_address *out)
{
    const char *colon = end ? memchr(*at, ':', (size_t)(end - *at)) : NULL;

    if (!end) return true;
    if (!colon || colon + 1 == end) return false;
    if (!copy_part(out->user, sizeof out->user, *at, colon) ||
        !percent_decode_in_place(out->user) ||
        !copy_part(out->password, sizeof out->password, colon + 1, end) ||
        !percent_decode_in_place(out->password))
        return false;
    *at = end + 1;
    return true;
}

static bool take_path(const char *at, struct delay_address *out)
{
    const char *end = strstr(at, "@/");

    return take_user(&at, end, out) && *at == '/' &&
           copy_part(out->path, sizeof out->path, at, at + strlen(at));
}

static const char *after_scheme(const char *text, bool *tls)
{
    static const char plain[] = "redis://", secured[] = "rediss://";

    *tls = strncmp(text, secured, sizeof secured - 1) == 0;
    if (*tls) return text + sizeof secured - 1;
    return strncmp(text, plain, sizeof plain - 1) == 0 ? text + sizeof plain - 1 : NULL;
}

bool delay_address_parse(const char *text, struct delay_address *out)
{
    static const char local[] = "unix:";
    const char *at, *end, *colon, *slash;
    int64_t port, database = 0;

    memset(out, 0, sizeof *out);
    if (strncmp(text, local, sizeof local - 1) == 0) return take_path(text + sizeof local - 1, out);
    at = after_scheme(text, &out->tls);
    if (!at) return false;
    if (!take_user(&at, strrchr(at, '@'), out)) return false;
    slash = strchr(at, '/');
    end = slash ? slash : at + strlen(at);
    colon = memrchr(at, ':', (size_t)(end - at));
    if (!colon || colon == at) return false;
    if (*at == '[' && colon[-1] == ']') {
        if (!copy_part(out->host, sizeof out->host, at + 1, colon - 1)) return false;
    } else if (!copy_part(out->host, sizeof out->host, at, colon)) {
        return false;
    }
    if (!str_to_int64((struct str){colon + 1, (size_t)(end - colon - 1)}, &port) || port < 1 ||
        port > 65535)
        return false;
    if (slash && slash[1] && (!str_to_int64(str_of(slash + 1), &database) || database > 65535))
        return false;
    out->port = (int)port;
    out->database = (int)database;
    return true;
}

/* --- the connection ------------------------------------------------------------------------ */

struct delay *delay_open(const struct delay_address *address, const char *name)
{
    struct delay *delay = calloc(1, sizeof *delay);

    if (!delay) return NULL;
    delay->address = *address;
    delay->tls = address->tls ? tls_open(address->ca) : NULL;
    if (address->tls && !delay->tls) {
        free(delay);
        return NULL;
    }
    snprintf(delay->due, sizeof delay->due, "%s:due", name);
    snprintf(delay->claimed, sizeof delay->claimed, "%s:claimed", name);
    return delay;
}

static void redis_disconnect(struct delay *delay)
{
    if (delay->redis) redisFree(delay->redis);
    delay->redis = NULL;
}

void delay_close(struct delay *delay)
{
    if (!delay) return;
    redis_disconnect(delay);
    tls_close(delay->tls);
    free(delay);
}

/* Told once, until it is back. */
static void redis_note_away(struct delay *delay, const char *reason)
{
    if (!atomic_exchange(&delay->away, true))
        log_event(LOG_WARN, "delay", "redis.failed", log_text("reason", str_of(reason)));
}

static void note_back(struct delay *delay)
{
    if (atomic_exchange(&delay->away, false)) log_event(LOG_INFO, "delay", "redis.back");
}

bool delay_connected(const struct delay *delay)
{
    return !atomic_load(&delay->away);
}

/* NULL: there was no good answer, and the connection is closed. */
static redisReply *redis_ask(struct delay *delay, int count, const char **words)
{
    redisReply *reply = redisCommandArgv(delay->redis, count, words, NULL);

    if (reply && reply->type != REDIS_REPLY_ERROR) return reply;
    redis_note_away(delay, reply ? reply->str : delay->redis->errstr);
    freeReplyObject(reply);
    redis_disconnect(delay);
    return NULL;
}

static bool redis_run(struct delay *delay, int count, const char **words)
{
    redisReply *reply = redis_ask(delay, count, words);

    freeReplyObject(reply);
    return reply != NULL;
}

/* As the user when there is one (Redis 6, ACL), else by the password alone. */
static bool redis_sign_in(struct delay *delay)
{
    const struct delay_address *address = &delay->address;
    const char *words[3] = {"AUTH"};
    int count = 1;

    if (*address->user) words[count++] = address->user;
    words[count++] = address->password;
    return !*address->password || redis_run(delay, count, words);
}

static bool redis_connected(struct delay *delay)
{
    struct timeval most = {.tv_usec = DELAY_MS_MAX * 1000};
    const struct delay_address *address = &delay->address;
    char database[16];
    const char *words[] = {"SELECT", database};

    if (delay->redis) return true;
    delay->redis = *address->path ? redisConnectUnixWithTimeout(address->path, most)
                                  : redisConnectWithTimeout(address->host, address->port, most);
    if (!delay->redis) return false;
    if (delay->redis->err || redisSetTimeout(delay->redis, most) != REDIS_OK ||
        (delay->tls && !tls_start(delay->tls, delay->redis, address->host))) {
        redis_note_away(delay, delay->redis->errstr);
        redis_disconnect(delay);
        return false;
    }
    if (!redis_sign_in(delay)) return false;
    snprintf(database, sizeof database, "%d", address->database);
    return address->database == 0 || redis_run(delay, 2, words);
}

/* --- the calls ----------------------------------------------------------------------------- */

enum err delay_ping(struct delay *delay)
{
    const char *words[] = {"PING"};
    redisReply *reply = redis_connected(delay) ? redis_ask(delay, 1, words) : NULL;

    if (reply) note_back(delay);
    freeReplyObject(reply);
    return reply ? OK : ERR_UNAVAILABLE;
}

enum err delay_put(struct delay *delay, const struct delayed *items, size_t count)
{
    char texts[2 * DELAY_CALL_MAX][TEXT_BYTES];
    const char *words[5 + 2 * DELAY_CALL_MAX] = {"EVAL", put_script, "2", delay->due,
                                                 delay->claimed};
    redisReply *reply;

    ASSERT(count <= DELAY_CALL_MAX);
    if (!count) return OK;
    if (!redis_connected(delay)) return ERR_UNAVAILABLE;
    for (size_t i = 0; i < count; i++) {
        snprintf(texts[2 * i], TEXT_BYTES, "%s", object_id_text(items[i].id).hex);
        snprintf(texts[2 * i + 1], TEXT_BYTES, "%lld", (long long)items[i].due_at.ms);
        words[5 + 2 * i] = texts[2 * i];
        words[6 + 2 * i] = texts[2 * i + 1];
    }
    reply = redis_ask(delay, (int)(5 + 2 * count), words);
    freeReplyObject(reply);
    return reply ? OK : ERR_UNAVAILABLE;
}

enum err delay_claim(struct delay *delay, struct wall_ms now, int64_t lease_ms,
                     struct object_id *out, size_t max, size_t *count)
{
    char until[TEXT_BYTES], lease[TEXT_BYTES], most[TEXT_BYTES];
    const char *words[] = {"EVAL",         claim_script, "2",   delay->due,
                           delay->claimed, until,        lease, most};
    redisReply *reply;

    *count = 0;
    if (!redis_connected(delay)) return ERR_UNAVAILABLE;
    snprintf(until, sizeof until, "%lld", (long long)now.ms);
    snprintf(lease, sizeof lease, "%lld", (long long)lease_ms);
    snprintf(most, sizeof most, "%zu", max);
    reply = redis_ask(delay, sizeof words / sizeof *words, words);
    if (!reply) return ERR_UNAVAILABLE;
    note_back(delay);
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements && *count < max;
         i++) {
        const redisReply *id = reply->element[i];

        if (id->type == REDIS_REPLY_STRING &&
            object_id_parse((struct str){id->str, (size_t)id->len}, &out[*count]))
            ++*count;
    }
    freeReplyObject(reply);
    return OK;
}

enum err delay_done(struct delay *delay, const struct object_id *ids, size_t count)
{
    char texts[DELAY_CALL_MAX][TEXT_BYTES];
    const char *words[2 + DELAY_CALL_MAX] = {"ZREM", delay->claimed};
    redisReply *reply;

    ASSERT(count <= DELAY_CALL_MAX);
    if (!count) return OK;
    if (!redis_connected(delay)) return ERR_UNAVAILABLE;
    for (size_t i = 0; i < count; i++) {
        snprintf(texts[i], TEXT_BYTES, "%s", object_id_text(ids[i]).hex);
        words[2 + i] = texts[i];
    }
    reply = redis_ask(delay, (int)(2 + count), words);
    freeReplyObject(reply);
    return reply ? OK : ERR_UNAVAILABLE;
}
