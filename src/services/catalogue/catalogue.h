/* services/catalogue/catalogue.h: what the files of the catalogue share. */
#ifndef SERVICES_CATALOGUE_CATALOGUE_H
#define SERVICES_CATALOGUE_CATALOGUE_H

#include "services/catalogue/store.h"

#define REASON_POINTS_MAX   200
#define CATALOGUE_LISTENERS 1

extern const struct listener catalogue_listeners[CATALOGUE_LISTENERS];

/* --- requests.c: what venues' and shows' requests have in common ------------------------------ */

/* The session is of staff who look after the catalogue. */
static inline bool is_staff(const struct request *rq)
{
    return role_allows(rq->user.roles, ROLE_CATALOGUE);
}
static inline enum err need_staff(const struct request *rq)
{
    return is_staff(rq) ? OK : ERR_NOT_AUTHORIZED;
}
/* A name of the body, as it is kept; what is wrong with it is rejected. ERR_MEMORY. */
enum err take_name(struct request *rq, const char *field, struct str typed, struct str *out);
/* The body's reason, for the audit log; empty when there is none. */
struct str take_reason(struct request *rq);
/* The body's version, where there is one, must be the present one: ERR_VERSION_CHANGED, with the
 * present one in the error. */
enum err check_version(struct request *rq, int64_t present);
/* request_refuse_with, of an id. */
enum err refuse_with_id(struct request *rq, enum err reason, const char *key, struct object_id id);
/* 308 to the same thing under the id it was merged into: folder + id. */
enum err reply_merged(struct request *rq, struct reply *rp, const char *folder,
                      struct object_id into);
/* One proposal more of the user would be too many: ERR_TOO_MANY_PROPOSALS. */
enum err check_proposals(struct request *rq, struct tx *tx);
/* The query's "?status=…&q=…", for staff: one of those words or "any", and what is in the name of
 * what they look for. Without a status it is the list for everybody. Anything else is rejected. */
enum err take_listed(struct request *rq, const char *const *words, enum listed *out,
                     struct staff_filter *filter);

/* --- venues.c, shows.c ------------------------------------------------------------------------ */

handler_fn get_venues, get_venues_mine, get_venue, post_venues, put_venue, post_venue_accept,
    post_venue_refuse, post_venue_merge;
handler_fn get_shows, get_shows_mine, get_show, post_shows, put_show, post_show_accept,
    post_show_postpone, post_show_reschedule, post_show_cancel, post_show_merge;

/* What a body says of a venue; every field's error is reported. *zone: of the venue. ERR_INVALID;
 * ERR_MEMORY. */
enum err take_venue(struct request *rq, struct venue_fields *out, const struct zone **zone);
/* The same of a new show of that status. ERR_VENUE_PROPOSED: it cannot be scheduled there yet. */
enum err take_new_show(struct request *rq, struct tx *tx, struct show *show);

/* --- commands.c: rows and events, in the writer's transaction -----------------------------------
 * * The arena is for the way. */

enum err venue_add(struct tx *tx, struct arena *arena, const struct venue *venue);
enum err venue_save(struct tx *tx, struct arena *arena, const struct venue *venue);
enum err show_add(struct tx *tx, struct arena *arena, const struct show *show);
enum err show_save(struct tx *tx, struct arena *arena, const struct show *show);
/* Every show of a venue that may still be, to a venue (perhaps the same) and its zone.
 * ERR_SHOW_TIME: one has no such time there, which the error names. */
enum err shows_move(struct request *rq, struct tx *tx, struct object_id from, struct object_id to,
                    const struct zone *zone);

#endif
