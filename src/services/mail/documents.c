/* services/mail/documents.c: rows as the operator sees them. */
#include "services/mail/documents.h"

void mail_document(struct json_writer *json, const struct mail *mail)
{
    json_begin_object(json);
    json_member_id(json, "id", mail->id);
    json_member_text(json, "kind", mail_kind_text(mail->kind));
    json_member_id(json, "cause", mail->cause_id);
    json_member_text(json, "userId", mail->user_id);
    json_member_text(json, "status", mail_status_text(mail->status));
    json_member_int(json, "tries", mail->tries);
    json_member_time(json, "madeAt", mail->made_at);
    if (mail->status == MAIL_WAITING) json_member_time(json, "dueAt", mail->due_at);
    if (mail->sent_to.len) json_member_text(json, "to", mail->sent_to);
    if (mail->reply.len) json_member_text(json, "reply", mail->reply);
    json_end_object(json);
}
