"""Proves how somebody who lost the password comes in again: the operator hands out a link, which opens
once, within an hour, and ends all other sessions; nothing that would open it is kept or logged."""

import hashlib
import hmac
import json
import subprocess
import threading

from boxoffice import (TEST_KEY, TEST_PASSWORD, Server, clean_environment, command, expect_kept_nowhere, new_id,
                       run_cli)
from check import Cases, expect, expect_error, expect_errors, wait_for

FRESH = "vestibule-Walrus-9"
USED = "This link was used or is too old"


def users(server, *words):
    return run_cli("users", *words, "--data", server.data)


def link_for(server, who):
    ran = users(server, "reset-link", who)
    assert ran.returncode == 0, ran
    return json.loads(ran.stdout)


def token_for(server, who):
    return link_for(server, who)["url"].split("token=")[1]


def reset(client, token, password=FRESH):
    return client.post("/api/users/reset", {"token": token, "password": password})


def signs_in(server, email, password):
    return server.client().post("/api/users/signin", {"email": email, "password": password}).status == 200


def who(client):
    return client.get("/api/users/currentuser").json["currentUser"]


def test_a_link_leads_to_a_new_password_and_signs_in(server):
    person, elsewhere = server.sign_up(), server.client()
    link = link_for(server, person.email.upper())
    assert link["id"] == person.user_id and link["email"] == person.email, link
    assert link["url"].startswith(f"http://127.0.0.1:{server.port}/auth/reset?token="), link
    token = link["url"].split("token=")[1]
    assert len(token) == 24 + 64 and set(token) <= set("0123456789abcdef"), token
    answer = expect(reset(elsewhere, token), 200)
    assert answer.json == {"email": person.email, "id": person.user_id}
    assert who(elsewhere)["id"] == person.user_id and "device" in elsewhere.cookies
    assert signs_in(server, person.email, FRESH) and not signs_in(server, person.email, TEST_PASSWORD)


def test_all_sessions_of_before_end(server):
    person, other, fresh = server.sign_up(), server.client(), server.client()
    expect(other.post("/api/users/signin", {"email": person.email, "password": TEST_PASSWORD}), 200)
    expect(reset(fresh, token_for(server, person.user_id)), 200)
    for client in (person, other):
        wait_for(lambda client=client: client.get("/api/orders").status == 401, 2, "the session's end")
        assert who(client) is None
    expect(fresh.get("/api/orders"), 200)


def test_it_opens_once_however_many_try_at_once(server):
    person, start = server.sign_up(), threading.Barrier(4)
    token, statuses = token_for(server, person.email), []

    def attempt(number):
        client = server.client()
        start.wait()
        statuses.append(reset(client, token, f"vestibule-Walrus-{number}").status)

    threads = [threading.Thread(target=attempt, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [400] * 3, statuses
    expect_error(reset(server.client(), token), 400, USED)
    assert sum(signs_in(server, person.email, f"vestibule-Walrus-{n}") for n in range(4)) == 1


def test_a_used_link_takes_the_others_with_it_and_so_does_a_changed_password(server):
    person = server.sign_up()
    first, second = token_for(server, person.email), token_for(server, person.email)
    assert first != second
    expect(reset(server.client(), second), 200)
    expect_error(reset(server.client(), first), 400, USED)
    third, client = token_for(server, person.email), server.client()
    expect(client.post("/api/users/signin", {"email": person.email, "password": FRESH}), 200)
    expect(client.post("/api/users/password", {"password": FRESH, "newPassword": TEST_PASSWORD}), 200)
    expect_error(reset(server.client(), third), 400, USED)


def test_what_is_no_link_opens_nothing(server):
    person = server.sign_up()
    token = token_for(server, person.email)
    of_other_id = new_id() + token[24:]
    text = f"boxoffice link reset {token[:24]}".encode()
    assert token[24:] == hmac.new(TEST_KEY.encode(), text, hashlib.sha256).hexdigest()
    other_key = token[:24] + hmac.new(b"x" * 32, text, hashlib.sha256).hexdigest()
    wrong = ["", "x", token[:-1], token + "0", token.upper(), token[:-1] + ("0" if token[-1] != "0" else "1"),
             "0" * 88, of_other_id, other_key, None, 7, {"token": token}, [token], "é" * 44]
    with Cases() as case:
        for bad in wrong:
            with case(repr(bad)):
                expect_error(reset(server.client(), bad), 400, USED)
    expect(reset(server.client(), token), 200)


def test_what_a_password_must_be_is_what_it_must_be_at_sign_up_and_the_link_stays(server):
    token = token_for(server, server.sign_up().email)
    with Cases() as case:
        for password, message in (("short", "Password must be between 8 and 128 characters"), (" " * 20,
                                  "Password must be between 8 and 128 characters"),
                                  ("password1", "Password is too common")):
            with case(password):
                expect_errors(reset(server.client(), token, password), 400, [(message, "password")])
    expect(reset(server.client(), token), 200)


def test_nobody_banned_comes_in_by_a_link(server):
    person = server.sign_up()
    token = token_for(server, person.email)
    assert users(server, "ban", person.email).returncode == 0
    expect_error(reset(server.client(), token), 400, USED)
    ran = users(server, "reset-link", person.email)
    assert ran.returncode == 1 and "cannot be done" in ran.stderr, ran
    assert users(server, "reset-link", "nobody@example.test").returncode == 1


def test_a_restart_and_a_new_key_leave_a_link_as_it_is():
    with Server(env={"JWT_KEY": None}) as server:
        person = server.sign_up()
        token = token_for(server, person.email)
        assert run_cli("keys", "rotate", "--data", server.data).returncode == 0
        server.restart()
        expect(reset(server.client(), token), 200)
        token = token_for(server, person.email)
        for _ in range(2):
            assert run_cli("keys", "rotate", "--data", server.data).returncode == 0
        expect_error(reset(server.client(), token), 400, USED)


def test_wrong_links_from_one_address_are_soon_not_listened_to():
    with Server(env={"RESETS_PER_HOUR": "3"}) as server:
        token = token_for(server, server.sign_up().email)
        statuses = [reset(server.client(), "0" * 88).status for _ in range(5)]
        assert statuses[:3] == [400] * 3 and statuses[-1] == 429, statuses
        answer = reset(server.client(), token)
        assert answer.status == 429 and int(answer.headers["Retry-After"]) > 0


def test_what_would_open_a_link_is_kept_and_logged_nowhere():
    with Server(env={"LOG_LEVEL": "debug", "PUBLIC_URL": "https://tickets.example/"}) as server:
        person = server.sign_up()
        url = link_for(server, person.email)["url"]
        assert url.startswith("https://tickets.example/auth/reset?token="), url
        token = url.split("token=")[1]
        assert server.client().get(f"/auth/reset?token={token}").status == 200
        expect(reset(server.client(), token), 200)
        acts = json.loads(run_cli("audit", "list", "--data", server.data).stdout)
        assert {"user.reset_link", "user.password_reset"} <= {act["action"] for act in acts}, acts
        assert token[24:] not in json.dumps(acts)
        expect_kept_nowhere(server, token[24:])


def test_the_operator_finds_people(server):
    people = [server.sign_up(email=f"{name}.{new_id()}@find.example") for name in ("ada", "bob", "ADA")]
    mark = people[0].email.split(".")[1].split("@")[0]
    found = json.loads(users(server, "find", mark[:20].upper()).stdout)
    assert people[0].user_id in [row["id"] for row in found], found
    assert [row["email"] for row in json.loads(users(server, "find", people[1].email).stdout)] == [people[1].email]
    assert json.loads(users(server, "find", "nobody-is-called-so").stdout) == []
    assert users(server, "find", "").returncode == 1 and users(server, "find").returncode == 2
    assert json.loads(users(server, "find", "%").stdout) == [], "no pattern, a text"
    newest = json.loads(users(server, "list", "--limit", "2").stdout)
    assert len(newest) == 2 and newest[0]["id"] > newest[1]["id"], newest


def test_a_public_address_that_is_none_stops_the_start():
    with Cases() as case:
        for value in ("tickets.example", "ftp://tickets.example", "https://", "https://a b", "https://a?b"):
            with case(value):
                run = subprocess.run(command("serve", "--check"), capture_output=True, text=True,
                                     env=clean_environment({"PUBLIC_URL": value}), timeout=60)
                assert run.returncode != 0 and "PUBLIC_URL must be" in run.stderr, run
