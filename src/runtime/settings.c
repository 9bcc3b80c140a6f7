/* runtime/settings.c: environment variables and --listen, checked where they come in. */
#include "runtime/settings.h"

#include "telemetry/log.h"
#include "base/money.h"
#include "events/events.h"
#include "runtime/environment.h"
#include "sql/sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define CONTACT_MAX            254
#define BASE_BYTES             512
#define PEM_BYTES_MAX          65536
#define ORDER_EXPIRATION_S_MAX (365 * 24 * 3600)
#define PAYMENT_GRACE_S_MAX    3600
#define TRACES_PER_SECOND_MAX  100000
#define SESSION_S_MIN          2
#define SESSION_S_MAX          86400
#define SESSION_MAX_S_MAX      (365 * 24 * 3600)
#define SECRET_MAX             255
#define RATE_MAX               1000000
#define HOLDS_MAX              100
#define RETENTION_DAYS_DEFAULT 30
#define RETENTION_DAYS_MIN     8 /* a day longer than a broker's stream keeps an event */
#define RETENTION_DAYS_MAX     36500
/* The least that each card gateway charges: Stripe 0.50 in US dollars (docs.stripe.com/currencies,
 * "Minimum and maximum charge amounts"); the sandbox moves no money and takes any price. */
#define STRIPE_CHARGE_CENTS_MIN  50
#define SANDBOX_CHARGE_CENTS_MIN 1

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

/* What a broker's stream holds can be handed to it again for as long (outbox_refill). */
static bool take_retention(struct settings *settings, struct buf *why)
{
    const char *text = getenv("RETENTION_DAYS");
    int64_t days = RETENTION_DAYS_DEFAULT;

    if (text && *text &&
        (!str_to_int64(str_of(text), &days) || days < 0 || days > RETENTION_DAYS_MAX ||
         (days > 0 && days < RETENTION_DAYS_MIN))) {
        buf_printf(why, "RETENTION_DAYS must be 0 (for ever), or a whole number from %d to %d",
                   RETENTION_DAYS_MIN, RETENTION_DAYS_MAX);
        return false;
    }
    settings->retention_ms = days * RETENTION_DAY_MS;
    return true;
}

static bool take_limits(struct settings *settings, struct buf *why)
{
    return take_count("SIGNIN_FAILURES_PER_MINUTE", RATE_MAX, &settings->signin_failures_per_minute,
                      why) &&
           take_count("SIGNIN_FAILURES_PER_DAY", RATE_MAX, &settings->signin_failures_per_day,
                      why) &&
           take_count("SIGNUPS_PER_HOUR", RATE_MAX, &settings->signups_per_hour, why) &&
           take_count("RESETS_PER_HOUR", RATE_MAX, &settings->resets_per_hour, why) &&
           take_count("ORDERS_PER_MINUTE", RATE_MAX, &settings->orders_per_minute, why) &&
           take_count("LISTINGS_PER_MINUTE", RATE_MAX, &settings->listings_per_minute, why) &&
           take_count("LISTED_TICKETS_PER_USER", RATE_MAX, &settings->listed_per_user, why) &&
           take_count("UNPAID_ORDERS_PER_USER", RATE_MAX, &settings->unpaid_per_user, why) &&
           take_count("UNPAID_ORDERS_PER_ADDRESS", RATE_MAX, &settings->unpaid_per_address, why) &&
           take_count("HOLDS_PER_HOUR", HOLDS_MAX, &settings->holds_per_hour, why) &&
           take_count("CONNECTIONS_PER_ADDRESS", RATE_MAX, &settings->connections_per_address,
                      why) &&
           take_count("DECLINES_PER_ORDER", RATE_MAX, &settings->declines_per_order, why) &&
           take_count("DECLINES_PER_ACCOUNT", RATE_MAX, &settings->declines_per_account, why) &&
           take_count("DECLINES_PER_ADDRESS", RATE_MAX, &settings->declines_per_address, why);
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

/* What nobody can be charged is not to be sold either. */
static bool take_price_minimum(struct settings *settings, struct buf *why)
{
    const char *text = getenv("PRICE_MINIMUM");

    settings->price_minimum_cents =
        settings->stripe_key ? STRIPE_CHARGE_CENTS_MIN : SANDBOX_CHARGE_CENTS_MIN;
    if (!text || !*text || price_from_text(str_of(text), &settings->price_minimum_cents))
        return true;
    buf_append(why, STR("PRICE_MINIMUM must be an amount such as 0.50, from 0.01 to 999999.99"));
    return false;
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
    if (db_dsn_is_postgres(text)) {
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

/* What begins an address, without its last '/'; *out stays as it is when unset. kept: has to last
 * as long as the program runs. */
static bool take_base(const char *name, char kept[BASE_BYTES], const char **out, struct buf *why)
{
    const char *text = getenv(name);
    size_t length = text ? strlen(text) : 0;

    if (!length) return true;
    while (length && text[length - 1] == '/')
        length--;
    if (length >= BASE_BYTES || strpbrk(text, " \t\r\n?#") ||
        (!starts(text, "http://") && !starts(text, "https://")) || length <= strlen("https://")) {
        buf_printf(why, "%s must be http://HOST[:PORT] or https://HOST[:PORT]", name);
        return false;
    }
    snprintf(kept, BASE_BYTES, "%.*s", (int)length, text);
    *out = kept;
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
    if (!db_dsn_is_postgres(text))
        buf_printf(why, "%s must be postgresql://USER:PASSWORD@HOST:PORT/DATABASE", name);
    else if (!settings->postgres_url)
        buf_printf(why, "%s needs DATABASE_URL=postgresql://…, for what has no address of its own",
                   name);
    return why->len == 0;
}

static bool take_bases(struct settings *settings, struct buf *why)
{
    static char api[BASE_BYTES], public[BASE_BYTES];

    return take_base("API_BASE_URL", api, &settings->api_base_url, why) &&
           take_base("PUBLIC_URL", public, &settings->public_url, why);
}

static const char *text_or_null(const char *name)
{
    const char *text = getenv(name);

    return text && *text ? text : NULL;
}

/* One @ with something on either side, and nothing that could end a header or an address. */
static bool is_mailbox(const char *text)
{
    const char *open = strchr(text, '<'), *address = open ? open + 1 : text;
    size_t length = strcspn(address, ">"), at = strcspn(address, "@");

    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f || *c == '"' || *c == '\\') return false;
    if (strlen(text) > CONTACT_MAX || (open && strcmp(address + length, ">") != 0)) return false;
    if (strcspn(address, " (),:;[]") < length || at == 0 || at + 1 >= length) return false;
    return (open || !address[length]) && strcspn(address + at + 1, "@<") >= length - at - 1;
}

/* Mail leaves over TLS, unless its server is on this machine. */
static bool take_mail(struct settings *settings, struct buf *why)
{
    const char *from = text_or_null("MAIL_FROM");

    settings->mail_from = from ? from : "Boxoffice <boxoffice@localhost>";
    if (!take_secret("SMTP_URL", &settings->smtp_url, why)) return false;
    settings->confirmed_sellers = settings->staff_factor = settings->smtp_url != NULL;
    if (!take_flag("CONFIRMED_SELLERS", &settings->confirmed_sellers, "on", "off", why) ||
        !take_flag("STAFF_FACTOR", &settings->staff_factor, "on", "off", why) ||
        !take_count("MAILS_PER_MINUTE", RATE_MAX, &settings->mails_per_minute, why))
        return false;
    if (settings->smtp_url &&
        ((!starts(settings->smtp_url, "smtp://") && !starts(settings->smtp_url, "smtps://")) ||
         settings->smtp_url[strcspn(settings->smtp_url, ":") + 3] == '\0'))
        buf_append(why, STR("SMTP_URL must be smtp://[USER:PASSWORD@]HOST[:PORT] or smtps://…; in "
                            "user and password %40 stands for @ and so on"));
    else if (!is_mailbox(settings->mail_from))
        buf_append(why, STR("MAIL_FROM must be an address of email, or a name and the address in "
                            "angle brackets"));
    else if (settings->smtp_url && !from)
        buf_append(why, STR("SMTP_URL needs MAIL_FROM, the address that mails come from"));
    else if (settings->smtp_url && !settings->public_url)
        buf_append(why, STR("SMTP_URL needs PUBLIC_URL, which the links in mails begin with"));
    return why->len == 0;
}

/* Where people write to, and what pages say about the market, in the words of who runs it. */
static bool take_operator(struct settings *settings, struct buf *why)
{
    const char *contact = text_or_null("OPERATOR_CONTACT");
    bool plain = true, page = contact && strncmp(contact, "https://", 8) == 0;

    settings->help_text = text_or_null("HELP_TEXT");
    settings->terms_text = text_or_null("TERMS_TEXT");
    settings->privacy_text = text_or_null("PRIVACY_TEXT");
    settings->operator_contact = contact;
    for (const char *at = contact; at && *at; at++)
        plain = plain && *at > ' ' && *at < 0x7f && !strchr("\"<>\\", *at);
    if (!contact || (plain && strlen(contact) <= CONTACT_MAX &&
                     (page ? contact[8] : strchr(contact, '@') > contact)))
        return true;
    buf_printf(why,
               "OPERATOR_CONTACT must be an address of email or begin with https://, in at "
               "most %d letters",
               CONTACT_MAX);
    return false;
}

static bool take_otlp(struct settings *settings, struct buf *why)
{
    static char endpoint[BASE_BYTES];
    const char *rate = getenv("TRACES_PER_SECOND");

    if (!take_base("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint, &settings->otlp_endpoint, why))
        return false;
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
    if (settings->jwt_key && !*settings->jwt_key) settings->jwt_key = NULL;
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

static bool bad_nats_url(struct buf *why)
{
    buf_append(why,
               STR("NATS_URL must be nats://[USER:PASSWORD@]HOST:PORT[,HOST:PORT…] or tls://…, at "
                   "most 8 servers; TOKEN@ in place of USER:PASSWORD@; in each %40 stands for "
                   "@ and so on"));
    return false;
}

/* The sandbox will not let the file be read later. */
static bool take_authorities(const char *name, char pem[PEM_BYTES_MAX + 1], const char **out,
                             struct buf *why)
{
    const char *path = getenv(name);
    FILE *file = path && *path ? fopen(path, "re") : NULL;
    size_t length = file ? fread(pem, 1, PEM_BYTES_MAX, file) : 0;

    if (file) (void)fclose(file);
    if (!path || !*path) return true;
    if (length && length < PEM_BYTES_MAX && strstr(pem, "-----BEGIN CERTIFICATE-----")) {
        *out = pem;
        return true;
    }
    buf_printf(why, "%s must be a file with certificates in PEM; %s is none", name, path);
    return false;
}

/* Who we are to the broker, when neither a password nor a token says it. */
static bool take_credentials(struct bus_broker *broker, struct buf *why)
{
    static char text[SECRET_FILE_MAX + 1];
    const char *creds = getenv("NATS_CREDS"), *seed = getenv("NATS_NKEY");

    if (seed && *seed) {
        broker->seed = seed;
        if (!creds && bus_nkey_valid(seed, false) && broker->user && !broker->password &&
            bus_nkey_valid(broker->user, true))
            return true;
        buf_append(why, STR("NATS_NKEY must be the seed of a user's nkey, SU…, and NATS_URL must "
                            "name the user by its public key, nats://U…@HOST:PORT; NATS_CREDS "
                            "must not be set beside it"));
        return false;
    }
    if (!creds || !*creds) return true;
    snprintf(text, sizeof text, "%s", creds);
    if (!broker->user && bus_broker_credentials(text, broker)) return true;
    buf_append(why, STR("NATS_CREDS must be the text of a credentials file, with the user's JWT "
                        "and nkey seed, and NATS_URL must not name a user; NATS_CREDS_FILE is "
                        "the path of the file"));
    return false;
}

/* Kept for as long as the program runs. The password is never shown and never logged. */
static bool take_nats(struct settings *settings, struct buf *why)
{
    static const char *subjects[EVENT_TYPES + 1];
    static char authorities[PEM_BYTES_MAX + 1];
    static struct bus_broker broker;
    const char *text = getenv("NATS_URL"), *replicas = getenv("NATS_REPLICAS");

    broker = (struct bus_broker){.replicas = 1, .subjects = subjects};
    if (replicas && *replicas && strcmp(replicas, "1") != 0 && strcmp(replicas, "3") != 0 &&
        strcmp(replicas, "5") != 0) {
        buf_append(why, STR("NATS_REPLICAS must be 1, 3 or 5"));
        return false;
    }
    if (replicas && *replicas) broker.replicas = *replicas - '0';
    if (!text || !*text) return true;
    if (!bus_broker_parse(text, &broker)) return bad_nats_url(why);
    if (!take_authorities("NATS_CA", authorities, &broker.ca, why) ||
        !take_credentials(&broker, why))
        return false;
    for (enum event_type type = 0; type < EVENT_TYPES; type++)
        subjects[type] = event_subject(type);
    settings->broker = &broker;
    return true;
}

/* Kept for as long as the program runs. The password is never shown and never logged. */
static bool take_redis(struct settings *settings, struct buf *why)
{
    static char authorities[PEM_BYTES_MAX + 1];
    static struct delay_address address;
    const char *text = getenv("REDIS_URL");

    if (!text || !*text) return true;
    if (!delay_address_parse(text, &address)) {
        buf_append(why, STR("REDIS_URL must be redis://[[USER]:PASSWORD@]HOST:PORT[/DATABASE], "
                            "rediss://… or unix:[[USER]:PASSWORD@]/PATH; in user and password %40 "
                            "stands for @ and so on"));
        return false;
    }
    if (address.tls && !delay_tls()) {
        buf_append(why, STR("REDIS_URL: rediss:// needs hiredis 1.0 or newer, and this program was "
                            "built with an older one (Debian 12's): put a TLS tunnel such as "
                            "stunnel on this machine before Redis, and name it by redis://"));
        return false;
    }
    settings->delay = &address;
    return take_authorities("REDIS_CA", authorities, &address.ca, why);
}

/* "ADDR:PORT", "[::1]:PORT", ":PORT" or "PORT"; what is left out stays as it is. */
static bool take_listen(const char *text, char host[LISTEN_HOST_MAX], int *port)
{
    const char *colon = strrchr(text, ':'), *host_at = text;
    size_t length = colon ? (size_t)(colon - text) : 0;
    int64_t number;

    if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
        host_at++;
        length -= 2;
    }
    if (length >= LISTEN_HOST_MAX || !str_to_int64(str_of(colon ? colon + 1 : text), &number) ||
        number < 0 || number > 65535)
        return false;
    if (length) {
        memcpy(host, host_at, length);
        host[length] = '\0';
    }
    *port = (int)number;
    return true;
}

static bool take_monitoring(struct settings *settings, struct buf *why)
{
    const char *text = getenv("MONITORING_LISTEN");

    if (!text || !*text) return true;
    if (take_listen(text, settings->monitoring_host, &settings->monitoring_port)) return true;
    buf_append(why, STR("MONITORING_LISTEN must be ADDRESS:PORT, such as 127.0.0.1:8222; port 0 "
                        "takes a free one"));
    return false;
}

bool settings_from_environment(struct settings *settings, struct buf *why)
{
    *settings = (struct settings){.host = "127.0.0.1",
                                  .port = 8080,
                                  .monitoring_host = "127.0.0.1",
                                  .monitoring_port = -1,
                                  .data = "./data",
                                  .order_expiration_ms = 900 * 1000,
                                  .payment_grace_ms = 120 * 1000,
                                  .traces_per_second = 100,
                                  .session_ms = 900 * 1000,
                                  .session_max_ms = INT64_C(30) * 24 * 3600 * 1000,
                                  .signin_failures_per_minute = 5,
                                  .signin_failures_per_day = 100,
                                  .signups_per_hour = 10,
                                  .resets_per_hour = 10,
                                  .mails_per_minute = 600,
                                  .orders_per_minute = 30,
                                  .listings_per_minute = 30,
                                  .listed_per_user = 2000,
                                  .unpaid_per_user = 20,
                                  .unpaid_per_address = 100,
                                  .holds_per_hour = 2,
                                  .connections_per_address = 1000,
                                  .declines_per_order = 8,
                                  .declines_per_account = 20,
                                  .declines_per_address = 40,
                                  .password_blocklist = true,
                                  .sandbox = true,
                                  .cookie_secure = -1};
    settings->trusted_proxies = getenv("TRUSTED_PROXIES");
    if (!settings->trusted_proxies) settings->trusted_proxies = "";
    if (!environment_read_secrets(settings_secrets, why) || !take_jwt_key(settings, why) ||
        !take_database(settings, why) ||
        !take_seconds("ORDER_EXPIRATION_SECONDS", 1, ORDER_EXPIRATION_S_MAX,
                      &settings->order_expiration_ms, why) ||
        !take_seconds("PAYMENT_GRACE_SECONDS", 0, PAYMENT_GRACE_S_MAX, &settings->payment_grace_ms,
                      why) ||
        !take_session(settings, why) || !take_stripe(settings, why) ||
        !take_price_minimum(settings, why) || !take_publishable_key(settings, why) ||
        !take_bases(settings, why) || !take_operator(settings, why) || !take_mail(settings, why) ||
        !take_otlp(settings, why) || !take_cookie_secure(settings, why) ||
        !take_flag("AUTH_PASSWORD_BLOCKLIST", &settings->password_blocklist, "on", "off", why) ||
        !take_limits(settings, why) || !take_retention(settings, why) ||
        !take_flag("SANDBOX", &settings->sandbox, "on", "off", why) ||
        !take_monitoring(settings, why) || !take_log_level(why))
        return false;
    return take_nats(settings, why) && take_redis(settings, why);
}

bool settings_listen(struct settings *settings, const char *text, struct buf *why)
{
    if (take_listen(text, settings->host, &settings->port)) return true;
    buf_printf(why, "--listen takes ADDRESS:PORT, such as 127.0.0.1:8080; got %s", text);
    return false;
}

int settings_monitoring_port(const struct settings *settings)
{
    if (settings->monitoring_port >= 0) return settings->monitoring_port;
    return settings->port ? MONITORING_PORT : 0;
}
