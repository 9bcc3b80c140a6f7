/* services/mail/letter.c: what each letter says. The words are in texts/en.txt. */
#include "services/mail/letter.h"

#include "base/err.h"
#include "base/money.h"
#include "services/mail/mail_pages.h"

#define TEXT_BYTES_MAX 2048
#define LINES_MAX      3

static const struct {
    enum mail_text subject;
    enum mail_text lines[LINES_MAX];
    size_t line_count;
    const char *path; /* of its button … */
    enum mail_text action;
    bool token, about; /* … followed by the link's token, or the order's id */
} letters[MAIL_KINDS] = {
    [MAIL_RESET] = {MAIL_TEXT_RESET_SUBJECT,
                    {MAIL_TEXT_RESET_LEAD, MAIL_TEXT_RESET_HOW, MAIL_TEXT_RESET_NOT_YOU},
                    3,
                    "/auth/reset?token=",
                    MAIL_TEXT_RESET_ACTION,
                    .token = true},
    [MAIL_ADDRESS] = {MAIL_TEXT_ADDRESS_SUBJECT,
                      {MAIL_TEXT_ADDRESS_LEAD, MAIL_TEXT_ADDRESS_HOW, MAIL_TEXT_ADDRESS_NOT_YOU},
                      3,
                      "/auth/verify?token=",
                      MAIL_TEXT_ADDRESS_ACTION,
                      .token = true},
    [MAIL_ADDRESS_CHANGED] = {MAIL_TEXT_ADDRESS_CHANGED_SUBJECT,
                              {MAIL_TEXT_ADDRESS_CHANGED_LEAD, MAIL_TEXT_ADDRESS_CHANGED_NOT_YOU},
                              2,
                              "/help#contact",
                              MAIL_TEXT_CONTACT_ACTION,
                              .token = false},
    [MAIL_DEVICE] = {MAIL_TEXT_DEVICE_SUBJECT,
                     {MAIL_TEXT_DEVICE_LEAD, MAIL_TEXT_DEVICE_NOT_YOU},
                     2,
                     "/account",
                     MAIL_TEXT_DEVICE_ACTION,
                     .token = false},
    [MAIL_FACTOR_ON] = {MAIL_TEXT_FACTOR_ON_SUBJECT,
                        {MAIL_TEXT_FACTOR_ON_LEAD, MAIL_TEXT_FACTOR_NOT_YOU},
                        2,
                        "/auth/forgot",
                        MAIL_TEXT_PASSWORD_ACTION,
                        .token = false},
    [MAIL_FACTOR_OFF] = {MAIL_TEXT_FACTOR_OFF_SUBJECT,
                         {MAIL_TEXT_FACTOR_OFF_LEAD, MAIL_TEXT_FACTOR_NOT_YOU},
                         2,
                         "/auth/forgot",
                         MAIL_TEXT_PASSWORD_ACTION,
                         .token = false},
    [MAIL_PASSWORD] = {MAIL_TEXT_PASSWORD_SUBJECT,
                       {MAIL_TEXT_PASSWORD_LEAD, MAIL_TEXT_PASSWORD_NOT_YOU},
                       2,
                       "/auth/forgot",
                       MAIL_TEXT_PASSWORD_ACTION,
                       .token = false},
    [MAIL_ORDER] = {MAIL_TEXT_ORDER_SUBJECT,
                    {MAIL_TEXT_ORDER_LEAD, MAIL_TEXT_ORDER_PAID},
                    2,
                    "/orders/",
                    MAIL_TEXT_ORDER_ACTION,
                    .about = true},
    [MAIL_ENTRY] = {MAIL_TEXT_ORDER_SUBJECT,
                    {MAIL_TEXT_ORDER_LEAD, MAIL_TEXT_ORDER_PAID, MAIL_TEXT_ENTRY_HOW},
                    3,
                    "/my-tickets",
                    MAIL_TEXT_ENTRY_ACTION,
                    .token = false},
    [MAIL_SOLD] = {MAIL_TEXT_SOLD_SUBJECT,
                   {MAIL_TEXT_SOLD_LEAD, MAIL_TEXT_SOLD_HOW},
                   2,
                   "/selling",
                   MAIL_TEXT_SOLD_ACTION,
                   .token = false},
    [MAIL_REFUND] = {MAIL_TEXT_REFUND_SUBJECT,
                     {MAIL_TEXT_REFUND_LEAD, MAIL_TEXT_REFUND_HOW},
                     2,
                     "/orders/",
                     MAIL_TEXT_REFUND_ACTION,
                     .about = true},
    [MAIL_SHOW_CANCELLED] = {MAIL_TEXT_SHOW_CANCELLED_SUBJECT,
                             {MAIL_TEXT_SHOW_CANCELLED_LEAD, MAIL_TEXT_SHOW_CANCELLED_HOW},
                             2,
                             "/help#contact",
                             MAIL_TEXT_CONTACT_ACTION,
                             .token = false},
    [MAIL_SHOW_POSTPONED] = {MAIL_TEXT_SHOW_POSTPONED_SUBJECT,
                             {MAIL_TEXT_SHOW_POSTPONED_LEAD, MAIL_TEXT_SHOW_KEEP},
                             2,
                             "/my-tickets",
                             MAIL_TEXT_ENTRY_ACTION,
                             .token = false},
    [MAIL_SHOW_MOVED] = {MAIL_TEXT_SHOW_MOVED_SUBJECT,
                         {MAIL_TEXT_SHOW_MOVED_LEAD, MAIL_TEXT_SHOW_KEEP},
                         2,
                         "/my-tickets",
                         MAIL_TEXT_ENTRY_ACTION,
                         .token = false},
    [MAIL_TRANSFER] = {MAIL_TEXT_TRANSFER_SUBJECT,
                       {MAIL_TEXT_TRANSFER_LEAD, MAIL_TEXT_TRANSFER_HOW, MAIL_TEXT_TRANSFER_UNTIL},
                       3,
                       "/my-tickets",
                       MAIL_TEXT_TRANSFER_ACTION,
                       .token = false},
    [MAIL_TAKEN] = {MAIL_TEXT_TAKEN_SUBJECT,
                    {MAIL_TEXT_TAKEN_LEAD, MAIL_TEXT_TAKEN_HOW},
                    2,
                    "/my-tickets",
                    MAIL_TEXT_ENTRY_ACTION,
                    .token = false},
};

static const char *const words[MAIL_KINDS] = {
#define X(name, word) [MAIL_##name] = word,
    MAIL_KIND_MAP(X)
#undef X
};

struct str mail_kind_text(enum mail_kind kind)
{
    return str_of(words[kind]);
}

bool mail_kind_parse(struct str word, enum mail_kind *out)
{
    for (enum mail_kind kind = 0; kind < MAIL_KINDS; kind++) {
        if (!str_eq(word, str_of(words[kind]))) continue;
        *out = kind;
        return true;
    }
    return false;
}

/* A part of "2027-03-28T19:30+02:00"; empty: there is no such text. */
static struct str part_of(struct str text, size_t from, size_t length)
{
    return text.len < from + length ? STR("") : (struct str){text.at + from, length};
}

static struct str filled(struct arena *arena, enum mail_text text, const struct letter *letter)
{
    char memory[32];
    struct buf amount = {.at = memory, .cap = sizeof memory, .max = sizeof memory}, out;

    money_text(&amount, letter->amount_cents);
    buf_init(&out, arena, TEXT_BYTES_MAX);
    put_message_plain(&out, mail_languages[0].plain[text],
                      (const struct message_value[]){{STR("title"), letter->title},
                                                     {STR("amount"), buf_str(&amount)},
                                                     {STR("date"), part_of(letter->detail, 0, 10)},
                                                     {STR("time"), part_of(letter->detail, 11, 5)}},
                      4);
    return out.failed ? (struct str){NULL, 0} : buf_str(&out);
}

static struct str address_of(struct arena *arena, const struct letter *letter)
{
    struct object_id_text about = object_id_text(letter->about);
    struct buf url;

    buf_init(&url, arena, TEXT_BYTES_MAX);
    buf_append(&url, letter->base);
    buf_append(&url, str_of(letters[letter->kind].path));
    if (letters[letter->kind].token) buf_append(&url, letter->token);
    if (letters[letter->kind].about) buf_append(&url, str_of(about.hex));
    return url.failed ? (struct str){NULL, 0} : buf_str(&url);
}

enum err letter_view_of(struct arena *arena, const struct letter *letter, struct letter_view *out)
{
    *out = (struct letter_view){.subject = filled(arena, letters[letter->kind].subject, letter)};
    if (!out->subject.at) return ERR_MEMORY;
    for (size_t i = 0; i < letters[letter->kind].line_count; i++) {
        struct str line = filled(arena, letters[letter->kind].lines[i], letter);

        if (!line.at) return ERR_MEMORY;
        out->paragraphs.at[out->paragraphs.count++].text = line;
    }
    if (!letters[letter->kind].path) return OK;
    out->url.text = address_of(arena, letter);
    out->action = mail_languages[0].plain[letters[letter->kind].action];
    return out->url.text.at ? OK : ERR_MEMORY;
}

void letter_text(struct buf *out, const struct letter_view *view)
{
    for (size_t i = 0; i < view->paragraphs.count; i++) {
        buf_append(out, view->paragraphs.at[i].text);
        buf_append(out, STR("\n\n"));
    }
    if (view->url.text.len) {
        buf_append(out, view->action);
        buf_append(out, STR(":\n"));
        buf_append(out, view->url.text);
        buf_append(out, STR("\n\n"));
    }
    buf_append(out, STR("-- \n"));
    buf_append(out, mail_languages[0].plain[MAIL_TEXT_FOOT]);
    buf_char(out, '\n');
}
