"""The container image, run by podman and runc on a read-only root as nobody in particular. The suite
builds it first (`sudo ./dev test image`)."""

import json
import os
import signal
import subprocess
import tempfile
import time

from boxoffice import TEST_KEY, TEST_PASSWORD, create_ticket, processes
from check import Skip, wait_for
from client import Client

MEGABYTE = 1_000_000
OVER_BASE_MAX = 60 * MEGABYTE
# One run of this machine: no systemd, no bridge, no limits that a sandbox may not raise.
RUN = ("--network", "host", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096",
       "--pull", "never", "--read-only", "--cap-drop", "ALL",
       "--security-opt", "no-new-privileges")


def podman(*words):
    store = os.environ.get("CONTAINER_STORE")
    if not store:
        raise Skip("needs the image: sudo ./dev test image")
    return ["podman", *store.split(), "--runtime", "runc", "--cgroup-manager", "cgroupfs",
            "--events-backend", "file", *words]


def run(*words, status=0):
    done = subprocess.run(podman(*words), capture_output=True, text=True, timeout=60, check=False,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == status, \
        f"{words}: status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def image():
    return os.environ["IMAGE"]


def inspect(name):
    return json.loads(run("image", "inspect", name))[0]


class Container:
    """`boxoffice serve` in a container, on a free port, with a folder for its data."""

    count = 0

    def __init__(self, folder, *options):
        Container.count += 1
        self.name = f"boxoffice-test-{os.getpid()}-{Container.count}"
        os.chown(folder, 10001, 10001)
        began = time.monotonic()
        self.process = subprocess.Popen(
            podman("run", "--rm", "--name", self.name, *RUN, "--env", f"JWT_KEY={TEST_KEY}",
                   "--volume", f"{folder}:/var/lib/boxoffice", image(), "serve", "--listen",
                   "127.0.0.1:0", *options),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        processes.append(self.process)
        line = self.process.stdout.readline()
        assert line.startswith("listening on http://127.0.0.1:"), line
        self.client = Client("127.0.0.1", int(line.rsplit(":", 1)[1]))
        wait_for(lambda: self.client.get("/readyz").status == 200, 10, "/readyz")
        self.seconds_to_ready = time.monotonic() - began

    def __enter__(self):
        return self

    def stop(self):
        run("kill", "--signal", "TERM", self.name)
        assert self.process.wait(60) == 0, "stopped as asked"

    def __exit__(self, *_):
        if self.process.poll() is None:
            subprocess.run(podman("kill", self.name), capture_output=True, check=False)
            self.process.send_signal(signal.SIGTERM)
        self.process.stdout.close()


def test_it_is_small():
    added = inspect(image())["Size"] - inspect(os.environ["IMAGE_BASE"])["Size"]
    print(f"# {added / MEGABYTE:.1f} MB over its base")
    assert added < OVER_BASE_MAX, added


def test_it_runs_as_somebody_without_rights():
    assert inspect(image())["Config"]["User"] == "10001:10001"
    told = run("run", "--rm", *RUN, "--entrypoint", "id", image())
    assert "uid=10001(boxoffice) gid=10001(boxoffice)" in told, told
    # Nothing of its own can be changed by itself: only the data folder is.
    owned = run("run", "--rm", *RUN, "--cap-add", "DAC_READ_SEARCH", "--user", "0", "--entrypoint",
                "find", image(), "/", "-xdev", "-user", "10001")
    assert owned.split() in ([], ["/var/lib/boxoffice"]), owned


def test_it_serves_on_a_read_only_root_and_keeps_what_it_sold():
    with tempfile.TemporaryDirectory(prefix="boxoffice-image-") as folder:
        person = {"email": "ada@example.test", "password": TEST_PASSWORD}
        with Container(folder) as first:
            print(f"# {first.seconds_to_ready:.2f} s from podman run to ready")
            assert first.client.post("/api/users/signup", person).status == 201
            ticket = create_ticket(first.client)
            assert b"A seat" in first.client.get("/").body, "the pages, with no file of theirs"
            run("exec", first.name, "touch", "/usr/bin/other", status=1)
            first.stop()
        with Container(folder) as second:
            assert second.client.post("/api/users/signin", person).status == 200
            assert second.client.get(f"/api/tickets/{ticket['id']}").status == 200
            second.stop()


def test_the_health_check_tells_a_server_from_none():
    check = json.loads(run("image", "inspect", "--format", "{{json .HealthCheck}}", image()))
    assert check["Test"] == ["CMD", "boxoffice", "health"], check
    with tempfile.TemporaryDirectory(prefix="boxoffice-image-") as folder:
        with Container(folder) as container:
            told = json.loads(run("exec", container.name, *check["Test"][1:]))
            assert told["ready"] is True, told
            run("healthcheck", "run", container.name)
            container.stop()
    run("run", "--rm", *RUN, image(), "health", status=1)


def test_the_argument_chooses_the_service():
    with tempfile.TemporaryDirectory(prefix="boxoffice-image-") as folder:
        with Container(folder, "--services", "orders") as container:
            assert container.client.get("/api/orders").status == 401
            assert container.client.get("/api/tickets").status == 404
            container.stop()
    assert run("run", "--rm", *RUN, image(), "--version").startswith("boxoffice ")
    run("run", "--rm", *RUN, image(), "serve", "--services", "nonsense", status=2)
