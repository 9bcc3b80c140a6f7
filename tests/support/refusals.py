"""Provokes every refusal that the auth service logs, each from an address of its own, at a server that
believes this machine as its proxy and has the limits that it has by default (SERVER)."""

import itertools
import urllib.parse

from boxoffice import LIMITS, TEST_PASSWORD, new_email, run_cli
from check import expect

SERVER = {"env": {**LIMITS, "TRUSTED_PROXIES": "127.0.0.1", "SIGNUPS_PER_HOUR": "0"}}
SIGNIN_FAILURES = 5
WRONG = "gondola-Turnip-wrong"
numbers = itertools.count(1)


def address():
    """One that no test had before; every other one is of IPv6."""
    number = next(numbers)
    return f"2001:db8:0:{number:x}::7" if number % 2 else f"203.0.113.{number}"


def post_form(client, path, fields, at, **headers):
    """As a page's form does it."""
    return client.request("POST", path, raw=urllib.parse.urlencode(fields).encode(), headers={
        "Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin",
        "X-Forwarded-For": at, **headers})


def post(client, path, body, at, status, **headers):
    answer = client.post(path, body, headers={"X-Forwarded-For": at, **headers})
    assert answer.status == status, (path, answer.status, answer.body)
    return answer


def sign_in(server, email, password, at, status=400, **headers):
    return post(server.client(), "/api/users/signin", {"email": email, "password": password}, at, status,
                **headers)


def banned(server):
    person = server.sign_up()
    ran = run_cli("users", "ban", person.email, "--data", server.data)
    assert ran.returncode == 0, ran
    return person


def every_refusal(server):
    """(address, reason, account) of each, in this order; account: None, when nobody knows it."""
    person, outcast, told = server.sign_up(), banned(server), []

    def will_tell(reason, account=None):
        told.append((address(), reason, account))
        return told[-1][0]

    sign_in(server, person.email.upper(), WRONG, will_tell("wrong_password", person.user_id))
    sign_in(server, new_email(), WRONG, will_tell("unknown_account"))
    for password in (TEST_PASSWORD, WRONG):
        sign_in(server, outcast.email, password, will_tell("banned_account", outcast.user_id))
    for path, asked in (("/api/users/password", {"newPassword": "vestibule-Walrus-9"}),
                        ("/api/users/email", {"email": new_email()})):
        post(person, path, {"password": WRONG, **asked}, will_tell("wrong_own_password", person.user_id), 400)
    for path in ("/api/users/reset", "/api/users/verify"):
        post(server.client(), path, {"token": "0" * 88, "password": "vestibule-Walrus-9"},
             will_tell("bad_link"), 400)
    guesser = address()
    for _ in range(SIGNIN_FAILURES):
        sign_in(server, person.email, WRONG, guesser)
        told.append((guesser, "wrong_password", person.user_id))
    sign_in(server, person.email, TEST_PASSWORD, guesser, 429)
    told.append((guesser, "too_many_tries", None))
    expect(server.client().post("/api/users/signin", {"email": person.email, "password": TEST_PASSWORD}), 200)
    return told


def lines(server):
    """(address, reason, account) of what was logged so far."""
    return [(line["address"], line["reason"], line.get("account")) for line in server.logged("auth.refused")]
