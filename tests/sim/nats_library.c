/* tests/sim/nats_library.c: messages, as libnats has them, in its place. */
#include "broker.h"

natsMsg *message_new(const char *subject, const char *reply, const char *data, size_t length)
{
    natsMsg *message = calloc(1, sizeof *message);

    ASSERT(message);
    snprintf(message->subject, sizeof message->subject, "%s", subject);
    snprintf(message->reply, sizeof message->reply, "%s", reply ? reply : "");
    message->data = malloc(length + 1);
    ASSERT(message->data);
    memcpy(message->data, data, length);
    message->data[length] = '\0';
    message->length = length;
    return message;
}

natsMsg *message_copy(const natsMsg *of)
{
    natsMsg *message = message_new(of->subject, of->reply, of->data, of->length);
    char *data = message->data;

    *message = *of;
    message->data = data;
    return message;
}

void natsMsg_Destroy(natsMsg *message)
{
    if (message) free(message->data);
    free(message);
}

natsStatus natsMsg_Create(natsMsg **out, const char *subject, const char *reply, const char *data,
                          int length)
{
    *out = message_new(subject, reply, data, (size_t)length);
    return NATS_OK;
}

static char *header(natsMsg *message, const char *key)
{
    if (strcmp(key, "Nats-Msg-Id") == 0) return message->id;
    if (strcmp(key, "traceparent") == 0) return message->trace;
    ASSERT(strcmp(key, "Status") == 0);
    return message->status;
}

natsStatus natsMsgHeader_Set(natsMsg *message, const char *key, const char *value)
{
    snprintf(header(message, key), sizeof message->id, "%s", value);
    return NATS_OK;
}

natsStatus natsMsgHeader_Get(natsMsg *message, const char *key, const char **value)
{
    const char *found = header(message, key);

    if (!*found) return NATS_NOT_FOUND;
    *value = found;
    return NATS_OK;
}

const char *natsMsg_GetSubject(const natsMsg *message)
{
    return message->subject;
}

const char *natsMsg_GetReply(const natsMsg *message)
{
    return message->reply;
}

const char *natsMsg_GetData(const natsMsg *message)
{
    return message->data;
}

int natsMsg_GetDataLength(const natsMsg *message)
{
    return (int)message->length;
}

natsStatus natsMsg_GetMetaData(jsMsgMetaData **out, natsMsg *message)
{
    if (!message->stream_sequence) return NATS_ERR;
    *out = calloc(1, sizeof **out);
    ASSERT(*out);
    (*out)->Sequence.Stream = (uint64_t)message->stream_sequence;
    (*out)->NumDelivered = (uint64_t)message->delivered;
    (*out)->NumPending = (uint64_t)message->pending;
    (*out)->Timestamp = message->published_ms * 1000000;
    return NATS_OK;
}

void jsMsgMetaData_Destroy(jsMsgMetaData *metadata)
{
    free(metadata);
}
