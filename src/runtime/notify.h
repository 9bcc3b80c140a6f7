/* runtime/notify.h: tells the service manager how the program is: the protocol of sd_notify(3), one
 * datagram a word. Without NOTIFY_SOCKET in the environment everything here does nothing. */
#ifndef RUNTIME_NOTIFY_H
#define RUNTIME_NOTIFY_H

#include <stdint.h>

/* Connects to NOTIFY_SOCKET. Before the sandbox. */
void notify_open(void);
void notify_close(void);
/* "READY=1", "STOPPING=1" … Any thread. */
void notify_send(const char *state);
/* How often the manager wants to hear WATCHDOG=1, half of WATCHDOG_USEC, in milliseconds; 0: never.
 */
int64_t notify_watchdog_ms(void);

#endif
