/* services/web/web.c: the web service's one table: the pages people see. It owns no data; what it
 * shows it asks the public API, and what moves it hears from the bus. */
#include "services/web/web.h"
#include "services/services.h"

#define CALL_THREADS   8 /* for an API that is somewhere else (API_BASE_URL) */
#define CALL_QUEUE_MAX 2048
#define STATE_BYTES    (2 * 1024 * 1024)

static const struct route routes[] = {
    {METHOD_GET, "/", ACCESS_PUBLIC, IN_LOOP, get_market},
    {METHOD_GET, "/auth/signup", ACCESS_PUBLIC, IN_LOOP, get_signup},
    {METHOD_POST, "/auth/signup", ACCESS_PAGE, IN_LOOP, post_signup},
    {METHOD_GET, "/auth/signin", ACCESS_PUBLIC, IN_LOOP, get_signin},
    {METHOD_POST, "/auth/signin", ACCESS_PAGE, IN_LOOP, post_signin},
    {METHOD_GET, "/auth/signout", ACCESS_PUBLIC, IN_LOOP, get_signout},
    {METHOD_POST, "/auth/signout", ACCESS_PAGE, IN_LOOP, post_signout},
    {METHOD_GET, "/tickets/new", ACCESS_PUBLIC, IN_LOOP, get_sell},
    {METHOD_POST, "/tickets/new", ACCESS_PAGE, IN_LOOP, post_sell},
    {METHOD_GET, "/tickets/:id", ACCESS_PUBLIC, IN_LOOP, get_ticket_page},
    {METHOD_POST, "/tickets/:id", ACCESS_PAGE, IN_LOOP, post_ticket_page},
    {METHOD_POST, "/tickets/:id/reserve", ACCESS_PAGE, IN_LOOP, post_reserve},
    {METHOD_GET, "/orders", ACCESS_PUBLIC, IN_LOOP, get_orders_page},
    {METHOD_GET, "/orders/:id", ACCESS_PUBLIC, IN_LOOP, get_order_page},
    {METHOD_POST, "/orders/:id/pay", ACCESS_PAGE, IN_LOOP, post_pay},
    {METHOD_POST, "/orders/:id/cancel", ACCESS_PAGE, IN_LOOP, post_cancel},
    {METHOD_GET, "/selling", ACCESS_PUBLIC, IN_LOOP, get_selling},
    {METHOD_POST, "/selling/:id/price", ACCESS_PAGE, IN_LOOP, post_price},
    {METHOD_POST, "/theme", ACCESS_PAGE, IN_LOOP, post_theme},
    {METHOD_GET, "/live", ACCESS_PUBLIC, IN_LOOP, get_live},
    {METHOD_GET, "/static/:name", ACCESS_PUBLIC, IN_LOOP, get_static},
    {METHOD_GET, "/robots.txt", ACCESS_PUBLIC, IN_LOOP, get_robots},
    {METHOD_GET, "*", ACCESS_PUBLIC, IN_LOOP, get_nothing},
};

static const struct job jobs[LIVE_JOBS] = {{"live", live_send}};

/* Without API_BASE_URL the API must be in this program. */
static bool api_is_near(const struct settings *settings)
{
    static const char *const needed[] = {"auth", "tickets", "orders", "payments"};

    for (size_t i = 0; settings->services && i < sizeof needed / sizeof *needed; i++)
        if (!strstr(settings->services, needed[i])) return false;
    return true;
}

static enum err web_start(struct env *env, struct buf *why)
{
    struct arena *arena;
    struct web *web;

    if (!env->settings->api_base_url && !api_is_near(env->settings)) {
        buf_append(why, STR("--services web without auth, tickets, orders and payments needs "
                            "API_BASE_URL, the address where they are"));
        return ERR_INVALID;
    }
    arena = arena_new(STATE_BYTES);
    web = arena ? arena_alloc(arena, sizeof *web) : NULL;
    if (!web) return ERR_MEMORY;
    web->arena = arena;
    env->state = web;
    web->submissions = submissions_new(arena);
    web->fragments = fragments_new(arena);
    web->live = live_new(arena, env_now_ms(env));
    return web->submissions && web->fragments && web->live ? OK : ERR_MEMORY;
}

static void web_stop(struct env *env)
{
    struct web *web = env->state;

    env->state = NULL;
    live_free(web->live);
    fragments_free(web->fragments);
    arena_free(web->arena);
}

const struct service_definition web_service = {
    .name = "web",
    .routes = routes,
    .route_count = sizeof routes / sizeof *routes,
    .listeners = web_listeners,
    .listener_count = WEB_LISTENERS,
    .every_instance = true,
    .jobs = jobs,
    .job_count = LIVE_JOBS,
    .single_writer = true,
    .pool_threads = CALL_THREADS,
    .pool_queue_max = CALL_QUEUE_MAX,
    .start = web_start,
    .stop = web_stop,
};
