/* runtime/settings.h: what the operator chose, read once from environment and command line. */
#ifndef RUNTIME_SETTINGS_H
#define RUNTIME_SETTINGS_H

#include "base/str.h"
#include "bus/bus.h"
#include "delay/delay.h"

#define LISTEN_HOST_MAX 64

struct settings {
    char host[LISTEN_HOST_MAX]; /* --listen */
    int port;
    const char *data;         /* --data: the data folder */
    const char *services;     /* --services: comma-separated, NULL: all */
    const char *sqlite_dir;   /* DATABASE_URL=sqlite:DIR; where the databases are */
    const char *postgres_url; /* DATABASE_URL=postgresql://…, NULL: SQLite. Never shown or logged */
    const char *jwt_key;      /* JWT_KEY or NULL: DATA/jwt.key */
    int64_t session_ms;       /* SESSION_SECONDS: life of one token */
    int64_t session_max_ms;   /* SESSION_MAX_SECONDS: renewed for so long after sign-in */
    int64_t order_expiration_ms; /* ORDER_EXPIRATION_SECONDS */
    int64_t payment_grace_ms;    /* PAYMENT_GRACE_SECONDS */
    const char *stripe_key;      /* STRIPE_KEY or NULL: the sandbox. Never shown, never logged */
    const char *stripe_api_base; /* STRIPE_API_BASE, without a slash at its end */
    const char *stripe_webhook_secret; /* STRIPE_WEBHOOK_SECRET or NULL: no webhook */
    int cookie_secure;                 /* COOKIE_SECURE: 1, 0, or -1 (by the request) */
    const char *trusted_proxies;       /* TRUSTED_PROXIES, "" for none */
    bool password_blocklist;           /* AUTH_PASSWORD_BLOCKLIST */
    /* API_BASE_URL without the last '/'; NULL: the API is in this program */
    const char *api_base_url;
    const char *stripe_publishable_key; /* STRIPE_PUBLISHABLE_KEY or NULL: no card field */
    const struct delay_address *delay;  /* REDIS_URL; NULL: the service's own database alone */
    const struct bus_broker *broker;    /* NATS_URL, NATS_REPLICAS; NULL: the embedded bus */
    int64_t signin_failures_per_minute; /* SIGNIN_FAILURES_PER_MINUTE; 0 in these four: no limit */
    int64_t signups_per_hour;           /* SIGNUPS_PER_HOUR */
    int64_t orders_per_minute;          /* ORDERS_PER_MINUTE */
    int64_t connections_per_address;    /* CONNECTIONS_PER_ADDRESS */
    bool sandbox;                       /* SANDBOX */
    const char *otlp_endpoint; /* OTEL_EXPORTER_OTLP_ENDPOINT without the last '/'; NULL: none */
    int64_t traces_per_second; /* TRACES_PER_SECOND: so many begin here */
    bool monitoring_open;      /* MONITORING=open: /streaming for everyone, not loopback alone */
};

/* Defaults, then the environment; LOG_LEVEL takes effect at once. False: why says which variable is
 * wrong and what it takes. */
bool settings_from_environment(struct settings *settings, struct buf *why);
/* A service's own address of its database, from DATABASE_URL_NAME; without one postgres_url. False:
 * why says what is wrong. */
bool settings_postgres_url(const struct settings *settings, const char *service, const char **url,
                           struct buf *why);
/* "ADDR:PORT", "[::1]:PORT" or ":PORT"/"PORT". */
bool settings_listen(struct settings *settings, const char *text, struct buf *why);

#endif
