/* runtime/settings_table.c: every setting by its name: to print what is in force, and to notice a
 * name that is nearly one. A test holds it against settings.c. */
#include "runtime/settings.h"

#include "telemetry/log.h"
#include "base/money.h"
#include "runtime/environment.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum shown {
    SHOWN_TEXT,    /* as it was given, or the default here */
    SHOWN_SECRET,  /* whether it is set */
    SHOWN_SECONDS, /* from the structure: milliseconds */
    SHOWN_DAYS,    /* likewise */
    SHOWN_COUNT,   /* from the structure */
    SHOWN_MONEY,   /* from the structure: cents */
    SHOWN_SWITCH   /* from the structure: on or off */
};

struct setting_row {
    const char *name;
    enum shown shown;
    size_t offset;          /* in struct settings */
    const char *by_default; /* SHOWN_TEXT */
};

#define AT(member) offsetof(struct settings, member), NULL

static const struct setting_row rows[] = {
    {"JWT_KEY", SHOWN_SECRET, 0, NULL},
    {"SESSION_SECONDS", SHOWN_SECONDS, AT(session_ms)},
    {"SESSION_MAX_SECONDS", SHOWN_SECONDS, AT(session_max_ms)},
    {"DATABASE_URL", SHOWN_SECRET, 0, NULL}, /* may hold a password */
    {"NATS_URL", SHOWN_SECRET, 0, NULL},
    {"NATS_CA", SHOWN_TEXT, 0, ""},
    {"NATS_CREDS", SHOWN_SECRET, 0, NULL},
    {"NATS_NKEY", SHOWN_SECRET, 0, NULL},
    {"NATS_REPLICAS", SHOWN_TEXT, 0, "1"},
    {"REDIS_URL", SHOWN_SECRET, 0, NULL},
    {"REDIS_CA", SHOWN_TEXT, 0, ""},
    {"ORDER_EXPIRATION_SECONDS", SHOWN_SECONDS, AT(order_expiration_ms)},
    {"PAYMENT_GRACE_SECONDS", SHOWN_SECONDS, AT(payment_grace_ms)},
    {"STRIPE_KEY", SHOWN_SECRET, 0, NULL},
    {"STRIPE_API_BASE", SHOWN_TEXT, 0, "https://api.stripe.com"},
    {"STRIPE_WEBHOOK_SECRET", SHOWN_SECRET, 0, NULL},
    {"STRIPE_PUBLISHABLE_KEY", SHOWN_TEXT, 0, ""},
    {"API_BASE_URL", SHOWN_TEXT, 0, ""},
    {"PUBLIC_URL", SHOWN_TEXT, 0, "where it listens"},
    {"SMTP_URL", SHOWN_SECRET, 0, NULL},
    {"MAIL_FROM", SHOWN_TEXT, 0, "Boxoffice <boxoffice@localhost>"},
    {"MAILS_PER_MINUTE", SHOWN_COUNT, AT(mails_per_minute)},
    {"CONFIRMED_SELLERS", SHOWN_SWITCH, AT(confirmed_sellers)},
    {"STAFF_FACTOR", SHOWN_SWITCH, AT(staff_factor)},
    {"OPERATOR_CONTACT", SHOWN_TEXT, 0, ""},
    {"HELP_TEXT", SHOWN_SECRET, 0, NULL}, /* long */
    {"TERMS_TEXT", SHOWN_SECRET, 0, NULL},
    {"PRIVACY_TEXT", SHOWN_SECRET, 0, NULL},
    {"COOKIE_SECURE", SHOWN_TEXT, 0, "by the request"},
    {"TRUSTED_PROXIES", SHOWN_TEXT, 0, ""},
    {"SIGNIN_FAILURES_PER_MINUTE", SHOWN_COUNT, AT(signin_failures_per_minute)},
    {"SIGNIN_FAILURES_PER_DAY", SHOWN_COUNT, AT(signin_failures_per_day)},
    {"SIGNUPS_PER_HOUR", SHOWN_COUNT, AT(signups_per_hour)},
    {"RESETS_PER_HOUR", SHOWN_COUNT, AT(resets_per_hour)},
    {"ORDERS_PER_MINUTE", SHOWN_COUNT, AT(orders_per_minute)},
    {"UNPAID_ORDERS_PER_USER", SHOWN_COUNT, AT(unpaid_per_user)},
    {"UNPAID_ORDERS_PER_ADDRESS", SHOWN_COUNT, AT(unpaid_per_address)},
    {"HOLDS_PER_HOUR", SHOWN_COUNT, AT(holds_per_hour)},
    {"LISTINGS_PER_MINUTE", SHOWN_COUNT, AT(listings_per_minute)},
    {"LISTED_TICKETS_PER_USER", SHOWN_COUNT, AT(listed_per_user)},
    {"PRICE_MINIMUM", SHOWN_MONEY, AT(price_minimum_cents)},
    {"DECLINES_PER_ORDER", SHOWN_COUNT, AT(declines_per_order)},
    {"DECLINES_PER_ACCOUNT", SHOWN_COUNT, AT(declines_per_account)},
    {"DECLINES_PER_ADDRESS", SHOWN_COUNT, AT(declines_per_address)},
    {"CONNECTIONS_PER_ADDRESS", SHOWN_COUNT, AT(connections_per_address)},
    {"RETENTION_DAYS", SHOWN_DAYS, AT(retention_ms)},
    {"SANDBOX", SHOWN_SWITCH, AT(sandbox)},
    {"AUTH_PASSWORD_BLOCKLIST", SHOWN_SWITCH, AT(password_blocklist)},
    {"MONITORING_LISTEN", SHOWN_TEXT, 0, "127.0.0.1:8222"},
    {"OTEL_EXPORTER_OTLP_ENDPOINT", SHOWN_TEXT, 0, ""},
    {"TRACES_PER_SECOND", SHOWN_COUNT, AT(traces_per_second)},
    {"LOG_LEVEL", SHOWN_TEXT, 0, "info"},
};

#define HELP_COLUMNS 90

#define ROW_COUNT (sizeof rows / sizeof *rows)

const char *const settings_secrets[] = {"JWT_KEY",
                                        "DATABASE_URL",
                                        "DATABASE_URL_",
                                        "NATS_URL",
                                        "NATS_CREDS",
                                        "NATS_NKEY",
                                        "REDIS_URL",
                                        "STRIPE_KEY",
                                        "STRIPE_WEBHOOK_SECRET",
                                        "SMTP_URL",
                                        "HELP_TEXT",
                                        "TERMS_TEXT",
                                        "PRIVACY_TEXT",
                                        NULL};

static void print_money(const char *name, int64_t cents, FILE *out)
{
    char memory[32];
    struct buf text = {.at = memory, .cap = sizeof memory, .max = sizeof memory};

    money_append(&text, cents);
    fprintf(out, "%s=%.*s\n", name, (int)text.len, text.at);
}

static void print_row(const struct settings *settings, const struct setting_row *row, FILE *out)
{
    const char *member = (const char *)settings + row->offset, *text = getenv(row->name);
    bool set = text && *text;

    switch (row->shown) {
    case SHOWN_TEXT:
        fprintf(out, "%s=%s\n", row->name, set ? text : row->by_default);
        break;
    case SHOWN_SECRET:
        fprintf(out, "%s is %s\n", row->name, set ? "set" : "not set");
        break;
    case SHOWN_SECONDS:
        fprintf(out, "%s=%lld\n", row->name,
                (long long)(*(const int64_t *)(const void *)member / 1000));
        break;
    case SHOWN_DAYS:
        fprintf(out, "%s=%lld\n", row->name,
                (long long)(*(const int64_t *)(const void *)member / RETENTION_DAY_MS));
        break;
    case SHOWN_COUNT:
        fprintf(out, "%s=%lld\n", row->name, (long long)*(const int64_t *)(const void *)member);
        break;
    case SHOWN_MONEY:
        print_money(row->name, *(const int64_t *)(const void *)member, out);
        break;
    case SHOWN_SWITCH:
        fprintf(out, "%s=%s\n", row->name, *(const bool *)(const void *)member ? "on" : "off");
        break;
    }
}

void settings_print(const struct settings *settings, FILE *out)
{
    fprintf(out, "--listen %s:%d\n--data %s\n--services %s\n", settings->host, settings->port,
            settings->data, settings->services ? settings->services : "all");
    for (size_t i = 0; i < ROW_COUNT; i++)
        print_row(settings, &rows[i], out);
}

void settings_print_names(FILE *out)
{
    int column = fprintf(out, "environment (serve): DATABASE_URL_SERVICE");

    for (size_t i = 0; i < ROW_COUNT; i++) {
        bool wrapped = column + 2 + (int)strlen(rows[i].name) > HELP_COLUMNS;

        if (wrapped) column = 0;
        column += fprintf(out, "%s%s", wrapped ? ",\n  " : ", ", rows[i].name);
    }
    fputc('\n', out);
}

static void warn(const char *variable, const char *name)
{
    log_event(LOG_WARN, "boxoffice", "setting.unknown", log_text("name", str_of(variable)),
              log_text("meant", str_of(name)),
              log_text("remedy", STR("no such setting is read: correct the name or remove it")));
}

void settings_warn_misspelt(void)
{
    const char *names[ROW_COUNT + 1];

    for (size_t i = 0; i < ROW_COUNT; i++)
        names[i] = rows[i].name;
    names[ROW_COUNT] = NULL;
    environment_misspelt(names, warn);
}
