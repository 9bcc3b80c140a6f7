/* cli/import/legacy.c: records of the Node application. */
#include "cli/import/legacy.h"

#include "base/clock.h"
#include "base/money.h"
#include "base/siphash.h"
#include "identity/user_id.h"

#include <stdio.h>
#include <stdlib.h>

#define STRIPE_ID_BYTES_MAX 255
#define NUMBER_BYTES_MAX    40

static bool bad(struct buf *why, const char *field, const char *what)
{
    buf_printf(why, "%s: %s", field, what);
    return false;
}

/* --- Extended JSON ------------------------------------------------------------------------- */

static bool plain_text(struct str text, size_t bytes_max)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] <= ' ' || text.at[i] > '~') return false;
    return text.len >= 1 && text.len <= bytes_max;
}

/* A number by the text of one of Extended JSON's wrappers, or a plain one. */
static bool take_number(const struct json *value, double *out)
{
    static const char *const wrappers[] = {"$numberInt", "$numberLong", "$numberDouble",
                                           "$numberDecimal"};
    char copy[NUMBER_BYTES_MAX + 1], *end;
    struct str text;

    if (json_double(value, out)) return true;
    for (size_t i = 0; i < sizeof wrappers / sizeof *wrappers; i++) {
        if (json_double(json_get(value, wrappers[i]), out))
            return true; /* as some tools write it */
        if (!json_text(json_get(value, wrappers[i]), &text) || text.len == 0 ||
            text.len > NUMBER_BYTES_MAX)
            continue;
        memcpy(copy, text.at, text.len);
        copy[text.len] = '\0';
        *out = strtod(copy, &end);
        return *end == '\0' && strspn(copy, "+-.0123456789eE") == text.len;
    }
    return false;
}

static bool take_whole(const struct json *value, int64_t *out)
{
    double number;

    if (!take_number(value, &number) || !(number >= -9007199254740992.0) ||
        number > 9007199254740992.0 || number != (double)(int64_t)number)
        return false;
    *out = (int64_t)number;
    return true;
}

/* --- identities ---------------------------------------------------------------------------- */

static struct object_id id_made_of(const char *kind, struct str text)
{
    struct object_id id = {{0}};
    uint64_t key[2] = {0x626f786f66666963, (uint64_t)*kind}; /* the number 7 is not the text "7" */
    uint64_t hash = siphash(key, text);

    for (size_t i = 4; i < sizeof id.bytes; i++, hash >>= 8)
        id.bytes[i] = (uint8_t)hash;
    id.bytes[11] |= id.bytes[11] ? 0 : 1; /* never all zero */
    return id;
}

bool legacy_id_was_made(struct object_id id)
{
    return id.bytes[0] == 0 && id.bytes[1] == 0 && id.bytes[2] == 0 && id.bytes[3] == 0;
}

struct object_id legacy_id_of_text(struct str text)
{
    return id_made_of("text", text);
}

/* A text, a number, {"$uuid":"…"} or {"$binary":{"base64":"…"}} (version 1: {"$binary":"…"}). */
static bool make_id(const struct json *value, struct object_id *out)
{
    const struct json *binary = json_get(value, "$binary"), *base64 = json_get(binary, "base64");
    char digits[32];
    struct str text = STR("");
    int64_t number;

    if (json_text(value, &text)) {
        *out = legacy_id_of_text(text);
    } else if (json_text(json_get(value, "$uuid"), &text)) {
        *out = id_made_of("uuid", text);
    } else if (json_text(base64 ? base64 : binary, &text)) {
        *out = id_made_of("binary", text);
    } else if (take_whole(value, &number)) {
        snprintf(digits, sizeof digits, "%lld", (long long)number);
        text = str_of(digits);
        *out = id_made_of("number", text);
    }
    return text.len > 0;
}

/* {"$oid":"…"}, the digits alone, or what the old application's schema had instead. */
static bool take_id(const struct json *document, const char *field, struct object_id *out,
                    struct buf *why)
{
    const struct json *value = json_get(document, field), *wrapped = json_get(value, "$oid");
    struct str text;

    if (json_text(wrapped ? wrapped : value, &text) && object_id_parse(text, out) &&
        !object_id_eq(*out, (struct object_id){{0}}))
        return true;
    if (!wrapped && make_id(value, out)) return true;
    return bad(why, field, "must be an ObjectId, or a text, a number or a UUID");
}

/* mongoose's "version" or "__v"; 0 when there is none. */
static bool take_version(const struct json *document, int64_t *out, struct buf *why)
{
    const struct json *value = json_get(document, "version");

    if (!value) value = json_get(document, "__v");
    *out = 0;
    if (!value || (take_whole(value, out) && *out >= 0 && *out < INT32_MAX)) return true;
    return bad(why, "version", "must be a whole number, 0 or more");
}

/* "+02:00", "-0530", "+02" at the end of a time; its bytes, 0: there is none. */
static size_t offset_at_end(struct str text, int64_t *offset_ms)
{
    size_t sign = text.len, digits = 0;
    int64_t number = 0;

    while (sign > 0 && text.len - sign < 6 && text.at[sign - 1] != '+' && text.at[sign - 1] != '-')
        sign--;
    if (sign < 2 || !memchr(text.at, 'T', sign) ||
        (text.at[sign - 1] != '+' && text.at[sign - 1] != '-'))
        return 0;
    for (size_t i = sign; i < text.len; i++) {
        if (text.at[i] == ':' && digits == 2) continue;
        if (text.at[i] < '0' || text.at[i] > '9') return 0;
        number = number * 10 + (text.at[i] - '0');
        digits++;
    }
    if (digits == 2) number *= 100;
    if ((digits != 2 && digits != 4) || number / 100 > 23 || number % 100 > 59) return 0;
    *offset_ms = (number / 100 * 60 + number % 100) * 60000;
    if (text.at[sign - 1] == '-') *offset_ms = -*offset_ms;
    return text.len - sign + 1;
}

/* "2026-11-21T12:34:56.789Z", or with an offset instead of the Z. */
static bool take_iso(struct str text, struct wall_ms *out)
{
    char copy[NUMBER_BYTES_MAX + 2];
    int64_t offset_ms;
    size_t offset;

    if (iso8601_parse(text, out)) return true;
    offset = offset_at_end(text, &offset_ms);
    if (!offset || text.len - offset > NUMBER_BYTES_MAX) return false;
    memcpy(copy, text.at, text.len - offset);
    copy[text.len - offset] = 'Z';
    if (!iso8601_parse((struct str){copy, text.len - offset + 1}, out)) return false;
    out->ms -= offset_ms;
    return out->ms >= 0;
}

/* {"$date":"…"}, {"$date":{"$numberLong":"…"}}, {"$date":milliseconds}, or the text alone. */
static bool take_time(const struct json *document, const char *field, struct wall_ms *out,
                      struct buf *why)
{
    const struct json *value = json_get(document, field), *wrapped = json_get(value, "$date");
    struct wall_ms time = {0};
    struct str text;

    if (wrapped) value = wrapped;
    if (json_text(value, &text)
            ? take_iso(text, &time)
            : take_whole(value, &time.ms) && time.ms >= 0 && time.ms < 253402300800000) {
        *out = time;
        return true;
    }
    return bad(why, field, "must be a date");
}

static bool take_text(const struct json *document, const char *field, size_t bytes_max,
                      struct str *out, struct buf *why)
{
    if (json_text(json_get(document, field), out) && plain_text(*out, bytes_max)) return true;
    buf_printf(why, "%s: must be text of 1 to %zu printable characters", field, bytes_max);
    return false;
}

/* userId is text there, but may be an ObjectId. */
static bool take_user_id(const struct json *document, struct str *out, struct buf *why)
{
    const struct json *value = json_get(document, "userId"), *wrapped = json_get(value, "$oid");

    if (json_text(wrapped ? wrapped : value, out) && user_id_valid(*out)) return true;
    return bad(why, "userId", "must be 1 to 64 printable characters");
}

/* What the old application reckoned with doubles may miss the price by their last digits. */
static bool price_of_number(double dollars, int64_t *cents)
{
    double whole;

    if (price_from_double(dollars, cents)) return true;
    if (!(dollars > 0 && dollars < 1e9)) return false;
    whole = (double)(int64_t)(dollars * 100.0 + 0.5);
    if (whole - dollars * 100.0 > 1e-6 || dollars * 100.0 - whole > 1e-6) return false;
    return price_from_double(whole / 100.0, cents);
}

static bool take_price(const struct json *document, int64_t *cents, struct buf *why)
{
    const struct json *value = json_get(document, "price");
    struct str text;
    double dollars;

    if (json_text(value, &text) ? price_from_text(text, cents)
                                : take_number(value, &dollars) && price_of_number(dollars, cents))
        return true;
    return bad(why, "price", "must be from 0.01 to 999999.99, with at most two decimals");
}

/* --- documents ----------------------------------------------------------------------------- */

static bool is_document(const struct json *document, struct buf *why)
{
    if (json_type(document) == JSON_OBJECT) return true;
    buf_append(why, STR("not a JSON document"));
    return false;
}

bool legacy_user(const struct json *document, struct imported_user *out, struct buf *why)
{
    if (!is_document(document, why) || !take_id(document, "_id", &out->id, why) ||
        !take_version(document, &out->version, why))
        return false;
    if (!json_text(json_get(document, "email"), &out->email) || !imported_email_valid(out->email))
        return bad(why, "email", "must be an email address");
    if (!json_text(json_get(document, "password"), &out->password) ||
        !imported_password_valid(out->password))
        return bad(why, "password", "must be 128 hex digits of scrypt, a point and the salt");
    return true;
}

bool legacy_ticket(const struct json *document, struct imported_ticket *out, struct buf *why)
{
    const struct json *order_id = json_get(document, "orderId");

    *out = (struct imported_ticket){.sold = false};
    if (!is_document(document, why) || !take_id(document, "_id", &out->id, why) ||
        !take_version(document, &out->version, why))
        return false;
    if (!json_text(json_get(document, "title"), &out->title) || !imported_title_valid(out->title))
        return bad(why, "title", "must be 1 to 200 characters that can be seen");
    if (!take_price(document, &out->price_cents, why) ||
        !take_user_id(document, &out->user_id, why))
        return false;
    return json_type(order_id) == JSON_NULL || take_id(document, "orderId", &out->order_id, why);
}

static bool take_status(const struct json *document, enum imported_status *out, struct buf *why)
{
    static const struct {
        const char *word;
        enum imported_status status;
    } words[] = {{"created", IMPORTED_LIVE},
                 {"awaiting:payment", IMPORTED_LIVE},
                 {"complete", IMPORTED_COMPLETE},
                 {"cancelled", IMPORTED_CANCELLED}};
    struct str text;

    for (size_t i = 0; i < 4 && json_text(json_get(document, "status"), &text); i++) {
        if (!str_eq(text, str_of(words[i].word))) continue;
        *out = words[i].status;
        return true;
    }
    return bad(why, "status", "must be created, awaiting:payment, complete or cancelled");
}

bool legacy_order(const struct json *document, struct legacy_order *out, struct buf *why)
{
    struct imported_order *order = &out->order;

    *out = (struct legacy_order){.order = {.version = 0}};
    return is_document(document, why) && take_id(document, "_id", &order->id, why) &&
           take_version(document, &order->version, why) &&
           take_user_id(document, &order->user_id, why) &&
           take_status(document, &order->status, why) &&
           take_time(document, "expiresAt", &order->expires_at, why) &&
           take_id(document, "ticket", &out->ticket_id, why);
}

bool legacy_payment(const struct json *document, struct imported_payment *out, struct buf *why)
{
    *out = (struct imported_payment){.amount_cents = 0};
    return is_document(document, why) && take_id(document, "_id", &out->id, why) &&
           take_id(document, "orderId", &out->order_id, why) &&
           take_text(document, "stripeId", STRIPE_ID_BYTES_MAX, &out->stripe_id, why);
}

/* --- one after the other ------------------------------------------------------------------- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Takes what stands before the first document or between two. */
static void skip(struct legacy_reader *reader, const char *also)
{
    while (reader->text.len &&
           (is_space(*reader->text.at) || (*reader->text.at && strchr(also, *reader->text.at)))) {
        reader->line += *reader->text.at == '\n';
        reader->open += (*reader->text.at == '[') - (*reader->text.at == ']');
        reader->text.at++;
        reader->text.len--;
    }
}

static struct str first_line(struct str text)
{
    const char *end = memchr(text.at, '\n', text.len);

    return (struct str){text.at, end ? (size_t)(end - text.at) : text.len};
}

/* An array, or documents that are spread over lines, are read by their brackets; else a line is a
 * document, so that one broken line is one broken document. */
struct legacy_reader legacy_read(struct str text)
{
    struct legacy_reader reader = {.text = text, .line = 1, .lines = true};

    if (str_starts(reader.text, STR("\xEF\xBB\xBF"))) { /* a byte order mark */
        reader.text.at += 3;
        reader.text.len -= 3;
    }
    skip(&reader, "");
    if (reader.text.len && (*reader.text.at == '[' || str_trim(first_line(reader.text)).len == 1))
        reader.lines = false;
    return reader;
}

bool legacy_whole(const struct legacy_reader *reader)
{
    return reader->open <= 0;
}

const char *legacy_unreadable(struct str text)
{
    static const struct {
        struct str begins;
        const char *words;
    } forms[] = {
        {{"\x1f\x8b", 2}, "it is compressed (gzip): give what gunzip makes of it"},
        {{"\x28\xb5\x2f\xfd", 4}, "it is compressed (zstd): give what zstd -d makes of it"},
        {{"PK\x03\x04", 4}, "it is a zip archive: give what is in it"},
        {{"\xff\xfe", 2}, "it is UTF-16: give what iconv -f UTF-16 -t UTF-8 makes of it"},
        {{"\xfe\xff", 2}, "it is UTF-16: give what iconv -f UTF-16 -t UTF-8 makes of it"},
        {{"[\0", 2}, "it is UTF-16: give what iconv -f UTF-16LE -t UTF-8 makes of it"},
        {{"{\0", 2}, "it is UTF-16: give what iconv -f UTF-16LE -t UTF-8 makes of it"},
        {{"\0", 1}, "it is UTF-16: give what iconv -f UTF-16BE -t UTF-8 makes of it"},
    };

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (str_starts(text, forms[i].begins)) return forms[i].words;
    if (text.len && memchr(text.at, '\0', text.len < 64 ? text.len : 64))
        return "it is no text (BSON of mongodump?): give what mongoexport or bsondump writes";
    return NULL;
}

/* The bytes of the document that text begins with; all of it when it is not closed. */
static size_t document_length(struct str text)
{
    bool in_text = false;
    int64_t depth = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];

        if (in_text) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_text = false;
        } else if (c == '"') {
            in_text = true;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && --depth <= 0) {
            return i + 1;
        } else if (depth == 0 && (is_space(c) || c == ',')) {
            return i;
        }
    }
    return text.len;
}

bool legacy_next(struct legacy_reader *reader, struct str *document, int64_t *line)
{
    skip(reader, reader->lines ? "" : "[],");
    if (reader->text.len == 0) return false;
    *line = reader->line;
    *document = reader->lines ? first_line(reader->text)
                              : (struct str){reader->text.at, document_length(reader->text)};
    for (size_t i = 0; i < document->len; i++)
        reader->line += document->at[i] == '\n';
    reader->text.at += document->len;
    reader->text.len -= document->len;
    *document = str_trim(*document);
    return true;
}
