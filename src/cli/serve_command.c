/* cli/serve_command.c: boxoffice serve: settings from the environment and the command line, then
 * the app. */
#include "cli/cli.h"
#include "runtime/serve.h"
#include "services/services.h"

const struct service_definition *const cli_services[CLI_SERVICES] = {
    &auth_service,      &tickets_service, &orders_service, &expiration_service, &payments_service,
    &catalogue_service, &entries_service, &mail_service,   &web_service,
};

struct serve_options {
    const char *services, *listen, *data;
    bool check;
};

static int refuse_service(struct str name)
{
    char names[256] = "";

    for (size_t i = 0; i < CLI_SERVICES; i++) {
        strcat(names, " ");
        strcat(names, cli_services[i]->name);
    }
    return cli_refuse("--services: no service is called \"%.*s\"; there are:%s", (int)name.len,
                      name.at, names);
}

/* Marks the service of that name; false when there is none. */
static bool choose(struct str name, bool chosen[CLI_SERVICES])
{
    for (size_t i = 0; i < CLI_SERVICES; i++) {
        if (!str_eq(str_of(cli_services[i]->name), name)) continue;
        chosen[i] = true;
        return true;
    }
    return false;
}

/* "auth,tickets"; NULL: all. Those first, *count with the administration, then the others. Returns
 * 0, or the exit code after the complaint. */
static int choose_services(const char *list, const struct service_definition **out, size_t *count)
{
    bool chosen[CLI_SERVICES] = {false};

    for (const char *at = list; at;) {
        size_t length = strcspn(at, ",");
        struct str name = str_trim((struct str){at, length});

        if (!choose(name, chosen)) return refuse_service(name);
        at = at[length] ? at + length + 1 : NULL;
    }
    *count = 1; /* the administration */
    for (size_t i = 0; i < CLI_SERVICES; i++)
        if (!list || chosen[i]) out[(*count)++] = cli_services[i];
    for (size_t i = 0, at = *count; i < CLI_SERVICES; i++)
        if (list && !chosen[i]) out[at++] = cli_services[i];
    return 0;
}

static int print_error(const struct buf *why, int code)
{
    fprintf(stderr, "boxoffice: %.*s\n", (int)why->len, why->at ? why->at : "");
    return code;
}

/* What the options say counts over the environment. -1: go on; else the exit code. */
static int read_options(int count, char **words, struct serve_options *out)
{
    const struct cli_option options[] = {{"services", &out->services, NULL},
                                         {"listen", &out->listen, NULL},
                                         {"data", &out->data, NULL},
                                         {"check", NULL, &out->check},
                                         {0}};
    int first, code = cli_options("serve", count, words, options, &first);

    if (code >= 0) return code;
    return first < count ? cli_refuse("serve takes no words: %s", words[first]) : -1;
}

int cli_serve(int count, char **words)
{
    const struct service_definition *definitions[CLI_SERVICES + 1] = {&admin_service};
    struct serve_options options = {NULL, NULL, NULL, false};
    char memory[1024];
    struct buf why = {.at = memory, .cap = sizeof memory - 1, .max = sizeof memory - 1};
    struct settings settings;
    size_t definition_count = 0;
    int code = read_options(count, words, &options);

    if (code >= 0) return code;
    if (!settings_from_environment(&settings, &why)) return print_error(&why, 1);
    if (options.listen && !settings_listen(&settings, options.listen, &why))
        return print_error(&why, EXIT_USAGE);
    if (options.data) settings.data = options.data;
    settings.services = options.services;
    code = choose_services(settings.services, definitions, &definition_count);
    if (code) return code;
    if (options.check) {
        settings_print(&settings, stdout);
        return 0;
    }
    settings_warn_misspelt();
    return app_serve(&settings, definitions, definition_count, CLI_SERVICES + 1);
}
