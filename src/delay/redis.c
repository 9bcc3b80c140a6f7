/* delay/redis.c: delay.h on Redis; the only file that knows hiredis. */
#include "delay/delay.h"

#include "base/log.h"

#include <hiredis/hiredis.h>
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

/* KEYS: due, claimed. ARGV: now, until, max. Claims that lapsed are due again, since then. */
static const char claim_script[] =
    "local back = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])\n"
    "for _, id in ipairs(back) do\n"
    "  redis.call('ZREM', KEYS[2], id)\n"
    "  redis.call('ZADD', KEYS[1], ARGV[1], id)\n"
    "end\n"
    "local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])\n"
    "for _, id in ipairs(ids) do\n"
    "  redis.call('ZREM', KEYS[1], id)\n"
    "  redis.call('ZADD', KEYS[2], ARGV[2], id)\n"
    "end\n"
    "return ids";

struct delay {
    struct delay_address address;
    redisContext *redis; /* NULL: not connected */
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

bool delay_address_parse(const char *text, struct delay_address *out)
{
    static const char scheme[] = "redis://";
    const char *at = text + sizeof scheme - 1, *end, *colon, *slash;
    int64_t port, database = 0;

    memset(out, 0, sizeof *out);
    if (strncmp(text, scheme, sizeof scheme - 1) != 0) return false;
    end = strrchr(at, '@');
    if (end && (*at != ':' || !copy_part(out->password, sizeof out->password, at + 1, end)))
        return false;
    if (end) at = end + 1;
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
    snprintf(delay->due, sizeof delay->due, "%s:due", name);
    snprintf(delay->claimed, sizeof delay->claimed, "%s:claimed", name);
    return delay;
}

static void disconnect(struct delay *delay)
{
    if (delay->redis) redisFree(delay->redis);
    delay->redis = NULL;
}

void delay_close(struct delay *delay)
{
    if (!delay) return;
    disconnect(delay);
    free(delay);
}

/* NULL: there was no good answer, and the connection is closed. */
static redisReply *ask(struct delay *delay, int count, const char **words)
{
    redisReply *reply = redisCommandArgv(delay->redis, count, words, NULL);

    if (reply && reply->type != REDIS_REPLY_ERROR) return reply;
    log_event(LOG_WARN, "delay", "redis.failed",
              log_text("reason", str_of(reply ? reply->str : delay->redis->errstr)));
    freeReplyObject(reply);
    disconnect(delay);
    return NULL;
}

static bool say(struct delay *delay, const char *command, const char *word)
{
    const char *words[] = {command, word};
    redisReply *reply = ask(delay, 2, words);

    freeReplyObject(reply);
    return reply != NULL;
}

static bool connected(struct delay *delay)
{
    struct timeval most = {.tv_usec = DELAY_MS_MAX * 1000};
    const struct delay_address *address = &delay->address;
    char database[16];

    if (delay->redis) return true;
    delay->redis = redisConnectWithTimeout(address->host, address->port, most);
    if (!delay->redis) return false;
    if (delay->redis->err || redisSetTimeout(delay->redis, most) != REDIS_OK) {
        log_event(LOG_WARN, "delay", "redis.failed",
                  log_text("reason", str_of(delay->redis->errstr)));
        disconnect(delay);
        return false;
    }
    if (*address->password && !say(delay, "AUTH", address->password)) return false;
    snprintf(database, sizeof database, "%d", address->database);
    return address->database == 0 || say(delay, "SELECT", database);
}

/* --- the calls ----------------------------------------------------------------------------- */

enum err delay_ping(struct delay *delay)
{
    const char *words[] = {"PING"};
    redisReply *reply = connected(delay) ? ask(delay, 1, words) : NULL;

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
    if (!connected(delay)) return ERR_UNAVAILABLE;
    for (size_t i = 0; i < count; i++) {
        snprintf(texts[2 * i], TEXT_BYTES, "%s", object_id_text(items[i].id).hex);
        snprintf(texts[2 * i + 1], TEXT_BYTES, "%lld", (long long)items[i].due_at_ms);
        words[5 + 2 * i] = texts[2 * i];
        words[6 + 2 * i] = texts[2 * i + 1];
    }
    reply = ask(delay, (int)(5 + 2 * count), words);
    freeReplyObject(reply);
    return reply ? OK : ERR_UNAVAILABLE;
}

enum err delay_claim(struct delay *delay, int64_t now_ms, int64_t lease_ms, struct object_id *out,
                     size_t max, size_t *count)
{
    char now[TEXT_BYTES], until[TEXT_BYTES], most[TEXT_BYTES];
    const char *words[] = {"EVAL", claim_script, "2", delay->due, delay->claimed, now, until, most};
    redisReply *reply;

    *count = 0;
    if (!connected(delay)) return ERR_UNAVAILABLE;
    snprintf(now, sizeof now, "%lld", (long long)now_ms);
    snprintf(until, sizeof until, "%lld", (long long)(now_ms + lease_ms));
    snprintf(most, sizeof most, "%zu", max);
    reply = ask(delay, sizeof words / sizeof *words, words);
    if (!reply) return ERR_UNAVAILABLE;
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
    if (!connected(delay)) return ERR_UNAVAILABLE;
    for (size_t i = 0; i < count; i++) {
        snprintf(texts[i], TEXT_BYTES, "%s", object_id_text(ids[i]).hex);
        words[2 + i] = texts[i];
    }
    reply = ask(delay, (int)(2 + count), words);
    freeReplyObject(reply);
    return reply ? OK : ERR_UNAVAILABLE;
}
