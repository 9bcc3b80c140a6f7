/* sql/translate.c: a statement in the words of an engine. */
#include "sql/engine.h"

#include <string.h>

#define TEXT_BYTES_MAX (1024 * 1024)

/* The word that begins at `at`; NULL: none does. */
static const struct engine_word *word_at(const char *at, const struct engine_word *words)
{
    for (; words->word; words++)
        if (strncmp(at, words->word, strlen(words->word)) == 0) return words;
    return NULL;
}

/* A word with its name; returns what comes behind it. */
static const char *put_named(const struct engine_word *word, const char *text, struct buf *out)
{
    const char *name = text + strlen(word->word), *end = strstr(name, "}}");

    ASSERT(end != NULL);
    for (const char *at = word->means; *at; at++) {
        if (at[0] == '\\' && at[1] == '@')
            buf_char(out, *++at);
        else if (*at == '@')
            buf_append(out, (struct str){name, (size_t)(end - name)});
        else
            buf_char(out, *at);
    }
    return end + 2;
}

enum err engine_translate(const char *text, const struct engine_word *words, struct buf *out)
{
    bool opened = false;

    buf_init(out, NULL, TEXT_BYTES_MAX);
    while (*text) {
        const struct engine_word *word = word_at(text, words);

        if (word && strncmp(word->word, "{{", 2) == 0 &&
            word->word[strlen(word->word) - 1] == ' ') {
            text = put_named(word, text, out);
        } else if (word) {
            buf_append(out, str_of(word->means));
            opened |= strncmp(word->word, "/*", 2) == 0;
            text += strlen(word->word);
        } else if (opened && strncmp(text, "*/", 2) == 0) {
            opened = false;
            text += 2;
        } else {
            buf_char(out, *text++);
        }
    }
    buf_char(out, '\0');
    return out->failed ? ERR_MEMORY : OK;
}
