/* runtime/settings.c: environment variables and --listen, checked where they come in. */
#include "runtime/settings.h"

#include "base/log.h"
#include "events/events.h"
#include "http/session.h"
#include "sql/sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define ORDER_EXPIRATION_S_MAX (365 * 24 * 3600)
#define PAYMENT_GRACE_S_MAX    3600
#define TRACES_PER_SECOND_MAX  100000
#define SESSION_S_MIN          2
#define SESSION_S_MAX          86400
#define SESSION_MAX_S_MAX      (365 * 24 * 3600)
#define SECRET_MAX             255
#define RATE_MAX               1000000

static bool take_flag(const char *name, bool *out, const char *yes, const char *no, struct buf *why)
{
    const char *text = getenv(name);

    if (!text || !*text) return true;
    if (strcmp(text, yes) == 0)
        *out = true;
    else if (strcmp(text, no) == 0)
        *out = false;
    else
        buf_printf(why, "%s must be %s or %s", name, yes, no);
    return why->len == 0;
}

static bool take_seconds(const char *name, int64_t min, int64_t max, int64_t *out_ms,
                         struct buf *why)
{
    const char *text = getenv(name);
    int64_t seconds;

    if (!text || !*text) return true;
    if (!str_to_int64(str_of(text), &seconds) || seconds < min || seconds > max) {
        buf_printf(why, "%s must be a whole number from %lld to %lld", name, (long long)min,
                   (long long)max);
        return false;
    }
    *out_ms = seconds * 1000;
    return true;
}

static bool take_count(const char *name, int64_t max, int64_t *out, struct buf *why)
{
    const char *text = getenv(name);
    int64_t count;

    if (!text || !*text) return true;
    if (!str_to_int64(str_of(text), &count) || count < 0 || count > max) {
        buf_printf(why, "%s must be a whole number from 0 (no limit) to %lld", name,
                   (long long)max);
        return false;
    }
    *out = count;
    return true;
}

static bool take_limits(struct settings *settings, struct buf *why)
{
    return take_count("SIGNIN_FAILURES_PER_MINUTE", RATE_MAX, &settings->signin_failures_per_minute,
                      why) &&
           take_count("SIGNUPS_PER_HOUR", RATE_MAX, &settings->signups_per_hour, why) &&
           take_count("ORDERS_PER_MINUTE", RATE_MAX, &settings->orders_per_minute, why) &&
           take_count("CONNECTIONS_PER_ADDRESS", RATE_MAX, &settings->connections_per_address, why);
}

/* A secret: printable and without spaces, so that it fits a header line. NULL when unset. */
static bool take_secret(const char *name, const char **out, struct buf *why)
{
    const char *text = getenv(name);

    if (!text || !*text) return true;
    for (const char *at = text; *at; at++) {
        if (*at > ' ' && *at <= '~' && at - text < SECRET_MAX) continue;
        buf_printf(why, "%s must be at most %d printable characters without spaces", name,
                   SECRET_MAX);
        return false;
    }
    *out = text;
    return true;
}

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* Money's talk is encrypted, unless it stays on this machine (a test double). */
static bool base_is_fine(const char *base)
{
    static const char *const fine[] = {"https://",
                                       "http://127.0.0.1:", "http://[::1]:", "http://localhost:"};

    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
        if (starts(base, fine[i])) return strlen(base) > strlen(fine[i]);
    return false;
}

static bool take_stripe(struct settings *settings, struct buf *why)
{
    const char *base = NULL;

    if (!take_secret("STRIPE_KEY", &settings->stripe_key, why) ||
        !take_secret("STRIPE_WEBHOOK_SECRET", &settings->stripe_webhook_secret, why) ||
        !take_secret("STRIPE_API_BASE", &base, why))
        return false;
    settings->stripe_api_base = base ? base : "https://api.stripe.com";
    if (settings->stripe_key && !starts(settings->stripe_key, "sk_") &&
        !starts(settings->stripe_key, "rk_"))
        buf_append(why, STR("STRIPE_KEY must be a secret key, sk_… or rk_…"));
    else if (base && !settings->stripe_key)
        buf_append(why, STR("STRIPE_API_BASE needs STRIPE_KEY"));
    else if (base && !base_is_fine(base))
        buf_append(why, STR("STRIPE_API_BASE must begin with https://, or with http:// and this "
                            "machine's address and port"));
    else if (base && base[strlen(base) - 1] == '/')
        buf_append(why, STR("STRIPE_API_BASE must not end in a slash"));
    return why->len == 0;
}

static bool take_cookie_secure(struct settings *settings, struct buf *why)
{
    const char *text = getenv("COOKIE_SECURE");
    bool secure = false;

    if (!text || !*text) return true;
    if (!take_flag("COOKIE_SECURE", &secure, "1", "0", why)) return false;
    settings->cookie_secure = secure;
    return true;
}

static bool take_log_level(struct buf *why)
{
    const char *text = getenv("LOG_LEVEL");
    enum log_level level;

    if (!text || !*text) return true;
    if (!log_level_parse(str_of(text), &level)) {
        buf_append(why, STR("LOG_LEVEL must be debug, info, warn or error"));
        return false;
    }
    log_set_level(level);
    return true;
}

static bool take_database(struct settings *settings, struct buf *why)
{
    const char *text = getenv("DATABASE_URL");
    struct stat status;

    if (!text || !*text) return true;
    if (db_place_is_postgres(text)) {
        settings->postgres_url = text;
        return true;
    }
    if (strncmp(text, "sqlite:", 7) != 0 || !text[7]) {
        buf_append(why, STR("DATABASE_URL must be sqlite:FOLDER or "
                            "postgresql://USER:PASSWORD@HOST:PORT/DATABASE"));
        return false;
    }
    settings->sqlite_dir = text + 7;
    if (stat(settings->sqlite_dir, &status) == 0 && !S_ISDIR(status.st_mode)) {
        buf_printf(why, "DATABASE_URL: %s is not a folder", settings->sqlite_dir);
        return false;
    }
    return true;
}

/* Without its last '/'; empty when unset. */
static bool take_base(const char *name, const char *text, char *out, size_t size, struct buf *why)
{
    size_t length = text ? strlen(text) : 0;

    out[0] = '\0';
    if (!length) return true;
    while (length && text[length - 1] == '/')
        length--;
    if (length >= size || strpbrk(text, " \t\r\n?#") ||
        (!starts(text, "http://") && !starts(text, "https://")) || length <= strlen("https://")) {
        buf_printf(why, "%s must be http://HOST[:PORT] or https://HOST[:PORT]", name);
        return false;
    }
    snprintf(out, size, "%.*s", (int)length, text);
    return true;
}

bool settings_postgres_url(const struct settings *settings, const char *service, const char **url,
                           struct buf *why)
{
    char name[64];
    const char *text;

    snprintf(name, sizeof name, "DATABASE_URL_%s", service);
    for (char *at = name; *at; at++)
        if (*at >= 'a' && *at <= 'z') *at = (char)(*at - 'a' + 'A');
    text = getenv(name);
    *url = text && *text ? text : settings->postgres_url;
    if (*url == settings->postgres_url) return true;
    if (!db_place_is_postgres(text))
        buf_printf(why, "%s must be postgresql://USER:PASSWORD@HOST:PORT/DATABASE", name);
    else if (!settings->postgres_url)
        buf_printf(why, "%s needs DATABASE_URL=postgresql://…, for what has no address of its own",
                   name);
    return why->len == 0;
}

/* Kept for as long as the program runs. */
static bool take_api_base_url(struct settings *settings, struct buf *why)
{
    static char base[512];

    if (!take_base("API_BASE_URL", getenv("API_BASE_URL"), base, sizeof base, why)) return false;
    if (*base) settings->api_base_url = base;
    return true;
}

/* Kept for as long as the program runs. */
static bool take_otlp(struct settings *settings, struct buf *why)
{
    static char base[512];
    const char *text = getenv("OTEL_EXPORTER_OTLP_ENDPOINT");
    const char *rate = getenv("TRACES_PER_SECOND");

    if (!take_base("OTEL_EXPORTER_OTLP_ENDPOINT", text, base, sizeof base, why)) return false;
    if (*base) settings->otlp_endpoint = base;
    if (!rate || !*rate) return true;
    if (str_to_int64(str_of(rate), &settings->traces_per_second) &&
        settings->traces_per_second <= TRACES_PER_SECOND_MAX)
        return true;
    buf_printf(why, "TRACES_PER_SECOND must be a whole number from 0 to %d", TRACES_PER_SECOND_MAX);
    return false;
}

/* Not a secret: it is in the page. What else would be in it is. */
static bool take_publishable_key(struct settings *settings, struct buf *why)
{
    const char *text = getenv("STRIPE_PUBLISHABLE_KEY");

    if (!text || !*text) return true;
    if (strncmp(text, "pk_", 3) != 0) {
        buf_append(why, STR("STRIPE_PUBLISHABLE_KEY must begin with pk_"));
        return false;
    }
    settings->stripe_publishable_key = text;
    return true;
}

static bool take_jwt_key(struct settings *settings, struct buf *why)
{
    struct str keys[SESSION_KEYS_MAX];

    settings->jwt_key = getenv("JWT_KEY");
    if (!settings->jwt_key) return true;
    if (strlen(settings->jwt_key) >= SESSION_KEY_MIN) {
        if (session_keys_split(str_of(settings->jwt_key), keys)) return true;
        buf_append(why, STR("JWT_KEY: of two keys with a comma between them each must be at least "
                            "32 bytes"));
        return false;
    }
    buf_append(why, STR("JWT_KEY must be at least 32 bytes; unset it to have one made and kept "
                        "in the data folder"));
    return false;
}

static bool take_session(struct settings *settings, struct buf *why)
{
    if (!take_seconds("SESSION_SECONDS", SESSION_S_MIN, SESSION_S_MAX, &settings->session_ms,
                      why) ||
        !take_seconds("SESSION_MAX_SECONDS", SESSION_S_MIN, SESSION_MAX_S_MAX,
                      &settings->session_max_ms, why))
        return false;
    if (settings->session_max_ms >= settings->session_ms) return true;
    buf_append(why, STR("SESSION_MAX_SECONDS must not be less than SESSION_SECONDS"));
    return false;
}

/* host:port, the host a name, an IPv4 address, or an IPv6 address in brackets. */
static bool is_server(const char *text)
{
    size_t host = *text == '[' ? strcspn(text, "]") + 1 : strcspn(text, ":");
    int64_t port;

    if (host < 1 || host > 255 || text[host] != ':' || strpbrk(text, "/?#@ \"\\")) return false;
    return str_to_int64(str_of(text + host + 1), &port) && port >= 1 && port <= 65535;
}

static bool bad_nats_url(struct buf *why)
{
    buf_append(why, STR("NATS_URL must be nats://[USER:PASSWORD@]HOST:PORT[,HOST:PORT…], at most 8 "
                        "servers"));
    return false;
}

/* Takes "user:password@" off the front; both may not be empty. */
static bool take_user(char **at, struct bus_broker *broker)
{
    char *end = strrchr(*at, '@'), *colon = strchr(*at, ':');

    if (!end) return true;
    if (!colon || colon > end || colon == *at || colon + 1 == end) return false;
    *end = *colon = '\0';
    broker->user = *at;
    broker->password = colon + 1;
    *at = end + 1;
    return true;
}

/* Kept for as long as the program runs. The password is never shown and never logged. */
static bool take_nats(struct settings *settings, struct buf *why)
{
    static char copy[2048], servers[BROKERS_MAX][300];
    static const char *subjects[EVENT_TYPES + 1];
    static struct bus_broker broker;
    const char *text = getenv("NATS_URL"), *replicas = getenv("NATS_REPLICAS");
    char *at = copy, *comma;

    broker = (struct bus_broker){.replicas = 1, .subjects = subjects};
    if (replicas && *replicas && strcmp(replicas, "1") != 0 && strcmp(replicas, "3") != 0 &&
        strcmp(replicas, "5") != 0) {
        buf_append(why, STR("NATS_REPLICAS must be 1, 3 or 5"));
        return false;
    }
    if (replicas && *replicas) broker.replicas = *replicas - '0';
    if (!text || !*text) return true;
    if (!starts(text, "nats://") || strlen(text) >= sizeof copy) return bad_nats_url(why);
    snprintf(copy, sizeof copy, "%s", text + strlen("nats://"));
    if (!take_user(&at, &broker)) return bad_nats_url(why);
    do {
        comma = strchr(at, ',');
        if (comma) *comma = '\0';
        if (broker.server_count == BROKERS_MAX || !is_server(at)) return bad_nats_url(why);
        snprintf(servers[broker.server_count], sizeof *servers, "nats://%.290s", at);
        broker.servers[broker.server_count] = servers[broker.server_count];
        broker.server_count++;
        if (comma) at = comma + 1;
    } while (comma);
    for (enum event_type type = 0; type < EVENT_TYPES; type++)
        subjects[type] = event_subject(type);
    settings->broker = &broker;
    return true;
}

/* Kept for as long as the program runs. The password is never shown and never logged. */
static bool take_redis(struct settings *settings, struct buf *why)
{
    static struct delay_address address;
    const char *text = getenv("REDIS_URL");

    if (!text || !*text) return true;
    settings->delay = &address;
    if (delay_address_parse(text, &address)) return true;
    buf_append(why, STR("REDIS_URL must be redis://[:PASSWORD@]HOST:PORT[/DATABASE]"));
    return false;
}

bool settings_from_environment(struct settings *settings, struct buf *why)
{
    bool monitoring_open = false, blocklist = true, sandbox = true;

    *settings = (struct settings){.host = "127.0.0.1",
                                  .port = 8080,
                                  .data = "./data",
                                  .order_expiration_ms = 900 * 1000,
                                  .payment_grace_ms = 120 * 1000,
                                  .traces_per_second = 100,
                                  .session_ms = 900 * 1000,
                                  .session_max_ms = INT64_C(30) * 24 * 3600 * 1000,
                                  .signin_failures_per_minute = 5,
                                  .signups_per_hour = 10,
                                  .orders_per_minute = 30,
                                  .connections_per_address = 1000,
                                  .cookie_secure = -1};
    settings->trusted_proxies = getenv("TRUSTED_PROXIES");
    if (!settings->trusted_proxies) settings->trusted_proxies = "";
    if (!take_jwt_key(settings, why) || !take_database(settings, why) ||
        !take_seconds("ORDER_EXPIRATION_SECONDS", 1, ORDER_EXPIRATION_S_MAX,
                      &settings->order_expiration_ms, why) ||
        !take_seconds("PAYMENT_GRACE_SECONDS", 0, PAYMENT_GRACE_S_MAX, &settings->payment_grace_ms,
                      why) ||
        !take_session(settings, why) || !take_stripe(settings, why) ||
        !take_publishable_key(settings, why) || !take_api_base_url(settings, why) ||
        !take_otlp(settings, why) || !take_cookie_secure(settings, why) ||
        !take_flag("AUTH_PASSWORD_BLOCKLIST", &blocklist, "on", "off", why) ||
        !take_limits(settings, why) || !take_flag("SANDBOX", &sandbox, "on", "off", why) ||
        !take_flag("MONITORING", &monitoring_open, "open", "loopback", why) ||
        !take_log_level(why) || !take_nats(settings, why) || !take_redis(settings, why))
        return false;
    settings->password_blocklist = blocklist;
    settings->sandbox = sandbox;
    settings->monitoring_open = monitoring_open;
    return true;
}

bool settings_listen(struct settings *settings, const char *text, struct buf *why)
{
    const char *colon = strrchr(text, ':');
    size_t host = colon ? (size_t)(colon - text) : 0;
    const char *host_at = text;
    int64_t port;

    if (host >= 2 && text[0] == '[' && text[host - 1] == ']') {
        host_at++;
        host -= 2;
    }
    if (host >= sizeof settings->host || !str_to_int64(str_of(colon ? colon + 1 : text), &port) ||
        port > 65535) {
        buf_printf(why, "--listen takes ADDRESS:PORT, such as 127.0.0.1:8080; got %s", text);
        return false;
    }
    if (host) {
        memcpy(settings->host, host_at, host);
        settings->host[host] = '\0';
    }
    settings->port = (int)port;
    return true;
}
