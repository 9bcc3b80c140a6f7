/* Any bytes as the value of any setting, and as --listen. Promise: a value is taken, and then lies
 * within its bounds, or is refused with words that name the setting and give no secret away.
 *
 * Input: a byte, which setting; its value. */
#include "fuzz.h"
#include "runtime/settings.h"

#include <stdlib.h>

static const char *const names[] = {
    "JWT_KEY",
    "DATABASE_URL",
    "NATS_CA",
    "NATS_CREDS",
    "NATS_NKEY",
    "NATS_URL",
    "REDIS_URL",
    "REDIS_CA",
    "STRIPE_KEY",
    "STRIPE_API_BASE",
    "LOG_LEVEL",
    "STRIPE_WEBHOOK_SECRET",
    "STRIPE_PUBLISHABLE_KEY",
    "OPERATOR_CONTACT",
    "HELP_TEXT",
    "API_BASE_URL",
    "PAYMENT_GRACE_SECONDS",
    "ORDER_EXPIRATION_SECONDS",
    "COOKIE_SECURE",
    "TRUSTED_PROXIES",
    "AUTH_PASSWORD_BLOCKLIST",
    "MONITORING_LISTEN",
};

#define NAMES      (sizeof names / sizeof *names)
#define SECRET_MIN 12 /* a shorter one may be a word of the refusal */

static bool is_secret(const char *name)
{
    return strcmp(name, "JWT_KEY") == 0 || strcmp(name, "STRIPE_KEY") == 0 ||
           strcmp(name, "STRIPE_WEBHOOK_SECRET") == 0;
}

static void check_refusal(const struct buf *why)
{
    ASSERT(why->len > 0 && !why->failed);
}

static void try_variable(const char *name, const char *value, struct buf *why)
{
    struct settings settings;

    setenv(name, value, 1);
    if (settings_from_environment(&settings, why)) {
        ASSERT(settings.order_expiration_ms >= 1000);
        ASSERT(settings.payment_grace_ms >= 0 && settings.payment_grace_ms <= 3600 * 1000);
        ASSERT(settings.cookie_secure >= -1 && settings.cookie_secure <= 1);
        ASSERT(!settings.jwt_key || strlen(settings.jwt_key) >= 32);
    } else {
        check_refusal(why);
        ASSERT(memmem(why->at, why->len, name, strlen(name)));
        ASSERT(!is_secret(name) || strlen(value) < SECRET_MIN ||
               !memmem(why->at, why->len, value, strlen(value)));
    }
    unsetenv(name);
}

static void try_listen(const char *value, struct buf *why)
{
    struct settings settings;

    ASSERT(settings_from_environment(&settings, why));
    if (settings_listen(&settings, value, why))
        ASSERT(settings.port >= 0 && settings.port <= 65535 &&
               memchr(settings.host, '\0', sizeof settings.host));
    else
        check_refusal(why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char value[512];
    struct buf why;
    size_t which;

    if (size == 0) return 0;
    which = data[0] % (NAMES + 1);
    size = size - 1 < sizeof value - 1 ? size - 1 : sizeof value - 1;
    memcpy(value, data + 1, size);
    value[size] = '\0';
    buf_init(&why, NULL, 4096);
    for (size_t i = 0; i < NAMES; i++)
        unsetenv(names[i]);
    if (which < NAMES)
        try_variable(names[which], value, &why);
    else
        try_listen(value, &why);
    buf_free(&why);
    return 0;
}
