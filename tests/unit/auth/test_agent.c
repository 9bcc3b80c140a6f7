/* Which browser and system a User-Agent is, as people call them. */
#include "services/auth/account/agent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
    const char *says, *browser, *system;
} known[] = {
    {"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox", "Linux"},
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
     " Chrome/142.0.0.0 Safari/537.36",
     "Chrome", "Windows"},
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
     " Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
     "Edge", "Windows"},
    {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
     " Version/18.6 Safari/605.1.15",
     "Safari", "macOS"},
    {"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like"
     " Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
     "Safari", "iPhone"},
    {"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like"
     " Gecko) FxiOS/145.0 Mobile/15E148 Safari/605.1.15",
     "Firefox", "iPhone"},
    {"Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
     " CriOS/142.0.0.0 Mobile/15E148 Safari/604.1",
     "Chrome", "iPad"},
    {"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko)"
     " SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
     "Samsung Internet", "Android"},
    {"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko)"
     " Chrome/142.0.0.0 Safari/537.36",
     "Chrome", "ChromeOS"},
    {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
     " HeadlessChrome/142.0.0.0 Safari/537.36",
     "Chrome", "Linux"},
    {"curl/7.88.1", "curl", ""},
    {"Python-urllib/3.11", "Python", ""},
    {"Firefox", "", ""},
    {"", "", ""},
};

static void browsers_and_systems_have_the_names_people_know(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct agent agent = agent_read(str_of(known[i].says));

        assert_true(str_eq(agent.browser, str_of(known[i].browser)));
        assert_true(str_eq(agent.system, str_of(known[i].system)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(browsers_and_systems_have_the_names_people_know),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
