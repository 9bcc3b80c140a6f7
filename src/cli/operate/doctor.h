/* cli/operate/doctor.h: what the checks of boxoffice doctor share. */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include "cli/data/folder.h"

#define DOCTOR_ARENA_MAX (16 * 1024 * 1024)

enum finding { FINE, WARN, FAIL }; /* the exit status is the worst */

struct doctor {
    struct settings settings;
    struct arena *arena;
    enum finding worst;
    bool served;
    int64_t lag;                      /* events, as the running server says; -1: it did not */
    struct db *dbs[FOLDER_DATABASES]; /* NULL: not there, or cannot be opened */
};

/* One finding: what was looked at, and in one line what was found and what to do. */
__attribute__((format(printf, 4, 5))) void doctor_report(struct doctor *doctor,
                                                         enum finding finding, const char *what,
                                                         const char *format, ...);

/* The server that runs, and what it was told; else what the environment says (doctor_server.c). */
void doctor_check_server(struct doctor *doctor);
void doctor_check_payments(struct doctor *doctor);
void doctor_check_proxies(struct doctor *doctor);

#endif
