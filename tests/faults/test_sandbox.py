"""Proves what the process gives up once it serves: an intruder in it could run, read and write little."""

import json
import os
import re
import subprocess
import tempfile

from boxoffice import Server, buy, create_ticket, run_cli, sanitizer
from check import Cases, Skip, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
REFUSED = "-1 EPERM"
DENIED = "-1 EACCES"


def sandboxed():
    """Skips where there is nothing to prove."""
    if sanitizer():
        raise Skip("a sanitizer build has no sandbox")
    if os.environ.get("SANDBOX") == "off":
        raise Skip("SANDBOX=off")


def event(server, name):
    """The first log line of that name."""
    for line in server.log().splitlines():
        if line.startswith("{") and json.loads(line)["event"] == name:
            return json.loads(line)
    return None


def threads_of(server):
    folder = f"/proc/{server.process.pid}/task"
    for thread in os.listdir(folder):
        with open(f"{folder}/{thread}/status", encoding="ascii") as file:
            yield dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def landlock():
    """Whether the kernel has it: what the program says, held against the kernel's own list."""
    try:
        with open("/sys/kernel/security/lsm", encoding="ascii") as file:
            return "landlock" in file.read()
    except OSError:
        return None


def test_every_thread_is_locked_down_once_the_program_serves():
    sandboxed()
    with Server() as server:
        said = event(server, "sandbox")
        assert said["privileges"] == said["capabilities"] == said["seccomp"] == "on", said
        if landlock():
            assert said["landlock"] == "on" and said["landlockAbi"] >= 1, said
        buy(server.as_user(), create_ticket(server.as_user())["id"])
        threads = list(threads_of(server))
        assert len(threads) > 5
        for thread in threads:
            assert thread["NoNewPrivs"] == "1" and thread["Seccomp"] == "2", thread
            for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                assert int(thread[name], 16) == 0, (name, thread)
            if os.geteuid() == 0:
                assert int(thread["CapBnd"], 16) == 0, thread
        with open(f"/proc/{server.process.pid}/limits", encoding="ascii") as file:
            assert re.search(r"Max core file size +0 +0 ", file.read())
        assert event(server, "sandbox.refused") is None, server.log()


def test_what_an_intruder_would_try_is_refused():
    sandboxed()
    with tempfile.TemporaryDirectory(prefix="boxoffice-test-") as folder:
        shim = os.path.join(folder, "shim.so")
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-D_GNU_SOURCE", "-w", "-o", shim,
                        os.path.join(HERE, "shim_sandbox.c")], check=True)
        data = os.path.join(folder, "data")
        with Server(env={"LD_PRELOAD": shim, "SHIM_DATA": data}, data=data) as server:
            wait_for(lambda: "tried all\n" in server.log(), 10, "the shim")
            tried = dict(re.findall(r"^try ([\w-]+): (.*)$", server.log(), re.MULTILINE))
            files = event(server, "sandbox")["landlock"] == "on"
            expected = {name: REFUSED for name in
                        ("execve", "ptrace", "fork", "unshare", "mount", "kill", "bpf", "io_uring",
                         "raw-socket", "listen", "written-and-run")}
            expected |= {"write-data": "0 OK", "remove-data": "0 OK", "name": "0 OK",
                         "certificates": "0 OK"}
            if files:
                expected |= {name: DENIED for name in
                             ("read-shadow", "read-etc", "read-root", "write-tmp")}
                if event(server, "sandbox")["landlockAbi"] >= 4 and server.port != 47999:
                    expected["bind"] = DENIED
            with Cases() as case:
                for name, result in expected.items():
                    with case(name):
                        assert tried[name] == result, tried[name]
            # And whoever looks into the log knows.
            refused = [json.loads(line)["syscall"] for line in server.log().splitlines()
                       if '"sandbox.refused"' in line]
            assert len(refused) == 11, refused
            assert server.client().get("/api/tickets").status == 200


def test_the_key_is_not_left_in_the_environment():
    with Server() as server:
        try:
            with open(f"/proc/{server.process.pid}/environ", "rb") as file:
                assert server.env["JWT_KEY"].encode() not in file.read()
        except PermissionError:  # not even its own user may look
            assert os.geteuid() != 0
        assert server.sign_up().get("/api/users/currentuser").json["currentUser"]


def test_the_sandbox_can_be_switched_off_and_the_log_says_so():
    with Server(env={"SANDBOX": "off"}) as server:
        said = event(server, "sandbox")
        assert said["level"] == "warn", said
        assert said["off"] in ("SANDBOX=off", "built with a sanitizer"), said
        for thread in threads_of(server):
            assert thread["Seccomp"] == "0", thread
    done = run_cli("serve", "--listen", "127.0.0.1:0", env={"SANDBOX": "maybe"})
    assert done.returncode == 1 and "SANDBOX must be on or off" in done.stderr, done
