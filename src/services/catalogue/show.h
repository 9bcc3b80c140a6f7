/* services/catalogue/show.h: the rules of a show: its times and what may become of it. Pure.
 *
 * proposed → scheduled → (postponed → scheduled) → cancelled; from proposed and postponed to
 * cancelled, too. Cancelled is final, and so is merged into another one. Over follows from the
 * time. */
#ifndef SERVICES_CATALOGUE_SHOW_H
#define SERVICES_CATALOGUE_SHOW_H

#include "base/zone.h"
#include "events/values.h"
#include "services/catalogue/rules.h"

#define MAX_PER_BUYER_MAX     1000
#define MAX_OVER_FACE_BPS_MAX 100000                  /* eleven times the face value */
#define DOORS_BEFORE_MS       (24 * 60 * 60 * 1000LL) /* doors open no earlier than that */

enum show_status { SHOW_PROPOSED, SHOW_SCHEDULED, SHOW_POSTPONED, SHOW_CANCELLED };

/* A moment, and what clocks at the venue show then. */
struct show_time {
    struct wall_ms at;             /* WALL_NONE: none */
    char local[WALL_TIME_LEN + 1]; /* "2027-03-28T19:30+02:00"; empty: none */
};

/* What people say of it. */
struct show_fields {
    struct object_id venue_id;
    struct str title;
    struct name_list performers;
    struct str category;
    struct show_time starts, doors;
    int64_t max_per_buyer;     /* tickets; 0: any number */
    int64_t max_over_face_bps; /* hundredths of a per cent; NO_BOUND: any price */
};

struct show {
    struct object_id id;
    int64_t version;
    enum show_status status;
    struct show_fields is;
    struct str user_id;           /* who proposed or made it */
    struct object_id merged_into; /* all zero: not merged */
    struct str refusal;           /* why the proposal was not taken; at == NULL: it is none such */
};

struct str show_status_text(enum show_status status);
bool show_status_parse(struct str text, enum show_status *out);

/* music theatre comedy dance sport family festival conference other */
bool category_valid(struct str word);

/* --- times ----------------------------------------------------------------------------------- */

enum time_fault {
    TIME_FINE,
    TIME_UNREADABLE,
    TIME_SKIPPED,     /* clocks are put forward over it; at[] has the moments beside it */
    TIME_TWICE,       /* clocks are put back over it; at[] has both moments */
    TIME_OTHER_OFFSET /* the clocks there are at[0]'s, or at[1]'s, ahead */
};
/* What the text says at a venue of that zone: local time; with an offset where that time comes
 * twice; or a moment in UTC (…Z). at has room for two. */
enum time_fault show_time_read(const struct zone *zone, struct str text, struct show_time *out,
                               struct zone_moment at[2]);
/* The same local time in another zone: the venue's zone was wrong. False: there is no such time. */
bool show_time_move(struct show_time *time, const struct zone *zone);
/* Doors open at most DOORS_BEFORE_MS before the start, and not after it. */
bool doors_valid(struct wall_ms doors_at, struct wall_ms starts_at);

/* --- what may follow on what ----------------------------------------------------------------- */

/* Each makes the next version, or refuses and leaves the show as it is: ERR_MERGED,
 * ERR_WRONG_STATUS, ERR_SHOW_PAST (its time is over). */
enum err show_correct(struct show *show, const struct show_fields *fields, struct wall_ms now);
enum err show_accept(struct show *show, struct wall_ms now);
enum err show_postpone(struct show *show);
/* The new day of a postponed one. */
enum err show_reschedule(struct show *show, const struct show_time *starts,
                         const struct show_time *doors, struct wall_ms now);
enum err show_cancel(struct show *show);
/* into: scheduled or postponed, and another one. ERR_MERGE_TARGET. */
enum err show_merge(struct show *show, const struct show *into);
/* The venue was merged into another one, or its zone corrected. ERR_SHOW_TIME: its local time is
 * none there. */
enum err show_move(struct show *show, struct object_id venue_id, const struct zone *zone);

#endif
