"""boxoffice doctor says what is wrong and what to do, beside a server and without one."""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import time

import boxoffice
from boxoffice import Server, buy, create_ticket, new_id, run_cli
from books import wait_quiet
from check import Cases, Skip, wait_for

LINES = {"settings", "payments", "permissions", "disk", "clock", "server", "schema", "databases",
         "together", "lag", "waiting", "dead letters", "proxies"}
TEST_KEYS = {"STRIPE_KEY": "sk_test_1", "STRIPE_PUBLISHABLE_KEY": "pk_test_1",
             "STRIPE_WEBHOOK_SECRET": "whsec_1"}


def doctor(data, env=None):
    """(exit status, {check: [(word, text)]})"""
    done = run_cli("doctor", "--data", data, env=env)
    found = {}
    for line in done.stdout.splitlines():
        word, what, text = line[:4].strip(), line[5:17].strip(), line[18:]
        found.setdefault(what, []).append((word, text))
    assert done.returncode == max(["ok", "warn", "fail"].index(word)
                                  for lines in found.values() for word, _ in lines), done
    return done.returncode, found


def expect_line(found, what, word, text=""):
    assert any(line[0] == word and text in line[1] for line in found.get(what, [])), found


def change(data, service, sql, *values):
    with contextlib.closing(sqlite3.connect(os.path.join(data, f"{service}.db"))) as db, db:
        db.execute(sql, values)


def test_a_healthy_market_is_well_served_or_not():
    with Server() as server:
        create_ticket(server.as_user())
        _, found = doctor(server.data)
        assert set(found) == LINES, set(found)
        expect_line(found, "server", "ok", "serves and is ready")
        server.stop()
        _, found = doctor(server.data)
        expect_line(found, "server", "ok", "none runs")
        for what in LINES - {"clock", "disk", "proxies"}:  # the machine's, and the server's
            assert all(word == "ok" for word, _ in found[what]), found[what]
        server.start()


def test_what_is_wrong_is_found():
    with Server() as server:
        create_ticket(server.as_user())
        server.publish("expiration:complete", {"orderId": new_id()})
        server.publish("ticket:updated", {"id": new_id(), "version": 3, "title": "Far", "price": 5,
                                          "userId": new_id()})
        def settled():
            state = server.monitor().get("/streaming").json
            return (state["dead_letter_count"] == 1 and state["waiting_count"] == 1
                    and server.client().get("/readyz").json["lag"] == 0)
        wait_for(settled, 30, "one of each, and nothing else left to apply")
        server.stop()
        data = os.path.join(server.folder, "ill")
        shutil.copytree(server.data, data)
        server.start()
        with Cases() as case:
            with case("dead letters"):
                expect_line(doctor(data)[1], "dead letters", "warn",
                            "boxoffice events dead list --service orders")
            with case("waiting"):
                change(data, "orders", "UPDATE bus_waiting SET since_ms = since_ms - 99000")
                expect_line(doctor(data)[1], "waiting", "warn", "1 events wait in orders")
            with case("mode"):
                os.chmod(data, 0o755)
                expect_line(doctor(data)[1], "permissions", "warn", "chmod go=")
                os.chmod(data, 0o700)
            with case("key"):
                path = os.path.join(data, "jwt.key")
                with open(path, "w", encoding="ascii") as file:
                    file.write("x" * 40)
                os.chmod(path, 0o644)
                expect_line(doctor(data)[1], "permissions", "fail", "chmod go=")
            with case("lag"):
                change(data, "tickets",
                       "INSERT INTO outbox (subject, payload, created_at_ms) WITH RECURSIVE n(i) AS"
                       " (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)"
                       " SELECT 'x', '{}', ? FROM n", int(time.time() * 1000))
                expect_line(doctor(data)[1], "lag", "warn", "1200 events at most")
            with case("clock"):
                change(data, "tickets",
                       "INSERT INTO outbox (subject, payload, created_at_ms) VALUES ('x', '{}', ?)",
                       int(time.time() * 1000) + 3600000)
                expect_line(doctor(data)[1], "clock", "fail", "set back")
            with case("later version"):
                change(data, "payments", "INSERT INTO schema_migrations VALUES (?, 1, 1)",
                       "payments/9999_later")
                expect_line(doctor(data)[1], "schema", "fail", "payments.db was used by a")
            with case("damage"):
                with open(os.path.join(data, "auth.db"), "r+b") as file:
                    file.seek(4096)
                    file.write(bytes(range(256)) * 16)
                expect_line(doctor(data)[1], "databases", "fail", "auth.db is damaged")
            with case("restore"):
                os.mkdir(os.path.join(data, "restoring"))
                expect_line(doctor(data)[1], "restore", "fail", "run boxoffice restore")


def test_settings_that_do_not_fit_are_found():
    with Server() as server, Cases() as case:
        server.stop()  # without one it is the environment that counts

        def without(name):
            return {**TEST_KEYS, name: None}
        for env, word, text in [
                ({}, "ok", "sandbox"), (TEST_KEYS, "ok", "Stripe, test mode"),
                (without("STRIPE_PUBLISHABLE_KEY"), "warn", "no card form"),
                (without("STRIPE_WEBHOOK_SECRET"), "warn", "STRIPE_WEBHOOK_SECRET is not set"),
                (without("STRIPE_KEY"), "fail", "without STRIPE_KEY"),
                ({**TEST_KEYS, "STRIPE_KEY": "sk_live_1"}, "fail", "not of the same mode")]:
            with case(f"{word} {text}"):
                expect_line(doctor(server.data, env)[1], "payments", word, text)
        with case("a bad setting"):
            done = run_cli("doctor", "--data", server.data, env={"STRIPE_KEY": "x"})
            assert done.returncode == 2 and "STRIPE_KEY" in done.stderr, done
        with case("secrets stay secret"):
            done = run_cli("doctor", "--data", server.data, env=TEST_KEYS)
            assert "sk_test_1" not in done.stdout and "whsec_1" not in done.stdout
        server.start()


def test_a_server_on_another_data_folder_is_told():
    """The databases are served, but the control socket is elsewhere."""
    with Server() as server:
        other = os.path.join(server.folder, "other")
        os.mkdir(other, 0o700)
        _, found = doctor(other, {"DATABASE_URL": f"sqlite:{server.data}"})
        expect_line(found, "server", "fail", "control socket")
        shutil.rmtree(other)


def test_a_healthy_market_that_rests_is_well_after_any_number_of_purchases():
    """What subscribers passed over is no lag: an idle market is looked at by a cron job each hour."""
    with Server() as server:
        buyer = server.as_user()
        for _ in range(3):
            buy(buyer, create_ticket(server.as_user())["id"])
        wait_quiet(server)
        server.stop()
        with contextlib.closing(sqlite3.connect(f"{server.data}/auth.db")) as db, db:
            db.execute("INSERT INTO outbox (subject, payload, created_at_ms) WITH RECURSIVE n(i) AS"
                       " (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000)"
                       " SELECT 'user:created', '{}', ? FROM n", [int(time.time() * 1000)])
        server.start()
        wait_quiet(server)
        expect_line(doctor(server.data)[1], "lag", "ok", "0 events at most")
        server.stop()
        expect_line(doctor(server.data)[1], "lag", "ok", "0 events at most")
        server.start()


def test_the_running_server_says_what_it_was_started_with():
    """The doctor's own environment has none of the server's settings."""
    live = {name: key.replace("_test_", "_live_") for name, key in TEST_KEYS.items()}
    for env, word, text in ((live, "ok", "Stripe, live mode"),
                            ({**live, "STRIPE_WEBHOOK_SECRET": None}, "warn", "WEBHOOK_SECRET"),
                            ({**live, "COOKIE_SECURE": "0"}, "ok", "Stripe, live mode")):
        with Server(env=env) as server:
            _, found = doctor(server.data)
            expect_line(found, "payments", word, text)
            assert ("cookies" in found) == ("COOKIE_SECURE" in env), found
            server.stop()
            expect_line(doctor(server.data)[1], "payments", "ok", "the sandbox")
            server.start()


def in_packaged_place(server, conf, *words):
    """Runs a command as on a machine where the package is installed, with that boxoffice.conf."""
    script = ("mount -t tmpfs none /var/lib && mkdir /var/lib/boxoffice && "
              "mount --bind \"$1\" /var/lib/boxoffice && mount -t tmpfs none /etc && "
              "mkdir /etc/boxoffice && cp \"$2\" /etc/boxoffice/boxoffice.conf && shift 2 && "
              "exec \"$@\"")
    path = os.path.join(server.folder, "boxoffice.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(conf)
    return subprocess.run(["unshare", "--mount", "--propagation=private", "sh", "-c", script, "sh",
                           server.data, path, *boxoffice.command(*words)],
                          env=boxoffice.clean_environment(), capture_output=True, text=True,
                          check=False)


def test_the_packaged_settings_are_read_for_the_packaged_folder():
    if os.geteuid() != 0:
        raise Skip("needs root, to put a folder in the package's place")
    conf = ("# as installed\nBOXOFFICE_LISTEN=127.0.0.1:8080\n\nSTRIPE_KEY=sk_live_1\n"
            " STRIPE_PUBLISHABLE_KEY = 'pk_live_1'\nSTRIPE_WEBHOOK_SECRET=\"whsec_1\"\n")
    with Server() as server:
        server.stop()
        done = in_packaged_place(server, conf, "doctor", "--data", "/var/lib/boxoffice")
        assert "Stripe, live mode" in done.stdout, done
        done = in_packaged_place(server, "DATABASE_URL=oracle:x\n", "backup", "/tmp/never", "--data",
                                 "/var/lib/boxoffice")
        assert done.returncode == 1 and "DATABASE_URL" in done.stderr, done
        server.start()
