"""Proves the second factor: an app of codes is set up, sign-in asks for one, each counts once, codes for
who lost the app stand in for it, guessing is slowed as with passwords, and turning it off takes both."""

import concurrent.futures
import re
import time
import urllib.parse

from authenticator import STEP_S, Authenticator
from boxoffice import (LIMITS, TEST_PASSWORD, Server, expect_kept_nowhere, mailed_token, new_email, run_cli,
                       sanitizer)
from check import Cases, Skip, expect, expect_error, expect_errors, expect_not_authorized, wait_for
from clock import WallClock
from smtp_double import SmtpDouble
from test_roles import roles_of

SERVER = {}
FRESH = "vestibule-Walrus-9"
WRONG = "gondola-Turnip-wrong"
NOT_RIGHT = "This code is not right, or was used"


def begin(person, password=TEST_PASSWORD):
    return person.post("/api/users/factor", {"password": password})


def confirm(person, code):
    return person.post("/api/users/factor/confirm", {"code": code})


def turn_off(person, code, password=TEST_PASSWORD):
    return person.post("/api/users/factor/off", {"password": password, "code": code})


def state(person):
    return expect(person.get("/api/users/factor"), 200).json


def sign_in(client, person, password=TEST_PASSWORD):
    return client.post("/api/users/signin", {"email": person.email, "password": password})


def asked(answer):
    """The answer asks for a code and signs nobody in; what the second step takes."""
    expect(answer, 401)
    [error] = answer.json["errors"]
    assert error["code"] == "factor_required" and "Set-Cookie" not in answer.headers, answer
    assert answer.headers["Cache-Control"] == "no-store"
    return error["token"]


def second_step(client, token, code):
    return client.post("/api/users/signin/factor", {"token": token, "code": code})


def expect_wrong(answer):
    expect_errors(answer, 400, [(NOT_RIGHT, "code")])
    assert answer.json["errors"][0]["code"] == "invalid_code" and "Set-Cookie" not in answer.headers


def who(client):
    return client.get("/api/users/currentuser").json["currentUser"]


def with_factor(server, email=None):
    """Somebody with a factor that is on: the person, the app, the recovery codes."""
    person = server.sign_up(email)
    app = Authenticator(expect(begin(person), 200).json["secret"])
    return person, app, expect(confirm(person, app.code()), 200).json["recoveryCodes"]


def test_it_is_set_up_with_a_secret_and_a_code_and_then_sign_in_asks_for_one(server):
    person = server.sign_up()
    assert state(person) == {"on": False, "recoveryCodes": 0}
    made = expect(begin(person), 200).json
    assert re.fullmatch("[A-Z2-7]{32}", made["secret"]), made
    url = urllib.parse.urlsplit(made["url"])
    assert (url.scheme, url.netloc, urllib.parse.unquote(url.path)) == ("otpauth", "totp", f"/Boxoffice:{person.email}")
    assert urllib.parse.parse_qs(url.query) == {"secret": [made["secret"]], "issuer": ["Boxoffice"]}
    assert state(person)["on"] is False
    expect(sign_in(server.client(), person), 200)  # not before it is confirmed
    app = Authenticator(made["secret"])
    codes = expect(confirm(person, app.code()), 200).json["recoveryCodes"]
    assert len(set(codes)) == 10 and all(re.fullmatch("[a-z2-7]{10}", code) for code in codes), codes
    assert state(person) == {"on": True, "recoveryCodes": 10} and who(person)
    client = server.client()
    token = asked(sign_in(client, person))
    assert who(client) is None and client.cookies == {}
    answer = expect(second_step(client, token, app.code()), 200)
    assert answer.json == {"email": person.email, "id": person.user_id}
    assert who(client)["id"] == person.user_id and "device" in client.cookies


def test_for_who_has_none_nothing_is_different(server):
    person, client = server.sign_up(), server.client()
    assert expect(sign_in(client, person), 200).json == {"email": person.email, "id": person.user_id}
    expect_error(sign_in(server.client(), person, WRONG), 400, "Invalid credentials")


def test_a_wrong_password_asks_for_no_code(server):
    person, _, _ = with_factor(server)
    expect_error(sign_in(server.client(), person, WRONG), 400, "Invalid credentials")


def test_each_code_counts_once_and_none_that_is_older_than_one_that_was_taken(server):
    person, app, _ = with_factor(server)
    used = app.at(app.shown * STEP_S)
    older = app.at((app.shown - 1) * STEP_S)
    token = asked(sign_in(server.client(), person))
    for code in (used, older):
        expect_wrong(second_step(server.client(), token, code))
    code = app.code()
    expect(second_step(server.client(), token, code), 200)
    expect_wrong(second_step(server.client(), token, code))


def test_of_a_code_that_comes_twice_at_once_one_is_taken(server):
    person, _, codes = with_factor(server)
    token = asked(sign_in(server.client(), person))
    clients = [server.client() for _ in range(6)]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        statuses = sorted(pool.map(lambda client: second_step(client, token, codes[0]).status, clients))
    assert statuses == [200] + [400] * 5, statuses
    assert state(person)["recoveryCodes"] == 9


def test_a_recovery_code_stands_in_once_however_it_is_typed(server):
    person, _, codes = with_factor(server)
    for typed in (codes[0], f" {codes[1][:5].upper()}-{codes[1][5:]} "):
        expect(second_step(server.client(), asked(sign_in(server.client(), person)), typed), 200)
    for used in codes[:2]:
        expect_wrong(second_step(server.client(), asked(sign_in(server.client(), person)), used))
    assert state(person) == {"on": True, "recoveryCodes": 8}


def test_what_is_no_code_is_refused_with_the_field(server):
    person, _, _ = with_factor(server)
    token = asked(sign_in(server.client(), person))
    with Cases() as case:
        for code in ("", "   "):
            with case(repr(code)):
                expect_errors(second_step(server.client(), token, code), 400, [("You must supply a code", "code")])
        for code in ("00000", "x" * 5000, "0" * 10, "\u0661\u0662\u0663\u0664\u0665\u0666", "' OR 1=1"):
            with case(repr(code[:20])):
                expect_wrong(second_step(server.client(), token, code))


def test_a_token_is_of_one_user_one_password_and_our_own(server):
    person, app, codes = with_factor(server)
    other, _, _ = with_factor(server)
    token, theirs = asked(sign_in(server.client(), person)), asked(sign_in(server.client(), other))
    head, seal = token.rsplit(".", 1)
    user, ends = head.split(".")
    bad = ["", "x", head, token[:-1] + ("0" if token[-1] != "0" else "1"), f"{other.user_id}.{ends}.{seal}",
           f"{user}.{int(ends) + 1}.{seal}", f"{user}..{seal}", f"{user}.-1.{seal}", "0" * 200, f"{user}.{'9' * 30}.{seal}",
           theirs.replace(other.user_id, person.user_id)]
    with Cases() as case:
        for wrong in bad:
            with case(wrong):
                answer = second_step(server.client(), wrong, codes[0])
                expect_error(answer, 400, "That took too long, sign in again")
                assert answer.json["errors"][0]["code"] == "factor_over"
    expect_wrong(second_step(server.client(), theirs, codes[0]))  # another one's code
    expect(person.post("/api/users/password", {"password": TEST_PASSWORD, "newPassword": FRESH}), 200)
    expect_error(second_step(server.client(), token, codes[0]), 400, "That took too long, sign in again")
    expect(second_step(server.client(), asked(sign_in(server.client(), person, FRESH)), codes[0]), 200)
    assert app.shown


def test_a_code_is_of_now_and_a_right_password_waits_for_it_for_ten_minutes():
    if sanitizer():
        raise Skip("a program with a sanitizer takes no clock of another library")
    clock = WallClock()
    try:
        with Server(clock.environment()) as server:
            person, app, codes = with_factor(server)
            token, begun = asked(sign_in(server.client(), person)), time.time()
            clock.set(9 * 60)
            for seconds in (9 * 60 - 20 * STEP_S, 9 * 60 + 20 * STEP_S):
                expect_wrong(second_step(server.client(), token, app.at(begun + seconds)))
            expect(second_step(server.client(), token, app.at(time.time() + 9 * 60)), 200)
            clock.set(11 * 60)
            answer = second_step(server.client(), token, codes[0])
            expect_error(answer, 400, "That took too long, sign in again")
    finally:
        clock.close()


def test_codes_are_guessed_at_no_more_often_than_passwords():
    with Server(env={**LIMITS, "TRUSTED_PROXIES": "127.0.0.1"}) as server:
        person, _, codes = with_factor(server)
        at = {"X-Forwarded-For": "203.0.113.9"}
        token = asked(server.client().post("/api/users/signin", {"email": person.email, "password": TEST_PASSWORD},
                                           headers=at))
        def guess(code):
            return server.client().post("/api/users/signin/factor", {"token": token, "code": code}, headers=at)
        for n in range(5):
            expect_wrong(guess(f"{n:06}"))
        assert 0 < int(expect(guess(codes[0]), 429).headers["Retry-After"]) <= 60
        lines = [line for line in server.logged("auth.refused") if line["address"] == "203.0.113.9"]
        assert [line["reason"] for line in lines] == ["wrong_code"] * 5 + ["too_many_tries"], lines
        assert {line.get("account") for line in lines[:5]} == {person.user_id}
        expect(server.client().post("/api/users/signin/factor", {"token": token, "code": codes[0]}), 200)


def test_turning_it_off_takes_the_password_and_a_code(server):
    person, app, codes = with_factor(server)
    code = app.code()
    expect_error(turn_off(person, code, WRONG), 400, "Invalid credentials")
    expect_wrong(turn_off(person, "000000"))
    expect_errors(turn_off(person, code, ""), 400, [("You must supply a password", "password")])
    expect_errors(turn_off(person, ""), 400, [("You must supply a code", "code")])
    assert state(person)["on"] is True
    assert expect(turn_off(person, code), 200).json == {}
    assert state(person) == {"on": False, "recoveryCodes": 0}
    expect(sign_in(server.client(), person), 200)
    assert turn_off(person, codes[0]).status == 409
    again = Authenticator(expect(begin(person), 200).json["secret"])
    assert again.secret != app.secret
    expect(confirm(person, again.code()), 200)


def test_what_is_on_is_not_set_up_again_and_a_set_up_may_begin_anew(server):
    person = server.sign_up()
    assert confirm(person, "000000").status == 409
    first = Authenticator(expect(begin(person), 200).json["secret"])
    second = Authenticator(expect(begin(person), 200).json["secret"])
    expect_wrong(confirm(person, first.code()))
    expect(confirm(person, second.code()), 200)
    for answer in (begin(person), confirm(person, second.code())):
        assert expect(answer, 409).json["errors"][0]["code"] == "wrong_status"
    expect_error(begin(person, WRONG), 400, "Invalid credentials")


def test_nobody_without_a_session_sets_one_up_and_a_token_of_elsewhere_has_none(server):
    for client in (server.client(), server.as_user()):
        for answer in (client.get("/api/users/factor"), begin(client), confirm(client, "000000"),
                       turn_off(client, "000000")):
            expect_not_authorized(answer)


def test_a_link_to_a_new_password_leads_by_no_way_around_it(server):
    person, app, _ = with_factor(server)
    expect(server.client().post("/api/users/forgot", {"email": person.email}), 200)
    client, token = server.client(), mailed_token(server, person.email, "/auth/reset")
    answer = client.post("/api/users/reset", {"token": token, "password": FRESH})
    step = asked(answer)
    assert who(client) is None
    wait_for(lambda: who(person) is None, 5, "the session of before to end")
    expect(second_step(client, step, app.code()), 200)
    assert who(client)["id"] == person.user_id
    asked(sign_in(server.client(), person, FRESH))


def test_the_operator_turns_it_off_for_who_lost_everything(server):
    person, _, _ = with_factor(server)
    for _ in range(2):
        ran = run_cli("users", "factor-off", person.email, "--data", server.data)
        assert ran.returncode == 0, ran
    expect(sign_in(server.client(), person), 200)
    log = run_cli("audit", "list", "--data", server.data).stdout
    assert log.count('"user.factor_off"') >= 1 and '"user.factor_on"' in log


def test_a_banned_user_gets_no_further_with_a_token_of_before(server):
    person, app, _ = with_factor(server)
    token = asked(sign_in(server.client(), person))
    assert run_cli("users", "ban", person.email, "--data", server.data).returncode == 0
    expect_error(second_step(server.client(), token, app.code()), 400, "That took too long, sign in again")


def test_changes_are_mailed_and_recovery_codes_are_kept_nowhere():
    with SmtpDouble() as double, Server(env={"SMTP_URL": double.url(), "MAIL_FROM": "tickets@example.org",
                                             "PUBLIC_URL": "https://tickets.example"}) as server:
        person, app, codes = with_factor(server, new_email())
        expect(turn_off(person, app.code()), 200)

        def subjects():
            return {taken.message["Subject"] for taken in double.to(person.email)}

        wait_for(lambda: {"Sign-in now asks for a code", "Sign-in asks for no code any more"} <= subjects(), 10,
                 subjects)
        for taken in double.to(person.email):
            assert not any(code in taken.part("plain") for code in (*codes, app.secret))
        for code in codes:
            expect_kept_nowhere(server, code)
        assert app.secret not in server.log()


def test_staff_acts_as_staff_once_sign_in_asks_for_a_code():
    def account(client):
        return expect(client.get("/api/users/me"), 200).json

    with Server(env={"STAFF_FACTOR": "on"}) as server:
        plain, (person, app, _) = server.sign_up(), with_factor(server)
        for user in (plain, person):
            assert run_cli("users", "grant", user.email, "catalogue", "--data", server.data).returncode == 0
        without, guarded = server.client(), server.client()
        expect(sign_in(without, plain), 200)
        assert account(without)["rolesNeedFactor"] is True
        expect(second_step(guarded, asked(sign_in(guarded, person)), app.code()), 200)
        assert "rolesNeedFactor" not in account(guarded)
        assert roles_of(without) == [] and roles_of(guarded) == ["catalogue"]
        secret = Authenticator(expect(begin(without), 200).json["secret"])
        expect(confirm(without, secret.code()), 200)
        expect(without.post("/api/users/signout", {}), 200)
        expect(second_step(without, asked(sign_in(without, plain)), secret.code()), 200)
        assert roles_of(without) == ["catalogue"]
        assert run_cli("users", "factor-off", plain.email, "--data", server.data).returncode == 0
        assert who(without) is None, "the session of before goes on"
        expect(sign_in(without, plain), 200)
        assert roles_of(without) == []
