"""Proves what the catalogue promises: venues and shows, proposed by anybody, looked after by staff."""

import datetime
import json

from boxoffice import TEST_PASSWORD, Server, new_id, run_cli
from check import (Cases, expect, expect_error, expect_not_authorized, expect_not_found, wait_for)

PARALLEL = 4
YEAR = datetime.datetime.now(datetime.timezone.utc).year + 1  # every day of it is still to come


def staff_of(server, role="catalogue"):
    """A client whose session has the role."""
    user = server.sign_up()
    done = run_cli("users", "grant", user.email, role, "--data", server.data)
    assert done.returncode == 0, done
    client = server.client()
    expect(client.post("/api/users/signin", {"email": user.email, "password": TEST_PASSWORD}), 200)
    client.user_id, client.email = user.user_id, user.email
    return client


def venue_body(**changes):
    return {"name": "Astra Kulturhaus", "city": "Berlin", "country": "DE",
            "coordinates": {"latitude": 52.507211, "longitude": 13.451668},
            "timeZone": "Europe/Berlin", **changes}


def show_body(venue_id, **changes):
    return {"venueId": venue_id, "title": "Mono Lake", "performers": ["Mono Lake", "Río"],
            "category": "music", "startsAt": f"{YEAR}-07-01T19:30", "doorsAt": f"{YEAR}-07-01T18:00",
            "rules": {"maxPerBuyer": 4, "maxOverFaceBps": 0}, **changes}


def make_venue(client, **changes):
    return expect(client.post("/api/venues", venue_body(**changes)), 201).json


def make_show(client, venue_id, **changes):
    return expect(client.post("/api/shows", show_body(venue_id, **changes)), 201).json


def act(client, kind, thing, what, status=200, **body):
    return expect(client.post(f"/api/{kind}/{thing['id']}/{what}", body), status).json


def fault(answer, field):
    """The code and hint of a refused field."""
    expect(answer, 400)
    for error in answer.json["errors"]:
        if error["field"] == field:
            return error["code"], error.get("hint", "")
    raise AssertionError(f"nothing about {field}: {answer.json}")


def test_staff_make_venues_and_shows_that_everybody_sees(server):
    staff, visitor = staff_of(server), server.client()
    venue = make_venue(staff)
    assert venue == {"id": venue["id"], "version": 0, **venue_body(), "status": "accepted",
                     "userId": staff.user_id}
    show = make_show(staff, venue["id"])
    assert show == {"id": show["id"], "version": 0, **show_body(venue["id"]), "status": "scheduled",
                    "startsAt": f"{YEAR}-07-01T17:30:00.000Z",
                    "startsAtLocal": f"{YEAR}-07-01T19:30+02:00",
                    "doorsAt": f"{YEAR}-07-01T16:00:00.000Z",
                    "doorsAtLocal": f"{YEAR}-07-01T18:00+02:00", "userId": staff.user_id}
    assert expect(visitor.get(f"/api/venues/{venue['id']}"), 200).json == venue
    answer = expect(visitor.get(f"/api/shows/{show['id']}/"), 200)
    assert answer.json == show
    again = visitor.get(f"/api/shows/{show['id']}", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status == 304
    assert {**show, "available": 0} in expect(visitor.get("/api/shows"), 200).json
    assert expect(visitor.get(f"/api/shows?venueId={venue['id']}"), 200).json == [{**show, "available": 0}]
    assert venue in expect(visitor.get("/api/venues"), 200).json


def test_what_others_propose_waits_for_staff(server):
    staff, seller, other = staff_of(server, "admin"), server.sign_up(), server.sign_up()
    venue = make_venue(seller)
    show = make_show(seller, venue["id"])
    assert (venue["status"], show["status"]) == ("proposed", "proposed")
    for client in (other, server.client()):
        expect_not_found(client.get(f"/api/venues/{venue['id']}"))
        expect_not_found(client.get(f"/api/shows/{show['id']}"))
    assert show not in expect(other.get("/api/shows"), 200).json
    assert fault(other.post("/api/shows", show_body(venue["id"])), "venueId")[0] == "unknown_venue"
    assert expect(seller.get(f"/api/shows/{show['id']}"), 200).json == show
    assert expect(seller.get("/api/shows/mine"), 200).json == [show]
    assert expect(seller.get("/api/venues/mine"), 200).json == [venue]
    assert show in expect(staff.get("/api/shows?status=proposed&limit=1000"), 200).json
    expect_not_authorized(seller.get("/api/shows?status=proposed"))
    expect_error(staff.post(f"/api/shows/{show['id']}/accept", {}), 409,
                 "The venue of this show is not accepted yet, accept it first")
    venue = act(staff, "venues", venue, "accept")
    show = act(staff, "shows", show, "accept", version=0)
    assert (venue["status"], venue["version"]) == ("accepted", 1)
    assert (show["status"], show["version"]) == ("scheduled", 1)
    assert expect(other.get(f"/api/shows/{show['id']}"), 200).json == show
    refused = make_venue(seller, name="Nowhere")
    assert act(staff, "venues", refused, "refuse", reason="no such place")["status"] == "refused"
    expect_not_found(other.get(f"/api/venues/{refused['id']}"))


def test_the_status_never_goes_back(server):
    staff = staff_of(server)
    venue = make_venue(staff)
    show = make_show(staff, venue["id"])
    assert act(staff, "shows", show, "postpone", reason="illness")["status"] == "postponed"
    for what in ("accept", "postpone"):
        act(staff, "shows", show, what, 409)
    moved = act(staff, "shows", show, "reschedule", startsAt=f"{YEAR}-09-01T20:00")
    assert (moved["status"], moved["version"]) == ("scheduled", 2)
    assert moved["startsAt"] == f"{YEAR}-09-01T18:00:00.000Z" and "doorsAt" not in moved
    act(staff, "shows", show, "reschedule", 409, startsAt=f"{YEAR}-09-02T20:00")
    assert act(staff, "shows", show, "cancel", reason="withdrawn")["status"] == "cancelled"
    for what in ("accept", "postpone", "cancel"):
        act(staff, "shows", show, what, 409)
    act(staff, "shows", show, "reschedule", 409, startsAt=f"{YEAR}-09-02T20:00")
    expect(staff.put(f"/api/shows/{show['id']}", show_body(venue["id"])), 409)
    other = make_show(staff, venue["id"])
    act(staff, "shows", show, "merge", 409, into=other["id"])
    assert expect(staff.get(f"/api/shows/{show['id']}"), 200).json["version"] == 3


def test_a_merged_id_answers_308_for_good(server):
    staff, seller = staff_of(server), server.sign_up()
    venue, twin = make_venue(staff), make_venue(seller)
    show = make_show(staff, venue["id"])
    double = make_show(seller, twin["id"])
    act(staff, "venues", twin, "merge", 409, into=twin["id"])
    act(staff, "venues", twin, "merge", 409, into=new_id())
    act(staff, "venues", venue, "merge", 409, into=twin["id"])
    act(staff, "venues", twin, "merge", into=venue["id"])
    moved = expect(seller.get(f"/api/shows/{double['id']}"), 200).json
    assert (moved["venueId"], moved["version"]) == (venue["id"], 1)
    act(staff, "shows", double, "merge", into=show["id"], version=1, reason="the same evening")
    for kind, gone, to in (("venues", twin, venue), ("shows", double, show)):
        answer = server.client().get(f"/api/{kind}/{gone['id']}")
        assert answer.status == 308, answer
        assert answer.headers["location"] == f"/api/{kind}/{to['id']}"
        assert answer.json == {"mergedInto": to["id"]}
        refused = expect(staff.post(f"/api/{kind}/{gone['id']}/accept", {}), 409).json["errors"][0]
        assert (refused["code"], refused["mergedInto"]) == ("merged", to["id"])
        assert gone["id"] not in [row["id"] for row in server.client().get(f"/api/{kind}").json]
    server_side = fault(seller.post("/api/shows", show_body(twin["id"])), "venueId")
    assert server_side[0] == "unknown_venue"


def test_who_was_faster_counts(server):
    staff = staff_of(server)
    venue = make_venue(staff)
    show = make_show(staff, venue["id"])
    fixed = expect(staff.put(f"/api/shows/{show['id']}",
                             show_body(venue["id"], title="Mono Lake II", version=0)), 200).json
    assert (fixed["title"], fixed["version"]) == ("Mono Lake II", 1)
    for answer in (staff.put(f"/api/shows/{show['id']}", show_body(venue["id"], version=0)),
                   staff.post(f"/api/shows/{show['id']}/cancel", {"version": 0})):
        error = expect(answer, 409).json["errors"][0]
        assert (error["code"], error["version"]) == ("version_changed", 1)
    fixed = expect(staff.put(f"/api/venues/{venue['id']}", venue_body(city="Potsdam", version=0)),
                   200).json
    assert (fixed["city"], fixed["version"]) == ("Potsdam", 1)
    expect(staff.put(f"/api/venues/{venue['id']}", venue_body(version=0)), 409)
    assert fault(staff.put(f"/api/venues/{venue['id']}", venue_body(version="x")), "version")


def test_what_was_got_can_be_put_back(server):
    staff = staff_of(server)
    venue = make_venue(staff)
    show = make_show(staff, venue["id"])
    again = expect(staff.put(f"/api/shows/{show['id']}", show), 200).json
    assert again == {**show, "version": 1}
    assert expect(staff.put(f"/api/venues/{venue['id']}", venue), 200).json == {**venue, "version": 1}


def test_only_staff_change_anything(server):
    staff, seller = staff_of(server), server.sign_up()
    finance = staff_of(server, "finance")
    venue = make_venue(seller)
    show = make_show(seller, venue["id"])
    other = make_venue(staff)
    asks = [("venues", venue, "accept", {}), ("venues", venue, "refuse", {}),
            ("venues", venue, "merge", {"into": other["id"]}), ("shows", show, "accept", {}),
            ("shows", show, "postpone", {}), ("shows", show, "cancel", {}),
            ("shows", show, "reschedule", {"startsAt": f"{YEAR}-09-01T20:00"}),
            ("shows", show, "merge", {"into": new_id()})]
    with Cases() as case:
        for client in (seller, finance, server.client()):
            for kind, thing, what, body in asks:
                with case((kind, what)):
                    expect_not_authorized(client.post(f"/api/{kind}/{thing['id']}/{what}", body))
            with case("put"):
                expect_not_authorized(client.put(f"/api/venues/{venue['id']}", venue_body()))
        with case("post"):
            expect_not_authorized(server.client().post("/api/venues", venue_body()))
    assert expect(seller.get(f"/api/shows/{show['id']}"), 200).json["version"] == 0


def test_a_role_taken_back_ends_what_one_may_do(server):
    staff = staff_of(server)
    venue = make_venue(staff)
    run_cli("users", "revoke", staff.email, "catalogue", "--data", server.data)
    wait_for(lambda: staff.put(f"/api/venues/{venue['id']}", venue_body()).status == 401, 1, "401")


def test_a_local_time_is_kept_with_its_moment(server):
    staff = staff_of(server)
    zones = {"Europe/Berlin": ("2027-03-28T19:30", "2027-03-28T17:30:00.000Z"),
             "Asia/Kolkata": ("2027-03-28T19:30", "2027-03-28T14:00:00.000Z"),
             "America/St_Johns": ("2027-01-05T19:30", "2027-01-05T23:00:00.000Z"),
             "Australia/Sydney": ("2151-01-05T19:30", "2151-01-05T08:30:00.000Z")}
    with Cases() as case:
        for zone, (local, moment) in zones.items():
            with case(zone):
                venue = make_venue(staff, timeZone=zone)
                show = make_show(staff, venue["id"], startsAt=local, doorsAt=None)
                assert show["startsAt"] == moment and show["startsAtLocal"].startswith(local)


def test_a_time_that_clocks_skip_or_show_twice_is_refused_with_both_candidates(server):
    staff = staff_of(server)
    venue = make_venue(staff)["id"]
    code, hint = fault(staff.post("/api/shows", show_body(venue, startsAt="2027-03-28T02:30",
                                                          doorsAt=None)), "startsAt")
    assert code == "skipped", code
    assert "2027-03-28T01:30+01:00" in hint and "2027-03-28T03:30+02:00" in hint, hint
    code, hint = fault(staff.post("/api/shows", show_body(venue, startsAt="2027-10-31T02:30",
                                                          doorsAt=None)), "startsAt")
    assert code == "twice", code
    assert "2027-10-31T02:30+02:00" in hint and "2027-10-31T02:30+01:00" in hint, hint
    for written, moment in (("2027-10-31T02:30+02:00", "2027-10-31T00:30:00.000Z"),
                            ("2027-10-31T02:30+01:00", "2027-10-31T01:30:00.000Z")):
        show = make_show(staff, venue, startsAt=written, doorsAt=None)
        assert (show["startsAt"], show["startsAtLocal"]) == (moment, written)
    code, hint = fault(staff.post("/api/shows", show_body(venue, startsAt="2027-07-01T19:30+01:00",
                                                          doorsAt=None)), "startsAt")
    assert code == "other_offset" and "2027-07-01T19:30+02:00" in hint, hint


def test_another_zone_keeps_the_local_times(server):
    staff = staff_of(server)
    venue = make_venue(staff, timeZone="Europe/London")
    show = make_show(staff, venue["id"])
    assert show["startsAt"] == f"{YEAR}-07-01T18:30:00.000Z"
    expect(staff.put(f"/api/venues/{venue['id']}", venue_body(timeZone="Europe/Berlin")), 200)
    moved = expect(staff.get(f"/api/shows/{show['id']}"), 200).json
    assert (moved["startsAt"], moved["version"]) == (f"{YEAR}-07-01T17:30:00.000Z", 1)
    assert moved["startsAtLocal"] == f"{YEAR}-07-01T19:30+02:00"
    skipped = make_show(staff, venue["id"], startsAt="2027-03-14T02:30", doorsAt=None)
    error = expect(staff.put(f"/api/venues/{venue['id']}", venue_body(timeZone="America/New_York")),
                   409).json["errors"][0]
    assert (error["code"], error["showId"]) == ("show_time", skipped["id"])
    assert expect(staff.get(f"/api/venues/{venue['id']}"), 200).json["timeZone"] == "Europe/Berlin"
    assert expect(staff.get(f"/api/shows/{show['id']}"), 200).json == moved


def test_bad_input_is_refused_by_field_with_the_way_out(server):
    staff = staff_of(server)
    venue = make_venue(staff)["id"]
    venues = {"name": ["", "  ", "​", "x" * 201, "a\nb", "a\u0085b", "\ufeffa", None, 7], "city": ["", "a\u2029b"],
              "country": ["", "de", "DEU", "XX", "UK", 1],
              "timeZone": ["", "Berlin", "Mars/Olympus", "../etc/passwd", "Europe/../Europe/Berlin",
                           "GMT+25", "posixrules/x"],
              "coordinates.latitude": [91, -90.5, "north", None],
              "coordinates.longitude": [181, -180.5, True]}
    shows = {"venueId": ["", "x", new_id()], "title": ["", "x" * 201, "a\tb", "a\u2028b"],
             "performers": ["one", ["\ufeffx"], ["x"] * 21, [""], [7]], "category": ["", "opera"],
             "startsAt": ["", "tomorrow", "2020-01-01T19:30", "2027-02-30T19:30", f"{YEAR}-07-01",
                          f"{YEAR}-07-01T24:00", "1800000000"],
             "doorsAt": ["x", f"{YEAR}-07-01T19:31", f"{YEAR}-06-29T18:00"],
             "rules.maxPerBuyer": [0, -1, 1001, 1.5, "4"],
             "rules.maxOverFaceBps": [-1, 100001, 0.5]}
    with Cases() as case:
        for path, body, fields in (("/api/venues", venue_body(), venues),
                                   ("/api/shows", show_body(venue), shows)):
            for field, values in fields.items():
                outer, _, inner = field.partition(".")
                for value in values:
                    with case((field, value)):
                        bad = {**body[outer], inner: value} if inner else value
                        assert fault(staff.post(path, {**body, outer: bad}), field)
    all_at_once = expect(staff.post("/api/shows", {}), 400).json["errors"]
    assert [e["field"] for e in all_at_once] == ["venueId", "title", "category", "startsAt"]
    assert all(e.get("hint") for e in all_at_once[1:]), all_at_once


def test_a_show_may_not_be_moved_into_the_past(server):
    staff = staff_of(server)
    venue = make_venue(staff)["id"]
    show = make_show(staff, venue)
    past = {"startsAt": "2020-01-01T19:30", "doorsAt": None}
    assert fault(staff.put(f"/api/shows/{show['id']}", show_body(venue, **past)), "startsAt")
    act(staff, "shows", show, "postpone")
    answer = staff.post(f"/api/shows/{show['id']}/reschedule", past)
    assert fault(answer, "startsAt")[0] == "past"


def test_open_proposals_of_one_person_are_bounded(server):
    staff, seller = staff_of(server), server.sign_up()
    venues = [make_venue(seller, name=f"Hall {i}") for i in range(20)]
    error = expect(seller.post("/api/venues", venue_body()), 429).json["errors"][0]
    assert error["code"] == "too_many_proposals"
    make_venue(server.sign_up())
    act(staff, "venues", venues[0], "accept")
    make_show(seller, venues[0]["id"])
    expect(seller.post("/api/shows", show_body(venues[0]["id"])), 429)


def test_lists_are_walked_by_pages():
    with Server() as server:
        staff = staff_of(server)
        venue = make_venue(staff)["id"]
        made = [make_show(staff, venue, title=f"Show {i}")["id"] for i in range(7)]
        for path in ("/api/shows?limit=3", f"/api/shows?venueId={venue}&limit=3"):
            seen = []
            while path:
                answer = expect(server.client().get(path), 200)
                seen += [row["id"] for row in answer.json]
                path = answer.headers.get("link", "")
                path = path[1:path.index(">")] if path else None
            assert seen == sorted(made, reverse=True)
        for query in ("limit=0", "limit=1001", "after=x", "venueId=x", "status=nonsense"):
            expect(server.client().get(f"/api/shows?{query}"), 400)


def test_each_change_is_published_with_the_next_version(server):
    with server.listen("venue:created") as made, server.listen("venue:updated") as changed, \
            server.listen("show:created") as shown, server.listen("show:updated") as moved:
        staff, seller = staff_of(server), server.sign_up()
        venue = make_venue(seller)
        show = make_show(seller, venue["id"])
        venue = act(staff, "venues", venue, "accept")
        act(staff, "shows", show, "accept")
        act(staff, "shows", show, "postpone")
        show = act(staff, "shows", show, "cancel")
        wait_for(lambda: [e["version"] for e in moved.data() if e["id"] == show["id"]] == [1, 2, 3],
                 10, "show:updated")
        wait_for(lambda: venue in changed.data(), 10, "venue:updated")
        assert [e["status"] for e in made.data() if e["id"] == venue["id"]] == ["proposed"]
        assert [e["status"] for e in shown.data() if e["id"] == show["id"]] == ["proposed"]
        last = [e for e in moved.data() if e["id"] == show["id"]][-1]
        assert last == show, "an event says what the API says"


def test_what_staff_do_is_in_the_audit_log():
    with Server() as server:
        staff, seller = staff_of(server), server.sign_up()
        venue = make_venue(seller)
        show = make_show(seller, venue["id"])
        act(staff, "venues", venue, "accept")
        act(staff, "shows", show, "accept")
        act(staff, "shows", show, "cancel", reason="rain")
        entries = json.loads(run_cli("audit", "list", "--data", server.data).stdout)
        acts = [(row["action"], row["subject"], row["actor"], row["detail"]) for row in entries
                if row["action"].split(".")[0] in ("venue", "show")]
        assert sorted(acts) == sorted([
            ("venue.accepted", venue["id"], staff.user_id, ""),
            ("show.accepted", show["id"], staff.user_id, ""),
            ("show.cancelled", show["id"], staff.user_id, "rain")]), acts


def test_it_is_all_there_after_a_kill():
    with Server() as server:
        staff = staff_of(server)
        venue = make_venue(staff)
        shows = [make_show(staff, venue["id"], title=f"Show {i}") for i in range(5)]
        server.kill()
        server.start()
        listed = expect(server.client().get("/api/shows"), 200).json
        assert listed == [{**show, "available": 0} for show in shows[::-1]]
        assert expect(server.client().get("/api/venues"), 200).json == [venue]


def test_who_proposed_reads_why_it_was_refused_and_nobody_else_does():
    with Server() as server, server.listen("show:updated") as told:
        staff, seller = staff_of(server), server.sign_up()
        made = make_venue(staff)
        venue, show = make_venue(seller, name="Nowhere"), make_show(seller, made["id"])
        act(staff, "venues", venue, "refuse", reason="There is no such place")
        act(staff, "shows", show, "cancel", reason="It is on another day")
        for client in (seller, staff):
            for kind, thing, why in (("venues", venue, "There is no such place"),
                                     ("shows", show, "It is on another day")):
                assert expect(client.get(f"/api/{kind}/{thing['id']}"), 200).json["refusal"] == why
        assert expect(seller.get("/api/shows/mine"), 200).json[0]["refusal"] == "It is on another day"
        for client in (server.client(), server.sign_up()):
            for kind, thing in (("venues", venue), ("shows", show)):
                expect_not_found(client.get(f"/api/{kind}/{thing['id']}"))
            for path in ("/api/shows", f"/api/shows?venueId={made['id']}"):
                assert show["id"] not in [row["id"] for row in expect(client.get(path), 200).json]
        wait_for(lambda: [e["version"] for e in told.data() if e["id"] == show["id"]] == [1], 10, "it")
        assert not any("refusal" in event for event in told.data())
        real = make_show(staff, made["id"])
        assert "refusal" not in act(staff, "shows", real, "cancel", reason="rain"), "it was no proposal"


def test_staff_find_what_they_look_after_by_status_and_by_name():
    with Server() as server:
        staff, seller = staff_of(server), server.sign_up()
        venue = make_venue(staff, name="Théâtre Royal")
        other = make_venue(seller, name="100%_Hall!", city="München")
        refused = make_venue(seller, name="Nowhere")
        act(staff, "venues", refused, "refuse")
        shows = {"scheduled": make_show(staff, venue["id"], title="Sigur Rós"),
                 "postponed": make_show(staff, venue["id"]), "cancelled": make_show(staff, venue["id"]),
                 "proposed": make_show(seller, venue["id"]), "refused": make_show(seller, venue["id"])}
        act(staff, "shows", shows["postponed"], "postpone")
        act(staff, "shows", shows["cancelled"], "cancel")
        act(staff, "shows", shows["refused"], "cancel")

        def found(kind, query):
            return [row["id"] for row in expect(staff.get(f"/api/{kind}?{query}"), 200).json]
        with Cases() as case:
            for status, show in shows.items():
                with case(status):
                    assert found("shows", f"status={status}") == [show["id"]]
            assert found("shows", "status=over") == []
            assert len(found("shows", "status=any")) == 5
            for query in ("q=SIGUR", "q=ros", "q=r%C3%B3s"):
                with case(query):
                    assert shows["scheduled"]["id"] in found("shows", f"status=any&{query}")
            assert found("shows", "status=any&q=sigur") == [shows["scheduled"]["id"]]
            for query, ids in (("status=any&q=theatre", [venue["id"]]), ("status=proposed", [other["id"]]),
                               ("status=any&q=munchen", [other["id"]]), ("status=any&q=%25_", [other["id"]]),
                               ("status=any&q=!", [other["id"]]), ("status=any&q=1_0", []),
                               ("status=refused", [refused["id"]]), ("status=accepted", [venue["id"]])):
                with case(query):
                    assert found("venues", query) == ids
            answer = expect(staff.get("/api/shows?status=any&q=mono%20lake&limit=2"), 200)
            with case("the next page is narrowed as well"):
                assert "status=any&q=mono%20lake" in answer.headers["link"]
            for path in ("/api/shows?status=any", "/api/venues?status=any"):
                expect_not_authorized(seller.get(path))
            expect(staff.get("/api/shows?status=any&q=" + "x" * 201), 400)
