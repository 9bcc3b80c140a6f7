"""nats-server, alone or three of them, and redis-server, on loopback in temporary folders.

With BOXOFFICE_BUS=nats in the environment every boxoffice.Server gets a NATS server of its own, so
that tests written for the embedded bus prove the same of the other one."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

from check import Skip, free_ports, wait_for

at_end = []  # every broker started and not stopped


def need(program):
    if not shutil.which(program):
        problem = f"needs {program} (apt-get install {program})"
        if os.environ.get("CI") == "true":
            raise AssertionError(problem)
        raise Skip(problem)


def answers(port, host="127.0.0.1"):
    try:
        socket.create_connection((host, port), 1).close()
        return True
    except OSError:
        return False


class Daemon:
    """A server of others; its words are in LOG."""

    def __init__(self, name, port, arguments, host="127.0.0.1", inside=()):
        """inside: the command that runs it, as `ip netns exec` does."""
        need(name)
        self.name, self.port, self.arguments = name, port, arguments
        self.host, self.inside = host, inside
        self.folder = tempfile.mkdtemp(prefix=f"boxoffice-{name}-")
        self.process = None
        at_end.append(self)

    def start(self, wait=True):
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = subprocess.Popen(
                [*self.inside, self.name, *self.arguments(self.folder)], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log)
        if wait:
            self.wait_up()
        return self

    def wait_up(self):
        wait_for(lambda: answers(self.port, self.host), 10, lambda: f"{self.name}: {self.log()[-500:]}")

    def log(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def kill(self, with_signal=signal.SIGKILL):
        self.process.send_signal(with_signal)
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
        if self in at_end:
            at_end.remove(self)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


class Nats(Daemon):
    """One nats-server with JetStream."""

    def __init__(self, user=None, more=()):
        """more: arguments of its own."""
        port, self.monitor = free_ports(2)
        self.user = user  # "name:password"
        words = ["--user", user.split(":")[0], "--pass", user.split(":")[1]] if user else []
        words += more
        super().__init__("nats-server", port, lambda folder: [
            "-a", "127.0.0.1", "-p", str(port), "-m", str(self.monitor), "-js", "-sd",
            os.path.join(folder, "js"), *words])
        self.url = f"nats://{user + '@' if user else ''}127.0.0.1:{port}"

    def environment(self):
        return {"NATS_URL": self.url}

    def stop_jetstream(self):
        """Starts it again as one that has none."""
        self.kill()
        self.arguments = lambda folder: ["-a", "127.0.0.1", "-p", str(self.port)]
        self.start()

    def client_names(self):
        """What its clients call themselves."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.monitor}/connz", timeout=60) as answer:
            return sorted(client.get("name", "") for client in json.load(answer)["connections"])


class NatsCluster:
    """Three nats-servers that replicate."""

    def __init__(self, hosts=("127.0.0.1",) * 3, inside=((),) * 3):
        ports = free_ports(6)
        routes = ",".join(f"nats://{host}:{port}" for host, port in zip(hosts, ports[3:]))
        self.nodes = []
        for i in range(3):
            def arguments(folder, i=i):
                return ["-a", hosts[i], "-p", str(ports[i]), "-js", "-sd",
                        os.path.join(folder, "js"), "--server_name", f"n{i}", "--cluster_name",
                        "boxoffice", "--cluster", f"nats://{hosts[i]}:{ports[3 + i]}",
                        "--routes", routes]
            self.nodes.append(Daemon("nats-server", ports[i], arguments, hosts[i], inside[i]))
        self.url = "nats://" + ",".join(f"{host}:{port}" for host, port in zip(hosts, ports[:3]))

    def environment(self):
        return {"NATS_URL": self.url, "NATS_REPLICAS": "3"}

    def __enter__(self):
        for node in self.nodes:
            node.start(wait=False)
        for node in self.nodes:
            node.wait_up()
        return self

    def __exit__(self, *_):
        for node in self.nodes:
            node.stop()

    def leader(self):
        """The node that leads the stream BOXOFFICE, as the nodes' logs tell it last."""
        newest = None
        for node in self.nodes:
            for line in re.findall(r"(\d\d:\d\d:\d\d\.\d+) \[INF\] JetStream cluster new stream leader "
                                   r"for '\$G > BOXOFFICE'", node.log()):
                if newest is None or line > newest[0]:
                    newest = (line, node)
        return newest and newest[1]


class Redis(Daemon):
    """One redis-server."""

    def __init__(self, password=None):
        port = free_ports(1)[0]
        words = ["--requirepass", password] if password else []
        super().__init__("redis-server", port, lambda folder: [
            "--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", "",
            "--appendonly", "no", *words])
        self.url = f"redis://{':' + password + '@' if password else ''}127.0.0.1:{port}/0"

    def environment(self):
        return {"REDIS_URL": self.url}

    def command(self, *words):
        """One command's answer, for plain types."""
        done = subprocess.run(["redis-cli", "-p", str(self.port), "--raw", *words], text=True,
                              capture_output=True, timeout=60, check=True)
        return done.stdout.strip()


def for_server(env):
    """The broker a server gets without asking for one; None: the embedded bus."""
    if os.environ.get("BOXOFFICE_BUS") != "nats" or "NATS_URL" in env:
        return None
    return Nats().start()


def stop_all():
    for each in list(at_end):
        each.stop()


def pause(seconds):
    """For a fault that has to last, never for waiting on something."""
    time.sleep(seconds)
