/* services/catalogue/commands.c: what is stored of a venue or a show, told of it, and found
 * of it, in one transaction. */
#include "services/catalogue/catalogue.h"
#include "services/catalogue/search/index.h"

#define MOVE_MAX 100 /* shows that are read at a time */

/* --- venues ---------------------------------------------------------------------------------- */

#define VENUE_EVENT(type, venue)                                                                   \
    &(struct type)                                                                                 \
    {                                                                                              \
        .id = (venue)->id, .version = (venue)->version, .name = (venue)->is.name,                  \
        .city = (venue)->is.city, .country = (venue)->is.country,                                  \
        .latitude = (venue)->is.latitude, .longitude = (venue)->is.longitude,                      \
        .time_zone = (venue)->is.time_zone, .status = venue_status_text((venue)->status),          \
        .user_id = (venue)->user_id, .merged_into = (venue)->merged_into                           \
    }

enum err venue_add(struct tx *tx, struct arena *arena, const struct venue *venue)
{
    enum err err;

    TRY(venue_insert(tx, arena, venue));
    TRY(publish_venue_created(tx, VENUE_EVENT(venue_created, venue)));
done:
    return err;
}

enum err venue_save(struct tx *tx, struct arena *arena, const struct venue *venue)
{
    enum err err;

    TRY(venue_update(tx, arena, venue));
    TRY(publish_venue_updated(tx, VENUE_EVENT(venue_updated, venue)));
    TRY(index_venue(tx, venue));
done:
    return err;
}

/* --- shows ----------------------------------------------------------------------------------- */

#define SHOW_EVENT(type, show)                                                                     \
    &(struct type)                                                                                 \
    {                                                                                              \
        .id = (show)->id, .version = (show)->version, .venue_id = (show)->is.venue_id,             \
        .title = (show)->is.title, .performers = (show)->is.performers,                            \
        .category = (show)->is.category, .starts_at = (show)->is.starts.at,                        \
        .starts_local = str_of((show)->is.starts.local), .doors_at = (show)->is.doors.at,          \
        .doors_local = str_of((show)->is.doors.local), .status = show_status_text((show)->status), \
        .max_per_buyer = (show)->is.max_per_buyer,                                                 \
        .max_over_face_bps = (show)->is.max_over_face_bps, .user_id = (show)->user_id,             \
        .merged_into = (show)->merged_into                                                         \
    }

enum err show_add(struct tx *tx, struct arena *arena, const struct show *show)
{
    enum err err;

    TRY(show_insert(tx, arena, show));
    TRY(publish_show_created(tx, SHOW_EVENT(show_created, show)));
    TRY(index_show(tx, arena, show));
done:
    return err;
}

enum err show_save(struct tx *tx, struct arena *arena, const struct show *show)
{
    enum err err;

    TRY(show_update(tx, arena, show));
    TRY(publish_show_updated(tx, SHOW_EVENT(show_updated, show)));
    TRY(index_show(tx, arena, show));
done:
    return err;
}

enum err shows_move(struct request *rq, struct tx *tx, struct object_id from, struct object_id to,
                    const struct zone *zone)
{
    struct show *shows = arena_alloc(rq->arena, MOVE_MAX * sizeof *shows);
    struct object_id after = {{0}};
    size_t count;
    enum err err;

    if (!shows) return ERR_MEMORY;
    do {
        TRY(shows_at_venue(tx, rq->arena, from, after, shows, MOVE_MAX, &count));
        for (size_t i = 0; i < count; i++) {
            after = shows[i].id;
            TRY(show_move(&shows[i], to, zone));
            TRY(show_save(tx, rq->arena, &shows[i]));
        }
    } while (count == MOVE_MAX);
done:
    if (err == ERR_SHOW_TIME) err = refuse_with_id(rq, err, "showId", after);
    return err;
}
