/* services/auth/account/signed_in.c: the answer to who has shown who they are. */
#include "services/auth/auth.h"
#include "services/auth/documents.h"
#include "services/auth/session.h"

enum err reply_session(struct request *rq, struct tx *tx, struct reply *rp, int status,
                       const struct user *user)
{
    struct json_writer json = reply_json(rp, status);

    signed_in_json(&json, user);
    return session_open(rq, tx, rp, user);
}

enum err reply_signed_in(struct request *rq, struct tx *tx, struct reply *rp,
                         const struct user *user, struct str key, struct str device)
{
    struct object_id_text id = object_id_text(user->id);
    enum err err;

    if (!device.len) TRY(session_tell(rq, tx, user));
    TRY(reply_session(rq, tx, rp, 200, user));
    TRY(device_remember(rq, rp, key, device));
    TRY(audit_entry_put(rq, tx, AUDIT_STARTED, str_of(id.hex)));
done:
    return err;
}
