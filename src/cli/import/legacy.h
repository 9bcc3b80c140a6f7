/* cli/import/legacy.h: records of the Node application as mongoexport writes them: MongoDB Extended
 * JSON, version 2 (canonical and relaxed) and version 1, a document each. Pure: no file is read
 * here. */
#ifndef CLI_LEGACY_H
#define CLI_LEGACY_H

#include "base/json.h"
#include "services/service_import.h"

/* What an order's record says of the rest. */
struct legacy_order {
    struct imported_order order; /* ticket is NULL */
    struct object_id ticket_id;
};

/* Each takes one document. Texts live where the document does. False: why says which field is
 * wrong and what it takes. Unknown fields are passed over. */
bool legacy_user(const struct json *document, struct imported_user *out, struct buf *why);
bool legacy_ticket(const struct json *document, struct imported_ticket *out, struct buf *why);
bool legacy_order(const struct json *document, struct legacy_order *out, struct buf *why);
/* amount_cents is not in it. */
bool legacy_payment(const struct json *document, struct imported_payment *out, struct buf *why);

/* One document after the other out of a file's text: one a line, or an array of any layout. */
struct legacy_reader {
    struct str text; /* what is left of it */
    int64_t line;    /* where it begins, from 1 */
    bool lines;
    int64_t open; /* brackets of arrays that are not closed */
};
/* What keeps a file from being read at all, in words for the operator: it is compressed, or of
 * another encoding, or no text. NULL: nothing. */
const char *legacy_unreadable(struct str text);
struct legacy_reader legacy_read(struct str text);
/* The next document's text and line; false at the end. A document that is not closed is the rest of
 * its line, or of the text. */
bool legacy_next(struct legacy_reader *reader, struct str *document, int64_t *line);
/* After the last document: an array that was begun was closed. */
bool legacy_whole(const struct legacy_reader *reader);

/* An identity that is no ObjectId (a text, a number, a UUID) comes as one made of it, the same
 * wherever it is named; its first four bytes, an ObjectId's time, are 0. */
bool legacy_id_was_made(struct object_id id);
/* The identity made of a text. */
struct object_id legacy_id_of_text(struct str text);

#endif
