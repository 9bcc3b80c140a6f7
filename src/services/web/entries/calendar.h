/* services/web/entries/calendar.h: an event for people's calendars (RFC 5545). Pure. */
#ifndef SERVICES_WEB_ENTRIES_CALENDAR_H
#define SERVICES_WEB_ENTRIES_CALENDAR_H

#include "base/arena.h"
#include "base/clock.h"

struct calendar_event {
    struct str id;
    struct str title, place, about, url; /* the last three may be empty */
    struct str zone;                     /* IANA, "Europe/Berlin" */
    struct str starts_local;             /* as clocks there show it: "2027-07-01T19:30+02:00" */
    const char *status;                  /* CONFIRMED, TENTATIVE, CANCELLED */
    struct wall_ms made_at;
};
/* Appends the whole calendar: lines of at most 75 bytes that end in CRLF. The event's zone is in it
 * with the offset of that day, so that every program has the right moment. False: starts_local is
 * no such time. */
bool calendar_write(struct buf *out, const struct calendar_event *event);

#endif
