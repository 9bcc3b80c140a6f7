"""Proves what slows guessers and rushes down: sign-ins, sign-ups and orders are counted, by account, by
address and by user, with the limits as they are by default."""

import concurrent.futures
import re
import threading
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
    return expect(server.monitor().get("/streaming"), 200).json["limits_refused"][name]


# --- by account ------------------------------------------------------------------------------------

def test_five_failures_from_one_address_and_the_account_waits_there(server):
    for email in (somebody(server), new_email()):  # known and unknown: no difference
        stranger = next(addresses)
        for n in range(SIGNIN_FAILURES):
            answer = sign_in(server, email, f"wrong-{n}-password", stranger)
            expect_error(answer, 400, "Invalid credentials")
        before = refused(server, "signin_account")
        for password in ("wrong again", TEST_PASSWORD):  # the right one, too: nothing is told
            seconds = retry_after(sign_in(server, email, password, stranger), 60)
            assert seconds > 50
        assert refused(server, "signin_account") == before + 2


def test_a_stranger_who_guesses_locks_nobody_out(server):
    """Neither where the owner signed in before, nor anywhere else: not even behind the same address."""
    email, home = new_email(), next(addresses)
    owner = server.client()
    expect(owner.post("/api/users/signup", {"email": email, "password": TEST_PASSWORD},
                      headers=from_(home)), 201)
    for address in (next(addresses), home):
        for n in range(SIGNIN_FAILURES):
            expect_error(sign_in(server, email, f"wrong-{n}", address), 400, "Invalid credentials")
        retry_after(sign_in(server, email, "wrong again", address), 60)
    owner.cookies.pop("session")
    again = {"email": email, "password": TEST_PASSWORD}
    expect(owner.post("/api/users/signin", again, headers=from_(home)), 200)  # the known device
    expect(sign_in(server, email, TEST_PASSWORD, next(addresses)), 200)  # a new one, elsewhere


def test_a_device_that_is_known_has_five_failures_of_its_own(server):
    email = new_email()
    owner = server.client()
    expect(owner.post("/api/users/signup", {"email": email, "password": TEST_PASSWORD},
                      headers=from_(next(addresses))), 201)
    assert re.fullmatch(r"[0-9a-f]{32}\.[0-9a-f]{64}", owner.cookies["device"])
    for n in range(SIGNIN_FAILURES):
        wrong = {"email": email, "password": f"wrong-{n}"}
        expect_error(owner.post("/api/users/signin", wrong, headers=from_(next(addresses))), 400,
                     "Invalid credentials")
    right = {"email": email, "password": TEST_PASSWORD}
    retry_after(owner.post("/api/users/signin", right, headers=from_(next(addresses))), 60)
    expect(sign_in(server, email, TEST_PASSWORD, next(addresses)), 200)


def test_a_device_is_known_at_the_account_it_signed_in_to_alone(server):
    own, victim, address = new_email(), somebody(server), next(addresses)
    thief = server.client()
    expect(thief.post("/api/users/signup", {"email": own, "password": TEST_PASSWORD},
                      headers=from_(next(addresses))), 201)
    forged = ["0" * 32 + "." + "0" * 64, "x", thief.cookies["device"][:-1] + "0",
              thief.cookies["device"]]
    for n in range(SIGNIN_FAILURES):
        client = server.client()
        client.cookies["device"] = forged[n % len(forged)]
        expect_error(client.post("/api/users/signin", {"email": victim, "password": "wrong"},
                                 headers=from_(address)), 400, "Invalid credentials")
    retry_after(thief.post("/api/users/signin", {"email": victim, "password": "wrong"},
                           headers=from_(address)), 60)


def test_the_device_cookie_outlives_sign_out_and_keeps_its_number(server):
    email = new_email()
    client = server.client()
    answer = client.post("/api/users/signup", {"email": email, "password": TEST_PASSWORD},
                         headers=from_(next(addresses)))
    line = next(line for line in answer.headers.get_all("Set-Cookie") if line.startswith("device="))
    attributes = {part.strip().lower() for part in line.split(";")[1:]}
    assert attributes == {"path=/", "httponly", "samesite=lax", "max-age=31536000"}, line
    number = client.cookies["device"]
    assert email not in line
    expect(client.post("/api/users/signout", {}), 200)
    assert client.cookies == {"device": number}
    expect(client.post("/api/users/signin", {"email": email, "password": TEST_PASSWORD},
                       headers=from_(next(addresses))), 200)
    assert client.cookies["device"] == number


def test_the_account_is_the_same_in_any_case_of_its_letters(server):
    email, stranger = somebody(server), next(addresses)
    for n in range(SIGNIN_FAILURES):
        typed = email.upper() if n % 2 else email
        expect_error(sign_in(server, typed, "wrong password", stranger), 400,
                     "Invalid credentials")
    retry_after(sign_in(server, email, TEST_PASSWORD, stranger), 60)


# --- by the day ------------------------------------------------------------------------------------

DAY_S = 24 * 3600
PER_DAY = {**LIMITS, "TRUSTED_PROXIES": "127.0.0.1", "SIGNIN_FAILURES_PER_MINUTE": "0",
           "SIGNIN_FAILURES_PER_DAY": "20"}


def test_a_day_has_so_many_guesses_however_slow_they_are():
    """Without a limit by the minute, which is what pauses of a minute amount to."""
    with Server(env=PER_DAY) as server:
        email, stranger = somebody(server), next(addresses)
        for n in range(4):  # a fifth of the day's: from one address at one account
            expect_error(sign_in(server, email, f"wrong-{n}", stranger), 400, "Invalid credentials")
        assert retry_after(sign_in(server, email, TEST_PASSWORD, stranger), DAY_S) > DAY_S // 2
        expect(sign_in(server, email, TEST_PASSWORD, next(addresses)), 200)
        for n in range(16):  # the rest of this address's day, at others
            expect_error(sign_in(server, new_email(), "wrong", stranger), 400, "Invalid credentials")
        assert retry_after(sign_in(server, new_email(), "wrong", stranger), DAY_S) > DAY_S // 2
        assert refused(server, "signin_account_day") == 1
        assert refused(server, "signin_address_day") == 1


def test_all_strangers_to_an_account_have_one_day_between_them():
    with Server(env=PER_DAY) as server:
        email = new_email()
        owner = server.client()
        expect(owner.post("/api/users/signup", {"email": email, "password": TEST_PASSWORD},
                          headers=from_(next(addresses))), 201)
        for n in range(20):
            expect_error(sign_in(server, email, f"wrong-{n}", next(addresses)), 400,
                         "Invalid credentials")
        assert retry_after(sign_in(server, email, "wrong", next(addresses)), DAY_S) > DAY_S // 2
        expect(owner.post("/api/users/signin", {"email": email, "password": TEST_PASSWORD},
                          headers=from_(next(addresses))), 200)
        retry_after(sign_in(server, email, "wrong", next(addresses)), DAY_S)  # not made good by that


# --- places to be hashed ---------------------------------------------------------------------------

def test_who_asks_from_many_connections_takes_nobody_elses_place():
    """120 connections of one address, each with the right password in a loop; others sign in as ever."""
    env = {"TRUSTED_PROXIES": "127.0.0.1"}
    with Server(env=env) as server:
        own = somebody(server)
        others = [somebody(server) for _ in range(12)]
        crowd, stop = next(addresses), threading.Event()

        def press():
            statuses = []
            while not stop.is_set():
                statuses.append(sign_in(server, own, TEST_PASSWORD, crowd).status)
            return statuses
        with concurrent.futures.ThreadPoolExecutor(120) as pool:
            jobs = [pool.submit(press) for _ in range(120)]
            try:
                wait_for(lambda: places_refused(server, "account") > 100, 30, "the crowd")
                seen = [sign_in(server, email, TEST_PASSWORD, next(addresses)).status
                        for email in others]
                new = [sign_up(server, next(addresses)).status for _ in range(6)]
            finally:
                stop.set()
        assert seen == [200] * len(others) and new == [201] * 6, (seen, new)
        statuses = [status for job in jobs for status in job.result()]
        assert set(statuses) == {200, 429}, set(statuses)


def test_an_account_has_a_few_places_wherever_they_are_asked_for():
    with Server(env={"TRUSTED_PROXIES": "127.0.0.1"}) as server:
        email = new_email()
        with concurrent.futures.ThreadPoolExecutor(60) as pool:
            def try_it(_):
                return sign_in(server, email, "wrong password", next(addresses)).status
            statuses = list(pool.map(try_it, range(240)))
        assert set(statuses) == {400, 429}, set(statuses)
        assert places_refused(server, "account") == statuses.count(429)


def places_refused(server, reason):
    text = server.monitor().get("/metrics").body.decode()
    name = f'boxoffice_pool_refused_total{{reason="{reason}"}} '
    return next(int(float(line.split()[1])) for line in text.splitlines() if line.startswith(name))


# --- by address ------------------------------------------------------------------------------------

def test_what_is_no_guess_does_not_count(server):
    email, address = somebody(server), next(addresses)
    for _ in range(2 * SIGNIN_FAILURES):
        expect_error(sign_in(server, email, "", address), 400, "You must supply a password",
                     "password")
        expect(sign_in(server, email, TEST_PASSWORD, address), 200)


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
    statuses = [job.result().status for job in jobs]  # most found no place to be hashed
    assert set(statuses) == {400, 429}, statuses
    for n in range(SIGNIN_FAILURES):
        last = sign_in(server, email, f"last-{n}", address)
        statuses.append(last.status)
    assert statuses.count(400) == SIGNIN_FAILURES, statuses
    retry_after(last, 60)


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
    assert b"Too many tries" in answer.body and answer.headers["Retry-After"], answer.headers


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
