/* runtime/executor/read_set.h: what an answer was made from, so that it can be told how long it is
 * true. In one loop's thread. */
#ifndef RUNTIME_EXECUTOR_READ_SET_H
#define RUNTIME_EXECUTOR_READ_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db;

#define READ_SET_MAX 4

/* A database that was read, and how many commits it had seen before (db_commits). */
struct read_set_entry {
    const struct db *db;
    uint64_t commits;
};

struct read_set {
    struct read_set_entry at[READ_SET_MAX];
    size_t count;
    bool unknown; /* some of it came from elsewhere, or there was no room */
};

/* commits: taken before the database is read; 0: it cannot tell. */
void read_set_add(struct read_set *set, const struct db *db, uint64_t commits);
/* Adds those of an answer that is used; one that has none came from elsewhere. */
void read_set_merge(struct read_set *set, const struct read_set *other);
/* Nothing was committed in any of them since. False when they are not known. */
bool read_set_unchanged(const struct read_set *set);

#endif
