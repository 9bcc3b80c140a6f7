/* services/web/page_input.h: what a browser sent: typed fields, ids, and where to go next. Nothing
 * of it is believed: what is returned has been checked, and is shown as text.
 *
 * All texts live in the request's arena. Threads: that of the request. */
#ifndef SERVICES_WEB_PAGE_INPUT_H
#define SERVICES_WEB_PAGE_INPUT_H

#include "http/request.h"

/* Marks of a form that comes back after signing in (form.c): its own address, and its fields. */
#define FORM_DRAFT     "draft"
#define FORM_DRAFT_DOT "draft."
/* The form is not to be acted on but to be shown as it was typed, with status 200: it comes back
 * after signing in. */
bool form_is_draft(struct request *rq);
/* What was typed into a field, also in a draft. */
struct str form_value(struct request *rq, const char *name);
/* An id of the path, in lower case; empty when it is none. */
struct str page_path_id(struct request *rq, size_t index);
/* The same of a segment that may go on after the id: "6b01…-mono-lake". */
struct str page_path_slugged_id(struct request *rq, size_t index);
/* A parameter of the address, as typed, trimmed; empty when it is not there. */
struct str page_typed(struct request *rq, const char *name);
/* The id after which the visitor's page of a list begins, by its address or its form; empty: the
 * first page. */
struct str page_after(struct request *rq);
/* "/" followed by what is in the arena, or "/": where a form's next leads. */
struct str page_next(struct request *rq, struct str next);
/* The path and query of the page that is asked for, to come back to; "/" for a form. */
struct str page_here(struct request *rq);

#endif
