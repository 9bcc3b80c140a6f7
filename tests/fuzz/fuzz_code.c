/* Any text as an entry's code. Promise: what is taken for one is 154 characters, and its bytes make
 * the same text again, apart from case and the letters that stand for digits; no key that is drawn
 * here takes it, unless that key has signed it: then every change of one bit is refused. */
#include "fuzz.h"
#include "services/entries/code.h"

static struct code_key some_key(void)
{
    static const uint8_t seed[KEY_SEED_BYTES] = {7};

    return code_key_of(1, seed);
}

static void try_signed(const struct code_read *read, const struct code_key *key, size_t flip)
{
    struct code code = read->code;
    struct code_text text;
    struct code_read again;

    code.key_id = key->id;
    text = code_write(&code, key);
    ASSERT(code_parse(str_of(text.text), &again) == CODE_GOOD);
    ASSERT(code_check(&again, key->public) == CODE_GOOD);
    ASSERT(again.code.version == code.version &&
           object_id_eq(again.code.ticket_id, code.ticket_id) &&
           object_id_eq(again.code.show_id, code.show_id));
    again.bytes[flip / 8 % CODE_BYTES] ^= (uint8_t)(1u << flip % 8);
    ASSERT(code_check(&again, key->public) == CODE_FORGED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct code_key key = some_key();
    char text[CODE_CHARS + 1];
    struct code_read read;

    if (code_parse(fuzz_text(data, size), &read) != CODE_GOOD) return 0;
    crockford_encode(read.bytes, CODE_BYTES, text);
    ASSERT(strlen(text) == CODE_CHARS);
    (void)code_check(&read, key.public);
    try_signed(&read, &key, data[0] + 256u * data[size - 1]);
    return 0;
}
