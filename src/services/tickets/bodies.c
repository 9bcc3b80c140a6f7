/* services/tickets/bodies.c: what bodies say of tickets and listings. */
#include "services/tickets/tickets.h"

#include <stdlib.h>

#define SEATS_MESSAGE "Seats must be a list of seats, each named once"
#define PRICE_MESSAGE "Price must be greater than 0"

static const char *hint_at_minimum(struct request *rq)
{
    struct buf hint;

    buf_init(&hint, rq->arena, 64);
    buf_append(&hint, STR("The lowest price is "));
    money_text(&hint, minimum_of(rq));
    buf_char(&hint, '\0');
    return hint.failed ? NULL : hint.at;
}

void take_price(struct request *rq, const char *field, const char *message, int64_t *price_cents)
{
    static const struct {
        const char *code, *hint;
    } faults[] = {
        [PRICE_FAULT_EMPTY] = {"empty", "Say what the ticket costs, such as 49.90"},
        [PRICE_FAULT_NOT_A_NUMBER] = {"not_a_number", "Write digits and a point, such as 49.90"},
        [PRICE_FAULT_TOO_MANY_DECIMALS] = {"too_many_decimals",
                                           "Use at most two digits after the point"},
        [PRICE_FAULT_TOO_SMALL] = {"too_small", NULL},
        [PRICE_FAULT_TOO_LARGE] = {"too_large", "The highest price is $999,999.99"},
    };
    const struct json *price = json_get(rq->body, field);
    enum price_fault fault = json_price_fault(price);

    if (fault == PRICE_FAULT_NONE && json_price(price, price_cents) &&
        *price_cents < minimum_of(rq))
        fault = PRICE_FAULT_TOO_SMALL;
    if (fault == PRICE_FAULT_NONE) return;
    request_reject_for(rq, field, message, faults[fault].code,
                       fault == PRICE_FAULT_TOO_SMALL ? hint_at_minimum(rq) : faults[fault].hint);
}

static bool given(const struct json *value)
{
    return value && json_type(value) != JSON_NULL;
}

/* --- where the tickets are ------------------------------------------------------------------- */

/* A label as it is kept: trimmed, and without what would reach beyond it. */
static enum err take_label(struct request *rq, const char *field, size_t max, struct str *out)
{
    const struct json *value = json_get(rq->body, field);
    struct str text = {"", 0};

    *out = STR("");
    if (!given(value)) return OK;
    (void)json_text(value, &text);
    text = str_trim(text);
    *out = text_contained(rq->arena, text);
    if (!out->at) return ERR_MEMORY;
    if (json_type(value) != JSON_TEXT || (text.len && !label_valid(*out, max)))
        request_reject_for(rq, field, "It must be a text of 1 to 40 characters on one line",
                           "unreadable", "Write it as it stands on the ticket, or leave it out");
    return OK;
}

/* A seat: a text, or a whole number as one. *out is empty when it is neither. */
static enum err seat_label(struct request *rq, const struct json *value, struct str *out)
{
    struct str text = {"", 0};
    struct buf digits;
    int64_t number;

    *out = STR("");
    if (json_int64(value, &number) && number >= 0) {
        buf_init(&digits, rq->arena, 24);
        buf_int(&digits, number);
        text = buf_str(&digits);
    }
    (void)json_text(value, &text);
    text = text_contained(rq->arena, str_trim(text));
    if (!text.at) return ERR_MEMORY;
    if (text.len && label_valid(text, SEAT_POINTS_MAX)) *out = text;
    return OK;
}

static int by_key(const void *a, const void *b)
{
    const struct seat *const *one = a, *const *other = b;
    struct str left = (*one)->key, right = (*other)->key;
    int order = memcmp(left.at, right.at, left.len < right.len ? left.len : right.len);

    return order ? order : (left.len > right.len) - (left.len < right.len);
}

/* "Seat 12 …", in the arena. */
static const char *hint_about(struct request *rq, struct str seat, const char *what)
{
    struct buf hint;

    buf_init(&hint, rq->arena, 256);
    buf_append(&hint, STR("Seat "));
    buf_append(&hint, seat);
    buf_append(&hint, str_of(what));
    buf_char(&hint, '\0');
    return hint.failed ? NULL : hint.at;
}

static enum err refuse_twice(struct request *rq, const struct places *places)
{
    const struct seat **sorted = arena_alloc(rq->arena, (places->count + 1) * sizeof(void *));

    if (!sorted) return ERR_MEMORY;
    for (size_t i = 0; i < places->count; i++)
        sorted[i] = &places->at[i];
    qsort(sorted, places->count, sizeof(void *), by_key);
    for (size_t i = 1; i < places->count; i++) {
        if (!str_eq(sorted[i - 1]->key, sorted[i]->key)) continue;
        request_reject_for(rq, "seats", SEATS_MESSAGE, "twice",
                           hint_about(rq, sorted[i]->label, " is there twice: name each one once"));
        break;
    }
    return OK;
}

static void refuse_many(struct request *rq, const char *field, const char *message)
{
    request_reject_for(rq, field, message, "too_many",
                       "A listing has at most 500 tickets: list the others as another one");
}

static enum err take_seats(struct request *rq, const struct json *seats, struct places *out)
{
    size_t count = json_length(seats);
    enum err err;

    if (json_type(seats) != JSON_ARRAY || count == 0) {
        request_reject_for(rq, "seats", SEATS_MESSAGE, "empty",
                           "Name each seat as a text, such as [\"12\", \"13\"]");
        return OK;
    }
    if (count > LISTING_TICKETS_MAX) {
        refuse_many(rq, "seats", SEATS_MESSAGE);
        return OK;
    }
    for (size_t i = 0; i < count; i++) {
        struct seat *seat = &out->at[i];

        TRY(seat_label(rq, json_at(seats, i), &seat->label));
        if (!seat->label.len) {
            request_reject_for(rq, "seats", SEATS_MESSAGE, "unreadable",
                               "Write each one as a text of 1 to 20 characters on one line");
            return OK;
        }
        seat->key = text_label_key(rq->arena, seat->label);
        if (!seat->key.at) return ERR_MEMORY;
    }
    out->count = count;
    return refuse_twice(rq, out);
done:
    return err;
}

static void take_quantity(struct request *rq, const struct json *quantity, struct places *out)
{
    static const char message[] = "Quantity must be the number of tickets, 1 to 500";
    struct buf hint;
    int64_t count;

    if (!json_int64(quantity, &count) || count < 1) {
        request_reject_for(rq, "quantity", message, "too_small", "Say how many tickets there are");
    } else if (count > LISTING_TICKETS_MAX) {
        refuse_many(rq, "quantity", message);
    } else if (out->count && (size_t)count != out->count) {
        buf_init(&hint, rq->arena, 96);
        buf_printf(&hint, "Seats names %zu of them: leave quantity out, or make it %zu", out->count,
                   out->count);
        buf_char(&hint, '\0');
        request_reject_for(rq, "quantity", message, "differs", hint.failed ? NULL : hint.at);
    } else {
        out->count = (size_t)count;
    }
}

enum err take_places(struct request *rq, struct listing *listing, struct places *out)
{
    const struct json *seats = json_get(rq->body, "seats");
    const struct json *quantity = json_get(rq->body, "quantity");
    enum err err;

    *out = (struct places){.at = arena_alloc(rq->arena, LISTING_TICKETS_MAX * sizeof *out->at)};
    if (!out->at) return ERR_MEMORY;
    TRY(take_label(rq, "section", SECTION_POINTS_MAX, &listing->section));
    TRY(take_label(rq, "row", SECTION_POINTS_MAX, &listing->row));
    out->area_key = area_key(rq->arena, listing->section, listing->row);
    if (!out->area_key.at) return ERR_MEMORY;
    if (given(seats)) TRY(take_seats(rq, seats, out));
    if (given(quantity)) take_quantity(rq, quantity, out);
    if (!given(seats) && !given(quantity))
        request_reject_for(rq, "seats", SEATS_MESSAGE, "empty",
                           "Name the seats, or say with quantity how many tickets there are");
    listing->quantity = (int64_t)out->count;
done:
    return err;
}

/* --- what they are sold at ------------------------------------------------------------------- */

static void take_split(struct request *rq, int64_t count, enum split *out)
{
    static const char message[] = "Split must be any, pairs, all or no_single";

    if (!split_parse(request_body_text(rq, "split"), out))
        request_reject_for(rq, "split", message, "unknown",
                           "Choose any, unless some of them must stay together");
    else if (count && !split_fits(*out, count))
        request_reject_for(
            rq, "split", message, "cannot_be_met",
            *out == SPLIT_PAIRS
                ? "An odd number does not come in pairs: choose any, or list an even "
                  "number"
                : "A single ticket cannot be kept from being single: choose any");
}

static void take_face_value(struct request *rq, bool needed, int64_t *out)
{
    static const char message[] = "FaceValue must be what the ticket cost at first";
    const struct json *value = json_get(rq->body, "faceValue");

    if (!given(value)) {
        if (needed)
            request_reject_for(rq, "faceValue", message, "empty",
                               "This show bounds prices by it: write it, such as 49.90");
        return;
    }
    if (!json_price(value, out))
        request_reject_for(rq, "faceValue", message, "not_a_price",
                           "Write digits and a point, such as 49.90, or leave it out");
}

static void check_cap(struct request *rq, const struct show_copy *show,
                      const struct listing_terms *terms)
{
    int64_t cap = price_cap(terms->face_value_cents, show->max_over_face_bps);
    struct buf hint;

    if (request_checked(rq) != OK || terms->price_cents <= cap) return;
    buf_init(&hint, rq->arena, 96);
    buf_append(&hint, STR("This show allows at most "));
    money_text(&hint, cap);
    buf_append(&hint, STR(" at that face value"));
    buf_char(&hint, '\0');
    request_reject_for(rq, "price", "Price must be within what the show allows", "over_face",
                       hint.failed ? NULL : hint.at);
}

static enum err take_restrictions(struct request *rq, struct name_list *out)
{
    static const char message[] = "Restrictions must be a list of at most 10 texts";
    const struct json *value = json_get(rq->body, "restrictions");
    size_t count = json_length(value);
    struct str *texts;

    *out = (struct name_list){NULL, 0};
    if (!given(value)) return OK;
    if (json_type(value) != JSON_ARRAY || count > RESTRICTIONS_MAX) {
        request_reject_for(rq, "restrictions", message, "too_many", "Put several into one text");
        return OK;
    }
    texts = arena_alloc(rq->arena, (count + 1) * sizeof *texts);
    if (!texts) return ERR_MEMORY;
    for (size_t i = 0; i < count; i++) {
        struct str text = {"", 0};

        (void)json_text(json_at(value, i), &text);
        texts[i] = text_contained(rq->arena, str_trim(text));
        if (!texts[i].at) return ERR_MEMORY;
        if (!texts[i].len || !label_valid(texts[i], RESTRICTION_POINTS_MAX))
            request_reject_for(rq, "restrictions", message, "unreadable",
                               "Write each one as a text of 1 to 200 characters on one line");
    }
    *out = (struct name_list){texts, count};
    return OK;
}

enum err take_terms(struct request *rq, const struct show_copy *show, int64_t count,
                    struct listing_terms *out)
{
    bool capped = show && show->max_over_face_bps != NO_BOUND;
    enum err err;

    *out = (struct listing_terms){.split = SPLIT_ANY};
    take_split(rq, count, &out->split);
    take_price(rq, "price", PRICE_MESSAGE, &out->price_cents);
    take_face_value(rq, capped, &out->face_value_cents);
    TRY(take_restrictions(rq, &out->restrictions));
    if (!ticket_delivery_parse(request_body_text(rq, "delivery"), &out->delivery))
        request_reject_for(rq, "delivery", "Delivery must be issued or upload", "unknown",
                           "Choose issued for our code, or upload for the organiser's file");
    if (capped) check_cap(rq, show, out);
done:
    return err;
}
