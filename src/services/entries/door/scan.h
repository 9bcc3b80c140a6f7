/* services/entries/door/scan.h: the rules of a door: what a gate is told of a code. Pure. */
#ifndef SERVICES_ENTRIES_DOOR_SCAN_H
#define SERVICES_ENTRIES_DOOR_SCAN_H

#include "base/clock.h"
#include "services/entries/entry.h"

enum scan_answer {
    SCAN_ADMITTED,         /* let them in */
    SCAN_ALREADY_ADMITTED, /* somebody was let in by it before */
    SCAN_VOID,             /* it was one of ours, and opens nothing any more */
    SCAN_OTHER_DAY,        /* of the same show at the same place, on another day */
    SCAN_OTHER_SHOW,
    SCAN_NOT_OURS /* no code that was made here */
};
struct str scan_answer_text(enum scan_answer answer); /* docs/openapi.json's words */
bool scan_answer_parse(struct str text, enum scan_answer *out);

/* What is known of a code whose signature is right, or of a serial that was typed. */
struct scan_facts {
    bool typed;            /* a serial: it says nothing of a version */
    int64_t code_version;  /* that the code was made for … */
    int64_t entry_version; /* … and that of its entry now */
    enum entry_status status;
    bool successor;        /* its ticket has another entry, which is valid … */
    bool of_other_order;   /* … and belongs to another order */
    bool issued;           /* our code opens the door, not the organiser's file */
    bool this_show;        /* the gate's */
    bool same_title_there; /* of another show: with the same title at the same venue */
    bool show_cancelled;
};
/* SCAN_ADMITTED: it may be let in, unless it was before. *reason: why not, in a word; empty where
 * the answer says all. */
enum scan_answer scan_judge(const struct scan_facts *facts, struct str *reason);

/* When a scan was made, by our clock. gate_at and gate_now: by the gate's, which may be wrong: when
 * it was made and when it was sent; WALL_NONE: it did not say. Never after received. */
struct wall_ms scan_time(struct wall_ms gate_at, struct wall_ms gate_now, struct wall_ms received);

#endif
