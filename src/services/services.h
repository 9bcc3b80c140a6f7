/* services/services.h: the services this program is made of. */
#ifndef SERVICES_SERVICES_H
#define SERVICES_SERVICES_H

#include "runtime/service.h"

extern const struct service_definition admin_service;
extern const struct service_definition auth_service;
extern const struct service_definition tickets_service;
extern const struct service_definition orders_service;
extern const struct service_definition expiration_service;
extern const struct service_definition payments_service;
extern const struct service_definition catalogue_service;
extern const struct service_definition entries_service;
extern const struct service_definition mail_service;
extern const struct service_definition web_service;

#endif
