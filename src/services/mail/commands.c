/* services/mail/commands.c: letters are written, and said in words. */
#include "services/mail/mail.h"

#include "identity/link_token.h"
#include "services/mail/mail_pages.h"
#include "services/mail/message.h"

#define HTML_BYTES_MAX 16384

enum err mail_put(struct env *env, struct tx *tx, const struct mail *mail)
{
    struct mail row = *mail;
    bool made;
    enum err err;

    row.id = env_new_id(env, tx);
    row.status = MAIL_WAITING;
    row.made_at = row.due_at = tx->now;
    TRY(mail_insert(tx, &row, &made));
    if (made) env_job_due(env, SEND, tx->now);
done:
    return err;
}

enum err mail_write(struct env *env, struct tx *tx, const struct mail *mail)
{
    return wall_since(tx->now, env->event_at) > MAIL_EXPIRES_MS ? OK : mail_put(env, tx, mail);
}

enum err mail_again(struct env *env, struct tx *tx, struct mail *mail)
{
    enum err err;

    mail->status = MAIL_WAITING;
    mail->due_at = tx->now;
    TRY(mail_update(tx, mail));
    env_job_due(env, SEND, tx->now);
done:
    return err;
}

enum err mail_view(const struct env *env, struct arena *arena, const struct mail *mail,
                   struct letter_view *out)
{
    struct letter letter = {.kind = mail->kind,
                            .about = mail->about,
                            .title = mail->title,
                            .detail = mail->detail,
                            .amount_cents = mail->amount_cents};
    enum link_kind opens = mail->kind == MAIL_ADDRESS ? LINK_ADDRESS : LINK_RESET;
    struct link_token token;
    struct buf base;

    buf_init(&base, arena, URL_BYTES_MAX);
    env_public_url(env, &base);
    if (base.failed) return ERR_MEMORY;
    letter.base = buf_str(&base);
    if (mail->kind == MAIL_RESET || mail->kind == MAIL_ADDRESS) {
        token = link_token_make(env->keys, opens, mail->cause_id);
        letter.token = str_of(token.text);
    }
    return letter_view_of(arena, &letter, out);
}

enum err mail_compose(const struct env *env, struct arena *arena, const struct mail *mail,
                      struct str address, struct buf *out)
{
    struct object_id_text id = object_id_text(mail->id);
    struct message message = {.id = str_of(id.hex), .date = mail->made_at};
    struct letter_page page = {.texts = mail_languages[0].escaped};
    struct letter_view view;
    struct buf text, html;
    enum err err;

    if (!mailbox_parse(str_of(env->settings->mail_from), &message.from)) return ERR_INVALID;
    TRY(mail_view(env, arena, mail, &view));
    buf_init(&text, arena, HTML_BYTES_MAX);
    buf_init(&html, arena, HTML_BYTES_MAX);
    letter_text(&text, &view);
    letter_letter(&html, &page, &view);
    if (text.failed || html.failed) return ERR_MEMORY;
    message.to = address;
    message.subject = view.subject;
    message.text = buf_str(&text);
    message.html = buf_str(&html);
    TRY(message_write(&message, out));
done:
    return err;
}
