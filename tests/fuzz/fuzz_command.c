/* Any words as the command line. Promise: it ends in a start or a request to a server, or in 0, or
 * in status 1 or 2 with words on standard error that say why.
 *
 * Input: words, '\n' parts them. What would start or connect is stood in for. */
#include "fuzz.h"
#include "cli/cli.h"
#include "cli/operate/control.h"
#include "cli/data/folder.h"
#include "runtime/key_rotation.h"
#include "runtime/serve.h"

#include <getopt.h>
#include <stdlib.h>

#define WORDS_MAX 32

int __wrap_app_serve(const struct settings *settings,
                     const struct service_definition *const *definitions, size_t count,
                     size_t known_count);
struct http_stream *__wrap_control_open(const char *data);
struct http_stream *__wrap_control_try(const char *data);
bool __wrap_cli_settings(const char *data, struct settings *out);
bool __wrap_folder_settings(const char *data, struct settings *out);
struct http_client *__wrap_http_client_new(void);
enum err __wrap_session_keys_rotate_alone(const struct settings *settings,
                                          const struct service_definition *admin,
                                          struct session_kid *kid, struct buf *why);
int boxoffice_main(int count, char **words);

static int served;

int __wrap_app_serve(const struct settings *settings,
                     const struct service_definition *const *definitions, size_t count,
                     size_t known_count)
{
    ASSERT(settings->port >= 0 && settings->port <= 65535 && settings->data);
    ASSERT(memchr(settings->host, '\0', sizeof settings->host));
    ASSERT(count >= 1 && known_count >= count && definitions[0]);
    served++;
    return 0;
}

struct http_stream *__wrap_control_open(const char *data)
{
    ASSERT(data);
    fprintf(stderr, "boxoffice: no server is running on %s\n", data);
    return NULL;
}

struct http_stream *__wrap_control_try(const char *data)
{
    ASSERT(data);
    fprintf(stderr, "boxoffice: no server is running on %s\n", data);
    return NULL;
}

/* From here on doctor and trace work on a data folder … */
bool __wrap_cli_settings(const char *data, struct settings *out)
{
    (void)out;
    fprintf(stderr, "boxoffice: no work is done on %s\n", data ? data : "the folder");
    return false;
}

/* … as do backup, restore and import. */
bool __wrap_folder_settings(const char *data, struct settings *out)
{
    return __wrap_cli_settings(data, out);
}

struct http_client *__wrap_http_client_new(void)
{
    return NULL;
}

enum err __wrap_session_keys_rotate_alone(const struct settings *settings,
                                          const struct service_definition *admin,
                                          struct session_kid *kid, struct buf *why)
{
    (void)admin;
    ASSERT(settings->data && kid);
    buf_append(why, STR("no keys here"));
    return ERR_NOT_FOUND;
}

/* Where the program's own words go. */
static FILE *words_to(char **text, size_t *size)
{
    FILE *file = open_memstream(text, size);

    ASSERT(file);
    return file;
}

static int run(int count, char **words)
{
    FILE *out = stdout, *err = stderr;
    char *said = NULL, *complained = NULL;
    size_t said_size = 0, complained_size = 0;
    int code;

    stdout = words_to(&said, &said_size);
    stderr = words_to(&complained, &complained_size);
    optind = 0; /* getopt_long begins anew */
    code = boxoffice_main(count, words);
    fclose(stdout);
    fclose(stderr);
    stdout = out;
    stderr = err;
    ASSERT(code >= 0 && code <= 2);
    ASSERT(code == 0 || complained_size > 0);
    ASSERT(code != 0 || said_size > 0 || served == 1);
    free(said);
    free(complained);
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char name[] = "boxoffice";
    static char text[2048];
    char *words[WORDS_MAX + 2] = {name};
    char *rest = text;
    int count = 1;

    if (size >= sizeof text) return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    while (rest && *rest && count <= WORDS_MAX)
        words[count++] = strsep(&rest, "\n");
    words[count] = NULL;
    served = 0;
    run(count, words);
    return 0;
}
