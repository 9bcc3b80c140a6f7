/* sql/text_query.c: what a text index is asked, in the engine's words. */
#include "sql/engine.h"

void text_query_init(struct text_query *query, const struct db *db, struct arena *arena, size_t max)
{
    *query = (struct text_query){.words = db->engine->query_words};
    buf_init(&query->text, arena, max);
}

static void join(struct text_query *query)
{
    if (query->begun)
        buf_append(&query->text,
                   str_of(query->grouped ? query->words->either : query->words->both));
    query->begun = true;
}

/* A word has no quotes and no backslashes: it is of letters and digits. */
void text_query_word(struct text_query *query, struct str word, bool beginning)
{
    ASSERT(word.len && !memchr(word.at, query->words->quote, word.len) &&
           !memchr(word.at, '\\', word.len));
    join(query);
    buf_char(&query->text, query->words->quote);
    buf_append(&query->text, word);
    buf_char(&query->text, query->words->quote);
    if (beginning) buf_append(&query->text, str_of(query->words->beginning));
}

void text_query_group(struct text_query *query)
{
    ASSERT(!query->grouped);
    join(query);
    buf_char(&query->text, '(');
    query->grouped = true;
    query->begun = false;
}

void text_query_group_end(struct text_query *query)
{
    ASSERT(query->grouped && query->begun);
    buf_char(&query->text, ')');
    query->grouped = false;
}
