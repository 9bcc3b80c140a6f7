"""Proves that a service outside the tree can be built against the installed library and takes part:
examples/notifier, a program of its own, mails the buyer when an order is complete."""

import base64
import contextlib
import email
import os
import socketserver
import subprocess
import tempfile
import threading

import boxoffice
from boxoffice import TEST_PASSWORD, Server, create_ticket, new_email, pay
from broker import Nats
from check import expect, wait_for
from client import Client

EXAMPLE = os.path.join(boxoffice.ROOT, "examples", "notifier")
BUILD = os.path.join(boxoffice.ROOT, "build")


class Installed:
    """What `meson install` puts into a system, under a temporary root."""

    def __init__(self, folder):
        self.root = os.path.join(folder, "root")
        subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir",
                        self.root], check=True, stdout=subprocess.DEVNULL)
        for path, _, names in os.walk(self.root):
            if "boxoffice.pc" in names:
                self.env = {**os.environ, "PKG_CONFIG_PATH": path,
                            "PKG_CONFIG_SYSROOT_DIR": self.root}
        self.headers = next(os.path.join(path, "boxoffice") for path, names, _ in
                            os.walk(self.root) if path.endswith("/include"))

    def build(self, folder):
        """The example, built as its README says, outside the tree."""
        copy = os.path.join(folder, "notifier")
        subprocess.run(["cp", "-r", EXAMPLE, copy], check=True)
        done = subprocess.run(["make", "-C", copy], env=self.env, capture_output=True, text=True,
                              check=False)
        assert done.returncode == 0, done.stderr
        return os.path.join(copy, "notifier")


class MailServer(socketserver.ThreadingTCPServer):
    """Takes mails over SMTP into `mails`; with `refusing` it wants none."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), MailSession)
        self.refusing, self.refused, self.mails = False, 0, []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def url(self):
        return f"smtp://127.0.0.1:{self.server_address[1]}"


class MailSession(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        with contextlib.suppress(ConnectionError):  # a sender may be killed
            self.talk()

    def talk(self):
        self.say("220 a mail server for tests")
        recipients = []
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"MAIL" and self.server.refusing:
                self.server.refused += 1
                self.say("451 come again")
            elif verb == b"RCPT":
                recipients.append(line.split(b"<")[1].split(b">")[0].decode())
                self.say("250 yes")
            elif verb == b"DATA":
                self.say("354 go on")
                text = b""
                while (line := self.rfile.readline()) != b".\r\n":
                    text += line
                self.server.mails.append((recipients, email.message_from_bytes(text)))
                recipients = []
                self.say("250 taken")
            elif verb == b"QUIT":
                return self.say("221 bye")
            else:
                self.say("250 yes")


class Notifier:
    """The example's process."""

    def __init__(self, program, folder, env):
        self.program, self.env = program, env
        self.data, self.log = os.path.join(folder, "data"), os.path.join(folder, "log")

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [self.program, "127.0.0.1:0", self.data], env=boxoffice.clean_environment(self.env),
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True)
        boxoffice.processes.append(self.process)
        line = self.process.stdout.readline()
        assert line.startswith("listening on http://"), open(self.log, encoding="utf-8").read()
        client = Client("127.0.0.1", int(line.rsplit(":", 1)[1]))
        wait_for(lambda: client.get("/readyz").status == 200, 10, "the notifier to be ready")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        assert self.process.wait(60) == 0


def buy(server, title):
    """A whole purchase by somebody with a real address: (address, order id)."""
    ticket = create_ticket(server.as_user(), title=title)
    buyer, address = server.client(), new_email()
    expect(buyer.post("/api/users/signup", {"email": address, "password": TEST_PASSWORD}), 201)
    order = wait_for(lambda: reserve_when_known(buyer, ticket["id"]), 10, "the reservation")
    pay(buyer, order["id"])
    return address, order["id"]


def reserve_when_known(buyer, ticket_id):
    answer = buyer.post("/api/orders", {"ticketId": ticket_id})
    return answer.json if answer.status == 201 else None


def mail_of(server, address):
    return [mail for recipients, mail in server.mails if recipients == [address]]


def test_every_installed_header_compiles_alone():
    with tempfile.TemporaryDirectory() as folder:
        installed = Installed(folder)
        count = 0
        for path, _, names in os.walk(installed.headers):
            for name in names:
                done = subprocess.run(["cc", "-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Wextra",
                                       "-Werror", "-fsyntax-only", f"-I{installed.headers}", "-x",
                                       "c", os.path.join(path, name)],
                                      capture_output=True, text=True, check=False)
                assert done.returncode == 0, done.stderr
                count += 1
        assert count > 15


def test_a_service_outside_the_tree_mails_the_buyer():
    with tempfile.TemporaryDirectory() as folder, Nats() as nats, MailServer() as mail:
        program = Installed(folder).build(folder)
        env = {**nats.environment(), "JWT_KEY": boxoffice.TEST_KEY, "SMTP_URL": mail.url(),
               "MAIL_FROM": "tickets@example.test", "PUBLIC_URL": "https://tickets.example.test"}
        notifier = Notifier(program, folder, env)
        with Server(env=nats.environment()) as server:
            notifier.start()
            address, order_id = buy(server, "Zoë & the Quiet")
            wait_for(lambda: mail_of(mail, address), 10, "the mail")
            sent, = mail_of(mail, address)
            text = base64.b64decode(sent.get_payload()).decode()
            assert "Zoë & the Quiet" in text and order_id in text, text
            assert sent["Message-ID"] == f"<order-{order_id}@boxoffice>"

            notifier.kill()  # what happens meanwhile reaches it later
            address, _ = buy(server, "While nobody listens")
            notifier.start()
            wait_for(lambda: mail_of(mail, address), 20, "the mail after a crash")

            mail.refusing = True
            address, _ = buy(server, "Later")
            wait_for(lambda: mail.refused, 10, "a refusal")
            mail.refusing = False
            wait_for(lambda: mail_of(mail, address), 20, "the mail at the second try")
            # Killed between the mail server's answer and the commit it sends once more, as the same.
            ids = {(to, sent["Message-ID"]) for (to,), sent in mail.mails}
            assert len(ids) == 3, ids
            notifier.stop()


def test_what_is_missing_is_named():
    with tempfile.TemporaryDirectory() as folder:
        program = Installed(folder).build(folder)
        for env, name in (({}, "NATS_URL"), ({"NATS_URL": "nats://127.0.0.1:4222"}, "SMTP_URL"),
                          ({"NATS_URL": "nats://127.0.0.1:4222", "SMTP_URL": "smtp://127.0.0.1:25"},
                           "MAIL_FROM")):
            done = subprocess.run([program, "127.0.0.1:0", folder], capture_output=True, text=True,
                                  env=boxoffice.clean_environment(env), check=False, timeout=60)
            assert done.returncode == 1 and name in done.stderr, done
