/* runtime/signals.h: what the main thread does while the program serves: it waits for signals, and
 * tells the service manager that all is well. */
#ifndef RUNTIME_SIGNALS_H
#define RUNTIME_SIGNALS_H

#include <signal.h>

struct settings;
struct session_keys;

/* In the main thread before there is another one, for they inherit it: SIGINT, SIGTERM and SIGHUP
 * wait for signals_wait, SIGPIPE, SIGUSR1, SIGUSR2 and SIGALRM are ignored. */
void signals_block(sigset_t *set);
/* Says READY=1 (runtime/notify.h) and waits for SIGINT or SIGTERM, which it returns after
 * STOPPING=1. SIGHUP reads the session keys again, which is all that can change without a restart;
 * but where standard input is a terminal it means that the terminal is gone, and ends the program
 * likewise. port: what it listens on; while that answers, a watchdog hears so. */
int signals_wait(const struct settings *settings, struct session_keys *keys, int port,
                 const sigset_t *set);

#endif
