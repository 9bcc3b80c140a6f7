"""Proves that keys can be changed under a running program without losing a session."""

import json
import os
import stat
import threading

from boxoffice import Server, create_ticket, new_id, run_cli
from check import expect, expect_not_authorized, wait_for
from session import make_cookie, unwrap_cookie

NEW, OLD = "n" * 40, "o" * 40


def rotate(server):
    """Beside a server, or with its database alone."""
    places = {name: value for name, value in server.env.items() if name.startswith("DATABASE_URL")}
    return run_cli("keys", "rotate", "--data", server.data, env=places)


def with_key(server, key, user_id=None):
    client = server.client()
    client.cookies["session"] = make_cookie(key.encode(), user_id or new_id())
    return client


def kid_of(client):
    return unwrap_cookie(client.cookies["session"])[0]["kid"]


def test_of_two_keys_the_first_signs_and_both_verify():
    with Server(env={"JWT_KEY": f"{NEW},{OLD}"}) as server:
        for key in (NEW, OLD):
            expect(with_key(server, key).get("/api/orders"), 200)
        expect_not_authorized(with_key(server, f"{NEW},{OLD}").get("/api/orders"))
        expect_not_authorized(with_key(server, "x" * 40).get("/api/orders"))
        newest = kid_of(server.sign_up())
    with Server(env={"JWT_KEY": NEW}) as server:
        assert kid_of(server.sign_up()) == newest
        expect_not_authorized(with_key(server, OLD).get("/api/orders"))


def test_a_rotation_goes_unnoticed_under_load():
    """Everybody keeps asking every service, on connections old and new, while the key changes."""
    with Server(env={"JWT_KEY": None}) as server:
        users = [server.sign_up() for _ in range(4)]
        refused, asked, stop = [], [0], threading.Event()

        def ask(user, number):
            client = server.client()
            client.cookies = dict(user.cookies)
            while not stop.is_set():
                if number % 2:
                    client.close()
                answers = [client.get("/api/orders"), client.get("/api/tickets/mine"),
                           client.post("/api/tickets", {"title": "x", "price": 1}),
                           client.post("/api/payments", {"token": "tok_visa", "orderId": new_id()})]
                answers = [answer for answer in answers if answer.status == 401]
                if client.get("/api/users/currentuser").json["currentUser"] is None:
                    answers.append("currentUser null")
                refused.extend(answers)
                asked[0] += 5

        threads = [threading.Thread(target=ask, args=(user, number))
                   for number, user in enumerate(users)]
        for thread in threads:
            thread.start()
        wait_for(lambda: asked[0] > 100, 20, "load")
        done = rotate(server)
        assert done.returncode == 0, done
        kid = json.loads(done.stdout)["kid"]
        since = asked[0]
        wait_for(lambda: asked[0] > since + 400, 30, "load after the rotation")
        fresh = server.sign_up()
        stop.set()
        for thread in threads:
            thread.join()
        assert refused == [], f"{len(refused)} of {asked[0]}: {refused[:3]}"
        assert kid_of(fresh) == kid and kid not in [kid_of(user) for user in users]
        create_ticket(fresh)
        server.restart()
        for user in (*users, fresh):
            client = server.client()
            client.cookies = user.cookies
            expect(client.get("/api/orders"), 200)


def test_a_second_rotation_drops_the_first_key_at_once():
    with Server(env={"JWT_KEY": None}) as server:
        user = server.sign_up()
        expect(user.get("/api/orders"), 200)
        assert rotate(server).returncode == 0
        expect(user.get("/api/orders"), 200)
        assert rotate(server).returncode == 0
        expect_not_authorized(user.get("/api/orders"))  # on the same connection, too
        path = os.path.join(server.data, "jwt.key")
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        assert "jwt.key.new" not in os.listdir(server.data)
        entries = json.loads(run_cli("audit", "list", "--data", server.data).stdout)
        assert [row["action"] for row in entries].count("keys.rotated") == 2, entries


def test_keys_rotate_while_nothing_runs():
    with Server(env={"JWT_KEY": None}) as server:
        user = server.sign_up()
        server.stop()
        done = rotate(server)
        assert done.returncode == 0, done
        server.start()
        client = server.client()
        client.cookies = user.cookies
        expect(client.get("/api/orders"), 200)
        assert kid_of(server.sign_up()) == json.loads(done.stdout)["kid"]
        entries = json.loads(run_cli("audit", "list", "--data", server.data).stdout)
        assert "keys.rotated" in [row["action"] for row in entries], entries


def test_a_key_in_the_environment_is_not_rotated_here():
    with Server() as server:
        done = rotate(server)
        assert done.returncode == 1 and "JWT_KEY" in done.stderr, done
        assert not os.path.exists(os.path.join(server.data, "jwt.key"))


def test_bad_commands_are_refused():
    for words in ((), ("frob",), ("rotate", "x"), ("rotate", "--limit", "1")):
        assert run_cli("keys", *words).returncode == 2, words
    done = run_cli("keys", "rotate", "--data", "/nonexistent/boxoffice")
    assert done.returncode == 1 and "/nonexistent/boxoffice" in done.stderr, done
