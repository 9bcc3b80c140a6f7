/* services/entries/known_store.h: what entries knows of venues, shows, listings and their tickets,
 * kept by their events. Texts read live in the arena. */
#ifndef SERVICES_ENTRIES_KNOWN_STORE_H
#define SERVICES_ENTRIES_KNOWN_STORE_H

#include "runtime/service.h"

struct entry_venue {
    struct object_id id;
    int64_t version;
    struct str name, city, country, time_zone;
};
/* -1: unknown. In a writer the row is locked, here and below. */
enum err entry_venue_version(struct tx *tx, struct object_id id, int64_t *version);
enum err entry_venue_put(struct tx *tx, const struct entry_venue *venue);

struct entry_show {
    struct object_id id;
    int64_t version;
    struct str title, status; /* the word of its event */
    struct object_id venue_id;
    struct wall_ms starts_at, doors_at; /* doors: WALL_NONE: not said */
    struct str starts_local, doors_local;
    struct object_id merged_into; /* all zero: not merged */
};
enum err entry_show_version(struct tx *tx, struct object_id id, int64_t *version);
enum err entry_show_put(struct tx *tx, const struct entry_show *show);
/* When it is and how it stands, status in the arena; nothing else is read. ERR_NOT_FOUND. */
enum err entry_show_when(struct tx *tx, struct arena *arena, struct object_id id,
                         struct entry_show *out);
/* The show that this one is by now: itself, or the one it was merged into. ERR_NOT_FOUND: no event
 * of one of them has come yet. In a writer nobody changes them before the transaction ends. */
enum err entry_show_now(struct tx *tx, struct object_id id, struct object_id *now);

struct entry_listing {
    struct object_id id;
    int64_t version;
    struct object_id show_id;
    struct str section, row;
    struct name_list restrictions;
    struct str delivery;
};
enum err entry_listing_version(struct tx *tx, struct object_id id, int64_t *version);
enum err entry_listing_put(struct tx *tx, struct arena *arena, const struct entry_listing *listing);

/* Doing it again changes nothing. */
enum err entry_ticket_put(struct tx *tx, struct object_id id, struct object_id listing_id,
                          struct str seat);
/* The show that its listing is for. ERR_NOT_FOUND: no event of the ticket, or of the listing, has
 * come yet. */
enum err entry_ticket_show(struct tx *tx, struct object_id id, struct object_id *show_id);

#endif
