/* cli/events/acks.c: acknowledgements: POST /streaming/ack {"subscription":"…","sequence":[…]}. */
#include "cli/events/acks.h"

#include "cli/operate/control.h"

#define BODY_MAX   65536
#define ANSWER_MAX 1024

void acks_add(struct acks *acks, int64_t sequence)
{
    ASSERT(acks->count < ACKS_MAX);
    acks->sequences[acks->count++] = sequence;
}

static int send_body(struct acks *acks, struct str body)
{
    struct buf answer;
    int status, code = -1;

    if (!acks->control) acks->control = control_open(acks->data);
    acks->lost = !acks->control;
    if (acks->lost) return 1;
    status = http_stream_request(acks->control, "POST", "/streaming/ack", &body);
    buf_init(&answer, NULL, ANSWER_MAX);
    acks->lost = status == 0;
    if (status == 503) /* what is not acknowledged comes again */
        (void)control_report(acks->control, status);
    else if (status != 200)
        code = control_report(acks->control, status);
    else if ((acks->lost = !http_stream_read_all(acks->control, &answer)))
        code = control_report(acks->control, 0);
    buf_free(&answer);
    return code;
}

int acks_send(struct acks *acks)
{
    struct buf body;
    int code;

    if (acks->count == 0) return -1;
    buf_init(&body, NULL, BODY_MAX);
    buf_printf(&body, "{\"subscription\":\"%s\",\"sequence\":[", acks->subscription);
    for (size_t i = 0; i < acks->count; i++) {
        if (i) buf_char(&body, ',');
        buf_int(&body, acks->sequences[i]);
    }
    buf_append(&body, STR("]}"));
    acks->count = 0;
    code = body.failed ? 1 : send_body(acks, buf_str(&body));
    buf_free(&body);
    return code;
}

void acks_close(struct acks *acks)
{
    http_stream_close(acks->control);
}
