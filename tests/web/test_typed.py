"""Proves in a browser that nothing typed is lost, that what changes under one's hands is told, and that
a ticket is bought with few keys."""

from boxoffice import TEST_PASSWORD, Server, create_ticket, reserve
from browser import KEYS
from check import wait_for
from session import expired_cookies
from web import Person

SERVER = {}
SAID = """
    window.said = [];
    new MutationObserver(() => { window.said.push(document.querySelector("#say").textContent); })
        .observe(document.querySelector("#say"), {childList: true});"""
FOCUS = "return document.activeElement.id || document.activeElement.className"


def forms(server, seller):
    """(path, {selector: typed}) of each form with something to type, and the button that sends it."""
    ticket = create_ticket(seller, "Mine to change", 20)["id"]
    return (("/tickets/new", {"#title": "Half a title", "#price": "12.5"}),
            (f"/tickets/{ticket}", {"#title": "Half a title", "#price": "12.5"}),
            ("/selling", {f"#p{ticket}": "12.5"}))


def type_in(browser, typed):
    for selector, text in typed.items():
        browser.fill(selector, text)


def check_typed(browser, typed, what):
    for selector, text in typed.items():
        wait_for(lambda: browser.find(selector).value() == text, 10,
                 lambda: f"{what}: {selector} is {browser.find(selector).value()!r}")


def test_back_and_reload_keep_what_was_typed(server):
    for javascript in (True, False):
        seller = server.sign_up()
        with Person(server, seller, javascript=javascript) as person:
            browser = person.browser
            for path, typed in forms(server, seller):
                person.go(path)
                type_in(browser, typed)
                browser.click(".brand")
                person.wait_path("/")
                browser.back()
                person.wait_path(path)
                check_typed(browser, typed, f"{path} after Back")
                if javascript:
                    browser.reload()
                    check_typed(browser, typed, f"{path} after a reload")


def test_the_email_one_signs_in_with_survives_back(server):
    with Person(server) as person:
        for path in ("/auth/signin", "/auth/signup"):
            person.go(path)
            person.browser.fill("#email", "half@typed.example")
            person.browser.click(".brand")
            person.wait_path("/")
            person.browser.back()
            check_typed(person.browser, {"#email": "half@typed.example"}, path)


def test_a_session_that_ends_while_one_types_costs_no_letter(server):
    for javascript in (True, False):
        seller = server.sign_up()
        for path, typed in forms(server, seller):
            with Person(server, seller, javascript=javascript) as person:
                browser = person.go(path).browser
                type_in(browser, typed)
                browser.cookies(expired_cookies(server.key(), seller), person.base)
                browser.click("#form button" if path != "/selling" else ".inplace button")
                browser.wait_text(".lead", "What you typed is kept.")
                assert "nothing happened for 15 minutes" in browser.text(".lead")
                browser.fill("#email", seller.email)
                browser.fill("#password", TEST_PASSWORD)
                browser.click("#form button")
                kept = {selector: "12.50" if "p" in selector[1:3] else text
                        for selector, text in typed.items()}
                check_typed(browser, kept, f"{path} after signing in")
        assert len(seller.get("/api/tickets/mine").json) == 1, "nothing was listed by itself"


def test_a_refusal_keeps_what_was_typed_and_has_the_focus(server):
    seller = server.sign_up()
    with Person(server, seller) as person:
        for path, typed in forms(server, seller):
            browser = person.go(path).browser
            wrong = {selector: "12.555" if "p" in selector[1:3] else text
                     for selector, text in typed.items()}
            type_in(browser, wrong)
            browser.click("#form button" if path != "/selling" else ".inplace button")
            browser.wait_text("#errors", "Cents have two places: 12.55 or 12.56?")
            assert browser.title.startswith("Error: "), browser.title
            wait_for(lambda: browser.run(FOCUS) == "errors", 10, lambda: browser.run(FOCUS))
            check_typed(browser, wrong, f"{path} refused")
            browser.click("#errors a")
            assert browser.run("return document.activeElement.value") == "12.555"


def test_a_seller_who_types_is_told_that_the_ticket_is_reserved(server):
    seller = server.sign_up()
    ticket = create_ticket(seller, "Wanted at once", 20)["id"]
    with Person(server, seller) as person:
        browser = person.go(f"/tickets/{ticket}").wait_live().browser
        browser.fill("#price", "25")
        order = reserve(server.sign_up(), ticket)
        browser.wait_text("#moved", "Someone has reserved your ticket.")
        assert browser.find("#price").value() == "25"
        browser.click("#form button")
        browser.wait_text("#errors", "Someone has just reserved this ticket")
        assert browser.find("#price").value() == "25.00"
        assert order["id"]


def test_another_theme_in_the_middle_of_a_form_costs_no_letter(server):
    seller = server.sign_up()
    with Person(server, seller) as person:
        for path, typed in forms(server, seller):
            browser = person.go(path).browser
            type_in(browser, typed)
            browser.click(".account summary")
            browser.click(".themes [value=dark]")
            browser.find('html[data-theme="dark"]')
            check_typed(browser, typed, f"{path} in the dark")
    with Person(server) as person:
        for path in ("/auth/signin", "/auth/signup"):
            browser = person.go(path).browser
            browser.fill("#email", "half@typed.example")
            browser.click(".themes [value=dark]")
            browser.find('html[data-theme="dark"]')
            check_typed(browser, {"#email": "half@typed.example"}, path)


# --- what changes before one's eyes --------------------------------------------------------------------

def test_a_price_that_changes_is_marked_said_and_not_bought_by_accident(server):
    seller, buyer = server.sign_up(), server.sign_up()
    ticket = create_ticket(seller, "Dearer while you look", 55)["id"]
    with Person(server, buyer) as person:
        browser = person.go(f"/tickets/{ticket}").wait_live().browser
        browser.run(SAID)
        browser.run("""
            window.disarmed = [];
            new MutationObserver(() => {
                const form = document.querySelector(".buy");
                if (!form || window.disarmed.length) return;
                if (!document.querySelector(".big em").textContent.includes("500")) return;
                window.disarmed.push(form.dataset.disarmed || "armed");
            }).observe(document.body, {childList: true, subtree: true, attributes: true});""")
        seller.put(f"/api/tickets/{ticket}", {"title": "Dearer while you look", "price": 500})
        browser.wait_text(".big em", "$500.00")
        assert browser.has(".big em.changed")
        wait_for(lambda: browser.run("return window.said.slice(-1)[0]")
                 == "The price is now $500.00. It was $55.00.", 10,
                 lambda: browser.run("return window.said"))
        assert browser.run("return window.disarmed[0]") == "1"
        assert "$500.00" in browser.text(".buy button")
        browser.find(".buy:not([data-disarmed])")
        assert buyer.get("/api/orders").json == []
        browser.click(".buy button")
        person.wait_path("/orders/[0-9a-f]{24}")


def test_a_ticket_that_comes_back_is_said_to_be_for_sale(server):
    seller, buyer = server.sign_up(), server.sign_up()
    ticket = create_ticket(seller, "There and back", 20)["id"]
    with Person(server) as person:
        browser = person.go(f"/tickets/{ticket}").wait_live().browser
        order = reserve(buyer, ticket)["id"]
        wait_for(lambda: "Someone is buying" in browser.run(
            "return document.querySelector('#say').textContent"), 10, "said")
        buyer.delete(f"/api/orders/{order}")
        wait_for(lambda: browser.run("return document.querySelector('#say').textContent")
                 == "For sale again: $20.00.", 15, "said that it is back")


def test_many_changes_are_summed_up_in_one_sentence(server):
    seller = server.sign_up()
    tickets = [create_ticket(seller, f"Changes {n}", 20)["id"] for n in range(20)]
    with Person(server) as person:
        browser = person.go("/").wait_live().browser
        browser.run(SAID)
        for ticket in tickets:
            seller.put(f"/api/tickets/{ticket}", {"title": "Changed", "price": 30})
        wait_for(lambda: "20 listings changed." in browser.run("return window.said"), 15,
                 lambda: browser.run("return window.said"))
        assert len(browser.run("return window.said")) == 1


def test_the_focused_card_is_said_by_name(server):
    seller = server.sign_up()
    ticket = create_ticket(seller, "Looked at", 20)["id"]
    with Person(server) as person:
        browser = person.go("/").wait_live().browser
        browser.run("document.querySelector(arguments[0]).focus()", f'a[href="/tickets/{ticket}"]')
        reserve(server.sign_up(), ticket)
        wait_for(lambda: browser.run("return document.querySelector('#say').textContent")
                 == "Looked at: Reserved", 10, "said")


def test_a_page_that_is_not_live_says_since_when():
    with Server() as server, Person(server) as person:
        browser = person.go("/").wait_live().browser
        assert browser.text("#offline") == ""
        assert browser.find("#offline").attribute("role") == "status"
        server.stop()
        browser.wait_text("#offline", "Not live, last at ")
        server.start()


def test_orders_are_live_and_what_one_holds_is_on_every_page(server):
    buyer = server.sign_up()
    with Person(server, buyer) as person:
        browser = person.go("/orders").wait_live().browser
        browser.wait_text("#fresh", "No orders yet")
        order = reserve(buyer, create_ticket(server.sign_up(), "Mono Lake")["id"])["id"]
        browser.wait_text("#fresh .chip", "To pay · 14:")
        before = browser.text("#fresh .chip")
        wait_for(lambda: browser.text("#fresh .chip") != before, 5, "it counts")
        person.go("/").wait_live()
        browser.wait_text("#held", "Mono Lake: 14:")
        buyer.delete(f"/api/orders/{order}")
        wait_for(lambda: browser.texts("#held") == [""], 10, "the line is gone")
        person.go("/orders")
        browser.wait_text("#fresh .chip", "Cancelled")


def test_what_one_holds_is_shown_without_scripts_too(server):
    buyer = server.sign_up()
    order = reserve(buyer, create_ticket(server.sign_up(), "Mono Lake")["id"])["id"]
    with Person(server, buyer, javascript=False) as person:
        person.go("/").browser.wait_text("#held", "Mono Lake: 1")
        person.browser.click("#held a")
        person.wait_path(f"/orders/{order}")
        assert person.browser.texts("#held") == [""], "the order's own page shows it"
        person.browser.click(".giveup summary")
        person.browser.click(".giveup button")
        person.browser.wait_text(".notice", "The ticket is back on sale.")


def test_the_card_form_that_cannot_be_loaded_says_so_and_takes_no_money():
    with Server(env={"STRIPE_PUBLISHABLE_KEY": "pk_test_123"}) as server:
        buyer = server.sign_up()
        order = reserve(buyer, create_ticket(server.sign_up())["id"])["id"]
        with Person(server, buyer) as person:  # nothing outside can be reached from here
            browser = person.go(f"/orders/{order}").browser
            assert not browser.find(".pay-now").attribute("disabled") is None
            browser.wait_text("#card-lost", "The card form could not be loaded.", 20)
            assert "Your ticket is held until" in browser.text("#card-lost")
            assert browser.find(".pay-now").attribute("disabled") == "true"
        with Person(server, buyer, javascript=False) as person:
            person.go(f"/orders/{order}").browser.wait_text(".pay", "needs JavaScript")
            assert person.browser.texts(".pay button:not([hidden])") == []


# --- few keys --------------------------------------------------------------------------------------

class Keyboard:
    """Presses keys and counts those that do not type."""

    def __init__(self, person):
        self.browser, self.pressed = person.browser, 0

    def press(self, *keys):
        self.pressed += sum(key in KEYS for key in keys)
        self.browser.press(*keys)

    def tab_to(self, selector):
        for _ in range(20):
            if self.browser.run("return document.activeElement.matches(arguments[0])", selector):
                return
            self.press("tab")
        raise AssertionError(f"{selector} is not reached: {self.browser.run(FOCUS)}")


def test_a_stranger_buys_a_ticket_with_at_most_25_keys_besides_typing():
    with Server() as server:
        buyer = server.sign_up()
        ticket = create_ticket(server.sign_up(), "By keyboard alone")["id"]
        with Person(server) as person:
            keyboard = Keyboard(person)
            person.go("/")
            keyboard.tab_to(".skip")
            keyboard.press("enter")
            keyboard.tab_to(f'a[href="/tickets/{ticket}"]')
            keyboard.press("enter")
            person.wait_path(f"/tickets/{ticket}")
            keyboard.tab_to(".skip")
            keyboard.press("enter")
            keyboard.tab_to(".buy button")
            keyboard.press("enter")
            person.browser.wait_text("h1", "Sign in to reserve this ticket")
            keyboard.tab_to("#email")
            keyboard.press(*buyer.email)
            keyboard.tab_to("#password")
            keyboard.press(*TEST_PASSWORD)
            keyboard.press("enter")
            person.wait_path("/orders/[0-9a-f]{24}")
            keyboard.tab_to(".skip")
            keyboard.press("enter")
            keyboard.tab_to("input[name=token]")
            keyboard.press("enter")
            person.browser.wait_text("#fresh", "Paid. The ticket is yours.")
            print(f"# {keyboard.pressed} keys besides typing")
            assert keyboard.pressed <= 25
