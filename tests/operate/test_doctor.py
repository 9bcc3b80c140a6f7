"""boxoffice doctor says what is wrong and what to do, beside a server and without one."""

import contextlib
import os
import shutil
import sqlite3
import time

from boxoffice import Server, create_ticket, new_id, run_cli
from check import Cases, wait_for

LINES = {"settings", "payments", "permissions", "disk", "clock", "server", "schema", "databases",
         "lag", "waiting", "dead letters"}
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
        for what in LINES - {"clock", "disk"}:  # those are the machine's
            assert all(word == "ok" for word, _ in found[what]), found[what]
        server.start()


def test_what_is_wrong_is_found():
    with Server() as server:
        create_ticket(server.as_user())
        server.publish("expiration:complete", {"orderId": new_id()})
        server.publish("ticket:updated", {"id": new_id(), "version": 3, "title": "Far", "price": 5,
                                          "userId": new_id()})
        def settled():
            state = server.client().get("/streaming").json
            return state["dead_letter_count"] == 1 and state["waiting_count"] == 1
        wait_for(settled, 10, "one of each")
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


def test_a_server_on_another_data_folder_is_told():
    """The databases are served, but the control socket is elsewhere."""
    with Server() as server:
        other = os.path.join(server.folder, "other")
        os.mkdir(other, 0o700)
        _, found = doctor(other, {"DATABASE_URL": f"sqlite:{server.data}"})
        expect_line(found, "server", "fail", "control socket")
        shutil.rmtree(other)
