"""Proves the auth rows of the contract: sign up, sign in, sign out, current user, the cookie."""

import concurrent.futures
import re
import time

import session
from boxoffice import TEST_KEY, TEST_PASSWORD, Server, new_email
from check import (Cases, expect, expect_error, expect_errors, expect_id, slow_factor, wait_for)

PARALLEL = 6

EMAIL = ("Email must be valid", "email")
PASSWORD = ("Password must be between 8 and 128 characters", "password")
NO_PASSWORD = ("You must supply a password", "password")
BAD_EMAILS = ["", " ", "alskdflaskjfd", "a@", "@example.test", "a b@example.test",
              "a@b@example.test", "a@exam\nple.test", None, 5, True, [], {}, ["a@example.test"]]
LAUGH = "\N{FACE WITH TEARS OF JOY}"


def sign_up(client, email, password):
    """Signs up, waiting while the password pool is busy."""
    body = {"email": email, "password": password}

    def answer():
        reply = client.post("/api/users/signup", body)
        return None if reply.status == 429 else reply
    return wait_for(answer, 20, "a free place in the password pool")


def sign_in(client, email, password):
    body = {"email": email, "password": password}

    def answer():
        reply = client.post("/api/users/signin", body)
        return None if reply.status == 429 else reply
    return wait_for(answer, 20, "a free place in the password pool")


def session_cookie_line(answer):
    lines = [line for line in answer.headers.get_all("Set-Cookie") or []
             if line.startswith(("session=", "__Host-session="))]
    assert len(lines) == 1, f"one session cookie, got {lines}"
    return lines[0]


def current_user(client):
    return expect(client.get("/api/users/currentuser"), 200).json["currentUser"]


# --- sign up

def test_sign_up_answers_201_with_email_and_id(server):
    email = new_email()
    answer = expect(sign_up(server.client(), email, TEST_PASSWORD), 201)
    assert answer.json["email"] == email
    expect_id(answer.json["id"])
    assert b"assword" not in answer.body and TEST_PASSWORD.encode() not in answer.body


def test_sign_up_sets_the_session_cookie(server):
    line = session_cookie_line(sign_up(server.client(), new_email(), TEST_PASSWORD))
    attributes = {part.strip().lower() for part in line.split(";")[1:]}
    assert {"path=/", "httponly", "samesite=lax"} <= attributes, line
    assert "secure" not in attributes, f"Secure on plain http: {line}"


def test_the_cookie_holds_an_hs256_token_of_the_user(server):
    email = new_email()
    answer = sign_up(server.client(), email, TEST_PASSWORD)
    value = session_cookie_line(answer).split(";")[0].split("=", 1)[1]
    header, claims, token = session.unwrap_cookie(value)
    assert header["alg"] == "HS256", header
    assert claims["id"] == answer.json["id"] and claims["email"] == answer.json["email"], claims
    assert abs(claims["iat"] - time.time()) < 60, claims
    assert claims["exp"] > claims["iat"], claims
    signed, _, signature = token.rpartition(".")
    assert signature == session.sign(TEST_KEY.encode(), signed), "signature"


def test_sign_up_refuses_bad_emails(server):
    client = server.client()
    with Cases() as case:
        for email in BAD_EMAILS:
            with case(email):
                answer = client.post("/api/users/signup", {"email": email,
                                                           "password": TEST_PASSWORD})
                expect_error(answer, 400, *EMAIL)
                assert not answer.headers.get_all("Set-Cookie"), "a cookie with a refusal"
        with case("no email"):
            answer = client.post("/api/users/signup", {"password": TEST_PASSWORD})
            expect_error(answer, 400, *EMAIL)


def test_sign_up_refuses_passwords_that_are_too_short_or_long(server):
    client = server.client()
    bad = ["", "p", "Zq4-xyz", "        ", "   Zq4-xyz   ", "Zq4-" + "x" * 125, LAUGH * 7,
           LAUGH * 129, None, 12345678, True, [], {}, ["Zq4-xyz-long"]]
    with Cases() as case:
        for password in bad:
            with case(password):
                answer = client.post("/api/users/signup", {"email": new_email(),
                                                           "password": password})
                expect_error(answer, 400, *PASSWORD)
        with case("no password"):
            expect_error(client.post("/api/users/signup", {"email": new_email()}), 400, *PASSWORD)


def test_sign_up_counts_password_characters_not_bytes(server):
    good = ["Zq4-xyz8", "Zq4-" + "x" * 124, "   Zq4-xyz8   ", "Zq4-" + "x" * 124 + "    ",
            "gr\u00fc\u00dfe-\u00e4\u00f6", LAUGH * 8, LAUGH * 128]
    with Cases() as case:
        for password in good:
            with case(password):
                email = new_email()
                expect(sign_up(server.client(), email, password), 201)
                expect(sign_in(server.client(), email, password), 200)


def test_spaces_around_a_password_do_not_count(server):
    email = new_email()
    expect(sign_up(server.client(), email, f"  {TEST_PASSWORD} "), 201)
    expect(sign_in(server.client(), email, TEST_PASSWORD), 200)


def test_sign_up_reports_all_fields_in_order(server):
    client = server.client()
    with Cases() as case:
        for body in [{}, {"password": "p", "email": "no"}, {"email": 1, "password": 2}]:
            with case(body):
                expect_errors(client.post("/api/users/signup", body), 400, [EMAIL, PASSWORD])
        with case("no body"):
            expect_errors(client.post("/api/users/signup"), 400, [EMAIL, PASSWORD])


def test_an_email_signs_up_once_whatever_its_case(server):
    email = new_email()
    server.sign_up(email)
    with Cases() as case:
        for again in [email, email.upper(), email.title()]:
            with case(again):
                answer = sign_up(server.client(), again, TEST_PASSWORD)
                expect_error(answer, 400, "Email in use")
                assert not answer.headers.get_all("Set-Cookie"), "a cookie with a refusal"


def test_one_of_many_simultaneous_sign_ups_wins(server):
    email = new_email()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(sign_up, server.client(), email, TEST_PASSWORD) for _ in range(8)]
    answers = [job.result() for job in jobs]
    assert sorted(answer.status for answer in answers) == [201] + [400] * 7, answers
    for answer in answers:
        if answer.status == 400:
            expect_error(answer, 400, "Email in use")


def test_a_common_password_is_refused(server):
    answer = server.client().post("/api/users/signup", {"email": new_email(),
                                                        "password": "password1"})
    expect(answer, 400)
    assert [error["field"] for error in answer.json["errors"]] == ["password"], answer


def test_the_list_of_common_passwords_can_be_turned_off():
    with Server(env={"AUTH_PASSWORD_BLOCKLIST": "off"}) as server:
        expect(sign_up(server.client(), new_email(), "password1"), 201)


# --- sign in

def test_sign_in_answers_200_with_the_same_body_and_a_cookie(server):
    user = server.sign_up()
    client = server.client()
    answer = expect(sign_in(client, user.email, TEST_PASSWORD), 200)
    assert answer.json["email"] == user.email and answer.json["id"] == user.user_id, answer
    session_cookie_line(answer)
    assert current_user(client)["id"] == user.user_id


def test_sign_in_compares_emails_without_case(server):
    user = server.sign_up()
    answer = expect(sign_in(server.client(), user.email.upper(), TEST_PASSWORD), 200)
    assert answer.json["id"] == user.user_id


def test_sign_in_refuses_bad_emails(server):
    client = server.client()
    with Cases() as case:
        for email in BAD_EMAILS:
            with case(email):
                answer = client.post("/api/users/signin", {"email": email,
                                                           "password": TEST_PASSWORD})
                expect_error(answer, 400, *EMAIL)


def test_sign_in_needs_a_password(server):
    client = server.client()
    with Cases() as case:
        for password in ["", "   ", None, [], {}]:
            with case(password):
                answer = client.post("/api/users/signin", {"email": new_email(),
                                                           "password": password})
                expect_error(answer, 400, *NO_PASSWORD)
        with case("no password"):
            expect_error(client.post("/api/users/signin", {"email": new_email()}), 400,
                         *NO_PASSWORD)


def test_sign_in_reports_all_fields_in_order(server):
    client = server.client()
    expect_errors(client.post("/api/users/signin", {}), 400, [EMAIL, NO_PASSWORD])
    expect_errors(client.post("/api/users/signin"), 400, [EMAIL, NO_PASSWORD])


def test_unknown_email_and_wrong_password_look_the_same(server):
    user = server.sign_up()
    unknown = sign_in(server.client(), new_email(), TEST_PASSWORD)
    wrong = sign_in(server.client(), user.email, TEST_PASSWORD + "x")
    for answer in (unknown, wrong):
        expect_error(answer, 400, "Invalid credentials")
        assert not answer.headers.get_all("Set-Cookie")
    assert unknown.body == wrong.body
    assert set(unknown.headers.keys()) == set(wrong.headers.keys())


def test_unknown_email_and_wrong_password_cost_the_same():
    """In processor time: what a client sees of it also has the machine's other work in it."""
    with Server() as server:
        user, client = server.sign_up(), server.client()

        def cost(email):
            before = server.cpu_ticks()
            sign_in(client, email, TEST_PASSWORD + "x")
            return server.cpu_ticks() - before
        pairs = [(cost(new_email()), cost(user.email)) for _ in range(11)]
    unknown, wrong = (sum(costs) for costs in zip(*pairs))
    assert 0.4 < unknown / wrong < 2.5, f"unknown {unknown} ticks, wrong {wrong} ticks"


def test_passwords_are_compared_exactly(server):
    user = server.sign_up()
    with Cases() as case:
        for password in [TEST_PASSWORD.upper(), TEST_PASSWORD[:-1], TEST_PASSWORD + "x", "x"]:
            with case(password):
                expect_error(sign_in(server.client(), user.email, password), 400,
                             "Invalid credentials")


def test_the_password_pool_refuses_politely_when_it_is_full(server):
    """Many sign-ins at once are answered 400 or 429 with Retry-After; nothing else waits."""
    with concurrent.futures.ThreadPoolExecutor(48) as pool:
        body = {"email": new_email(), "password": TEST_PASSWORD}
        jobs = [pool.submit(server.client().post, "/api/users/signin", body) for _ in range(96)]
        started = time.perf_counter()
        expect(server.client().get("/api/tickets"), 200)
        waited = time.perf_counter() - started
    for job in jobs:
        answer = job.result()
        assert answer.status in (400, 429), answer
        if answer.status == 429:
            assert re.match(r"^[1-9]\d*$", answer.headers.get("Retry-After", "")), answer.headers
    assert waited < 2 * slow_factor(), f"a read waited {waited:.2f} s behind passwords"


# --- sign out, current user

def test_sign_out_clears_the_cookie(server):
    client = server.sign_up()
    answer = expect(client.post("/api/users/signout", {}), 200)
    assert answer.json == {}
    assert "session" not in client.cookies, answer.headers.get_all("Set-Cookie")
    assert current_user(client) is None


def test_sign_out_works_without_a_session_or_body(server):
    answer = expect(server.client().post("/api/users/signout"), 200)
    assert answer.json == {}


def test_current_user_is_null_without_a_session(server):
    assert expect(server.client().get("/api/users/currentuser"), 200).json == {"currentUser": None}


def test_a_password_is_the_same_from_every_keyboard(server):
    """Composed or not, full width or not (NIST SP 800-63B: normalised before it is hashed)."""
    pairs = [("café-au-lait", "cafe\u0301-au-lait"), ("pass１２３４５word", "pass12345word"),
             ("\u00a0gondola-Turnip\u3000", "gondola-Turnip")]
    with Cases() as case:
        for one, other in pairs:
            for first, second in ((one, other), (other, one)):
                with case(repr(first)):
                    email = new_email()
                    expect(sign_up(server.client(), email, first), 201)
                    expect(sign_in(server.client(), email, first), 200)
                    expect(sign_in(server.client(), email, second), 200)
                    expect_error(sign_in(server.client(), email, second.upper()), 400,
                                 "Invalid credentials")


def test_a_password_is_counted_as_it_is_hashed(server):
    seven = "e\u0301" * 7  # 14 code points as typed, 7 letters
    expect_error(sign_up(server.client(), new_email(), seven), 400, *PASSWORD)
    expect(sign_up(server.client(), new_email(), seven + "e\u0301"), 201)


def test_one_mailbox_is_one_account_however_its_domain_is_written(server):
    name = new_email().split("@")[0]
    forms = [f"{name}@bücher.example", f"{name}@xn--bcher-kva.example", f"{name}@BÜCHER.Example",
             f"{name}@bu\u0308cher.example"]
    user_id = expect(sign_up(server.client(), forms[0], TEST_PASSWORD), 201).json["id"]
    with Cases() as case:
        for form in forms:
            with case(form):
                answer = expect(sign_in(server.client(), form, TEST_PASSWORD), 200)
                assert answer.json == {"email": forms[0], "id": user_id}
                expect_error(sign_up(server.client(), form, TEST_PASSWORD), 400, "Email in use")


def test_letters_of_another_form_are_one_account_and_those_that_look_alike_are_not(server):
    name = "k" + new_email().split("@")[0]
    expect(sign_up(server.client(), f"{name}s@example.test", TEST_PASSWORD), 201)
    for form in (f"\u212a{name[1:]}s@example.test", f"{name}\u017f@example.test"):
        expect_error(sign_up(server.client(), form, TEST_PASSWORD), 400, "Email in use")
    for other in (f"\u043a{name[1:]}s@example.test", f"{name}\u0455@example.test"):  # Cyrillic
        expect(sign_up(server.client(), other, TEST_PASSWORD), 201)


def test_a_domain_that_cannot_be_looked_up_is_no_email(server):
    expect_error(sign_up(server.client(), "ann@xn--zzzzzz99999.com", TEST_PASSWORD), 400, *EMAIL)


def test_no_cache_keeps_who_somebody_is_or_is_not(server):
    somebody = server.sign_up()
    for client in (server.client(), somebody):
        for answer in (client.get("/api/users/currentuser"), client.post("/api/users/signout", {})):
            assert answer.headers.get_all("Cache-Control") == ["no-store"], answer.headers


def test_spaces_around_an_email_do_not_count(server):
    email = new_email()
    answer = expect(sign_up(server.client(), f"  {email} ", TEST_PASSWORD), 201)
    assert answer.json["email"] == email
    expect(sign_in(server.client(), email + "\t", TEST_PASSWORD), 200)
    expect_error(sign_up(server.client(), " " + email, TEST_PASSWORD), 400, "Email in use")


def test_current_user_is_who_signed_up(server):
    client = server.sign_up()
    user = current_user(client)
    assert user["id"] == client.user_id and user["email"] == client.email, user
    assert isinstance(user["iat"], int) and abs(user["iat"] - time.time()) < 60, user


def test_two_people_have_two_ids(server):
    first, second = server.sign_up(), server.sign_up()
    assert first.user_id != second.user_id
    assert current_user(first)["id"] == first.user_id
    assert current_user(second)["id"] == second.user_id


def test_the_cookie_is_secure_when_told():
    with Server(env={"COOKIE_SECURE": "1"}) as secure:
        line = session_cookie_line(sign_up(secure.client(), new_email(), TEST_PASSWORD))
        assert "secure" in {part.strip().lower() for part in line.split(";")}, line
        assert line.startswith("__Host-session="), line
        client = secure.client()
        expect(sign_up(client, new_email(), TEST_PASSWORD), 201)
        assert current_user(client)
        expect(client.post("/api/users/signout", {}), 200)
        assert set(client.cookies) == {"__Host-device"}, client.cookies
        assert current_user(client) is None


def test_the_cookie_is_secure_behind_a_trusted_proxy_only(server):
    body = {"email": new_email(), "password": TEST_PASSWORD}
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"}
    with Server(env={"TRUSTED_PROXIES": "192.0.2.0/24, 127.0.0.0/8"}) as trusting:
        line = session_cookie_line(trusting.client().post("/api/users/signup", body,
                                                          headers=forwarded))
        assert "secure" in {part.strip().lower() for part in line.split(";")}, line
        assert line.startswith("__Host-session="), line
    line = session_cookie_line(server.client().post("/api/users/signup", body, headers=forwarded))
    assert "secure" not in {part.strip().lower() for part in line.split(";")}, line
