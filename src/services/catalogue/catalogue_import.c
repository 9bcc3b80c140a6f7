/* services/catalogue/catalogue_import.c: venues and shows out of files, as staff would make them.
 */
#include "services/service_import.h"

#include "services/catalogue/catalogue.h"

enum err import_venue(struct request *rq, struct tx *tx, struct object_id id, bool *added)
{
    struct venue there, venue = {.id = id, .status = VENUE_ACCEPTED, .user_id = rq->user.id};
    const struct zone *zone;
    enum err err = venue_get(tx, rq->arena, id, &there);

    *added = err == ERR_NOT_FOUND;
    if (err != ERR_NOT_FOUND) return err;
    TRY(take_venue(rq, &venue.is, &zone));
    TRY(venue_add(tx, rq->arena, &venue));
done:
    return err;
}

static void copy_show(const struct show *show, struct show_copy *out)
{
    *out = (struct show_copy){.id = show->id,
                              .version = show->version,
                              .title = show->is.title,
                              .status = show_status_text(show->status),
                              .starts_at = show->is.starts.at,
                              .max_per_buyer = show->is.max_per_buyer,
                              .max_over_face_bps = show->is.max_over_face_bps,
                              .merged_into = show->merged_into};
}

enum err import_show(struct request *rq, struct tx *tx, struct object_id id, struct show_copy *copy,
                     bool *added)
{
    struct show there, show = {.id = id, .status = SHOW_SCHEDULED, .user_id = rq->user.id};
    enum err err = show_get(tx, rq->arena, id, &there);

    *added = err == ERR_NOT_FOUND;
    if (err == OK) copy_show(&there, copy);
    if (err != ERR_NOT_FOUND) return err;
    err = take_new_show(rq, tx, &show);
    if (err == ERR_VENUE_PROPOSED)
        return request_reject_for(rq, "venueId", err_message(err), err_code(err),
                                  "Accept the venue first, or name another one");
    TRY(err);
    TRY(show_add(tx, rq->arena, &show));
    copy_show(&show, copy);
done:
    return err;
}
