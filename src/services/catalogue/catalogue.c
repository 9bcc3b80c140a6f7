/* services/catalogue/catalogue.c: the catalogue's one table. It owns venues and shows. */
#include "services/catalogue/catalogue.h"
#include "services/catalogue/search/index.h"
#include "services/catalogue/search/search_routes.h"
#include "services/services.h"

#define ARENA_BYTES (64 * 1024)

/* Without the system's time zones no time of a show means anything. */
static enum err catalogue_start(struct env *env, struct buf *why)
{
    struct arena *arena = arena_new(ARENA_BYTES);
    const struct zone *zone;
    enum err err = arena ? zone_read(arena, STR("Europe/Berlin"), &zone) : ERR_MEMORY;

    (void)env;
    if (arena) arena_free(arena);
    if (err != OK && err != ERR_MEMORY)
        buf_append(why, STR("catalogue: /usr/share/zoneinfo has no time zones that can be read; "
                            "install the package tzdata"));
    return err;
}

static const struct route routes[] = {
    {METHOD_GET, "/api/venues", ACCESS_PUBLIC, IN_READER, .run = get_venues},
    {METHOD_GET, "/api/venues/mine", ACCESS_SESSION, IN_READER, .run = get_venues_mine},
    {METHOD_GET, "/api/venues/:id", ACCESS_PUBLIC, IN_READER, .run = get_venue},
    {METHOD_POST, "/api/venues", ACCESS_SESSION, IN_WRITER, .run = post_venues,
     .audit = "venue.created"},
    {METHOD_PUT, "/api/venues/:id", ACCESS_SESSION, IN_WRITER, .run = put_venue,
     .audit = "venue.corrected"},
    {METHOD_POST, "/api/venues/:id/accept", ACCESS_SESSION, IN_WRITER, .run = post_venue_accept,
     .audit = "venue.accepted"},
    {METHOD_POST, "/api/venues/:id/refuse", ACCESS_SESSION, IN_WRITER, .run = post_venue_refuse,
     .audit = "venue.refused"},
    {METHOD_POST, "/api/venues/:id/merge", ACCESS_SESSION, IN_WRITER, .run = post_venue_merge,
     .audit = "venue.merged"},
    {METHOD_GET, "/api/shows", ACCESS_PUBLIC, IN_READER, .run = get_shows},
    {METHOD_GET, "/api/shows/mine", ACCESS_SESSION, IN_READER, .run = get_shows_mine},
    {METHOD_GET, "/api/shows/suggestions", ACCESS_PUBLIC, IN_READER, .run = get_suggestions},
    {METHOD_GET, "/api/shows/:id", ACCESS_PUBLIC, IN_READER, .run = get_show},
    {METHOD_POST, "/api/shows", ACCESS_SESSION, IN_WRITER, .run = post_shows,
     .audit = "show.created"},
    {METHOD_PUT, "/api/shows/:id", ACCESS_SESSION, IN_WRITER, .run = put_show,
     .audit = "show.corrected"},
    {METHOD_POST, "/api/shows/:id/accept", ACCESS_SESSION, IN_WRITER, .run = post_show_accept,
     .audit = "show.accepted"},
    {METHOD_POST, "/api/shows/:id/postpone", ACCESS_SESSION, IN_WRITER, .run = post_show_postpone,
     .audit = "show.postponed"},
    {METHOD_POST, "/api/shows/:id/reschedule", ACCESS_SESSION, IN_WRITER,
     .run = post_show_reschedule, .audit = "show.rescheduled"},
    {METHOD_POST, "/api/shows/:id/cancel", ACCESS_SESSION, IN_WRITER, .run = post_show_cancel,
     .audit = "show.cancelled"},
    {METHOD_POST, "/api/shows/:id/merge", ACCESS_SESSION, IN_WRITER, .run = post_show_merge,
     .audit = "show.merged"},
    {METHOD_GET, "/operator/search", ACCESS_OPERATOR, IN_READER, .run = get_search_index},
    {METHOD_POST, "/operator/search/rebuild", ACCESS_OPERATOR, IN_WRITER,
     .run = post_search_rebuild, .audit = "search.rebuilt"},
};

static const struct job jobs[] = {
    [CATALOGUE_JOB_REBUILD] = {"search-rebuild", index_rebuild},
};

const struct service_definition catalogue_service = {
    .name = "catalogue",
    .routes = routes,
    .route_count = sizeof routes / sizeof *routes,
    .listeners = catalogue_listeners,
    .listener_count = CATALOGUE_LISTENERS,
    .jobs = jobs,
    .job_count = sizeof jobs / sizeof *jobs,
    .schema = catalogue_schema,
    .retention = catalogue_retention,
    .start = catalogue_start,
};
