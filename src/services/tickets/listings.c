/* services/tickets/listings.c: /api/listings: tickets of one seller for one show, offered
 * together. */
#include "services/tickets/documents.h"
#include "services/tickets/tickets.h"

/* --- looking --------------------------------------------------------------------------------- */

static enum err why_show_is_closed(enum show_sale sale)
{
    switch (sale) {
    case SALE_PROPOSED:
        return ERR_SHOW_PROPOSED;
    case SALE_STARTED:
        return ERR_SHOW_STARTED;
    case SALE_OPEN:
    case SALE_MERGED: /* moves on to the other one (show_merge_into) */
        return OK;
    case SALE_CANCELLED:
        break;
    }
    return ERR_SHOW_CANCELLED;
}

enum err listing_sale_of(struct request *rq, struct tx *tx, const struct listing *listing,
                         int64_t free, struct listing_sale *out)
{
    struct show_copy show;
    bool banned;
    enum err err;

    *out = (struct listing_sale){.free = free};
    err = listed_show_get(tx, rq->arena, listing->show_id, &show);
    if (err == ERR_NOT_FOUND) { /* merged into one that was not heard of yet */
        out->why_not = ERR_NOT_YET;
        return OK;
    }
    TRY(err);
    TRY(user_is_banned(tx, listing->user_id, &banned));
    out->why_not = why_show_is_closed(show_sale(&show, env_now(rq->run->env)));
    if (listing->terms.price_cents < minimum_of(rq)) out->why_not = ERR_PRICE_TOO_LOW;
    if (listing->withdrawn) out->why_not = ERR_LISTING_WITHDRAWN;
    out->open = out->why_not == OK && !banned && free > 0;
done:
    return err;
}

/* The whole of it, with its tickets. */
static enum err reply_listing(struct request *rq, struct tx *tx, struct reply *rp, int status,
                              const struct listing *listing)
{
    struct ticket *tickets = arena_alloc(rq->arena, LISTING_TICKETS_MAX * sizeof *tickets);
    struct json_writer json;
    struct listing_sale sale;
    int64_t free = 0;
    size_t count;
    enum err err;

    if (!tickets) return ERR_MEMORY;
    TRY(tickets_of_listing(tx, rq->arena, listing->id, false, tickets, &count));
    for (size_t i = 0; i < count; i++)
        free += !ticket_held(&tickets[i]) && !tickets[i].withdrawn;
    TRY(listing_sale_of(rq, tx, listing, free, &sale));
    json = reply_json(rp, status);
    listing_json(&json, listing, &sale, tickets, count);
done:
    return err;
}

/* GET /api/listings/:id: with its tickets. 200; 404. */
enum err get_listing(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct listing listing;
    struct object_id id;
    enum err err;

    TRY(request_path_id(rq, 0, &id));
    TRY(listing_get(tx, rq->arena, id, &listing));
    return reply_listing(rq, tx, rp, 200, &listing);
done:
    return err;
}

/* --- offering -------------------------------------------------------------------------------- */

static const char show_message[] = "ShowId must be the id of a show that is to come";

enum err listed_show_find(struct request *rq, struct tx *tx, struct show_copy *show, bool *known,
                          enum err *why_not)
{
    struct object_id id;
    enum err err;

    *known = false;
    *why_not = ERR_INVALID;
    if (!object_id_parse(request_body_text(rq, "showId"), &id)) {
        request_reject_for(rq, "showId", show_message, "unreadable",
                           "Choose one of GET /api/shows, or propose it first");
        return OK;
    }
    err = listed_show_get(tx, rq->arena, id, show);
    if (err != OK && err != ERR_NOT_FOUND) return err;
    *known = err == OK;
    *why_not = *known ? why_show_is_closed(show_sale(show, tx->now)) : ERR_NOT_FOUND;
    return OK;
}

void listed_show_refuse(struct request *rq, enum err why_not)
{
    request_reject_for(
        rq, "showId", show_message, why_not == ERR_NOT_FOUND ? "unknown_show" : err_code(why_not),
        why_not == ERR_NOT_FOUND ? "Choose one of GET /api/shows, or propose it first"
                                 : err_message(why_not));
}

/* The show that tickets are listed for. One that was made or accepted a moment ago may be on its
 * way here: then the request waits (*waits). What keeps it from being sold is rejected. */
static enum err find_show(struct request *rq, struct tx *tx, struct show_copy *show, bool *known,
                          bool *waits)
{
    enum err err, why_not;
    struct object_id id;
    bool behind;

    *waits = false;
    TRY(listed_show_find(rq, tx, show, known, &why_not));
    if (!object_id_parse(request_body_text(rq, "showId"), &id)) return OK;
    behind = (why_not == ERR_NOT_FOUND && env_is_recent(tx, id)) || why_not == ERR_SHOW_PROPOSED;
    *waits =
        behind && env_news(rq, "catalogue") != NEWS_NONE && env_wait_news(rq, id, post_listings);
    if (!*waits && why_not != OK) listed_show_refuse(rq, why_not);
done:
    return err;
}

static bool is_named(const struct places *places, struct str key, struct str *label)
{
    for (size_t i = 0; i < places->count; i++) {
        if (!str_eq(places->at[i].key, key)) continue;
        *label = places->at[i].label;
        return true;
    }
    return false;
}

enum err check_seats(struct request *rq, struct tx *tx, struct object_id show_id,
                     const struct places *places)
{
    struct str label = {NULL, 0};
    struct buf value;
    struct rows rows;
    enum err err;

    if (!places->at[0].key.len) return OK;
    seats_on_market(tx, &rows, show_id, places->area_key);
    while (!label.at && rows_next(&rows))
        (void)is_named(places, rows_text(&rows, 0), &label);
    TRY(rows_end(&rows));
    if (!label.at) return OK;
    buf_init(&value, rq->arena, 256);
    json_put_text(&(struct json_writer){&value, false}, label);
    return request_refuse_with(rq, ERR_SEAT_TAKEN, "seat", &value);
done:
    return err;
}

/* Nobody covers the market with offers. */
static enum err check_share(struct request *rq, struct tx *tx, const struct places *places)
{
    int64_t max = rq->run->env->settings->listed_per_user, listed;
    enum err err;

    if (max == 0) return OK;
    TRY(tickets_listed(tx, rq->user.id, &listed));
    if (listed + (int64_t)places->count > max) return ERR_TOO_MANY_LISTED;
done:
    return err;
}

enum err take_listing(struct request *rq, struct tx *tx, const struct show_copy *show,
                      struct listing *listing, struct places *places)
{
    enum err err;

    TRY(take_places(rq, listing, places));
    TRY(take_terms(rq, show, listing->quantity, &listing->terms));
    TRY(request_checked(rq));
    TRY(seller_may_list(rq->run->env, tx, listing->user_id));
    listing->show_id = show->id;
done:
    return err;
}

/* Whether the body asks for nothing but whether it would be listed. */
static bool is_dry_run(struct request *rq)
{
    const struct json *given = json_get(rq->body, "dryRun");
    bool dry = false;

    if (given && !json_bool(given, &dry))
        request_reject(rq, "dryRun", "DryRun must be true or false");
    return dry;
}

static enum err reply_dry_run(struct reply *rp, const struct listing *listing)
{
    struct json_writer json = reply_json(rp, 200);

    json_begin_object(&json);
    json_member_int(&json, "quantity", listing->quantity);
    json_member_money(&json, "price", listing->terms.price_cents);
    json_member_money(&json, "total", listing->quantity * listing->terms.price_cents);
    json_end_object(&json);
    return OK;
}

/* POST /api/listings {showId, section?, row?, seats or quantity, split, price, faceValue?,
 * restrictions?, delivery, dryRun?}: one ticket a seat, all in one commit. 201 the listing, version
 * 0; with dryRun 200 how many at what price, and nothing is stored; 400; 403 address_unconfirmed;
 * 409 seat_taken; 429 after LISTINGS_PER_MINUTE, before anything is looked at, and for who has too
 * much on the market (LISTED_TICKETS_PER_USER). */
enum err post_listings(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct listing listing = {.user_id = rq->user.id};
    struct places places;
    struct show_copy show;
    bool known, waits, dry = is_dry_run(rq);
    enum err err;

    TRY(find_show(rq, tx, &show, &known, &waits));
    if (waits) return OK;
    TRY(take_listing(rq, tx, known ? &show : NULL, &listing, &places));
    TRY(check_share(rq, tx, &places));
    TRY(check_seats(rq, tx, show.id, &places));
    if (dry) return reply_dry_run(rp, &listing);
    listing.id = env_new_id(rq->run->env, tx);
    TRY(listing_offer(rq->run->env, tx, rq->arena, &listing, show.title, &places));
    return reply_listing(rq, tx, rp, 201, &listing);
done:
    return err == ERR_CONFLICT ? ERR_SEAT_TAKEN : err;
}

/* --- changing -------------------------------------------------------------------------------- */

/* The path's listing, when it is the caller's. */
static enum err listing_of_caller(struct request *rq, struct tx *tx, struct listing *listing)
{
    struct object_id id;
    enum err err;

    TRY(request_path_id(rq, 0, &id));
    TRY(listing_lock(tx, rq->arena, id, listing));
    if (!str_eq(listing->user_id, rq->user.id)) return ERR_NOT_AUTHORIZED;
done:
    return err;
}

/* PUT /api/listings/:id {split, price, faceValue?, restrictions?, delivery}: change what is free of
 * it; what orders hold keeps the price it was ordered at. 200 the listing, one version
 * higher; 400; 401 not the seller; 404; 409; 410 taken down; 429 as above. */
enum err put_listing(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct listing_terms terms;
    struct listing listing;
    struct show_copy show;
    int64_t free;
    enum err err;

    TRY(take_terms(rq, NULL, 0, &terms)); /* whatever listing it is */
    TRY(request_checked(rq));
    TRY(listing_of_caller(rq, tx, &listing));
    TRY(listed_show_get(tx, rq->arena, listing.show_id, &show));
    TRY(take_terms(rq, &show, 0, &terms));
    TRY(request_checked(rq));
    TRY(listing_free(tx, listing.id, &free));
    TRY(listing_edit(&listing, &terms, free));
    TRY(listing_save(rq->run->env, tx, rq->arena, &listing));
    TRY(listing_reprice(tx, rq->arena, &listing));
    return reply_listing(rq, tx, rp, 200, &listing);
done:
    return err;
}

/* DELETE /api/listings/:id: take down all that is free of it, for good; what orders hold stays
 * theirs, and is taken down if they give it back. 204, also when it was taken down before; 401 not
 * the seller; 404. */
enum err delete_listing(struct request *rq, struct tx *tx, struct reply *rp)
{
    struct listing listing;
    bool changed;
    enum err err;

    TRY(listing_of_caller(rq, tx, &listing));
    listing_withdraw(&listing, &changed);
    if (changed) {
        TRY(listing_save(rq->run->env, tx, rq->arena, &listing));
        TRY(listing_clear(tx, rq->arena, &listing));
    }
    return reply_empty(rp, 204);
done:
    return err;
}
