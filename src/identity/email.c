/* identity/email.c: addresses, by the letters they are made of. */
#include "identity/email.h"

#include "unicode/domain.h"
#include "unicode/normal.h"

/* --- letters ------------------------------------------------------------------------------- */

/* Takes the first code point off text; false at the end and on bytes that are not UTF-8. */
static bool take_code_point(struct str *text, uint32_t *out)
{
    size_t length = str_utf8_length(*text);
    uint32_t point;

    if (length == 0) return false;
    point = (unsigned char)text->at[0];
    if (length > 1) point &= 0x7Fu >> length; /* the first byte's own bits */
    for (size_t i = 1; i < length; i++) {
        point = point << 6 | ((unsigned char)text->at[i] & 0x3Fu);
    }
    text->at += length;
    text->len -= length;
    *out = point;
    return true;
}

static bool is_ascii_letter(uint32_t point)
{
    return (point | 0x20) >= 'a' && (point | 0x20) <= 'z';
}

static bool is_digit(uint32_t point)
{
    return point >= '0' && point <= '9';
}

/* Beyond ASCII nearly everything of the basic plane passes. Left out is what nobody can see or what
 * passes for another character: spaces, soft hyphen, direction marks, private use, full width. */
static bool is_foreign_letter(uint32_t point)
{
    static const struct {
        uint32_t first, last;
    } refused[] = {
        {0x0000, 0x00A0}, {0x00AD, 0x00AD}, {0x034F, 0x034F}, {0x061C, 0x061C},
        {0x115F, 0x1160}, {0x1680, 0x1680}, {0x17B4, 0x17B5}, {0x180B, 0x180F},
        {0x2000, 0x206F}, {0x3000, 0x3000}, {0x3164, 0x3164}, {0xD800, 0xF8FF},
        {0xFE00, 0xFE0F}, {0xFEFF, 0xFF60}, {0xFFA0, 0xFFA0}, {0xFFE0, 0x10FFFF},
    };

    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (point >= refused[i].first && point <= refused[i].last) return false;
    }
    return true;
}

/* --- email addresses ----------------------------------------------------------------------- */

/* Takes text up to the next dot; false when nothing is left to take. "a..b" and "a." have an empty
 * part, so the caller sees it and refuses. */
static bool take_part(struct str *text, struct str *part)
{
    const char *dot;

    if (!text->at) return false;
    dot = memchr(text->at, '.', text->len);
    if (!dot) {
        *part = *text;
        *text = (struct str){NULL, 0};
        return true;
    }
    *part = (struct str){text->at, (size_t)(dot - text->at)};
    *text = (struct str){dot + 1, text->len - part->len - 1};
    return true;
}

/* RFC 5322's atext, and letters beyond ASCII. */
static bool atom_valid(struct str atom)
{
    uint32_t point;

    if (atom.len == 0) return false;
    while (take_code_point(&atom, &point)) {
        bool special = point < 0x80 && point != 0 && strchr("!#$%&'*+-/=?^_`{|}~", (int)point);

        if (!is_ascii_letter(point) && !is_digit(point) && !special && !is_foreign_letter(point)) {
            return false;
        }
    }
    return atom.len == 0; /* all of it was UTF-8 */
}

static bool local_valid(struct str local)
{
    struct str atom;

    if (local.len == 0 || local.len > EMAIL_LOCAL_MAX) return false;
    while (take_part(&local, &atom)) {
        if (!atom_valid(atom)) return false;
    }
    return true;
}

static bool label_valid(struct str label)
{
    uint32_t point;

    if (label.len == 0 || label.len > DOMAIN_LABEL_MAX) return false;
    if (label.at[0] == '-' || label.at[label.len - 1] == '-') return false;
    while (take_code_point(&label, &point)) {
        if (!is_ascii_letter(point) && !is_digit(point) && point != '-' &&
            !is_foreign_letter(point)) {
            return false;
        }
    }
    return label.len == 0;
}

/* No top-level domain has digits (that would be an IPv4 address) but the encoded ones: xn--p1ai. */
static bool top_label_valid(struct str label)
{
    size_t letters = 0;
    uint32_t point;

    if (label.len > 4 && str_eq_nocase((struct str){label.at, 4}, STR("xn--"))) return true;
    while (take_code_point(&label, &point)) {
        if (!is_ascii_letter(point) && !is_foreign_letter(point)) return false;
        letters++;
    }
    return letters >= 2;
}

static bool domain_valid(struct str domain)
{
    struct str label = {NULL, 0};
    size_t labels = 0;

    while (take_part(&domain, &label)) {
        if (!label_valid(label)) return false;
        labels++;
    }
    return labels >= 2 && top_label_valid(label);
}

bool email_valid(struct str email)
{
    const char *at;
    struct str local, domain;

    if (email.len == 0 || email.len > EMAIL_MAX) return false;
    at = memchr(email.at, '@', email.len);
    if (!at) return false;
    local = (struct str){email.at, (size_t)(at - email.at)};
    domain = (struct str){at + 1, email.len - local.len - 1};
    return local_valid(local) && domain_valid(domain); /* neither takes a second @ */
}

/* The small letter of a capital one; anything else as it is. Only pairs that take the same number
 * of UTF-8 bytes are here, so that a key is as long as its address. */
static uint32_t lower_case(uint32_t point)
{
    static const struct {
        uint32_t first, last, step, distance;
    } capitals[] = {
        {'A', 'Z', 1, 32},       /* ASCII */
        {0x00C0, 0x00D6, 1, 32}, /* À to Ö */
        {0x00D8, 0x00DE, 1, 32}, /* Ø to Þ */
        {0x0100, 0x012E, 2, 1},  /* Ā to Į; İ (U+0130) has no pair of two bytes */
        {0x0132, 0x0136, 2, 1},  /* Ĳ to Ķ */
        {0x0139, 0x0147, 2, 1},  /* Ĺ to Ň */
        {0x014A, 0x0176, 2, 1},  /* Ŋ to Ŷ */
        {0x0179, 0x017D, 2, 1},  /* Ź to Ž */
        {0x0386, 0x0386, 1, 38}, /* Ά */
        {0x0388, 0x038A, 1, 37}, /* Έ to Ί */
        {0x038C, 0x038C, 1, 64}, /* Ό */
        {0x038E, 0x038F, 1, 63}, /* Ύ, Ώ */
        {0x0391, 0x03A1, 1, 32}, /* Α to Ρ */
        {0x03A3, 0x03AB, 1, 32}, /* Σ to Ϋ */
        {0x0400, 0x040F, 1, 80}, /* Ѐ to Џ */
        {0x0410, 0x042F, 1, 32}, /* А to Я */
        {0x0460, 0x0480, 2, 1},  /* Ѡ to Ҁ */
        {0x048A, 0x04BE, 2, 1},  /* Ҋ to Ҿ */
        {0x0531, 0x0556, 1, 48}, /* Ա to Ֆ */
    };

    if (point == 0x0178) return 0x00FF; /* Ÿ, the one that goes down */
    for (size_t i = 0; i < sizeof capitals / sizeof capitals[0]; i++) {
        if (point < capitals[i].first || point > capitals[i].last) continue;
        if ((point - capitals[i].first) % capitals[i].step) return point;
        return point + capitals[i].distance;
    }
    return point;
}

enum err email_key_before(struct arena *arena, struct str email, struct str *out)
{
    char *key = arena_alloc(arena, email.len);
    struct str rest = email;
    uint32_t point;

    if (!key) return ERR_MEMORY;
    while (rest.len) {
        size_t at = (size_t)(rest.at - email.at);
        size_t length = str_utf8_length(rest);

        if (!take_code_point(&rest, &point)) return ERR_INVALID;
        memcpy(key + at, email.at + at, length);
        point = lower_case(point);
        if (length == 1) key[at] = (char)point;
        if (length == 2) {
            key[at] = (char)(0xC0u | point >> 6);
            key[at + 1] = (char)(0x80u | (point & 0x3Fu));
        }
    }
    *out = (struct str){key, email.len};
    return OK;
}

/* --- one mailbox, one key ------------------------------------------------------------------ */

enum err email_key(struct arena *arena, struct str email, struct str *out)
{
    const char *at = memchr(email.at, '@', email.len);
    struct str local, domain;
    struct buf key;
    enum err err;

    ASSERT(at);
    local = text_lower(arena, (struct str){email.at, (size_t)(at - email.at)});
    if (!local.at) return ERR_MEMORY;
    TRY(domain_ascii(arena, (struct str){at + 1, email.len - (size_t)(at - email.at) - 1},
                     &domain));
    if (local.len + 1 + domain.len > EMAIL_MAX) return ERR_INVALID;
    buf_init(&key, arena, EMAIL_MAX);
    buf_append(&key, local);
    buf_char(&key, '@');
    buf_append(&key, domain);
    if (key.failed) return ERR_MEMORY;
    *out = buf_str(&key);
done:
    return err;
}
