"""Proves how a session lives: short tokens, renewed while in use, ended for good by sign-out."""

import json
import os
import time

from boxoffice import TEST_KEY, TEST_PASSWORD, Server, new_email, new_id, run_cli
from check import Cases, expect, expect_not_authorized, wait_for
from session import claims_for, make_token, unwrap_cookie, wrap_token

PARALLEL = 6
LIFE_S = 6
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
    pages = ["/", "/orders", "/selling", "/tickets/new"]
    clients = [server.sign_up() for _ in pages]
    for client in clients:
        wait_half(claims_of(client))
    with Cases() as case:
        for page, client in zip(pages, clients):
            with case(page):
                before = claims_of(client)
                answer = client.get(page, headers={"Accept": "text/html"})
                assert answer.status == 200, answer
                assert client.email.encode() in answer.body
                after = claims_of(client)
                assert after["exp"] > before["exp"] and after["sid"] == before["sid"]


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


# --- the audit trail

def test_the_audit_trail_says_who_came_and_went():
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
