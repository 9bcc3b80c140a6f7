/* tests/sim/told.c: whoever holds an entry to a show is told of what becomes of the show: that it
 * is cancelled, postponed, or at another time.
 *
 * Part of invariant 23: a letter about a show goes to somebody who had an entry to it, at most once
 * a change; and whoever held a valid one before the latest change has been told of it. */
#include "sim.h"

#define SHOWS_MAX   512
#define HOLDERS_MAX 4096
#define TOLD_MAX    16384

struct show_state {
    char id[25], status[16], starts[32], merged_into[25];
    const char *change; /* the kind of the latest; NULL: there was none */
    int64_t changed_ms;
    int cancelled, postponed, moved; /* changes of each kind */
};

struct entry_holder {
    char entry[25], show[25], user[65];
    int64_t at_ms; /* since when it is theirs */
    bool valid;
};

struct told {
    char show[25], user[65];
    const char *kind;
};

static struct {
    struct show_state shows[SHOWS_MAX];
    struct entry_holder holders[HOLDERS_MAX];
    struct told told[TOLD_MAX];
    size_t show_count, holder_count, told_count;
} attendance;

void told_begin(void)
{
    attendance.show_count = attendance.holder_count = attendance.told_count = 0;
}

static struct show_state *show_of(const char *id)
{
    for (size_t i = 0; i < attendance.show_count; i++)
        if (strcmp(attendance.shows[i].id, id) == 0) return &attendance.shows[i];
    return NULL;
}

static int *changes_of(struct show_state *show, const char *kind)
{
    if (strcmp(kind, "show_cancelled") == 0) return &show->cancelled;
    if (strcmp(kind, "show_postponed") == 0) return &show->postponed;
    return strcmp(kind, "show_moved") == 0 ? &show->moved : NULL;
}

/* NULL: nothing that anybody is told. */
static const char *change_to(const struct show_state *before, const char *status,
                             const char *starts)
{
    bool same = strcmp(before->status, status) == 0;

    if (!same && strcmp(status, "cancelled") == 0) return "show_cancelled";
    if (!same && strcmp(status, "postponed") == 0) return "show_postponed";
    if (strcmp(status, "scheduled") != 0) return NULL;
    if (strcmp(before->status, "postponed") == 0) return "show_moved";
    return same && strcmp(before->starts, starts) != 0 ? "show_moved" : NULL;
}

static void show_event(const struct json *event, int64_t at_ms)
{
    char id[25], status[16], starts[32];
    struct show_state *show;
    const char *change;

    copy_text(id, sizeof id, text_of(event, "id"));
    copy_text(status, sizeof status, text_of(event, "status"));
    copy_text(starts, sizeof starts, text_of(event, "startsAtLocal"));
    show = show_of(id);
    if (!show) {
        ASSERT(attendance.show_count < SHOWS_MAX);
        show = &attendance.shows[attendance.show_count++];
        *show = (struct show_state){0};
        memcpy(show->id, id, sizeof id);
    }
    change = change_to(show, status, starts);
    if (change) {
        ++*changes_of(show, change);
        show->change = change;
        show->changed_ms = at_ms;
    }
    memcpy(show->status, status, sizeof status);
    memcpy(show->starts, starts, sizeof starts);
    copy_text(show->merged_into, sizeof show->merged_into, text_of(event, "mergedInto"));
}

/* The latest of the entry; NULL: it is new. */
static struct entry_holder *holder_of(const char *entry)
{
    for (size_t i = attendance.holder_count; i-- > 0;)
        if (strcmp(attendance.holders[i].entry, entry) == 0) return &attendance.holders[i];
    return NULL;
}

/* One more a change of hands, from that on. */
static void holder_event(const struct json *event, int64_t at_ms)
{
    struct entry_holder holder = {.at_ms = at_ms}, *before;

    copy_text(holder.entry, sizeof holder.entry, text_of(event, "id"));
    copy_text(holder.user, sizeof holder.user, text_of(event, "userId"));
    copy_text(holder.show, sizeof holder.show, text_of(event, "showId"));
    holder.valid = str_eq(text_of(event, "status"), STR("valid"));
    before = holder_of(holder.entry);
    if (before && strcmp(before->user, holder.user) == 0) {
        before->valid = holder.valid;
        return;
    }
    if (before) {
        before->valid = false;
        memcpy(holder.show, before->show, sizeof holder.show);
    }
    ASSERT(attendance.holder_count < HOLDERS_MAX);
    attendance.holders[attendance.holder_count++] = holder;
}

void told_event(struct str subject, const struct json *event, int64_t at_ms)
{
    if (str_starts(subject, STR("show:"))) show_event(event, at_ms);
    if (str_eq(subject, STR("entry:created")) || str_eq(subject, STR("entry:updated")))
        holder_event(event, at_ms);
}

/* The one was merged into the other, maybe by way of others, or it is the other. */
static bool became(const char *id, const char *other)
{
    const struct show_state *show;

    if (strcmp(id, other) == 0) return true;
    show = show_of(id);
    return show && show->merged_into[0] && became(show->merged_into, other);
}

static bool has_held(const char *user, const char *show)
{
    for (size_t i = 0; i < attendance.holder_count; i++)
        if (strcmp(attendance.holders[i].user, user) == 0 &&
            became(attendance.holders[i].show, show))
            return true;
    return false;
}

static int times_told(const char *kind, const char *show, const char *user)
{
    int times = 0;

    for (size_t i = 0; i < attendance.told_count; i++)
        times += strcmp(attendance.told[i].kind, kind) == 0 &&
                 strcmp(attendance.told[i].show, show) == 0 &&
                 strcmp(attendance.told[i].user, user) == 0;
    return times;
}

bool told_is_kind(const char *kind)
{
    return changes_of(&(struct show_state){0}, kind) != NULL;
}

const char *told_written(const char *letter, const char *kind, const char *about, const char *user)
{
    static const char *const kinds[] = {"show_cancelled", "show_postponed", "show_moved"};
    struct show_state *show = show_of(about);
    struct told *told;

    CHECK(23, letter, show && times_told(kind, about, user) < *changes_of(show, kind),
          "%s is told %s of %s, which did not happen, or was told before", user, kind, about);
    CHECK(23, letter, has_held(user, about), "%s is told of %s, and never had an entry to it", user,
          about);
    ASSERT(attendance.told_count < TOLD_MAX);
    told = &attendance.told[attendance.told_count++];
    memcpy(told->show, show->id, sizeof told->show);
    snprintf(told->user, sizeof told->user, "%s", user);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i], kind) == 0) told->kind = kinds[i];
    return told->kind;
}

void told_quiet(void)
{
    for (size_t i = 0; i < attendance.holder_count; i++) {
        const struct entry_holder *holder = &attendance.holders[i];
        const struct show_state *show = show_of(holder->show);

        if (!holder->valid || !show->change || holder->at_ms >= show->changed_ms) continue;
        CHECK(23, holder->entry, times_told(show->change, show->id, holder->user),
              "%s was not told %s of %s", holder->user, show->change, show->id);
    }
}
