/* bus/jetstream_thread.c: see bus/jetstream_thread.h. */
#include "bus/jetstream_thread.h"

#include "base/wait.h"

/* Until it is woken, or until that time has passed. False: stop. */
static bool wait_for_wake(struct jetstream_client *client, int64_t most_ms)
{
    struct mono_ms until = mono_after(clock_mono(client->sub->bus->clock), most_ms);
    bool in_time = true, go_on;

    pthread_mutex_lock(&client->lock);
    while (!client->woken && !client->stopping && in_time)
        in_time = wait_until(&client->wake, &client->lock, until);
    client->woken = false;
    go_on = !client->stopping;
    pthread_mutex_unlock(&client->lock);
    return go_on;
}

static void *thread_main(void *context)
{
    struct jetstream_client *client = context;

    while (wait_for_wake(client, jetstream_client_turn(client)))
        ;
    jetstream_client_finish(client);
    return NULL;
}

bool jetstream_thread_start(struct jetstream_client *client)
{
    return pthread_create(&client->thread, NULL, thread_main, client) == 0;
}

void jetstream_thread_join(struct jetstream_client *client)
{
    pthread_join(client->thread, NULL);
}
