/* tests/sim/letters.c: the server of mail and the mailboxes behind it. It takes letters, refuses
 * them, wants them later, or hangs up when it has them or has not; and it holds every letter
 * against what happened.
 *
 * Invariant 23: one mail a cause, however often its event comes and whatever dies in between; to
 * the person it is for, at the address they have when it is sent. */
#include "sim.h"

#include "client/smtp_client.h"

#include <sqlite3.h>

#define LETTER_MS    (INT64_C(48) * 3600 * 1000) /* a letter is tried for so long */
#define KEPT_MS      (8 * DAY_MS)
#define PROMPT_MS    (10 * 60 * INT64_C(1000)) /* until the first try, with nothing in the way */
#define TOKEN_LENGTH 88
#define BODY_MAX     8192
#define LATEST       32 /* letters */

/* What somebody is to be told. */
struct cause {
    const char *kind;
    char id[25], about[25], user[65];
    char email[64]; /* the address that it is about, where it goes; empty: to the account's */
    int64_t amount_cents, at_ms;
    bool written;
    int times; /* it was told: of a refund that came back and was given again */
};

struct letter {
    char id[25], kind[16], cause[25], user[65], status[16], sent_to[64];
    int64_t tries, made_at_ms;
    int asked; /* to be sent: by its being written, and by the operator */
    int taken; /* by the server */
    bool cut;
    int64_t answered_try;         /* the latest that came to the server … */
    int64_t answered_ms;          /* … when … */
    const char *answer;           /* … and what it made of it, as the row then has it */
    char token[TOKEN_LENGTH + 1]; /* of the link in it, once it has arrived */
    int64_t asked_ms;             /* … and when it was asked for */
};

/* A user's address from that version on; and the version that mail has. */
struct address {
    char user[25], email[64];
    int64_t version;
};
struct reader {
    char user[25];
    int64_t version, version_before, changed_step;
};

static struct {
    struct cause *causes;
    struct letter *letters;
    struct address *addresses;
    struct reader *readers;
    size_t cause_count, letter_count, address_count, reader_count;
    size_t cause_cap, letter_cap, address_cap, reader_cap;
    /* what this run's faults may do, also to what comes after them */
    bool clocks_differ, sleeps, answers_get_lost;
} post;

/* One more of them, all zero. */
static void *one_more(void **all, size_t *count, size_t *cap, size_t size)
{
    char *at;

    if (*count == *cap) {
        *cap = *cap * 2 + 64;
        *all = realloc(*all, *cap * size);
        ASSERT(*all);
    }
    at = (char *)*all + (*count)++ * size;
    memset(at, 0, size);
    return at;
}
#define ONE_MORE(many, one)                                                                        \
    one_more((void **)&post.many, &post.one##_count, &post.one##_cap, sizeof *post.many)

void letters_begin(void)
{
    post.cause_count = post.letter_count = post.address_count = post.reader_count = 0;
    post.clocks_differ = post.sleeps = post.answers_get_lost = false;
    told_begin();
}

static void note_faults(void)
{
    static const enum fault kinds[] = {FAULT_KILL,          FAULT_POWER_CUT, FAULT_CRASH_INSIDE,
                                       FAULT_SERVICE_CRASH, FAULT_STALL,     FAULT_MAIL_SLOW,
                                       FAULT_POOL_FULL};

    post.clocks_differ |= fault_possible(FAULT_CLOCK_SKEW) || fault_possible(FAULT_CLOCK_JUMP);
    post.sleeps |= fault_possible(FAULT_SUSPEND);
    post.answers_get_lost |=
        post.clocks_differ || post.sleeps || (!sim.healing && faults_of_disk());
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        post.answers_get_lost |= fault_possible(kinds[i]);
}

static struct letter *letter_of(const char *id)
{
    for (size_t i = post.letter_count; i-- > 0;)
        if (strcmp(post.letters[i].id, id) == 0) return &post.letters[i];
    return NULL;
}

/* --- causes -------------------------------------------------------------------------------- */

static struct cause *cause_of(const char *kind, const char *id)
{
    for (size_t i = post.cause_count; i-- > 0;)
        if (strcmp(post.causes[i].kind, kind) == 0 && strcmp(post.causes[i].id, id) == 0)
            return &post.causes[i];
    return NULL;
}

/* order: what it is about; NULL: nothing that is sold. */
static struct cause *cause(const char *kind, struct str id, const char *user,
                           const struct m_order *order, int64_t at_ms)
{
    struct cause *made;
    char text[25];

    copy_text(text, sizeof text, id);
    made = cause_of(kind, text);
    if (made) {
        made->times++;
        return made;
    }
    made = ONE_MORE(causes, cause);
    made->kind = kind;
    memcpy(made->id, text, sizeof text);
    snprintf(made->user, sizeof made->user, "%s", user);
    snprintf(made->about, sizeof made->about, "%s", order ? order->id : "000000000000000000000000");
    made->amount_cents = order ? order->price_cents : 0;
    made->at_ms = at_ms;
    made->times = 1;
    return made;
}

static void order_event(struct str subject, const struct json *event, int64_t at_ms)
{
    const struct m_order *order;
    char id[25];
    bool completed = str_eq(subject, STR("order:completed"));

    if (!completed && !str_eq(subject, STR("payment:refunded"))) return;
    copy_text(id, sizeof id, text_of(event, completed ? "id" : "orderId"));
    order = model_order(id);
    ASSERT(order);
    if (completed) {
        (void)cause(order->listing[0] ? "entry" : "order", text_of(event, "id"), order->user, order,
                    at_ms);
        (void)cause("sold", text_of(event, "id"), model_ticket_at((size_t)order->tickets[0])->owner,
                    order, at_ms);
    } else {
        (void)cause("refund", text_of(event, "id"), order->user, order, at_ms);
    }
}

void letters_event(struct str subject, const struct json *event, int64_t at_ms)
{
    struct address *address;
    char user[65];

    note_faults();
    copy_text(user, sizeof user, text_of(event, "userId"));
    if (str_eq(subject, STR("reset:requested")))
        (void)cause("reset", text_of(event, "id"), user, NULL, at_ms);
    if (str_eq(subject, STR("device:added")))
        (void)cause("device", text_of(event, "id"), user, NULL, at_ms);
    if (str_eq(subject, STR("password:changed")))
        (void)cause("password", text_of(event, "id"), user, NULL, at_ms);
    if (str_eq(subject, STR("address:requested")))
        copy_text(cause("address", text_of(event, "id"), user, NULL, at_ms)->email,
                  sizeof((struct cause *)0)->email, text_of(event, "email"));
    if (str_eq(subject, STR("transfer:created")))
        copy_text(cause("transfer", text_of(event, "id"), user, NULL, at_ms)->email,
                  sizeof((struct cause *)0)->email, text_of(event, "email"));
    if (str_eq(subject, STR("transfer:updated")) && str_eq(text_of(event, "status"), STR("taken")))
        (void)cause("taken", text_of(event, "id"), user, NULL, at_ms);
    order_event(subject, event, at_ms);
    told_event(subject, event, at_ms);
    if (!str_eq(subject, STR("user:created")) && !str_eq(subject, STR("user:updated"))) return;
    address = ONE_MORE(addresses, address);
    copy_text(address->user, sizeof address->user, text_of(event, "id"));
    copy_text(address->email, sizeof address->email, text_of(event, "email"));
    (void)json_int64(json_get(event, "version"), &address->version);
}

/* --- rows ---------------------------------------------------------------------------------- */

static const char *address_of(const char *user, int64_t version)
{
    for (size_t i = post.address_count; i-- > 0;)
        if (strcmp(post.addresses[i].user, user) == 0 && post.addresses[i].version == version)
            return post.addresses[i].email;
    return NULL;
}

static struct reader *reader_of(const char *user)
{
    for (size_t i = post.reader_count; i-- > 0;)
        if (strcmp(post.readers[i].user, user) == 0) return &post.readers[i];
    return NULL;
}

void letters_person(const char *user, int64_t version, const char *email)
{
    struct reader *reader = reader_of(user);
    const char *told = address_of(user, version);

    CHECK(5, user, told && strcmp(told, email) == 0,
          "mail has %s by version %lld, whose event says otherwise", email, (long long)version);
    if (!reader) {
        reader = ONE_MORE(readers, reader);
        snprintf(reader->user, sizeof reader->user, "%s", user);
        reader->version = reader->version_before = version;
    }
    CHECK(5, user, version >= reader->version, "mail's copy went back from version %lld",
          (long long)reader->version);
    if (reader->changed_step != sim.step) reader->version_before = reader->version;
    reader->changed_step = sim.step;
    reader->version = version;
}

/* Whether mail knew the user by that address when it committed what it did in this step. */
static bool known_as(const char *user, const char *email)
{
    const struct reader *reader = reader_of(user);
    int64_t version;

    if (!reader) return false;
    version = reader->changed_step == sim.step ? reader->version_before : reader->version;
    for (; version <= reader->version; version++)
        if (strcmp(address_of(user, version), email) == 0) return true;
    return false;
}

static bool goes_to(const struct letter *letter, const char *email)
{
    const struct cause *cause = cause_of(letter->kind, letter->cause);

    return cause->email[0] ? strcmp(cause->email, email) == 0 : known_as(letter->user, email);
}

/* Of a show's change and its reader; the program works its id out. */
static void show_cause(const struct letter *letter, const char *about)
{
    const char *kind = told_written(letter->id, letter->kind, about, letter->user);
    struct cause *made = cause(kind, str_of(letter->cause), letter->user, NULL, sim.now_ms);

    snprintf(made->about, sizeof made->about, "%s", about);
}

/* The cause that it was written for, as it was. */
static void check_cause(const struct letter *letter, const char *about, int64_t amount_cents)
{
    struct cause *cause;

    if (told_is_kind(letter->kind)) show_cause(letter, about);
    cause = cause_of(letter->kind, letter->cause);
    CHECK(23, letter->id, cause, "a letter %s about %s, which did not happen", letter->kind,
          letter->cause);
    CHECK(23, letter->id, strcmp(cause->user, letter->user) == 0, "a letter %s to %s, not to %s",
          letter->kind, letter->user, cause->user);
    CHECK(23, letter->id, strcmp(cause->about, about) == 0 && cause->amount_cents == amount_cents,
          "a letter %s about %s and %lld cents, not %s and %lld", letter->kind, about,
          (long long)amount_cents, cause->about, (long long)cause->amount_cents);
    cause->written = true;
}

/* The same as a constant, for the trace. */
static const char *status_word(const char *status)
{
    static const char *const words[] = {"mail.waiting", "mail.sending", "mail.sent", "mail.refused",
                                        "mail.expired"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i] + 5, status) == 0) return words[i];
    return "mail.uncertain";
}

/* By itself only what the server wanted later goes again. */
static void check_again(const struct letter *letter, const char *status, int64_t tries)
{
    int64_t before = strcmp(status, "waiting") == 0 ? tries : tries - 1;

    if (letter->asked > 1 || !letter->answer || letter->answered_try != before) return;
    CHECK(23, letter->id, strcmp(letter->answer, "waiting") == 0,
          "it goes again, and the server said %s to try %lld", letter->answer, (long long)before);
}

static void check_status(const struct letter *letter, const char *status, int64_t tries,
                         int64_t made_at_ms)
{
    bool answered = strcmp(status, "sent") == 0 || strcmp(status, "refused") == 0;

    if (answered && strcmp(letter->status, status) != 0)
        CHECK(23, letter->id, letter->answered_try == tries && strcmp(letter->answer, status) == 0,
              "%s by try %lld, says the program; the server said %s to try %lld", status,
              (long long)tries, letter->answer ? letter->answer : "nothing",
              (long long)letter->answered_try);
    CHECK(23, letter->id,
          strcmp(status, "expired") != 0 || post.clocks_differ ||
              service_now_ms(MAIL) >= made_at_ms + LETTER_MS,
          "given up after %lld ms", (long long)(service_now_ms(MAIL) - made_at_ms));
    CHECK(23, letter->id, strcmp(status, "uncertain") != 0 || letter->cut || post.answers_get_lost,
          "uncertain, and the server said what it did");
}

/* Its time was over, and its row is gone. */
static bool is_forgotten(const struct letter *letter)
{
    char sql[96];

    if (service_now_ms(MAIL) - letter->made_at_ms < KEPT_MS) return false;
    snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM mails WHERE id = '%s'", letter->id);
    return watch_count(MAIL, sql) == 0;
}

/* A letter's row: its columns as watch.c has them. */
void letters_row(void *statement)
{
    sqlite3_stmt *row = statement;
    const char *id = (const char *)sqlite3_column_text(row, 0);
    const char *kind = (const char *)sqlite3_column_text(row, 1);
    const char *cause = (const char *)sqlite3_column_text(row, 2);
    const char *status = (const char *)sqlite3_column_text(row, 6);
    const char *sent_to = (const char *)sqlite3_column_text(row, 8);
    int64_t tries = sqlite3_column_int64(row, 7);
    struct letter *letter = letter_of(id);

    if (!letter) {
        for (size_t i = 0; i < post.letter_count; i++)
            CHECK(23, id,
                  strcmp(post.letters[i].kind, kind) != 0 ||
                      strcmp(post.letters[i].cause, cause) != 0 ||
                      (cause_of(kind, cause)->times > 1 && is_forgotten(&post.letters[i])),
                  "a second letter %s about %s: %s was there before", kind, cause,
                  post.letters[i].id);
        letter = ONE_MORE(letters, letter);
        snprintf(letter->id, sizeof letter->id, "%s", id);
        snprintf(letter->kind, sizeof letter->kind, "%s", kind);
        snprintf(letter->cause, sizeof letter->cause, "%s", cause);
        copy_text(letter->user, sizeof letter->user,
                  str_of((const char *)sqlite3_column_text(row, 4)));
        letter->asked = 1;
        letter->made_at_ms = sqlite3_column_int64(row, 9);
        check_cause(letter, (const char *)sqlite3_column_text(row, 3),
                    sqlite3_column_int64(row, 5));
    }
    if (tries != letter->tries && sent_to[0])
        CHECK(23, id, goes_to(letter, sent_to), "sent to %s, which is not %s's address", sent_to,
              letter->user);
    check_status(letter, status, tries, sqlite3_column_int64(row, 9));
    check_again(letter, status, tries);
    if (!letter->tries && tries)
        CHECK(13, id,
              post.answers_get_lost || service_now_ms(MAIL) - letter->made_at_ms < PROMPT_MS,
              "first tried %lld ms after it was written",
              (long long)(service_now_ms(MAIL) - letter->made_at_ms));
    if (strcmp(letter->status, status) != 0) trace(status_word(status), id, tries, 0);
    letter->tries = tries;
    snprintf(letter->status, sizeof letter->status, "%s", status);
    snprintf(letter->sent_to, sizeof letter->sent_to, "%s", sent_to);
}

/* --- the server ---------------------------------------------------------------------------- */

enum smtp_result __wrap_smtp_send(const struct smtp_message *message, char reply[SMTP_REPLY_MAX]);

/* What follows `before` in the message, up to `after`. */
static struct str between(struct str text, const char *before, const char *after)
{
    const char *begin = memmem(text.at, text.len, before, strlen(before)), *end;

    CHECK(23, NULL, begin, "a mail without %s", before);
    begin += strlen(before);
    end = memmem(begin, text.len - (size_t)(begin - text.at), after, strlen(after));
    CHECK(23, NULL, end, "a mail whose %s does not end", before);
    return (struct str){begin, (size_t)(end - begin)};
}

/* The link of a letter that has one. */
static void read_letter(struct letter *letter, struct str bytes)
{
    static char memory[BODY_MAX], plain[BODY_MAX];
    struct str body = between(bytes,
                              "text/plain; charset=utf-8\r\n"
                              "Content-Transfer-Encoding: base64\r\n\r\n",
                              "\r\n\r\n");
    struct buf out = {.at = plain, .cap = sizeof plain, .max = sizeof plain};
    size_t length = 0;
    struct str token;

    for (size_t i = 0; i < body.len && length < BODY_MAX; i++)
        if (body.at[i] != '\r' && body.at[i] != '\n') memory[length++] = body.at[i];
    CHECK(23, letter->id, base64_decode(&out, (struct str){memory, length}),
          "a body without words");
    if (strcmp(letter->kind, "reset") != 0 && strcmp(letter->kind, "address") != 0) return;
    token = between(buf_str(&out), "?token=", "\n");
    CHECK(23, letter->id, token.len == TOKEN_LENGTH && memcmp(token.at, letter->cause, 24) == 0,
          "a link that is not its cause's: %.*s", (int)token.len, token.at);
    if (strcmp(letter->kind, "reset") != 0) return;
    copy_text(letter->token, sizeof letter->token, token);
    letter->asked_ms = cause_of(letter->kind, letter->cause)->at_ms;
}

static void take(struct letter *letter, const struct smtp_message *message)
{
    letter->taken++;
    trace("mail.taken", letter->id, letter->taken, 0);
    CHECK(23, letter->id, letter->taken <= letter->asked,
          "it arrived %d times, to be sent %d times", letter->taken, letter->asked);
    CHECK(23, letter->id, str_eq(between(message->bytes, "\r\nTo: ", "\r\n"), message->to),
          "it is addressed to somebody else");
    read_letter(letter, message->bytes);
}

/* In the pool: the answer is the program's once it has come back. */
enum smtp_result __wrap_smtp_send(const struct smtp_message *message, char reply[SMTP_REPLY_MAX])
{
    struct letter *letter;
    char id[25];

    copy_text(id, sizeof id, between(message->bytes, "\r\nMessage-ID: <", "@"));
    letter = letter_of(id);
    CHECK(23, id, letter, "a mail that nobody committed is sent");
    CHECK(23, id, str_eq(message->to, str_of(letter->sent_to)), "sent to %.*s, its row says %s",
          (int)message->to.len, message->to.at, letter->sent_to);
    CHECK(23, id, strcmp(letter->status, "sending") == 0 || post.answers_get_lost,
          "it is sent, and its row says %s", letter->status);
    snprintf(reply, SMTP_REPLY_MAX, "250 taken");
    letter->answered_try = letter->tries;
    letter->answered_ms = sim.now_ms;
    letter->answer = "sent";
    if (fault_now(FAULT_MAIL_REFUSE)) {
        snprintf(reply, SMTP_REPLY_MAX, "550 not here");
        letter->answer = "refused";
        return SMTP_REFUSED;
    }
    if (fault_now(FAULT_MAIL_LATER)) {
        snprintf(reply, SMTP_REPLY_MAX, "451 not now");
        letter->answer = "waiting";
        return SMTP_LATER;
    }
    if (fault_now(FAULT_MAIL_CUT)) {
        snprintf(reply, SMTP_REPLY_MAX, "it hung up");
        letter->cut = true;
        letter->answer = "uncertain";
        if (chance_hit(fault_chance(FAULT_MAIL_CUT), 0.5)) take(letter, message);
        return SMTP_UNCERTAIN;
    }
    take(letter, message);
    return SMTP_TAKEN;
}

/* --- what is kept -------------------------------------------------------------------------- */

enum err __real_mails_forget(struct tx *tx, struct wall_ms before, int64_t max, int64_t *forgotten);
enum err __wrap_mails_forget(struct tx *tx, struct wall_ms before, int64_t max, int64_t *forgotten);

/* RETENTION_DAYS is never less than these; the simulator's outboxes have seconds. */
enum err __wrap_mails_forget(struct tx *tx, struct wall_ms before, int64_t max, int64_t *forgotten)
{
    return __real_mails_forget(tx, wall_earlier(before, (struct wall_ms){tx->now.ms - KEPT_MS}),
                               max, forgotten);
}

/* --- what others do with them -------------------------------------------------------------- */

const char *letters_token(const char *email, int64_t after_ms, int64_t *asked_ms)
{
    for (size_t i = 0; i < post.letter_count; i++) {
        if (!post.letters[i].token[0] || post.letters[i].asked_ms <= after_ms ||
            strcmp(post.letters[i].sent_to, email) != 0)
            continue;
        *asked_ms = post.letters[i].asked_ms;
        return post.letters[i].token;
    }
    return NULL;
}

const char *letters_late(void)
{
    size_t count = post.letter_count;

    for (size_t i = count; i-- > 0 && count - i <= LATEST;) {
        const struct letter *letter = &post.letters[i];

        if (strcmp(letter->status, "uncertain") == 0 && letter->answered_try == letter->tries &&
            strcmp(letter->answer, "uncertain") != 0 &&
            sim.now_ms - letter->answered_ms < LATEST_ANSWER_MS)
            return letter->id;
    }
    return NULL;
}

const char *letters_some(void)
{
    size_t count = post.letter_count;

    if (letters_late()) return letters_late();
    for (size_t i = count; i-- > 0 && chance_hit(&sim.people, 0.7);)
        if (strcmp(post.letters[i].status, "uncertain") == 0) return post.letters[i].id;
    return count ? post.letters[chance_below(&sim.people, (int64_t)count)].id : NULL;
}

void letters_asked(const char *id)
{
    struct letter *letter = letter_of(id);

    if (letter) letter->asked++;
}

/* --- quiet --------------------------------------------------------------------------------- */

static void check_settled(const struct letter *letter)
{
    bool open = strcmp(letter->status, "waiting") == 0 || strcmp(letter->status, "sending") == 0;

    if (open && is_forgotten(letter)) return; /* in the step in which it was given up */
    CHECK(13, letter->id, !open, "still %s", letter->status);
    CHECK(23, letter->id,
          strcmp(letter->status, "sent") == 0 || strcmp(letter->status, "uncertain") == 0 ||
              letter->taken < letter->asked,
          "the server has it, the program says %s", letter->status);
}

void letters_quiet(void)
{
    /* nobody wants to hear of what is older, and a link opens nothing after an hour */
    bool late = post.sleeps || post.clocks_differ;

    for (size_t i = 0; i < post.letter_count; i++)
        check_settled(&post.letters[i]);
    for (size_t i = 0; i < post.cause_count; i++)
        CHECK(23, post.causes[i].id, post.causes[i].written || late, "nobody was told: %s",
              post.causes[i].kind);
    if (!late) told_quiet();
    for (size_t i = 0; i < model_users(); i++) {
        const struct m_user *user = model_user_at(i);
        const struct reader *reader = reader_of(user->id);

        CHECK(5, user->id, reader && reader->version == user->version,
              "mail's copy has version %lld of %lld", reader ? (long long)reader->version : -1,
              (long long)user->version);
    }
}
