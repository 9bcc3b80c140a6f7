"""Signals, and the service manager's protocol: sd_notify(3)."""

import os
import signal
import socket
import tempfile

from boxoffice import Server
from check import expect, wait_for


def test_signals_that_mean_nothing_are_ignored():
    with Server() as server:
        for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGPIPE):
            server.process.send_signal(number)
            expect(server.client().get("/healthz"), 200)
        assert server.process.poll() is None


def test_sighup_reads_the_session_keys_again_and_says_so():
    with Server(env={"JWT_KEY": ""}) as server:
        user = server.sign_up()
        path = os.path.join(server.data, "jwt.key")
        with open(path, encoding="ascii") as file:
            old = file.read()
        with open(path, "w", encoding="ascii") as file:
            file.write("another-key-another-key-another-key-1")
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: server.logged("reloaded"), 10, "the word that it was done")
        assert user.get("/api/users/currentuser").json == {"currentUser": None}
        with open(path, "w", encoding="ascii") as file:
            file.write("short")
        server.process.send_signal(signal.SIGHUP)
        (line,) = wait_for(lambda: server.logged("reload.failed"), 10, "the refusal")
        assert "jwt.key" in line["reason"], line
        with open(path, "w", encoding="ascii") as file:
            file.write(old)
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: len(server.logged("reloaded")) == 2, 10, "the old key to be back")
        assert user.get("/api/users/currentuser").json["currentUser"], "the old key verifies again"


class Manager:
    """A service manager's end of NOTIFY_SOCKET."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.heard = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        self.folder.cleanup()

    def hear(self):
        """Everything that has come so far."""
        try:
            while True:
                self.heard.append(self.socket.recv(4096, socket.MSG_DONTWAIT).decode())
        except BlockingIOError:
            return self.heard


def test_the_service_manager_is_told_of_start_life_and_stop():
    with Manager() as manager, Server(env={"NOTIFY_SOCKET": manager.path,
                                           "WATCHDOG_USEC": "200000"}) as server:
        wait_for(lambda: manager.hear().count("WATCHDOG=1") >= 2, 10, "two signs of life")
        assert manager.heard[0] == "READY=1", manager.heard
        server.stop()
        assert manager.hear()[-1] == "STOPPING=1", manager.heard
        server.start()
