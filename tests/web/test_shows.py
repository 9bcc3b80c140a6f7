"""Proves what everybody sees of shows and venues: when in local time, where, and whether it takes
place, with and without scripts."""

import datetime
import json
import re

from boxoffice import TEST_PASSWORD, Server, run_cli, sanitizer
from check import Cases, Skip, expect
from test_forms import read
from web import PHONE, WIDE, Person, axe

YEAR = datetime.datetime.now(datetime.timezone.utc).year + 1


def staff_of(server):
    user = server.sign_up()
    run_cli("users", "grant", user.email, "catalogue", "--data", server.data)
    client = server.client()
    expect(client.post("/api/users/signin", {"email": user.email, "password": TEST_PASSWORD}), 200)
    return client


def make_venue(client, **changes):
    body = {"name": "Astra Kulturhaus", "city": "Berlin", "country": "DE",
            "timeZone": "Europe/Berlin", **changes}
    return expect(client.post("/api/venues", body), 201).json


def make_show(client, venue, **changes):
    body = {"venueId": venue["id"], "title": "Mono Lake", "performers": ["Mono Lake", "Río"],
            "category": "music", "startsAt": f"{YEAR}-07-01T19:30",
            "doorsAt": f"{YEAR}-07-01T18:00", **changes}
    return expect(client.post("/api/shows", body), 201).json


def test_a_show_says_when_where_and_whether_it_takes_place(server):
    staff = staff_of(server)
    venue = make_venue(staff)
    show = make_show(staff, venue)
    day = datetime.date(YEAR, 7, 1).strftime("%A, 1 July %Y, 19:30")
    with Cases() as case:
        for scripts in (True, False):
            with case("with scripts" if scripts else "without scripts"):
                with Person(server, javascript=scripts) as person:
                    browser = person.go(f"/shows/{show['id']}").browser
                    assert browser.text("h1") == "Mono Lake"
                    facts = browser.text(".facts")
                    for part in (day, "18:00", "Time in Berlin (Europe/Berlin)", "Astra Kulturhaus"):
                        assert part in facts, (part, facts)
                    assert not browser.has(".state")
                    browser.click(".facts a")
                    person.wait_path(f"/venues/{venue['id']}")
                    assert "Mono Lake" in browser.text(".rows") and day in browser.text(".rows")
    expect(staff.post(f"/api/shows/{show['id']}/postpone", {}), 200)
    page = server.client().get(f"/shows/{show['id']}").body.decode()
    assert "Postponed. A new day is not known yet." in page and "Was to start" in page
    expect(staff.post(f"/api/shows/{show['id']}/cancel", {}), 200)
    assert "Cancelled. It does not take place." in \
        server.client().get(f"/shows/{show['id']}").body.decode()
    assert "Cancelled" in server.client().get(f"/venues/{venue['id']}").body.decode()


def test_events_are_found_by_name_place_and_day(server):
    staff = staff_of(server)
    here, there = make_venue(staff, city="Linz"), make_venue(staff, city="Graz", name="Orpheum")
    for day in range(1, 29):
        make_show(staff, here, title=f"Zabriskie {day}", startsAt=f"{YEAR}-02-{day:02}T20:00", doorsAt=None)
    make_show(staff, there, title="Zabriskie far away")
    with Cases() as case:
        for scripts in (True, False):
            with case("with scripts" if scripts else "without scripts"):
                with Person(server, javascript=scripts) as person:
                    browser = person.go("/").browser
                    browser.fill("#q", "zabriskei")
                    browser.click(".find button")
                    person.wait_path(r"/shows\?q=zabriskei.*")
                    assert "zabriskei" in browser.text("main [role=status]")
                    assert len(browser.all(".rows > li")) == 24
                    browser.click(".more a")
                    person.wait_path(r"/shows\?q=zabriskei.*after=.*")
                    assert len(browser.all(".rows > li")) == 5
                    person.go(f"/shows?q=zabriskie&city=graz&from={YEAR}-06-01&to={YEAR}-07-31")
                    assert "far away" in browser.text(".rows") and "Orpheum, Graz" in browser.text(".rows")
                    browser.click(".rows a")
                    person.wait_path("/shows/[0-9a-f]{24}-zabriskie-far-away")
                    person.go("/shows?q=zabriskie&city=nowhere")
                    assert browser.has(".empty")
    wrong = server.client().get("/shows?q=" + "x" * 10_000)
    assert wrong.status == 400 and b'href="#q"' in wrong.body and b"Use at most 200 characters" in wrong.body
    again = server.client().get("/shows?q=x%26&city=Graz&when=week&after=1")
    assert again.headers["location"] == "/shows?q=x%26&city=Graz&when=week"
    assert server.client().get("/shows?after=1").headers["location"] == "/shows"
    wrong = server.client().get("/shows?when=never")
    assert wrong.status == 400 and b"name days with from and to" in wrong.body


def test_home_leads_to_what_is_on_soon_by_day_and_by_place(server):
    staff = staff_of(server)
    today = datetime.datetime.now(datetime.timezone.utc).date()
    soon = make_show(staff, make_venue(staff, city="Feldkirch", name="Stockwerk"), title="Tonight or so",
                     startsAt=f"{today + datetime.timedelta(days=1)}T12:00", doorsAt=None)
    with Cases() as case:
        for scripts in (True, False):
            with case("with scripts" if scripts else "without scripts"):
                with Person(server, None, javascript=scripts) as person:
                    browser = person.go("/").browser
                    assert "Tonight or so" in browser.texts("main .rows")[0], browser.texts("main")
                    [week] = [chip for chip in browser.all(".chips a") if chip.text == "Next 7 days"]
                    week.click()
                    person.wait_path(r"/shows\?.*when=week")
                    assert browser.has(".chips a[aria-current]") and "Tonight or so" in browser.text("main .rows")
                    browser.fill("#q", "tonight")
                    browser.click(".find button")
                    person.wait_path(r"/shows\?.*q=tonight.*when=week.*")
                    browser.click(".chips a[aria-current]")  # once more: any day
                    person.wait_path(r"/shows\?q=tonight&city=")
                    assert not browser.has(".chips a[aria-current]") and "Tonight or so" in browser.text("main .rows")
                    browser.click(f"main .rows a[href^='/shows/{soon['id']}']")
                    person.go("/")
                    [town] = [chip for chip in browser.all(".chips a") if chip.text == "Feldkirch"]
                    town.click()
                    person.wait_path(r"/shows\?city=Feldkirch")
                    assert browser.text("main .rows").count("Feldkirch") == 1
                    assert browser.find("#city").value() == "Feldkirch"


def test_an_address_has_the_title_in_it_and_programs_read_what_it_is(server):
    staff = staff_of(server)
    venue = make_venue(staff, coordinates={"latitude": 52.507211, "longitude": 13.451668})
    show = make_show(staff, venue, title='Möno "Lake" & 東京')
    right = f"/shows/{show['id']}-mono-lake"
    client, base = server.client(), f"http://{server.host}:{server.port}"
    for path in (f"/shows/{show['id']}", right):
        answer = client.get(path)
        assert answer.status == 200, answer
        page = answer.body.decode()
        assert f'<link rel="canonical" href="{base}{right}">' in page
        assert f'content="{base}{right}"' in page  # Open Graph
        told = json.loads(re.search(r'<script type="application/ld\+json">(.*?)</script>', page)[1])
        assert (told["@type"], told["name"], told["startDate"], told["doorTime"]) == \
            ("MusicEvent", show["title"], show["startsAtLocal"], show["doorsAtLocal"])
        assert told["url"] == base + right and told["eventStatus"].endswith("/EventScheduled")
        assert told["location"]["address"] == {
            "@type": "PostalAddress", "addressLocality": "Berlin", "addressCountry": "DE"}
        assert told["location"]["geo"]["latitude"] == "52.507211"
        assert [player["name"] for player in told["performer"]] == show["performers"]
        assert "https://www.openstreetmap.org/?mlat=52.507211&amp;mlon=13.451668#" in page
    for other in ("-mono", "-mono-lake-", "-"):
        answer = client.get(f"/shows/{show['id']}{other}")
        assert (answer.status, answer.headers["location"]) == (301, right), other
    for other in ("x", "/mono-lake"):
        assert client.get(f"/shows/{show['id']}{other}").status == 404
    assert f"<loc>{base}{right}</loc>" in client.get("/sitemap.xml").body.decode()
    for act, word in (("postpone", "EventPostponed"), ("cancel", "EventCancelled")):
        expect(staff.post(f"/api/shows/{show['id']}/{act}", {}), 200)
        assert f"https://schema.org/{word}" in client.get(right).body.decode()


def test_a_proposal_is_shown_to_nobody_else(server):
    seller = server.sign_up()
    show = make_show(seller, make_venue(seller))
    assert server.client().get(f"/shows/{show['id']}").status == 404
    page = seller.get(f"/shows/{show['id']}")
    assert page.status == 200 and b"waits to be looked at" in page.body
    assert b'<meta name="robots" content="noindex">' in page.body


def test_the_page_of_what_was_merged_leads_on_for_good(server):
    staff = staff_of(server)
    venue, twin = make_venue(staff), make_venue(staff)
    show, double = make_show(staff, venue), make_show(staff, twin)
    for kind, gone, to in (("venues", twin, venue), ("shows", double, show)):
        expect(staff.post(f"/api/{kind}/{gone['id']}/merge", {"into": to["id"]}), 200)
        answer = server.client().get(f"/{kind}/{gone['id']}")
        assert (answer.status, answer.headers["location"]) == (308, f"/{kind}/{to['id']}")


def test_titles_are_escaped_and_keep_to_themselves(server):
    staff = staff_of(server)
    venue = make_venue(staff, name="<b>Hall</b>")
    show = make_show(staff, venue, title='"><script>alert(1)</script>', performers=["<i>x</i>"])
    for path in (f"/shows/{show['id']}", f"/venues/{venue['id']}"):
        page = server.client().get(path).body
        assert b"<script>alert" not in page and b"<b>Hall" not in page and b"<i>x" not in page


def test_what_is_not_there_is_a_page_that_says_so(server):
    for path in ("/shows/nothing", "/shows/" + "0" * 24, "/venues/nothing", "/venues/" + "0" * 24):
        assert server.client().get(path).status == 404, path


def test_axe_finds_nothing_on_shows_and_venues():
    with Server() as server:
        staff = staff_of(server)
        venue, empty = make_venue(staff), make_venue(staff, name="x" * 72)
        shows = [make_show(staff, venue, title=title) for title in ("Mono Lake", "x" * 200, "東京")]
        expect(staff.post(f"/api/shows/{shows[1]['id']}/cancel", {}), 200)
        expect(staff.post(f"/api/shows/{shows[2]['id']}/postpone", {}), 200)
        paths = [f"/shows/{show['id']}" for show in shows] + \
            [f"/venues/{venue['id']}", f"/venues/{empty['id']}"]
        with Cases() as case:
            for size in (WIDE, PHONE):
                with Person(server, **size) as person:
                    for path in paths:
                        with case((size, path)):
                            person.go(path)
                            assert axe(person.browser) == []
                            assert person.browser.run(
                                "return document.documentElement.scrollWidth <= innerWidth")
