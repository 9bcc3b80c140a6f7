"""Proves what roles are: granted by the operator, carried by sessions, and taken back at once."""

import json

from boxoffice import TEST_PASSWORD, Server, new_id, run_cli
from check import Cases, expect, expect_not_found, stays, wait_for
from session import make_cookie, unwrap_cookie

PARALLEL = 4


def users(server, *words):
    return run_cli("users", *words, "--data", server.data)


def done(server, *words):
    ran = users(server, *words)
    assert ran.returncode == 0, ran
    return json.loads(ran.stdout)


def roles_of(client):
    user = expect(client.get("/api/users/currentuser"), 200).json["currentUser"]
    return None if user is None else user.get("roles", [])


def sign_in(server, user):
    client = server.client()
    expect(client.post("/api/users/signin", {"email": user.email, "password": TEST_PASSWORD}), 200)
    return client


def test_a_role_travels_in_the_sessions_that_begin_after_it_was_granted(server):
    user = server.sign_up()
    assert roles_of(user) == []
    assert done(server, "grant", user.email, "catalogue")["roles"] == ["catalogue"]
    assert done(server, "grant", user.user_id, "finance")["roles"] == ["finance", "catalogue"]
    assert roles_of(user) == [], "this session began before"
    again = sign_in(server, user)
    assert roles_of(again) == ["finance", "catalogue"]
    assert unwrap_cookie(again.cookies["session"])[1]["roles"] == ["finance", "catalogue"]
    assert done(server, "show", user.email)["roles"] == ["finance", "catalogue"]
    assert "roles" not in done(server, "show", server.sign_up().email)


def test_a_role_taken_back_is_gone_everywhere_within_a_second(server):
    user = server.sign_up()
    done(server, "grant", user.email, "catalogue")
    staff = [sign_in(server, user) for _ in range(3)]
    other = server.sign_up()
    assert [roles_of(client) for client in staff] == [["catalogue"]] * 3
    assert "roles" not in done(server, "revoke", user.email, "catalogue")
    assert [roles_of(client) for client in staff] == [None] * 3
    for path in ("/api/orders", "/api/tickets/mine"):
        wait_for(lambda path=path: all(client.get(path).status == 401 for client in staff), 1, path)
    assert roles_of(sign_in(server, user)) == []
    assert roles_of(other) == [], "nobody else is signed out"


def test_taking_back_what_was_not_granted_ends_no_session(server):
    user = server.sign_up()
    done(server, "revoke", user.email, "admin")
    stays(lambda: roles_of(user) == [], 0.3)


def test_a_token_without_a_session_of_ours_has_no_role(server):
    client = server.client()
    for more in ({}, {"sid": "not one of ours"}):
        client.cookies = {"session": make_cookie(server.key(), new_id(), roles=["admin"], **more)}
        assert roles_of(client) == [], more


def test_granting_again_changes_nothing_and_the_audit_log_has_it_once():
    with Server() as server:
        user = server.sign_up()
        for _ in range(2):
            done(server, "grant", user.email, "support")
        for _ in range(2):
            done(server, "revoke", user.email, "support")
        entries = json.loads(run_cli("audit", "list", "--data", server.data).stdout)
        acts = [(row["action"], row["subject"], row["detail"], row["actor"][:4]) for row in entries
                if row["action"].startswith("user.role")]
        assert sorted(acts) == [("user.role_granted", user.user_id, "support", "uid:"),
                                ("user.role_revoked", user.user_id, "support", "uid:")], acts


def test_a_renewed_session_takes_up_what_was_granted_meanwhile():
    with Server({"SESSION_SECONDS": "4"}) as server:
        user = server.sign_up()
        done(server, "grant", user.email, "catalogue")
        wait_for(lambda: roles_of(user) == ["catalogue"], 10, "a fresh token")


def test_a_role_stays_over_a_restart():
    with Server() as server:
        user = server.sign_up()
        done(server, "grant", user.email, "admin")
        server.restart()
        assert roles_of(sign_in(server, user)) == ["admin"]


def test_bad_commands_name_what_is_wrong(server):
    user = server.sign_up()
    wrong = users(server, "grant", user.email, "boss")
    assert wrong.returncode == 1 and "support, finance, catalogue or admin" in wrong.stderr, wrong
    assert "no such user" in users(server, "grant", "nobody@example.test", "admin").stderr
    assert "no such user" in users(server, "show", new_id()).stderr
    with Cases() as case:
        for words in (("grant", user.email), ("revoke", user.email), ("show",),
                      ("show", user.email, "admin"), ("grant", user.email, "admin", "more"),
                      ("grant", user.email, "admin", "--reason", "x")):
            with case(words):
                assert users(server, *words).returncode == 2
    for path in ("show", "grant", "revoke"):
        expect_not_found(user.post(f"/operator/users/{path}", {"user": user.email, "role": "admin"}))
