/* services/entries/door/scan.c: see services/entries/door/scan.h. */
#include "services/entries/door/scan.h"

static const char *const answers[] = {
    [SCAN_ADMITTED] = "admitted",
    [SCAN_ALREADY_ADMITTED] = "already_admitted",
    [SCAN_VOID] = "void",
    [SCAN_OTHER_DAY] = "other_day",
    [SCAN_OTHER_SHOW] = "other_show",
    [SCAN_NOT_OURS] = "not_ours",
};

struct str scan_answer_text(enum scan_answer answer)
{
    return str_of(answers[answer]);
}

bool scan_answer_parse(struct str text, enum scan_answer *out)
{
    for (enum scan_answer answer = SCAN_ADMITTED; answer <= SCAN_NOT_OURS; answer++) {
        if (!str_eq(text, str_of(answers[answer]))) continue;
        *out = answer;
        return true;
    }
    return false;
}

/* What became of the right to get in; empty: it is there. */
static struct str void_reason(const struct scan_facts *facts)
{
    if (facts->status == ENTRY_VOID && facts->successor)
        return facts->of_other_order ? STR("resold") : STR("transferred");
    if (facts->status == ENTRY_VOID) return STR("refunded");
    if (!facts->typed && facts->code_version != facts->entry_version) return STR("transferred");
    return facts->show_cancelled ? STR("cancelled") : STR("");
}

enum scan_answer scan_judge(const struct scan_facts *facts, struct str *reason)
{
    *reason = STR("");
    if (!facts->issued) {
        *reason = STR("organisers_file");
        return SCAN_NOT_OURS;
    }
    if (!facts->this_show) return facts->same_title_there ? SCAN_OTHER_DAY : SCAN_OTHER_SHOW;
    *reason = void_reason(facts);
    return reason->len ? SCAN_VOID : SCAN_ADMITTED;
}

struct wall_ms scan_time(struct wall_ms gate_at, struct wall_ms gate_now, struct wall_ms received)
{
    struct wall_ms at = gate_at;

    if (!wall_known(gate_at)) return received;
    if (wall_known(gate_now)) at = wall_after(received, -wall_since(gate_now, gate_at));
    return wall_earlier(at, received);
}
