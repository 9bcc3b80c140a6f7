/* services/admin/groups.c: who listens: groups, their members, and what is in flight. */
#include "services/admin/admin.h"

#include <stdio.h>
#include <stdlib.h>

#define FLIGHT_ROOM_FIRST 64

/* --- in flight ----------------------------------------------------------------------------- */

bool group_reserve(struct group *group)
{
    size_t room = group->flight_room ? group->flight_room * 2 : FLIGHT_ROOM_FIRST;
    struct in_flight *flight;

    if (group->flight_count < group->flight_room) return true;
    if (room > GROUP_FLIGHT_MAX) return false;
    flight = realloc(group->flight, room * sizeof *flight);
    if (!flight) return false;
    group->flight = flight;
    group->flight_room = room;
    return true;
}

size_t group_flight_at(const struct group *group, int64_t sequence)
{
    size_t low = 0, high = group->flight_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (group->flight[middle].sequence < sequence)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void group_flight_insert(struct group *group, struct in_flight entry)
{
    size_t at = group_flight_at(group, entry.sequence);

    ASSERT(group->flight_count < group->flight_room);
    memmove(&group->flight[at + 1], &group->flight[at],
            (group->flight_count - at) * sizeof *group->flight);
    group->flight[at] = entry;
    group->flight_count++;
}

void group_flight_remove(struct group *group, size_t at)
{
    struct in_flight *entry = &group->flight[at];

    ASSERT(at < group->flight_count);
    if (entry->member)
        entry->member->in_flight--;
    else
        group->flight_returned--;
    group->flight_count--;
    memmove(entry, entry + 1, (group->flight_count - at) * sizeof *entry);
}

enum err group_acknowledge(struct tx *tx, struct group *group, int64_t sequence, bool *acknowledged)
{
    size_t at = group_flight_at(group, sequence);

    *acknowledged = at < group->flight_count && group->flight[at].sequence == sequence;
    if (!*acknowledged) return OK;
    group_flight_remove(group, at);
    return group->durable[0] ? durable_acknowledged(tx, group, sequence) : OK;
}

/* --- groups -------------------------------------------------------------------------------- */

static bool same_group(const struct group *group, const struct listen_options *options,
                       size_t source)
{
    return group->source == source && str_eq(str_of(group->subject), options->subject) &&
           str_eq(str_of(group->queue_group), options->queue_group) &&
           str_eq(str_of(group->durable), options->durable);
}

/* A listener without any name is a group of its own. */
static struct group *find_group(struct admin *admin, const struct listen_options *options,
                                size_t source)
{
    if (!options->queue_group.len && !options->durable.len) return NULL;
    for (struct group *group = admin->groups; group; group = group->next)
        if (same_group(group, options, source)) return group;
    return NULL;
}

static void name_copy(char to[LISTENER_NAME_MAX + 1], struct str name)
{
    ASSERT(name.len <= LISTENER_NAME_MAX);
    if (name.len) memcpy(to, name.at, name.len);
    to[name.len] = '\0';
}

static void free_group(struct admin *admin, struct group *group)
{
    struct group **at = &admin->groups;

    while (*at != group)
        at = &(*at)->next;
    *at = group->next;
    free(group->flight);
    free(group);
}

/* Where it begins. ERR_CONFLICT: with what is no longer kept. */
static enum err place(struct admin *admin, struct tx *tx, const struct listen_options *options,
                      struct group *group, int64_t *removed)
{
    struct channel channel;
    enum err err;

    TRY(outbox_view_channel(admin, group->source, options->subject, &channel));
    *removed = channel.removed;
    group->position = options->start ? options->start - 1 : channel.last;
    if (options->all) group->position = channel.removed;
    if (options->durable.len) TRY(durable_open(tx, group));
    if (group->position < channel.removed) err = ERR_CONFLICT;
done:
    return err;
}

static enum err make_group(struct admin *admin, struct tx *tx, const struct listen_options *options,
                           size_t source, struct group **out, int64_t *removed)
{
    struct group *group = calloc(1, sizeof *group);
    enum err err = OK;

    if (!group) return ERR_MEMORY;
    group->next = admin->groups;
    admin->groups = group;
    group->source = source;
    group->source_name = instance_name(app_service(admin->app, source));
    group->due = MONO_NEVER;
    name_copy(group->subject, options->subject);
    name_copy(group->queue_group, options->queue_group);
    name_copy(group->durable, options->durable);
    TRY(place(admin, tx, options, group, removed));
    *out = group;
done:
    if (err) free_group(admin, group);
    return err;
}

/* --- members ------------------------------------------------------------------------------- */

static struct member *add_member(struct admin *admin, struct env *env, struct group *group,
                                 const struct listen_options *options, struct wall_ms now)
{
    struct member *member = calloc(1, sizeof *member);
    uint64_t number;

    if (!member) return NULL;
    random_fill(env->random, &number, sizeof number);
    snprintf(member->id, sizeof member->id, "%016llx", (unsigned long long)number);
    member->group = group;
    member->env = env;
    member->manual_ack = options->manual_ack;
    member->ack_wait_ms = options->ack_wait_ms;
    member->in_flight_max = (size_t)options->in_flight_max;
    member->since = now;
    member->next = group->members;
    group->members = member;
    atomic_store(&admin->listening, ++admin->member_count);
    return member;
}

enum err member_join(struct admin *admin, struct env *env, struct tx *tx,
                     const struct listen_options *options, struct member **out, int64_t *removed)
{
    size_t source = publisher_of_subject(admin->app, options->subject);
    struct group *group = find_group(admin, options, source);
    enum err err = OK;

    /* A durable name without a queue group has one listener: the newest. It may well be the same
     * one back again before its old connection was seen to end. */
    if (group && !options->queue_group.len) {
        TRY(member_leave(admin, tx, group->members, "replaced"));
        group = NULL;
    }
    if (admin->member_count >= LISTENERS_MAX) return ERR_QUEUE_FULL;
    if (!group) TRY(make_group(admin, tx, options, source, &group, removed));
    *out = add_member(admin, env, group, options, tx->now);
    if (*out) return OK;
    if (!group->members) free_group(admin, group);
    err = ERR_MEMORY;
done:
    return err;
}

/* What the member has not acknowledged has to come again, now. */
static void return_flight(struct member *member)
{
    struct group *group = member->group;

    for (size_t i = 0; i < group->flight_count; i++) {
        if (group->flight[i].member != member) continue;
        group->flight[i].member = NULL;
        group->flight_returned++;
    }
}

static void free_member(struct admin *admin, struct member *member)
{
    struct member **at = &member->group->members;

    while (*at != member)
        at = &(*at)->next;
    *at = member->next;
    member->group->turn = NULL;
    atomic_store(&admin->listening, --admin->member_count);
    if (member->stream) stream_end(member->stream);
    free(member);
}

/* The stream's last line. */
static void say_why(struct member *member, const char *why)
{
    char line[64];
    int len = snprintf(line, sizeof line, "{\"ended\":\"%s\"}\n", why);

    if (member->stream) (void)stream_write(member->stream, (struct str){line, (size_t)len});
}

enum err member_leave(struct admin *admin, struct tx *tx, struct member *member, const char *why)
{
    struct group *group = member->group;
    enum err err = OK;

    return_flight(member);
    if (why) say_why(member, why);
    free_member(admin, member);
    if (group->members) return OK;
    if (group->rewrite)
        err = durable_rewrite(tx, group);
    else if (group->unsaved)
        err = durable_save(tx, group);
    free_group(admin, group);
    return err;
}

struct member *member_find(struct admin *admin, struct str id)
{
    for (struct group *group = admin->groups; group; group = group->next)
        for (struct member *member = group->members; member; member = member->next)
            if (str_eq(str_of(member->id), id)) return member;
    return NULL;
}

void admin_free(struct admin *admin)
{
    while (admin->groups) {
        while (admin->groups->members)
            free_member(admin, admin->groups->members);
        free_group(admin, admin->groups);
    }
    outbox_view_close(admin);
    buf_free(&admin->line);
    free(admin);
}
