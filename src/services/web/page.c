/* services/web/page.c: what all pages have in common: layout, safety headers, redirects, refusals.
 */
#include "services/web/page.h"

#include "identity/cookie.h"
#include "identity/role.h"
#include "services/web/assets.h"
#include "services/web/live.h"
#include "services/web/page_input.h"
#include "services/web/page_state.h"
#include "services/web/page_text.h"
#include "services/web/web.h"

#include <stdio.h>

#define HOST_MAX     255
#define COOKIE_THEME "theme"
#define COOKIE_FLASH "flash"
#define FLASH_S      60 /* for the redirect, however slow the line */

/* --- the visitor ----------------------------------------------------------------------------- */

/* The value of a cookie of ours. Sessions are the API's matter. */
static struct str page_cookie(const struct request *rq, struct str name)
{
    struct str cookies = request_header(rq, "cookie"), value;

    return cookie_next(&cookies, name, &value) ? value : STR("");
}

/* The notice's name in its cookie. A page that a script fetches to renew a part of the one shown is
 * none that a person sees: it must not take the notice away from the page that comes next. */
static struct str flash_of(const struct request *rq)
{
    return request_header(rq, "x-requested-with").len ? STR("")
                                                      : page_cookie(rq, STR(COOKIE_FLASH));
}

/* What went well before the redirect that led here. */
static struct str page_notice(const struct request *rq)
{
    static const struct {
        struct str name;
        enum text text;
    } notices[] = {
        {{"listed", 6}, TEXT_SELL_DONE},
        {{"offered", 7}, TEXT_LISTING_DONE},
        {{"removed", 7}, TEXT_LISTING_WITHDRAWN_DONE},
        {{"saved", 5}, TEXT_EDIT_DONE},
        {{"withdrawn", 9}, TEXT_TICKET_WITHDRAWN_DONE},
        {{"password", 8}, TEXT_PASSWORD_DONE},
        {{"factor", 6}, TEXT_FACTOR_OFF_DONE},
        {{"gate", 4}, TEXT_GATES_REVOKED_DONE},
        {{"ended", 5}, TEXT_SESSIONS_ENDED},
        {{"others", 6}, TEXT_SESSIONS_OTHERS_DONE},
        {{"link", 4}, TEXT_EMAIL_SENT},
        {{"asked", 5}, TEXT_EMAIL_ASKED},
        {{"confirmed", 9}, TEXT_VERIFY_DONE},
        {{"given", 5}, TEXT_GIVEN_DONE},
        {{"taken", 5}, TEXT_GIVEN_TAKEN},
        {{"kept", 4}, TEXT_GIVEN_KEPT},
        {{"returned", 8}, TEXT_ORDER_CANCELLED_DONE},
        {{"made", 4}, TEXT_STAFF_MADE},
        {{"proposed", 8}, TEXT_PROPOSE_DONE},
        {{"accepted", 8}, TEXT_ACT_ACCEPT_DONE},
        {{"refused", 7}, TEXT_ACT_REFUSE_DONE},
        {{"postponed", 9}, TEXT_ACT_POSTPONE_DONE},
        {{"rescheduled", 11}, TEXT_ACT_RESCHEDULE_DONE},
        {{"cancelled", 9}, TEXT_ACT_CANCEL_DONE},
        {{"merged", 6}, TEXT_ACT_MERGE_DONE},
    };
    struct str done = flash_of(rq);

    for (size_t i = 0; i < sizeof notices / sizeof *notices; i++)
        if (str_eq(done, notices[i].name)) return page_text(rq, notices[i].text);
    return STR("");
}

/* OPERATOR_CONTACT: an address of email, or of a page. */
static void take_contact(struct request *rq, struct page *page)
{
    const char *contact = rq->run->env->settings->operator_contact;
    bool mail;

    if (!contact) return;
    mail = !str_starts(str_of(contact), STR("https://"));
    page->contact_text = str_of(contact);
    page->contact.text = path_of(rq, mail ? "mailto:" : "", page->contact_text, "");
}

void page_begin(struct request *rq, struct page *page, enum text title)
{
    const struct language *language = page_language(rq);
    struct str theme = page_cookie(rq, STR(COOKIE_THEME));

    *page = (struct page){.texts = language->escaped,
                          .language = language->name,
                          .title = language->plain[title],
                          .description = language->plain[TEXT_DESCRIPTION],
                          .email = rq->user.email,
                          .signed_in = rq->user.id.len > 0,
                          .staff = role_allows(rq->user.roles, ROLE_CATALOGUE),
                          .here = page_here(rq),
                          .notice = page_notice(rq),
                          .user_id = rq->user.id,
                          .held = page_held_of(rq),
                          .live = rq->user.id.len ? live_path(rq) : STR(""),
                          .sandbox = !rq->run->env->settings->stripe_publishable_key &&
                                     !rq->run->env->settings->stripe_key};
    take_contact(rq, page);
    page->dark = str_eq(theme, STR("dark"));
    page->light = str_eq(theme, STR("light"));
    if (page->dark || page->light) page->theme = theme;
}

/* --- for those who have not come yet -----------------------------------------------------------
 */

/* What the client calls us, when it is a host's name or address and nothing else. */
static struct str host_of(const struct request *rq)
{
    struct str host = request_header(rq, "host");

    for (size_t i = 0; i < host.len; i++) {
        char c = (char)(host.at[i] | 0x20);
        bool plain = (c >= 'a' && c <= 'z') || (host.at[i] >= '0' && host.at[i] <= '9');

        if (!plain && !strchr(".-:[]", host.at[i])) return STR("");
    }
    return host.len <= HOST_MAX ? host : STR("");
}

struct own_url page_url(struct request *rq, struct str path)
{
    struct str host = host_of(rq);
    struct buf url;

    buf_init(&url, rq->arena, HOST_MAX + PAGE_PATH_MAX);
    if (host.len) buf_append(&url, rq->secure ? STR("https://") : STR("http://"));
    buf_append(&url, host);
    buf_append(&url, path);
    return (struct own_url){url.failed ? STR("") : buf_str(&url)};
}

void page_publish(struct request *rq, struct page *page, struct str path)
{
    page->canonical = page_url(rq, path);
    page->image = page_url(rq, asset_path(rq, STR("card.png")));
}

/* --- what moves on it ---------------------------------------------------------------------------
 */

/* me: pages of different visitors in one browser do not share a stream; app.js tells them apart. */
struct str live_path(struct request *rq)
{
    struct wall_ms news_at = live_news_at(web_of(rq)->live);
    bool quiet = wall_before(wall_after(news_at, LIVE_OVERLAP_MS), env_now(rq->run->env));
    struct buf path;

    /* The last news, so that a page stays the same to the byte until there are others; once it is
     * certain that the page has them, none need be told again. */
    buf_init(&path, rq->arena, 1024);
    buf_printf(&path, "/live?since=%lld",
               (long long)(quiet ? news_at.ms + LIVE_OVERLAP_MS + 1 : news_at.ms));
    if (rq->user.id.len) {
        buf_append(&path, STR("&me="));
        put_address_part(&path, rq->user.id);
    }
    return path.failed ? STR("/live") : buf_str(&path);
}

/* --- answers --------------------------------------------------------------------------------- */

/* more: directives of the policy, each after a semicolon. camera: whose pages may have it. */
#define SAFETY_OF(referrer, script, connect, more, camera)                                         \
    STR("Content-Security-Policy: default-src 'none'; script-src 'self'" script                    \
        "; style-src 'self'; img-src 'self' data:; manifest-src 'self'; connect-src "              \
        "'self'" connect "; form-action 'self'; base-uri 'none'; frame-ancestors 'none'" more      \
        "\r\n"                                                                                     \
        "Referrer-Policy: " referrer "\r\n"                                                        \
        "X-Frame-Options: DENY\r\n"                                                                \
        "Cross-Origin-Opener-Policy: same-origin\r\n"                                              \
        "Permissions-Policy: camera=(" camera "), geolocation=(), microphone=()\r\n")
#define SAFETY(referrer, script, connect, frame)                                                   \
    SAFETY_OF(referrer, script, connect, "; worker-src 'none'" frame, "")

/* A stranger's page has no secret in it. A visitor's repeats nothing that came with the request,
 * unless there is a query or a form: then it is not compressed (BREACH). */
static enum packing packing_of(const struct request *rq, int status)
{
    bool repeats = rq->method != METHOD_GET || rq->query.len || status != 200;

    return rq->user.id.len && repeats ? PACK_NOT : PACK_OWN;
}

static void put_flash(const struct request *rq, struct reply *rp, const char *name, int seconds)
{
    char attributes[32];

    snprintf(attributes, sizeof attributes, "Max-Age=%d; ", seconds);
    cookie_put(&rp->headers, COOKIE_FLASH, str_of(name), attributes, rq->cookie_secure);
}

static void page_reply_packed(const struct request *rq, struct reply *rp, int status,
                              enum packing packing, struct str safety)
{
    if (flash_of(rq).len) { /* shown once */
        put_flash(rq, rp, "", 0);
        packing = PACK_NOT;
    }
    if (packing != PACK_SHARED) buf_append(&rp->headers, STR("Cache-Control: no-store\r\n"));
    rp->packing = packing;
    rp->status = status;
    rp->content_type = "text/html; charset=utf-8";
    rp->no_body = false;
    buf_reset(&rp->body);
    buf_append(&rp->headers, safety);
}

void page_reply(struct request *rq, struct reply *rp, int status)
{
    page_reply_packed(rq, rp, status, packing_of(rq, status), SAFETY("same-origin", "", "", ""));
}

/* strict-origin, not no-referrer: with that one a form says "Origin: null", and would be refused.
 */
void page_reply_secret(struct request *rq, struct reply *rp, int status)
{
    page_reply_packed(rq, rp, status, PACK_NOT, SAFETY("strict-origin", "", "", ""));
}

void page_reply_public(struct request *rq, struct reply *rp)
{
    if (rq->user.id.len)
        page_reply(rq, rp, 200);
    else
        page_reply_packed(rq, rp, 200, PACK_SHARED, SAFETY("same-origin", "", "", ""));
}

void page_reply_stripe(struct request *rq, struct reply *rp, int status)
{
    page_reply_packed(rq, rp, status, packing_of(rq, status),
                      SAFETY("same-origin", " https://js.stripe.com", " https://api.stripe.com",
                             "; frame-src https://js.stripe.com https://hooks.stripe.com"));
}

void page_reply_offline(struct request *rq, struct reply *rp, int status)
{
    page_reply_packed(rq, rp, status, packing_of(rq, status),
                      SAFETY_OF("same-origin", "", "", "; worker-src 'self'", ""));
}

void page_reply_door(struct request *rq, struct reply *rp, int status)
{
    page_reply_packed(rq, rp, status, PACK_NOT,
                      SAFETY_OF("same-origin", "", "", "; worker-src 'self'", "self"));
}

enum err page_redirect(struct reply *rp, struct str path)
{
    ASSERT(path.len && path.at[0] == '/');
    buf_append(&rp->headers, STR("Cache-Control: no-store\r\n"));
    reply_header(rp, "Location", path);
    return reply_text(rp, 303, "text/plain; charset=utf-8", STR(""));
}

enum err page_redirect_notice(struct request *rq, struct reply *rp, struct str path,
                              const char *name)
{
    put_flash(rq, rp, name, FLASH_S);
    return page_redirect(rp, path);
}

enum err page_redirect_form(struct reply *rp, struct str path)
{
    enum err err = page_redirect(rp, path);

    rp->status = 307;
    return err;
}

/* --- refusals -------------------------------------------------------------------------------- */

struct problem {
    int status;
    enum text heading, advice, action;
    const char *path; /* NULL: this page again */
};

static const struct problem problems[] = {
    {401, TEXT_PROBLEM_NOT_YOURS, TEXT_PROBLEM_NOT_YOURS_ADVICE, TEXT_PROBLEM_HOME, "/"},
    {403, TEXT_PROBLEM_403, TEXT_PROBLEM_403_ADVICE, TEXT_PROBLEM_HOME, "/"},
    {413, TEXT_PROBLEM_413, TEXT_PROBLEM_413_ADVICE, TEXT_PROBLEM_HOME, "/"},
    {404, TEXT_PROBLEM_404, TEXT_PROBLEM_404_ADVICE, TEXT_PROBLEM_HOME, "/"},
    {503, TEXT_PROBLEM_503, TEXT_PROBLEM_503_ADVICE, TEXT_PROBLEM_AGAIN, NULL},
    {500, TEXT_PROBLEM_500, TEXT_PROBLEM_500_ADVICE, TEXT_PROBLEM_AGAIN, NULL},
};

static const struct problem *problem_of(int status)
{
    size_t last = sizeof problems / sizeof *problems - 1;

    if (status == 400) status = 404; /* an id that is none: there is nothing there */
    if (status == 429 || status == 502 || status == 504) status = 503;
    for (size_t i = 0; i < last; i++)
        if (problems[i].status == status) return &problems[i];
    return &problems[last];
}

enum err page_problem(struct request *rq, struct reply *rp, int status)
{
    const struct problem *problem = problem_of(status);
    struct page page;
    struct problem_view view = {.status = problem->status,
                                .show_status = problem->status != 401 && problem->status != 403,
                                .heading = page_text(rq, problem->heading),
                                .advice = page_text(rq, problem->advice),
                                .action_text = page_text(rq, problem->action),
                                .request_id = rq->request_id,
                                .as = problem->status == 401 ? rq->user.email : STR("")};

    page_begin(rq, &page, problem->heading);
    view.action_path = problem->path ? str_of(problem->path) : page.here;
    page_reply(rq, rp, problem->status);
    if (problem->status == 503) reply_header(rp, "Retry-After", STR("2"));
    page_problem_view(&rp->body, &page, &view);
    return OK;
}

/* One that does not say where it comes from is no browser with a form of ours. */
bool page_same_origin(struct request *rq, struct reply *rp)
{
    if (request_site(rq) == SITE_OWN) return true;
    request_log_refused(rq);
    (void)page_problem(rq, rp, 403);
    return false;
}
