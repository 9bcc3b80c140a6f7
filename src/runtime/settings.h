/* runtime/settings.h: what the operator chose, read once from environment and command line. */
#ifndef RUNTIME_SETTINGS_H
#define RUNTIME_SETTINGS_H

#include "base/str.h"
#include "bus/bus.h"
#include "delay/delay.h"
#include "identity/key_file.h"

#include <stdio.h>

#define LISTEN_HOST_MAX  64
#define RETENTION_DAY_MS (24 * 3600 * INT64_C(1000))
#define MONITORING_PORT  8222 /* as NATS Streaming has it */

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
    /* PUBLIC_URL without the last '/': where people reach the pages; NULL: where we listen */
    const char *public_url;
    const char *smtp_url;         /* SMTP_URL or NULL: mails stay here. Never shown, never logged */
    const char *mail_from;        /* MAIL_FROM: "Name <address>" or the address alone */
    int64_t mails_per_minute;     /* MAILS_PER_MINUTE; 0: no limit */
    bool confirmed_sellers;       /* CONFIRMED_SELLERS; unset: whether mails leave */
    bool staff_factor;            /* STAFF_FACTOR; unset: whether mails leave */
    const char *operator_contact; /* OPERATOR_CONTACT: an address of email or https://…, or NULL */
    const char *help_text, *terms_text, *privacy_text; /* HELP_TEXT and so on; NULL: as shipped */
    const char *stripe_publishable_key; /* STRIPE_PUBLISHABLE_KEY or NULL: no card field */
    const struct delay_address *delay;  /* REDIS_URL; NULL: the service's own database alone */
    const struct bus_broker *broker;    /* NATS_URL, NATS_REPLICAS; NULL: the embedded bus */
    int64_t signin_failures_per_minute; /* SIGNIN_FAILURES_PER_MINUTE; 0 in these: no limit */
    int64_t signin_failures_per_day;    /* SIGNIN_FAILURES_PER_DAY */
    int64_t signups_per_hour;           /* SIGNUPS_PER_HOUR */
    int64_t resets_per_hour;            /* RESETS_PER_HOUR */
    int64_t orders_per_minute;          /* ORDERS_PER_MINUTE */
    int64_t listings_per_minute;        /* LISTINGS_PER_MINUTE: tickets listed or changed */
    int64_t listed_per_user;            /* LISTED_TICKETS_PER_USER */
    int64_t unpaid_per_user;            /* UNPAID_ORDERS_PER_USER */
    int64_t unpaid_per_address;         /* UNPAID_ORDERS_PER_ADDRESS */
    int64_t holds_per_hour;             /* HOLDS_PER_HOUR: of one ticket by one user */
    int64_t price_minimum_cents;        /* PRICE_MINIMUM, else what the card gateway takes */
    int64_t connections_per_address;    /* CONNECTIONS_PER_ADDRESS */
    int64_t declines_per_order; /* DECLINES_PER_ORDER: payments that came to nothing, in all … */
    int64_t declines_per_account; /* DECLINES_PER_ACCOUNT: … within an hour … */
    int64_t declines_per_address; /* DECLINES_PER_ADDRESS: … likewise; 0: no limit */
    int64_t retention_ms;         /* RETENTION_DAYS: events are kept for that; 0: for ever */
    bool sandbox;                 /* SANDBOX */
    const char *otlp_endpoint;    /* OTEL_EXPORTER_OTLP_ENDPOINT without the last '/'; NULL: none */
    int64_t traces_per_second;    /* TRACES_PER_SECOND: so many begin here */
    char monitoring_host[LISTEN_HOST_MAX]; /* MONITORING_LISTEN */
    int monitoring_port; /* -1: MONITORING_PORT, or a free one where the public one is free, too */
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
/* What is in force, a line each; of a secret only whether it is set. */
void settings_print(const struct settings *settings, FILE *out);
/* The names of all of them, as the help has them. */
void settings_print_names(FILE *out);
/* Logs each variable of the environment whose name is nearly a setting's, as setting.unknown. */
void settings_warn_misspelt(void);
/* The names of those that may be in a file (runtime/environment.h), NULL-terminated. */
extern const char *const settings_secrets[];
/* Where the session key is. */
static inline struct key_source settings_key_source(const struct settings *settings)
{
    return (struct key_source){.jwt_key = settings->jwt_key, .data = settings->data};
}
/* Where monitoring is, when the command line has been read. */
int settings_monitoring_port(const struct settings *settings);

#endif
