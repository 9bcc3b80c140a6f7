/* cli/operate/health_probe.c: boxoffice health: asks the running server whether it is ready for
 * traffic, through its control socket: what a container's health check calls, without another
 * client beside it. */
#include "cli/cli.h"
#include "cli/operate/control.h"

#define ANSWER_MAX (256 * 1024)

/* 503 carries the same body as 200, and says what is missing. */
static int probe_ask(const char *data)
{
    struct http_stream *control = control_open(data);
    struct buf text;
    int status, code = 1;

    if (!control) return 1;
    buf_init(&text, NULL, ANSWER_MAX);
    status = http_stream_request(control, "GET", "/readyz", NULL);
    if (status != 200 && status != 503) {
        code = control_report(control, status);
    } else if (!http_stream_read_all(control, &text)) {
        code = control_report(control, 0);
    } else {
        printf("%.*s\n", (int)text.len, text.at);
        code = cli_finish();
        if (status != 200) code = 1;
    }
    buf_free(&text);
    http_stream_close(control);
    return code;
}

int cli_health(int count, char **words)
{
    const char *data = DATA_DEFAULT;
    const struct cli_option options[] = {{"data", &data, NULL}, {0}};
    int first, code = cli_options("health", count, words, options, &first);

    if (code >= 0) return code;
    return first < count ? cli_refuse("health takes no words: %s", words[first]) : probe_ask(data);
}
