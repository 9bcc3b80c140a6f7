/* services/admin/admin_service.h: the administration as a service: health, metrics, monitoring, the
 * session keys, the audit log, dead letters, and outside publishers and listeners. Every program
 * has it, first in the list that app_serve gets. Its database is called bus.db: outside listeners'
 * positions are in it, and events published under subjects that are nobody's. */
#ifndef SERVICES_ADMIN_ADMIN_SERVICE_H
#define SERVICES_ADMIN_ADMIN_SERVICE_H

#include "runtime/service.h"

extern const struct service_definition admin_service;

#endif
