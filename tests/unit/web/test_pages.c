/* Pages rendered from views: whatever a title is, the page stays the page. */
#include "services/web/web.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define EVIL "\"><script>alert('1')</script><b x='&"

static struct buf out;

static void page_of(struct page *page)
{
    *page = (struct page){.texts = languages[0].escaped,
                          .language = STR("en"),
                          .title = STR(EVIL),
                          .email = STR(EVIL),
                          .here = STR("javascript:alert(1)"),
                          .signed_in = true,
                          .sandbox = true};
}

static struct ticket_view ticket_of(void)
{
    return (struct ticket_view){.id = STR("6738a1f0c2d3e4f501000000"),
                                .number = STR(EVIL),
                                .title = STR(EVIL),
                                .price = STR("$20"),
                                .price_value = STR(EVIL),
                                .hue = "hue-1",
                                .on_sale = true,
                                .price_field = {"price", STR(EVIL), STR(EVIL)}};
}

static bool has(const char *text)
{
    return memmem(out.at, out.len, text, strlen(text)) != NULL;
}

/* Nothing of EVIL got through as HTML, and its text is there. */
static void check(void)
{
    assert_false(out.failed);
    assert_false(has("<script>alert"));
    assert_false(has("href=\"javascript:"));
    assert_false(has("action=\"javascript:"));
    assert_false(has("<b x="));
    assert_true(has("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;"));
    buf_reset(&out);
}

static void every_page_shows_markup_as_text(void **state)
{
    struct ticket_view ticket = ticket_of();
    struct order_view order = {.id = ticket.id,
                               .ticket = ticket,
                               .paid = true,
                               .payment_id = STR(EVIL),
                               .refund_id = STR(EVIL)};
    struct field field = {"x", STR(EVIL), STR(EVIL)};
    struct page page;

    (void)state;
    page_of(&page);
    page_ticket(&out, &page,
                &(struct ticket_page_view){
                    .ticket = ticket, .mine = true, .fields = {field, field}, .error = STR(EVIL)});
    check();
    page_sell(&out, &page, &(struct sell_view){{field, field}, STR(EVIL), STR(EVIL)});
    check();
    page_signin(&out, &page, &(struct sign_view){field, field, STR(EVIL), STR(EVIL)});
    check();
    page_signup(&out, &page, &(struct sign_view){field, field, STR(EVIL), STR(EVIL)});
    check();
    page_orders(&out, &page, &(struct orders_view){{&order, 1}, STR(EVIL)});
    check();
    page_order(&out, &page, &(struct order_page_view){.order = order, .error = STR(EVIL)});
    check();
    order.paid = false, order.open = true;
    page_order(&out, &page,
               &(struct order_page_view){.order = order, .publishable_key = STR(EVIL)});
    check();
    order.open = false, order.refunded = true;
    page_order(&out, &page, &(struct order_page_view){.order = order});
    check();
    page_selling(&out, &page, &(struct selling_view){.tickets = {&ticket, 1}, .error = STR(EVIL)});
    check();
    page_problem_view(&out, &page,
                      &(struct problem_view){404, STR(EVIL), STR(EVIL), STR("javascript:1"),
                                             STR(EVIL), STR(EVIL)});
    check();
    page_cards(&out, &page, &(struct cards_view){{&ticket, 1}});
    check();
    buf_free(&out);
}

/* A list of 100, from the API's bytes to HTML: the figure of docs/web.md. */
static void a_hundred_cards_are_rendered_in_microseconds(void **state)
{
    struct ticket_view tickets[100];
    struct page page;
    int64_t start_us, best_us = INT64_MAX;

    (void)state;
    page_of(&page);
    for (size_t i = 0; i < 100; i++)
        tickets[i] = ticket_of();
    for (int run = 0; run < 200; run++) {
        buf_reset(&out);
        start_us = clock_monotonic_us();
        page_cards(&out, &page, &(struct cards_view){{tickets, 100}});
        if (clock_monotonic_us() - start_us < best_us) best_us = clock_monotonic_us() - start_us;
    }
    print_message("# 100 cards: %lld us, %zu bytes\n", (long long)best_us, out.len);
    assert_true(best_us < 5000); /* sanitizers and shared machines; the goal is the benchmark's */
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_page_shows_markup_as_text),
        cmocka_unit_test(a_hundred_cards_are_rendered_in_microseconds),
    };

    buf_init(&out, NULL, 1024 * 1024);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
