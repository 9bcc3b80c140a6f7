"""Proves the command line, the settings, and how the program starts, refuses to start and stops."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import tempfile
import threading

from boxoffice import (TEST_KEY, Server, clean_environment, command, create_ticket, get_ticket,
                       reserve, run_cli)
from check import Cases, expect, expect_not_found, wait_for

PARALLEL = 6

BAD_SETTINGS = [
    ("JWT_KEY", "short"), ("JWT_KEY", "x" * 31),
    ("JWT_KEY", "new," + "x" * 32), ("JWT_KEY", "x" * 32 + ","),
    ("ORDER_EXPIRATION_SECONDS", "abc"), ("ORDER_EXPIRATION_SECONDS", "0"),
    ("ORDER_EXPIRATION_SECONDS", "-1"), ("ORDER_EXPIRATION_SECONDS", "1.5"),
    ("ORDER_EXPIRATION_SECONDS", "10s"), ("ORDER_EXPIRATION_SECONDS", "99999999999999999999"),
    ("NATS_URL", "http://127.0.0.1:4222"), ("NATS_URL", "nats://127.0.0.1"),
    ("NATS_URL", "nats://:@127.0.0.1:4222"), ("NATS_URL", "nats://u:%zz@127.0.0.1:4222"),
    ("REDIS_URL", "unix:relative"),
    ("NATS_URL", "nats://127.0.0.1:0"), ("NATS_REPLICAS", "2"),
    ("REDIS_URL", "http://127.0.0.1:6379"), ("REDIS_URL", "redis://127.0.0.1:70000"),
    ("DATABASE_URL", "mysql://localhost/x"), ("DATABASE_URL", "nonsense"),
    ("SIGNUPS_PER_HOUR", "-1"), ("SIGNIN_FAILURES_PER_MINUTE", "many"),
    ("SIGNIN_FAILURES_PER_DAY", "-5"),
    ("DECLINES_PER_ORDER", "x"), ("DECLINES_PER_ACCOUNT", "-1"), ("DECLINES_PER_ADDRESS", "0.5"),
    ("LISTINGS_PER_MINUTE", "-1"), ("LISTED_TICKETS_PER_USER", "many"), ("UNPAID_ORDERS_PER_USER", "all"),
    ("UNPAID_ORDERS_PER_ADDRESS", "1e3"), ("HOLDS_PER_HOUR", "101"), ("PRICE_MINIMUM", "0"),
    ("PRICE_MINIMUM", "0.505"), ("PRICE_MINIMUM", "free"),
    ("RETENTION_DAYS", "7"), ("RETENTION_DAYS", "-1"), ("RETENTION_DAYS", "a year"),
    ("ORDERS_PER_MINUTE", "1.5"), ("CONNECTIONS_PER_ADDRESS", "10000000"),
    ("COOKIE_SECURE", "yes"), ("COOKIE_SECURE", "2"),
    ("MONITORING_LISTEN", "127.0.0.1"), ("MONITORING_LISTEN", "127.0.0.1:70000"),
    ("MONITORING_LISTEN", "127.0.0.1:-1"), ("MONITORING_LISTEN", "not an address:1"),
    ("TRUSTED_PROXIES", "not-an-address"), ("TRUSTED_PROXIES", "10.0.0.0/33"),
    ("TRUSTED_PROXIES", "10.0.0.0/8,oops"),
]


def serve(*words, env=None):
    """`boxoffice serve` that is expected to end by itself, on a data folder of its own."""
    with tempfile.TemporaryDirectory(prefix="boxoffice-test-") as folder:
        return run_cli("serve", "--listen", "127.0.0.1:0", "--data", os.path.join(folder, "data"),
                       *words, env={"JWT_KEY": TEST_KEY, **(env or {})}, timeout=60)


# --- the command line

def test_help_and_version_go_to_stdout():
    shown = run_cli("--help")
    assert shown.returncode == 0 and shown.stderr == "", shown
    for word in ("serve", "events", "--listen", "--data"):
        assert word in shown.stdout, f"no {word} in the help"
    version = run_cli("--version")
    assert version.returncode == 0 and version.stderr == "", version
    assert re.search(r"\d+\.\d+", version.stdout) and len(version.stdout.splitlines()) == 1, version


def test_unknown_words_and_options_show_the_usage():
    with Cases() as case:
        for words in [("--nonsense",), ("nonsense",), ("serve", "--nonsense"), ("serve", "word"),
                      ("serve", "--listen"), ("serve", "--data"), ("events",),
                      ("events", "nonsense"), ("events", "publish"),
                      ("events", "publish", "user:updated"),
                      ("events", "listen"), ("events", "listen", "user:updated", "--nonsense"),
                      ("events", "listen", "user:updated", "--start-at-seq", "x"),
                      ("events", "listen", "user:updated", "--max-in-flight", "0"),
                      ("serve", "--services", "nonsense"), ("serve", "--services", "")]:
            with case(" ".join(words)):
                with tempfile.TemporaryDirectory(prefix="boxoffice-test-") as folder:
                    done = run_cli(*words, cwd=folder)
                    assert done.returncode == 2, f"exit {done.returncode}: {done.stderr}"
                    assert done.stderr.strip() and done.stdout == "", done
                    assert os.listdir(folder) == [], "left something behind"


def test_bad_addresses_are_refused():
    with Cases() as case:
        for listen in ("nonsense", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", "300.1.1.1:0"):
            with case(listen), tempfile.TemporaryDirectory(prefix="boxoffice-test-") as folder:
                done = run_cli("serve", "--listen", listen, "--data", os.path.join(folder, "d"))
                assert done.returncode != 0 and done.stderr.strip(), done


def test_a_taken_port_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = serve("--listen", f"127.0.0.1:{port}")
        assert done.returncode != 0 and str(port) in done.stderr, done
        assert "listening" not in done.stdout, done


# --- settings

def test_a_bad_setting_stops_the_start_with_one_line_naming_it():
    with Cases() as case:
        for name, value in BAD_SETTINGS:
            with case(f"{name}={value}"):
                done = serve(env={name: value})
                assert done.returncode not in (0, -signal.SIGSEGV, -signal.SIGABRT), done
                assert done.stdout == "", f"stdout: {done.stdout}"
                lines = [line for line in done.stderr.splitlines() if name in line]
                assert len(lines) == 1, f"stderr: {done.stderr!r}"


def test_a_refused_key_is_not_shown():
    done = serve(env={"JWT_KEY": "too-short-to-be-good"})
    assert done.returncode != 0 and "too-short-to-be-good" not in done.stderr + done.stdout, done


def test_good_settings_start():
    good = [{"JWT_KEY": "x" * 32}, {"JWT_KEY": "y" * 16 + "," + "y" * 16}, {"ORDER_EXPIRATION_SECONDS": "60"}, {"COOKIE_SECURE": "0"},
            {"TRUSTED_PROXIES": "10.0.0.0/8,127.0.0.1/32,::1/128"}, {"TRUSTED_PROXIES": ""}]
    for env in good:
        with Server(env=env) as server:
            expect(server.client().get("/api/users/currentuser"), 200)


def test_database_url_names_the_folder():
    with tempfile.TemporaryDirectory(prefix="boxoffice-test-") as folder:
        elsewhere = os.path.join(folder, "databases")
        with Server(env={"DATABASE_URL": f"sqlite:{elsewhere}"}) as server:
            create_ticket(server.as_user())
            assert os.listdir(elsewhere), "nothing in the folder"


def test_the_key_is_made_once_and_kept_private():
    with Server(env={"JWT_KEY": None}) as server:
        path = os.path.join(server.data, "jwt.key")
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600, oct(os.stat(path).st_mode)
        with open(path, "rb") as file:
            key = file.read()
        assert len(key) >= 32
        user = server.sign_up()
        server.restart()
        with open(path, "rb") as file:
            assert file.read() == key
        client = server.client()
        client.cookies = user.cookies
        assert client.get("/api/users/currentuser").json["currentUser"]["id"] == user.user_id


def test_two_programs_have_two_keys():
    with Server(env={"JWT_KEY": None}) as one, Server(env={"JWT_KEY": None}) as two:
        stranger = two.client()
        stranger.cookies = one.sign_up().cookies
        assert stranger.get("/api/users/currentuser").json == {"currentUser": None}


def test_a_key_in_the_environment_is_used():
    user_id = "signed elsewhere"
    with Server(env={"JWT_KEY": "0123456789" * 5}) as server:
        assert create_ticket(server.as_user(user_id))["userId"] == user_id


# --- one process a data folder

def test_a_second_process_on_the_same_data_refuses_and_says_why():
    with Server() as server:
        ticket = create_ticket(server.as_user())
        done = run_cli("serve", "--listen", "127.0.0.1:0", "--data", server.data,
                       env={"JWT_KEY": TEST_KEY}, timeout=60)
        assert done.returncode > 0 and done.stdout == "", done
        assert server.data in done.stderr and "process" in done.stderr.lower(), done.stderr
        assert get_ticket(server.client(), ticket["id"]) == ticket
        create_ticket(server.as_user())
        server.kill()
        server.start()  # what a killed process leaves is no obstacle


# --- part of the services

def test_only_the_named_services_are_served():
    routes = {"auth": "/api/users/currentuser", "tickets": "/api/tickets", "orders": "/api/orders"}
    with Cases() as case:
        for chosen in ("auth,tickets", "tickets", "orders,expiration,payments"):
            with Server(args=["--services", chosen]) as server:
                for service, path in routes.items():
                    with case(f"{service} of {chosen}"):
                        answer = server.as_user().get(path)
                        if service in chosen.split(","):
                            expect(answer, 200)
                        else:
                            expect_not_found(answer)


def test_services_catch_up_with_what_they_missed():
    with Server(args=["--services", "tickets"]) as server:
        seller = server.as_user()
        ticket = create_ticket(seller)
        server.stop()
        server.args = []
        server.start()
        order = reserve(server.as_user(), ticket["id"])
        assert order["ticket"]["id"] == ticket["id"]


# --- stopping

def test_sigterm_and_sigint_stop_cleanly():
    for with_signal in (signal.SIGTERM, signal.SIGINT):
        with Server() as server:
            seller = server.as_user()
            ticket = create_ticket(seller)
            idle = server.raw()
            server.stop(with_signal)
            assert idle.is_closed_by_peer()
            server.start()
            assert get_ticket(server.client(), ticket["id"]) == ticket


def test_a_half_sent_request_holds_up_no_stop_beyond_its_time():
    with Server() as server:
        half = server.raw()
        half.send(b"POST /api/tickets HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
        server.stop()
        half.close()
        server.start()


def test_a_stop_answers_what_is_in_flight():
    """Sellers list tickets while the program stops: what got a 201 is there afterwards."""
    with Server() as server:
        made, odd = [], []

        def sell(seller):
            while True:
                try:
                    answer = seller.post("/api/tickets", {"title": "Last minute", "price": 1})
                except Exception:  # closed between two requests
                    return
                if answer.status == 201:
                    made.append(answer.json)
                elif answer.status != 503:
                    odd.append(answer)
        threads = [threading.Thread(target=sell, args=(server.as_user(),)) for _ in range(8)]
        for thread in threads:
            thread.start()
        wait_for(lambda: len(made) > 100, 10, "some tickets")
        server.stop()
        for thread in threads:
            thread.join(60)
        server.start()
        client = server.client()
        assert not odd, odd[:3]
        for ticket in made:
            assert get_ticket(client, ticket["id"]) == ticket


def test_logs_are_json_lines_without_secrets():
    with Server() as server:
        user = server.sign_up(password="Very-secret-57-words")
        create_ticket(user)
        user.post("/api/payments", {"token": "tok_secret_card", "orderId": "x"})
        server.stop()
        log = server.log()
        server.start()
    for line in log.splitlines():
        assert isinstance(json.loads(line), dict), line
    for secret in ("Very-secret-57-words", TEST_KEY, user.cookies["session"], "tok_secret_card"):
        assert secret not in log, f"{secret} in the log"


def test_a_clean_stop_leaves_whole_databases_and_no_logs():
    with tempfile.TemporaryDirectory(prefix="boxoffice-test-") as folder:
        with Server(data=folder):
            pass
        left = [name for name in os.listdir(folder) if name.endswith(("-wal", "-shm", ".sock"))]
        assert left == [], left


def test_too_few_open_files_are_refused_with_the_remedy():
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            ["sh", "-c", 'ulimit -n 64; exec "$@"', "sh",
             *command("serve", "--listen", "127.0.0.1:0", "--data", os.path.join(folder, "data"))],
            env=clean_environment(), capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 1 and done.stderr.count("\n") == 1, done
        assert "open files is 64" in done.stderr and "LimitNOFILE" in done.stderr, done
        assert not os.path.exists(os.path.join(folder, "data")), "it made something all the same"
