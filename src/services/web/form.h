/* services/web/form.h: what all forms have in common: what is wrong with one and how that is said,
 * and what was typed, which is never lost (form.c says how). */
#ifndef SERVICES_WEB_FORM_H
#define SERVICES_WEB_FORM_H

#include "http/request.h"
#include "services/web/page_text.h"
#include "services/web/view.h"

/* Something is wrong. id: of the input, or empty; an empty text is nothing. */
void form_error(struct form_errors *errors, struct str id, struct str text);
void form_field_error(struct form_errors *errors, struct field *field, struct str id,
                      struct str text);
/* Says when to try again, with a text that has its {time}, where the API answered 429. */
void form_too_many(struct request *rq, struct form_errors *errors, enum text text);
/* The page's title says that its form was refused. */
void form_refused(struct request *rq, struct page *page);
/* What the sign-in page carries for the form that was sent. */
void form_keep(struct request *rq, struct kept_view *kept);
/* What is wrong with a price that was typed; empty: nothing. */
struct str form_price_error(struct request *rq, struct str typed);
/* Read and checked; the value is shown back as it was understood. */
void form_price(struct request *rq, struct form_errors *errors, struct field *field, struct str id);
void form_title(struct request *rq, struct form_errors *errors, struct field *field);
/* What the API found wrong with a ticket. */
void form_api_errors(struct request *rq, struct form_errors *errors, struct ticket_fields *fields,
                     struct str price_id);

#endif
