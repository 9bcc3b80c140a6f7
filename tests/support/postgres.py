"""Starts and stops a PostgreSQL server of Debian's package: loopback, a free port, a temporary
folder. The server refuses to run as root, so root starts it as the user `postgres` the package
makes."""

import glob
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading

from check import Skip, free_ports, processes_of, wait_for

SUPERUSER = "app"


def programs():
    """The folder of initdb, postgres and psql; the newest version that is installed."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    if not found and os.environ.get("CI") != "true":
        raise Skip("needs PostgreSQL (apt-get install postgresql)")
    assert found, "PostgreSQL is not installed"
    return found[-1]


class Postgres:
    """One server with its own cluster. settings: name=value for postgresql.conf."""

    def __init__(self, settings=()):
        self.folder = tempfile.mkdtemp(prefix="boxoffice-postgres-")
        self.cluster = os.path.join(self.folder, "cluster")
        self.port = free_ports(1)[0]
        self.settings = list(settings)
        self.process = None
        self.account = pwd.getpwnam("postgres") if os.getuid() == 0 else None
        if self.account:
            os.chown(self.folder, self.account.pw_uid, self.account.pw_gid)

    def _options(self):
        return {"user": self.account.pw_uid, "group": self.account.pw_gid,
                "extra_groups": []} if self.account else {}

    def __enter__(self):
        try:
            subprocess.run([f"{programs()}/initdb", "-D", self.cluster, "-U", SUPERUSER, "-A",
                            "trust", "--locale=C.UTF-8", "--no-sync"], check=True, cwd=self.folder,
                           stdout=subprocess.DEVNULL, **self._options())
            return self.start()
        except BaseException:
            self.discard()
            raise

    def __exit__(self, kind, error, trace):
        self.discard()

    def start(self):
        """After a kill it may refuse at first, while a process of its former life still ends."""
        wait_for(self._spawn, 40, "PostgreSQL")
        return self

    def _spawn(self):
        words = [f"{programs()}/postgres", "-D", self.cluster, "-p", str(self.port), "-c",
                 "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self.folder}"]
        for setting in self.settings:
            words += ["-c", setting]
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=self.folder, **self._options())
        return wait_for(lambda: self.process.poll() is not None or
                        self.psql("SELECT 1", check=False) == "1", 30, "PostgreSQL") and \
            self.process.poll() is None

    def session(self, database):
        """psql that does what is written to its stdin, so that a transaction can stay open."""
        return subprocess.Popen(
            [f"{programs()}/psql", "-X", "-q", "-At", "-h", "127.0.0.1", "-p", str(self.port), "-U",
             SUPERUSER, "-d", database], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def stop(self):
        """At once, but cleanly: sessions are ended."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)

    def kill(self):
        """As the power does: no last words, recovery from the log at the next start."""
        with open(os.path.join(self.cluster, "postmaster.pid"), encoding="ascii") as file:
            assert int(file.readline()) == self.process.pid
        backends = processes_of(parent=self.process.pid)
        self.process.kill()
        for backend in backends:
            try:
                os.kill(backend, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()

    def discard(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)  # nothing of it is needed any more
            self.process.wait(60)
        shutil.rmtree(self.folder, ignore_errors=True)

    def psql(self, sql, database="postgres", check=True, user=SUPERUSER, variables=()):
        """The answer as text, columns separated by |; without check None when psql failed."""
        words = [f"{programs()}/psql", "-XAtq", "-h", "127.0.0.1", "-p", str(self.port), "-U", user,
                 "-d", database, "-v", "ON_ERROR_STOP=1"]
        for variable in variables:
            words += ["-v", variable]
        done = subprocess.run(words, input=sql, text=True, capture_output=True, check=False)
        if check:
            assert done.returncode == 0, done.stderr
        return done.stdout.strip() if done.returncode == 0 else None

    def new_database(self):
        """The URL of a fresh, empty database."""
        name = f"test_{secrets.token_hex(6)}"
        self.psql(f"CREATE DATABASE {name}")
        return self.url(name)

    def url(self, database, user=SUPERUSER, password=None):
        secret = f":{password}" if password else ""
        return f"postgresql://{user}{secret}@127.0.0.1:{self.port}/{database}"


shared = []  # the server of all that ask for none, once it is started
shared_lock = threading.Lock()


def for_server(env):
    """With BOXOFFICE_SQL=postgres in the environment every boxoffice.Server gets a database of its
    own, so that tests written for SQLite prove the same of the other engine."""
    if os.environ.get("BOXOFFICE_SQL") != "postgres" or "DATABASE_URL" in env:
        return {}
    with shared_lock:
        if not shared:
            shared.append(Postgres(["max_connections=400"]).__enter__())
        return {"DATABASE_URL": shared[0].new_database()}


def stop_shared():
    while shared:
        shared.pop().discard()
