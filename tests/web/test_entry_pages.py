"""Proves the pages of what opens doors: the list by date, one with its code, which a reader of QR codes takes
off the screen, and its calendar; with and without scripts."""

import base64
import json
import os
import re
import subprocess
import tempfile
import zoneinfo
from datetime import datetime

from boxoffice import Server, buy, run_cli
from check import Cases, expect, wait_for
from test_forms import read
from test_listing_pages import offer
from test_shows import make_show, make_venue, staff_of
from web import PHONE, WIDE, Person


def holder(server, **changes):
    """A buyer with two entries of one listing, and those."""
    staff = staff_of(server)
    show = make_show(staff, make_venue(staff))
    listing = offer(server.sign_up(), show, **changes)
    buyer = server.sign_up()
    for ticket in listing["tickets"][:2]:
        buy(buyer, ticket["id"])
    entries = wait_for(lambda: (lambda found: found if len(found) == 2 else None)(
        expect(buyer.get("/api/entries"), 200).json), 20, "two entries")
    return buyer, entries


def scanned(browser):
    """What a reader of QR codes makes of the code on the screen."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "page.png")
        browser.screenshot(path)
        done = subprocess.run(["zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", path],
                              capture_output=True, text=True, check=False)
        return done.stdout.strip()


def test_a_code_is_read_off_the_screen(server):
    buyer, entries = holder(server)
    code = expect(buyer.get(f"/api/entries/{entries[0]['id']}"), 200).json["code"]
    with Cases() as case:
        for name, options in {"wide": WIDE, "phone": PHONE, "dark": {**PHONE, "dark": True},
                              "without scripts": {**PHONE, "javascript": False}}.items():
            with case(name), Person(server, buyer, **options) as person:
                browser = person.go("/my-tickets").browser
                assert len(browser.all(".rows > li")) == 2, browser.text("main")
                browser.click(f".rows a[href='/my-tickets/{entries[0]['id']}']")
                person.wait_path("/my-tickets/[0-9a-f]{24}")
                assert scanned(browser) == code
                text = browser.text("main")
                serial = entries[0]["serial"]
                assert f"{serial[:4]} {serial[4:]}" in text and "Block A, row 4, seat 12" in text, text
                assert buyer.email in text and "Under 16 with an <adult>" in text, text


def test_the_page_is_small_and_its_own(server):
    buyer, entries = holder(server)
    path = f"/my-tickets/{entries[0]['id']}"
    page = read(buyer, path)
    assert len(page.body) < 30 * 1024, len(page.body)
    assert page.headers["Cache-Control"] == "no-store"
    size, = re.findall(r'<svg viewBox="0 0 (\d+) \1" role="img"', page.body.decode())
    assert int(size) == 41 + 8, "version 6 and its quiet zone"
    for other in (server.sign_up(), server.client()):
        assert other.get(path).status in (303, 401, 403), other.get(path)
        assert other.get(path + "/event.ics").status in (303, 401, 403)
    assert buyer.get("/my-tickets/17").status == 404


def test_it_is_printed_on_one_page_black_on_white(server):
    buyer, entries = holder(server)
    code = expect(buyer.get(f"/api/entries/{entries[0]['id']}"), 200).json["code"]
    with Person(server, buyer, **{**WIDE, "dark": True}) as person:
        browser = person.go(f"/my-tickets/{entries[0]['id']}").browser
        pdf = base64.b64decode(browser.devtools("Page.printToPDF")["data"])
        assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1
        browser.devtools("Emulation.setEmulatedMedia", media="print")
        assert scanned(browser) == code
        shown = browser.text("body")
        assert "Add to calendar" not in shown and entries[0]["show"]["title"] in shown, shown


def give_back(server, entry):
    """The money of its order goes back."""
    listed = json.loads(run_cli("payments", "list", "--limit", "100", "--data", server.data).stdout)
    payment, = [each["id"] for each in listed if each["orderId"] == entry["orderId"]]
    done = run_cli("payments", "refund", payment, "--data", server.data)
    assert done.returncode == 0, done


def test_void_shows_no_code(server):
    buyer, entries = holder(server)
    give_back(server, entries[0])
    path = f"/my-tickets/{entries[0]['id']}"
    wait_for(lambda: "This ticket is void" in read(buyer, path).body.decode(), 10, "it to be void")
    assert "<svg viewBox=\"0 0 49" not in read(buyer, path).body.decode()
    assert "Void" in read(buyer, "/my-tickets").body.decode()
    assert "STATUS:CANCELLED" in read(buyer, path + "/event.ics").body.decode()


def test_where_the_seller_hands_it_over_there_is_no_code(server):
    buyer, entries = holder(server, delivery="upload")
    page = read(buyer, f"/my-tickets/{entries[0]['id']}").body.decode()
    assert "Your seller hands over" in page and "<svg viewBox=\"0 0 49" not in page


def unfolded(body):
    """The content lines of RFC 5545 (section 3.1), each (name, parameters, value)."""
    assert body.endswith(b"\r\n") and b"\n" not in body.replace(b"\r\n", b"")
    for line in body.split(b"\r\n"):
        assert len(line) <= 75, line
        line.decode()  # no character is cut in two
    for line in body.decode().replace("\r\n ", "").split("\r\n")[:-1]:
        head, value = line.split(":", 1)
        name, *parameters = head.split(";")
        assert re.fullmatch("[A-Z-]+", name), line
        yield name, dict(each.split("=", 1) for each in parameters), value


def parts(body):
    """{component: {name: (parameters, value)}}; each is closed where it belongs."""
    found, stack = {}, []
    for name, parameters, value in unfolded(body):
        if name == "BEGIN":
            stack.append(value)
        elif name == "END":
            assert stack.pop() == value
        else:
            assert name not in found.setdefault(stack[-1], {}), name
            found[stack[-1]][name] = (parameters, value)
    assert not stack
    return found


def text_of(value):
    return re.sub(r"\\([\\;,nN])", lambda found: "\n" if found[1] in "nN" else found[1], value)


def test_the_calendar_has_the_right_moment_in_the_venues_zone(server):
    staff = staff_of(server)
    title = "Ärger; im Paradies, " + "ganz lange, " * 12 + "☃"
    venue = make_venue(staff)
    buyer, cases = server.sign_up(), {}
    for local in ("2097-07-01T19:30", "2097-12-01T20:15"):
        show = make_show(staff, venue, title=title[:150], startsAt=local,
                         doorsAt=local[:11] + "18:00")
        ticket = offer(server.sign_up(), show)["tickets"][0]
        cases[buy(buyer, ticket["id"])["id"]] = show
    entries = wait_for(lambda: (lambda found: found if len(found) == 2 else None)(
        expect(buyer.get("/api/entries"), 200).json), 20, "two entries")
    with Cases() as case:
        for entry in entries:
            show = cases[entry["orderId"]]
            with case(show["startsAt"]):
                answer = read(buyer, f"/my-tickets/{entry['id']}/event.ics")
                assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
                assert answer.headers.get_all("X-Content-Type-Options") == ["nosniff"], answer.headers
                found = parts(answer.body)
                assert found["VCALENDAR"]["VERSION"][1] == "2.0" and found["VCALENDAR"]["PRODID"][1]
                event = found["VEVENT"]
                assert event["UID"][1] == entry["id"] and re.fullmatch(r"\d{8}T\d{6}Z", event["DTSTAMP"][1])
                assert text_of(event["SUMMARY"][1]) == show["title"]
                assert text_of(event["LOCATION"][1]).startswith(entry["venue"]["name"])
                assert entry["seat"] in text_of(event["DESCRIPTION"][1])
                assert event["STATUS"][1] == "CONFIRMED" and event["URL"][1].endswith(f"/my-tickets/{entry['id']}")
                parameters, start = event["DTSTART"]
                zone = found["VTIMEZONE"]["TZID"][1]
                assert parameters == {"TZID": zone} and zone == entry["venue"]["timeZone"]
                moment = datetime.strptime(start, "%Y%m%dT%H%M%S").replace(tzinfo=zoneinfo.ZoneInfo(zone))
                assert moment == datetime.fromisoformat(show["startsAt"].replace("Z", "+00:00"))
                offset = datetime.strptime(f"{start}{found['STANDARD']['TZOFFSETTO'][1]}", "%Y%m%dT%H%M%S%z")
                assert offset == moment, "for who does not know the zone"


def test_one_comes_from_the_order_to_the_code(server):
    buyer, entries = holder(server)
    with Person(server, buyer) as person:
        browser = person.go(f"/orders/{entries[0]['orderId']}").browser
        browser.click("main a[href='/my-tickets']")
        person.wait_path("/my-tickets")
        assert entries[0]["show"]["title"] in browser.text(".rows")
        browser.click("a[href='/my-tickets?when=past']")
        browser.wait_text("main", "No tickets of the past")


def test_the_list_has_pages(server):
    staff = staff_of(server)
    show = make_show(staff, make_venue(staff))
    buyer = server.sign_up()
    listing = offer(server.sign_up(), show, seats=[str(n) for n in range(60)])
    order = wait_for(lambda: (lambda a: a if a.status == 201 else None)(
        buyer.post("/api/orders", {"listingId": listing["id"], "quantity": 60})), 20, "an order").json
    wait_for(lambda: buyer.post("/api/payments", {"token": "tok_visa", "orderId": order["id"]}).status == 201, 20, "it paid")
    wait_for(lambda: len(expect(buyer.get("/api/entries"), 200).json) == 60, 20, "sixty entries")
    found, path = [], "/my-tickets"
    while path:
        page = read(buyer, path).body.decode()
        found += re.findall(r'href="/my-tickets/([0-9a-f]{24})"', page)
        more = re.search(r'class="more"><a class="btn btn-quiet" href="([^"]+)"', page)
        path = more and more[1].replace("&amp;", "&")
    assert len(found) == len(set(found)) == 60
    assert buyer.get("/my-tickets/000000000000000000000000").status == 404


def kept(browser):
    """The addresses of what the browser keeps of tickets."""
    return browser.run("""return (async () => {
        const found = [];
        for (const name of await caches.keys())
            for (const each of await (await caches.open(name)).keys()) found.push(new URL(each.url).pathname);
        return found;
    })()""")


def test_it_opens_without_a_network():
    with Server() as server:
        buyer, entries = holder(server)
        path = f"/my-tickets/{entries[0]['id']}"
        code = expect(buyer.get(f"/api/entries/{entries[0]['id']}"), 200).json["code"]
        with Person(server, buyer, **PHONE) as person:
            browser = person.go(path).browser
            browser.find("[data-keep=done]")
            browser.reload()
            browser.find("[data-keep=done]")
            assert not browser.has("body[data-kept]"), "with a network it is fresh"
            server.stop()
            browser.reload()
            browser.find("body[data-kept]")
            assert scanned(browser) == code
            browser.wait_text("#offline", "Not live, last at")
            browser.click(".back a")
            person.wait_path("/my-tickets")
            assert len(browser.all(".rows > li")) == 2
        server.start()


def test_what_became_void_is_kept_without_its_code():
    with Server() as server:
        buyer, entries = holder(server)
        path = f"/my-tickets/{entries[0]['id']}"
        with Person(server, buyer, **PHONE) as person:
            browser = person.go(path).browser
            browser.find("[data-keep=done]")
            give_back(server, entries[0])
            wait_for(lambda: "This ticket is void" in read(buyer, path).body.decode(), 10, "it to be void")
            browser.reload()
            browser.find("[data-keep=done]")
            server.stop()
            browser.reload()
            browser.find("body[data-kept]")
            assert "This ticket is void" in browser.text("main") and not browser.has(".entry-code")
        server.start()


def test_who_signs_out_or_comes_next_finds_nothing_of_it(server):
    buyer, entries = holder(server)
    path = f"/my-tickets/{entries[0]['id']}"
    with Cases() as case:
        for what in ("another account", "signed out"):
            with case(what), Person(server, buyer, **PHONE) as person:
                browser = person.go(path).browser
                browser.find("[data-keep=done]")
                assert path in kept(browser) and "/my-tickets" in kept(browser)
                if what == "signed out":
                    person.go("/auth/signout").browser.click("main form button")
                else:
                    browser.cookies(server.sign_up().cookies, person.base)
                    person.go("/")
                wait_for(lambda: not kept(browser), 10, lambda: kept(browser))
