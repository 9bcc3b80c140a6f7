/* cli/operate/demo_market.c: venues, shows and listings of a market that never was. Titles are made
 * of what a scene has: whom it hears and sees, and in which words. */
#include "cli/operate/demo.h"

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/operate/control.h"

#include <time.h>

#define DAYS_FIRST     5
#define DAYS_SPREAD    200
#define LISTINGS_MAX   1000
#define LISTING_ORDERS 24
#define BODY_MAX       4096
#define OF_SCENE       6 /* names, pieces */
#define MUSIC_OF_SCENE 3 /* the first pieces are music, and named after who plays */
#define SECTIONS       4

/* --- words ----------------------------------------------------------------------------------- */

static const struct scene {
    const char *time_zone;
    const char *country;
    struct {
        const char *name, *city, *latitude, *longitude;
    } venues[2];
    const char *names[OF_SCENE]; /* of bands, then of companies */
    const char *pieces[OF_SCENE];
    const char *sections[SECTIONS];
} scenes[] = {
    {"Europe/Berlin",
     "DE",
     {{"Lindenhof-Theater", "Berlin", "52.508", "13.374"},
      {"Elbspeicher Süd", "Hamburg", "53.541", "9.998"}},
     {"Die Späten Züge", "Kieselgrau", "Kapelle Übermorgen", "Ensemble Nordwind", "Bühne am Fluss",
      "Tanzkompanie Löwenzahn"},
     {"Größer als der See", "Nachtfahrt", "Lieder vom Dachboden", "Der letzte Leuchtturmwärter",
      "Frau Müller zieht aus", "Schwerelos"},
     {"Parkett", "1. Rang", "2. Rang", "Block Ä"}},
    {"Europe/Paris",
     "FR",
     {{"Théâtre des Étoiles", "Lyon", "45.764", "4.835"},
      {"Le Hangar Bleu", "Nantes", "47.206", "-1.564"}},
     {"Les Oiseaux Perdus", "Clémence Vauquelin", "Fanfare du Canal", "Compagnie l'Échelle",
      "Troupe du Pont-Neuf", "Ballet de la Garonne"},
     {"Tournée d'été", "À contre-courant", "Chansons pour la pluie", "L'Île aux horloges",
      "Le Dîner de trop", "Forêt d'hiver"},
     {"Orchestre", "Balcon", "Loges", "Fosse"}},
    {"Europe/London",
     "GB",
     {{"Harbour Hall", "Bristol", "51.449", "-2.598"},
      {"The Old Tram Depot", "Glasgow", "55.862", "-4.254"}},
     {"The Velvet Lanterns", "Wren & the Weather", "Saltwater Choir", "Paper Tigers Ensemble",
      "St Olave's Players", "Gravel & Silk Dance"},
     {"The Long Way Round", "Songs for Small Boats", "One Night in Ordinary Time",
      "The Beekeeper's Daughter", "Nobody Told Graham", "Tidelines"},
     {"Stalls", "Circle", "Gallery", "Standing"}},
    {"America/New_York",
     "US",
     {{"The Glasshouse", "New York", "40.722", "-73.988"},
      {"Riverside Arena", "Philadelphia", "39.949", "-75.143"}},
     {"Copper Cathedral", "Night Bus Orchestra", "Aurora Typewriter", "Ninth Street Rep",
      "The Understudies", "Los Niños del Muelle"},
     {"World Tour", "Unplugged", "Año Nuevo Sessions", "Elevator Music: A Play",
      "Late, Live and Unlikely", "Harbor Lights"},
     {"Floor", "Section 104", "Section 212", "Mezzanine"}},
    {"Asia/Tokyo",
     "JP",
     {{"星見ホール", "東京", "35.669", "139.702"}, {"みなと芸術座", "横浜", "35.454", "139.631"}},
     {"月光電車", "青い傘の楽団", "コトリノヨル", "劇団かざぐるま", "紙ふうせん座", "舞踊団しずく"},
     {"春の全国ツアー", "真夜中の音楽会", "はじめての海", "灯台守の手紙", "となりの宇宙人",
      "雨のかたち"},
     {"アリーナ", "1階席", "2階席", "立見"}},
    {"Africa/Cairo",
     "EG",
     {{"مسرح النخيل", "القاهرة", "30.044", "31.235"},
      {"قاعة المنارة", "الإسكندرية", "31.213", "29.885"}},
     {"فرقة ضوء القمر", "سلمى النجار", "أوركسترا النهر", "فرقة الستارة الزرقاء", "مسرح الحارة",
      "فرقة رمال للرقص"},
     {"ليلة على النيل", "أغاني المساء", "جولة الصيف", "حارس الفنار", "ضيوف آخر الليل", "خطوات"},
     {"الصالة", "البلكون", "اللوج", "الوقوف"}},
};
#define SCENES (sizeof scenes / sizeof *scenes)
_Static_assert(2 * SCENES == DEMO_VENUES, "two venues a scene");

static const char *const categories[OF_SCENE] = {"music",   "music",  "music",
                                                 "theatre", "comedy", "dance"};

/* --- catalogue ------------------------------------------------------------------------------- */

struct demo_show {
    char id[OBJECT_ID_HEX + 1];
    const struct scene *scene;
    int face_dollars, listings;
    bool capped; /* prices are at most a fifth over the face value */
};

/* The first person looks after the catalogue: the server's operator says so. */
static bool make_staff(struct demo *demo)
{
    char text[128];
    struct str body, answer;

    snprintf(text, sizeof text, "{\"user\":\"%s@example.com\",\"role\":\"catalogue\"}",
             demo->people[0].name);
    body = str_of(text);
    arena_reset(demo->arena);
    return control_ask(demo->data, "POST", "/operator/users/grant", &body, demo->arena, &answer) <
               0 &&
           demo_sign_in(demo, &demo->people[0]);
}

static bool make_venue(struct demo *demo, int number, char id[OBJECT_ID_HEX + 1])
{
    const struct scene *scene = &scenes[(size_t)number / 2];
    char body[BODY_MAX];
    int status;

    snprintf(body, sizeof body,
             "{\"name\":\"%s\",\"city\":\"%s\",\"country\":\"%s\",\"timeZone\":\"%s\","
             "\"coordinates\":{\"latitude\":%s,\"longitude\":%s}}",
             scene->venues[number % 2].name, scene->venues[number % 2].city, scene->country,
             scene->time_zone, scene->venues[number % 2].latitude,
             scene->venues[number % 2].longitude);
    status = demo_ask(demo, &demo->people[0], "POST", "/api/venues", str_of(body));
    return status == 201 ? demo_take_id(demo, id) : demo_unexpected(demo, "making a venue");
}

/* "T19:30" of a day to come, and an hour before. */
static void evening(struct demo *demo, char starts[32], char doors[32])
{
    time_t day = (time_t)(clock_wall(&clock_system).ms / 1000) +
                 86400 * (time_t)(DAYS_FIRST + chance(demo, DAYS_SPREAD));
    int hour = (int)(18 + chance(demo, 3)), minute = (int)(30 * chance(demo, 2));
    char date[16];
    struct tm parts;

    gmtime_r(&day, &parts);
    strftime(date, sizeof date, "%Y-%m-%d", &parts);
    snprintf(starts, 32, "%sT%02d:%02d", date, hour, minute);
    snprintf(doors, 32, "%sT%02d:%02d", date, hour - 1, minute);
}

static bool make_show(struct demo *demo, int number, const char *venue_id, struct demo_show *show)
{
    const struct scene *scene = show->scene;
    size_t piece = chance(demo, OF_SCENE);
    bool music = piece < MUSIC_OF_SCENE;
    const char *name = scene->names[(music ? 0 : MUSIC_OF_SCENE) + chance(demo, MUSIC_OF_SCENE)];
    char body[BODY_MAX], starts[32], doors[32], rules[64] = "";

    evening(demo, starts, doors);
    show->face_dollars = (int)(15 + 5 * chance(demo, 22));
    show->capped = number % 4 == 0;
    if (show->capped)
        snprintf(rules, sizeof rules, "\"maxPerBuyer\":%d,\"maxOverFaceBps\":2000",
                 (int)(4 + chance(demo, 5)));
    snprintf(body, sizeof body,
             "{\"venueId\":\"%s\",\"title\":\"%s%s%s\",\"performers\":[\"%s\"],\"category\":\"%s\","
             "\"startsAt\":\"%s\",\"doorsAt\":\"%s\",\"rules\":{%s}}",
             venue_id, music ? name : "", music ? ": " : "", scene->pieces[piece], name,
             categories[piece], starts, doors, rules);
    if (demo_ask(demo, &demo->people[0], "POST", "/api/shows", str_of(body)) != 201)
        return demo_unexpected(demo, "making a show");
    return demo_take_id(demo, show->id);
}

/* --- listings -------------------------------------------------------------------------------- */

struct demo_listing {
    char id[OBJECT_ID_HEX + 1];
    bool in_pairs; /* two of it can be ordered, whatever is left */
};

/* Half of them sell what they cannot use, half a block. */
static int how_many(struct demo *demo, int left)
{
    int count = (int)(chance(demo, 2) ? 1 + chance(demo, 6) : 10 + chance(demo, 40));

    return count < left ? count : left;
}

static const char *split_of(struct demo *demo, int count)
{
    if (count % 2 == 0 && chance(demo, 3) == 0) return "pairs";
    if (count > 1 && count <= 4 && chance(demo, 4) == 0) return "all";
    if (count > 2 && chance(demo, 3) == 0) return "no_single";
    return "any";
}

/* Every listing of a show has a row of its own, or none: then people stand. */
static void put_places(struct demo *demo, struct buf *body, const struct demo_show *show, int count)
{
    int first = (int)(1 + chance(demo, 20));

    if (chance(demo, 5) == 0) {
        buf_printf(body, "\"section\":\"%s\",\"quantity\":%d", show->scene->sections[SECTIONS - 1],
                   count);
        return;
    }
    buf_printf(body, "\"section\":\"%s\",\"row\":\"%d\",\"seats\":[",
               show->scene->sections[chance(demo, SECTIONS - 1)], show->listings);
    for (int i = 0; i < count; i++)
        buf_printf(body, "%s\"%d\"", i ? "," : "", first + i);
    buf_append(body, STR("]"));
}

/* From a fifth below what it cost to a fifth above, and further where nothing forbids it. */
static int price_cents(struct demo *demo, const struct demo_show *show)
{
    return show->face_dollars * (int)(80 + chance(demo, show->capped ? 41 : 121));
}

static bool make_listing(struct demo *demo, int number, struct demo_show *show, int count,
                         struct demo_listing *listing)
{
    char memory[BODY_MAX];
    struct buf body = {.at = memory, .cap = sizeof memory, .max = sizeof memory};
    const char *split = split_of(demo, count);
    int cents = price_cents(demo, show);

    show->listings++;
    buf_printf(&body, "{\"showId\":\"%s\",", show->id);
    put_places(demo, &body, show, count);
    buf_printf(&body,
               ",\"split\":\"%s\",\"price\":\"%d.%02d\",\"faceValue\":%d,\"delivery\":\"issued\"}",
               split, cents / 100, cents % 100, show->face_dollars);
    if (demo_ask(demo, &demo->people[number % DEMO_SELLERS], "POST", "/api/listings",
                 buf_str(&body)) != 201)
        return demo_unexpected(demo, "listing tickets");
    listing->in_pairs = count >= 4 && strcmp(split, "any") == 0;
    return demo_take_id(demo, listing->id);
}

static bool order_pairs(struct demo *demo, const struct demo_listing *listings)
{
    char body[96];
    int orders = 0;

    for (int i = 0; i < demo->listings && orders < LISTING_ORDERS; i++) {
        if (!listings[i].in_pairs) continue;
        snprintf(body, sizeof body, "{\"listingId\":\"%.24s\",\"quantity\":2}", listings[i].id);
        if (!demo_order(demo, orders++, str_of(body))) return false;
    }
    return true;
}

static bool list_shows(struct demo *demo, struct demo_show *shows)
{
    static struct demo_listing listings[LISTINGS_MAX];
    int left = DEMO_LISTED;

    for (; left > 0 && demo->listings < LISTINGS_MAX; demo->listings++) {
        int count = how_many(demo, left);

        /* Each has something to offer, and some much. */
        if (!make_listing(demo, demo->listings,
                          &shows[demo->listings < DEMO_SHOWS ? (uint64_t)demo->listings
                                                             : chance(demo, DEMO_SHOWS)],
                          count, &listings[demo->listings]))
            return false;
        left -= count;
    }
    return order_pairs(demo, listings);
}

bool demo_fill_shows(struct demo *demo)
{
    static struct demo_show shows[DEMO_SHOWS];
    static char venues[DEMO_VENUES][OBJECT_ID_HEX + 1];

    if (!make_staff(demo)) return false;
    for (int i = 0; i < DEMO_VENUES; i++)
        if (!make_venue(demo, i, venues[i])) return false;
    for (int i = 0; i < DEMO_SHOWS; i++) {
        shows[i].scene = &scenes[(size_t)(i % DEMO_VENUES) / 2];
        if (!make_show(demo, i, venues[i % DEMO_VENUES], &shows[i])) return false;
    }
    return list_shows(demo, shows);
}
