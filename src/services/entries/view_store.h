/* services/entries/view_store.h: entries as people see them: with what they open, and on their way.
 * Texts read live in the arena. */
#ifndef SERVICES_ENTRIES_VIEW_STORE_H
#define SERVICES_ENTRIES_VIEW_STORE_H

#include "services/entries/store.h"
#include "services/entries/transfer.h"

/* An entry with what it opens. */
struct entry_view {
    struct entry entry;
    struct entry_show show;
    struct entry_venue venue; /* version -1: no event of it has come yet */
    struct entry_listing listing;
    struct str seat;
    bool received; /* it has changed hands */
    /* The one that waits, where one does; of what is read as a transfer that one. */
    struct transfer transfer;
};
/* ERR_NOT_FOUND. */
enum err entry_view_get(struct tx *tx, struct arena *arena, struct object_id id,
                        struct entry_view *out);

/* A page of one holder's entries by the time of their shows: of those to come the next one first,
 * of the past the latest. */
struct entries_page {
    struct str holder_id;
    struct wall_ms begins; /* shows to come begin then or later */
    bool past;
    struct object_id after; /* the last one of the page before; all zero: the first page */
    int64_t limit;
};
void entries_page(struct tx *tx, struct rows *rows, const struct entries_page *page);

/* A transfer with its entry. ERR_NOT_FOUND. */
enum err given_view_get(struct tx *tx, struct arena *arena, struct object_id id,
                        struct entry_view *out);
/* Pages, newest first, of what waits for that address, and of what somebody has given. */
void entries_coming(struct tx *tx, struct rows *rows, struct str email_key,
                    const struct list_page *page);
void entries_given(struct tx *tx, struct rows *rows, struct str giver_id,
                   const struct list_page *page);

/* The next of any of these pages; then rows_end. ERR_NOT_FOUND: no more. */
enum err entry_view_next(struct rows *rows, struct arena *arena, struct entry_view *out);

#endif
