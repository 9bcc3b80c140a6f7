"""Proves what search promises: who looks for a show finds it, however they type; nothing that the public may not
see is found; and it is there, and gone, with the answer that made it so."""

import datetime
import json
import os
import urllib.parse

from boxoffice import Server, run_cli, sanitizer
from check import Skip, expect, wait_for
from clock import WallClock
from test_catalogue import YEAR, act, fault, make_show, make_venue, staff_of

PARALLEL = 1


def find(client, expected=200, **asked):
    query = urllib.parse.urlencode({name.rstrip("_"): value for name, value in asked.items()})
    return expect(client.get("/api/shows?" + query), expected)


def titles(client, **asked):
    return [show["title"] for show in find(client, **asked).json]


def pages(client, **asked):
    """Titles of all pages, each page a list."""
    path, found = "/api/shows?" + urllib.parse.urlencode(asked), []
    while path:
        answer = expect(client.get(path), 200)
        found.append([show["title"] for show in answer.json])
        link = answer.headers.get("Link")
        path = link[1:link.index(">")] if link else None
    return found


def town(staff, city="Berlin", name="Astra", **changes):
    return make_venue(staff, name=name, city=city, **changes)["id"]


def test_what_is_typed_is_found_without_case_and_accents_and_by_the_beginning_of_a_word():
    with Server() as server:
        staff, visitor = staff_of(server), server.client()
        venue = town(staff, "Zürich", "Hallenstadion")
        make_show(staff, venue, title="Sigur Rós", performers=["Ólafur Arnalds", "Motörhead", "Røyksopp"])
        make_show(staff, venue, title="Don't Look Back", performers=[])
        for q in ("sigur ros", "SIGUR", "Rós", "olafur", "motorh", "MOTÖRHEAD", "royksopp", "ros sigur", "zuri sigur",
                  "hallen ros", "zürich ólaf", "ＳＩＧＵＲ"):
            assert titles(visitor, q=q) == ["Sigur Rós"], q
        for q in ("dont look", "don’t", "DON'T LOOK B"):
            assert titles(visitor, q=q) == ["Don't Look Back"], q
        for q in ("gur", "sigur back", "!!!", "🎸"):
            assert titles(visitor, q=q) == [], q
        assert len(titles(visitor, q="hallenstadion")) == 2 == len(titles(visitor, q=""))


def test_chinese_japanese_and_korean_are_found_by_any_piece():
    with Server() as server:
        staff, visitor = staff_of(server), server.client()
        tokyo = town(staff, "東京", "東京ドーム", country="JP", timeZone="Asia/Tokyo",
                     coordinates={"latitude": 35.7056, "longitude": 139.7519})
        make_show(staff, tokyo, title="坂本龍一の夕べ", performers=["テクノポップ楽団"])
        make_show(staff, tokyo, title="서울콘서트", performers=["방탄소년단"])
        for q in ("坂本", "本龍一", "夕べ", "夕", "ドーム 坂本", "ﾃｸﾉ", "ポップ楽",
                  "東京 夕べ"):
            assert titles(visitor, q=q) == ["坂本龍一の夕べ"], q
        for q in ("콘서트", "서울", "소년단", "방탄"):
            assert titles(visitor, q=q) == ["서울콘서트"], q
        for q in ("龍本", "콘트"):
            assert titles(visitor, q=q) == [], q
        assert len(titles(visitor, city="東京")) == 2


def test_one_slip_in_a_word_is_forgiven_and_told():
    with Server() as server:
        staff, visitor = staff_of(server), server.client()
        venue = town(staff)
        make_show(staff, venue, title="Metallica", performers=[])
        make_show(staff, venue, title="Mono Lake", performers=[])
        for q in ("metalica", "mettallica", "metallika", "emtallica", "metallcia", "metsllica berlin", "etallica",
                  "metallixa"):
            answer = find(visitor, q=q)
            assert [show["title"] for show in answer.json] == ["Metallica"], q
            assert answer.headers["Search-Guessed"] == q.split()[0]
        assert titles(visitor, q="mnoo lake") == ["Mono Lake"]
        for q in ("mtalica", "mon", "mno", "met", "metallica"):
            assert "Search-Guessed" not in find(visitor, q=q).headers, q
        for q in ("mtalica", "mno", "lek", "berlin lakee mettalika"):
            assert titles(visitor, q=q) == [], q
        # what some word begins with is no slip: somebody is still typing, or means it
        make_show(staff, venue, title="Metalicarium", performers=[])
        assert titles(visitor, q="metalica") == ["Metalicarium"]


def test_everything_else_narrows_and_the_soonest_comes_first():
    with Server() as server:
        staff, visitor = staff_of(server), server.client()
        berlin, york = town(staff), town(staff, "New York", "Village Vanguard", country="US",
                                         timeZone="America/New_York",
                                         coordinates={"latitude": 40.7361, "longitude": -74.0018})
        make_show(staff, berlin, title="C", startsAt=f"{YEAR}-07-03T20:00", doorsAt=None)
        make_show(staff, berlin, title="A", startsAt=f"{YEAR}-07-01T20:00", doorsAt=None, category="theatre")
        make_show(staff, york, title="B", startsAt=f"{YEAR}-07-02T23:30", doorsAt=None)
        assert titles(visitor, sort="soonest") == ["A", "B", "C"]
        assert titles(visitor, sort="latest") == ["C", "B", "A"]
        assert titles(visitor, city="berlin") == ["A", "C"]
        assert titles(visitor, city="NEW YÖRK") == ["B"]
        assert titles(visitor, city="New") == []
        assert titles(visitor, country="US") == ["B"]
        assert titles(visitor, category="theatre") == ["A"]
        assert titles(visitor, venueId=berlin, category="music") == ["C"]
        # days are those of the venue: in New York it is still the second of July
        assert titles(visitor, from_=f"{YEAR}-07-02", to=f"{YEAR}-07-02") == ["B"]
        assert titles(visitor, from_=f"{YEAR}-07-03") == ["C"]
        assert titles(visitor, to=f"{YEAR}-07-01") == ["A"]
        assert titles(visitor, q="mono", city="berlin", country="DE", category="music", to=f"{YEAR}-12-31") == ["C"]
        found = find(visitor, q="village").json[0]
        assert found["venue"]["city"] == "New York" and found["venue"]["id"] == york and "distanceM" not in found


def test_near_a_place():
    with Server() as server:
        staff, visitor = staff_of(server), server.client()
        day = 1
        for name, latitude, longitude in (("Suva", -18.1416, 178.4419), ("Taveuni", -16.9898, -179.8797),
                                          ("Berlin", 52.5072, 13.4517), ("Potsdam", 52.3906, 13.0645)):
            venue = town(staff, name, name, coordinates={"latitude": latitude, "longitude": longitude})
            make_show(staff, venue, title=name, performers=[], startsAt=f"{YEAR}-07-0{day}T20:00", doorsAt=None)
            day += 1
        nowhere = make_venue(staff, name="Somewhere", coordinates=None)["id"]
        make_show(staff, nowhere, title="Nowhere", performers=[])
        assert titles(visitor, near="52.5,13.4") == ["Berlin", "Potsdam"]
        assert titles(visitor, near="52.4,13.05", sort="nearest") == ["Potsdam", "Berlin"]
        assert titles(visitor, near="52.4,13.05", radiusKm=10) == ["Potsdam"]
        assert titles(visitor, near="-17.5,180", radiusKm=200) == ["Suva", "Taveuni"]  # on both sides of the date line
        assert titles(visitor, near="-17.5,-180", radiusKm=200, q="tave") == ["Taveuni"]
        assert titles(visitor, near="89.9,0", radiusKm=500) == []
        assert pages(visitor, near="52.4,13.05", sort="nearest", limit=1) == [["Potsdam"], ["Berlin"], []]
        metres = find(visitor, near="52.5072,13.4517", q="potsdam").json[0]["distanceM"]
        assert 28_900 < metres < 29_300, metres  # 29.1 km


def test_of_many_the_thousand_soonest_are_sorted_by_distance():
    if os.environ.get("BOXOFFICE_SQL") == "postgres":
        raise Skip("an import into a folder")
    far = {"id": "far", "name": "Far", "city": "Berlin", "country": "DE", "timeZone": "Europe/Berlin",
           "coordinates": {"latitude": 52.5, "longitude": 13.9}}
    venues = [far, {**far, "id": "near", "name": "Near", "coordinates": {"latitude": 52.5, "longitude": 13.4}}]
    shows = [{"venueId": "far", "title": f"Show {n}", "category": "music",
              "startsAt": f"{YEAR}-07-{n // 100 + 1:02}T{10 + n % 100 // 10}:{n % 10:02}"} for n in range(1000)]
    shows.append({**shows[0], "venueId": "near", "title": "Next door", "startsAt": f"{YEAR}-08-01T20:00"})
    with Server() as server:
        server.stop()
        words = []
        for name, rows in (("venues", venues), ("shows", shows)):
            words += [f"--{name}", os.path.join(server.folder, name)]
            with open(words[-1], "w", encoding="utf-8") as file:
                file.writelines(json.dumps(row) + "\n" for row in rows)
        done = run_cli("import", *words, "--data", server.data)
        assert done.returncode == 0, done
        server.start()
        client, near = server.client(), {"near": "52.5,13.4", "radiusKm": 100, "sort": "nearest"}
        wait_for(lambda: titles(client, near="52.5,13.4", sort="latest")[:1] == ["Next door"], 20, "the index")
        assert "Next door" not in titles(client, **near)
        assert titles(client, **near, **{"from": f"{YEAR}-07-02"})[0] == "Next door"


def test_a_cursor_belongs_to_its_search():
    with Server() as server:
        staff, visitor = staff_of(server), server.client()
        venue = town(staff)
        for day in range(1, 8):
            make_show(staff, venue, title=f"Show {day}", startsAt=f"{YEAR}-07-0{day}T20:00", doorsAt=None)
        for name in ("Show 8", "Show 9"):  # both in the same minute
            make_show(staff, venue, title=name, startsAt=f"{YEAR}-07-08T20:00", doorsAt=None)
        walked = pages(visitor, q="show", limit=3)
        assert [len(page) for page in walked] == [3, 3, 3, 0]
        assert sum(walked, [])[:7] == [f"Show {day}" for day in range(1, 8)]
        assert set(walked[2]) == {"Show 7", "Show 8", "Show 9"}
        back = pages(visitor, q="show", limit=4, sort="latest")
        assert sum(back, []) == list(reversed(sum(walked, [])))
        link = find(visitor, q="show", limit=3).headers["Link"]
        cursor = link[link.index("after=") + 6:link.index(">")]
        assert len(find(visitor, q="show", after=cursor).json) == 6
        for other in ({"q": "sho"}, {"q": "show", "city": "Berlin"}, {"q": "show", "sort": "latest"}):
            answer = visitor.get("/api/shows?" + urllib.parse.urlencode({**other, "after": cursor}))
            assert fault(answer, "after")[0] == "other_search"
        for wrong in ("x", cursor[:-1], cursor[:-1] + "x", venue, cursor.upper() + "A"):
            find(visitor, 400, q="show", after=wrong)
        listed = expect(visitor.get(f"/api/shows?after={cursor}"), 400).json
        assert [row["field"] for row in listed["errors"]] == ["after"]


def test_bad_questions_are_refused_by_name():
    with Server() as server:
        visitor = server.client()
        for field, asked in (("q", {"q": "x" * 10_000}), ("city", {"city": "x" * 10_000}),
                             ("country", {"country": "XX"}), ("country", {"country": "x" * 10_000}),
                             ("category", {"category": "opera"}),
                             ("venueId", {"venueId": "1", "q": "x"}), ("from", {"from": f"{YEAR}-02-30"}),
                             ("to", {"to": "tomorrow"}), ("to", {"from": f"{YEAR}-02-02", "to": f"{YEAR}-02-01"}),
                             ("near", {"near": "91,0"}), ("near", {"near": "0,180.1"}), ("near", {"near": "52.5"}),
                             ("near", {"near": "x,y"}), ("near", {"radiusKm": "5"}), ("near", {"near": "1e2,3"}),
                             ("radiusKm", {"near": "1,2", "radiusKm": "0"}),
                             ("radiusKm", {"near": "1,2", "radiusKm": "501"}), ("sort", {"sort": "cheapest"}),
                             ("sort", {"sort": "nearest"}), ("when", {"when": "tomorrow"}), ("over", {"over": "yes"}),
                             ("limit", {"q": "x", "limit": "101"}), ("limit", {"q": "x", "limit": "0"})):
            answer = visitor.get("/api/shows?" + urllib.parse.urlencode(asked))
            expect(answer, 400)
            assert field in [error["field"] for error in answer.json["errors"]], (asked, answer.json)
        expect(visitor.get("/api/shows?q=%ff"), 200)  # no text: as if it were not there
        for odd in ('"', "'", "a' | 'b", "a OR b", "a AND", "NEAR(a b)", "*", "a*", "(", ":*", "\\", "a\\'b", "-a",
                    "^a", "\x01", "\ue000", "a & !b", "%", "$1"):
            find(visitor, q=odd)


def test_only_what_the_public_may_see_is_found_and_from_the_answer_on():
    with Server() as server:
        staff, seller, visitor = staff_of(server), server.sign_up(), server.client()
        venue = town(staff)
        proposed = make_show(seller, venue, title="Proposal")
        refused = make_show(seller, venue, title="Proposal refused")
        act(staff, "shows", refused, "cancel", reason="no")
        for client in (visitor, seller, staff):
            assert titles(client, q="proposal") == []
        act(staff, "shows", proposed, "accept")
        assert titles(visitor, q="proposal") == ["Proposal"]
        act(staff, "shows", proposed, "postpone")
        assert [show["status"] for show in find(visitor, q="proposal").json] == ["postponed"]
        act(staff, "shows", proposed, "reschedule", startsAt=f"{YEAR}-09-01T20:00")
        assert [show["startsAtLocal"][:10] for show in find(visitor, q="proposal").json] == [f"{YEAR}-09-01"]
        body = {"venueId": venue, "title": "Renamed", "category": "music", "startsAt": f"{YEAR}-09-01T20:00"}
        expect(staff.put(f"/api/shows/{proposed['id']}", body), 200)
        assert titles(visitor, q="proposal") == [] and titles(visitor, q="renamed") == ["Renamed"]
        act(staff, "shows", proposed, "cancel")
        assert [show["status"] for show in find(visitor, q="renamed").json] == ["cancelled"]
        double, other = make_show(staff, venue, title="Double"), make_show(staff, venue, title="Single")
        act(staff, "shows", double, "merge", into=other["id"])
        assert titles(visitor, q="double") == [] and titles(visitor, q="single") == ["Single"]


def test_a_venue_that_changes_takes_its_shows_with_it():
    with Server() as server:
        staff, visitor = staff_of(server), server.client()
        old = make_venue(staff, name="Alte Halle", city="Bonn")
        new = make_venue(staff, name="Neue Halle", city="Köln", coordinates=None)
        for title in ("One", "Two"):
            make_show(staff, old["id"], title=title, performers=[])
        assert len(titles(visitor, q="alte")) == 2 == len(titles(visitor, city="Bonn"))
        corrected = {name: old[name] for name in ("country", "timeZone")}
        expect(staff.put(f"/api/venues/{old['id']}", {**corrected, "name": "Uralte Halle", "city": "Bonn"}), 200)
        assert titles(visitor, q="alte") == [] and len(titles(visitor, q="uralte")) == 2
        assert titles(visitor, near="52.5,13.4") == []
        act(staff, "venues", old, "merge", into=new["id"])
        assert titles(visitor, city="bonn") == [] and len(titles(visitor, city="koln", q="neue")) == 2


def test_names_are_suggested_while_one_types():
    with Server() as server:
        staff, visitor = staff_of(server), server.client()
        venue = town(staff, "Monaco", "Monument")
        for title in ("Mono Lake", "Monkey Business"):
            make_show(staff, venue, title=title, performers=["Mono Lake", "Río"])
        answer = expect(visitor.get("/api/shows/suggestions?q=mon"), 200).json
        assert {(row["kind"], row["text"]) for row in answer} == {
            ("performer", "Mono Lake"), ("show", "Monkey Business"), ("venue", "Monument"), ("city", "Monaco")}
        assert expect(visitor.get("/api/shows/suggestions?q=mono+la"), 200).json == [
            {"kind": "performer", "text": "Mono Lake"}]
        assert expect(visitor.get("/api/shows/suggestions?q=monkye"), 200).json == [
            {"kind": "show", "text": "Monkey Business"}]
        for nothing in ("?q=", "", "?q=xyz", "?q=!"):
            assert expect(visitor.get("/api/shows/suggestions" + nothing), 200).json == []
        expect(visitor.get("/api/shows/suggestions?q=" + "x" * 10_000), 400)


def test_what_has_begun_is_found_when_asked_for():
    if sanitizer():
        raise Skip("a program with a sanitizer takes no clock of another library")
    clock = WallClock()
    try:
        with Server(clock.environment()) as server:
            staff = staff_of(server)
            venue = town(staff)
            for month in (7, 8):
                make_show(staff, venue, title=f"Month {month}", startsAt=f"{YEAR}-0{month}-01T20:00", doorsAt=None)
            begun = datetime.datetime(YEAR, 7, 1, 18, 0, 1, tzinfo=datetime.timezone.utc)
            clock.set((begun - datetime.datetime.now(datetime.timezone.utc)).total_seconds())
            visitor = server.client()
            assert titles(visitor, q="month") == ["Month 8"] == titles(visitor, q="month", over="false")
            assert titles(visitor, q="month", over="true") == ["Month 7", "Month 8"]
            assert titles(visitor, q="month", to=f"{YEAR}-07-31") == []
    finally:
        clock.close()


def test_today_and_the_weekend_are_those_of_each_venue():
    if sanitizer():
        raise Skip("a program with a sanitizer takes no clock of another library")
    clock = WallClock()
    june = datetime.datetime(YEAR, 6, 1, 2, 30, tzinfo=datetime.timezone.utc)
    monday = june + datetime.timedelta(days=-june.weekday() % 7)

    def at(days, clocks):
        return {"startsAt": f"{(monday + datetime.timedelta(days=days)).date()}T{clocks}", "doorsAt": None}
    try:
        with Server(clock.environment()) as server:
            staff = staff_of(server)
            west = town(staff, "Oakland", "Fox", country="US", timeZone="America/Los_Angeles")
            east = town(staff, "London", "Banana", country="KI", timeZone="Pacific/Kiritimati")
            # Monday, 02:30 in UTC, is Sunday evening in the west and Monday afternoon in the east
            for venue, title, when in ((west, "west tonight", at(-1, "22:00")), (west, "west tomorrow", at(0, "20:00")),
                                       (west, "west in a week", at(6, "20:00")), (east, "east tonight", at(0, "20:00")),
                                       (east, "east tomorrow", at(1, "09:00")), (east, "east in six days", at(6, "20:00"))):
                make_show(staff, venue, title=title, **when)
            clock.set((monday - datetime.datetime.now(datetime.timezone.utc)).total_seconds())
            visitor = server.client()
            assert sorted(titles(visitor, when="today")) == ["east tonight", "west tonight"]
            assert sorted(titles(visitor, when="weekend")) == ["east in six days", "west tonight"]
            assert sorted(titles(visitor, when="week")) == ["east in six days", "east tomorrow", "east tonight",
                                                            "west tomorrow", "west tonight"]
            assert len(titles(visitor, when="month")) == 6
            assert sorted(titles(visitor, when="today", sort="price")) == ["east tonight", "west tonight"]
            assert titles(visitor, when="today", to=str(monday.date() - datetime.timedelta(days=1))) == ["west tonight"]
            assert [len(page) for page in pages(visitor, when="week", limit=2)] == [2, 2, 1]
    finally:
        clock.close()


def search_of(server, what):
    ran = run_cli("search", what, "--data", server.data)
    assert ran.returncode == 0, ran
    return json.loads(ran.stdout)


def test_the_index_is_made_anew_by_a_command():
    with Server() as server:
        staff, visitor = staff_of(server), server.client()
        venue = town(staff)
        for number in range(250):  # more than one transaction takes
            make_show(staff, venue, title=f"Rebuilt {number}", performers=[])
        assert search_of(server, "rebuild")["shows"] >= 250
        wait_for(lambda: not search_of(server, "status")["rebuilding"])
        assert search_of(server, "status")["shows"] == 250
        assert titles(visitor, q="rebuilt 249") == ["Rebuilt 249"] == titles(visitor, q="rebiult 249")
        assert run_cli("search", "--data", server.data).returncode == 2
        assert run_cli("search", "polish", "--data", server.data).returncode == 2
