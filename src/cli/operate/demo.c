/* cli/operate/demo.c: boxoffice demo: fills a market through its public API, as people with
 * browsers would: some sell, some buy, some change their minds. The seed decides everything but ids
 * and times. On this machine they come from an address of their own, so that the visitor's limits
 * stay untouched.
 */
#include "cli/operate/demo.h"

#include "base/clock.h"
#include "cli/cli.h"

#include <time.h>

#define URL_DEFAULT   "http://127.0.0.1:8080"
#define URL_MAX       512
#define PASSWORD      "stage-Door-1" /* whatever the seed: they come back to a market they know */
#define ADDRESS_OF    8              /* people: fewer than may sign up from one in an hour */
#define TICKETS       48
#define ORDERS        24
#define DAYS_AHEAD    300
#define ANSWER_MAX    (1024 * 1024)
#define LOOPBACK      "http://127."
#define OWN_ADDRESS   "host!127.0.0.%d" /* what is counted by address is counted for their own */
#define HEARD_MS_MAX  5000              /* until a service has heard of what another one made */
#define HEARD_POLL_MS 20
#define PATIENCE_S    60 /* of who is over a limit: a minute's */

static const char *const names[DEMO_PEOPLE] = {"nora",  "tariq", "ines",  "oskar", "june",
                                               "mateo", "hanae", "leila", "piet",  "amara",
                                               "otis",  "freya", "wilma", "kofi",  "dario"};
static const char *const bands[] = {
    "The Velvet Lanterns", "Saltwater Choir",   "Paper Tigers Ensemble", "Mono Lake",
    "Wren & the Weather",  "Copper Cathedral",  "Night Bus Orchestra",   "Les Oiseaux Perdus",
    "Gravel Hymns",        "Aurora Typewriter", "The Late Arrivals",     "Kite Season",
};
static const char *const venues[] = {
    "Harbour Hall",    "The Old Tram Depot", "Lindenhof Theatre", "Club Kaleidoscope",
    "Riverside Arena", "St Olave's Cellar",  "The Glasshouse",    "Nordlicht Pavilion",
};
static const char *const seats[] = {"front row", "row C", "row M",   "balcony",
                                    "standing",  "box 4", "gallery", "floor"};

/* --- chance -------------------------------------------------------------------------------- */

/* SplitMix64 (Steele, Lea, Flood, 2014): the same numbers for the same seed, anywhere. */
uint64_t chance(struct demo *demo, uint64_t below)
{
    uint64_t z = demo->seed += UINT64_C(0x9E3779B97F4A7C15);

    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return (z ^ (z >> 31)) % below;
}

/* --- asking -------------------------------------------------------------------------------- */

static int ask_once(struct demo *demo, const struct person *who, const char *method,
                    const char *path, struct str body)
{
    const char *headers[3] = {who->cookie[0] ? who->cookie : "Accept: application/json",
                              "Content-Type: application/json", NULL};
    char url[URL_MAX + 256];
    struct http_client_request request = {
        .method = method,
        .url = url,
        .headers = headers,
        .body = body,
        .source = strncmp(demo->url, LOOPBACK, strlen(LOOPBACK)) == 0 ? who->source : NULL,
        .connect_ms_max = 2000,
        .total_ms_max = 20000,
        .answer_bytes_max = ANSWER_MAX};

    snprintf(url, sizeof url, "%s%s", demo->url, path);
    arena_reset(demo->arena);
    if (http_client_ask(demo->client, demo->arena, &request, &demo->answer) == HTTP_CLIENT_OK)
        return demo->answer.status;
    (void)cli_fail("%s does not answer: is a server running there?", demo->url);
    return 0;
}

int demo_ask(struct demo *demo, const struct person *who, const char *method, const char *path,
             struct str body)
{
    struct timespec pause = {.tv_sec = 0};
    int64_t seconds;
    int status;

    while ((status = ask_once(demo, who, method, path, body)) == 429 &&
           str_to_int64(str_header(demo->answer.headers, STR("Retry-After")), &seconds) &&
           seconds <= PATIENCE_S) {
        pause.tv_sec = (time_t)seconds;
        nanosleep(&pause, NULL);
    }
    return status;
}

bool demo_unexpected(const struct demo *demo, const char *what)
{
    if (demo->answer.status)
        (void)cli_fail("%s: the server answered %d: %.*s", what, demo->answer.status,
                       (int)(demo->answer.body.len < 300 ? demo->answer.body.len : 300),
                       demo->answer.body.at ? demo->answer.body.at : "");
    return false;
}

bool demo_take_id(struct demo *demo, char out[OBJECT_ID_HEX + 1])
{
    struct str id;

    if (!json_text(json_get(json_parsed(demo->arena, demo->answer.body), "id"), &id) ||
        id.len != OBJECT_ID_HEX)
        return demo_unexpected(demo, "no id");
    memcpy(out, id.at, OBJECT_ID_HEX);
    out[OBJECT_ID_HEX] = '\0';
    return true;
}

/* The same until the service has heard of what it is about (until then: 404). */
static int ask_until_heard(struct demo *demo, const struct person *who, const char *path,
                           struct str body)
{
    const struct timespec pause = {.tv_nsec = HEARD_POLL_MS * 1000000};
    int status = demo_ask(demo, who, "POST", path, body);

    for (int waited_ms = 0; status == 404 && waited_ms < HEARD_MS_MAX; waited_ms += HEARD_POLL_MS) {
        nanosleep(&pause, NULL);
        status = demo_ask(demo, who, "POST", path, body);
    }
    return status;
}

/* --- people -------------------------------------------------------------------------------- */

static bool take_cookie(struct demo *demo, struct person *person)
{
    struct str line = str_header(demo->answer.headers, STR("Set-Cookie"));
    const char *end = line.at ? memchr(line.at, ';', line.len) : NULL;
    size_t length = end ? (size_t)(end - line.at) : line.len;

    if (length == 0 || length + sizeof "Cookie: " > sizeof person->cookie)
        return demo_unexpected(demo, "no session");
    snprintf(person->cookie, sizeof person->cookie, "Cookie: %.*s", (int)length, line.at);
    return true;
}

static int enter(struct demo *demo, struct person *person, const char *path)
{
    char body[256];

    person->cookie[0] = '\0';
    snprintf(body, sizeof body, "{\"email\":\"%s@example.com\",\"password\":\"%s\"}", person->name,
             PASSWORD);
    return ask_once(demo, person, "POST", path, str_of(body));
}

bool demo_sign_in(struct demo *demo, struct person *person)
{
    if (enter(demo, person, "/api/users/signin") != 200) return demo_unexpected(demo, "signing in");
    return take_cookie(demo, person);
}

/* Signs up, or in when the address is known from an earlier time. */
static bool arrive(struct demo *demo, int number)
{
    struct person *person = &demo->people[number];
    int status;

    person->name = names[number];
    snprintf(person->source, sizeof person->source, OWN_ADDRESS, 77 + number / ADDRESS_OF);
    status = enter(demo, person, "/api/users/signup");
    if (status == 400 || status == 429) return demo_sign_in(demo, person);
    if (status != 201) return demo_unexpected(demo, "signing up");
    return take_cookie(demo, person);
}

/* --- tickets ------------------------------------------------------------------------------- */

static void concert(struct demo *demo, char *out, size_t size)
{
    time_t day = (time_t)(clock_wall(&clock_system).ms / 1000) +
                 86400 * (time_t)(7 + chance(demo, DAYS_AHEAD));
    char date[32];
    struct tm parts;

    gmtime_r(&day, &parts);
    strftime(date, sizeof date, "%e %b %Y", &parts);
    snprintf(out, size, "%s, %s, %s, %s", PICK(demo, bands), PICK(demo, venues),
             date + (date[0] == ' '), PICK(demo, seats));
}

static bool list_tickets(struct demo *demo, char tickets[TICKETS][OBJECT_ID_HEX + 1])
{
    static const int cents[] = {0, 50, 90, 99};
    char title[200], body[320];

    for (int i = 0; i < TICKETS; i++) {
        const struct person *seller = &demo->people[i % DEMO_SELLERS];
        int dollars = (int)(12 + chance(demo, 140));

        concert(demo, title, sizeof title);
        snprintf(body, sizeof body, "{\"title\":\"%s\",\"price\":\"%d.%02d\"}", title, dollars,
                 cents[chance(demo, 4)]);
        if (demo_ask(demo, seller, "POST", "/api/tickets", str_of(body)) != 201)
            return demo_unexpected(demo, "listing a ticket");
        if (!demo_take_id(demo, tickets[i])) return false;
    }
    return true;
}

/* --- orders -------------------------------------------------------------------------------- */

static bool pay(struct demo *demo, const struct person *buyer, const char *order, const char *token)
{
    char body[128];
    int status;

    snprintf(body, sizeof body, "{\"token\":\"%s\",\"orderId\":\"%s\"}", token, order);
    status = ask_until_heard(demo, buyer, "/api/payments", str_of(body));
    if (status == 201)
        demo->sold++;
    else if (status == 402)
        demo->declined++;
    else
        return demo_unexpected(demo, "paying");
    return true;
}

/* Half are paid, a few given back; one card is declined; the rest is still being thought over. */
bool demo_order(struct demo *demo, int number, struct str body)
{
    const struct person *buyer =
        &demo->people[DEMO_SELLERS + chance(demo, DEMO_PEOPLE - DEMO_SELLERS)];
    char id[OBJECT_ID_HEX + 1], path[64];
    int outcome = number % 6;

    if (ask_until_heard(demo, buyer, "/api/orders", body) != 201)
        return demo_unexpected(demo, "reserving");
    if (!demo_take_id(demo, id)) return false;
    if (number == 5) return pay(demo, buyer, id, "tok_chargeDeclined");
    if (outcome < 3) return pay(demo, buyer, id, "tok_visa");
    if (outcome > 3) {
        demo->reserved++;
        return true;
    }
    snprintf(path, sizeof path, "/api/orders/%s", id);
    if (demo_ask(demo, buyer, "DELETE", path, STR("")) != 204)
        return demo_unexpected(demo, "cancelling");
    demo->cancelled++;
    return true;
}

static bool order_tickets(struct demo *demo, char tickets[TICKETS][OBJECT_ID_HEX + 1])
{
    char body[64];

    for (int i = 0; i < ORDERS; i++) {
        snprintf(body, sizeof body, "{\"ticketId\":\"%.24s\"}", tickets[2 * i]);
        if (!demo_order(demo, i, str_of(body))) return false;
    }
    return true;
}

/* --- the command --------------------------------------------------------------------------- */

static bool is_empty(struct demo *demo)
{
    const struct person visitor = {.source = "host!127.0.0.77"};

    if (demo_ask(demo, &visitor, "GET", "/api/tickets?limit=1", (struct str){NULL, 0}) != 200)
        return demo_unexpected(demo, "looking at the market");
    if (demo->force || json_length(json_parsed(demo->arena, demo->answer.body)) == 0) return true;
    (void)cli_fail("the market at %s is not empty: it is left as it is (--force fills it all the "
                   "same)",
                   demo->url);
    return false;
}

static bool demo_fill(struct demo *demo)
{
    char tickets[TICKETS][OBJECT_ID_HEX + 1];

    if (!is_empty(demo)) return false;
    for (int i = 0; i < DEMO_PEOPLE; i++)
        if (!arrive(demo, i)) return false;
    if (!list_tickets(demo, tickets) || !order_tickets(demo, tickets) || !demo_fill_shows(demo))
        return false;
    printf("%s: %d people, %d venues, %d shows, %d tickets in %d listings, %d others: %d orders "
           "paid, %d reserved, %d cancelled, %d with a declined card\n"
           "sign in as %s@example.com (sells, and looks after the catalogue) or %s@example.com "
           "(buys), password %s\n",
           demo->url, DEMO_PEOPLE, DEMO_VENUES, DEMO_SHOWS, DEMO_LISTED, demo->listings, TICKETS,
           demo->sold, demo->reserved, demo->cancelled, demo->declined, names[0],
           names[DEMO_SELLERS], PASSWORD);
    return true;
}

static int demo_run(struct demo *demo)
{
    int code = 1;

    demo->client = http_client_new();
    demo->arena = arena_new(8 * ANSWER_MAX);
    if (!demo->client || !demo->arena)
        (void)cli_fail("out of memory");
    else if (demo_fill(demo))
        code = cli_finish();
    http_client_free(demo->client);
    if (demo->arena) arena_free(demo->arena);
    return code;
}

int cli_demo(int count, char **words)
{
    static struct demo demo = {.url = URL_DEFAULT, .data = DATA_DEFAULT};
    const char *seed = "1";
    const struct cli_option options[] = {{"url", &demo.url, NULL},
                                         {"seed", &seed, NULL},
                                         {"force", NULL, &demo.force},
                                         {"data", &demo.data, NULL},
                                         {0}};
    int64_t number;
    int first, code = cli_options("demo", count, words, options, &first);

    if (code >= 0) return code;
    if (!str_to_int64(str_of(seed), &number)) return cli_refuse("--seed takes a whole number");
    if (first < count) return cli_refuse("demo takes no words: %s", words[first]);
    if (strlen(demo.url) > URL_MAX || (strncmp(demo.url, "http://", strlen("http://")) != 0 &&
                                       strncmp(demo.url, "https://", strlen("https://")) != 0))
        return cli_refuse("--url takes http://HOST[:PORT] or https://HOST[:PORT]");
    demo.seed = (uint64_t)number;
    return demo_run(&demo);
}
