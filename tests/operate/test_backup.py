"""A backup is one moment of the whole market, made while it serves; a restore brings it back."""

import contextlib
import hashlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import tempfile
import time

import boxoffice
from boxoffice import Server, buy, create_ticket, run_cli
from check import Cases, expect, wait_for
from books import check_books, check_cut, wait_quiet
from market import Market

BACKUPS = 8
KILLS = 8


def backup(server, folder):
    done = run_cli("backup", folder, "--data", server.data)
    assert done.returncode == 0, done.stderr
    return done


def restore(folder, data, *options):
    return run_cli("restore", folder, "--data", data, *options)


def restored(folder, data):
    """A server on what was restored into a fresh folder."""
    done = restore(folder, data)
    assert done.returncode == 0, done.stderr
    return Server(data=data)


def go_on(server):
    """Everything is consistent, and the next purchase goes all the way."""
    wait_quiet(server)
    check_books(server)
    buy(server.as_user(), create_ticket(server.as_user())["id"])
    wait_quiet(server)
    return check_books(server)


def test_every_backup_made_under_load_is_one_moment_and_goes_on_from_there():
    folder = tempfile.mkdtemp(prefix="boxoffice-test-")
    captured = []
    try:
        with Server() as server, Market(server) as market:
            for number in range(BACKUPS):
                wait_for(lambda: market.bought() > 15 * (number + 1), 20, "purchases")
                backup(server, os.path.join(folder, f"b{number}"))
        for number in range(BACKUPS):
            copy = os.path.join(folder, f"b{number}")
            data = os.path.join(folder, f"d{number}")
            expect_private(copy)
            with restored(copy, data) as server:
                audit = go_on(server)
            check_cut(data)
            captured.append(audit["balances"]["revenue"])
        assert captured == sorted(captured) and captured[0] > 0, captured
    finally:
        shutil.rmtree(folder)


def expect_private(copy):
    modes = {name: os.stat(os.path.join(copy, name)).st_mode & 0o777 for name in os.listdir(copy)}
    assert set(modes.values()) == {0o600}, modes
    assert os.stat(copy).st_mode & 0o777 == 0o700


def test_a_backup_that_is_killed_leaves_nothing_that_looks_like_one():
    folder = tempfile.mkdtemp(prefix="boxoffice-test-")
    whole = 0
    try:
        with Server() as server, Market(server) as market:
            wait_for(lambda: market.bought() > 20, 20, "purchases")
            for number in range(KILLS):
                copy = os.path.join(folder, f"b{number}")
                process = subprocess.Popen(
                    boxoffice.command("backup", copy, "--data", server.data),
                    env=boxoffice.clean_environment(), stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL)
                time.sleep(random.uniform(0, 0.015))  # the moment of the kill is meant to be any
                process.kill()
                process.wait()
                whole += os.path.exists(copy)
                assert not os.path.exists(copy) or "manifest.json" in os.listdir(copy)
                if not os.path.exists(copy):
                    backup(server, copy)  # over what the killed one left
                assert not os.path.exists(f"{copy}.partial")
            bought = market.bought()
            wait_for(lambda: market.bought() > bought + 10, 20, "the market to go on")
        for number in range(0, KILLS, 3):
            with restored(os.path.join(folder, f"b{number}"),
                          os.path.join(folder, f"d{number}")) as server:
                go_on(server)
        print(f"# {KILLS} kills, {whole} of them after the end")
    finally:
        shutil.rmtree(folder)


def test_a_backup_of_a_stopped_market_and_its_key():
    """The key comes along: sessions go on. The old data are moved aside, never deleted."""
    with Server(env={"JWT_KEY": None}) as server:
        seller = server.sign_up()
        ticket = create_ticket(seller)
        copy = os.path.join(server.folder, "copy")
        server.stop()
        backup(server, copy)
        with open(os.path.join(copy, "manifest.json"), encoding="utf-8") as file:
            manifest = json.load(file)
        assert {"auth.db", "bus.db", "orders.db", "jwt.key"} <= {
            file["name"] for file in manifest["files"]}
        server.start()
        later = create_ticket(again(server, seller))
        server.stop()
        refused = restore(copy, server.data)
        assert refused.returncode == 1 and "is not empty" in refused.stderr, refused.stderr
        done = restore(copy, server.data, "--force")
        assert done.returncode == 0, done.stderr
        aside = [name for name in os.listdir(server.data) if name.startswith("before-restore-")]
        assert len(aside) == 1 and "tickets.db" in os.listdir(os.path.join(server.data, aside[0]))
        server.start()
        client = again(server, seller)
        user = expect(client.get("/api/users/currentuser"), 200).json["currentUser"]
        assert user["id"] == seller.user_id
        expect(client.get(f"/api/tickets/{ticket['id']}"), 200)
        expect(client.get(f"/api/tickets/{later['id']}"), 404)


def again(server, user):
    """The same person, after the server moved to another port."""
    client = server.client()
    client.cookies = user.cookies
    return client


def change(path, edit):
    with open(path, "r+b") as file:
        content = bytearray(file.read())
        edit(content)
        file.seek(0)
        file.truncate()
        file.write(content)


def flip(content):
    content[len(content) // 2] ^= 1


def test_restore_refuses_what_is_no_sound_backup():
    with Server() as server:
        create_ticket(server.as_user())
        copy = os.path.join(server.folder, "copy")
        backup(server, copy)
        data = os.path.join(server.folder, "new")

        def refused(words, spoil):
            bad = os.path.join(server.folder, "bad")
            shutil.copytree(copy, bad)
            spoil(bad)
            done = restore(bad, data)
            shutil.rmtree(bad)
            assert done.returncode == 1 and words in done.stderr, done
            assert not os.path.exists(data), os.listdir(data)

        manifest = "manifest.json"
        spoilers = {
            "is damaged: it is not what was backed up": [
                lambda bad: change(f"{bad}/orders.db", flip),
                lambda bad: change(f"{bad}/orders.db", lambda text: text.append(0))],
            "cannot read": [lambda bad: os.remove(f"{bad}/tickets.db"),
                            lambda bad: os.remove(f"{bad}/{manifest}")],
            "is damaged, or was made by a later version": [
                lambda bad: change(f"{bad}/{manifest}", lambda text: text.clear()),
                lambda bad: edit_json(f"{bad}/{manifest}", lambda m: m.update(format=2)),
                lambda bad: edit_json(f"{bad}/{manifest}",
                                      lambda m: m["files"][0].update(name="../x.db"))],
            "does not know": [
                lambda bad: edit_json(f"{bad}/{manifest}",
                                      lambda m: m["files"][0]["steps"].append("bus/9999_later"))],
            "is no file of a backup": [
                lambda bad: edit_json(f"{bad}/{manifest}",
                                      lambda m: m["files"][0].update(name="x", steps=[]))],
        }
        with Cases() as case:
            for words, group in spoilers.items():
                for number, spoil in enumerate(group):
                    with case(f"{words} {number}"):
                        refused(words, spoil)
        busy = restore(copy, server.data, "--force")
        assert busy.returncode == 1 and "in use by another boxoffice" in busy.stderr, busy.stderr


def edit_json(path, edit):
    with open(path, encoding="utf-8") as file:
        value = json.load(file)
    edit(value)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file)


def test_a_restore_that_was_broken_off_keeps_the_server_from_starting():
    with Server() as server:
        ticket = create_ticket(server.as_user())
        copy = os.path.join(server.folder, "copy")
        backup(server, copy)
        server.stop()
        os.mkdir(os.path.join(server.data, "restoring"))
        done = run_cli("serve", "--listen", "127.0.0.1:0", "--data", server.data)
        assert done.returncode == 1 and "run boxoffice restore again" in done.stderr, done
        done = restore(copy, server.data, "--force")
        assert done.returncode == 0, done.stderr
        server.start()
        expect(server.client().get(f"/api/tickets/{ticket['id']}"), 200)


def test_backup_says_why_it_cannot():
    with Server() as server:
        with Cases() as case:
            for label, words, wanted, status in [
                    ("no folder", [], "backup takes DIR", 2),
                    ("no data", [server.folder + "/b", "--data", server.folder + "/none"],
                     "there are no databases in", 1),
                    ("taken", [server.folder, "--data", server.data], "File exists", 1),
                    ("no place", [server.folder + "/a/b", "--data", server.data],
                     "No such file or directory", 1)]:
                with case(label):
                    done = run_cli("backup", *words)
                    assert done.returncode == status and wanted in done.stderr, done


def damage(path):
    """Overwrites what hangs the pages of a table together."""
    with open(path, "r+b") as file:
        file.seek(4096)
        file.write(bytes(range(256)) * 16)


def test_a_damaged_database_is_not_backed_up():
    with Server() as server:
        create_ticket(server.as_user())
        server.stop()
        whole = os.path.join(server.folder, "whole")
        shutil.copytree(server.data, whole)
        for name in ("orders", "auth"):
            damage(os.path.join(server.data, f"{name}.db"))
            copy = os.path.join(server.folder, f"copy-{name}")
            done = run_cli("backup", copy, "--data", server.data)
            assert done.returncode == 1 and f"{name}.db" in done.stderr, done
            assert "damaged" in done.stderr and "restore an earlier backup" in done.stderr, done
            assert not os.path.exists(copy)
            shutil.copy(os.path.join(whole, f"{name}.db"), server.data)
        server.start()


def change_in_index(path, user_id, order_id):
    """The index orders_of_user has the two side by side; its pages hang together as before."""
    entry = (user_id + order_id).encode()
    with open(path, "rb") as file:
        content = file.read()
    assert entry in content, path
    with open(path, "wb") as file:
        file.write(content.replace(entry, b"!" + entry[1:]))


def test_a_value_that_changed_inside_a_cell_is_seen_where_another_database_knows_it_too():
    """Prices, titles, buyers, sellers, and events that are no JSON any more: no page tells of it."""
    with Server() as server:
        ticket = create_ticket(server.as_user(), title="Seat No 4711 here", price=4711.13)
        buyer = server.as_user()
        order = buy(buyer, ticket["id"])
        wait_quiet(server)
        server.stop()
        whole = os.path.join(server.folder, "whole")
        shutil.copytree(server.data, whole)
        done = run_cli("backup", os.path.join(server.folder, "sound"), "--data", server.data)
        assert done.returncode == 0, done
        with Cases() as case:
            for name, sql, words in (
                    ("orders", "UPDATE orders SET price_cents = 411113", "price and buyer of order"),
                    ("payments", "UPDATE order_copies SET price_cents = 1", "price and buyer of order"),
                    ("orders", "UPDATE orders SET user_id = 'x'", "price and buyer of order"),
                    ("tickets", "UPDATE tickets SET user_id = 'x'", "seller of ticket"),
                    ("orders", "UPDATE ticket_copies SET seller_id = 'x'", "seller of ticket"),
                    ("tickets", "UPDATE tickets SET price_cents = 1", "price and title of ticket"),
                    ("tickets", "UPDATE tickets SET title = 'Seat'", "price and title of ticket"),
                    ("orders", "UPDATE outbox SET payload = '{\"id\"' WHERE seq = 1", "is no JSON")):
                with case(f"{name} {sql}"):
                    path = os.path.join(server.data, f"{name}.db")
                    with contextlib.closing(sqlite3.connect(path)) as db, db:
                        db.execute(sql)
                    copy = os.path.join(server.folder, "copy")
                    done = run_cli("backup", copy, "--data", server.data)
                    assert done.returncode == 1 and words in done.stderr, done
                    assert "damaged" in done.stderr and "restore an earlier backup" in done.stderr, done
                    assert not os.path.exists(copy)
                    seen = run_cli("doctor", "--data", server.data)
                    assert seen.returncode == 2 and words in seen.stdout, seen
                    shutil.copy(os.path.join(whole, f"{name}.db"), path)
            with case("an index that differs from its table"):
                path = os.path.join(server.data, "orders.db")
                change_in_index(path, buyer.user_id, order["id"])
                done = run_cli("backup", os.path.join(server.folder, "copy"), "--data", server.data)
                assert done.returncode == 1 and "orders.db is damaged (row 1 " in done.stderr, done
                shutil.copy(os.path.join(whole, "orders.db"), path)
        server.start()


def test_verify_tells_a_sound_backup_from_one_that_is_not():
    with Server() as server, Market(server) as market:
        wait_for(lambda: market.bought() > 5, 20, "purchases")
        copy = os.path.join(server.folder, "a %41? copy#1")
        backup(server, copy)
        names = sorted(os.listdir(copy))
        done = run_cli("backup", "--verify", copy)
        assert done.returncode == 0 and "sound, as of" in done.stdout, done
        assert sorted(os.listdir(copy)) == names, "it changed what it looked at"

        def refused(words, spoil):
            bad = os.path.join(server.folder, "bad")
            shutil.copytree(copy, bad)
            spoil(bad)
            done = run_cli("backup", bad, "--verify")
            shutil.rmtree(bad)
            assert done.returncode == 1 and words in done.stderr, done

        with Cases() as case:
            for label, words, spoil in (
                    ("a bit", "is damaged", lambda bad: change(f"{bad}/orders.db", flip)),
                    ("gone", "cannot read", lambda bad: os.remove(f"{bad}/tickets.db")),
                    ("damaged before it was copied", "is damaged", damaged_all_along),
                    ("a bit inside a value", "price and buyer of order", of_another_price),
                    ("money that is not there", "its money does not add up", of_too_much_money),
                    ("of two moments", "orders.db is an older copy", of_two_moments)):
                with case(label):
                    refused(words, spoil)


def seal(folder, name):
    """The manifest says that the file is as it is now."""
    path = os.path.join(folder, name)
    with open(path, "rb") as file:
        content = file.read()

    def edit(manifest):
        (entry,) = [entry for entry in manifest["files"] if entry["name"] == name]
        entry.update(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
    edit_json(os.path.join(folder, "manifest.json"), edit)


def damaged_all_along(folder):
    damage(os.path.join(folder, "orders.db"))
    seal(folder, "orders.db")


def of_another_price(folder):
    with contextlib.closing(sqlite3.connect(os.path.join(folder, "orders.db"))) as db, db:
        db.execute("UPDATE orders SET price_cents = price_cents + 1")
    seal(folder, "orders.db")


def of_too_much_money(folder):
    with contextlib.closing(sqlite3.connect(os.path.join(folder, "payments.db"))) as db, db:
        db.execute("UPDATE ledger SET amount_cents = amount_cents + 1 WHERE account = 'held'")
    seal(folder, "payments.db")


def of_two_moments(folder):
    path = os.path.join(folder, "orders.db")
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("DELETE FROM outbox WHERE seq > 2")
    seal(folder, "orders.db")


def test_of_a_folder_of_backups_the_newest_are_kept():
    with Server() as server:
        create_ticket(server.as_user())
        folder = os.path.join(server.folder, "nightly")

        def run(keep):
            done = run_cli("backup", folder, "--keep", str(keep), "--data", server.data)
            assert done.returncode == 0, done
            return sorted(os.listdir(folder))

        for _ in range(3):
            made = run(3)
        assert len(made) == 3, made
        os.mkdir(os.path.join(folder, f"{made[0]}.partial"))  # of a run that was killed
        os.mkdir(os.path.join(folder, "of-somebody-else"))
        after = run(2)
        assert after[0] == made[2] and len(after) == 3 and after[2] == "of-somebody-else", after
        for name in after[:2]:
            assert run_cli("backup", "--verify", os.path.join(folder, name)).returncode == 0
        for words in (["--keep", "0"], ["--keep", "x"], ["--keep", "2", "--verify"]):
            done = run_cli("backup", folder, *words, "--data", server.data)
            assert done.returncode == 2 and "--keep" in done.stderr, done
        server.stop()
        os.remove(os.path.join(server.data, "tickets.db"))
        done = run_cli("backup", folder, "--keep", "1", "--data", server.data)
        assert done.returncode == 1, done
        assert sorted(os.listdir(folder)) == after, "a backup that failed took the place of a sound one"
        shutil.rmtree(server.data)
        server.start()
