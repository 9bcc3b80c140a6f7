/* services/web/entries/entries_list.h: the page of the visitor's tickets, for who leads back to it.
 */
#ifndef SERVICES_WEB_ENTRIES_ENTRIES_LIST_H
#define SERVICES_WEB_ENTRIES_ENTRIES_LIST_H

#include "http/request.h"
#include "runtime/executor/run.h"

/* The list as it is now, with what the last call was refused with above it. */
enum err entries_list_refused(struct request *rq);

#endif
