"""Proves how a session lives: short tokens, renewed while in use, ended for good by sign-out."""

import concurrent.futures
import json
import os
import time

import boxoffice
from boxoffice import (TEST_KEY, TEST_PASSWORD, Server, create_ticket, get_order, new_email, new_id,
                       pay, reserve, run_cli)
from check import Cases, expect, expect_not_authorized, wait_for
from session import claims_for, make_token, unwrap_cookie, wrap_token

PARALLEL = 6
# Even, for half of it is counted in whole seconds; a slow program is not to outlive its sessions.
LIFE_S = 16 if boxoffice.sanitizer() else 6
SERVER = {"env": {"SESSION_SECONDS": str(LIFE_S), "SESSION_MAX_SECONDS": "3600"}}


def with_cookie(server, value):
    client = server.client()
    client.cookies["session"] = value
    return client


def current_user(client):
    return expect(client.get("/api/users/currentuser"), 200).json["currentUser"]


def claims_of(client):
    return unwrap_cookie(client.cookies["session"])[1]


def wait_half(claims):
    """Until half of a token's life has gone."""
    half = claims["iat"] + (claims["exp"] - claims["iat"]) / 2
    wait_for(lambda: time.time() > half + 0.1, LIFE_S, "half of the token's life")


def sign_in(server, user):
    client = server.client()
    body = {"email": user.email, "password": TEST_PASSWORD}
    answer = wait_for(lambda: _unless_busy(client.post("/api/users/signin", body)), 20)
    expect(answer, 200)
    client.user_id, client.email = user.user_id, user.email
    return client


def _unless_busy(answer):
    return None if answer.status == 429 else answer


# --- renewal

def test_a_token_lives_as_long_as_the_setting_says(server):
    claims = claims_of(server.sign_up())
    assert claims["exp"] - claims["iat"] == LIFE_S, claims
    assert len(claims["sid"]) == 32, claims


def test_current_user_renews_once_half_of_the_life_has_gone(server):
    client = server.sign_up()
    first = claims_of(client)
    assert current_user(client)["exp"] == first["exp"]
    assert claims_of(client) == first, "renewed too early"
    wait_half(first)
    shown = current_user(client)
    second = claims_of(client)
    assert second["exp"] > first["exp"] and second["iat"] > first["iat"], (first, second)
    assert second["sid"] == first["sid"] and second["id"] == first["id"], (first, second)
    assert (shown["iat"], shown["exp"]) == (second["iat"], second["exp"]), shown
    assert "sid" not in shown


def test_who_keeps_asking_stays_and_who_does_not_is_gone(server):
    active, idle = server.sign_up(), server.sign_up()
    end = claims_of(idle)["exp"]

    def over():
        assert current_user(active), "signed out while active"
        return time.time() > end + 1
    wait_for(over, 3 * LIFE_S, "the end of the idle one's token")
    assert current_user(idle) is None
    expect_not_authorized(idle.get("/api/orders"))
    expect(active.get("/api/orders"), 200)


def test_pages_renew_their_visitors_session(server):
    def renewed(page):
        client = server.sign_up()
        before = claims_of(client)
        wait_half(before)
        answer = client.get(page, headers={"Accept": "text/html"})
        assert answer.status == 200, answer
        assert client.email.encode() in answer.body, answer.body
        after = claims_of(client)
        assert after["exp"] > before["exp"] and after["sid"] == before["sid"], (before, after)

    pages = ["/", "/orders", "/selling", "/tickets/new"]
    with concurrent.futures.ThreadPoolExecutor(len(pages)) as pool:
        jobs = {page: pool.submit(renewed, page) for page in pages}
    with Cases() as case:
        for page, job in jobs.items():
            with case(page):
                job.result()


def test_a_session_ends_at_last():
    env = {"SESSION_SECONDS": "4", "SESSION_MAX_SECONDS": "5"}
    with Server(env=env) as server:
        client = server.sign_up()
        started = claims_of(client)["iat"]
        last = {}

        def over():
            user = current_user(client)
            if user:
                last.update(user)
            return user is None
        wait_for(over, 20, "the end of the session")
        assert started + 5 <= last["exp"] <= started + 6, (started, last)


def test_a_token_without_a_record_is_not_renewed(server):
    """As after the record was swept, or a session that was never made here."""
    now = int(time.time())
    claims = claims_for(new_id(), sid="0" * 32, iat=now - 100, exp=now + 60)
    client = with_cookie(server, wrap_token(make_token(TEST_KEY.encode(), claims)))
    answer = expect(client.get("/api/users/currentuser"), 200)
    assert answer.json == {"currentUser": None}
    assert "session" not in client.cookies, "the cookie is cleared"


def test_somebody_elses_record_renews_nothing(server):
    user = server.sign_up()
    now = int(time.time())
    claims = claims_for(new_id(), sid=claims_of(user)["sid"], iat=now - 100, exp=now + 60)
    client = with_cookie(server, wrap_token(make_token(TEST_KEY.encode(), claims)))
    assert current_user(client) is None


def test_the_id_of_a_session_is_stored_nowhere():
    with Server() as server:
        client = server.sign_up()
        sid = claims_of(client)["sid"].encode()
        server.stop()
        for name in os.listdir(server.data):
            path = os.path.join(server.data, name)
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    assert sid not in file.read(), f"found in {name}"
        assert sid.decode() not in server.log()
        server.start()


def frozen(server, client):
    """The same session in a client that never takes a cookie, as a server that renders pages."""
    value = client.cookies["session"]

    def ask(method, path, body=None):
        asker = with_cookie(server, value)
        return asker.request(method, path, body) if body is not None else asker.request(method, path)
    return ask


def sessions_issued(server):
    text = server.monitor().get("/metrics").body.decode()
    return next(int(line.split()[1]) for line in text.splitlines()
                if line.startswith('boxoffice_sessions_total{result="issued"} '))


def test_a_token_is_renewed_once_however_often_it_is_shown():
    with Server(**SERVER) as server:
        client = server.sign_up()
        ask = frozen(server, client)
        wait_half(claims_of(client))
        before = sessions_issued(server)
        answers = [ask("GET", "/api/users/currentuser") for _ in range(60)]
        assert all(answer.json["currentUser"] for answer in answers)
        assert len([1 for answer in answers if answer.headers.get("Set-Cookie")]) == 1
        assert sessions_issued(server) == before + 1


def test_who_asks_through_a_client_that_takes_no_cookie_stays_and_then_is_gone(server):
    """A server that renders pages asks with the visitor's cookie, and cannot hand a new one on."""
    client = server.sign_up()
    ask = frozen(server, client)
    end = claims_of(client)["exp"]

    def over():
        assert ask("GET", "/api/users/currentuser").json["currentUser"], "signed out while active"
        return time.time() > end + 1
    wait_for(over, 3 * LIFE_S, "the end of the token")
    with Cases() as case:
        for service, (method, path, body, status) in ASKED.items():
            with case(service):
                assert ask(method, path, body).status == status
    last = ask("GET", "/api/users/currentuser").json["currentUser"]["exp"]
    wait_for(lambda: time.time() > last + 1, 3 * LIFE_S, "the end of the session")
    assert ask("GET", "/api/users/currentuser").json == {"currentUser": None}
    expect_not_authorized(ask("GET", "/api/orders"))


ASKED = {  # service: (method, path, body, status for somebody signed in)
    "tickets": ("POST", "/api/tickets", {"title": "A seat", "price": 20}, 201),
    "tickets, reading": ("GET", "/api/tickets/mine", None, 200),
    "orders": ("POST", "/api/orders", {"ticketId": "0" * 24}, 404),
    "orders, reading": ("GET", "/api/orders", None, 200),
    "payments": ("POST", "/api/payments", {"token": "tok_visa", "orderId": "0" * 24}, 404),
}


# --- a hold

HOLD = {"env": {"SESSION_SECONDS": "3", "ORDER_EXPIRATION_SECONDS": "60"}}


def test_a_session_does_not_end_inside_a_hold_it_made():
    with Server(**HOLD) as server:
        seller, buyer, idle = (server.sign_up() for _ in range(3))
        ticket, other = create_ticket(seller)["id"], create_ticket(seller)["id"]
        order = reserve(buyer, ticket)
        ask = frozen(server, buyer)
        end = claims_of(idle)["exp"]
        wait_for(lambda: time.time() > end + 0.1, 10, "the end of the tokens")
        assert current_user(idle) is None
        assert ask("GET", f"/api/orders/{order['id']}").status == 200
        page = with_cookie(server, buyer.cookies["session"]).get(
            f"/orders/{order['id']}", headers={"Accept": "text/html"})
        assert page.status == 200 and b"Sign out" in page.body, page
        paid = ask("POST", "/api/payments", {"token": "tok_visa", "orderId": order["id"]})
        assert paid.status == 201, paid
        server.restart()
        assert ask("GET", f"/api/orders/{order['id']}").status == 200, "over a restart"
        assert ask("DELETE", f"/api/orders/{new_id()}").status == 404
        expect(server.as_user().post("/api/orders", {"ticketId": other}), 201)


def test_a_ban_and_a_sign_out_end_a_session_inside_its_hold():
    with Server(**HOLD) as server:
        seller, banned, leaving = (server.sign_up() for _ in range(3))
        asks = []
        for buyer in (banned, leaving):
            order = reserve(buyer, create_ticket(seller)["id"])
            asks.append((frozen(server, buyer), order["id"]))
        end = claims_of(leaving)["exp"]
        done = run_cli("users", "ban", banned.email, "--data", server.data)
        assert done.returncode == 0, done
        expect(leaving.post("/api/users/signout", {}), 200)
        wait_for(lambda: asks[0][0]("GET", "/api/orders").status == 401, 5, "401 for the banned")
        wait_for(lambda: time.time() > end + 0.1, 10, "the end of the tokens")
        for ask, order_id in asks:
            assert ask("GET", f"/api/orders/{order_id}").status == 401


# --- the end

def test_sign_out_ends_the_session_for_good(server):
    client = server.sign_up()
    kept = client.cookies["session"]
    other = sign_in(server, client)
    expect(client.post("/api/users/signout", {}), 200)
    thief = with_cookie(server, kept)
    assert current_user(thief) is None, "at once"
    assert current_user(other), "the other session goes on"
    wait_half(unwrap_cookie(kept)[1])
    assert current_user(with_cookie(server, kept)) is None, "and later"


def test_sign_out_ends_the_session_in_every_service_at_once(server):
    client = server.sign_up()
    kept = client.cookies["session"]
    used = with_cookie(server, kept)
    expect(used.get("/api/orders"), 200)  # this connection has verified the session
    expect(client.post("/api/users/signout", {}), 200)
    expect_not_authorized(used.get("/api/orders"))
    with Cases() as case:
        for service, (method, path, body, _) in ASKED.items():
            with case(service):
                thief = with_cookie(server, kept)
                expect_not_authorized(thief.request(method, path, body) if body is not None
                                      else thief.request(method, path))


def test_a_session_that_ended_stays_so_everywhere_across_a_restart():
    with Server() as server:
        client = server.sign_up()
        kept = client.cookies["session"]
        expect(client.post("/api/users/signout", {}), 200)
        server.restart()
        with Cases() as case:
            for service, (method, path, body, _) in ASKED.items():
                with case(service):
                    thief = with_cookie(server, kept)
                    expect_not_authorized(thief.request(method, path, body) if body is not None
                                          else thief.request(method, path))


def test_a_sign_out_lasts_as_long_as_the_token_after_the_setting_was_lowered():
    with Server(env={"SESSION_SECONDS": "60"}) as server:
        client = server.sign_up()
        kept = client.cookies["session"]
        server.env["SESSION_SECONDS"] = "2"
        server.restart()
        expect(with_cookie(server, kept).post("/api/users/signout", {}), 200)
        ended = time.time()
        wait_for(lambda: time.time() > ended + 2.5, 10, "what a new token lives")
        assert current_user(with_cookie(server, kept)) is None
        expect_not_authorized(with_cookie(server, kept).get("/api/orders"))


def test_a_token_whose_record_is_gone_can_be_signed_out(server):
    """As after a backup from before the sign-in was restored."""
    claims = claims_for(new_id(), sid="ab" * 16)
    value = wrap_token(make_token(TEST_KEY.encode(), claims))
    expect(with_cookie(server, value).get("/api/orders"), 200)
    expect(with_cookie(server, value).post("/api/users/signout", {}), 200)
    expect_not_authorized(with_cookie(server, value).get("/api/orders"))


def test_a_session_that_ended_stays_so_across_a_restart():
    with Server() as server:
        client = server.sign_up()
        kept = client.cookies["session"]
        expect(client.post("/api/users/signout", {}), 200)
        server.restart()
        assert current_user(with_cookie(server, kept)) is None


def test_sign_out_everywhere_ends_all_sessions_of_the_user(server):
    first = server.sign_up()
    others = [sign_in(server, first) for _ in range(3)]
    stranger = server.sign_up()
    expect(others[0].post("/api/users/signout-everywhere", {}), 200)
    assert "session" not in others[0].cookies
    for client in (first, *others[1:]):
        assert current_user(client) is None
    assert current_user(stranger)
    assert current_user(sign_in(server, first)), "signing in again works"


def test_sign_out_everywhere_needs_a_session(server):
    expect_not_authorized(server.client().post("/api/users/signout-everywhere", {}))


def test_a_page_signs_out_for_good_as_well(server):
    client = server.sign_up()
    kept = client.cookies["session"]
    answer = client.post("/auth/signout", raw=b"", headers={"Sec-Fetch-Site": "same-origin",
                                                            "Content-Type": None})
    assert answer.status == 303, answer
    assert current_user(with_cookie(server, kept)) is None


# --- settings

def test_bad_lifetimes_stop_the_start():
    bad = [({"SESSION_SECONDS": "1"}, "SESSION_SECONDS"), ({"SESSION_SECONDS": "x"}, "SESSION_SECONDS"),
           ({"SESSION_MAX_SECONDS": "0"}, "SESSION_MAX_SECONDS"),
           ({"SESSION_SECONDS": "900", "SESSION_MAX_SECONDS": "899"}, "SESSION_MAX_SECONDS")]
    with Cases() as case:
        for env, name in bad:
            with case(env):
                done = run_cli("serve", "--listen", "127.0.0.1:0", env=env)
                assert done.returncode == 1 and name in done.stderr, done


# --- the audit log

def test_the_audit_log_says_who_came_and_went():
    with Server() as server:
        user = server.sign_up()
        unknown = {"email": new_email(), "password": TEST_PASSWORD}
        wrong = {"email": user.email, "password": "not " + TEST_PASSWORD}
        server.client().post("/api/users/signin", unknown)
        server.client().post("/api/users/signin", wrong)
        other = sign_in(server, user)
        other.post("/api/users/signout", {})
        done = run_cli("audit", "list", "--data", server.data)
        assert done.returncode == 0, done
        for secret in (TEST_PASSWORD, unknown["email"], user.email):
            assert secret not in done.stdout
        rows = json.loads(done.stdout)
        seen = sorted((row["action"], row["actor"], row["subject"]) for row in rows)
        uid = user.user_id
        assert seen == sorted([("user.signed_up", uid, uid), ("session.refused", "", ""),
                               ("session.refused", "", uid), ("session.started", uid, uid),
                               ("session.ended", uid, uid)]), seen
        assert {row["address"] for row in rows} == {"127.0.0.1"}, rows
        first = run_cli("audit", "list", "--limit", "2", "--data", server.data)
        page = json.loads(first.stdout)
        rest = run_cli("audit", "list", "--after", page[-1]["id"], "--data", server.data)
        assert page + json.loads(rest.stdout) == rows
