"""Settings: what is in force can be asked, a secret may be in a file, and a slip in a name is told."""

import os
import re
import tempfile

import session
from boxoffice import ROOT, Server, TEST_KEY, new_email, new_id, run_cli
from check import Cases, expect

SETTINGS_C = os.path.join(ROOT, "src", "runtime", "settings.c")
SECRET = "sk_test_of_a_file_0123456789"


def check(env=None, *options):
    return run_cli("serve", "--check", *options, env=env)


def written(folder, name, content):
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(content)
    return path


def names_read():
    """The variables that settings.c reads."""
    with open(SETTINGS_C, encoding="utf-8") as file:
        found = set(re.findall(r'(?:take_\w+|getenv)\("([A-Z][A-Z_]+)"', file.read()))
    assert len(found) > 20, found
    return found


def test_every_setting_is_shown_and_documented():
    shown = set(re.findall(r"^([A-Z_]+)(?:=| is )", check().stdout, re.MULTILINE))
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        documented = set(re.findall(r"`([A-Z][A-Z_]+)`", file.read()))
    assert names_read() <= shown, names_read() - shown
    assert names_read() <= documented, names_read() - documented


def test_what_is_in_force_is_printed_and_no_secret_with_it():
    done = check({"STRIPE_KEY": SECRET, "ORDER_EXPIRATION_SECONDS": "60", "SANDBOX": "off"},
                 "--listen", "127.0.0.1:9999")
    assert done.returncode == 0, done
    lines = done.stdout.splitlines()
    for line in ("--listen 127.0.0.1:9999", "ORDER_EXPIRATION_SECONDS=60", "SESSION_SECONDS=900",
                 "STRIPE_KEY is set", "REDIS_URL is not set", "SANDBOX=off"):
        assert line in lines, f"{line} is not in\n{done.stdout}"
    assert SECRET not in done.stdout + done.stderr


def test_what_cannot_be_used_is_refused_before_anything_starts():
    done = check({"ORDER_EXPIRATION_SECONDS": "soon"})
    assert done.returncode == 1 and "ORDER_EXPIRATION_SECONDS" in done.stderr, done


def test_a_secret_may_be_in_a_file():
    with tempfile.TemporaryDirectory() as folder:
        key = written(folder, "key", TEST_KEY.encode() + b"\n")
        with Server(env={"JWT_KEY": "", "JWT_KEY_FILE": key}) as server:
            client = server.client()
            client.cookies["session"] = session.make_cookie(TEST_KEY.encode(), new_id(), new_email())
            assert expect(client.get("/api/users/currentuser"), 200).json["currentUser"]
        done = check({"STRIPE_KEY_FILE": written(folder, "stripe", SECRET.encode())})
        assert done.returncode == 0 and "STRIPE_KEY is set" in done.stdout, done


def test_a_file_that_cannot_be_the_secret_is_refused_by_name():
    with tempfile.TemporaryDirectory() as folder, Cases() as case:
        files = {"not there": os.path.join(folder, "nowhere"),
                 "empty": written(folder, "empty", b"\n"),
                 "too large": written(folder, "large", b"x" * 20000),
                 "not text": written(folder, "binary", b"sk_\0"),
                 "a folder": folder}
        for what, path in files.items():
            with case(what):
                done = check({"STRIPE_KEY_FILE": path})
                assert done.returncode == 1, done
                assert "STRIPE_KEY_FILE" in done.stderr and path in done.stderr, done.stderr
        with case("both"):
            done = check({"STRIPE_KEY": SECRET, "STRIPE_KEY_FILE": files["empty"]})
            assert done.returncode == 1 and "both" in done.stderr, done
            assert SECRET not in done.stderr
        with case("one service's database"):
            done = check({"DATABASE_URL_ORDERS_FILE": files["not there"]})
            assert done.returncode == 1 and "DATABASE_URL_ORDERS_FILE" in done.stderr, done


def test_an_empty_value_is_no_value_for_every_setting():
    with Cases() as case:
        for name in sorted(names_read()):
            with case(name):
                done = check({name: ""})
                assert done.returncode == 0 and done.stdout == check().stdout, done


def test_a_name_that_is_nearly_a_setting_is_told():
    with Server(env={"SIGNUPS_PER_HOR": "3", "SIGNUP_PER_HOUR": "3", "PATH_OF_MINE": "x"}) as server:
        lines = server.logged("setting.unknown")
        assert {(line["name"], line["meant"]) for line in lines} == {
            ("SIGNUPS_PER_HOR", "SIGNUPS_PER_HOUR"), ("SIGNUP_PER_HOUR", "SIGNUPS_PER_HOUR")}, lines
