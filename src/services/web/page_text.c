/* services/web/page_text.c: texts of pages: words of the catalogue, numbers, money, days, paths. */
#include "services/web/page_text.h"

#include "base/clock.h"
#include "base/money.h"
#include "base/object_id.h"

/* --- words ------------------------------------------------------------------------------------ */

/* The first language of Accept-Language that we have; ours come in the order of their files. */
const struct language *page_language(const struct request *rq)
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
    return page_language(rq)->plain[text];
}

struct str page_message(struct request *rq, enum text text, const struct message_value *values,
                        size_t count)
{
    struct buf out;

    buf_init(&out, rq->arena, 4 * PAGE_PATH_MAX);
    put_message_plain(&out, page_text(rq, text), values, count);
    return out.failed ? STR("") : buf_str(&out);
}

/* --- numbers and money ------------------------------------------------------------------------ */

struct str page_number(struct request *rq, int64_t number)
{
    struct buf out;

    buf_init(&out, rq->arena, 24);
    buf_int(&out, number);
    return out.failed ? STR("") : buf_str(&out);
}

struct str page_duration(struct request *rq, int64_t seconds)
{
    bool minutes = seconds >= 60;
    int64_t count = minutes ? (seconds + 59) / 60 : seconds;

    if (minutes && count == 1) return page_text(rq, TEXT_CLOCK_MINUTE);
    return page_fill(rq, minutes ? TEXT_CLOCK_MINUTES : TEXT_CLOCK_SECONDS,
                     {STR("n"), page_number(rq, count)});
}

static struct str money_as(struct request *rq, int64_t cents, void (*put)(struct buf *, int64_t))
{
    struct buf out;

    buf_init(&out, rq->arena, 32);
    put(&out, cents);
    return out.failed ? STR("") : buf_str(&out);
}

struct str page_money(struct request *rq, int64_t cents)
{
    return money_as(rq, cents, money_text);
}

struct str page_price_input(struct request *rq, int64_t cents)
{
    return money_as(rq, cents, money_input);
}

/* --- days and paths --------------------------------------------------------------------------- */

struct str page_left(struct request *rq, int64_t seconds)
{
    struct buf text;

    buf_init(&text, rq->arena, 32);
    buf_printf(&text, "%lld:%02lld", (long long)(seconds / 60), (long long)(seconds % 60));
    return text.failed ? STR("") : buf_str(&text);
}

enum text page_month(const char *iso)
{
    static const enum text months[] = {TEXT_MONTH_1, TEXT_MONTH_2,  TEXT_MONTH_3,  TEXT_MONTH_4,
                                       TEXT_MONTH_5, TEXT_MONTH_6,  TEXT_MONTH_7,  TEXT_MONTH_8,
                                       TEXT_MONTH_9, TEXT_MONTH_10, TEXT_MONTH_11, TEXT_MONTH_12};
    int month = (iso[5] - '0') * 10 + iso[6] - '0';

    ASSERT(month >= 1 && month <= 12);
    return months[month - 1];
}

struct str page_moment(struct request *rq, struct wall_ms time)
{
    char iso[ISO8601_LEN + 1];

    iso8601_format(time, iso);
    return page_fill(rq, TEXT_DAY_AND_TIME, {STR("year"), {iso, 4}},
                     {STR("month"), page_text(rq, page_month(iso))},
                     {STR("day"), page_number(rq, (iso[8] - '0') * 10 + iso[9] - '0')},
                     {STR("time"), {iso + 11, 5}});
}

struct str page_day(struct request *rq, struct str id)
{
    struct object_id object;

    return object_id_parse(id, &object) ? page_moment(rq, object_id_time(object)) : STR("");
}

struct str path_of(struct request *rq, const char *prefix, struct str id, const char *suffix)
{
    struct buf path;

    buf_init(&path, rq->arena, PAGE_PATH_MAX);
    buf_append(&path, str_of(prefix));
    buf_append(&path, id);
    buf_append(&path, str_of(suffix));
    return path.failed ? STR("/") : buf_str(&path);
}
