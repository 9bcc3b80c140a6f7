/* services/admin/unsubscribe.c: the durable names of listeners, for the operator: which there
 * are, and away with one nobody comes back for. */
#include "services/admin/admin.h"

static const struct group *group_of(const struct admin *admin, const struct durable *durable)
{
    const struct group *group = admin->groups;

    while (group && !(str_eq(str_of(group->durable), durable->name) &&
                      str_eq(str_of(group->subject), durable->subject) &&
                      str_eq(str_of(group->queue_group), durable->queue_group)))
        group = group->next;
    return group;
}

static int64_t members_of(const struct group *group)
{
    int64_t count = 0;

    for (const struct member *member = group ? group->members : NULL; member; member = member->next)
        count++;
    return count;
}

static void put_durable(struct json_writer *json, const struct admin *admin,
                        const struct durable *durable)
{
    const struct group *group = group_of(admin, durable);

    json_begin_object(json);
    json_key(json, "name");
    json_put_text(json, durable->name);
    json_key(json, "subject");
    json_put_text(json, durable->subject);
    json_key(json, "queue_group");
    json_put_text(json, durable->queue_group);
    json_key(json, "last_sent");
    json_put_int(json, group ? group->position : durable->position);
    json_key(json, "pending_count");
    json_put_int(json, group ? (int64_t)group->flight_count : durable->in_flight);
    json_key(json, "listeners");
    json_put_int(json, members_of(group));
    json_key(json, "last_used");
    json_put_time(json, durable->used_at);
    json_end_object(json);
}

/* GET /streaming/durables: each durable name, how far it has come and how many listen. */
enum err get_durables(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct json_writer json = reply_json(rp, 200);
    struct durable durable;
    struct rows rows;
    enum err err;

    json_begin_array(&json);
    durables_all(tx, &rows);
    while (durable_next(&rows, &durable))
        put_durable(&json, admin_of(rq->run->env), &durable);
    err = rows_end(&rows);
    json_end_array(&json);
    return err == OK && rp->body.failed ? ERR_MEMORY : err;
}

/* Whoever listens under the name is told, and is nobody's any more: nothing of it is stored. */
static enum err end_listeners(struct admin *admin, struct tx *tx, struct str name,
                              struct str subject)
{
    struct group *group = admin->groups, *next;
    enum err err = OK;

    for (; group; group = next) {
        bool last = false;

        next = group->next;
        if (!str_eq(str_of(group->durable), name)) continue;
        if (subject.len && !str_eq(str_of(group->subject), subject)) continue;
        group->durable[0] = '\0';
        group->unsaved = group->rewrite = false;
        while (!last && group->members) {
            last = !group->members->next; /* then the group goes, too */
            TRY(member_leave(admin, tx, group->members, "unsubscribed"));
        }
    }
done:
    return err;
}

/* POST /streaming/unsubscribe {"name","subject"?}: forgets the durable name, on all subjects unless
 * one is given, and ends its listeners. 200 {"forgotten": how many}; 404 there is none. */
enum err post_unsubscribe(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct str name = request_body_text(rq, "name"), subject = {"", 0};
    struct json_writer writer;
    int64_t forgotten = 0;
    enum err err;

    (void)json_text(json_get(rq->body, "subject"), &subject);
    if (!listener_name_valid(name))
        request_reject(rq, "name", "Name must be 1 to 100 printable characters");
    TRY(request_checked(rq));
    TRY(durables_forget(tx, name, subject, &forgotten));
    if (!forgotten) return ERR_NOT_FOUND;
    TRY(request_changed(rq, name, subject));
    TRY(end_listeners(admin_of(rq->run->env), tx, name, subject));
    writer = reply_json(rp, 200);
    json_begin_object(&writer);
    json_member_int(&writer, "forgotten", forgotten);
    json_end_object(&writer);
done:
    return err;
}
