/* services/auth/documents.c: people as JSON. */
#include "services/auth/documents.h"

#include "services/auth/account/agent.h"

void signed_in_json(struct json_writer *json, const struct user *user)
{
    json_begin_object(json);
    json_member_text(json, "email", user->email);
    json_member_id(json, "id", user->id);
    json_end_object(json);
}

void current_user_json(struct json_writer *json, const struct session_user *user)
{
    if (!user->id.len) {
        json_put_null(json);
        return;
    }
    json_begin_object(json);
    json_member_text(json, "id", user->id);
    json_member_text(json, "email", user->email);
    json_member_int(json, "iat", user->issued_at_s);
    if (user->expires_at_s) json_member_int(json, "exp", user->expires_at_s);
    json_put_roles(json, user->roles);
    json_end_object(json);
}

void account_json(struct json_writer *json, const struct user *user, bool withheld)
{
    json_begin_object(json);
    json_member_id(json, "id", user->id);
    json_member_text(json, "email", user->email);
    json_member_bool(json, "confirmed", wall_known(user->confirmed_at));
    if (withheld) json_member_bool(json, "rolesNeedFactor", true);
    json_end_object(json);
}

void session_json(struct json_writer *json, const struct session_record *record, bool current)
{
    struct agent agent = agent_read(record->agent);

    json_begin_object(json);
    json_member_text(json, "id", record->id_hash);
    json_member_bool(json, "current", current);
    if (agent.browser.len) json_member_text(json, "browser", agent.browser);
    if (agent.system.len) json_member_text(json, "system", agent.system);
    json_member_time(json, "createdAt", record->created_at);
    json_member_text(json, "address", record->address);
    json_member_time(json, "usedAt", record->used_at);
    json_member_text(json, "usedAddress", record->used_address);
    json_end_object(json);
}

void user_json(struct json_writer *json, const struct user *user, const struct role_set *roles)
{
    json_begin_object(json);
    json_member_id(json, "id", user->id);
    json_member_text(json, "email", user->email);
    json_member_bool(json, "confirmed", wall_known(user->confirmed_at));
    json_member_text(json, "status", user_status_text(user->status));
    json_member_int(json, "version", user->version);
    if (user->status == USER_BANNED) {
        json_member_time(json, "bannedAt", user->banned_at);
        json_member_text(json, "reason", user->ban_reason);
    }
    if (roles) json_put_roles(json, *roles);
    json_end_object(json);
}
