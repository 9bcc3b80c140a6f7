/* cli/events/events_command.c: boxoffice events …: picks the command; prints the catalogue. */
#include "cli/cli.h"
#include "events/events.h"

#include <stdlib.h>

#define DOCUMENT_MAX (1024 * 1024)

static int events_print(struct buf *document)
{
    if (document->failed) {
        fprintf(stderr, "boxoffice: out of memory\n");
        return 1;
    }
    printf("%.*s\n", (int)document->len, document->at);
    buf_free(document);
    return cli_finish();
}

static int print_asyncapi(int count)
{
    struct buf document;

    if (count > 1) return cli_refuse("events asyncapi takes no words");
    buf_init(&document, NULL, DOCUMENT_MAX);
    events_asyncapi(&document);
    return events_print(&document);
}

/* {"user:created": {…}, …} */
static void put_all(struct json_writer *writer)
{
    json_begin_object(writer);
    for (enum event_type type = 0; type < EVENT_TYPES; type++) {
        json_key(writer, event_subject(type));
        event_json_schema(type, writer);
    }
    json_end_object(writer);
}

static int print_schema(int count, char **words)
{
    enum event_type type = EVENT_TYPES;
    struct json_writer writer;
    struct buf document;

    if (count > 2) return cli_refuse("events schema takes one subject");
    if (count == 2) type = event_type_of(str_of(words[1]));
    if (count == 2 && type == EVENT_TYPES)
        return cli_refuse("there is no event %s; see boxoffice events schema", words[1]);
    buf_init(&document, NULL, DOCUMENT_MAX);
    writer = json_writer_to(&document);
    if (count == 2)
        event_json_schema(type, &writer);
    else
        put_all(&writer);
    return events_print(&document);
}

int cli_events(int count, char **words)
{
    const char *command = count > 1 ? words[1] : NULL;

    if (!command)
        return cli_refuse("events needs a command: publish, listen, durables, unsubscribe, dead, "
                          "schema or asyncapi");
    if (strcmp(command, "publish") == 0) return cli_publish(count - 1, words + 1);
    if (strcmp(command, "listen") == 0) return cli_listen(count - 1, words + 1);
    if (strcmp(command, "durables") == 0) return cli_durables(count - 1, words + 1);
    if (strcmp(command, "unsubscribe") == 0) return cli_unsubscribe(count - 1, words + 1);
    if (strcmp(command, "dead") == 0) return cli_dead(count - 1, words + 1);
    if (strcmp(command, "--help") == 0 || strcmp(command, "-h") == 0 ||
        (count > 2 && strcmp(words[2], "--help") == 0)) {
        cli_usage(stdout);
        return 0;
    }
    if (strcmp(command, "schema") == 0) return print_schema(count - 1, words + 1);
    if (strcmp(command, "asyncapi") == 0) return print_asyncapi(count - 1);
    return cli_refuse("events has no command %s", command);
}
