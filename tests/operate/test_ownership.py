"""Root at work in a folder that the service's user owns: what it makes there is that user's, so the
next start, as that user, can use it."""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile

import boxoffice
from boxoffice import Server, create_ticket, run_cli
from check import Skip

NOBODY = 65534


@contextlib.contextmanager
def folder_of_the_service():
    """A folder that another user can reach, with a data folder of theirs in it."""
    if os.geteuid() != 0:
        raise Skip("needs root, who works in another user's folder")
    place = tempfile.mkdtemp(prefix="boxoffice-test-")
    os.chmod(place, 0o755)
    shutil.copy(boxoffice.binary(), os.path.join(place, "boxoffice"))
    data = os.path.join(place, "data")
    os.mkdir(data, 0o700)
    os.chown(data, NOBODY, NOBODY)
    try:
        yield place, data
    finally:
        shutil.rmtree(place)


def starts_as_the_service(place, data):
    """Starts as that user on it, says it listens, and stops."""
    with subprocess.Popen([os.path.join(place, "boxoffice"), "serve", "--listen", "127.0.0.1:0",
                           "--data", data], user=NOBODY, group=NOBODY, extra_groups=[], cwd=place,
                          env=boxoffice.clean_environment({"JWT_KEY": None}), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        first = process.stdout.readline()
        process.terminate()
        assert first.startswith("listening on"), process.stderr.read()
        assert process.wait(60) == 0


def all_are_the_services(data):
    wrong = [path for path, _, names in os.walk(data) for path in
             [path, *[os.path.join(path, name) for name in names]]
             if os.lstat(path).st_uid != NOBODY]
    assert not wrong, wrong


def test_keys_rotated_by_root_stay_the_services():
    with folder_of_the_service() as (place, data):
        for _ in range(2):  # with nothing there yet, and on what the service has made
            done = run_cli("keys", "rotate", "--data", data, env={"JWT_KEY": None})
            assert done.returncode == 0, done
            all_are_the_services(data)
            starts_as_the_service(place, data)


def test_what_root_restores_or_imports_is_the_services():
    with folder_of_the_service() as (place, data):
        with Server(env={"JWT_KEY": None}) as server:
            create_ticket(server.sign_up())
            copy = os.path.join(server.folder, "copy")
            done = run_cli("backup", copy, "--data", server.data)
            assert done.returncode == 0, done
            for options in ([], ["--force"]):
                done = run_cli("restore", copy, "--data", data, *options)
                assert done.returncode == 0, done
                all_are_the_services(data)
                starts_as_the_service(place, data)
    with folder_of_the_service() as (place, data):
        users = os.path.join(place, "users.json")
        with open(users, "w", encoding="utf-8") as file:
            json.dump({"_id": {"$oid": "5f0c0c0c0c0c0c0c0c0c0c0c"}, "email": "ada@example.com",
                       "password": "ab" * 64 + ".salt"}, file)
        done = run_cli("import", "--users", users, "--data", data)
        assert done.returncode == 0, done
        all_are_the_services(data)
        starts_as_the_service(place, data)
