"""Proves POST /api/users/password: who is signed in and knows the old password gets another one, and
every other session ends."""

from boxoffice import TEST_PASSWORD, Server, new_email
from check import Cases, expect, expect_errors, expect_not_authorized, wait_for

SERVER = {}
FRESH = "vestibule-Walrus-9"


def change(client, old=TEST_PASSWORD, new=FRESH):
    return client.post("/api/users/password", {"password": old, "newPassword": new})


def signs_in(server, email, password):
    return server.client().post("/api/users/signin", {"email": email, "password": password}).status == 200


def who(client):
    return client.get("/api/users/currentuser").json["currentUser"]


def test_the_new_password_counts_and_the_old_one_no_more(server):
    person = server.sign_up()
    assert expect(change(person), 200).json == {}
    assert signs_in(server, person.email, FRESH) and not signs_in(server, person.email, TEST_PASSWORD)


def test_this_session_goes_on_and_all_others_end(server):
    person, other = server.sign_up(), server.client()
    expect(other.post("/api/users/signin", {"email": person.email, "password": TEST_PASSWORD}), 200)
    before = dict(person.cookies)
    expect(change(person), 200)
    assert person.cookies != before and who(person)["email"] == person.email
    wait_for(lambda: who(other) is None, 5, "the other session to end")
    stale = server.client()
    stale.cookies = before
    assert who(stale) is None and stale.get("/api/orders").status == 401


def test_without_the_old_password_nothing_changes(server):
    person = server.sign_up()
    answer = change(person, "gondola-Turnip-wrong")
    assert answer.status == 400 and answer.json["errors"][0]["code"] == "invalid_credentials"
    assert who(person) and signs_in(server, person.email, TEST_PASSWORD)


def test_what_a_password_must_be_is_what_it_must_be_at_sign_up(server):
    person = server.sign_up()
    short = ("Password must be between 8 and 128 characters", "newPassword")
    with Cases() as case:
        for old, new, errors in ((TEST_PASSWORD, "short", [short]), (TEST_PASSWORD, " " * 20, [short]),
                                 (TEST_PASSWORD, "password1", [("Password is too common", "newPassword")]),
                                 ("", "short", [("You must supply a password", "password"), short])):
            with case(f"{old!r}, {new!r}"):
                expect_errors(change(person, old, new), 400, errors)


def test_a_session_of_nobody_kept_here_changes_nothing(server):
    expect_not_authorized(change(server.client()))
    expect_not_authorized(change(server.as_user()))
    expect_not_authorized(change(server.as_user("somebody of another service")))


def test_guessing_is_as_slow_as_at_the_door():
    with Server(env={"SIGNIN_FAILURES_PER_MINUTE": "3"}) as server:
        person = server.sign_up()
        person.cookies.pop("device", None)
        answers = [change(person, f"guess-number-{n}") for n in range(6)]
        assert [answer.status for answer in answers[:3]] == [400] * 3
        assert answers[-1].status == 429 and int(answers[-1].headers["Retry-After"]) > 0
