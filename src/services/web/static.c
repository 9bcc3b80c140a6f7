/* services/web/static.c: files that never change under their name, and small change. */
#include "services/web/web.h"

static const struct asset *asset_find(struct str name)
{
    for (size_t i = 0; i < asset_count; i++)
        if (str_eq(assets[i].name, name)) return &assets[i];
    return NULL;
}

static bool takes_gzip(const struct request *rq)
{
    struct str accept = request_header(rq, "accept-encoding");
    const char *gzip = memmem(accept.at ? accept.at : "", accept.len, "gzip", 4);

    if (!gzip) return false;
    return accept.at + accept.len - gzip < 8 || memcmp(gzip + 4, ";q=0", 4) != 0 ||
           (accept.at + accept.len - gzip > 8 && gzip[8] == '.');
}

/* GET /static/:name: the name has the file's hash in it, so it may be kept for ever. */
enum err get_static(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct asset *asset = asset_find(rq->params[0]);
    bool gzip = takes_gzip(rq);

    (void)tx;
    if (!asset) return ERR_NOT_FOUND;
    reply_header(rp, "Cache-Control", STR("public, max-age=31536000, immutable"));
    reply_header(rp, "Vary", STR("Accept-Encoding"));
    if (gzip) reply_header(rp, "Content-Encoding", STR("gzip"));
    return reply_text(rp, 200, asset->type, gzip ? asset->gzip : asset->plain);
}

/* GET /robots.txt: the market may be found, people's own pages need not be. */
enum err get_robots(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)rq, (void)tx;
    return reply_text(rp, 200, "text/plain; charset=utf-8",
                      STR("User-agent: *\nDisallow: /orders\nDisallow: /selling\n"
                          "Disallow: /auth/\nDisallow: /api/\n"));
}

/* What has no route, for people. */
enum err get_nothing(struct request *rq, struct tx *tx, struct reply *rp)
{
    (void)tx;
    return page_problem(rq, rp, 404);
}

/* POST /theme theme, next: remembered in a cookie, so that pages come in the right colours from the
 * first byte. */
enum err post_theme(struct request *rq, struct tx *tx, struct reply *rp)
{
    bool dark = str_eq(request_form(rq, "theme"), STR("dark"));

    (void)tx;
    if (!page_same_origin(rq, rp)) return OK;
    reply_header(rp, "Set-Cookie",
                 dark ? STR("theme=dark; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax")
                      : STR("theme=light; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax"));
    return page_redirect(rp, page_next(rq, request_form(rq, "next")));
}
