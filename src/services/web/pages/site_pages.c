/* services/web/pages/site_pages.c: what a site has beside its market: its texts, what search
 * engines ask for, colours, and what is not there. */
#include "services/web/web.h"

#include "services/web/api.h"
#include "services/web/api_shows.h"
#include "services/web/page.h"
#include "services/web/page_input.h"
#include "services/web/page_state.h"
#include "services/web/page_text.h"

/* GET /tickets: where programs have the list, people look for the market. */
enum err get_tickets(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)rq, (void)tx;
    reply_header(rp, "Location", STR("/"));
    return reply_text(rp, 301, "text/plain; charset=utf-8", STR(""));
}

/* GET /robots.txt: the market may be found, people's own pages need not be. */
enum err get_robots(struct request *rq, struct tx *tx, struct reply *rp)
{
    enum err err;

    (void)tx;
    TRY(reply_text(rp, 200, "text/plain; charset=utf-8",
                   STR("User-agent: *\nDisallow: /orders\nDisallow: /selling\n"
                       "Disallow: /auth/\nDisallow: /api/\nSitemap: ")));
    buf_append(&rp->body, page_url(rq, STR("/sitemap.xml")).text);
    buf_char(&rp->body, '\n');
done:
    return err;
}

#define SITEMAP_OF_EACH "500" /* more would not fit into a request's memory, with long titles */
#define SITEMAP_BYTES   (512 * 1024)

static void put_location(struct request *rq, struct buf *out, struct str path)
{
    buf_append(out, STR("<url><loc>"));
    put_escaped(out, page_url(rq, path).text);
    buf_append(out, STR("</loc></url>\n"));
}

static enum err show_sitemap(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct buf *shows = rq->run->state;
    const struct json *list;

    (void)tx;
    if (!api_ok(rq, &list)) return ERR_UNAVAILABLE;
    reply_header(rp, "Cache-Control", STR("public, max-age=3600"));
    reply_text(rp, 200, "application/xml; charset=utf-8",
               STR("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                   "<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n"));
    put_location(rq, &rp->body, STR("/"));
    put_location(rq, &rp->body, STR("/shows"));
    buf_append(&rp->body, buf_str(shows));
    for (size_t i = 0; i < json_length(list); i++)
        put_location(rq, &rp->body,
                     path_of(rq, "/tickets/", json_member(json_at(list, i), "id"), ""));
    buf_append(&rp->body, STR("</urlset>\n"));
    return rp->body.failed ? ERR_MEMORY : OK;
}

static enum err took_sitemap_shows(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct buf *shows = rq->run->state;
    const struct json *list;

    (void)tx, (void)rp;
    if (!api_ok(rq, &list)) return ERR_UNAVAILABLE;
    for (size_t i = 0; i < json_length(list); i++) {
        struct str path = api_show_address(rq, json_at(list, i));

        if (path.len) put_location(rq, shows, path);
    }
    if (shows->failed) return ERR_MEMORY;
    return request_call(rq, METHOD_GET, STR("/api/tickets?limit=" SITEMAP_OF_EACH), STR(""),
                        show_sitemap);
}

/* GET /sitemap.xml: the newest events and the newest tickets for sale (sitemaps.org). */
enum err get_sitemap(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct buf *shows = arena_alloc(rq->arena, sizeof *shows);

    (void)tx, (void)rp;
    if (!shows) return ERR_MEMORY;
    buf_init(shows, rq->arena, SITEMAP_BYTES);
    rq->run->state = shows;
    return request_call(rq, METHOD_GET, STR("/api/shows?limit=" SITEMAP_OF_EACH), STR(""),
                        took_sitemap_shows);
}

/* GET of what is only for forms: 303 to the page that has the form. */
enum err get_form_page(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct str path = rq->path;

    (void)tx;
    if (str_starts(path, STR("/selling/"))) return page_redirect(rp, STR("/selling"));
    if (str_starts(path, STR("/my-tickets/"))) return page_redirect(rp, STR("/my-tickets"));
    while (path.len && path.at[path.len - 1] != '/')
        path.len--;
    path = page_next(rq, (struct str){path.at, path.len ? path.len - 1 : 0});
    return page_redirect(rp, path);
}

/* What has no route, or is refused before it comes to one, for people. */
enum err get_nothing(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    return page_problem(rq, rp, rq->refused ? err_status(rq->refused) : 404);
}

/* POST /theme theme, next: remembered in a cookie, so that pages come in the right colours from the
 * first byte. "system" forgets it. */
enum err post_theme(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct str theme = request_form(rq, "theme");
    struct str cookie = str_eq(theme, STR("dark"))    ? STR("theme=dark; Path=/; Max-Age=31536000")
                        : str_eq(theme, STR("light")) ? STR("theme=light; Path=/; Max-Age=31536000")
                                                      : STR("theme=; Path=/; Max-Age=0");

    (void)tx;
    if (!page_same_origin(rq, rp)) return OK;
    reply_header(rp, "Set-Cookie", path_of(rq, "", cookie, "; HttpOnly; SameSite=Lax"));
    return page_redirect(rp, page_next(rq, request_form(rq, "next")));
}

/* --- texts of whoever runs this ----------------------------------------------------------------
 */

#define BLOCKS_MAX 200

extern const struct str web_help_text, web_terms_text, web_privacy_text;

/* "# Heading" is one; lines that follow each other are a paragraph. */
static void put_blocks(struct request *rq, struct str text, struct about_view *view)
{
    struct text_block *at = arena_alloc(rq->arena, BLOCKS_MAX * sizeof *at);
    bool open = false;

    view->blocks.at = at;
    while (at && text.len) {
        const char *end = memchr(text.at, '\n', text.len);
        size_t length = end ? (size_t)(end - text.at) : text.len, count = view->blocks.count;
        struct str line = str_trim((struct str){text.at, length});
        bool heading = str_starts(line, STR("# "));

        if (heading) line = str_trim((struct str){line.at + 2, line.len - 2});
        if (open && line.len &&
            !heading) /* from the paragraph's first letter to this line's last */
            at[count - 1].text.len = (size_t)(line.at + line.len - at[count - 1].text.at);
        else if (line.len && count < BLOCKS_MAX)
            at[view->blocks.count++] = (struct text_block){line, heading};
        open = line.len && !heading && view->blocks.count;
        length += end ? 1 : 0;
        text = (struct str){text.at + length, text.len - length};
    }
}

static enum err show_about(struct request *rq, struct reply *rp, enum text title, const char *own,
                           struct str shipped)
{
    struct about_view view = {.blocks = {NULL, 0}};
    struct page page;

    put_blocks(rq, own ? str_of(own) : shipped, &view);
    page_begin(rq, &page, title);
    page_publish(rq, &page, rq->path);
    page_reply_public(rq, rp);
    page_about(&rp->body, &page, &view);
    return OK;
}

enum err get_help(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    if (page_asks_first(rq)) return page_ask_first(rq);
    return show_about(rq, rp, TEXT_ABOUT_HELP, rq->run->env->settings->help_text, web_help_text);
}

enum err get_terms(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    if (page_asks_first(rq)) return page_ask_first(rq);
    return show_about(rq, rp, TEXT_ABOUT_TERMS, rq->run->env->settings->terms_text, web_terms_text);
}

enum err get_privacy(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    if (page_asks_first(rq)) return page_ask_first(rq);
    return show_about(rq, rp, TEXT_ABOUT_PRIVACY, rq->run->env->settings->privacy_text,
                      web_privacy_text);
}
