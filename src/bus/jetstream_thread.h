/* bus/jetstream_thread.h: the thread that gives a service's client at the broker its turns, when it
 * is woken, and as often as it asks for. The simulator gives them itself. */
#ifndef BUS_JETSTREAM_THREAD_H
#define BUS_JETSTREAM_THREAD_H

#include "bus/jetstream_client.h"

/* False: there is no memory for one. */
bool jetstream_thread_start(struct jetstream_client *client);
/* Waits until it has ended, which client->stopping asks for; the client's connection is closed. */
void jetstream_thread_join(struct jetstream_client *client);

#endif
