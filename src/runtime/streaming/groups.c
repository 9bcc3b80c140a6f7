/* runtime/streaming/groups.c: who listens: groups, their members, and what is in flight. */
#include "runtime/streaming/streaming.h"

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

enum err group_acknowledge(struct tx *tx, struct group *group, int64_t sequence, bool *settled)
{
    size_t at = group_flight_at(group, sequence);

    *settled = at < group->flight_count && group->flight[at].sequence == sequence;
    if (!*settled) return OK;
    group_flight_remove(group, at);
    return group->durable[0] ? durable_settled(tx, group, sequence) : OK;
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
static struct group *find_group(struct streaming *streaming, const struct listen_options *options,
                                size_t source)
{
    if (!options->queue_group.len && !options->durable.len) return NULL;
    for (struct group *group = streaming->groups; group; group = group->next)
        if (same_group(group, options, source)) return group;
    return NULL;
}

static void name_copy(char to[STREAMING_NAME_MAX + 1], struct str name)
{
    ASSERT(name.len <= STREAMING_NAME_MAX);
    if (name.len) memcpy(to, name.at, name.len);
    to[name.len] = '\0';
}

static void free_group(struct streaming *streaming, struct group *group)
{
    struct group **at = &streaming->groups;

    while (*at != group)
        at = &(*at)->next;
    *at = group->next;
    free(group->flight);
    free(group);
}

static enum err make_group(struct streaming *streaming, struct tx *tx,
                           const struct listen_options *options, size_t source, struct group **out)
{
    struct group *group = calloc(1, sizeof *group);
    struct channel channel;
    enum err err = OK;

    if (!group) return ERR_MEMORY;
    group->next = streaming->groups;
    streaming->groups = group;
    group->source = source;
    group->source_name = streaming->house->services[source]->def->name;
    group->due_ms = INT64_MAX;
    name_copy(group->subject, options->subject);
    name_copy(group->queue_group, options->queue_group);
    name_copy(group->durable, options->durable);
    TRY(log_channel(streaming, source, options->subject, &channel));
    group->position = options->start ? options->start - 1 : channel.last;
    if (options->durable.len) TRY(durable_open(tx, group));
    *out = group;
done:
    if (err) free_group(streaming, group);
    return err;
}

/* --- members ------------------------------------------------------------------------------- */

static struct member *add_member(struct streaming *streaming, struct env *env, struct group *group,
                                 const struct listen_options *options, int64_t now_ms)
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
    member->since_ms = now_ms;
    member->next = group->members;
    group->members = member;
    atomic_store(&streaming->listening, ++streaming->member_count);
    return member;
}

enum err member_join(struct streaming *streaming, struct env *env, struct tx *tx,
                     const struct listen_options *options, struct member **out)
{
    size_t source = streaming_source(streaming->house, options->subject);
    struct group *group = find_group(streaming, options, source);
    enum err err = OK;

    /* A durable name without a queue group has one listener: the newest. It may well be the same
     * one back again before its old connection was seen to end. */
    if (group && !options->queue_group.len) {
        TRY(member_leave(streaming, tx, group->members));
        group = NULL;
    }
    if (streaming->member_count >= LISTENERS_MAX) return ERR_QUEUE_FULL;
    if (!group) TRY(make_group(streaming, tx, options, source, &group));
    *out = add_member(streaming, env, group, options, tx->now_ms);
    if (*out) return OK;
    if (!group->members) free_group(streaming, group);
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

static void free_member(struct streaming *streaming, struct member *member)
{
    struct member **at = &member->group->members;

    while (*at != member)
        at = &(*at)->next;
    *at = member->next;
    member->group->turn = NULL;
    atomic_store(&streaming->listening, --streaming->member_count);
    if (member->stream) stream_end(member->stream);
    free(member);
}

enum err member_leave(struct streaming *streaming, struct tx *tx, struct member *member)
{
    struct group *group = member->group;
    enum err err = OK;

    return_flight(member);
    free_member(streaming, member);
    if (group->members) return OK;
    if (group->rewrite)
        err = durable_rewrite(tx, group);
    else if (group->unsaved)
        err = durable_save(tx, group);
    free_group(streaming, group);
    return err;
}

struct member *member_find(struct streaming *streaming, struct str id)
{
    for (struct group *group = streaming->groups; group; group = group->next)
        for (struct member *member = group->members; member; member = member->next)
            if (str_eq(str_of(member->id), id)) return member;
    return NULL;
}

void streaming_free(struct streaming *streaming)
{
    while (streaming->groups) {
        while (streaming->groups->members)
            free_member(streaming, streaming->groups->members);
        free_group(streaming, streaming->groups);
    }
    log_close(streaming);
    buf_free(&streaming->line);
    free(streaming);
}
