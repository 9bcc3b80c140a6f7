/* publish: how fast libnats publishes asynchronously to a JetStream stream: the reference for the
 * relay.
 *
 * usage: publish URL STREAM SUBJECT COUNT PAYLOAD
 * Makes the stream, publishes COUNT messages with ids of their own, waits for all acknowledgements
 * and prints the rate. */
#include <inttypes.h>
#include <nats/nats.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void must(natsStatus s, const char *what)
{
    if (s == NATS_OK) return;
    fprintf(stderr, "publish: %s: %s\n", what, natsStatus_GetText(s));
    exit(1);
}

int main(int argc, char **argv)
{
    natsConnection *connection = NULL;
    jsStreamConfig config;
    jsPubOptions options;
    jsCtx *js = NULL;
    const char *subject;
    long count;
    double began;

    if (argc != 6) return 2;
    subject = argv[3];
    count = atol(argv[4]);
    must(natsConnection_ConnectTo(&connection, argv[1]), "connect");
    must(natsConnection_JetStream(&js, connection, NULL), "JetStream");
    jsStreamConfig_Init(&config);
    config.Name = argv[2];
    config.Subjects = &subject;
    config.SubjectsLen = 1;
    config.Duplicates = INT64_C(120) * 1000000000;
    must(js_AddStream(NULL, js, &config, NULL, NULL), "stream");
    jsPubOptions_Init(&options);
    options.MaxWait = 60000;
    began = now_s();
    for (long i = 0; i < count; i++) {
        natsMsg *message = NULL;
        char id[32];

        snprintf(id, sizeof id, "bench:%ld", i);
        must(natsMsg_Create(&message, subject, NULL, argv[5], (int)strlen(argv[5])), "message");
        must(natsMsgHeader_Set(message, "Nats-Msg-Id", id), "header");
        must(js_PublishMsgAsync(js, &message, NULL), "publish");
    }
    must(js_PublishAsyncComplete(js, &options), "acknowledgements");
    printf("%.0f\n", (double)count / (now_s() - began));
    jsCtx_Destroy(js);
    natsConnection_Destroy(connection);
    nats_Close();
    return 0;
}
