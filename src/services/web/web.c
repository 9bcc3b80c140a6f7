/* services/web/web.c: the web service's one table: the pages people see. It owns no data; what it
 * shows it asks the public API, and what moves it hears from the bus. */
#include "services/web/web.h"

#include "services/services.h"
#include "services/web/assets.h"
#include "html/escape.h"
#include "services/web/catalogue/catalogue_pages.h"
#include "services/web/fragments.h"
#include "services/web/live.h"
#include "services/web/page.h"
#include "services/web/pages/sign_in.h"
#include "services/web/submissions.h"

#define CALL_THREADS   8 /* for an API that is somewhere else (API_BASE_URL) */
#define CALL_QUEUE_MAX 2048
#define STATE_BYTES    (2 * 1024 * 1024)

static const struct route routes[] = {
    {METHOD_GET, "/", ACCESS_PUBLIC, IN_LOOP, .run = get_market},
    {METHOD_GET, "/auth/signup", ACCESS_PUBLIC, IN_LOOP, .run = get_signup},
    {METHOD_POST, "/auth/signup", ACCESS_PAGE, IN_LOOP, .run = post_signup},
    {METHOD_GET, "/auth/signin", ACCESS_PUBLIC, IN_LOOP, .run = get_signin},
    {METHOD_POST, "/auth/signin", ACCESS_PAGE, IN_LOOP, .run = post_signin},
    {METHOD_GET, "/auth/code", ACCESS_PUBLIC, IN_LOOP, .run = get_code},
    {METHOD_POST, "/auth/code", ACCESS_PAGE, IN_LOOP, .run = post_code},
    {METHOD_GET, "/auth/signout", ACCESS_PUBLIC, IN_LOOP, .run = get_signout},
    {METHOD_POST, "/auth/signout", ACCESS_PAGE, IN_LOOP, .run = post_signout},
    {METHOD_GET, "/auth/forgot", ACCESS_PUBLIC, IN_LOOP, .run = get_forgot},
    {METHOD_POST, "/auth/forgot", ACCESS_PAGE, IN_LOOP, .run = post_forgot},
    {METHOD_GET, "/auth/reset", ACCESS_PUBLIC, IN_LOOP, .run = get_reset},
    {METHOD_POST, "/auth/reset", ACCESS_PAGE, IN_LOOP, .run = post_reset},
    {METHOD_GET, "/auth/verify", ACCESS_PUBLIC, IN_LOOP, .run = get_verify},
    {METHOD_POST, "/auth/verify", ACCESS_PAGE, IN_LOOP, .run = post_verify},
    {METHOD_GET, "/account", ACCESS_PUBLIC, IN_LOOP, .run = get_account},
    {METHOD_GET, "/account/end", ACCESS_PUBLIC, IN_LOOP, .run = get_form_page},
    {METHOD_POST, "/account/end", ACCESS_PAGE, IN_LOOP, .run = post_account_end},
    {METHOD_GET, "/account/end-others", ACCESS_PUBLIC, IN_LOOP, .run = get_form_page},
    {METHOD_POST, "/account/end-others", ACCESS_PAGE, IN_LOOP, .run = post_account_end_others},
    {METHOD_GET, "/account/factor", ACCESS_PUBLIC, IN_LOOP, .run = get_factor},
    {METHOD_POST, "/account/factor", ACCESS_PAGE, IN_LOOP, .run = post_factor},
    {METHOD_GET, "/account/factor/confirm", ACCESS_PUBLIC, IN_LOOP, .run = get_form_page},
    {METHOD_POST, "/account/factor/confirm", ACCESS_PAGE, IN_LOOP, .run = post_factor_confirm},
    {METHOD_GET, "/account/factor/off", ACCESS_PUBLIC, IN_LOOP, .run = get_form_page},
    {METHOD_POST, "/account/factor/off", ACCESS_PAGE, IN_LOOP, .run = post_factor_off},
    {METHOD_GET, "/account/email", ACCESS_PUBLIC, IN_LOOP, .run = get_email},
    {METHOD_POST, "/account/email", ACCESS_PAGE, IN_LOOP, .run = post_email},
    {METHOD_GET, "/account/email/link", ACCESS_PUBLIC, IN_LOOP, .run = get_form_page},
    {METHOD_POST, "/account/email/link", ACCESS_PAGE, IN_LOOP, .run = post_email_link},
    {METHOD_GET, "/account/password", ACCESS_PUBLIC, IN_LOOP, .run = get_password},
    {METHOD_POST, "/account/password", ACCESS_PAGE, IN_LOOP, .run = post_password},
    {METHOD_GET, "/.well-known/change-password", ACCESS_PUBLIC, IN_LOOP,
     .run = get_change_password},
    {METHOD_GET, "/help", ACCESS_PUBLIC, IN_LOOP, .run = get_help},
    {METHOD_GET, "/terms", ACCESS_PUBLIC, IN_LOOP, .run = get_terms},
    {METHOD_GET, "/privacy", ACCESS_PUBLIC, IN_LOOP, .run = get_privacy},
    {METHOD_GET, "/tickets/new", ACCESS_PUBLIC, IN_LOOP, .run = get_sell},
    {METHOD_POST, "/tickets/new", ACCESS_PAGE, IN_LOOP, .run = post_sell},
    {METHOD_GET, "/tickets/:id", ACCESS_PUBLIC, IN_LOOP, .run = get_ticket_page},
    {METHOD_POST, "/tickets/:id", ACCESS_PAGE, IN_LOOP, .run = post_ticket_page},
    {METHOD_GET, "/tickets/:id/reserve", ACCESS_PUBLIC, IN_LOOP, .run = get_form_page},
    {METHOD_POST, "/tickets/:id/reserve", ACCESS_PAGE, IN_LOOP, .run = post_reserve},
    {METHOD_GET, "/tickets/:id/withdraw", ACCESS_PUBLIC, IN_LOOP, .run = get_form_page},
    {METHOD_POST, "/tickets/:id/withdraw", ACCESS_PAGE, IN_LOOP, .run = post_withdraw},
    {METHOD_GET, "/orders", ACCESS_PUBLIC, IN_LOOP, .run = get_orders_page},
    {METHOD_GET, "/orders/:id", ACCESS_PUBLIC, IN_LOOP, .run = get_order_page},
    {METHOD_GET, "/orders/:id/pay", ACCESS_PUBLIC, IN_LOOP, .run = get_form_page},
    {METHOD_POST, "/orders/:id/pay", ACCESS_PAGE, IN_LOOP, .run = post_pay},
    {METHOD_GET, "/orders/:id/cancel", ACCESS_PUBLIC, IN_LOOP, .run = get_form_page},
    {METHOD_POST, "/orders/:id/cancel", ACCESS_PAGE, IN_LOOP, .run = post_cancel},
    {METHOD_GET, "/my-tickets", ACCESS_PUBLIC, IN_LOOP, .run = get_entries_page},
    {METHOD_GET, "/my-tickets/:id", ACCESS_PUBLIC, IN_LOOP, .run = get_entry_page},
    {METHOD_GET, "/my-tickets/:id/event.ics", ACCESS_PUBLIC, IN_LOOP, .run = get_entry_calendar},
    {METHOD_GET, "/my-tickets/:id/send", ACCESS_PUBLIC, IN_LOOP, .run = get_send},
    {METHOD_POST, "/my-tickets/:id/send", ACCESS_PAGE, IN_LOOP, .run = post_send},
    {METHOD_GET, "/my-tickets/transfers/:id/accept", ACCESS_PUBLIC, IN_LOOP, .run = get_form_page},
    {METHOD_POST, "/my-tickets/transfers/:id/accept", ACCESS_PAGE, IN_LOOP, .run = post_accept},
    {METHOD_GET, "/my-tickets/transfers/:id/end", ACCESS_PUBLIC, IN_LOOP, .run = get_form_page},
    {METHOD_POST, "/my-tickets/transfers/:id/end", ACCESS_PAGE, IN_LOOP, .run = post_end},
    {METHOD_GET, "/selling", ACCESS_PUBLIC, IN_LOOP, .run = get_selling},
    {METHOD_GET, "/selling/proposals", ACCESS_PUBLIC, IN_LOOP, .run = get_proposals},
    {METHOD_GET, "/selling/:id/price", ACCESS_PUBLIC, IN_LOOP, .run = get_form_page},
    {METHOD_POST, "/selling/:id/price", ACCESS_PAGE, IN_LOOP, .run = post_price},
    {METHOD_GET, "/admin", ACCESS_PUBLIC, IN_LOOP, .run = get_admin},
    {METHOD_GET, "/admin/shows", ACCESS_PUBLIC, IN_LOOP, .run = get_catalogue_list},
    {METHOD_GET, "/admin/shows/:id", ACCESS_PUBLIC, IN_LOOP, .run = get_catalogue_edit},
    {METHOD_POST, "/admin/shows/:id", ACCESS_PAGE, IN_LOOP, .run = post_catalogue_edit},
    {METHOD_GET, "/admin/shows/:id/gates", ACCESS_PUBLIC, IN_LOOP, .run = get_gates_page},
    {METHOD_POST, "/admin/shows/:id/gates", ACCESS_PAGE, IN_LOOP, .run = post_gates_page},
    {METHOD_GET, "/admin/shows/:id/gates/revoke", ACCESS_PUBLIC, IN_LOOP, .run = get_form_page},
    {METHOD_POST, "/admin/shows/:id/gates/revoke", ACCESS_PAGE, IN_LOOP, .run = post_gate_revoke},
    {METHOD_GET, "/admin/shows/:id/:act", ACCESS_PUBLIC, IN_LOOP, .run = get_catalogue_act},
    {METHOD_POST, "/admin/shows/:id/:act", ACCESS_PAGE, IN_LOOP, .run = post_catalogue_act},
    {METHOD_GET, "/admin/venues", ACCESS_PUBLIC, IN_LOOP, .run = get_catalogue_list},
    {METHOD_GET, "/admin/venues/:id", ACCESS_PUBLIC, IN_LOOP, .run = get_catalogue_edit},
    {METHOD_POST, "/admin/venues/:id", ACCESS_PAGE, IN_LOOP, .run = post_catalogue_edit},
    {METHOD_GET, "/admin/venues/:id/:act", ACCESS_PUBLIC, IN_LOOP, .run = get_catalogue_act},
    {METHOD_POST, "/admin/venues/:id/:act", ACCESS_PAGE, IN_LOOP, .run = post_catalogue_act},
    {METHOD_GET, "/shows", ACCESS_PUBLIC, IN_LOOP, .run = get_find},
    {METHOD_GET, "/shows.rss", ACCESS_PUBLIC, IN_LOOP, .run = get_feed},
    {METHOD_GET, "/shows/new", ACCESS_PUBLIC, IN_LOOP, .run = get_catalogue_new},
    {METHOD_POST, "/shows/new", ACCESS_PAGE, IN_LOOP, .run = post_catalogue_new},
    {METHOD_GET, "/venues/new", ACCESS_PUBLIC, IN_LOOP, .run = get_catalogue_new},
    {METHOD_POST, "/venues/new", ACCESS_PAGE, IN_LOOP, .run = post_catalogue_new},
    {METHOD_GET, "/shows/:id", ACCESS_PUBLIC, IN_LOOP, .run = get_show_page},
    {METHOD_GET, "/shows/:id/sell", ACCESS_PUBLIC, IN_LOOP, .run = get_listing_form},
    {METHOD_POST, "/shows/:id/sell", ACCESS_PAGE, IN_LOOP, .run = post_listing_form},
    {METHOD_GET, "/listings/:id", ACCESS_PUBLIC, IN_LOOP, .run = get_listing_page},
    {METHOD_GET, "/listings/:id/edit", ACCESS_PUBLIC, IN_LOOP, .run = get_listing_form},
    {METHOD_POST, "/listings/:id/edit", ACCESS_PAGE, IN_LOOP, .run = post_listing_form},
    {METHOD_GET, "/listings/:id/reserve", ACCESS_PUBLIC, IN_LOOP, .run = get_form_page},
    {METHOD_POST, "/listings/:id/reserve", ACCESS_PAGE, IN_LOOP, .run = post_listing_reserve},
    {METHOD_GET, "/listings/:id/withdraw", ACCESS_PUBLIC, IN_LOOP, .run = get_form_page},
    {METHOD_POST, "/listings/:id/withdraw", ACCESS_PAGE, IN_LOOP, .run = post_listing_withdraw},
    {METHOD_GET, "/venues/:id", ACCESS_PUBLIC, IN_LOOP, .run = get_venue_page},
    {METHOD_GET, "/theme", ACCESS_PUBLIC, IN_LOOP, .run = get_form_page},
    {METHOD_POST, "/theme", ACCESS_PAGE, IN_LOOP, .run = post_theme},
    {METHOD_GET, "/held", ACCESS_PUBLIC, IN_LOOP, .run = get_held},
    {METHOD_GET, "/live", ACCESS_PUBLIC, IN_LOOP, .run = get_live},
    {METHOD_GET, "/static/:name", ACCESS_PUBLIC, IN_LOOP, .run = get_static},
    {METHOD_GET, "/robots.txt", ACCESS_PUBLIC, IN_LOOP, .run = get_robots},
    {METHOD_GET, "/sitemap.xml", ACCESS_PUBLIC, IN_LOOP, .run = get_sitemap},
    {METHOD_GET, "/favicon.ico", ACCESS_PUBLIC, IN_LOOP, .run = get_root_file},
    {METHOD_GET, "/apple-touch-icon.png", ACCESS_PUBLIC, IN_LOOP, .run = get_root_file},
    {METHOD_GET, "/site.webmanifest", ACCESS_PUBLIC, IN_LOOP, .run = get_root_file},
    {METHOD_GET, "/scan", ACCESS_PUBLIC, IN_LOOP, .run = get_scan},
    {METHOD_POST, "/scan", ACCESS_PAGE, IN_LOOP, .run = post_scan},
    {METHOD_GET, "/scan.webmanifest", ACCESS_PUBLIC, IN_LOOP, .run = get_root_file},
    {METHOD_GET, "/scan-worker.js", ACCESS_PUBLIC, IN_LOOP, .run = get_root_file},
    {METHOD_GET, "/ticket-worker.js", ACCESS_PUBLIC, IN_LOOP, .run = get_root_file},
    {METHOD_GET, "/tickets", ACCESS_PUBLIC, IN_LOOP, .run = get_tickets},
    {METHOD_GET, "*", ACCESS_PUBLIC, IN_LOOP, .run = get_nothing},
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
    web->live = live_new(arena, env->random, env_now(env));
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
    .listeners = live_listeners,
    .listener_count = LIVE_LISTENERS,
    .broadcast = true,
    .jobs = jobs,
    .job_count = LIVE_JOBS,
    .single_writer = true,
    .pool_threads = CALL_THREADS,
    .pool_queue_max = CALL_QUEUE_MAX,
    .start = web_start,
    .stop = web_stop,
};
