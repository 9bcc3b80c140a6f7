/* cli/operate/doctor_server.c: what boxoffice doctor asks the running server: it knows what it was
 * started with, and how far it has come. Without a server the environment is looked at. */
#include "cli/operate/control.h"
#include "cli/operate/doctor.h"

#include "base/json.h"

#define UNTRUSTED_WARN 16 /* requests */

enum stripe_key { NO_KEY, TEST_KEY, LIVE_KEY };

/* What payments were told. */
struct payments_setup {
    enum stripe_key key, publishable_key;
    bool webhook;
    bool cookies_bare; /* COOKIE_SECURE=0 */
};

static const char *const key_words[] = {"none", "test", "live"};

/* --- the running server ----------------------------------------------------------------------- */

/* The answer to a GET; its status, 0 when none came whole. */
static int server_ask(struct doctor *doctor, const char *path, struct buf *answer)
{
    struct http_stream *control = control_try(doctor->settings.data);
    int status = 0;

    buf_init(answer, doctor->arena, DOCTOR_ARENA_MAX / 8);
    if (control) status = http_stream_request(control, "GET", path, NULL);
    if (status && !http_stream_read_all(control, answer)) status = 0;
    http_stream_close(control);
    return status;
}

void doctor_check_server(struct doctor *doctor)
{
    struct http_stream *control;
    struct buf answer;
    int status;

    if (!doctor->served) {
        doctor_report(doctor, FINE, "server", "none runs on %s", doctor->settings.data);
        return;
    }
    control = control_open(doctor->settings.data); /* says on stderr why not */
    http_stream_close(control);
    if (!control) {
        doctor_report(
            doctor, FAIL, "server",
            "one has the databases but not the control socket of %s: is --data the server's?",
            doctor->settings.data);
        return;
    }
    status = server_ask(doctor, "/readyz", &answer);
    if (status == 0)
        doctor_report(doctor, FAIL, "server",
                      "it does not answer on its control socket: restart it");
    else if (status == 200)
        doctor_report(doctor, FINE, "server", "it serves and is ready");
    else
        doctor_report(doctor, FAIL, "server", "it is not ready: %.*s", (int)answer.len, answer.at);
    if (!json_int64(json_get(json_parsed(doctor->arena, buf_str(&answer)), "lag"), &doctor->lag))
        doctor->lag = -1;
}

/* Whether most of its requests were forwarded by somebody whom TRUSTED_PROXIES does not name. */
void doctor_check_proxies(struct doctor *doctor)
{
    int64_t untrusted = 0, requests = 0;
    const struct json *http;
    struct buf answer;

    if (!doctor->served || server_ask(doctor, "/streaming", &answer) != 200) return;
    http = json_get(json_parsed(doctor->arena, buf_str(&answer)), "http");
    if (!json_int64(json_get(http, "forwarded_untrusted"), &untrusted) ||
        !json_int64(json_get(http, "requests_total"), &requests))
        return;
    if (untrusted >= UNTRUSTED_WARN && 2 * untrusted >= requests)
        doctor_report(
            doctor, WARN, "proxies",
            "%lld of %lld requests were forwarded by a proxy that is not in TRUSTED_PROXIES: all "
            "its visitors share one visitor's limits; name its address there (log line "
            "proxy.untrusted)",
            (long long)untrusted, (long long)requests);
    else
        doctor_report(doctor, FINE, "proxies", "visitors are told apart");
}

/* --- payments --------------------------------------------------------------------------------- */

static enum stripe_key key_of(const char *key)
{
    if (!key) return NO_KEY;
    return strstr(key, "_live_") ? LIVE_KEY : TEST_KEY;
}

static struct payments_setup setup_of_settings(const struct settings *set)
{
    struct payments_setup setup = {.webhook = set->stripe_webhook_secret != NULL,
                                   .cookies_bare = set->cookie_secure == 0};

    setup.key = key_of(set->stripe_key);
    setup.publishable_key = key_of(set->stripe_publishable_key);
    return setup;
}

static bool take_key(const struct json *settings, const char *name, enum stripe_key *out)
{
    struct str word;

    if (!json_text(json_get(settings, name), &word)) return false;
    for (*out = LIVE_KEY; *out > NO_KEY && !str_eq(word, str_of(key_words[*out]));)
        --*out;
    return true;
}

/* False: no server runs, or an older one that does not tell. */
static bool setup_of_server(struct doctor *doctor, struct payments_setup *out)
{
    const struct json *settings;
    enum stripe_key key, publishable_key;
    struct buf answer;
    int64_t secure;

    if (!doctor->served || server_ask(doctor, "/operator/settings", &answer) != 200) return false;
    settings = json_parsed(doctor->arena, buf_str(&answer));
    if (!take_key(settings, "stripeKey", &key) ||
        !take_key(settings, "stripePublishableKey", &publishable_key) ||
        !json_bool(json_get(settings, "stripeWebhook"), &out->webhook) ||
        !json_int64(json_get(settings, "cookieSecure"), &secure))
        return false;
    out->key = key;
    out->publishable_key = publishable_key;
    out->cookies_bare = secure == 0;
    return true;
}

void doctor_check_payments(struct doctor *doctor)
{
    struct payments_setup setup;

    if (!setup_of_server(doctor, &setup)) setup = setup_of_settings(&doctor->settings);
    if (!setup.key && (setup.publishable_key || setup.webhook))
        doctor_report(doctor, FAIL, "payments",
                      "%s is set without STRIPE_KEY: cards go to the sandbox",
                      setup.publishable_key ? "STRIPE_PUBLISHABLE_KEY" : "STRIPE_WEBHOOK_SECRET");
    else if (!setup.key)
        doctor_report(doctor, FINE, "payments",
                      "the sandbox: no money moves (STRIPE_KEY is not set)");
    else if (setup.publishable_key && setup.key != setup.publishable_key)
        doctor_report(
            doctor, FAIL, "payments",
            "STRIPE_KEY and STRIPE_PUBLISHABLE_KEY are not of the same mode, live or test");
    else if (!setup.publishable_key)
        doctor_report(
            doctor, WARN, "payments",
            "STRIPE_KEY is set without STRIPE_PUBLISHABLE_KEY: the order page has no card "
            "form");
    else if (!setup.webhook)
        doctor_report(doctor, WARN, "payments",
                      "STRIPE_WEBHOOK_SECRET is not set: what happens at Stripe alone (disputes, "
                      "refunds) is not noticed");
    else
        doctor_report(doctor, FINE, "payments", "Stripe, %s mode", key_words[setup.key]);
    if (setup.key == LIVE_KEY && setup.cookies_bare)
        doctor_report(doctor, WARN, "cookies",
                      "COOKIE_SECURE=0 lets sessions travel unencrypted: unset it");
}
