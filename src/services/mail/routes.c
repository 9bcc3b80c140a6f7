/* services/mail/routes.c: the mailbox of a program that sends none, and what the operator sees. */
#include "services/mail/mail.h"

#include "services/mail/documents.h"
#include "services/mail/mail_pages.h"
#include "services/mail/message.h"

#define LIST_DEFAULT 50
#define LIST_MAX     200
#define MAILBOX_MAX  100

/* --- the mailbox (SMTP_URL is not set) ------------------------------------------------------ *
 * It shows links that open accounts: to this machine alone, on the listener of monitoring, which no
 * proxy before the pages leads to. */

static bool is_open(const struct request *rq)
{
    return !rq->run->env->settings->smtp_url &&
           (str_starts(rq->client, STR("127.")) || str_eq(rq->client, STR("::1")) ||
            str_eq(rq->client, STR("local")));
}

static enum err html_reply(struct reply *rp)
{
    reply_header(rp, "Cache-Control", STR("no-store"));
    reply_header(rp, "Referrer-Policy", STR("no-referrer"));
    reply_header(rp, "Content-Security-Policy",
                 STR("default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action "
                     "'none'; frame-ancestors 'none'"));
    return reply_text(rp, 200, "text/html; charset=utf-8", STR(""));
}

static enum err sent_view_of(struct request *rq, const struct mail *mail,
                             const struct letter_view *letter, struct sent_view *out)
{
    struct object_id_text id = object_id_text(mail->id);
    char when[ISO8601_LEN + 1];

    iso8601_format(mail->made_at, when);
    *out = (struct sent_view){.id = arena_copy(rq->arena, str_of(id.hex)),
                              .subject = letter->subject,
                              .to = mail->sent_to,
                              .status = mail_status_text(mail->status),
                              .when = arena_copy(rq->arena, str_of(when))};
    return out->id.at && out->when.at ? OK : ERR_MEMORY;
}

/* GET /dev/mail: the newest mails. 200; 404 when they are sent, or elsewhere than on this machine.
 */
static enum err get_mailbox(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct letter_page page = {.texts = mail_languages[0].escaped};
    struct mail *mails = arena_alloc(rq->arena, MAILBOX_MAX * sizeof *mails);
    struct sent_view *sent = arena_alloc(rq->arena, MAILBOX_MAX * sizeof *sent);
    struct mailbox_view view = {.mails = {.at = sent}};
    struct object_id newest;
    struct letter_view letter;
    enum err err;

    if (!is_open(rq)) return ERR_NOT_FOUND;
    if (!mails || !sent) return ERR_MEMORY;
    memset(&newest, 0xff, sizeof newest);
    TRY(mails_page(tx, rq->arena, NULL, newest, mails, MAILBOX_MAX, &view.mails.count));
    for (size_t i = 0; i < view.mails.count; i++) {
        TRY(mail_view(rq->run->env, rq->arena, &mails[i], &letter));
        TRY(sent_view_of(rq, &mails[i], &letter, &sent[i]));
    }
    TRY(html_reply(rp));
    letter_mailbox(&rp->body, &page, &view);
done:
    return err;
}

/* The mail of the path, where the mailbox is open. */
static enum err mail_of_path(struct request *rq, struct tx *tx, struct mail *mail)
{
    struct object_id id;

    if (!is_open(rq) || !object_id_parse(rq->params[0], &id)) return ERR_NOT_FOUND;
    return mail_get(tx, rq->arena, id, mail);
}

/* GET /dev/mail/:id: one mail. 200; 404. */
static enum err get_mailbox_mail(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct letter_page page = {.texts = mail_languages[0].escaped};
    struct mail_page_view view;
    struct mail mail;
    enum err err;

    TRY(mail_of_path(rq, tx, &mail));
    TRY(mail_view(rq->run->env, rq->arena, &mail, &view.letter));
    TRY(sent_view_of(rq, &mail, &view.letter, &view.mail));
    TRY(html_reply(rp));
    letter_mail(&rp->body, &page, &view);
done:
    return err;
}

/* GET /dev/mail/:id/html: its HTML part. 200; 404. */
static enum err get_mailbox_html(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct letter_page page = {.texts = mail_languages[0].escaped};
    struct letter_view view;
    struct mail mail;
    enum err err;

    TRY(mail_of_path(rq, tx, &mail));
    TRY(mail_view(rq->run->env, rq->arena, &mail, &view));
    TRY(html_reply(rp));
    letter_letter(&rp->body, &page, &view);
done:
    return err;
}

/* GET /dev/mail/:id/source: the message as a server would get it. 200; 404. */
static enum err get_mailbox_source(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct mail mail;
    struct buf bytes;
    enum err err;

    TRY(mail_of_path(rq, tx, &mail));
    if (!mail.sent_to.len) return ERR_NOT_FOUND; /* not sent yet */
    buf_init(&bytes, rq->arena, MESSAGE_BYTES_MAX);
    TRY(mail_compose(rq->run->env, rq->arena, &mail, mail.sent_to, &bytes));
    reply_header(rp, "Cache-Control", STR("no-store"));
    return reply_text(rp, 200, "text/plain; charset=utf-8", buf_str(&bytes));
done:
    return err;
}

/* --- the operator -------------------------------------------------------------------------- */

/* GET /operator/mails?status=&limit=&after=: newest first. 200; 400. */
static enum err get_operator_mails(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct mail *mails = arena_alloc(rq->arena, LIST_MAX * sizeof *mails);
    struct str status = request_query(rq, "status");
    enum mail_status only;
    struct object_id after;
    struct json_writer json;
    int64_t limit;
    size_t count;
    enum err err;

    if (!mails) return ERR_MEMORY;
    if (status.len && !mail_status_parse(status, &only))
        request_reject(rq, "status", "Unknown status");
    request_limit(rq, LIST_DEFAULT, LIST_MAX, &limit);
    request_after(rq, &after);
    TRY(request_checked(rq));
    TRY(mails_page(tx, rq->arena, status.len ? &only : NULL, after, mails, (size_t)limit, &count));
    json = reply_json(rp, 200);
    json_begin_array(&json);
    for (size_t i = 0; i < count; i++)
        mail_document(&json, &mails[i]);
    json_end_array(&json);
done:
    return err;
}

/* POST /operator/mails/:id/send: once more, whatever became of it. 200 the mail; 404; 409
 * wrong_status: it is on its way. */
static enum err post_operator_mail_send(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct object_id id;
    struct json_writer json;
    struct mail mail;
    enum err err;

    if (!object_id_parse(rq->params[0], &id)) return ERR_BAD_REQUEST;
    TRY(mail_get(tx, rq->arena, id, &mail));
    if (mail.status == MAIL_SENDING) return ERR_WRONG_STATUS;
    TRY(mail_again(rq->run->env, tx, &mail));
    TRY(request_changed_id(rq, id, STR("")));
    json = reply_json(rp, 200);
    mail_document(&json, &mail);
done:
    return err;
}

const struct route mail_routes[MAIL_ROUTES] = {
    {METHOD_GET, "/dev/mail", ACCESS_MONITORING, IN_READER, .run = get_mailbox},
    {METHOD_GET, "/dev/mail/:id", ACCESS_MONITORING, IN_READER, .run = get_mailbox_mail},
    {METHOD_GET, "/dev/mail/:id/html", ACCESS_MONITORING, IN_READER, .run = get_mailbox_html},
    {METHOD_GET, "/dev/mail/:id/source", ACCESS_MONITORING, IN_READER, .run = get_mailbox_source},
    {METHOD_GET, "/operator/mails", ACCESS_OPERATOR, IN_READER, .run = get_operator_mails},
    {METHOD_POST, "/operator/mails/:id/send", ACCESS_OPERATOR, IN_WRITER,
     .run = post_operator_mail_send, .audit = "mail.sent_again"},
};
