"""Proves that the pages are for everybody: without JavaScript, on a phone, by keyboard alone, and
with nothing for axe-core to find, in both colour schemes."""

import urllib.parse

from boxoffice import (Server, TEST_PASSWORD, buy, cancel, create_ticket, new_email, reserve, run_cli,
                       wait_order)
from check import Cases, expect, wait_for
from web import MARKUP, PHONE, WIDE, Person, axe

SERVER = {}
LISTED = (("Radiohead · Sat 14 Nov, floor", 85), ("Hamilton, stalls row F 12", 120),
          ("Champions League semi-final, block 108", 240.5), ("La Traviata, dress circle", 64),
          ("Kraftwerk 3-D", 49.9), ("The Lehman Trilogy", 38),
          ("Sigur Rós at the Royal Albert Hall, choir seat", 72), ("Comedy night: two for one", 12),
          ("Swan Lake, matinée", 55), ("Glastonbury, coach and ticket", 310),
          ("Björk: Cornucopia", 95), ("Open-air cinema, blanket for two", 28))


def test_without_javascript_one_can_sell_and_buy(server):
    with Person(server, javascript=False) as seller, Person(server, javascript=False) as buyer:
        seller.sign_up()
        ticket = seller.sell("Plain and simple", "$ 15.50")
        buyer.sign_up()
        buyer.reserve(ticket)
        assert "Held for you for about 15 minutes, until" in buyer.browser.text(".clock")
        buyer.pay("tok_chargeDeclined")
        buyer.browser.wait_text("[role=alert]", "declined")
        buyer.pay()
        wait_for(lambda: not buyer.browser.has("[role=alert]"), 10, "an answer")
        wait_for(lambda: (buyer.browser.reload(), buyer.browser.has(".receipt"))[1], 10, "paid")
        wait_for(lambda: (seller.go("/selling"), "Sold" in seller.browser.text(".listing"))[1], 10,
                 "sold")


def tab_to(browser, selector):
    """Tabs until the element has the focus, which must then be visible."""
    if browser.run("return document.activeElement.matches(arguments[0])", selector):
        return  # the page put it there
    for _ in range(60):
        browser.press("tab")
        focused, outline = browser.run(
            "const e = document.activeElement, s = getComputedStyle(e);"
            "return [e.matches(arguments[0]), s.outlineStyle !== 'none' || s.boxShadow !== 'none']",
            selector)
        assert outline, f"focus cannot be seen on the way to {selector}"
        if focused:
            return
    raise AssertionError(f"{selector} cannot be reached by the keyboard")


def test_by_keyboard_alone_one_can_sell_and_buy(server):
    with Person(server) as person:
        browser = person.browser
        person.go("/")
        tab_to(browser, ".skip")
        tab_to(browser, ".signin")
        browser.press("enter")
        person.wait_path("/auth/signin.*")
        tab_to(browser, '.after a[href^="/auth/signup"]')
        browser.press("enter")
        person.wait_path("/auth/signup.*")
        tab_to(browser, "#email")
        browser.press(*new_email())
        tab_to(browser, "#password")
        browser.press(*TEST_PASSWORD)
        browser.press("enter")
        person.wait_path("/")
        tab_to(browser, 'a[href="/tickets/new"]')
        browser.press("enter")
        person.wait_path("/tickets/new")
        tab_to(browser, "#title")
        browser.press(*"By keyboard")
        tab_to(browser, "#price")
        browser.press(*"20")
        browser.press("enter")
        person.wait_path(r"/tickets/[0-9a-f]{24}")
        ticket = create_ticket(server.sign_up(), "To be bought by keyboard")["id"]
        wait_for(lambda: server.client().get(f"/api/tickets/{ticket}").status == 200, 10, "it")
        person.go("/")
        tab_to(browser, f'a[href="/tickets/{ticket}"]')
        browser.press("enter")
        person.wait_path(f"/tickets/{ticket}")
        tab_to(browser, ".buy button")
        browser.press("enter")
        person.wait_path("/orders/[0-9a-f]{24}")
        tab_to(browser, "input[name=token]")
        browser.press("down")
        tab_to(browser, ".pay button")
        browser.press("enter")
        browser.wait_text("#fresh", "Paid. The ticket is yours.")


class Theatre:
    """A server with something in every state, and who may see it."""

    def __init__(self, server, titles):
        self.seller, self.buyer = server.sign_up("mara@example.test"), server.sign_up("jonas@example.test")
        tickets = [create_ticket(self.seller, title, price)["id"] for title, price in titles]
        held = create_ticket(self.buyer, titles[-1][0], 45)["id"]
        self.open = reserve(self.buyer, tickets[1])["id"]
        self.paid = buy(self.buyer, tickets[2])["id"]
        self.cancelled = reserve(self.buyer, tickets[3])["id"]
        cancel(self.buyer, self.cancelled)
        wait_order(self.buyer, self.cancelled, "cancelled")
        reserve(self.seller, held)
        gone = create_ticket(self.seller, titles[0][0], 45)["id"]
        expect(self.seller.delete(f"/api/tickets/{gone}"), 204)
        self.staff = self.staff_of(server)
        elsewhere = {"User-Agent": "Mozilla/5.0 (Linux; Android 10; K) SamsungBrowser/28.0"}
        expect(server.client().post("/api/users/signin", {"email": self.buyer.email, "password": TEST_PASSWORD},
                                    headers=elsewhere), 200)
        place = {"name": titles[0][0], "city": "Wien", "country": "AT", "timeZone": "Europe/Vienna"}
        evening = {"title": titles[0][0], "performers": [titles[1][0]], "category": "music",
                   "startsAt": "2096-07-01T19:30"}
        def made(who, kind, body):
            return expect(who.post(f"/api/{kind}", body), 201).json["id"]
        venue = made(self.staff, "venues", place)
        show, gone_show = [made(self.staff, "shows", {**evening, "venueId": venue}) for _ in range(2)]
        expect(self.staff.post(f"/api/shows/{gone_show}/cancel", {}), 200)
        proposed, refused = [made(self.seller, "shows", {**evening, "venueId": venue}) for _ in range(2)]
        expect(self.staff.post(f"/api/shows/{refused}/cancel", {"reason": titles[1][0]}), 200)
        waits = made(self.seller, "venues", place)
        listing = expect(self.seller.post("/api/listings", {
            "showId": show, "section": titles[0][0].strip()[:40], "row": titles[0][0].strip()[:40],
            "seats": [titles[0][0].strip()[:20], "2", "3"], "split": "no_single", "price": titles[-1][1],
            "faceValue": titles[-1][1], "restrictions": [titles[0][0].strip()], "delivery": "issued"}), 201).json
        reserve(self.buyer, listing["tickets"][0]["id"])
        row = expect(self.seller.post("/api/listings", {
            "showId": show, "section": titles[0][0].strip()[:40], "row": "entry", "seats": ["7"], "split": "any",
            "price": titles[-1][1], "restrictions": [titles[0][0].strip()], "delivery": "issued"}), 201).json
        buy(self.buyer, row["tickets"][0]["id"])
        entry = wait_for(lambda: self.buyer.get("/api/entries").json, 20, "an entry")[0]["id"]
        gate = expect(self.staff.post("/api/gates", {"showId": show, "name": titles[0][0].strip()[:60]}), 201).json
        expect(server.client().post("/api/scans", [{"id": f"{n:024x}", "admitted": True, "code": code} for n, code in
                                                   enumerate([self.buyer.get(f"/api/entries/{entry}").json["code"]] * 2)],
                                    headers={"Authorization": f"Bearer {gate['key']}"}), 200)
        self.pages = {  # name: (who, path)
            "home": (None, "/"),
            "older": (None, f"/?after={tickets[4]}"),
            "nothing-for-sale": (None, "/?after=000000000000000000000000"),
            "home-signed-in": (self.buyer, "/"),
            "signin": (None, "/auth/signin?next=/orders"),
            "signup": (None, "/auth/signup"),
            "signout": (self.buyer, "/auth/signout"),
            "sell": (self.seller, "/tickets/new"),
            "ticket": (self.buyer, f"/tickets/{tickets[0]}"),
            "ticket-reserved": (None, f"/tickets/{tickets[1]}"),
            "ticket-sold": (self.buyer, f"/tickets/{tickets[2]}"),
            "ticket-mine": (self.seller, f"/tickets/{tickets[5]}"),
            "ticket-sold-mine": (self.seller, f"/tickets/{tickets[2]}"),
            "ticket-taken-down": (None, f"/tickets/{gone}"),
            "help": (None, "/help"),
            "terms": (None, "/terms"),
            "privacy": (self.buyer, "/privacy"),
            "forgot": (None, "/auth/forgot"),
            "reset": (None, "/auth/reset?token=0"),
            "reset-used": (None, "/auth/reset"),
            "account": (self.buyer, "/account"),
            "factor": (self.buyer, "/account/factor"),
            "account-alone": (server.sign_up(), "/account"),
            "email": (self.buyer, "/account/email"),
            "verify": (None, "/auth/verify?token=0"),
            "verify-used": (None, "/auth/verify"),
            "password": (self.buyer, "/account/password"),
            "orders": (self.buyer, "/orders"),
            "no-orders": (server.sign_up(), "/orders"),
            "order": (self.buyer, f"/orders/{self.open}"),
            "receipt": (self.buyer, f"/orders/{self.paid}"),
            "order-cancelled": (self.buyer, f"/orders/{self.cancelled}"),
            "my-tickets": (self.buyer, "/my-tickets"),
            "my-tickets-past": (self.buyer, "/my-tickets?when=past"),
            "my-ticket": (self.buyer, f"/my-tickets/{entry}"),
            "selling": (self.seller, "/selling"),
            "selling-nothing": (server.sign_up(), "/selling"),
            "proposals": (self.seller, "/selling/proposals"),
            "propose-venue": (self.seller, "/venues/new"),
            "propose-show": (self.seller, f"/shows/new?venue={waits}"),
            "find": (None, "/shows"),
            "find-some": (self.buyer, "/shows?q=" + urllib.parse.quote(titles[0][0][:200])),
            "find-none": (None, "/shows?q=nothing&city=nowhere"),
            "find-refused": (None, "/shows?from=2030-02-02&to=2030-02-01"),
            "show": (None, f"/shows/{show}"),
            "show-sell": (self.seller, f"/shows/{show}/sell"),
            "listing": (None, f"/listings/{listing['id']}"),
            "listing-mine": (self.seller, f"/listings/{listing['id']}"),
            "listing-edit": (self.seller, f"/listings/{listing['id']}/edit"),
            "ticket-of-listing": (self.buyer, f"/tickets/{listing['tickets'][1]['id']}"),
            "ticket-of-listing-mine": (self.seller, f"/tickets/{listing['tickets'][1]['id']}"),
            "show-cancelled": (None, f"/shows/{gone_show}"),
            "venue": (None, f"/venues/{venue}"),
            "show-refused": (self.seller, f"/shows/{refused}"),
            "venue-proposed": (self.seller, f"/venues/{waits}"),
            "staff-shows": (self.staff, "/admin/shows"),
            "staff-none": (self.staff, "/admin/shows?status=postponed&q=nothing"),
            "staff-venues": (self.staff, "/admin/venues"),
            "staff-venue": (self.staff, f"/admin/venues/{venue}"),
            "staff-show": (self.staff, f"/admin/shows/{show}"),
            "staff-proposal": (self.staff, f"/admin/shows/{proposed}"),
            "staff-cancelled": (self.staff, f"/admin/shows/{gone_show}"),
            "staff-new": (self.staff, "/shows/new"),
            "staff-cancel": (self.staff, f"/admin/shows/{show}/cancel"),
            "staff-merge": (self.staff, f"/admin/shows/{show}/merge"),
            "staff-gates": (self.staff, f"/admin/shows/{show}/gates"),
            "scan": (None, "/scan"),
            "staff-only": (self.buyer, "/admin/shows"),
            "missing": (None, "/no/such/page"),
            "not-yours": (self.seller, f"/orders/{self.open}"),
        }

    @staticmethod
    def staff_of(server):
        """Somebody who looks after venues and shows."""
        user = server.sign_up()
        run_cli("users", "grant", user.email, "catalogue", "--data", server.data)
        client = server.client()
        expect(client.post("/api/users/signin", {"email": user.email, "password": TEST_PASSWORD}), 200)
        return client

    def visits(self, server, **options):
        """(name, person) with each page open, a browser for each visitor."""
        known = (None, self.seller, self.buyer, self.staff)
        for who in known:
            with Person(server, who, **options) as person:
                for name, (visitor, path) in self.pages.items():
                    if visitor is who:
                        yield name, person.go(path)
        strangers = [(name, visit) for name, visit in self.pages.items()
                     if visit[0] not in known]
        for name, (visitor, path) in strangers:
            with Person(server, visitor, **options) as person:
                yield name, person.go(path)


def look_at_all(options, prefix):
    with Server() as server, Cases() as case:
        for name, person in Theatre(server, LISTED).visits(server, **options):
            with case(name):
                person.shot(f"{prefix}-{name}")
                if name in ("home", "order"):
                    person.shot(f"{prefix}-{name}", "webp")  # for the README: docs/images
                found = axe(person.browser)
                assert not found, "\n".join(found)
                wide = person.browser.run("return document.documentElement.scrollWidth")
                assert wide <= options["width"], f"scrolls sideways: {wide}"


def test_axe_finds_nothing_on_a_wide_screen():
    look_at_all(WIDE, "wide")


def test_axe_finds_nothing_on_a_phone():
    look_at_all(PHONE, "phone")


def test_axe_finds_nothing_in_the_dark():
    look_at_all({**WIDE, "dark": True}, "dark")


def test_axe_finds_nothing_on_forms_with_errors(server):
    with Person(server) as person, Cases() as case:
        for path in ("/auth/signup", "/auth/signin"):
            with case(path):
                person.go(path)
                person.browser.fill("#email", "not an email")
                person.browser.click("main form button")
                person.browser.wait_text("#email-error", "Email must be valid")
                assert person.browser.title.startswith("Error: "), person.browser.title
                wait_for(lambda: person.browser.run("return document.activeElement.id") == "errors",
                         10, "the summary has the focus")
                assert person.browser.find("#email").value() == "not an email"
                assert not axe(person.browser)
        with case("/tickets/new"):
            person.sign_up().go("/tickets/new")
            person.browser.fill("#title", "Kept as typed")
            person.browser.fill("#price", "free")
            person.browser.click("main form button")
            person.browser.wait_text("#price-error", "Write it like 19.99.")
            assert person.browser.find("#title").value() == "Kept as typed"
            assert person.browser.find("#price").value() == "free"
            assert not axe(person.browser)


def test_a_title_full_of_markup_is_text_on_every_page():
    with Server() as server, Cases() as case:
        theatre = Theatre(server, [(MARKUP, 20 + n) for n in range(7)])
        shows = 0
        for name, person in theatre.visits(server):
            with case(name):
                browser = person.browser
                shows += MARKUP in browser.text("main")
                assert not browser.has("main script") and not browser.has("img[src=x]")
                assert browser.title != "owned"
                bad = [line for line in browser.complaints() if not any(code in line for code in ("400", "401", "403", "404", "410"))]
                assert bad == [], bad
        assert shows >= 9, f"only {shows} pages show a title"


def test_the_countdown_is_not_read_out_every_second(server):
    buyer = server.sign_up()
    order = reserve(buyer, create_ticket(server.sign_up())["id"])
    with Person(server, buyer) as person:
        person.go(f"/orders/{order['id']}")
        before = person.browser.text(".clock-text")
        wait_for(lambda: person.browser.text(".clock-text") != before, 5, "it counts")
        assert person.browser.run("return document.querySelector('#say').textContent") == ""
        assert not person.browser.has(".clock [aria-live], .clock [role=timer], .clock [role=status]")


def test_reduced_motion_is_respected(server):
    create_ticket(server.sign_up())
    with Person(server) as person:
        person.browser.media("prefers-reduced-motion", "reduce")
        person.go("/")
        moving = person.browser.run(
            "return [...document.querySelectorAll('*')].filter((e) => {"
            "const s = getComputedStyle(e); return s.animationName !== 'none' ||"
            "s.transitionDuration.split(',').some((t) => parseFloat(t) > 0); }).length")
        assert moving == 0


def test_the_theme_can_be_chosen_without_javascript(server):
    with Person(server, javascript=False) as person:
        person.go("/auth/signin?next=%2Forders")
        person.browser.find("html:not([data-theme])")
        for theme in ("dark", "light"):
            person.browser.click(f".themes [value={theme}]")
            person.browser.find(f'html[data-theme="{theme}"] .themes [value={theme}][aria-pressed=true]')
            assert person.path == "/auth/signin?next=%2Forders"
        person.browser.click(".themes [value=system]")
        person.browser.find("html:not([data-theme]) .themes [value=system][aria-pressed=true]")


def test_the_theme_changes_in_place_and_no_typed_text_is_lost(server):
    with Person(server, server.sign_up(), dark=True) as person:
        browser = person.go("/tickets/new").browser
        browser.fill("#title", "Half a title")
        browser.run("window.same = true")
        browser.click(".account summary")
        browser.click(".themes [value=light]")
        browser.find('html[data-theme="light"] .themes [value=light][aria-pressed=true]')
        assert browser.run("return getComputedStyle(document.body).colorScheme") == "light"
        assert browser.find("#title").value() == "Half a title" and browser.run("return window.same")
        wait_for(lambda: (browser.reload(), browser.has('html[data-theme="light"]'))[1], 10, "kept")
        browser.click(".account summary")
        browser.click(".themes [value=system]")
        browser.find("html:not([data-theme])")
        assert browser.run("return getComputedStyle(document.body).colorScheme") == "dark"


def test_the_account_menu_closes_by_escape_and_by_a_click_elsewhere(server):
    with Person(server, server.sign_up()) as person:
        browser = person.go("/").browser
        browser.click(".account summary")
        browser.find(".account[open] form[action='/auth/signout']")
        browser.press("escape")
        browser.find(".account:not([open])")
        assert browser.run("return document.activeElement.matches('.account summary')")
        browser.click(".account summary")
        browser.click("footer p")
        browser.find(".account:not([open])")
