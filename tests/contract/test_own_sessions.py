"""Proves where somebody is signed in: each session with its browser, when and from where it began and was
used; that one of them ends, or all others, and who may do that."""

from boxoffice import TEST_PASSWORD, Server, new_id
from check import Cases, expect, expect_error, expect_not_authorized, wait_for

SERVER = {"env": {"TRUSTED_PROXIES": "127.0.0.1"}}
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
          " Version/18.6 Mobile/15E148 Safari/604.1")


def sign_in(server, person, agent=None, at="203.0.113.7"):
    client = server.client()
    headers = {"X-Forwarded-For": at, "User-Agent": agent}
    expect(client.post("/api/users/signin", {"email": person.email, "password": TEST_PASSWORD},
                       headers=headers), 200)
    return client


def sessions(client):
    return expect(client.get("/api/users/sessions"), 200).json


def own(client):
    """The session that the client itself has."""
    [found] = [each for each in sessions(client) if each["current"]]
    return found


def end(client, session):
    return client.delete(f"/api/users/sessions/{session['id']}")


def expect_over(client):
    wait_for(lambda: client.get("/api/orders").status == 401, 2, "the session's end")
    assert client.get("/api/users/currentuser").json["currentUser"] is None


def test_each_says_what_browser_it_is_and_where_it_began(server):
    person = server.sign_up()
    phone, other = sign_in(server, person, SAFARI, "2001:db8::9"), sign_in(server, person, "?" * 300)
    seen = sessions(phone)
    assert len(seen) == 3 and sum(each["current"] for each in seen) == 1
    found = own(phone)
    assert (found["browser"], found["system"]) == ("Safari", "iPhone"), found
    assert found["address"] == found["usedAddress"] == "2001:db8::9" and found["createdAt"] == found["usedAt"]
    strange = next(each for each in sessions(phone) if each["id"] == own(other)["id"])
    assert "browser" not in strange and "system" not in strange and not strange["current"]
    assert own(person)["address"] == "127.0.0.1"


def test_one_that_is_ended_is_over_everywhere_and_the_others_go_on(server):
    person = server.sign_up()
    lost, kept = sign_in(server, person, FIREFOX), sign_in(server, person, SAFARI)
    answer = expect(end(person, own(lost)), 204)
    assert not answer.body and "Set-Cookie" not in answer.headers
    expect_over(lost)
    for client in (person, kept):
        expect(client.get("/api/orders"), 200)
    assert len(sessions(person)) == 2


def test_this_one_may_be_ended_too_and_its_cookie_goes(server):
    person = server.sign_up()
    other = sign_in(server, person)
    before = dict(person.cookies)
    expect(end(person, own(person)), 204)
    assert "session" not in person.cookies
    person.cookies = before
    expect_over(person)
    expect(other.get("/api/orders"), 200)


def test_all_others_end_and_this_one_goes_on(server):
    person = server.sign_up()
    others = [sign_in(server, person) for _ in range(3)]
    bystander = server.sign_up()
    assert expect(person.post("/api/users/signout-others", {}), 200).json == {}
    for client in others:
        expect_over(client)
    expect(person.get("/api/orders"), 200)
    expect(bystander.get("/api/orders"), 200)
    assert [each["current"] for each in sessions(person)] == [True]
    expect(person.post("/api/users/signout-others", {}), 200)


def test_nobody_ends_or_sees_what_is_somebody_elses(server):
    person, thief = server.sign_up(), server.sign_up()
    theirs = own(person)
    expect(end(thief, theirs), 404)
    assert theirs["id"] not in [each["id"] for each in sessions(thief)]
    expect(person.get("/api/orders"), 200)
    stranger = server.client()
    for answer in (stranger.get("/api/users/sessions"), end(stranger, theirs),
                   stranger.post("/api/users/signout-others", {})):
        expect_not_authorized(answer)


def test_an_id_that_is_none_or_of_nothing_ends_nothing(server):
    person = server.sign_up()
    with Cases() as case:
        for wrong, status in (("x", 400), (new_id(), 400), ("A" * 64, 400), ("0" * 64, 404), ("0" * 65, 400)):
            with case(wrong):
                expect(end(person, {"id": wrong}), status)
        with case("twice"):
            other = sign_in(server, person)
            there = own(other)
            expect(end(person, there), 204)
            expect(end(person, there), 404)
    expect(person.get("/api/orders"), 200)


def test_the_list_holds_nothing_that_would_open_a_session(server):
    person = server.sign_up()
    token = person.cookies["session"]
    listed = expect(person.get("/api/users/sessions"), 200)
    assert token not in listed.body.decode() and listed.headers["Cache-Control"] == "no-store"
    forged = server.client()
    forged.cookies["session"] = sessions(person)[0]["id"]
    expect_not_authorized(forged.get("/api/orders"))


def test_a_token_of_another_program_has_no_list_and_goes_on(server):
    person = server.sign_up()
    foreign = server.as_user(person.user_id, person.email)
    assert [each["current"] for each in sessions(foreign)] == [False]
    expect(foreign.post("/api/users/signout-others", {}), 200)
    expect_over(person)
    expect(foreign.get("/api/orders"), 200)
    assert sessions(foreign) == []
    assert sessions(server.as_user("auth0|5f7c8ec7")) == []


def test_it_tells_when_and_from_where_a_session_was_used_last():
    with Server(env={"TRUSTED_PROXIES": "127.0.0.1", "SESSION_SECONDS": "4"}) as server:
        person = server.sign_up()

        def used_elsewhere():  # a token is renewed once half of its life has gone
            expect(person.get("/api/users/currentuser", headers={"X-Forwarded-For": "198.51.100.3"}), 200)
            return own(person)["usedAddress"] == "198.51.100.3"

        wait_for(used_elsewhere, 10, "the renewal")
        found = own(person)
        assert found["usedAt"] > found["createdAt"] and found["address"] == "127.0.0.1", found


def test_sessions_that_ran_out_are_not_listed():
    with Server(env={"SESSION_SECONDS": "2"}) as server:
        person = server.sign_up()
        other = sign_in(server, person)
        assert len(sessions(person)) == 2

        def alone():
            expect(person.get("/api/users/currentuser"), 200)  # stays
            return len(sessions(person)) == 1

        wait_for(alone, 10, "the other one to run out")
        expect_error(other.get("/api/orders"), 401, "Not authorized")
