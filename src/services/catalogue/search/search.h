/* services/catalogue/search/search.h: finding shows: what may be asked, and the words a show is
 * found by. Pure.
 *
 * A show is found by the words of its title, its performers, its venue and its city
 * (unicode/words.h): each word that is typed must be the beginning of one of them. What no word of
 * the index begins with may have one slip in it (typo.h). Everything else narrows: it is exact. */
#ifndef SERVICES_CATALOGUE_SEARCH_SEARCH_H
#define SERVICES_CATALOGUE_SEARCH_SEARCH_H

#include "services/catalogue/search/globe.h"
#include "services/catalogue/show.h"
#include "services/catalogue/venue.h"
#include "unicode/words.h"

#define SHOW_WORDS_MAX    512 /* of one show; the first ones count */
#define ASKED_WORDS_MAX   16  /* of one search; the first ones count */
#define NEAR_WORDS_MAX    16  /* known words that one typed word is taken for */
#define SEARCH_LIMIT      24  /* shows on a page … */
#define SEARCH_LIMIT_MAX  100 /* … at most */
#define RADIUS_KM_DEFAULT 50
#define SEARCH_RANKED_MAX                                                                          \
    1000 /* shows that are sorted by price or distance: the soonest that match */

/* --- places: the order of the index ---------------------------------------------------------- */

/* Shows are in the order of the minute they start at; the rest of a place tells those of one minute
 * apart. */
#define PLACE_BITS 30 /* the minutes of the year 9999 have 32 */
/* Where a show would like to be; when another one is there, the next one above that is free. */
int64_t show_place(const struct show *show);
/* The first place of shows that start at that moment or later; at: not before 1970. */
int64_t place_from(struct wall_ms at);

/* --- words ------------------------------------------------------------------------------------ */

/* What narrows is a word as well, one that nobody can type: it begins with a letter of the private
 * use area. */
enum narrowing {
    NARROW_NOT,
    NARROW_CITY,
    NARROW_COUNTRY,
    NARROW_CATEGORY,
    NARROW_VENUE,
    NARROW_CELL
};
/* The word, in the arena; of NARROW_NOT every show has it. at == NULL: memory ran out. */
struct str narrowing_word(struct arena *arena, enum narrowing by, struct str name);
bool is_narrowing_word(struct str word);

/* The words of a show at a venue, in the arena. False: memory ran out. */
bool show_words(struct arena *arena, const struct show *show, const struct venue *venue,
                struct word_list *out);
/* Whether everybody may find it. */
bool show_is_public(const struct show *show);

/* --- what is asked ---------------------------------------------------------------------------- */

enum search_sort { SORT_SOONEST, SORT_LATEST, SORT_NEAREST, SORT_PRICE };

/* Which day it is where a show is hangs on its zone: the one before, the same, or the one after
 * that of UTC. So `when` has three spans of days one after the other, each the first and the last
 * day. */
#define DAY_LEN  10 /* "2027-03-28" */
#define WHEN_LEN (3 * 2 * DAY_LEN)

struct asked_word {
    struct str text;
    struct str near[NEAR_WORDS_MAX]; /* what it is taken for, when no word begins with it */
    size_t near_count;
};

struct search {
    bool nothing; /* there were letters to look for, but no word: nothing is found */
    struct asked_word words[ASKED_WORDS_MAX];
    size_t word_count;
    struct str narrowed[5]; /* words that the show must have */
    size_t narrowed_count;
    bool around; /* within the radius of a place */
    int64_t latitude, longitude, radius_km;
    struct str from, to;     /* days at the venue, "2027-03-28"; empty: any */
    char when[WHEN_LEN + 1]; /* days that hang on which day it is there; empty: any */
    int64_t minute;          /* of the day, in UTC, now */
    int64_t above, below;    /* places between those */
    enum search_sort sort;
    uint64_t fingerprint; /* of all that is asked, but for the page */
    bool continued;       /* … after this place, at this distance or price */
    int64_t after, after_rank;
    int64_t limit;
};

/* Days at a venue are somewhere within these moments of UTC, for zones are at most 12 hours behind
 * and 14 ahead: narrows above and below. day: "2027-03-28". False: it is no day. */
bool search_from_day(struct search *search, struct str day);
bool search_to_day(struct search *search, struct str day);

/* "today", "weekend" (Saturday and Sunday, or what is left of them), "week" (today and six days
 * more), "month" (the rest of it), as the venue's calendar has them at that moment: narrows above
 * and below, too. False: it is none of them. */
bool search_when(struct search *search, struct str when, struct wall_ms now);

/* --- cursors ---------------------------------------------------------------------------------- */

#define CURSOR_LEN 48
/* Where a page ended, for the same search alone. rank: what it is sorted by before the place. */
void cursor_write(const struct search *search, int64_t place, int64_t rank,
                  char out[CURSOR_LEN + 1]);
/* False: it is no cursor, or one of another search. */
bool cursor_read(struct search *search, struct str text);

/* --- does a text have what was typed? --------------------------------------------------------- */

/* For suggestions: every word that was typed is the beginning of a word of the text, or taken for
 * one. */
bool search_is_in(struct arena *arena, const struct search *search, struct str text);

#endif
