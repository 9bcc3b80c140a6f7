/* runtime/executor/read_set.c: what an answer was made from. */
#include "runtime/executor/read_set.h"

#include "sql/sql.h"

void read_set_add(struct read_set *set, const struct db *db, uint64_t commits)
{
    if (commits == 0 || set->count == READ_SET_MAX)
        set->unknown = true;
    else
        set->at[set->count++] = (struct read_set_entry){db, commits};
}

void read_set_merge(struct read_set *set, const struct read_set *other)
{
    if (other->count == 0 || other->unknown) set->unknown = true;
    for (size_t i = 0; i < other->count; i++)
        read_set_add(set, other->at[i].db, other->at[i].commits);
}

bool read_set_unchanged(const struct read_set *set)
{
    if (set->unknown) return false;
    for (size_t i = 0; i < set->count; i++)
        if (db_commits(set->at[i].db) != set->at[i].commits) return false;
    return true;
}
