/* services/web/fragments.c: the list of cards, rendered once for each answer of the API.
 *
 * The same bytes from the API make the same HTML, so a fragment is kept under the very bytes it was
 * made of, and nothing ever has to be invalidated. Whoever uses one takes it out of its slot. */
#include "services/web/fragments.h"

#include "services/web/api.h"
#include "services/web/page.h"
#include "services/web/page_text.h"
#include "services/web/web.h"

#include <stdatomic.h>

#define FRAGMENTS          8
#define FRAGMENT_BYTES_MAX (256 * 1024)
#define CARDS_MAX          1000

struct fragment {
    struct buf answer, cards;
    size_t count;
};

struct fragments {
    _Atomic(struct fragment *) slot[FRAGMENTS];
    struct fragment at[FRAGMENTS];
};

struct fragments *fragments_new(struct arena *arena)
{
    struct fragments *fragments = arena_alloc(arena, sizeof *fragments);

    for (size_t i = 0; fragments && i < FRAGMENTS; i++) {
        struct fragment *fragment = &fragments->at[i];

        buf_init(&fragment->answer, NULL, FRAGMENT_BYTES_MAX);
        buf_init(&fragment->cards, NULL, 2 * FRAGMENT_BYTES_MAX);
        atomic_init(&fragments->slot[i], fragment);
    }
    return fragments;
}

void fragments_free(struct fragments *fragments)
{
    for (size_t i = 0; fragments && i < FRAGMENTS; i++) {
        buf_free(&fragments->at[i].answer);
        buf_free(&fragments->at[i].cards);
    }
}

/* Which slot: by the target, so that the first page and older ones do not push each other out. */
static size_t fragment_slot(const struct request *rq)
{
    unsigned sum = 0;

    for (size_t i = 0; i < rq->call.target.len; i++)
        sum = sum * 31 + (unsigned char)rq->call.target.at[i];
    return sum % FRAGMENTS;
}

static enum err cards_render(struct request *rq, struct buf *out, size_t *count)
{
    const struct json *list;
    struct cards_view view = {{NULL, 0}};
    struct ticket_view *tickets;
    struct page page;
    size_t length;

    if (!api_ok(rq, &list)) return ERR_UNAVAILABLE;
    length = json_length(list) < CARDS_MAX ? json_length(list) : CARDS_MAX;
    tickets = arena_alloc_raw(rq->arena, length * sizeof *tickets);
    if (!tickets) return ERR_MEMORY;
    for (size_t i = 0; i < length; i++)
        if (api_ticket(rq, json_at(list, i), &tickets[view.tickets.count])) view.tickets.count++;
    view.tickets.at = tickets;
    page_begin(rq, &page, TEXT_MARKET_TITLE);
    page_cards(out, &page, &view);
    *count = view.tickets.count;
    return out->failed ? ERR_MEMORY : OK;
}

/* With a fragment of its own. */
static enum err cards_from_fragment(struct request *rq, struct fragment *fragment, struct html *out,
                                    size_t *count)
{
    enum err err;

    if (fragment->answer.len == 0 || !str_eq(buf_str(&fragment->answer), rq->call.answer)) {
        buf_reset(&fragment->cards);
        buf_reset(&fragment->answer);
        TRY(cards_render(rq, &fragment->cards, &fragment->count));
        buf_append(&fragment->answer, rq->call.answer);
        if (fragment->answer.failed) buf_reset(&fragment->answer);
    }
    out->text = arena_copy(rq->arena, buf_str(&fragment->cards));
    *count = fragment->count;
    return out->text.at ? OK : ERR_MEMORY;
done:
    return err;
}

enum err fragment_cards(struct request *rq, struct html *out, size_t *count)
{
    struct fragments *fragments = web_of(rq)->fragments;
    _Atomic(struct fragment *) *slot = &fragments->slot[fragment_slot(rq)];
    struct fragment *fragment = atomic_exchange(slot, NULL);
    struct buf cards;
    enum err err;

    if (fragment) {
        err = cards_from_fragment(rq, fragment, out, count);
        atomic_store(slot, fragment);
        return err;
    }
    buf_init(&cards, rq->arena, 2 * FRAGMENT_BYTES_MAX); /* another thread is at it */
    err = cards_render(rq, &cards, count);
    out->text = buf_str(&cards);
    return err;
}
