"""Proves the pages on which staff look after venues and shows, and those on which anybody proposes
them: with scripts and without, by keys alone, and with nothing typed ever lost."""

import datetime

from boxoffice import TEST_PASSWORD, run_cli
from browser import KEYS
from check import Cases, expect, wait_for
from session import expired_cookies
from test_shows import make_show, make_venue
from web import MARKUP, Person

SERVER = {}
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
YEAR = datetime.datetime.now(datetime.timezone.utc).year + 1


def staff_of(server, role="catalogue"):
    user = server.sign_up()
    run_cli("users", "grant", user.email, role, "--data", server.data)
    client = server.client()
    expect(client.post("/api/users/signin", {"email": user.email, "password": TEST_PASSWORD}), 200)
    client.email, client.user_id = user.email, user.user_id
    return client


def fill_time(browser, selector, local):
    """Types a date and a time into a browser's own field for them, as its English has it."""
    date, time = local.split("T")
    year, month, day = date.split("-")
    hour, minute = int(time[:2]), time[3:]
    field = browser.find(selector)
    field.clear()
    half = "PM" if hour >= 12 else "AM"
    field.type(f"{month}{day}{year}{KEYS['tab']}{hour % 12 or 12:02}{minute}{half}")


def fill_venue(browser, **changes):
    for name, value in {"name": "Astra Kulturhaus", "city": "Berlin", "country": "de",
                        "timezone": "Europe/Berlin", "latitude": "52,507211", "longitude": "13.451668",
                        **changes}.items():
        browser.fill(f"#{name}", value)


def choose(browser, selector, text):
    """An option of a select, by what it says."""
    for option in browser.all(f"{selector} option"):
        if text in option.text:
            option.click()
            return
    raise AssertionError(f"{selector} has no {text}")


def send(browser):
    browser.click("#form button")


def test_staff_make_a_venue_and_a_show_and_correct_them(server):
    for javascript in (True, False):
        staff = staff_of(server)
        with Person(server, staff, javascript=javascript) as person:
            browser = person.go("/").browser
            browser.click(".account summary")
            browser.click(".sheet a[href='/admin']")
            person.wait_path(r"/admin/shows\?status=proposed")
            browser.click(".pick a[href='/admin/venues']")
            person.wait_path("/admin/venues")
            browser.click(".bar a[href='/venues/new']")
            person.wait_path("/venues/new")
            fill_venue(browser)
            send(browser)
            venue = person.wait_path("/admin/venues/([0-9a-f]{24})")[1]
            kept = expect(staff.get(f"/api/venues/{venue}"), 200).json
            assert (kept["country"], kept["status"]) == ("DE", "accepted"), kept
            assert kept["coordinates"] == {"latitude": 52.507211, "longitude": 13.451668}, kept
            browser.wait_text(".notice", "everybody can see it")
            browser.fill("#city", "Potsdam")
            send(browser)
            browser.wait_text(".notice", "Saved.")
            assert expect(staff.get(f"/api/venues/{venue}"), 200).json["city"] == "Potsdam"
            person.go(f"/shows/new?venue={venue}")
            browser.fill("#title", "Mono Lake")
            browser.fill("#performers", "Mono Lake\nRío")
            choose(browser, "#category", "Music")
            fill_time(browser, "#starts", f"{YEAR}-07-01T19:30")
            browser.fill("#most", "4")
            browser.fill("#resale", "12,5")
            send(browser)
            show = person.wait_path("/admin/shows/([0-9a-f]{24})")[1]
            kept = expect(staff.get(f"/api/shows/{show}"), 200).json
            assert kept["startsAtLocal"] == f"{YEAR}-07-01T19:30+02:00", kept
            assert kept["performers"] == ["Mono Lake", "Río"], kept
            assert kept["rules"] == {"maxPerBuyer": 4, "maxOverFaceBps": 1250}, kept
            assert (kept["venueId"], kept["status"]) == (venue, "scheduled"), kept
            assert browser.find("#resale").value() == "12.5"
            browser.fill("#title", "Mono Lake II")
            send(browser)
            browser.wait_text(".notice", "Saved.")
            again = expect(staff.get(f"/api/shows/{show}"), 200).json
            assert again == {**kept, "title": "Mono Lake II", "version": 1}, again


def test_who_is_not_signed_in_comes_back_and_keeps_what_was_typed(server):
    staff = staff_of(server)
    venue = make_venue(staff)
    with Person(server) as person:
        for path in ("/admin/shows", f"/admin/venues/{venue['id']}", "/venues/new"):
            person.go(path)
            person.wait_path(r"/auth/signin\?next=.*")
            browser = person.browser
            browser.fill("#email", staff.email)
            browser.fill("#password", TEST_PASSWORD)
            browser.click("main form button")
            person.wait_path(path)
            browser.cookies({"session": ""}, person.base)
    for path, field in ((f"/admin/venues/{venue['id']}", "name"), ("/venues/new", "name"),
                        (f"/admin/shows/{make_show(staff, venue)['id']}/cancel", "reason")):
        with Person(server, staff, javascript=False) as person:
            browser = person.go(path).browser
            browser.fill(f"#{field}", "Typed before it ended")
            browser.cookies(expired_cookies(server.key(), staff), person.base)
            send(browser)
            browser.fill("#email", staff.email)
            browser.fill("#password", TEST_PASSWORD)
            browser.click("main form button")
            person.wait_path(path)
            assert browser.find(f"#{field}").value() == "Typed before it ended", path
    assert expect(staff.get(f"/api/venues/{venue['id']}"), 200).json["version"] == 0


def test_who_has_not_the_role_reads_so(server):
    staff, other = staff_of(server), server.sign_up()
    venue = make_venue(staff)
    show = make_show(staff, venue)
    paths = ["/admin/shows", "/admin/venues"] + [f"/admin/{kind}/{thing['id']}{act}"
             for kind, thing in (("venues", venue), ("shows", show)) for act in ("", "/merge")]
    finance = staff_of(server, "finance")
    with Cases() as case:
        for path in paths:
            with case(path):
                for client in (other, finance):
                    answer = client.get(path)
                    assert answer.status == 403, answer
                    assert "These pages are for staff" in answer.body.decode()
        with case("menu"):
            assert "/admin" not in other.get("/").body.decode()
            assert "/admin" in staff.get("/").body.decode()
        for path in (f"/admin/shows/{show['id']}/cancel", f"/admin/shows/{show['id']}"):
            with case(f"POST {path}"):
                answer = other.request("POST", path, raw=b"version=0", headers=FORM)
                assert answer.status == 403, answer
    assert expect(staff.get(f"/api/shows/{show['id']}"), 200).json["version"] == 0


def test_who_was_slower_keeps_what_was_typed_and_sees_what_is_there(server):
    staff = staff_of(server)
    venue = make_venue(staff)
    show = make_show(staff, venue)
    for javascript in (True, False):
        for kind, thing, field, body, other in (
                ("venues", venue, "name", {"city": "Potsdam"}, "city"),
                ("shows", show, "title", {"performers": ["Somebody else"]}, "performers")):
            with Person(server, staff, javascript=javascript) as person:
                browser = person.go(f"/admin/{kind}/{thing['id']}").browser
                present = expect(staff.get(f"/api/{kind}/{thing['id']}"), 200).json
                body = {**present, **body, field: f"Faster {javascript}"}
                expect(staff.put(f"/api/{kind}/{thing['id']}", body), 200)
                browser.fill(f"#{field}", "Slower")
                send(browser)
                browser.wait_text("#errors", "Somebody else changed this")
                assert browser.title.startswith("Error: "), browser.title
                assert browser.find(f"#{field}").value() == "Slower"
                assert f"Now it is Faster {javascript}" in browser.text(f"#{field}-now")
                assert not browser.has("#country-now") and not browser.has("#category-now")
                assert browser.has(f"#{other}-now"), other
                send(browser)
                browser.wait_text(".notice", "Saved.")
                assert expect(staff.get(f"/api/{kind}/{thing['id']}"), 200).json[field] == "Slower"


def test_cancel_and_postpone_say_what_they_do_and_ask_first(server):
    staff = staff_of(server)
    venue = make_venue(staff)
    show = make_show(staff, venue)
    path = f"/admin/shows/{show['id']}"
    with Person(server, staff) as person:
        browser = person.go(path).browser
        browser.click(f"a[href='{path}/postpone']")
        person.wait_path(f"{path}/postpone")
        assert "Nobody can order tickets for it until it has one" in browser.text("main")
        assert "Mono Lake" in browser.text("main")
        assert expect(staff.get(f"/api/shows/{show['id']}"), 200).json["status"] == "scheduled"
        browser.fill("#reason", "illness")
        send(browser)
        person.wait_path(path)
        browser.wait_text(".notice", "It is postponed.")
        browser.click(f"a[href='{path}/reschedule']")
        fill_time(browser, "#starts", f"{YEAR}-09-01T20:00")
        browser.find("#doors").clear()
        send(browser)
        person.wait_path(path)
        browser.wait_text(".notice", "It has its new day.")
        assert expect(staff.get(f"/api/shows/{show['id']}"), 200).json["startsAtLocal"] == \
            f"{YEAR}-09-01T20:00+02:00"
        browser.click(f"a[href='{path}/cancel']")
        assert "for good" in browser.text("main")
        expect(staff.post(f"/api/shows/{show['id']}/postpone", {}), 200)  # somebody else
        browser.fill("#reason", "kept as typed")
        send(browser)
        browser.wait_text("#errors", "Somebody else changed this")
        assert browser.find("#reason").value() == "kept as typed"
        send(browser)
        browser.wait_text(".notice", "It is cancelled.")
        assert not browser.has(".acts") and not browser.has("#form"), "nothing follows on that"
        person.go(f"{path}/postpone")
        assert "not possible as it is now" in browser.text("main") and not browser.has("#form")


def test_a_time_that_clocks_skip_or_show_twice_is_named_and_can_be_written(server):
    staff = staff_of(server)
    venue = make_venue(staff)
    for javascript in (True, False):
        with Person(server, staff, javascript=javascript) as person:
            browser = person.go(f"/shows/new?venue={venue['id']}").browser
            browser.fill("#title", "In the night")
            choose(browser, "#category", "Music")
            fill_time(browser, "#starts", "2027-03-28T02:30")
            send(browser)
            browser.wait_text("#starts-error", "2027-03-28T01:30+01:00 or 2027-03-28T03:30+02:00")
            assert browser.find("#starts").value() == "2027-03-28T02:30"
            browser.fill("#starts", "2027-10-31T02:30")
            send(browser)
            browser.wait_text("#starts-error", "2027-10-31T02:30+02:00 or 2027-10-31T02:30+01:00")
            assert browser.find("#title").value() == "In the night"
            browser.fill("#starts", "2027-10-31 02:30+01:00")
            send(browser)
            show = person.wait_path("/admin/shows/([0-9a-f]{24})")[1]
            kept = expect(staff.get(f"/api/shows/{show}"), 200).json
            assert kept["startsAtLocal"] == "2027-10-31T02:30+01:00", kept
            browser.fill("#title", "In the small hours")
            send(browser)
            browser.wait_text(".notice", "Saved.")
            kept = expect(staff.get(f"/api/shows/{show}"), 200).json
            assert (kept["title"], kept["startsAtLocal"]) == \
                ("In the small hours", "2027-10-31T02:30+01:00"), kept


def test_what_one_proposes_is_accepted_or_refused_and_one_reads_why(server):
    staff = staff_of(server)
    hall = make_venue(staff)
    for javascript in (True, False):
        seller = server.sign_up()
        with Person(server, seller, javascript=javascript) as person, \
                Person(server, staff, javascript=javascript) as boss:
            browser, desk = person.go("/tickets/new").browser, boss.browser
            browser.click("main a[href='/shows/new']")
            person.wait_path("/shows/new")
            browser.click("main a[href='/venues/new']")
            person.wait_path("/venues/new")
            fill_venue(browser, name=f"Cellar {javascript}", latitude="", longitude="")
            send(browser)
            person.wait_path("/selling/proposals")
            browser.wait_text(".notice", "waits to be looked at")
            for title, where in (("Taken", f"Cellar {javascript}"), ("Not taken", hall["name"])):
                person.go("/shows/new")
                assert not browser.has("#most"), "limits are the matter of staff"
                browser.fill("#title", title)
                choose(browser, "#venue", where)
                choose(browser, "#category", "Comedy")
                fill_time(browser, "#starts", f"{YEAR}-07-01T19:30")
                send(browser)
                person.wait_path("/selling/proposals")
            assert [row.split("\n")[-1] for row in browser.texts(".rows li")] == ["Waiting"] * 3
            titles = {row["title"]: row["id"] for row in seller.get("/api/shows/mine").json}
            venue = seller.get("/api/venues/mine").json[0]["id"]
            boss.go("/admin/shows?status=proposed")
            desk.click(f"a[href='/admin/shows/{titles['Taken']}']")
            boss.wait_path(f"/admin/shows/{titles['Taken']}")
            desk.click(".acts button")
            desk.wait_text("#errors", "venue")  # which is only proposed itself
            boss.go(f"/admin/venues/{venue}")
            desk.click(".acts button")
            desk.wait_text(".notice", "It is accepted.")
            boss.go(f"/admin/shows/{titles['Taken']}")
            desk.click(".acts button")
            desk.wait_text(".notice", "It is accepted.")
            boss.go(f"/admin/shows/{titles['Not taken']}")
            desk.click(f"a[href='/admin/shows/{titles['Not taken']}/refuse']")
            desk.fill("#reason", "It is on another day.")
            send(desk)
            desk.wait_text(".notice", "It is refused.")
            person.go("/selling").browser.click("a[href='/selling/proposals']")
            person.wait_path("/selling/proposals")
            rows = browser.texts(".rows li")
            assert "Refused" in rows[0] and "It is on another day." in rows[0], rows
            assert "On sale" in rows[1] and "Accepted" in rows[2], rows
            page = seller.get(f"/shows/{titles['Not taken']}").body.decode()
            assert "This proposal was not taken." in page and "It is on another day." in page


def test_two_venues_and_two_shows_become_one(server):
    staff = staff_of(server)
    venue, twin = make_venue(staff), make_venue(staff, name="Astra Kulturhaus!")
    show, double = make_show(staff, venue), make_show(staff, twin, title="Mono Lake (live)")
    with Person(server, staff, javascript=False) as person:
        for kind, gone, stays in (("venues", twin, venue), ("shows", double, show)):
            browser = person.go(f"/admin/{kind}/{gone['id']}/merge").browser
            assert "cannot be taken back" in browser.text("main")
            browser.fill("#q", "nothing like it")
            browser.click(".find button")
            browser.wait_text("#into", "Nothing has that in its name")
            browser.fill("#q", "astra" if kind == "venues" else "mono lake")
            browser.click(".find button")
            browser.wait_text("#into", stays.get("name") or stays["title"])
            browser.fill("#reason", "the same")
            send(browser)
            browser.wait_text("#into-error", "")
            assert browser.find("#reason").value() == "the same"
            browser.run("document.querySelector('#into').value = arguments[0]", stays["id"])
            send(browser)
            person.wait_path(f"/admin/{kind}/{stays['id']}")
            browser.wait_text(".notice", "It was merged into this one.")
            answer = server.client().get(f"/api/{kind}/{gone['id']}")
            assert answer.status == 308 and answer.json == {"mergedInto": stays["id"]}


def test_lists_are_narrowed_by_links(server):
    staff, seller = staff_of(server), server.sign_up()
    venue = make_venue(staff, name="Narrow Hall")
    shows = {status: make_show(staff, venue, title=f"Narrow {status}")
             for status in ("scheduled", "postponed", "cancelled")}
    shows["proposed"] = make_show(seller, venue, title="Narrow proposed")
    expect(staff.post(f"/api/shows/{shows['postponed']['id']}/postpone", {}), 200)
    expect(staff.post(f"/api/shows/{shows['cancelled']['id']}/cancel", {}), 200)
    with Person(server, staff, javascript=False) as person, Cases() as case:
        browser = person.go("/admin/shows").browser
        browser.fill("#q", "NÁRROW")
        browser.click(".find button")
        person.wait_path(r"/admin/shows\?status=any&q=N.*")
        wait_for(lambda: len(browser.all(".rows li")) == 4, 10, "four of them")
        for status in shows:
            with case(status):
                browser.click(f".pick a[href*='status={status}']")
                person.wait_path(rf"/admin/shows\?status={status}&q=.*")
                wait_for(lambda: [f"Narrow {status}" in row for row in browser.texts(".rows li")] ==
                         [True], 10, status)
        with case("over"):
            browser.click(".pick a[href*='status=over']")
            person.wait_path(r"/admin/shows\?status=over.*")
            browser.click(".empty a")
            person.wait_path(r"/admin/shows\?status=over")
        for path in ("/admin/shows?q=" + "x" * 500, "/admin/venues?status=nonsense&q=%25"):
            with case(path):
                assert staff.get(path).status == 200


def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(server):
    staff = staff_of(server)
    with Person(server, staff) as person:
        browser = person.go("/venues/new").browser
        fill_venue(browser, name="", country="Germany", timezone="Berlin", latitude="91", longitude="east")
        send(browser)
        browser.wait_text("#errors", "Say what it is called")
        for field, words in (("country", "such as DE"), ("timezone", "Europe/Berlin"),
                             ("latitude", "-90 to 90"), ("longitude", "-180 to 180")):
            assert words in browser.text(f"#{field}-error"), field
        assert browser.find("#country").value() == "Germany"
        assert browser.find("#latitude").value() == "91" and browser.find("#longitude").value() == "east"
        person.go("/shows/new")
        browser.fill("#performers", MARKUP)
        browser.fill("#resale", "a lot")
        send(browser)
        browser.wait_text("#resale-error", "such as 20 or 12.5")
        browser.fill("#resale", "20")
        browser.fill("#most", "0")
        send(browser)
        browser.wait_text("#most-error", "1 to 1000")
        for field in ("venue", "title", "category", "starts"):
            assert browser.text(f"#{field}-error"), field
        assert browser.find("#performers").value() == MARKUP
        assert not browser.has("main script")


def test_a_form_that_is_sent_twice_makes_one(server):
    staff = staff_of(server)
    page = staff.get("/venues/new").body.decode()
    nonce = page.split('name="nonce" value="')[1].split('"')[0]
    body = f"nonce={nonce}&name=Once&city=Berlin&country=DE&timezone=Europe/Berlin".encode()
    answers = [staff.request("POST", "/venues/new", raw=body, headers=FORM) for _ in range(2)]
    assert [answer.status for answer in answers] == [303, 303], answers
    assert answers[0].headers["location"] == answers[1].headers["location"]
    found = expect(staff.get("/api/venues?status=any&q=once"), 200).json
    assert len(found) == 1


def test_by_keys_alone_one_cancels_a_show(server):
    from test_everybody import tab_to
    staff = staff_of(server)
    show = make_show(staff, make_venue(staff), title="By keys")
    with Person(server, staff) as person:
        browser = person.go("/admin/shows").browser
        for selector in (f"a[href='/admin/shows/{show['id']}']", f"a[href='/admin/shows/{show['id']}/cancel']"):
            tab_to(browser, selector)
            browser.press("enter")
            wait_for(lambda: not browser.has(selector), 10, "the next page")
        tab_to(browser, "#reason")
        browser.press(*"rain")
        tab_to(browser, "#form button")
        browser.press("enter")
        person.wait_path(f"/admin/shows/{show['id']}")
        assert expect(staff.get(f"/api/shows/{show['id']}"), 200).json["status"] == "cancelled"
