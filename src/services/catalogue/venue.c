/* services/catalogue/venue.c: the rules of a venue. */
#include "services/catalogue/venue.h"

static const char *const words[] = {
    [VENUE_PROPOSED] = "proposed",
    [VENUE_ACCEPTED] = "accepted",
    [VENUE_REFUSED] = "refused",
};

struct str venue_status_text(enum venue_status status)
{
    return str_of(words[status]);
}

bool venue_status_parse(struct str text, enum venue_status *out)
{
    for (enum venue_status status = VENUE_PROPOSED; status <= VENUE_REFUSED; status++) {
        if (!str_eq(text, str_of(words[status]))) continue;
        *out = status;
        return true;
    }
    return false;
}

bool country_valid(struct str code)
{
    static const char codes[] =
        "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ "
        "BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM "
        "DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS "
        "GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN "
        "KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ "
        "MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM "
        "PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV "
        "SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI "
        "VN VU WF WS YE YT ZA ZM ZW";

    if (code.len != 2) return false;
    for (const char *at = codes; *at; at += at[2] ? 3 : 2)
        if (at[0] == code.at[0] && at[1] == code.at[1]) return true;
    return false;
}

enum err venue_correct(struct venue *venue, const struct venue_fields *fields)
{
    if (is_merged(venue->merged_into)) return ERR_MERGED;
    if (venue->status == VENUE_REFUSED) return ERR_WRONG_STATUS;
    venue->is = *fields;
    venue->version++;
    return OK;
}

static enum err decide(struct venue *venue, enum venue_status status)
{
    if (is_merged(venue->merged_into)) return ERR_MERGED;
    if (venue->status != VENUE_PROPOSED) return ERR_WRONG_STATUS;
    venue->status = status;
    venue->version++;
    return OK;
}

enum err venue_accept(struct venue *venue)
{
    return decide(venue, VENUE_ACCEPTED);
}

enum err venue_refuse(struct venue *venue)
{
    return decide(venue, VENUE_REFUSED);
}

enum err venue_merge(struct venue *venue, const struct venue *into)
{
    if (is_merged(venue->merged_into)) return ERR_MERGED;
    if (venue->status == VENUE_REFUSED) return ERR_WRONG_STATUS;
    if (is_merged(into->merged_into) || into->status != VENUE_ACCEPTED ||
        object_id_eq(venue->id, into->id))
        return ERR_MERGE_TARGET;
    venue->merged_into = into->id;
    venue->version++;
    return OK;
}
