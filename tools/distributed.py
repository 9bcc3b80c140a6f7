#!/usr/bin/env python3
"""The whole of Boxoffice as it stands on many machines, on one: PostgreSQL with a role and a schema a
service, three NATS servers, Redis, two replicas of each service, and nginx before them with deploy's
configuration. `./dev run --distributed` shows it, tests/distributed and bench/ use it.

Everything is on loopback, on free ports but for the door, and in temporary folders that go at the
end: a demonstration, not a way to keep data."""
import argparse
import concurrent.futures
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
sys.dont_write_bytecode = True

import boxoffice  # noqa: E402
from broker import Daemon, NatsCluster, Redis  # noqa: E402
from check import free_ports  # noqa: E402
from client import Client  # noqa: E402
from postgres import Postgres  # noqa: E402
import session  # noqa: E402

SERVICES = ("auth", "tickets", "orders", "expiration", "payments", "catalogue", "entries", "mail", "web")
DATABASE = "boxoffice"
UPSTREAMS = {"auth": "auth", "tickets": "tickets", "orders": "orders", "payments": "payments",
             "catalogue": "catalogue", "entries": "entries",
             "client": "web"}  # of nginx.conf
CONFIGURATION = os.path.join(ROOT, "deploy", "k8s", "base", "nginx.conf")
ROLES = os.path.join(ROOT, "deploy", "postgres", "roles.sql")


class Database(Postgres):
    """PostgreSQL with the roles and schemas that deploy makes."""

    def __init__(self):
        super().__init__(["max_connections=400"])
        self.password = secrets.token_hex(12)

    def prepare(self):
        self.psql(f"CREATE DATABASE {DATABASE}")
        with open(ROLES, encoding="utf-8") as script:
            self.psql(script.read(), DATABASE, variables=[f"password={self.password}"])

    def environment(self):
        def address(service):
            return self.url(DATABASE, f"boxoffice_{service}", self.password)
        return {"DATABASE_URL": address("bus"),
                **{f"DATABASE_URL_{service.upper()}": address(service) for service in SERVICES}}

    def rows(self, sql):
        """Rows of texts."""
        text = self.psql(sql, DATABASE)
        return [tuple(line.split("|")) for line in text.split("\n")] if text else []


class Ingress(Daemon):
    """nginx with deploy's configuration; only addresses and folders are this machine's."""

    def __init__(self, listen, ports, more):
        """ports: of the replicas, for each service. more: directives on top."""
        self.listen, self.ports, self.more = listen, ports, more
        super().__init__("nginx", int(listen.rsplit(":", 1)[1]), self.words)

    def words(self, folder):
        with open(CONFIGURATION, encoding="utf-8") as file:
            text = file.read()
        for upstream, service in UPSTREAMS.items():
            servers = "".join(f"server 127.0.0.1:{port} max_fails=0; "
                              for port in self.ports[service])
            text, count = re.subn(rf"(upstream {upstream} {{ )server [^;]*; ", rf"\g<1>{servers}", text)
            assert count == 1, f"{CONFIGURATION} has no upstream {upstream}"
        text = text.replace("access_log off;", f"access_log off; {self.more}")
        text = text.replace("/tmp/", folder + "/").replace("listen 8080;", f"listen {self.listen};")
        path = os.path.join(folder, "nginx.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        # As root the workers stay root: another user could not enter the folder.
        user = " user root;" if os.getuid() == 0 else ""
        return ["-e", "/dev/stderr", "-c", path, "-g", "daemon off;" + user]

    def stop(self):
        if self.process and self.process.poll() is None:
            self.kill(signal.SIGTERM)  # a killed master leaves its workers
        super().stop()


class Replica(boxoffice.Server):
    """One process of one service, on a port that stays the same when it is started again."""

    def __init__(self, service, number, port, env):
        self.name = f"{service}-{number}"
        self.service = service
        super().__init__(env, ("--services", service), listen=f"127.0.0.1:{port}")
        self.port = port


class Distributed:
    """with Distributed() as deployment: all are ready. env: settings for every service on top; nginx:
    directives for the ingress; nats: another cluster."""

    def __init__(self, listen=None, env=None, replicas=2, nginx="", nats=None):
        self.listen = listen or f"127.0.0.1:{free_ports(1)[0]}"
        self.host, self.port = "127.0.0.1", int(self.listen.rsplit(":", 1)[1])
        self.url = f"http://{self.host}:{self.port}"
        self.more = env or {}
        self.key = self.more.get("JWT_KEY") or secrets.token_hex(32)
        self.count, self.nginx = replicas, nginx
        self.database, self.nats, self.redis = Database(), nats or NatsCluster(), Redis()
        self.replicas, self.ingress, self.ports = [], None, {}

    def environment(self, service):
        env = {**self.more, "JWT_KEY": self.key, "TRUSTED_PROXIES": "127.0.0.1",
               "MONITORING_LISTEN": "127.0.0.1:0",  # one each
               **self.database.environment(), **self.nats.environment()}
        if service == "expiration":
            env.update(self.redis.environment())
        if service == "web":
            env["API_BASE_URL"] = self.url
        return env

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_):
        self.stop()

    def start(self, say=lambda text: None):
        say("PostgreSQL, three NATS servers, Redis")
        with concurrent.futures.ThreadPoolExecutor() as pool:
            starts = [pool.submit(each.__enter__) for each in (self.database, self.nats, self.redis)]
            for each in starts:
                each.result()
        self.database.prepare()
        ports = free_ports(self.count * len(SERVICES))
        for i, service in enumerate(SERVICES):
            self.ports[service] = ports[i * self.count:(i + 1) * self.count]
            for number, port in enumerate(self.ports[service], 1):
                self.replicas.append(Replica(service, number, port, self.environment(service)))
        self.ingress = Ingress(self.listen, self.ports, self.nginx).start()
        for number in range(1, self.count + 1):
            say(f"replica {number} of " + ", ".join(SERVICES))
        self.each(Replica.start)
        return self

    def each(self, act, replicas=None):
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(act, self.replicas if replicas is None else replicas))

    def stop(self):
        """The other way round: services finish what they have in hand while all the rest is there."""
        self.each(Replica.discard, [one for one in self.replicas if one.process is None])
        self.each(end, [one for one in self.replicas if one.process])
        for each in (self.ingress, self.redis):
            if each:
                each.stop()
        self.nats.__exit__()
        self.database.discard()

    def of(self, service):
        return [replica for replica in self.replicas if replica.service == service]

    def client(self, source="127.0.0.1"):
        """Somebody at the door; another source address is another visitor."""
        return Client(self.host, self.port, source=source)

    def as_user(self, user_id=None):
        """A client with a session signed by hand."""
        client = self.client()
        client.user_id = user_id or boxoffice.new_id()
        client.email = f"{client.user_id}@example.test"
        client.cookies["session"] = session.make_cookie(self.key.encode(),
                                                        client.user_id, client.email)
        return client


def end(replica):
    """Stops a replica in good order, if it will."""
    if replica.process.poll() is None:
        replica.process.send_signal(signal.SIGTERM)
        try:
            replica.process.wait(boxoffice.STOP_S_MAX)
        except subprocess.TimeoutExpired:
            print(f"distributed: {replica.name} did not stop", file=sys.stderr)
    replica.discard()


def main():
    parser = argparse.ArgumentParser(prog="./dev run --distributed", description=(
        "PostgreSQL, three NATS servers, Redis, two replicas of each service, nginx. Ctrl-C ends "
        "everything and its data."))
    parser.add_argument("--listen", default="127.0.0.1:8080", metavar="ADDR:PORT")
    options = parser.parse_args()
    tempfile.tempdir = "/var/tmp"  # on a disk wherever /tmp is memory
    for program in ("nginx", "nats-server", "redis-server"):
        if not shutil.which(program):
            sys.exit(f"distributed: needs {program}")
    serve(options.listen)


def say(text):
    print(f"distributed: {text}", file=sys.stderr, flush=True)


def serve(listen):
    """In a session of its own: the terminal's Ctrl-C is not for the servers, which stop in order."""
    child = os.fork()
    if child:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: os.kill(child, signal.SIGTERM))
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    os.setsid()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    settings = {name: os.environ[name] for name in boxoffice.SETTINGS if name in os.environ}
    deployment = Distributed(listen, {**boxoffice.LIMITS, **settings})
    try:
        deployment.start(say)
        print(f"listening on {deployment.url}", flush=True)
        signal.pause()
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        say("stopping")
        deployment.stop()


if __name__ == "__main__":
    main()
