/* services/web/assets.c: files that never change under their name. */
#include "services/web/assets.h"

#include "services/web/page_text.h"

static const struct asset *asset_find(struct str name)
{
    for (size_t i = 0; i < asset_count; i++)
        if (str_eq(assets[i].name, name)) return &assets[i];
    return NULL;
}

static const struct asset *asset_of(struct str file)
{
    for (size_t i = 0; i < asset_count; i++)
        if (str_eq(assets[i].file, file)) return &assets[i];
    return NULL;
}

struct str asset_path(struct request *rq, struct str file)
{
    const struct asset *asset = asset_of(file);

    return asset ? path_of(rq, "/static/", asset->name, "") : STR("/");
}

static enum err send_asset(struct request *rq, struct reply *rp, const struct asset *asset,
                           struct str cache)
{
    bool gzip = asset->gzip.len && request_takes_gzip(rq);

    reply_header(rp, "Cache-Control", cache);
    reply_header(rp, "Vary", STR("Accept-Encoding"));
    if (gzip) reply_header(rp, "Content-Encoding", STR("gzip"));
    return reply_text(rp, 200, asset->type, gzip ? asset->gzip : asset->plain);
}

/* GET /static/:name: the name has the file's hash in it, so it may be kept for ever. */
enum err get_static(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct asset *asset = asset_find(rq->params[0]);

    (void)tx;
    if (!asset) return ERR_NOT_FOUND;
    return send_asset(rq, rp, asset, STR("public, max-age=31536000, immutable"));
}

/* GET /favicon.ico and others whose address browsers know by heart. */
enum err get_root_file(struct request *rq, struct tx *tx, struct reply *rp)
{
    const struct asset *asset = asset_of((struct str){rq->path.at + 1, rq->path.len - 1});

    (void)tx;
    if (!asset) return ERR_NOT_FOUND;
    return send_asset(rq, rp, asset, STR("public, max-age=86400"));
}
