/* bench/codes.c: how many codes of entries are checked a second, on one core.
 *
 *   codes SECONDS
 *
 * Each time a code is read off its text and its signature checked, as a gate's scan and
 * `boxoffice entries verify` do. Prints {"rate":…}. */
#include "services/entries/code.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CODES 1000

static double now_s(void)
{
    struct timespec time;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void make(const struct code_key *key, struct code_text codes[CODES])
{
    for (int i = 0; i < CODES; i++) {
        struct code code = {.show_id = {{1}}, .ticket_id = {{2}}, .key_id = key->id};

        code.serial[3] = (uint8_t)(i >> 8);
        code.serial[4] = (uint8_t)i;
        codes[i] = code_write(&code, key);
    }
}

int main(int argc, char **argv)
{
    static const uint8_t seed[KEY_SEED_BYTES] = {7};
    static struct code_text codes[CODES];
    struct code_key key = code_key_of(1, seed);
    double seconds = argc > 1 ? atof(argv[1]) : 1, began, took;
    int64_t checked = 0;

    make(&key, codes);
    began = now_s();
    do {
        struct code_read read;

        if (code_parse(str_of(codes[checked % CODES].text), &read) != CODE_GOOD ||
            code_check(&read, key.public) != CODE_GOOD)
            return 1;
        checked++;
        took = now_s() - began;
    } while (took < seconds);
    printf("{\"rate\":%.0f}\n", (double)checked / took);
    return 0;
}
