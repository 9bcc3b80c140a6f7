/* services/web/pages/feed_page.c: the newest listings of a search, for programs that look again
 * (RSS 2.0). */
#include "services/web/web.h"

#include <stdlib.h>

#include "services/web/api.h"
#include "services/web/api_listings.h"
#include "services/web/api_shows.h"
#include "services/web/page.h"
#include "services/web/page_text.h"

#define SHOWS_MAX     10 /* the soonest that are found */
#define A_SHOW_MAX    10 /* listings of each */
#define FEED_MAX      30 /* listings told of */
#define PATH_BYTES    65536
#define MINUTES_VALID "5"
#define SECONDS_VALID "300"

struct feed_item {
    struct object_id id; /* of the listing; grows with time */
    struct str title, about;
};

/* The feed on its way; rq->run->state. */
struct feed {
    struct show_view shows[SHOWS_MAX];
    size_t show_count, asked; /* of whose listings so many shows were asked */
    struct feed_item items[SHOWS_MAX * A_SHOW_MAX];
    size_t item_count;
};

/* XML has no place for these letters, not even as references (XML 1.0, section 2.2). */
static bool fits_xml(struct str letter)
{
    unsigned char first = (unsigned char)letter.at[0];

    if (letter.len == 3 && first == 0xef && memcmp(letter.at + 1, "\xbf", 1) == 0)
        return (unsigned char)letter.at[2] < 0xbe;
    return first >= ' ' || first == '\t' || first == '\n' || first == '\r';
}

static void put_xml(struct buf *out, struct str text)
{
    while (text.len) {
        struct str letter = {text.at, str_utf8_length(text)};

        if (fits_xml(letter)) put_escaped(out, letter);
        text = (struct str){text.at + letter.len, text.len - letter.len};
    }
}

static void put_element(struct buf *out, const char *name, struct str text)
{
    buf_printf(out, "<%s>", name);
    put_xml(out, text);
    buf_printf(out, "</%s>\n", name);
}

static void put_time(struct buf *out, struct wall_ms time)
{
    char text[RFC5322_LEN + 1];

    rfc5322_format(time, text);
    put_element(out, "pubDate", str_of(text));
}

/* Nobody knows when a listing was offered whose id an import made of a text. */
static void put_item(struct request *rq, struct buf *out, const struct feed_item *item)
{
    struct object_id_text id = object_id_text(item->id);
    struct str address = page_url(rq, path_of(rq, "/listings/", str_of(id.hex), "")).text;

    buf_append(out, STR("<item>\n"));
    put_element(out, "title", item->title);
    put_element(out, "link", address);
    put_element(out, "guid", address);
    put_element(out, "description", item->about);
    if (object_id_time(item->id).ms > 0) put_time(out, object_id_time(item->id));
    buf_append(out, STR("</item>\n"));
}

static int newest_first(const void *a, const void *b)
{
    const struct feed_item *one = a, *other = b;

    return memcmp(&other->id, &one->id, sizeof one->id);
}

static enum err show_feed(struct request *rq, struct reply *rp)
{
    struct feed *feed = rq->run->state;
    struct buf *out = &rp->body;

    qsort(feed->items, feed->item_count, sizeof *feed->items, newest_first);
    reply_header(rp, "Cache-Control", STR("public, max-age=" SECONDS_VALID));
    reply_text(rp, 200, "application/rss+xml; charset=utf-8",
               STR("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                   "<rss version=\"2.0\"><channel>\n"));
    put_element(out, "title", page_text(rq, TEXT_FEED_TITLE));
    put_element(out, "link", page_url(rq, STR("/shows")).text);
    put_element(out, "description", page_text(rq, TEXT_FEED_ABOUT));
    put_element(out, "ttl", STR(MINUTES_VALID));
    for (size_t i = 0; i < feed->item_count && i < FEED_MAX; i++)
        put_item(rq, out, &feed->items[i]);
    buf_append(out, STR("</channel></rss>\n"));
    return out->failed ? ERR_MEMORY : OK;
}

static void take_item(struct request *rq, struct feed *feed, const struct json *json)
{
    const struct show_view *show = &feed->shows[feed->asked];
    struct feed_item *item = &feed->items[feed->item_count];
    struct listing_view listing;

    if (!api_listing(rq, json, &listing) || !object_id_parse(listing.id, &item->id)) return;
    item->title = page_fill(rq, TEXT_FEED_ITEM, {STR("title"), show->title},
                            {STR("place"), listing.place}, {STR("price"), listing.price});
    item->about = page_fill(rq, TEXT_FEED_ITEM_ABOUT, {STR("when"), show->when},
                            {STR("place"), show->place}, {STR("n"), listing.left});
    feed->item_count++;
}

static enum err ask_next(struct request *rq, struct reply *rp);

/* A show that was gone meanwhile has none. */
static enum err took_listings(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct feed *feed = rq->run->state;
    const struct json *list;

    (void)tx;
    if (!api_ok(rq, &list) && rq->call.status != 404) return ERR_UNAVAILABLE;
    for (size_t i = 0; rq->call.status == 200 && i < json_length(list) && i < A_SHOW_MAX; i++)
        take_item(rq, feed, json_at(list, i));
    feed->asked++;
    return ask_next(rq, rp);
}

static enum err ask_next(struct request *rq, struct reply *rp)
{
    const struct feed *feed = rq->run->state;
    struct buf path;

    if (feed->asked == feed->show_count) return show_feed(rq, rp);
    buf_init(&path, rq->arena, 160);
    buf_printf(&path, "/api/listings?sort=newest&limit=%d", A_SHOW_MAX);
    api_parameter(&path, "showId", feed->shows[feed->asked].id);
    if (path.failed) return ERR_MEMORY;
    return request_call(rq, METHOD_GET, buf_str(&path), STR(""), took_listings);
}

/* Of a search that the API refuses nothing is found. */
static enum err took_shows(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct feed *feed = rq->run->state;
    const struct json *list;

    (void)tx;
    if (!api_ok(rq, &list) && rq->call.status != 400) return ERR_UNAVAILABLE;
    for (size_t i = 0; rq->call.status == 200 && i < json_length(list); i++) {
        struct show_view *show = &feed->shows[feed->show_count];

        if (feed->show_count < SHOWS_MAX && api_show(rq, json_at(list, i), show))
            feed->show_count += show->offers.len != 0;
    }
    return ask_next(rq, rp);
}

/* GET /shows.rss?q=&city=&from=&to=&when=: the newest listings of the soonest shows that are found
 * and of which anything is left. */
enum err get_feed(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct buf path;

    (void)tx, (void)rp;
    rq->run->state = arena_alloc(rq->arena, sizeof(struct feed));
    if (!rq->run->state) return ERR_MEMORY;
    buf_init(&path, rq->arena, PATH_BYTES);
    buf_append(&path, STR("/api/shows?sort=soonest&limit=24"));
    api_search(rq, &path);
    if (path.failed) return ERR_MEMORY;
    return request_call(rq, METHOD_GET, buf_str(&path), STR(""), took_shows);
}
