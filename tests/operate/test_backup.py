"""A backup is one moment of the whole market, made while it serves; a restore brings it back."""

import json
import os
import random
import shutil
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
