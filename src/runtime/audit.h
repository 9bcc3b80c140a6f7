/* runtime/audit.h: reading the audit log; what writes into it is in runtime/service.h. */
#ifndef RUNTIME_AUDIT_H
#define RUNTIME_AUDIT_H

#include "runtime/service.h"

#define AUDIT_TEXTS 5 /* action, actor, subject, address, detail */
struct audit_row {
    struct object_id id;
    struct wall_ms at;
    struct str texts[AUDIT_TEXTS];
};
/* Up to max entries with an id below `after`, newest first; texts in the arena. */
enum err audit_page(struct tx *tx, struct arena *arena, struct object_id after,
                    struct audit_row *out, size_t max, size_t *count);

#endif
