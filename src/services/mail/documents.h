/* services/mail/documents.h: rows as the operator sees them. */
#ifndef SERVICES_MAIL_DOCUMENTS_H
#define SERVICES_MAIL_DOCUMENTS_H

#include "base/json.h"
#include "services/mail/store.h"

/* {"id","kind","cause","userId","status","tries","madeAt","dueAt"?,"to"?,"reply"?} */
void mail_document(struct json_writer *json, const struct mail *mail);

#endif
