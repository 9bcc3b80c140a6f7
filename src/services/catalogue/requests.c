/* services/catalogue/requests.c: what venues' and shows' requests have in common. */
#include "services/catalogue/catalogue.h"

enum err take_name(struct request *rq, const char *field, struct str typed, struct str *out)
{
    static const struct {
        const char *code, *hint;
    } faults[] = {
        [NAME_EMPTY] = {"empty", "Say what it is called"},
        [NAME_INVISIBLE] = {"invisible", "Use letters, digits or signs that can be seen"},
        [NAME_TOO_LONG] = {"too_long", "Use at most 200 characters"},
        [NAME_CONTROLS] = {"controls", "Write it on one line, without control characters"},
    };
    enum name_fault fault;

    *out = text_contained(rq->arena, str_trim(typed));
    if (!out->at && typed.len) return ERR_MEMORY;
    fault = name_fault(*out);
    if (fault != NAME_FINE)
        request_reject_for(rq, field, "A name of 1 to 200 characters is required",
                           faults[fault].code, faults[fault].hint);
    return OK;
}

struct str take_reason(struct request *rq)
{
    struct str reason = str_trim(request_body_text(rq, "reason"));

    if (str_code_points(reason) > REASON_POINTS_MAX)
        request_reject(rq, "reason", "Reason must be at most 200 characters");
    return reason.at ? reason : STR("");
}

enum err check_version(struct request *rq, int64_t present)
{
    const struct json *given = json_get(rq->body, "version");
    struct buf text;
    int64_t version;

    if (!given || json_type(given) == JSON_NULL) return OK;
    if (!json_int64(given, &version)) {
        return request_reject(rq, "version",
                              "Version must be the one that was last seen, a number");
    }
    if (version == present) return OK;
    buf_init(&text, rq->arena, 24);
    buf_int(&text, present);
    return request_refuse_with(rq, ERR_VERSION_CHANGED, "version", &text);
}

static struct str id_copy(struct request *rq, struct object_id id)
{
    struct object_id_text text = object_id_text(id);

    return arena_copy(rq->arena, str_of(text.hex));
}

enum err refuse_with_id(struct request *rq, enum err reason, const char *key, struct object_id id)
{
    struct buf text;

    buf_init(&text, rq->arena, 32);
    buf_printf(&text, "\"%s\"", object_id_text(id).hex);
    return request_refuse_with(rq, reason, key, &text);
}

enum err reply_merged(struct request *rq, struct reply *rp, const char *folder,
                      struct object_id into)
{
    struct json_writer json = reply_json(rp, 308);
    struct str id = id_copy(rq, into);
    struct buf path;

    buf_init(&path, rq->arena, 64);
    buf_append(&path, str_of(folder));
    buf_append(&path, id);
    reply_header(rp, "Location", buf_str(&path));
    json_begin_object(&json);
    json_member_text(&json, "mergedInto", id);
    json_end_object(&json);
    return path.failed ? ERR_MEMORY : OK;
}

enum err check_proposals(struct request *rq, struct tx *tx)
{
    int64_t open;
    enum err err;

    TRY(proposals_open(tx, rq->user.id, &open));
    if (open >= PROPOSALS_OPEN_MAX) return ERR_TOO_MANY_PROPOSALS;
done:
    return err;
}

/* "%text%", and what LIKE would take for more than itself is escaped with "!". */
static enum err take_pattern(struct request *rq, struct str *out)
{
    struct str folded = text_folded(rq->arena, str_trim(request_query(rq, "q")));
    struct buf pattern;

    if (!folded.at) return ERR_MEMORY;
    buf_init(&pattern, rq->arena, 2 * folded.len + 8);
    buf_char(&pattern, '%');
    for (size_t i = 0; i < folded.len; i++) {
        if (strchr("%_!", folded.at[i])) buf_char(&pattern, '!');
        buf_char(&pattern, folded.at[i]);
    }
    buf_char(&pattern, '%');
    *out = buf_str(&pattern);
    return pattern.failed ? ERR_MEMORY : OK;
}

enum err take_listed(struct request *rq, const char *const *words, enum listed *out,
                     struct staff_filter *filter)
{
    bool known = false;
    enum err err;

    *filter =
        (struct staff_filter){.status = request_query(rq, "status"), .now = env_now(rq->run->env)};
    *out = LISTED;
    if (!filter->status.at) return OK;
    for (; *words && !known; words++)
        known = str_eq(filter->status, str_of(*words));
    if (!known)
        return request_reject(rq, "status",
                              "Status must be one of the documented words, or be "
                              "left out");
    TRY(need_staff(rq));
    if (str_code_points(request_query(rq, "q")) > NAME_POINTS_MAX)
        return request_reject(rq, "q", "Q must be at most 200 characters");
    TRY(take_pattern(rq, &filter->pattern));
    *out = LISTED_FOR_STAFF;
done:
    return err;
}
