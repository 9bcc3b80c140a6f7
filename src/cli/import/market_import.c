/* cli/import/market_import.c: venues, shows and listings out of files. A line is a request of the
 * API's by hand, so that what is said of it, and what becomes of it, is what the API does. Both
 * services' transactions are committed when nothing is wrong with any line; an import that ends
 * between the two is run again. */
#include "cli/import/market_import.h"

#include "bus/bus.h"
#include "cli/import/csv.h"
#include "cli/import/import_place.h"
#include "cli/import/legacy.h"
#include "services/service_import.h"
#include "services/services.h"

#include <stdlib.h>
#include <unistd.h>

struct market_row {
    struct row row;
    struct str text; /* the document */
};

struct taking;

/* One line into its service's database. */
typedef enum err put_fn(struct taking *taking, struct request *rq, struct tx *tx,
                        const struct row *row, bool *added);
static put_fn put_venue, put_show, put_listing;

/* What a file's lines are made of, and by which members they are known when they have no id. */
struct form {
    const struct csv_column *columns; /* of a file that is no JSON */
    const char *known_by[6];          /* ends with NULL */
    const char *refers_by;            /* the member that is an id of another file; NULL: none is */
    put_fn *put;
};

static const struct csv_column venue_columns[] = {{"id", CSV_TEXT},
                                                  {"name", CSV_TEXT},
                                                  {"city", CSV_TEXT},
                                                  {"country", CSV_TEXT},
                                                  {"timeZone", CSV_TEXT},
                                                  {"coordinates.latitude", CSV_NUMBER},
                                                  {"coordinates.longitude", CSV_NUMBER},
                                                  {NULL, CSV_TEXT}};
static const struct csv_column show_columns[] = {{"id", CSV_TEXT},
                                                 {"venueId", CSV_TEXT},
                                                 {"title", CSV_TEXT},
                                                 {"performers", CSV_LIST},
                                                 {"category", CSV_TEXT},
                                                 {"startsAt", CSV_TEXT},
                                                 {"doorsAt", CSV_TEXT},
                                                 {"rules.maxPerBuyer", CSV_NUMBER},
                                                 {"rules.maxOverFaceBps", CSV_NUMBER},
                                                 {NULL, CSV_TEXT}};
static const struct csv_column listing_columns[] = {
    {"id", CSV_TEXT},         {"showId", CSV_TEXT},       {"seller", CSV_TEXT},
    {"section", CSV_TEXT},    {"row", CSV_TEXT},          {"seats", CSV_LIST},
    {"quantity", CSV_NUMBER}, {"split", CSV_TEXT},        {"price", CSV_TEXT},
    {"faceValue", CSV_TEXT},  {"restrictions", CSV_LIST}, {"delivery", CSV_TEXT},
    {NULL, CSV_TEXT}};

static const struct form venue_form = {venue_columns, {"name"}, NULL, put_venue};
static const struct form show_form = {
    show_columns, {"venueId", "title", "startsAt"}, "venueId", put_show};
static const struct form listing_form = {
    listing_columns, {"showId", "seller", "section", "row", "seats"}, "showId", put_listing};

/* What an import is under way with. */
struct taking {
    struct market *market;
    struct arena *kept, *brief;
    struct env env;
    struct object_id_source ids;
    struct run run;
    char user_id[32]; /* whose the venues and shows are: the operator's */
    struct wall_ms now;
    struct tx *followed; /* tickets', in which shows are followed */
    struct tx *sellers;  /* auth's */
};

static void refuse(struct table *table, struct row *row, const char *field, const char *message,
                   const char *hint)
{
    fprintf(stderr, "%s:%lld: %s%s%s%s%s\n", table->file, (long long)row->line, field ? field : "",
            field ? ": " : "", message, hint ? ". " : "", hint ? hint : "");
    table->left_out += !row->left_out;
    row->left_out = true;
}

/* --- reading --------------------------------------------------------------------------------- */

static void append_member(struct buf *key, const struct json *value)
{
    struct str text = STR("");
    int64_t number;

    if (json_text(value, &text)) buf_append(key, str_trim(text));
    if (json_int64(value, &number)) buf_int(key, number);
    for (size_t i = 0; i < json_length(value); i++, buf_char(key, ';'))
        append_member(key, json_at(value, i));
}

/* The id a text stands for, wherever it is written. */
static struct object_id id_of_text(struct str text)
{
    struct object_id id;

    return object_id_parse(text, &id) ? id : legacy_id_of_text(text);
}

/* That of its member "id", else one made of what it is known by. */
static bool id_of(struct taking *taking, const struct form *form, const struct json *document,
                  struct object_id *out)
{
    struct buf key;

    buf_init(&key, taking->brief, DOCUMENT_MAX);
    append_member(&key, json_get(document, "id"));
    if (key.len == 0)
        for (size_t i = 0; form->known_by[i]; i++) {
            if (i) buf_char(&key, '\n');
            append_member(&key, json_get(document, form->known_by[i]));
        }
    *out = id_of_text(buf_str(&key));
    return !key.failed;
}

/* The document with the id it refers to in full: of members of one name the last one counts. */
static struct str with_reference(struct taking *taking, const struct form *form,
                                 const struct json *document, struct str text)
{
    struct str named;
    struct buf out;

    if (!form->refers_by || !json_text(json_get(document, form->refers_by), &named) || !named.len)
        return arena_copy(taking->kept, text);
    buf_init(&out, taking->brief, DOCUMENT_MAX);
    buf_append(&out, (struct str){text.at, text.len - 1});
    buf_printf(&out, ",\"%s\":\"%s\"}", form->refers_by,
               object_id_text(id_of_text(str_trim(named))).hex);
    return out.failed ? (struct str){NULL, 0} : arena_copy(taking->kept, buf_str(&out));
}

/* One line's document becomes a row. False: memory ran out. */
static bool add_document(struct taking *taking, struct table *table, const struct form *form,
                         struct str text, int64_t line, const char *fault)
{
    struct market_row *row = (struct market_row *)table_add(table);
    const struct json *document = fault ? NULL : json_parsed(taking->brief, text);

    if (!row) return false;
    table->read++;
    row->row.line = line;
    if (json_type(document) != JSON_OBJECT) {
        if (!fault)
            fault = arena_failed(taking->brief) ? "it is too long" : "it is not a JSON object";
        refuse(table, &row->row, NULL, fault, NULL);
        return true;
    }
    row->text = with_reference(taking, form, document, text);
    if (!row->text.at || !id_of(taking, form, document, &row->row.id)) return false;
    table->count++;
    return true;
}

static bool read_json(struct taking *taking, struct table *table, const struct form *form,
                      struct str text)
{
    struct legacy_reader reader = legacy_read(text);
    struct str document;
    int64_t line;

    while (legacy_next(&reader, &document, &line)) {
        arena_reset(taking->brief);
        if (!add_document(taking, table, form, document, line, NULL))
            return cli_fail("out of memory") == 0;
    }
    if (!legacy_whole(&reader))
        return cli_fail("%s: its array is not closed: the file is not whole", table->file) == 0;
    return true;
}

static bool read_csv(struct taking *taking, struct table *table, const struct form *form,
                     struct str text)
{
    struct csv_reader reader;
    char memory[512];
    struct buf out = {.at = memory, .cap = sizeof memory, .max = sizeof memory};
    const char *fault;
    int64_t line;

    if (!csv_begin(&reader, taking->brief, text, form->columns, &out))
        return cli_fail("%s:1: %.*s", table->file, (int)out.len, out.at) == 0;
    for (;;) {
        arena_reset(taking->brief);
        buf_init(&out, taking->brief, DOCUMENT_MAX);
        if (!csv_next(&reader, taking->brief, &out, &line, &fault)) return true;
        if (out.failed || !add_document(taking, table, form, buf_str(&out), line, fault))
            return cli_fail("out of memory") == 0;
    }
}

/* Two lines of one id; the table is sorted by it. What else is wrong with the second is looked for
 * under another one. */
static void refuse_twice(struct taking *taking, struct table *table)
{
    struct object_id id = {{0}};
    char message[96];
    int64_t line = 0;

    for (size_t i = 0; i < table->count; i++) {
        struct row *row = table_row(table, i);

        if (line == 0 || !object_id_eq(row->id, id)) {
            id = row->id;
            line = row->line;
            continue;
        }
        snprintf(message, sizeof message, "line %lld has the same one, or is the same without one",
                 (long long)line);
        refuse(table, row, "id", message, "Give each an id of its own");
        row->id = object_id_new(&taking->ids, taking->now);
    }
}

/* Its first character is a brace or a bracket, a byte order mark aside. */
static bool is_json(struct str text)
{
    if (str_starts(text, STR("\xEF\xBB\xBF"))) text = (struct str){text.at + 3, text.len - 3};
    text = str_trim(text);
    return text.len && (*text.at == '{' || *text.at == '[');
}

static bool read_file(struct taking *taking, struct table *table, const struct form *form)
{
    struct import_file file;
    bool ok;

    table->row_bytes = sizeof(struct market_row);
    if (!table->file) return true;
    ok = import_file_open(&file, table->file);
    if (ok && legacy_unreadable(file.text))
        ok = cli_fail("%s: %s", table->file, legacy_unreadable(file.text)) == 0;
    else if (ok && is_json(file.text))
        ok = read_json(taking, table, form, file.text);
    else if (ok)
        ok = read_csv(taking, table, form, file.text);
    import_file_close(&file);
    if (!ok) return false;
    table_sort(table);
    refuse_twice(taking, table);
    table_in_order_of_lines(table);
    return true;
}

/* --- taking over ----------------------------------------------------------------------------- */

static enum err put_venue(struct taking *taking, struct request *rq, struct tx *tx,
                          const struct row *row, bool *added)
{
    (void)taking;
    return import_venue(rq, tx, row->id, added);
}

static enum err put_show(struct taking *taking, struct request *rq, struct tx *tx,
                         const struct row *row, bool *added)
{
    struct show_copy copy;
    enum err err, end;

    TRY(import_show(rq, tx, row->id, &copy, added));
    tx_item_begin(taking->followed, tx->now);
    err = import_followed_show(taking->followed, &copy);
    if (err == OK) err = tx_check(taking->followed);
    end = tx_item_end(taking->followed, err == OK);
    if (end) return end;
done:
    return err;
}

static enum err put_listing(struct taking *taking, struct request *rq, struct tx *tx,
                            const struct row *row, bool *added)
{
    struct object_id seller;
    struct object_id_text text;
    enum err err = import_seller(rq, taking->sellers, &seller);

    if (err != OK && err != ERR_INVALID) return err;
    text = object_id_text(seller);
    rq->user.id = arena_copy(rq->arena, str_of(text.hex));
    return import_listing(rq, tx, row->id, added);
}

/* What it refers to was refused itself: that was said, and once is enough. */
static bool is_blamed(const struct table *others, const struct form *form, const struct request *rq,
                      const char *field)
{
    const struct row *row = NULL;
    struct object_id id;

    if (!form->refers_by || strcmp(field, form->refers_by) != 0) return false;
    if (object_id_parse(request_body_text(rq, field), &id)) row = table_first(others, id);
    return row && row->left_out;
}

/* others: whose ids it refers to, sorted by them. */
static enum err put_row(struct taking *taking, struct tx *tx, struct table *table,
                        struct market_row *row, const struct form *form, const struct table *others)
{
    struct request rq;
    bool added = false;
    enum err err, end;

    arena_reset(taking->brief);
    request_init(&rq, taking->brief);
    rq.body = json_parsed(taking->brief, row->text);
    rq.run = &taking->run;
    rq.user.id = str_of(taking->user_id);
    if (!rq.body) return ERR_MEMORY;
    tx_item_begin(tx, taking->now);
    err = form->put(taking, &rq, tx, &row->row, &added);
    if (err == OK) err = request_checked(&rq);
    if (err == OK) err = tx_check(tx);
    end = tx_item_end(tx, err == OK);
    if (end) return end;
    table->added += err == OK && added;
    table->there += err == OK && !added;
    if (err != ERR_INVALID) return err;
    for (size_t i = 0; i < rq.error_count; i++)
        if (is_blamed(others, form, &rq, rq.errors[i].field))
            refuse(table, &row->row, rq.errors[i].field, "it was refused itself", NULL);
        else
            refuse(table, &row->row, rq.errors[i].field, rq.errors[i].message, rq.errors[i].hint);
    return OK;
}

static enum err put_table(struct taking *taking, struct tx *tx, struct table *table,
                          const struct form *form, const struct table *others)
{
    enum err err = OK;

    for (size_t i = 0; i < table->count; i++) {
        struct market_row *row = (struct market_row *)table_row(table, i);

        TRY(put_row(taking, tx, table, row, form, others));
        if (tx->published >= IMPORT_FLUSH_ROWS) TRY(import_flush(tx, taking->now));
    }
    TRY(import_flush(tx, taking->now));
    table_sort(table);
done:
    return err;
}

static int64_t refused(const struct market *market)
{
    return market->venues.left_out + market->shows.left_out + market->listings.left_out;
}

static enum err put_market(struct taking *taking, struct tx *catalogue, struct tx *tickets)
{
    struct market *market = taking->market;
    enum err err;

    TRY(put_table(taking, catalogue, &market->venues, &venue_form, NULL));
    TRY(put_table(taking, catalogue, &market->shows, &show_form, &market->venues));
    TRY(put_table(taking, tickets, &market->listings, &listing_form, &market->shows));
done:
    return err;
}

/* A copy is removed whatever is in it. */
static bool place_keeps(const struct import_place *place, const struct market *market)
{
    return refused(market) == 0 && (place->folder || !place->dry);
}

static enum err put_all(void *what, const struct import_place *place, struct buf *why)
{
    static const struct service_definition *const services[] = {&auth_service, &catalogue_service,
                                                                &tickets_service};
    struct taking *taking = what;
    struct db *db[3] = {NULL};
    struct tx *tx[3] = {NULL};
    enum err err = OK;

    for (size_t i = 0; i < 3; i++) {
        TRY(import_database(place, services[i], &db[i], why));
        TRY(tx_begin(db[i], &tx[i]));
    }
    taking->sellers = tx[0];
    taking->followed = tx[2];
    TRY(put_market(taking, tx[1], tx[2]));
    for (size_t i = 1; i < 3 && place_keeps(place, taking->market); i++) {
        err = tx_commit(tx[i]);
        tx[i] = NULL;
        TRY(err);
    }
done:
    for (size_t i = 0; i < 3; i++) {
        if (tx[i]) tx_rollback(tx[i]);
        db_close(db[i]);
    }
    if (err && why->len == 0) buf_append(why, str_of(err_message(err)));
    return err;
}

/* --- the whole ------------------------------------------------------------------------------- */

static bool begin(struct taking *taking, struct market *market, const struct settings *settings)
{
    *taking = (struct taking){.market = market, .now = clock_wall(&clock_system)};
    taking->env = (struct env){.name = "import",
                               .settings = settings,
                               .clock = &clock_system,
                               .random = &random_system,
                               .ids = &taking->ids};
    taking->run.env = &taking->env;
    object_id_source_init(&taking->ids, &random_system);
    snprintf(taking->user_id, sizeof taking->user_id, "uid:%lld", (long long)getuid());
    taking->kept = arena_new(KEPT_BYTES_MAX);
    taking->brief = arena_new(DOCUMENT_MAX);
    return (taking->kept && taking->brief) || cli_fail("out of memory") == 0;
}

static void end(struct taking *taking)
{
    if (taking->kept) arena_free(taking->kept);
    if (taking->brief) arena_free(taking->brief);
    free(taking->market->venues.rows);
    free(taking->market->shows.rows);
    free(taking->market->listings.rows);
}

static void print_summary(const struct table *table, bool dry)
{
    if (table->file)
        printf("%-9s %lld read, %lld %s, %lld already there\n", table->what, (long long)table->read,
               (long long)table->added, dry ? "to be taken over" : "taken over",
               (long long)table->there);
}

int market_import(struct market *market, const struct settings *settings, bool dry)
{
    const struct table *tables[] = {&market->venues, &market->shows, &market->listings};
    struct taking taking;
    struct buf why;
    bool ok;

    buf_init(&why, NULL, 2 * PATH_BYTES);
    ok = begin(&taking, market, settings) && read_file(&taking, &market->venues, &venue_form) &&
         read_file(&taking, &market->shows, &show_form) &&
         read_file(&taking, &market->listings, &listing_form) &&
         import_into_place(settings, dry, put_all, &taking, &why);
    if (why.len) (void)cli_fail("%.*s", (int)why.len, why.at);
    if (ok && refused(market))
        ok = cli_fail("%lld %s wrong: nothing was taken over", (long long)refused(market),
                      refused(market) == 1 ? "line is" : "lines are") == 0;
    for (size_t i = 0; ok && i < sizeof tables / sizeof *tables; i++)
        print_summary(tables[i], dry);
    buf_free(&why);
    end(&taking);
    if (cli_finish() != 0) return 1;
    return ok ? 0 : 1;
}
