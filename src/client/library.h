/* client/library.h: libcurl, started once a process; inside client alone. */
#ifndef CLIENT_LIBRARY_H
#define CLIENT_LIBRARY_H

/* Before libcurl's first function. Threads: any, as often as they like. */
void client_library_start(void);

#endif
