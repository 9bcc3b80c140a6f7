/* services/web/page_text.h: texts of pages, in the visitor's language.
 *
 * All texts live in the request's arena and are not escaped: values are escaped where they are put.
 * Empty when memory ran out. Threads: that of the request. */
#ifndef SERVICES_WEB_PAGE_TEXT_H
#define SERVICES_WEB_PAGE_TEXT_H

#include "http/request.h"
#include "services/web/web_pages.h"

#define PAGE_PATH_MAX 2048 /* bytes of a path with its query */

/* The visitor's language: the first of Accept-Language that there is. A constant. */
const struct language *page_language(const struct request *rq);
/* A text as it is, not escaped: values are escaped where they are put. */
struct str page_text(const struct request *rq, enum text text);

/* A text with its {names} filled in, in the arena, not escaped. */
struct str page_message(struct request *rq, enum text text, const struct message_value *values,
                        size_t count);

/* page_message with its values in place: page_fill(rq, TEXT_…, {STR("n"), number}). */
#define page_fill(rq, text, ...)                                                                   \
    page_message(rq, text, (const struct message_value[]){__VA_ARGS__},                            \
                 sizeof((const struct message_value[]){__VA_ARGS__}) /                             \
                     sizeof(struct message_value))

struct str page_number(struct request *rq, int64_t number);
struct str page_duration(struct request *rq, int64_t seconds);  /* "15 minutes" */
struct str page_money(struct request *rq, int64_t cents);       /* "$1,234.50" */
struct str page_price_input(struct request *rq, int64_t cents); /* "1234.50" */
/* Time left as a clock has it: "3:12". */
struct str page_left(struct request *rq, int64_t seconds);
/* The name of the month of a time in ISO 8601. */
enum text page_month(const char *iso);
/* "28 November 2026, 18:20 UTC" */
struct str page_moment(struct request *rq, struct wall_ms time);
/* When the thing of that id was made: "28 November 2026, 18:20 UTC"; empty when it is none. */
struct str page_day(struct request *rq, struct str id);
/* "prefix" + id + "suffix" in the arena; empty when memory ran out. */
struct str path_of(struct request *rq, const char *prefix, struct str id, const char *suffix);

#endif
