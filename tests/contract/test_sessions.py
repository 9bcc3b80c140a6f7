"""Proves which sessions are believed: every cookie name, both base64 alphabets, HS256 only."""

import base64
import time

from boxoffice import (TEST_KEY, buy, create_ticket, get_ticket, new_id, reserve, wait_ticket)
from check import Cases, expect, expect_not_authorized
from session import base64url, claims_for, compact, make_cookie, make_token, sign, wrap_token

PARALLEL = 4

KEY = TEST_KEY.encode()
DAY_S = 24 * 3600


def with_cookie(server, value, name="session"):
    client = server.client()
    client.cookies[name] = value
    return client


def with_token(server, token):
    return with_cookie(server, wrap_token(token))


def with_claims(server, **claims):
    return with_token(server, make_token(KEY, claims_for(new_id(), **claims)))


def expect_user(client, user_id):
    """The session is believed: current user, and a ticket that belongs to it."""
    user = expect(client.get("/api/users/currentuser"), 200).json["currentUser"]
    assert user is not None, "currentUser is null"
    assert user["id"] == user_id, user
    assert create_ticket(client)["userId"] == user_id


def expect_nobody(client):
    """The session is not believed: null, and 401 where one is needed; never an error of its own."""
    cookies = dict(client.cookies)
    answer = expect(client.get("/api/users/currentuser"), 200)
    assert answer.json == {"currentUser": None}, answer
    client.cookies = cookies
    expect_not_authorized(client.post("/api/tickets", {"title": "A seat", "price": 20}))
    client.cookies = dict(cookies)
    expect_not_authorized(client.get("/api/orders"))


def unpadded_json(token, remainder):
    """{"jwt":…} as JSON whose length leaves `remainder` when divided by 3."""
    text = compact({"jwt": token})
    while len(text) % 3 != remainder:
        text = text[:-1] + b" }"
    return text


def json_with_symbols(token):
    """{"jwt":…} as JSON whose base64 has the two characters in which the alphabets differ."""
    for shift in range(3):
        text = compact({"": ">" * 6 + "?" * 6 + "~" * 6 + " " * shift, "jwt": token})
        if {"+", "/"} <= set(base64.b64encode(text).decode()):
            return text
    raise AssertionError("no such JSON")


# --- believed

def test_every_cookie_name_is_read(server):
    for name in ("session", "express:sess", "__Host-session"):
        user_id = new_id()
        expect_user(with_cookie(server, make_cookie(KEY, user_id), name), user_id)


def test_the_cookie_is_found_among_others(server):
    user_id = new_id()
    client = server.client()
    client.cookies = {"a": "b", "mysession": "x", "session": make_cookie(KEY, user_id), "c": ""}
    expect_user(client, user_id)


def test_base64_may_be_padded_or_not(server):
    with Cases() as case:
        for remainder in range(3):
            for padded in (True, False):
                with case(f"remainder {remainder}, padded {padded}"):
                    user_id = new_id()
                    text = unpadded_json(make_token(KEY, claims_for(user_id)), remainder)
                    value = base64.b64encode(text).decode()
                    value = value if padded else value.rstrip("=")
                    expect_user(with_cookie(server, value), user_id)


def test_both_base64_alphabets_are_read(server):
    with Cases() as case:
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            with case(encode.__name__):
                user_id = new_id()
                text = json_with_symbols(make_token(KEY, claims_for(user_id)))
                expect_user(with_cookie(server, encode(text).decode()), user_id)


def test_user_ids_of_other_services_are_taken_as_they_are(server):
    ids = ["1", "42", "user_42", "auth0|5f7c8ec7c33c6c004bbafe82", "someone@example.test",
           "8d6c3f60-3b0f-4a4e-9a56-1a2b3c4d5e6f", "X" * 64, "q\"uo'te", "<b>&amp;</b>",
           "back\\slash", "ABCDEF0123456789ABCDEF01"]
    with Cases() as case:
        for user_id in ids:
            with case(user_id):
                expect_user(server.as_user(user_id, "someone@example.test"), user_id)


def test_a_user_of_another_service_can_sell_and_buy(server):
    seller = server.as_user("auth0|seller")
    buyer = server.as_user("google-oauth2|113")
    ticket = create_ticket(seller)
    order = buy(buyer, ticket["id"])
    assert order["userId"] == "google-oauth2|113"
    wait_ticket(buyer, ticket["id"], order["id"])
    edit = {"title": "Mine", "price": 1}
    expect_not_authorized(server.as_user("auth0|selle").put(f"/api/tickets/{ticket['id']}", edit))


def test_ids_that_differ_in_case_are_two_users(server):
    ticket = create_ticket(server.as_user("Anna"))
    answer = server.as_user("anna").put(f"/api/tickets/{ticket['id']}", {"title": "x", "price": 1})
    expect_not_authorized(answer)


def test_a_token_without_exp_holds_30_days_from_its_iat(server):
    now = int(time.time())
    user_id = new_id()
    claims = claims_for(user_id, exp=None, iat=now - 29 * DAY_S)
    client = with_token(server, make_token(KEY, claims))
    expect_user(client, user_id)
    expect_nobody(with_claims(server, exp=None, iat=now - 31 * DAY_S))
    expect_nobody(with_claims(server, exp=None, iat=now - 30 * DAY_S - 60))


def test_a_token_is_believed_from_its_nbf_on(server):
    now = int(time.time())
    user_id = new_id()
    client = with_token(server, make_token(KEY, claims_for(user_id, nbf=now - 60)))
    expect_user(client, user_id)
    expect_nobody(with_claims(server, nbf=now + 600))


def test_a_clock_that_is_half_a_minute_ahead_makes_no_bad_token(server):
    user_id = new_id()
    expect_user(with_token(server, make_token(KEY, claims_for(user_id, nbf=int(time.time()) + 20))),
                user_id)
    expect_nobody(with_claims(server, nbf=int(time.time()) + 60))


def test_any_64_printable_characters_are_a_user_everywhere(server):
    """Also those of four bytes each: listed, reserved and paid, and the events are applied."""
    seller, buyer = ("🎭" * 63 + name for name in "sb")
    ticket = create_ticket(server.as_user(seller))
    assert ticket["userId"] == seller
    client = server.as_user(buyer)
    order = buy(client, ticket["id"])
    assert order["userId"] == buyer
    wait_ticket(client, ticket["id"], order["id"])
    expect_nobody(with_claims(server, id="🎭" * 65))


def test_a_token_with_unknown_claims_and_headers_is_believed(server):
    user_id = new_id()
    claims = claims_for(user_id, roles=["a", {"b": 1}], aud="x")
    token = make_token(KEY, claims, header={"typ": "JWT", "kid": "k1", "alg": "HS256"})
    expect_user(with_token(server, token), user_id)


def test_a_session_of_auth_is_believed_by_all_services(server):
    client = server.sign_up()
    ticket = create_ticket(client)
    order = reserve(client, ticket["id"])
    assert order["userId"] == client.user_id == get_ticket(client, ticket["id"])["userId"]


# --- not believed

def test_an_expired_session_is_nobody(server):
    now = int(time.time())
    expect_nobody(with_claims(server, iat=now - 100, exp=now - 10))
    expect_nobody(with_claims(server, iat=now - 100, exp=0))
    expect_nobody(with_claims(server, iat=now - 100, exp=-1))


def test_only_hs256_is_believed(server):
    claims = claims_for(new_id())
    with Cases() as case:
        for alg in ("none", "None", "NONE", "", "HS384", "HS512", "RS256", "ES256"):
            with case(alg):
                expect_nobody(with_token(server, make_token(KEY, claims, alg)))
        for alg in ("none", "hs256", "Hs256", "HS256 ", "HS512", "RS256", None, 256, ["HS256"]):
            with case(f"{alg!r}, signed as HS256"):
                token = make_token(KEY, claims, header={"alg": alg, "typ": "JWT"})
                expect_nobody(with_token(server, token))
        with case("no alg"):
            expect_nobody(with_token(server, make_token(KEY, claims, header={"typ": "JWT"})))
        with case("HS256, signed as HS512"):
            token = make_token(KEY, claims, "HS512", header={"alg": "HS256"})
            expect_nobody(with_token(server, token))


def test_forged_sessions_are_nobody(server):
    token = make_token(KEY, claims_for(new_id()))
    head, payload, signature = token.split(".")
    other = base64url(compact(claims_for(new_id())))
    turned = signature[:-3] + ("AAA" if signature[-3:] != "AAA" else "BBB")
    forged = {
        "another key": make_token(KEY + b"x", claims_for(new_id())),
        "empty key": make_token(b"", claims_for(new_id())),
        "another payload": f"{head}.{other}.{signature}",
        "another signature": f"{head}.{payload}.{turned}",
        "no signature": f"{head}.{payload}.",
        "two parts": f"{head}.{payload}",
        "four parts": f"{token}.{signature}",
        "cut signature": token[:-10],
        "longer signature": token + "AAAA",
        "empty": "",
        "dots": "..",
        "leading dot": "." + token,
    }
    with Cases() as case:
        for label, value in forged.items():
            with case(label):
                expect_nobody(with_token(server, value))


def test_a_signed_token_needs_a_usable_user_id(server):
    claims = claims_for("x")
    with Cases() as case:
        for user_id in ["", "X" * 65, "X" * 1000, "a\nb", "a\0b", "\x7f", "a\tb", 5, True, [], {}]:
            with case(user_id):
                expect_nobody(with_token(server, make_token(KEY, {**claims, "id": user_id})))
        for missing in (None, "absent"):
            with case(f"id {missing}"):
                broken = {**claims, "id": None}
                if missing:
                    del broken["id"]
                expect_nobody(with_token(server, make_token(KEY, broken)))


def test_a_signed_token_of_nonsense_is_nobody(server):
    head = base64url(compact({"alg": "HS256", "typ": "JWT"}))
    payloads = [b"", b"null", b"5", b"[]", b'"x"', b"{", b"{}", b"\xff\xfe", b"[" * 5000,
                compact({"id": "x", "exp": "tomorrow"}), compact({"id": "x", "exp": []}),
                compact(claims_for("x", nbf="later")), compact(claims_for("x", iat=None, exp=None))]
    with Cases() as case:
        for payload in payloads:
            with case(repr(payload)):
                signed = f"{head}.{base64url(payload)}"
                expect_nobody(with_token(server, f"{signed}.{sign(KEY, signed)}"))


def test_rubbish_cookies_are_nobody(server):
    good = make_cookie(KEY, new_id())
    values = ["", "=", "%%%", "x", "bnVsbA==", good[:-20], "A" * 6000, "\"", "....",
              base64.b64encode(b"\xff" * 60).decode(), good[::-1]]
    documents = [b"{}", b"[]", b"null", b'"jwt"', b'{"jwt":5}', b'{"jwt":null}', b'{"jwt":""}',
                 b'{"jwt":["x"]}', b'{"JWT":"x"}', b'{"jwt":"a.b.c"}', b"{" * 2000]
    values += [base64.b64encode(document).decode() for document in documents]
    with Cases() as case:
        for value in values:
            for name in ("session", "express:sess"):
                with case(f"{name}={value}"):
                    expect_nobody(with_cookie(server, value, name))


def test_other_cookies_are_not_the_session(server):
    value = make_cookie(KEY, new_id())
    with Cases() as case:
        for name in ("sess", "Session", "session2", "xsession", "express.sess", "jwt"):
            with case(name):
                expect_nobody(with_cookie(server, value, name))
