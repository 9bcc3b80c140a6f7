/* services/web/web.h: what runs in the web service, and the handlers of its pages.
 *
 * Every page is a chain: look at the request, ask the API (request_call), render. A handler that
 * renders gets the API's answer in rq->call and what it put aside in rq->run->state. Nothing here
 * knows whether the API runs in this program.
 *
 * From below: escape, view (what templates are given); page_text, page_input; api (what the API
 * said), assets, live; page_state; page (the frame); form; the pages (pages/); and web.c's table.
 */
#ifndef SERVICES_WEB_WEB_H
#define SERVICES_WEB_WEB_H

#include "runtime/service.h"

/* The service's own: what runs in it. */
struct web {
    struct arena *arena; /* this struct, and what lives as long */
    struct submissions *submissions;
    struct live *live;
    struct fragments *fragments;
};

static inline struct web *web_of(const struct request *rq)
{
    return rq->run->env->state;
}

/* --- the pages: each handler stands beside its templates (pages/) --------------------------------
 */

handler_fn get_robots, get_sitemap, get_tickets, get_form_page, get_nothing, post_theme, get_help,
    get_terms, get_privacy; /* site_pages.c */
handler_fn get_market, get_ticket_page, post_ticket_page, post_withdraw,
    post_reserve;               /* market.c */
handler_fn get_sell, post_sell; /* sell.c */
handler_fn get_signout, post_signout, get_password, post_password,
    get_change_password;                                                     /* account.c */
handler_fn get_account, post_account_end, post_account_end_others;           /* account_page.c */
handler_fn get_code, post_code;                                              /* code_page.c */
handler_fn get_factor, post_factor, post_factor_confirm, post_factor_off;    /* factor_pages.c */
handler_fn get_email, post_email, post_email_link, get_verify, post_verify;  /* address_pages.c */
handler_fn get_forgot, post_forgot, get_reset, post_reset;                   /* reset_pages.c */
handler_fn get_orders_page, get_order_page, post_pay, post_cancel, get_held; /* orders.c */
handler_fn get_show_page, get_venue_page;                                    /* show_pages.c */
handler_fn get_listing_page, post_listing_reserve, post_listing_withdraw;    /* listing_pages.c */
handler_fn get_find;                                                         /* find_page.c */
handler_fn get_feed;                                                         /* feed_page.c */
handler_fn get_entries_page, get_entry_page, get_entry_calendar;             /* entry_pages.c */
handler_fn get_gates_page, post_gates_page, post_gate_revoke;                /* gates_page.c */
handler_fn get_scan, post_scan;                                              /* scan_page.c */
handler_fn get_send, post_send, post_accept, post_end;                       /* transfer_pages.c */
handler_fn get_selling, post_price;                                          /* selling.c */

#endif
