"""Starts and stops the program under test, and does with it what sellers and buyers do.

The binary is named by the environment variable BOXOFFICE (default build/boxoffice). Every server
gets its own data folder in a temporary folder and a free port, and leaves its stderr beside them.
"""

import glob
import json
import os
import queue
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
import time

import broker
import postgres
import session
from check import expect, slow_factor, wait_for
from client import Client, RawConnection

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
TEST_KEY = "a key for tests only, 0123456789abcdefghij"
TEST_PASSWORD = "gondola-Turnip-42"
START_S_MAX = 10
STOP_S_MAX = 12  # the contract grants 10 to what is in flight
SETTINGS = ("JWT_KEY", "DATABASE_URL", "NATS_URL", "NATS_CA", "NATS_CREDS", "NATS_NKEY",
            "NATS_REPLICAS", "REDIS_URL", "REDIS_CA", "STRIPE_KEY", "STRIPE_API_BASE",
            "STRIPE_WEBHOOK_SECRET", "STRIPE_PUBLISHABLE_KEY", "OPERATOR_CONTACT", "ORDER_EXPIRATION_SECONDS",
            "PAYMENT_GRACE_SECONDS", "SESSION_SECONDS", "SESSION_MAX_SECONDS",
            "COOKIE_SECURE", "TRUSTED_PROXIES", "AUTH_PASSWORD_BLOCKLIST",
            "SIGNIN_FAILURES_PER_MINUTE", "SIGNIN_FAILURES_PER_DAY", "SIGNUPS_PER_HOUR", "ORDERS_PER_MINUTE",
            "CONNECTIONS_PER_ADDRESS", "DECLINES_PER_ORDER", "DECLINES_PER_ACCOUNT",
            "DECLINES_PER_ADDRESS", "LISTINGS_PER_MINUTE", "LISTED_TICKETS_PER_USER", "UNPAID_ORDERS_PER_USER",
            "UNPAID_ORDERS_PER_ADDRESS", "HOLDS_PER_HOUR", "RETENTION_DAYS",
            "PRICE_MINIMUM", "MONITORING_LISTEN", "SMTP_URL", "MAIL_FROM", "CONFIRMED_SELLERS",
            "STAFF_FACTOR")
# Every test comes from the same few addresses. Those about the limits give None for each.
NO_LIMITS = {"SIGNIN_FAILURES_PER_MINUTE": "0", "SIGNIN_FAILURES_PER_DAY": "0", "SIGNUPS_PER_HOUR": "0", "RESETS_PER_HOUR": "0",
             "ORDERS_PER_MINUTE": "0",
             "CONNECTIONS_PER_ADDRESS": "0", "DECLINES_PER_ORDER": "0", "DECLINES_PER_ACCOUNT": "0",
             "DECLINES_PER_ADDRESS": "0", "LISTINGS_PER_MINUTE": "0", "LISTED_TICKETS_PER_USER": "0",
             "UNPAID_ORDERS_PER_USER": "0", "UNPAID_ORDERS_PER_ADDRESS": "0", "HOLDS_PER_HOUR": "0"}
LIMITS = {name: None for name in NO_LIMITS}  # as they are by default

processes = []  # every server and listener started so far
logs = []  # the stderr file of every process started so far, for the runner's sanitizer check


def binary():
    return os.path.abspath(os.environ.get("BOXOFFICE", os.path.join(ROOT, "build", "boxoffice")))


def sanitizer():
    """"address", "thread" or None: what the program under test was built with."""
    with open(binary(), "rb") as file:
        code = file.read()
    if b"__tsan_init" in code:
        return "thread"
    return "address" if b"__asan_init" in code or b"__ubsan_handle" in code else None


def command(*words):
    """The command line of the program; thread-sanitized ones need addresses that stay put."""
    prefix = ["setarch", "-R"] if sanitizer() == "thread" else []
    return prefix + [binary(), *words]


def clean_environment(changes=None):
    """The caller's environment without settings of the program, then changes (None removes)."""
    env = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    env.update(changes or {})
    return {name: value for name, value in env.items() if value is not None}


def run_cli(*words, env=None, timeout=20, cwd=None):
    """Runs the program to its end: a CompletedProcess with text output."""
    return subprocess.run(command(*words), env=clean_environment(env), cwd=cwd, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=timeout * slow_factor())


def new_id(age_s=3600):
    """A fresh id that nothing in the system has. It begins with the time, in seconds, as all ids do:
    what is older than the retention is taken for forgotten, and what was made just now may be on
    its way to the service that is asked."""
    return f"{int(time.time()) - age_s:08x}{secrets.token_hex(8)}"


def expect_kept_nowhere(server, secret):
    """Fails when a file of the server's, its databases and logs among them, has the text in it."""
    for path in glob.glob(f"{server.folder}/**/*", recursive=True):
        try:
            with open(path, "rb") as file:
                assert secret.encode() not in file.read(), path
        except OSError:  # a folder, a socket
            continue


def new_email():
    return f"user-{secrets.token_hex(6)}@example.test"


class Server:
    """One `boxoffice serve` on its own data folder; start, stop, kill and restart it."""

    def __init__(self, env=None, args=(), data=None, listen="127.0.0.1:0"):
        self.folder = tempfile.mkdtemp(prefix="boxoffice-test-")
        self.data = data or os.path.join(self.folder, "data")
        self.broker = broker.for_server(env or {})
        self.env = {"JWT_KEY": TEST_KEY, **NO_LIMITS,
                    **(self.broker.environment() if self.broker else {}),
                    **postgres.for_server(env or {}), **(env or {})}
        if not listen.endswith(":0"):  # the default is for one program a machine
            self.env.setdefault("MONITORING_LISTEN", "127.0.0.1:0")
        self.args = list(args)
        self.listen_on = listen
        self.process = None
        self.port = None
        self.host = "127.0.0.1"
        self.starts = 0
        self.listener_lock = threading.Lock()

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.discard()
            raise

    def __exit__(self, kind, error, trace):
        try:
            if kind is None:
                self.stop()
        finally:
            self.discard()

    # --- the process

    def spawn(self):
        """Starts the process without waiting for it."""
        self.starts += 1
        self.stdout_path = os.path.join(self.folder, f"stdout-{self.starts}")
        self.stderr_path = os.path.join(self.folder, f"stderr-{self.starts}")
        words = ["serve", "--listen", self.listen_on, "--data", self.data, *self.args]
        with open(self.stdout_path, "wb") as out, open(self.stderr_path, "wb") as err:
            self.process = subprocess.Popen(command(*words), stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=err, env=clean_environment(self.env))
        processes.append(self.process)
        logs.append(self.stderr_path)

    def start(self):
        """Starts the process, waits for its address and until it is ready."""
        self.spawn()
        line = wait_for(self.first_line, START_S_MAX, "the line `listening on …`")
        assert line.startswith("listening on http://127.0.0.1:"), f"first line: {line!r}"
        self.port = int(line.rsplit(":", 1)[1])
        wait_for(lambda: self.client().get("/readyz").status == 200, START_S_MAX, self.unready)
        return self

    def unready(self):
        """Why it is not ready, for who waited for it in vain."""
        broker_log = self.broker.log()[-6000:] if self.broker else ""
        return f"/readyz: {self.client().get('/readyz').json}\n{self.log()[-2000:]}\n{broker_log}"

    def stop(self, with_signal=signal.SIGTERM):
        """Asks the process to stop; it must exit 0 in time."""
        assert self.process.poll() is None, f"died by itself: {self._last_words()}"
        self.process.send_signal(with_signal)
        status = self.process.wait(STOP_S_MAX * slow_factor())
        assert status == 0, f"exit status {status}: {self._last_words()}"

    def cpu_ticks(self):
        """What its threads have cost, in hundredths of a second."""
        with open(f"/proc/{self.process.pid}/stat", encoding="utf-8") as file:
            fields = file.read().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    def kill(self):
        """SIGKILL: no time for last words."""
        assert self.process.poll() is None, f"died by itself: {self._last_words()}"
        self.process.kill()
        self.process.wait()

    def restart(self):
        self.stop()
        return self.start()

    def discard(self):
        """Ends the process if it still runs and removes the temporary folder."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.broker:
            self.broker.stop()
        keep_findings(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self):
        """What the present process wrote to stderr so far."""
        with open(self.stderr_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def logged(self, event):
        """The log lines of that name so far, as objects."""
        lines = [json.loads(line) for line in self.log().split("\n")[:-1] if line.startswith("{")]
        return [line for line in lines if line["event"] == event]

    def first_line(self, count=1):
        """The last of the first `count` lines; None when they are not there yet."""
        with open(self.stdout_path, encoding="utf-8") as file:
            lines = file.readlines()[:count]
        if len(lines) == count and lines[-1].endswith("\n"):
            return lines[-1].strip()
        assert self.process.poll() is None, f"did not start: {self._last_words()}"
        return None

    def _last_words(self):
        return f"exit {self.process.poll()}, stderr: {self.log()[-1500:]}"

    # --- clients

    def client(self):
        """Nobody in particular: no session."""
        return Client(self.host, self.port)

    def monitor(self):
        """A client of the listener of monitoring."""
        line = wait_for(lambda: self.first_line(2), START_S_MAX, "the line `monitoring on …`")
        assert line.startswith("monitoring on http://127.0.0.1:"), f"second line: {line!r}"
        return Client(self.host, int(line.rsplit(":", 1)[1]))

    def raw(self, **options):
        """A bare connection."""
        return RawConnection(self.host, self.port, **options)

    def key(self):
        """The bytes sessions are signed with."""
        if self.env.get("JWT_KEY"):
            return self.env["JWT_KEY"].encode()
        with open(os.path.join(self.data, "jwt.key"), "rb") as file:
            return file.read().strip()

    def as_user(self, user_id=None, email=None):
        """A client with a session signed by hand, as other services of the same key make them."""
        user_id = user_id or new_id()
        email = email or f"{user_id}@example.test"
        client = Client(self.host, self.port, user_id, email)
        client.cookies["session"] = session.make_cookie(self.key(), user_id, email)
        return client

    def sign_up(self, email=None, password=TEST_PASSWORD):
        """A client that signed up over HTTP."""
        email = email or new_email()
        client = self.client()
        body = {"email": email, "password": password}
        answer = wait_for(lambda: _unless_busy(client.post("/api/users/signup", body)), 20)
        expect(answer, 201)
        client.user_id = answer.json["id"]
        client.email = email
        return client

    # --- events

    def publish(self, subject, data):
        """Publishes an event with the stand-alone publisher; it must accept it."""
        done = self.try_publish(subject, data)
        assert done.returncode == 0, f"publish {subject}: {done.returncode} {done.stderr}"

    def try_publish(self, subject, data):
        """The same with its CompletedProcess; data may be text that is not JSON."""
        text = data if isinstance(data, str) else json.dumps(data)
        return run_cli("events", "publish", subject, text, "--data", self.data)

    def listen(self, subject, *options):
        """The stand-alone listener, subscribed."""
        return Listener(self, subject, options)

    def channel(self, subject):
        """What monitoring says about a subject; None when it does not have it."""
        answer = expect(self.monitor().get("/streaming/channelsz?subs=1"), 200)
        for channel in answer.json["channels"]:
            if channel["name"] == subject:
                return channel
        return None

    def subscriptions(self, subject):
        channel = self.channel(subject)
        return channel.get("subscriptions") or [] if channel else []


at_end = []  # functions for end_all, such as closing what all tests share


def end_all():
    """Kills what is still running: tests that hang leave no processes behind."""
    for close in [*at_end, broker.stop_all, postgres.stop_shared]:
        close()
    for process in processes:
        if process.poll() is None:
            process.kill()


class Listener:
    """A running `boxoffice events listen`, its lines gathered in the background."""

    def __init__(self, server, subject, options):
        words = ["events", "listen", subject, *options, "--data", server.data]
        self.server = server
        self.subject = subject
        self.messages = []
        self.received_at = []
        self.log_path = os.path.join(server.folder, f"listener-{secrets.token_hex(4)}")
        with server.listener_lock:  # so that the one new client is this one
            before = self._clients()
            with open(self.log_path, "wb") as err:
                self.process = subprocess.Popen(command(*words), stdin=subprocess.PIPE,
                                                stdout=subprocess.PIPE, stderr=err, text=True,
                                                env=clean_environment())
            processes.append(self.process)
            logs.append(self.log_path)
            threading.Thread(target=self._gather, daemon=True).start()
            self.client_id = wait_for(lambda: self._clients() - before, 10,
                                      self._last_words).pop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def wait_count(self, count, timeout=10):
        """Waits for at least this many messages and returns all so far."""
        return wait_for(lambda: len(self.messages) >= count and list(self.messages), timeout,
                        f"{count} messages, have {self.messages}")

    def data(self):
        return [message["data"] for message in list(self.messages)]

    def acknowledge(self, message):
        self.process.stdin.write(f"{message['sequence']}\n")
        self.process.stdin.flush()

    def subscription(self):
        """What monitoring says about this subscription; {} when it is not there."""
        for sub in self.server.subscriptions(self.subject):
            if sub["client_id"] == self.client_id:
                return sub
        return {}

    def wait_acknowledged(self):
        """Waits until the server has every acknowledgement of what was received."""
        wait_for(lambda: self.subscription().get("pending_count") == 0, 10, "pending_count 0")

    def stop(self):
        """SIGTERM, and waits until the server knows that it left."""
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(10 * slow_factor())
        self.process.stdin.close()

    def _clients(self):
        return {sub["client_id"] for sub in self.server.subscriptions(self.subject)
                if sub.get("client_id")}

    def _last_words(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return f"the listener's subscription; it is {self.process.poll()}: {file.read()[-500:]}"

    def _gather(self):
        for line in self.process.stdout:
            self.received_at.append(time.monotonic())
            self.messages.append(json.loads(line))


def _unless_busy(answer):
    return None if answer.status == 429 else answer


# --- findings of sanitizers ----------------------------------------------------------------------

SANITIZER_WORDS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:",
                   "WARNING: ThreadSanitizer", "WARNING: MemorySanitizer")
findings = queue.SimpleQueue()


def keep_findings(folder):
    """Looks through the logs in a folder that is about to go."""
    for path in [path for path in logs if path.startswith(folder + os.sep)]:
        logs.remove(path)
        if os.path.exists(path):
            with open(path, encoding="utf-8", errors="replace") as file:
                _look_at(file.read())


def _look_at(text):
    for word in SANITIZER_WORDS:
        at = text.find(word)
        if at >= 0:
            findings.put(text[max(0, at - 200):at + 4000])


# --- what sellers and buyers do ------------------------------------------------------------------

def mailed_token(server, email, path):
    """What opens the newest link to `path` that was mailed to `email`, of a server that sends no mails."""
    def look():
        page = server.monitor().get("/dev/mail").body.decode()
        for row in page.split("<li>")[1:]:
            if f"<bdi>{email}</bdi>" not in row:
                continue
            mail = server.monitor().get(re.search(r"/dev/mail/[0-9a-f]{24}", row).group(0)).body.decode()
            token = re.search(re.escape(path) + r"\?token=([0-9a-f]{88})", mail)
            if token:
                return token.group(1)
        return None
    return wait_for(look, 10, f"a mail to {email} with a link to {path}")


def create_ticket(seller, title="A seat", price=20):
    """Lists a ticket and returns it."""
    return expect(seller.post("/api/tickets", {"title": title, "price": price}), 201).json


def try_reserve(buyer, ticket_id):
    """Orders a ticket, waiting until the orders service has heard of it."""
    body = {"ticketId": ticket_id}
    return wait_for(lambda: _unless_missing(buyer.post("/api/orders", body)), 10,
                    "orders to know the ticket")


def reserve(buyer, ticket_id):
    """Orders a ticket and returns the order."""
    return expect(try_reserve(buyer, ticket_id), 201).json


def try_pay(buyer, order_id, token="tok_visa"):
    """Pays for an order, waiting until the payments service has heard of it."""
    body = {"token": token, "orderId": order_id}
    return wait_for(lambda: _unless_missing(buyer.post("/api/payments", body)), 10,
                    "payments to know the order")


def pay(buyer, order_id, token="tok_visa"):
    return expect(try_pay(buyer, order_id, token), 201).json


def buy(buyer, ticket_id):
    """Reserves and pays a ticket, and returns the complete order."""
    order = reserve(buyer, ticket_id)
    pay(buyer, order["id"])
    return wait_order(buyer, order["id"], "complete")


def get_ticket(client, ticket_id):
    return expect(client.get(f"/api/tickets/{ticket_id}"), 200).json


def get_order(buyer, order_id):
    return expect(buyer.get(f"/api/orders/{order_id}"), 200).json


def wait_order(buyer, order_id, status, timeout=10):
    """Waits until an order has this status and returns it."""
    def there():
        order = get_order(buyer, order_id)
        return order if order["status"] == status else None
    return wait_for(there, timeout, f"order {status}")


def wait_ticket(client, ticket_id, order_id, timeout=10):
    """Waits until a ticket is held by this order (None: by none any more) and returns it."""
    def there():
        ticket = get_ticket(client, ticket_id)
        never_held = order_id is None and ticket["version"] == 0  # tickets may not have heard yet
        return ticket if ticket.get("orderId") == order_id and not never_held else None
    return wait_for(there, timeout, f"ticket held by {order_id}")


def cancel(buyer, order_id):
    expect(buyer.delete(f"/api/orders/{order_id}"), 204)


def is_unheard_of(answer):
    """The service that was asked has not heard yet of what was just made elsewhere."""
    return answer.status == 404 or (answer.status == 503 and b'"not_yet"' in answer.body)


def _unless_missing(answer):
    return None if is_unheard_of(answer) else answer
