/* services/web/page.c: what all pages have in common: layout, safety headers, redirects, refusals.
 */
#include "services/web/web.h"

#define PATH_MAX_BYTES 2048
#define COOKIE_THEME   "theme"

/* --- languages ------------------------------------------------------------------------------- */

/* The first language of Accept-Language that we have; ours come in the order of their files. */
static const struct language *language_of(const struct request *rq)
{
    struct str wanted = LANGUAGES > 1 ? request_header(rq, "accept-language") : STR("");

    while (wanted.len) {
        const char *comma = memchr(wanted.at, ',', wanted.len);
        size_t length = comma ? (size_t)(comma - wanted.at) : wanted.len;
        struct str tag = str_trim((struct str){wanted.at, length});

        for (size_t i = 0; i < LANGUAGES; i++)
            if (tag.len >= languages[i].name.len &&
                str_eq_nocase((struct str){tag.at, languages[i].name.len}, languages[i].name))
                return &languages[i];
        length += comma ? 1 : 0;
        wanted = (struct str){wanted.at + length, wanted.len - length};
    }
    return &languages[0];
}

struct str page_text(const struct request *rq, enum text text)
{
    return language_of(rq)->plain[text];
}

/* --- the visitor ----------------------------------------------------------------------------- */

/* The value of a cookie of ours. Sessions are the API's matter. */
static struct str cookie(const struct request *rq, struct str name)
{
    struct str rest = request_header(rq, "cookie");

    while (rest.len) {
        const char *end = memchr(rest.at, ';', rest.len);
        size_t length = end ? (size_t)(end - rest.at) : rest.len;
        struct str pair = str_trim((struct str){rest.at, length});

        if (pair.len > name.len && pair.at[name.len] == '=' && str_starts(pair, name))
            return (struct str){pair.at + name.len + 1, pair.len - name.len - 1};
        length += end ? 1 : 0;
        rest = (struct str){rest.at + length, rest.len - length};
    }
    return STR("");
}

static struct str here(struct request *rq)
{
    struct buf path;

    if (rq->method != METHOD_GET) return STR("/");
    buf_init(&path, rq->arena, PATH_MAX_BYTES);
    buf_append(&path, rq->path.len ? rq->path : STR("/"));
    if (rq->query.len) {
        buf_char(&path, '?');
        buf_append(&path, rq->query);
    }
    return path.failed ? STR("/") : buf_str(&path);
}

/* What a redirect said went well, by the name in ?done=. */
static struct str notice(struct request *rq)
{
    static const struct {
        struct str name;
        enum text text;
    } notices[] = {
        {{"listed", 6}, TEXT_SELL_DONE},
        {{"saved", 5}, TEXT_EDIT_DONE},
        {{"returned", 8}, TEXT_ORDER_CANCELLED_DONE},
    };
    struct str done = request_query(rq, "done");

    for (size_t i = 0; i < sizeof notices / sizeof *notices; i++)
        if (str_eq(done, notices[i].name)) return page_text(rq, notices[i].text);
    return STR("");
}

void page_begin(struct request *rq, struct page *page, enum text title)
{
    const struct language *language = language_of(rq);
    struct str theme = cookie(rq, STR(COOKIE_THEME));

    *page = (struct page){.texts = language->escaped,
                          .language = language->name,
                          .title = language->plain[title],
                          .email = rq->user.email,
                          .signed_in = rq->user.id.len > 0,
                          .here = here(rq),
                          .notice = notice(rq),
                          .sandbox = !rq->env->settings->stripe_publishable_key &&
                                     !rq->env->settings->stripe_key};
    page->dark = str_eq(theme, STR("dark"));
    if (page->dark || str_eq(theme, STR("light"))) page->theme = theme;
}

/* --- answers --------------------------------------------------------------------------------- */

#define SAFETY(script, connect, frame)                                                             \
    STR("Content-Security-Policy: default-src 'none'; script-src 'self'" script                    \
        "; style-src 'self'; img-src 'self' data:; connect-src 'self'" connect                     \
        "; form-action 'self'; base-uri 'none'; frame-ancestors 'none'" frame "\r\n"               \
        "Referrer-Policy: same-origin\r\n"                                                         \
        "X-Frame-Options: DENY\r\n"                                                                \
        "Cross-Origin-Opener-Policy: same-origin\r\n"                                              \
        "Permissions-Policy: camera=(), geolocation=(), microphone=()\r\n"                         \
        "Cache-Control: no-store\r\n")

static void reply(struct reply *rp, int status, struct str safety)
{
    rp->status = status;
    rp->content_type = "text/html; charset=utf-8";
    rp->no_body = false;
    buf_reset(&rp->body);
    buf_append(&rp->headers, safety);
}

void page_reply(struct request *rq, struct reply *rp, int status)
{
    (void)rq;
    reply(rp, status, SAFETY("", "", ""));
}

void page_reply_stripe(struct request *rq, struct reply *rp, int status)
{
    (void)rq;
    reply(rp, status,
          SAFETY(" https://js.stripe.com", " https://api.stripe.com",
                 "; frame-src https://js.stripe.com https://hooks.stripe.com"));
}

enum err page_redirect(struct reply *rp, struct str path)
{
    ASSERT(path.len && path.at[0] == '/');
    buf_append(&rp->headers, STR("Cache-Control: no-store\r\n"));
    reply_header(rp, "Location", path);
    return reply_text(rp, 303, "text/plain; charset=utf-8", STR(""));
}

/* Only plain ASCII goes into a header: whatever else is in it came from nowhere of ours. */
struct str page_next(struct request *rq, struct str next)
{
    struct str kept;

    if (next.len == 0 || next.len > PATH_MAX_BYTES || next.at[0] != '/') return STR("/");
    if (next.len > 1 && (next.at[1] == '/' || next.at[1] == '\\')) return STR("/");
    for (size_t i = 0; i < next.len; i++)
        if (next.at[i] <= ' ' || next.at[i] >= 0x7f || next.at[i] == '\\') return STR("/");
    kept = arena_copy(rq->arena, next);
    return kept.at ? kept : STR("/");
}

enum err page_sign_in(struct request *rq, struct reply *rp, struct str back)
{
    struct buf path;

    buf_init(&path, rq->arena, 4 * PATH_MAX_BYTES);
    buf_append(&path, STR("/auth/signin?next="));
    put_address_part(&path, rq->method == METHOD_GET ? here(rq) : back);
    return path.failed ? ERR_MEMORY : page_redirect(rp, buf_str(&path));
}

struct str path_of(struct request *rq, const char *prefix, struct str id, const char *suffix)
{
    struct buf path;

    buf_init(&path, rq->arena, PATH_MAX_BYTES);
    buf_append(&path, str_of(prefix));
    buf_append(&path, id);
    buf_append(&path, str_of(suffix));
    return path.failed ? STR("/") : buf_str(&path);
}

void page_pass_header(const struct request *rq, struct reply *rp, const char *name)
{
    struct str rest = rq->call.headers;
    size_t colon = strlen(name);

    while (rest.len) {
        const char *end = memchr(rest.at, '\n', rest.len);
        size_t length = end ? (size_t)(end - rest.at) + 1 : rest.len;

        if (length > colon && rest.at[colon] == ':' &&
            str_eq_nocase((struct str){rest.at, colon}, str_of(name)))
            reply_header(rp, name, str_trim((struct str){rest.at + colon + 1, length - colon - 1}));
        rest = (struct str){rest.at + length, rest.len - length};
    }
}

/* --- sessions -------------------------------------------------------------------------------- */

bool page_session_is_old(const struct request *rq)
{
    return session_is_old(&rq->user, env_now_ms(rq->env) / 1000);
}

/* Takes over what the API says of the visitor. When it says nothing the session is as it was: the
 * page is shown, and the next one asks again. */
static void take_user(struct request *rq)
{
    const struct json *answer, *user;
    struct session_user *known = &rq->user;

    known->sid[0] = '\0'; /* asked: not again */
    if (!api_ok(rq, &answer)) return;
    user = json_get(answer, "currentUser");
    if (json_type(user) != JSON_OBJECT) *known = (struct session_user){.id = {NULL, 0}};
}

static enum err renewed(struct request *rq, struct tx *tx, struct reply *rp)
{
    take_user(rq);
    page_pass_header(rq, rp, "Set-Cookie");
    return rq->route->run(rq, tx, rp);
}

enum err page_renew(struct request *rq)
{
    return request_call(rq, METHOD_GET, STR("/api/users/currentuser"), STR(""), renewed);
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
    {404, TEXT_PROBLEM_404, TEXT_PROBLEM_404_ADVICE, TEXT_PROBLEM_HOME, "/"},
    {503, TEXT_PROBLEM_503, TEXT_PROBLEM_503_ADVICE, TEXT_PROBLEM_AGAIN, NULL},
    {500, TEXT_PROBLEM_500, TEXT_PROBLEM_500_ADVICE, TEXT_PROBLEM_AGAIN, NULL},
};

static const struct problem *problem_of(int status)
{
    size_t last = sizeof problems / sizeof *problems - 1;

    if (status == 400) status = 404; /* an id that is none: there is nothing there */
    if (status == 429) status = 503;
    for (size_t i = 0; i < last; i++)
        if (problems[i].status == status) return &problems[i];
    return &problems[last];
}

enum err page_problem(struct request *rq, struct reply *rp, int status)
{
    const struct problem *problem = problem_of(status);
    struct page page;
    struct problem_view view = {.status = problem->status,
                                .heading = page_text(rq, problem->heading),
                                .advice = page_text(rq, problem->advice),
                                .action_text = page_text(rq, problem->action),
                                .request_id = rq->request_id};

    page_begin(rq, &page, problem->heading);
    view.action_path = problem->path ? str_of(problem->path) : page.here;
    page_reply(rq, rp, problem->status);
    if (problem->status == 503) reply_header(rp, "Retry-After", STR("2"));
    page_problem_view(&rp->body, &page, &view);
    return OK;
}

enum err page_refused(struct request *rq, struct reply *rp, struct str back)
{
    if (rq->call.status == 401 && rq->user.id.len == 0) return page_sign_in(rq, rp, back);
    return page_problem(rq, rp, rq->call.status);
}

/* One that does not say where it comes from is no browser with a form of ours. */
bool page_same_origin(struct request *rq, struct reply *rp)
{
    if (request_site(rq) == SITE_OWN) return true;
    (void)page_problem(rq, rp, 403);
    return false;
}
