/* services/web/account.c: signing up, in and out. */
#include "services/web/web.h"

/* Sign-up and sign-in differ in address, words and page. */
struct door {
    const char *api;
    enum text title;
    void (*page)(struct buf *out, const struct page *pg, const struct sign_view *v);
    const char *path;
};

static const struct door door_in = {"/api/users/signin", TEXT_SIGNIN_TITLE, page_signin,
                                    "/auth/signin"};
static const struct door door_up = {"/api/users/signup", TEXT_SIGNUP_TITLE, page_signup,
                                    "/auth/signup"};

static void show(struct request *rq, struct reply *rp, const struct door *door, int status,
                 const struct sign_view *view)
{
    struct page page;

    page_begin(rq, &page, door->title);
    page.here = view->next; /* the menu's own links lead there, too */
    page_reply(rq, rp, status);
    door->page(&rp->body, &page, view);
}

static enum err open_door(struct request *rq, struct reply *rp, const struct door *door)
{
    struct sign_view view = {.next = page_next(rq, request_query(rq, "next"))};

    if (rq->user.id.len) return page_redirect(rp, view.next);
    show(rq, rp, door, 200, &view);
    return OK;
}

static enum err came_in(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct door *door = rq->state;
    struct sign_view view = {.next = page_next(rq, request_form(rq, "next"))};

    (void)tx;
    if (api_ok(rq, NULL)) {
        page_pass_header(rq, rp, "Set-Cookie");
        return page_redirect(rp, view.next);
    }
    if (rq->call.status != 400 && rq->call.status != 429)
        return page_problem(rq, rp, rq->call.status);
    view.email = (struct field){"email", request_form(rq, "email"), api_error(rq, "email")};
    view.password = (struct field){"password", STR(""), api_error(rq, "password")};
    view.error = api_error(rq, "");
    show(rq, rp, door, rq->call.status, &view);
    if (rq->call.status == 429) page_pass_header(rq, rp, "Retry-After");
    return OK;
}

static enum err knock(struct request *rq, struct reply *rp, const struct door *door)
{
    if (!page_same_origin(rq, rp)) return OK;
    rq->state = (void *)door; /* only ever read */
    return request_call(rq, METHOD_POST, str_of(door->api),
                        api_body(rq, {"email", request_form(rq, "email")},
                                 {"password", request_form(rq, "password")}),
                        came_in);
}

enum err get_signin(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    if (page_session_is_old(rq)) return page_renew(rq);
    return open_door(rq, rp, &door_in);
}

enum err post_signin(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    return knock(rq, rp, &door_in);
}

enum err get_signup(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    if (page_session_is_old(rq)) return page_renew(rq);
    return open_door(rq, rp, &door_up);
}

enum err post_signup(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    return knock(rq, rp, &door_up);
}

/* GET /auth/signout: asks, for a link alone must not sign anybody out. */
enum err get_signout(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct signout_view view = {STR("/")};
    struct page page;

    (void)tx;
    if (page_session_is_old(rq)) return page_renew(rq);
    if (!rq->user.id.len) return page_redirect(rp, STR("/"));
    page_begin(rq, &page, TEXT_SIGNOUT_TITLE);
    page_reply(rq, rp, 200);
    page_signout(&rp->body, &page, &view);
    return OK;
}

static enum err went_out(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    if (!api_ok(rq, NULL)) return page_problem(rq, rp, rq->call.status);
    page_pass_header(rq, rp, "Set-Cookie");
    return page_redirect(rp, STR("/"));
}

enum err post_signout(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    if (!page_same_origin(rq, rp)) return OK;
    return request_call(rq, METHOD_POST, STR("/api/users/signout"), STR(""), went_out);
}
