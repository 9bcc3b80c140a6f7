/* services/auth/account/agent.c: see services/auth/account/agent.h. */
#include "services/auth/account/agent.h"

struct word {
    const char *mark, *name;
};

/* Most browsers say that they are others, too: the first one found is the one that it is. */
static const struct word browsers[] = {{"Edg/", "Edge"},
                                       {"EdgA/", "Edge"},
                                       {"EdgiOS/", "Edge"},
                                       {"OPR/", "Opera"},
                                       {"Vivaldi/", "Vivaldi"},
                                       {"SamsungBrowser/", "Samsung Internet"},
                                       {"FxiOS/", "Firefox"},
                                       {"Firefox/", "Firefox"},
                                       {"CriOS/", "Chrome"},
                                       {"Chromium/", "Chromium"},
                                       {"Chrome/", "Chrome"},
                                       {"Safari/", "Safari"},
                                       {"curl/", "curl"},
                                       {"python-requests/", "Python"},
                                       {"Python-urllib/", "Python"}};
static const struct word systems[] = {
    {"Android", "Android"}, {"iPhone", "iPhone"},   {"iPad", "iPad"},   {"Windows", "Windows"},
    {"CrOS", "ChromeOS"},   {"Macintosh", "macOS"}, {"Linux", "Linux"}, {"FreeBSD", "FreeBSD"}};

static bool holds(struct str text, struct str mark)
{
    for (; text.len >= mark.len; text.at++, text.len--)
        if (str_starts(text, mark)) return true;
    return false;
}

static struct str first_of(const struct word *words, size_t count, struct str text)
{
    for (size_t i = 0; i < count; i++)
        if (holds(text, str_of(words[i].mark))) return str_of(words[i].name);
    return STR("");
}

struct agent agent_read(struct str user_agent)
{
    return (struct agent){first_of(browsers, sizeof browsers / sizeof *browsers, user_agent),
                          first_of(systems, sizeof systems / sizeof *systems, user_agent)};
}

void agent_put(struct buf *out, struct agent agent)
{
    if (!agent.browser.len && !agent.system.len) buf_append(out, STR("an unknown browser"));
    buf_append(out, agent.browser);
    if (agent.browser.len && agent.system.len) buf_append(out, STR(" on "));
    buf_append(out, agent.system);
}
