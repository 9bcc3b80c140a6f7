"""A database that was lost, replaced, or is an older copy of itself: nothing starts on it, and every
command that looks says which one it is and what to do."""

import contextlib
import glob
import os
import shutil
import sqlite3

from boxoffice import Server, buy, create_ticket, run_cli
from check import Cases, wait_for
from books import wait_quiet

DATABASES = ("auth", "bus", "catalogue", "entries", "expiration", "mail", "orders", "payments", "tickets", "web")


def serve(data):
    return run_cli("serve", "--listen", "127.0.0.1:0", "--data", data)


def forget(data, name):
    for path in glob.glob(os.path.join(data, f"{name}.db*")):
        os.remove(path)


def put(data, name, copy):
    forget(data, name)
    for path in glob.glob(os.path.join(copy, f"{name}.db*")):
        shutil.copy(path, data)


def refused(data, words):
    """start, doctor and backup: each says which and what to do, and changes nothing."""
    before = sorted(os.listdir(data))
    backup = f"{data}-backup"
    for done, status in ((serve(data), 1), (run_cli("doctor", "--data", data), 2),
                         (run_cli("backup", backup, "--data", data), 1)):
        said = done.stdout + done.stderr
        assert done.returncode == status and words in said and "restore DIR --force" in said, done
    assert not os.path.exists(backup)
    left = [name for name in os.listdir(data) if not name.endswith((".lock", "-wal", "-shm"))]
    assert left == [name for name in left if name in before], (before, left)


def test_a_database_that_is_lost_or_older_or_anothers_keeps_the_market_from_starting():
    with Server() as server:
        buy(server.as_user(), create_ticket(server.as_user())["id"])
        wait_quiet(server)
        server.stop()
        early = os.path.join(server.folder, "early")
        shutil.copytree(server.data, early)
        server.start()
        buy(server.sign_up(), create_ticket(server.as_user())["id"])
        wait_quiet(server)
        server.stop()
        good = os.path.join(server.folder, "good")
        shutil.copytree(server.data, good)
        with Server() as other, Cases() as case:
            buy(other.as_user(), create_ticket(other.as_user())["id"])
            wait_quiet(other)
            other.stop()
            for name in DATABASES:
                for label, spoil, words in (
                        ("lost", lambda: forget(server.data, name), f"{name}.db is not there"),
                        ("older", lambda: put(server.data, name, early), f"{name}.db is an older"),
                        ("another's", lambda: put(server.data, name, other.data),
                         f"{name}.db is not the one")):
                    with case(f"{name} {label}"):
                        spoil()
                        try:
                            refused(server.data, words)
                        finally:
                            put(server.data, name, good)
            other.start()
        server.start()  # with the right files all is well again
        buy(server.as_user(), create_ticket(server.as_user())["id"])
        server.stop()
        done = run_cli("doctor", "--data", server.data)
        assert "ok   together" in done.stdout, done
        server.start()


def test_an_older_copy_put_back_after_a_crash_is_known_by_the_positions_in_it():
    """No clean stop told the others of what came after the copy."""
    with Server() as server:
        create_ticket(server.as_user())
        wait_quiet(server)
        early = os.path.join(server.folder, "early")
        done = run_cli("backup", early, "--data", server.data)
        assert done.returncode == 0, done
        buy(server.as_user(), create_ticket(server.as_user())["id"])
        wait_quiet(server)
        server.kill()
        late = os.path.join(server.folder, "late")
        shutil.copytree(server.data, late, ignore=shutil.ignore_patterns("control.sock"))
        put(server.data, "orders", early)
        refused(server.data, "orders.db is an older copy: it ends with event")
        put(server.data, "orders", late)
        server.start()


def test_the_position_of_a_durable_listener_beyond_its_source_is_refused():
    with Server() as server:
        create_ticket(server.as_user())
        with server.listen("ticket:created", "--durable", "d", "--deliver-all") as listener:
            listener.wait_count(1)
        wait_quiet(server)
        server.stop()
        with contextlib.closing(sqlite3.connect(f"{server.data}/bus.db")) as db, db:
            db.execute("UPDATE durables SET seq = 1000")
        refused(server.data, "tickets.db is an older copy: it ends with event 1, and bus.db took over 1000")
        with contextlib.closing(sqlite3.connect(f"{server.data}/bus.db")) as db, db:
            db.execute("UPDATE durables SET seq = 1")
        server.start()


def test_a_consistent_backup_is_restored_over_what_was_lost():
    with Server() as server:
        buy(server.as_user(), create_ticket(server.as_user())["id"])
        wait_quiet(server)
        copy = os.path.join(server.folder, "copy")
        done = run_cli("backup", copy, "--data", server.data)
        assert done.returncode == 0, done
        server.stop()
        forget(server.data, "tickets")
        refused(server.data, "tickets.db is not there")
        done = run_cli("restore", copy, "--data", server.data, "--force")
        assert done.returncode == 0, done
        server.start()
        buy(server.as_user(), create_ticket(server.as_user())["id"])
        wait_quiet(server)


def test_a_data_folder_of_before_identities_opens_and_gets_them():
    with Server() as server:
        buy(server.as_user(), create_ticket(server.as_user())["id"])
        wait_quiet(server)
        server.stop()
        for name in DATABASES:
            with contextlib.closing(sqlite3.connect(f"{server.data}/{name}.db")) as db, db:
                db.execute("DROP TABLE bus_members")
                db.execute("DELETE FROM schema_migrations WHERE name = 'bus/0004_members'")
        server.start()
        buy(server.as_user(), create_ticket(server.as_user())["id"])
        wait_quiet(server)
        server.stop()
        good = os.path.join(server.folder, "good")
        shutil.copytree(server.data, good)
        forget(server.data, "web")
        refused(server.data, "web.db is not there")
        put(server.data, "web", good)
        server.start()


def test_a_database_of_a_later_version_is_not_touched():
    with Server() as server:
        create_ticket(server.as_user())
        server.stop()
        for name in ("auth", "orders", "bus"):
            path = f"{server.data}/{name}.db"
            with contextlib.closing(sqlite3.connect(path)) as db, db:
                db.execute("INSERT INTO schema_migrations VALUES ('orders/9999_later', 1, 1)")
            done = serve(server.data)
            assert done.returncode == 1 and "later version" in done.stderr and \
                "orders/9999_later" in done.stderr, done
            with contextlib.closing(sqlite3.connect(path)) as db, db:
                db.execute("DELETE FROM schema_migrations WHERE name = 'orders/9999_later'")
        server.start()
