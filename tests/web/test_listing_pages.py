"""Proves the pages of tickets that are offered together: from the event to the listing, to one ticket and
its order; and how a seller offers them, changes their price and takes them down."""

import email.utils
import re
import time
import xml.etree.ElementTree

from boxoffice import Server, new_email, reserve
from check import Cases, expect, wait_for
from test_forms import read, send
from test_shows import make_show, make_venue, staff_of
from web import PHONE, WIDE, Person, axe

OFFER = {"section": "Block A", "row": "4", "seats": ["12", "13", "14"], "split": "any", "price": 49.9,
         "faceValue": 45, "restrictions": ["Under 16 with an <adult>"], "delivery": "issued"}


def offer(seller, show, **changes):
    def made():
        answer = seller.post("/api/listings", {**OFFER, "showId": show["id"], **changes})
        return answer if answer.status == 201 else None
    return wait_for(made, 10, "tickets to know the show").json


def some_show(server):
    staff = staff_of(server)
    return make_show(staff, make_venue(staff))


def test_one_goes_from_the_event_to_a_seat_and_reserves_it(server):
    show = some_show(server)
    dear, cheap = offer(server.sign_up(), show), offer(server.sign_up(), show, row="5", price=19.5, seats=["1"])
    with Cases() as case:
        for scripts, seat in ((True, "Seat 13"), (False, "Seat 14")):
            with case("with scripts" if scripts else "without scripts"):
                with Person(server, server.sign_up(), javascript=scripts) as person:
                    browser = person.go(f"/shows/{show['id']}").browser
                    rows = [row.text for row in browser.all(".rows > li")]
                    assert "$19.50" in rows[0] and "row 5" in rows[0] and "1 ticket" in rows[0], rows
                    assert "$49.90" in rows[1] and "Block A, row 4" in rows[1], rows
                    browser.click(f".rows a[href='/listings/{dear['id']}']")
                    person.wait_path(f"/listings/{dear['id']}")
                    facts = browser.text(".facts")
                    assert "$45.00" in facts and "Under 16 with an <adult>" in facts, facts
                    [ticket] = [row for row in browser.all(".rows a") if seat in row.text]
                    ticket.click()
                    person.wait_path("/tickets/[0-9a-f]{24}")
                    assert f"/listings/{dear['id']}" in browser.find(".back a").attribute("href")
                    browser.click(".buy button")
                    person.wait_path("/orders/[0-9a-f]{24}")
    page = server.client().get(f"/listings/{dear['id']}").body.decode()
    assert page.count(">Reserved<") == 2 and page.count(">On sale<") == 1, page
    assert server.client().get(f"/shows/{show['id']}").body.decode().index(cheap["id"]) > 0


def stubs(browser):
    """The sum on each row, and what is said of it."""
    return [(text.split("\n")[0], " ".join(text.split("\n")[1:])) for text in browser.texts("main .rows > li")]


def test_one_looks_for_so_many_together_at_a_price_and_in_a_section(server):
    show, seller = some_show(server), server.sign_up()
    offer(seller, show, section="Stalls", row="1", price=30, seats=["1", "2", "3"])
    offer(seller, show, section="Balcony 4", row="2", price=20, seats=["1"])
    pair = offer(seller, show, section="Balcony 4", row="3", price=40, seats=["1", "2"], split="all")
    with Cases() as case:
        for scripts in (True, False):
            with case("with scripts" if scripts else "without scripts"):
                with Person(server, None, javascript=scripts) as person:
                    browser = person.go(f"/shows/{show['id']}").browser
                    assert [total for total, _ in stubs(browser)] == ["$20.00", "$30.00", "$40.00"]
                    assert ["3 tickets" in said for _, said in stubs(browser)] == [False, True, False]
                    browser.click("#quantity option[value='2']")
                    browser.click(".find button")
                    browser.wait_text("main .rows", "2 ×")
                    assert [total for total, _ in stubs(browser)] == ["$60.00", "$80.00"]
                    assert "2 × $30.00" in stubs(browser)[0][1], stubs(browser)
                    browser.fill("#section", "balcony 04")
                    browser.click(".find button")
                    wait_for(lambda: len(stubs(browser)) == 1, 10, "one row")
                    assert stubs(browser)[0][0] == "$80.00" and browser.find("#section").value() == "balcony 04"
                    browser.fill("#max-total", "$79,99")
                    browser.click(".find button")
                    browser.wait_text("main", "No tickets like that are for sale.")
                    assert not browser.has("main .rows > li")
                    browser.fill("#max-total", "cheap")
                    browser.click(".find button")
                    browser.wait_text("#errors", "Write digits and a point")
                    assert browser.find("#max-total").attribute("aria-invalid") == "true"
                    assert browser.find("#max-total").value() == "cheap"
                    browser.fill("#max-total", "")
                    browser.click(".find button")
                    wait_for(lambda: len(stubs(browser)) == 1, 10, "one row")
                    browser.click("main .rows a")
                    person.wait_path(f"/listings/{pair['id']}.*")
                    assert browser.has(".buy input[value='2']:checked"), quantities(browser)
    gone = read(server.client(), f"/shows/{show['id']}?section=nowhere").body.decode()
    assert "All tickets for this" in gone and "only" not in gone.lower()
    many = read(server.client(), f"/shows/{show['id']}?quantity=12").body.decode()
    assert '<option value="12" selected>12</option>' in many and "No tickets like that" in many


def test_more_listings_than_a_page_has_go_on_behind_the_last(server):
    show, seller = some_show(server), server.sign_up()
    for number in range(102):
        offer(seller, show, section="Stalls", row=str(number), price=20 + number, seats=["1"])
    visitor = server.client()
    first = read(visitor, f"/shows/{show['id']}?section=stalls&maxTotal=500").body.decode()
    assert first.count('class="row-link"') == 100 and "$119.00" in first and "$120.00" not in first
    path = re.search(r'class="more"><a class="btn btn-quiet" href="([^"]+)"', first)[1].replace("&amp;", "&")
    second = read(visitor, path).body.decode()
    assert second.count('class="row-link"') == 2 and "$120.00" in second and "$121.00" in second
    stale = visitor.get(path.replace("maxTotal=500", "maxTotal=$400"))  # another list's: the first page of this one
    slug = path[:path.index("?")]
    assert (stale.status, stale.headers["location"]) == (303, f"{slug}?section=stalls&maxTotal=400.00"), stale.headers
    assert visitor.get(f"{slug}?after=1").headers["location"] == slug


def quantities(browser):
    return [label.text.strip() for label in browser.all(".buy label")]


def items_of(client, path):
    """Title, description and link of each item of a feed, whose head is looked at."""
    answer = client.get(path)
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("application/rss+xml"), answer
    assert answer.headers["Cache-Control"] == "public, max-age=300" and "Set-Cookie" not in answer.headers
    channel = xml.etree.ElementTree.fromstring(answer.body).find("channel")
    for item in channel.iter("item"):
        assert item.findtext("guid") == item.findtext("link")
        made = email.utils.parsedate_to_datetime(item.findtext("pubDate"))
        assert abs(made.timestamp() - time.time()) < 3600, made
    return [tuple(item.findtext(name) for name in ("title", "description", "link")) for item in channel.iter("item")]


def test_programs_read_what_was_offered_last_of_a_search():
    with Server() as server:
        staff, seller, visitor = staff_of(server), server.sign_up(), server.client()
        base = f"http://{server.host}:{server.port}"
        venue = make_venue(staff, city="Linz")
        odd, plain = (make_show(staff, venue, title=title, rules={}) for title in ("A & B <ü> \ufffe\"'", "Plain"))
        first = offer(seller, odd, row="1", price=30, seats=["1", "2"], section="</title>")
        second = offer(seller, plain, row="2", price=20, seats=["1"])
        wait_for(lambda: len(items_of(visitor, "/shows.rss")) == 2, 10, "both to be told")
        third = offer(seller, odd, row="3", price=25.5, seats=["1"])
        found = items_of(visitor, "/shows.rss?city=linz")
        assert [link for _, _, link in found] == [f"{base}/listings/{one['id']}" for one in (third, second, first)]
        assert found[0][0] == "A & B <ü> \"': Block A, row 3, $25.50" and "Linz" in found[0][1], found[0]
        assert "</title>, row 1, $30.00" in found[2][0]
        assert [title for title, _, _ in items_of(visitor, "/shows.rss?q=plain")] == ["Plain: Block A, row 2, $20.00"]
        for nothing in ("?q=nothing", "?city=Graz", "?from=tomorrow", "?q=" + "x" * 300):
            assert items_of(visitor, "/shows.rss" + nothing) == [], nothing
        for page, feed in (("/", "/shows.rss"), ("/shows", "/shows.rss"),
                           ("/shows?city=Linz&q=a%26b", "/shows.rss?q=a%26b&city=Linz")):
            head = read(visitor, page).body.decode()
            link = re.search(r'<link rel="alternate" type="application/rss\+xml"[^>]* href="([^"]*)"', head)[1]
            assert link.replace("&amp;", "&") == feed, link
        expect(seller.delete(f"/api/listings/{third['id']}"), 204)
        assert len(items_of(visitor, "/shows.rss")) == 2


def test_what_others_buy_is_seen_in_place_while_one_looks(server):
    show, seller = some_show(server), server.sign_up()
    cheap = offer(seller, show, row="1", price=20, seats=["1"])
    dear = offer(seller, show, row="2", price=30, seats=["1", "2", "3"])
    with Person(server, None) as person, Person(server, None) as other:
        browser = person.go(f"/shows/{show['id']}").wait_live().browser
        list_of = other.go(f"/shows?q={show['title'].replace(' ', '+')}").wait_live().browser
        said = f"[data-offers='{show['id']}']"
        list_of.wait_text(said, "from $20.00 · 4 left")
        reserve(server.sign_up(), cheap["tickets"][0]["id"])
        browser.wait_text(f"[data-listing='{cheap['id']}'].off", "Gone")
        list_of.wait_text(said, "from $30.00 · 3 left")
        reserve(server.sign_up(), dear["tickets"][0]["id"])
        browser.wait_text(f"[data-listing='{dear['id']}']", "2 tickets")
        assert [row.attribute("data-listing") for row in browser.all("main .rows > li")] == [cheap["id"], dear["id"]]
        assert not browser.has(".fresh:not([hidden])")
        late = offer(seller, show, row="3", price=25, seats=["1"])
        browser.wait_text(".fresh:not([hidden])", "Show them")
        assert not browser.has(f"[data-listing='{late['id']}']")  # nothing moves under the pointer
        browser.click(".fresh a")
        browser.wait_text(f"[data-listing='{late['id']}']", "$25.00")
        expect(seller.delete(f"/api/listings/{dear['id']}"), 204)
        expect(seller.delete(f"/api/listings/{late['id']}"), 204)
        wait_for(lambda: list_of.find(said).text == "", 10, "nothing to be left")


def test_several_are_reserved_together_paid_and_shown(server):
    seats = [str(n) for n in range(1, 7)]
    show = some_show(server)
    with Cases() as case:
        for scripts, row in ((True, "1"), (False, "2")):
            listing = offer(server.sign_up(), show, row=row, seats=seats, split="pairs")
            with case("with scripts" if scripts else "without scripts"):
                with Person(server, server.sign_up(), javascript=scripts) as person:
                    browser = person.go(f"/listings/{listing['id']}").browser
                    assert quantities(browser) == ["2 tickets together: $99.80", "4 tickets together: $199.60",
                                                   "6 tickets together: $299.40"], quantities(browser)
                    browser.click(".buy input[value='4']")
                    browser.click(".buy button")
                    person.wait_path("/orders/[0-9a-f]{24}")
                    assert "$199.60" in browser.text(".big") and "$199.60" in browser.text(".pay h2")
                    assert len(browser.all(".rows > li")) == 4, browser.text("main")
                    browser.click(".pay button")
                    browser.wait_text("main", "Receipt")
                    receipt = browser.text(".receipt")
                    assert "seat 1" in receipt and "seat 4" in receipt and "$199.60" in receipt, receipt
                    person.go("/orders")
                    assert "and 3 more" in browser.text(".rows") and "$199.60" in browser.text(".rows")
                    person.go(f"/listings/{listing['id']}")
                    assert quantities(browser) == ["2 tickets together: $99.80"], quantities(browser)


def test_signing_in_on_the_way_loses_nothing(server):
    listing = offer(server.sign_up(), some_show(server))
    email = new_email()
    server.sign_up(email, "gondola-Turnip-42")
    with Person(server, None) as person:
        browser = person.go(f"/listings/{listing['id']}").browser
        browser.click(".buy input[value='3']")
        browser.click(".buy button")
        browser.wait_text("main", "Sign in to reserve")
        browser.fill("#email", email)
        browser.fill("#password", "gondola-Turnip-42")
        browser.click("#form button")
        person.wait_path("/orders/[0-9a-f]{24}")
        assert "$149.70" in browser.text(".big")


def test_one_form_makes_one_order(server):
    listing, buyer = offer(server.sign_up(), some_show(server)), server.sign_up()
    page = read(buyer, f"/listings/{listing['id']}").body.decode()
    nonce = re.search(r'name="nonce" value="([0-9a-f]+)"', page)[1]
    form = {"quantity": "2", "price": "49.90", "intent": "reserve", "nonce": nonce}
    paths = {send(buyer, f"/listings/{listing['id']}/reserve", form).headers["Location"] for _ in range(3)}
    assert len(paths) == 1 and len(expect(buyer.get("/api/orders"), 200).json) == 1, paths


def test_what_cannot_be_ordered_is_said_at_the_listing(server):
    seller, buyer = server.sign_up(), server.sign_up()
    listing = offer(seller, some_show(server), seats=["1", "2", "3"])
    path = f"/listings/{listing['id']}"
    form = {"intent": "reserve", "price": "49.90", "quantity": "2"}
    with Cases() as case:
        for changes, who, status, text in (
                ({"quantity": "4"}, buyer, 409, "So many of these tickets are not left"),
                ({"price": "49.89"}, buyer, 409, "The price has changed"),
                ({"quantity": "x"}, buyer, 400, "Quantity must be the number of tickets"),
                ({}, seller, 409, "This is your own listing")):
            with case(changes):
                answer = send(who, f"{path}/reserve", {**form, **changes})
                assert answer.status == status and text.encode() in answer.body, answer.body
    reserve(server.sign_up(), listing["tickets"][1]["id"])
    answer = send(buyer, f"{path}/reserve", form)
    assert answer.status == 409 and b"not side by side" in answer.body, answer.body
    expect(seller.delete(f"/api{path}"), 204)
    wait_for(lambda: send(buyer, f"{path}/reserve", {**form, "quantity": "1"}).status == 410, 10, "it to be gone")


def test_what_the_split_forbids_is_said_at_the_ticket(server):
    listing = offer(server.sign_up(), some_show(server), seats=["1", "2"], split="pairs")
    ticket = listing["tickets"][0]["id"]
    with Person(server, server.sign_up()) as person:
        browser = person.go(f"/listings/{listing['id']}").browser
        assert "In pairs" in browser.text(".facts")
        person.go(f"/tickets/{ticket}")
        browser.click(".buy button")
        assert "does not sell so many of these tickets at a time" in browser.text("#errors")


def test_tickets_are_offered_changed_and_taken_down_on_pages(server):
    show, seller = some_show(server), server.sign_up()
    with Cases() as case:
        for scripts, row in ((True, "1"), (False, "2")):
            with case("with scripts" if scripts else "without scripts"):
                with Person(server, seller, javascript=scripts) as person:
                    browser = person.go(f"/shows/{show['id']}").browser
                    browser.click(f"a[href='/shows/{show['id']}/sell']")
                    person.wait_path(f"/shows/{show['id']}/sell")
                    assert "Mono Lake" in browser.text(".lead")
                    browser.fill("#section", "Balcony")
                    browser.fill("#row", row)
                    browser.fill("#seats", "7\n8\n")
                    browser.fill("#price", "abc")
                    browser.click("#form button")
                    browser.find("#price-error")
                    assert browser.find("#seats").value() == "7\n8\n"
                    browser.fill("#price", "20,50")
                    browser.fill("#restrictions", "Bring a cushion")
                    browser.click("#form button")
                    browser.wait_text("h1", "Is this right?")
                    facts = browser.text("main")
                    assert "$20.50" in facts and "2 tickets, $41.00 in all" in facts, facts
                    assert expect(seller.get(f"/api/listings?showId={show['id']}&section=balcony"), 200).json == []
                    browser.click("#form button[value='change']")
                    browser.wait_text("h1", "Sell tickets")
                    assert browser.find("#seats").value().split() == ["7", "8"]
                    browser.click("#form button")
                    browser.wait_text("h1", "Is this right?")
                    browser.click("#form button[value='list']")
                    person.wait_path("/listings/[0-9a-f]{24}")
                    assert "Your tickets are on sale." in browser.text("body")
                    assert len(browser.all("main .rows > li")) == 2 and "$20.50" in browser.text(".facts")
                    here = person.path
                    browser.click(f"a[href='{here}/edit']")
                    person.wait_path(f"{here}/edit")
                    assert browser.find("#price").value() == "20.50"
                    browser.fill("#price", "18")
                    browser.click("#form button")
                    person.wait_path(here)
                    facts = browser.text(".facts")
                    assert "$18.00" in facts and "Bring a cushion" in facts, facts
                    browser.click("#withdraw summary")
                    browser.click("#withdraw button")
                    browser.wait_text("body", "What was left was taken down.")
                    assert "None of these tickets" in browser.text("main")
                    assert not browser.has(f"a[href='{here}/edit']")


def test_whoever_sells_sees_what_others_ask(server):
    show, seller = some_show(server), server.sign_up()
    path = f"/shows/{show['id']}/sell"
    page = read(seller, path).body
    assert b"What others ask" not in page and b"Others ask" not in page
    dear = offer(server.sign_up(), show, row="1", price=80, seats=["1"])
    cheap = offer(server.sign_up(), show, row="2", price=30, seats=["1", "2"])
    page = read(seller, path).body.decode()
    assert "Others ask $30.00 or more" in page
    assert page.index(cheap["id"]) < page.index(dear["id"])


def test_what_was_checked_is_listed_once(server):
    show, seller = some_show(server), server.sign_up()
    path = f"/shows/{show['id']}/sell"
    form = {"section": "Block <b>", "row": "9", "seats": "1\n2", "price": "1250,50", "split": "all", "restrictions": "Quiet"}
    page = send(seller, path, form)
    text = page.body.decode()
    assert page.status == 200 and "$1,250.50" in text and "2 tickets, $2,501.00 in all" in text, text
    assert "Block &lt;b&gt;" in text and "<b>" not in text.split("Block")[1][:12]
    assert expect(seller.get(f"/api/listings?showId={show['id']}"), 200).json == []
    nonce = text.split('name="nonce" value="')[1].split('"')[0]
    answers = [send(seller, path, {**form, "step": "list", "nonce": nonce}) for _ in range(2)]
    assert answers[0].status == 303 and answers[0].headers["Location"] == answers[1].headers["Location"]
    assert len(expect(seller.get(f"/api/listings?showId={show['id']}"), 200).json) == 1


def test_prices_are_read_as_in_the_form_of_a_plain_ticket(server):
    show, seller = some_show(server), server.sign_up()
    form = {"section": "Stalls", "seats": "1", "split": "any"}
    with Cases() as case:
        for typed, shown in (("1,250.5", "$1,250.50"), ("$ 1.250,50", "$1,250.50"), ("20.", "$20.00"), ("19,99", "$19.99")):
            with case(typed):
                for field, other in (("price", {}), ("face", {"price": "5"})):
                    page = send(seller, f"/shows/{show['id']}/sell", {**form, field: typed, **other})
                    assert page.status == 200 and shown in page.body.decode(), page.body


def test_what_is_wrong_with_an_offer_is_said(server):
    show, seller, other = some_show(server), server.sign_up(), server.sign_up()
    offer(other, show)
    form = {"section": "block a", "row": "4", "seats": "12", "price": "20", "split": "any"}
    with Cases() as case:
        for changes, text in (({}, "Seat 12 is on the market already"),
                              ({"seats": ""}, "Name the seats, or say with quantity"),
                              ({"seats": "1\n1"}, "Seat 1 is there twice"),
                              ({"seats": "1", "quantity": "2"}, "Seats names 1 of them"),
                              ({"seats": "1", "price": "0"}, "At least"),
                              ({"seats": "1", "price": "1,250.555"}, "1250.55 or 1250.56"),
                              ({"seats": "1", "price": "20", "face": "1,2"}, "Write it like"),
                              ({"seats": "1", "split": "no_single"}, "choose any"),
                              ({"seats": "1", "section": "x" * 41}, "Write it as it stands on the ticket")):
            with case(changes):
                for step in ({}, {"step": "list"}):
                    answer = send(seller, f"/shows/{show['id']}/sell", {**form, **changes, **step})
                    assert answer.status in (400, 409) and text.encode() in answer.body, answer.body
    for path in ("/shows/zz/sell", "/listings/zz", f"/listings/{show['id']}", f"/listings/{show['id']}/edit"):
        assert seller.get(path).status == 404, path


def test_who_may_not_sell_yet_is_led_to_the_link():
    with Server(env={"CONFIRMED_SELLERS": "on"}) as server:
        show, seller = some_show(server), server.sign_up()
        page = send(seller, f"/shows/{show['id']}/sell", {"seats": "Kept as typed", "price": "20", "split": "any"})
        assert page.status == 403 and b"yours before you sell" in page.body and b"Kept as typed" in page.body
        assert b'href="/account/email"' in page.body


def test_only_its_seller_changes_a_listing(server):
    listing = offer(server.sign_up(), some_show(server))
    path, other = f"/listings/{listing['id']}", server.sign_up()
    assert f"{path}/edit" not in other.get(path).body.decode()
    assert read(other, f"{path}/edit").status in (401, 403)
    for what in ("edit", "withdraw"):
        answer = send(other, f"{path}/{what}", {"price": "1", "split": "any"})
        assert answer.status in (401, 403), answer
        assert server.client().get(f"{path}/{what}").status in (200, 303)
    assert expect(other.get(f"/api{path}"), 200).json["price"] == 49.9


def test_a_ticket_of_a_listing_has_no_form_of_its_own(server):
    seller = server.sign_up()
    listing = offer(seller, some_show(server))
    ticket = listing["tickets"][0]["id"]
    page = seller.get(f"/tickets/{ticket}").body.decode()
    assert f"/listings/{listing['id']}/edit" in page and 'id="form"' not in page
    page = seller.get("/selling").body.decode()
    assert f"/listings/{listing['id']}/edit" in page and f"/selling/{ticket}/price" not in page


def test_nothing_is_sold_of_a_show_that_does_not_take_place(server):
    staff = staff_of(server)
    show = make_show(staff, make_venue(staff))
    seller = server.sign_up()
    listing = offer(seller, show)
    expect(staff.post(f"/api/shows/{show['id']}/cancel", {}), 200)
    wait_for(lambda: b"show was cancelled" in seller.get(f"/listings/{listing['id']}").body, 10, "it is said")
    page = server.client().get(f"/shows/{show['id']}").body.decode()
    assert "/sell" not in page and listing["id"] not in page


def test_axe_finds_nothing_on_the_pages_of_listings(server):
    show, seller = some_show(server), server.sign_up()
    listing = offer(seller, show)
    reserve(server.sign_up(), listing["tickets"][0]["id"])
    pages = [f"/shows/{show['id']}", f"/shows/{show['id']}/sell", f"/listings/{listing['id']}",
             f"/listings/{listing['id']}/edit"]
    with Cases() as case:
        for size in (WIDE, PHONE):
            with Person(server, seller, **size) as person:
                for path in pages:
                    with case(f"{path} {size}"):
                        found = axe(person.go(path).browser)
                        assert not found, "\n".join(found)
