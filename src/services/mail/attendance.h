/* services/mail/attendance.h: who holds entries to which shows, and is told of their changes. In
 * the writer. */
#ifndef SERVICES_MAIL_ATTENDANCE_H
#define SERVICES_MAIL_ATTENDANCE_H

#include "services/mail/mail.h"

/* The job: so many of those who are to be told of a change have their letter written. */
enum err shows_tell(struct env *env, struct tx *tx, struct wall_ms *next);

/* Listeners. */
enum verdict on_show_made(struct env *env, struct tx *tx, const void *event);
enum verdict on_show_changed(struct env *env, struct tx *tx, const void *event);
enum verdict on_entry_issued(struct env *env, struct tx *tx, const void *event);
enum verdict on_entry_changed(struct env *env, struct tx *tx, const void *event);

#endif
