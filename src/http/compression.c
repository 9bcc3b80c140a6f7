/* http/compression.c: answers that are smaller on the wire: gzip (RFC 1952), and for pages that are
 * the same for everybody a tag, by which a browser that has one already is told so (RFC 9110,
 * section 8.8.3).
 *
 * A shared page is kept with its packed form under the very bytes it was packed from, so nothing
 * ever has to be invalidated, and one that did not change is not packed again. One compressor a
 * loop: no locks. */
#include "http/compression.h"

#include "base/sha256.h"

#include <stdlib.h>
#include <zlib.h>

#define GZIP_BYTES_MIN   1024 /* below it fits a packet anyway */
#define GZIP_LEVEL       5
#define CACHED_PAGES     8
#define CACHED_BYTES_MAX (256 * 1024)
#define GZIP_WINDOW      15
#define GZIP_AS_GZIP     16 /* added to the window: zlib.h, deflateInit2 */
#define GZIP_MEMORY      8
#define TAG_HASH_CHARS   32

struct cached_page {
    struct buf plain, packed;
    char tag[TAG_HASH_CHARS];
};

struct compressor {
    z_stream stream;
    struct cached_page pages[CACHED_PAGES];
};

/* Made when it is first needed: loops that answer with JSON alone never do. NULL: no memory. */
static struct compressor *compressor_make(struct compressor **made)
{
    struct compressor *compressor = *made;

    if (compressor) return compressor;
    compressor = calloc(1, sizeof *compressor);
    if (!compressor) return NULL;
    if (deflateInit2(&compressor->stream, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW + GZIP_AS_GZIP,
                     GZIP_MEMORY, Z_DEFAULT_STRATEGY) != Z_OK) {
        free(compressor);
        return NULL;
    }
    for (size_t i = 0; i < CACHED_PAGES; i++) {
        buf_init(&compressor->pages[i].plain, NULL, CACHED_BYTES_MAX);
        buf_init(&compressor->pages[i].packed, NULL, CACHED_BYTES_MAX);
    }
    *made = compressor;
    return compressor;
}

void compressor_free(struct compressor *compressor)
{
    if (!compressor) return;
    deflateEnd(&compressor->stream);
    for (size_t i = 0; i < CACHED_PAGES; i++) {
        buf_free(&compressor->pages[i].plain);
        buf_free(&compressor->pages[i].packed);
    }
    free(compressor);
}

/* False, and out is as it was: no memory, or it did not become smaller. */
static bool compress_into(struct compressor *compressor, struct str plain, struct buf *out)
{
    z_stream *stream = &compressor->stream;
    char *to = buf_reserve(out, plain.len);

    if (!to) {
        out->failed = false;
        return false;
    }
    deflateReset(stream);
    stream->next_in = (Bytef *)(uintptr_t)plain.at; /* zlib does not write there */
    stream->avail_in = (uInt)plain.len;
    stream->next_out = (Bytef *)to;
    stream->avail_out = (uInt)plain.len;
    if (deflate(stream, Z_FINISH) != Z_STREAM_END) return false;
    out->len += plain.len - stream->avail_out;
    return true;
}

/* --- pages that are the same for everybody -------------------------------------------------------
 */

static void page_tag(struct str plain, char tag[TAG_HASH_CHARS])
{
    struct sha256_text text;
    struct sha256 sum;

    sha256_begin(&sum);
    sha256_add(&sum, plain);
    sha256_end(&sum, &text);
    memcpy(tag, text.hex, TAG_HASH_CHARS);
}

/* The page's place, filled anew when the page is not what it was. NULL: it cannot be page. */
static const struct cached_page *page_cache(struct compressor *compressor, const struct request *rq,
                                            struct str plain)
{
    uint32_t hash = str_hash(str_hash(STR_HASH, rq->path), rq->query);
    struct cached_page *page = &compressor->pages[hash % CACHED_PAGES];

    if (page->plain.len && str_eq(buf_str(&page->plain), plain)) return page;
    buf_reset(&page->plain);
    buf_reset(&page->packed);
    if (plain.len > CACHED_BYTES_MAX) return NULL;
    page_tag(plain, page->tag);
    if (!compress_into(compressor, plain, &page->packed)) return NULL;
    buf_append(&page->plain, plain);
    if (!page->plain.failed) return page;
    buf_reset(&page->plain);
    return NULL;
}

static bool sets_cookie(const struct reply *rp)
{
    return str_header(buf_str(&rp->headers), STR("Set-Cookie")).at != NULL;
}

static void body_replace(struct reply *rp, struct str body)
{
    size_t before = rp->body.len;

    buf_reset(&rp->body);
    buf_append(&rp->body, body);
    ASSERT(body.len <= before && !rp->body.failed);
    reply_header(rp, "Content-Encoding", STR("gzip"));
}

/* True: done with. */
static bool reply_cached_page(struct request *rq, struct compressor *compressor, bool gzip)
{
    struct reply *rp = &rq->reply;
    const struct cached_page *page;

    if (sets_cookie(rp) || rp->status != 200) return false;
    page = page_cache(compressor, rq, buf_str(&rp->body));
    if (!page) return false;
    reply_header(rp, "Cache-Control", STR("no-cache"));
    if (reply_tag(rq, rp, (struct str){page->tag, TAG_HASH_CHARS})) return true;
    if (gzip) body_replace(rp, buf_str(&page->packed));
    return true;
}

/* --- all of them
 * ----------------------------------------------------------------------------------- */

static void compress_own(struct compressor *compressor, struct request *rq)
{
    struct buf packed;

    buf_init(&packed, rq->arena, rq->reply.body.len);
    if (compress_into(compressor, buf_str(&rq->reply.body), &packed))
        body_replace(&rq->reply, buf_str(&packed));
}

void reply_compress(struct request *rq, struct compressor **made)
{
    struct reply *rp = &rq->reply;
    bool gzip = request_takes_gzip(rq);
    bool shared = rp->packing == PACK_SHARED;
    struct compressor *compressor;

    if (rp->no_body || rp->stream || rp->body.failed || rp->headers.failed) return;
    compressor = compressor_make(made);
    reply_header(rp, "Vary",
                 shared ? STR("Cookie, Accept-Language, Accept-Encoding") : STR("Accept-Encoding"));
    if (compressor && shared && reply_cached_page(rq, compressor, gzip)) return;
    if (shared) reply_header(rp, "Cache-Control", STR("no-store"));
    if (compressor && gzip && rp->body.len >= GZIP_BYTES_MIN) compress_own(compressor, rq);
}
