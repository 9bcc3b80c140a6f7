/* main.c: a program of one service, beside Boxoffice, on the same bus. */
#include "notifier.h"

#include <runtime/serve.h>
#include <services/admin/admin_service.h>

#include <stdio.h>
#include <stdlib.h>

static int refuse(const struct buf *why)
{
    fprintf(stderr, "notifier: %.*s\n", (int)why->len, why->at);
    return 1;
}

/* notifier ADDR:PORT DATA-FOLDER */
int main(int count, char **words)
{
    static const struct service_definition *const services[] = {&admin_service, &notifier_service};
    char memory[1024];
    struct buf why = {.at = memory, .cap = sizeof memory, .max = sizeof memory};
    struct settings settings;

    if (count != 3) {
        fprintf(stderr, "usage: notifier ADDR:PORT DATA-FOLDER\n"
                        "environment: NATS_URL, SMTP_URL, MAIL_FROM, and Boxoffice's own\n");
        return 2;
    }
    if (!settings_from_environment(&settings, &why)) return refuse(&why);
    if (!settings_listen(&settings, words[1], &why)) return refuse(&why);
    if (!settings.broker) {
        buf_append(&why, STR("NATS_URL must be set: it is how this program hears of orders"));
        return refuse(&why);
    }
    if (!mail_server_from_environment(&why)) return refuse(&why);
    settings.data = words[2];
    return app_serve(&settings, services, 2, 2);
}
