"""Proves what slows guessers and rushes down: sign-ins, sign-ups and orders are counted, by account, by
address and by user, with the limits as they are by default."""

import concurrent.futures
import re
import time
import urllib.parse

from boxoffice import LIMITS, TEST_PASSWORD, Server, create_ticket, new_email, new_id
from check import Cases, expect, expect_error, wait_for

SERVER = {"env": {**LIMITS, "TRUSTED_PROXIES": "127.0.0.1"}}
SIGNIN_FAILURES, SIGNUPS, ORDERS = 5, 10, 30
BUSY = "Too many requests, try again soon"
addresses = iter(f"198.51.{n // 250}.{n % 250 + 1}" for n in range(60000))


def from_(address):
    """The header of somebody at that address, behind a proxy that is believed."""
    return {"X-Forwarded-For": address}


def sign_in(server, email, password, address):
    return server.client().post("/api/users/signin", {"email": email, "password": password},
                                headers=from_(address))


def sign_up(server, address, email=None):
    return server.client().post("/api/users/signup",
                                {"email": email or new_email(), "password": TEST_PASSWORD},
                                headers=from_(address))


def somebody(server):
    """An account's email, made from an address of its own."""
    email = new_email()
    expect(sign_up(server, next(addresses), email), 201)
    return email


def retry_after(answer, most):
    """The answer refuses and says for how long, in whole seconds."""
    expect_error(answer, 429, BUSY)
    text = answer.headers.get("Retry-After", "")
    assert re.fullmatch(r"[1-9]\d*", text) and int(text) <= most, text
    return int(text)


def refused(server, name):
    return expect(server.client().get("/streaming"), 200).json["limits_refused"][name]


# --- by account ------------------------------------------------------------------------------------

def test_five_failures_and_the_account_waits_wherever_they_came_from(server):
    for email in (somebody(server), new_email()):  # known and unknown: no difference
        for n in range(SIGNIN_FAILURES):
            answer = sign_in(server, email, f"wrong-{n}-password", next(addresses))
            expect_error(answer, 400, "Invalid credentials")
        before = refused(server, "signin_account")
        for password in ("wrong again", TEST_PASSWORD):  # the right one, too: nothing is told
            seconds = retry_after(sign_in(server, email, password, next(addresses)), 60)
            assert seconds > 50
        assert refused(server, "signin_account") == before + 2


def test_the_account_is_the_same_in_any_case_of_its_letters(server):
    email = somebody(server)
    for n in range(SIGNIN_FAILURES):
        typed = email.upper() if n % 2 else email
        expect_error(sign_in(server, typed, "wrong password", next(addresses)), 400,
                     "Invalid credentials")
    retry_after(sign_in(server, email, TEST_PASSWORD, next(addresses)), 60)


def test_signing_in_makes_the_account_start_afresh(server):
    email = somebody(server)
    for _ in range(3):
        for _ in range(SIGNIN_FAILURES - 1):
            expect_error(sign_in(server, email, "wrong password", next(addresses)), 400,
                         "Invalid credentials")
        expect(sign_in(server, email, TEST_PASSWORD, next(addresses)), 200)


def test_what_is_no_guess_does_not_count(server):
    email, address = somebody(server), next(addresses)
    for _ in range(2 * SIGNIN_FAILURES):
        expect_error(sign_in(server, email, "", address), 400, "You must supply a password",
                     "password")
        expect(sign_in(server, email, TEST_PASSWORD, address), 200)


# --- by address ------------------------------------------------------------------------------------

def test_five_failures_and_the_address_waits_whoever_it_guessed_at(server):
    address, bystander = next(addresses), next(addresses)
    for _ in range(SIGNIN_FAILURES):
        expect_error(sign_in(server, new_email(), "wrong password", address), 400,
                     "Invalid credentials")
    email = somebody(server)
    retry_after(sign_in(server, email, TEST_PASSWORD, address), 60)
    expect(sign_in(server, email, TEST_PASSWORD, bystander), 200)


def test_an_account_of_ones_own_buys_no_more_guesses(server):
    address, own = next(addresses), somebody(server)
    for _ in range(SIGNIN_FAILURES):
        expect(sign_in(server, own, TEST_PASSWORD, address), 200)
        expect_error(sign_in(server, new_email(), "wrong password", address), 400,
                     "Invalid credentials")
    retry_after(sign_in(server, own, TEST_PASSWORD, address), 60)


def test_guesses_made_at_once_count_like_those_made_one_by_one(server):
    email, address = new_email(), next(addresses)
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        jobs = [pool.submit(sign_in, server, email, f"guess-{n}", address) for n in range(48)]
    statuses = [job.result().status for job in jobs]
    assert statuses.count(400) == SIGNIN_FAILURES, statuses
    assert statuses.count(429) == len(statuses) - SIGNIN_FAILURES, statuses


def test_an_ipv6_customer_is_one_address(server):
    for n in range(SIGNIN_FAILURES):
        answer = sign_in(server, new_email(), "wrong password", f"2001:db8:1:2:{n:x}::{n + 7:x}")
        expect_error(answer, 400, "Invalid credentials")
    retry_after(sign_in(server, new_email(), "wrong password", "2001:db8:1:2:ffff::1"), 60)
    expect_error(sign_in(server, new_email(), "wrong password", "2001:db8:1:3::1"), 400,
                 "Invalid credentials")
    # An IPv4 address is the same one however it is written.
    plain = next(addresses)
    for n in range(SIGNIN_FAILURES):
        written = f"::ffff:{plain}" if n % 2 else plain
        expect_error(sign_in(server, new_email(), "wrong password", written), 400,
                     "Invalid credentials")
    retry_after(sign_in(server, new_email(), "wrong password", plain), 60)


def test_nobody_counts_as_another_address_by_saying_so():
    with Server(env=LIMITS) as server:  # nobody is trusted to speak for others
        for _ in range(SIGNIN_FAILURES):
            expect_error(sign_in(server, new_email(), "wrong password", next(addresses)), 400,
                         "Invalid credentials")
        retry_after(sign_in(server, new_email(), "wrong password", next(addresses)), 60)


# --- sign-ups and orders -----------------------------------------------------------------------------

def test_ten_accounts_an_hour_and_the_address_waits(server):
    address = next(addresses)
    for _ in range(SIGNUPS):
        expect(sign_up(server, address), 201)
    assert retry_after(sign_up(server, address), 3600) > 3500
    expect(sign_up(server, next(addresses)), 201)
    expect(sign_in(server, somebody(server), TEST_PASSWORD, address), 200)


def test_a_form_that_is_wrong_is_no_sign_up(server):
    address = next(addresses)
    for _ in range(2 * SIGNUPS):
        expect(sign_up(server, address, "no email"), 400)
    expect(sign_up(server, address), 201)


def test_thirty_orders_a_minute_and_the_user_waits(server):
    eager, other = server.as_user(), server.as_user()
    for _ in range(ORDERS):
        expect(eager.post("/api/orders", {"ticketId": new_id()}), 404)
    retry_after(eager.post("/api/orders", {"ticketId": new_id()}), 60)
    expect(eager.get("/api/orders"), 200)
    expect(other.post("/api/orders", {"ticketId": new_id()}), 404)
    assert refused(server, "orders_user") == 1


def test_a_limit_of_0_is_none_and_another_number_counts():
    env = {**LIMITS, "ORDERS_PER_MINUTE": "2", "SIGNUPS_PER_HOUR": "0"}
    with Server(env=env) as server:
        user = server.as_user()
        for status in (404, 404, 429):
            expect(user.post("/api/orders", {"ticketId": new_id()}), status)
        for _ in range(SIGNUPS + 2):
            expect(sign_up(server, "127.0.0.1"), 201)


def test_the_page_says_so_too(server):
    form = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin",
            **from_(next(addresses))}
    fields = urllib.parse.urlencode({"email": new_email(), "password": "wrong password"}).encode()
    for status in [400] * SIGNIN_FAILURES + [429]:
        answer = server.client().request("POST", "/auth/signin", raw=fields, headers=form)
        assert answer.status == status, answer
    assert b"Too many requests" in answer.body and answer.headers["Retry-After"], answer.headers


# --- what an answer gives away -----------------------------------------------------------------------

def test_known_and_unknown_emails_cannot_be_told_apart():
    """Not by status, body or headers; and not by time: of a known and an unknown email neither is the
    slower one in four of five pairs, which chance alone would bring about once in 100,000 runs."""
    with Server() as server:
        known = server.sign_up().email
        client, times, answers = server.client(), {}, {}
        for n in range(40):
            for email in (known, new_email()) if n % 2 else (new_email(), known):
                started = time.perf_counter()
                answer = client.post("/api/users/signin", {"email": email, "password": "wrong-one"})
                kind = "known" if email == known else "unknown"
                times.setdefault(kind, []).append(time.perf_counter() - started)
                answers.setdefault(kind, []).append(
                    (answer.status, answer.body, sorted(
                        (name, value) for name, value in answer.headers.items()
                        if name != "X-Request-Id")))
        assert answers["known"] == answers["unknown"]
        assert all(answer == answers["known"][0] for answer in answers["known"])
        slower = sum(a > b for a in times["known"] for b in times["unknown"]) / 40 ** 2
        assert 0.2 < slower < 0.8, f"the known one is slower in {slower:.0%} of all pairs"
