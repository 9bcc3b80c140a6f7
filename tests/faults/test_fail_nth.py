"""Proves that one failing call of the C library, whichever it is, makes the program neither crash
nor lie: it refuses to start with a word, or answers, and what it acknowledged is there afterwards.

A preloaded library (fail_nth.c) fails the n-th write, sync, open, allocation, send or connect (to a
card processor that the test plays).
FAIL_POINTS places a kind (default 4) in a start and as many in a round of work, the same each time;
the long form is FAIL_POINTS=10000, which takes every place there is. After work that a failure went
through, the program holds no more descriptors than before; memory is not counted."""

import concurrent.futures
import contextlib
import http.client
import http.server
import json
import os
import random
import signal
import subprocess
import tempfile
import threading

import boxoffice
from boxoffice import Server, get_order, get_ticket
from check import Skip, expect, wait_for

POINTS = int(os.environ.get("FAIL_POINTS", "4"))
# About how many calls of the kind a first start makes, and a round of work: that opens no file.
CALLS = {"write": (250, 150), "sync": (70, 60), "open": (30, 0), "memory": (9000, 400),
         "send": (0, 40), "connect": (0, 2)}
AT_ONCE = 3  # most of a round is waiting
FAILURES = (OSError, http.client.HTTPException)
KILLED_BY = {-int(number): number.name for number in signal.Signals}


def build_library(folder):
    library = os.path.join(folder, "fail_nth.so")
    source = os.path.join(boxoffice.ROOT, "tests", "faults", "fail_nth.c")
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


class Processor(http.server.BaseHTTPRequestHandler):
    """Takes every card, each once for a key."""

    protocol_version = "HTTP/1.1"
    taken = {}  # idempotency key → charge

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        key = self.headers["Idempotency-Key"]
        self.answer(self.taken.setdefault(key, {
            "id": f"ch_{len(self.taken)}", "object": "charge", "status": "succeeded",
            "metadata": {"charge_id": key}}))

    def do_GET(self):
        self.answer({"object": "list", "data": list(self.taken.values()), "has_more": False})

    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def processor():
    """The settings that lead to it."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Processor) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield {"STRIPE_KEY": "sk_test_of_nobody",
               "STRIPE_API_BASE": f"http://127.0.0.1:{server.server_port}"}
        server.shutdown()


class Round:
    """One life of the program with one failing call, and one without."""

    def __init__(self, library, kind, number, later, env):
        self.name = f"{kind}:{number}"
        self.later = later
        self.server = Server(env=env)
        # The sandbox leaves the program no folder but this one to write into.
        os.makedirs(self.server.data, mode=0o700)
        self.mark = os.path.join(self.server.data, "failed")
        self.server.env.update(LD_PRELOAD=library, FAIL_NTH=self.name, FAIL_NTH_MARK=self.mark)
        if later:
            self.server.env["FAIL_NTH_LATER"] = "1"
        self.tickets, self.orders, self.paid, self.clients = {}, {}, set(), []

    def run(self):
        """True when the call was reached at all."""
        try:
            if self.starts():
                if self.later:
                    self.fails_in_work()
                else:
                    self.works()
                self.ends()
            for name in ("LD_PRELOAD", "FAIL_NTH", "FAIL_NTH_MARK", "FAIL_NTH_LATER"):
                self.server.env.pop(name, None)
            reached = os.path.exists(self.mark)
            self.server.start()
            self.audit()
            self.server.stop()
            return reached
        finally:
            self.server.discard()

    def starts(self):
        self.server.spawn()
        with contextlib.suppress(AssertionError):
            line = wait_for(self.server.first_line, boxoffice.START_S_MAX, "the address")
            self.server.port = int(line.rsplit(":", 1)[1])
            return True
        status = self.server.process.wait(60)
        assert status == 1, f"{self.name}: {self.how(status)}"
        assert self.server.log().strip(), f"{self.name}: refused to start without a word"
        return False

    def works(self):
        with contextlib.suppress(*FAILURES):
            self.work()
        for client in self.clients:
            client.close()

    def fails_in_work(self):
        connects = self.name.startswith("connect")  # once: connections to the processor are kept
        if not connects:
            self.works()  # what is opened at first use is open now
        held = self.descriptors()
        self.server.process.send_signal(signal.SIGRTMIN)
        self.works()
        if not connects:
            wait_for(lambda: self.descriptors() <= held, 10,
                     f"{self.name}: no more descriptors than {held}")

    def descriptors(self):
        """What the living program holds; 0 when that may not be looked at, or it has ended."""
        with contextlib.suppress(OSError):
            return len(os.listdir(f"/proc/{self.server.process.pid}/fd"))
        return 0

    def work(self):
        seller, buyer = self.clients = [self.server.as_user(), self.server.as_user()]
        for number in range(6):
            answer = seller.post("/api/tickets", {"title": f"Seat {number}", "price": 20 + number})
            if self.fine(answer, 201):
                self.tickets[answer.json["id"]] = answer.json
        for ticket_id in list(self.tickets):
            with contextlib.suppress(AssertionError):
                self.reserve_and_pay(buyer, ticket_id)
        self.fine(seller.get("/api/tickets"), 200)

    def reserve_and_pay(self, buyer, ticket_id):
        answer = wait_for(lambda: self.unless_absent(buyer.post("/api/orders",
                                                                {"ticketId": ticket_id})), 3)
        if not self.fine(answer, 201):
            return
        order_id = answer.json["id"]
        self.orders[order_id] = buyer.user_id
        body = {"token": "tok_visa", "orderId": order_id}
        answer = wait_for(lambda: self.unless_absent(buyer.post("/api/payments", body)), 3)
        if self.fine(answer, 201):
            self.paid.add(order_id)

    @staticmethod
    def unless_absent(answer):
        return None if answer.status == 404 else answer

    def fine(self, answer, status):
        # Without memory to verify it, a session is nobody's: 401, which lets nobody in.
        usual = (status, 400, 429, 503) + ((401,) if self.name.startswith("memory") else ())
        assert answer.status in usual, f"{self.name}: {answer}"
        return answer.status == status

    def ends(self):
        """It lives, and ends when it is told to."""
        status = self.server.process.poll()
        assert status is None, f"{self.name}: {self.how(status)}"
        self.server.process.terminate()
        status = self.server.process.wait(60)
        assert status == 0, f"{self.name}: when told to stop, {self.how(status)}"

    def how(self, status):
        return (f"ended with {KILLED_BY.get(status, status)}, its last words: "
                f"{self.server.log()[-1500:]}")

    def audit(self):
        client = self.server.client()
        for ticket_id, ticket in self.tickets.items():
            assert get_ticket(client, ticket_id)["title"] == ticket["title"], self.name
        for order_id, user_id in self.orders.items():
            buyer = self.server.as_user(user_id)
            if order_id in self.paid:
                wait_for(lambda: get_order(buyer, order_id)["status"] == "complete", 10,
                         f"{self.name}: paid order {order_id} to be complete")
            else:
                expect(buyer.get(f"/api/orders/{order_id}"), 200)


def fail_each(kind):
    if boxoffice.sanitizer():
        raise Skip("a sanitizer brings its own allocator and calls")
    chance = random.Random(f"fail {kind}")
    with tempfile.TemporaryDirectory() as folder, processor() as cards:
        library = build_library(folder)
        env = cards if kind == "connect" else None
        for later, phase in ((False, "a start"), (True, "work")):
            calls = CALLS[kind][later]
            places = chance.sample(range(1, calls + 1), min(POINTS, calls))
            with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
                reached = sum(pool.map(
                    lambda n, later=later: Round(library, kind, n, later, env).run(), places))
            print(f"# {kind} in {phase}: {len(places)} places, {reached} of them reached")
            assert reached > 0 or not places, f"no {kind} was made to fail in {phase}"


def test_a_failing_write_is_no_crash_and_no_lie():
    fail_each("write")


def test_a_failing_sync_is_no_crash_and_no_lie():
    fail_each("sync")


def test_a_failing_open_is_no_crash_and_no_lie():
    fail_each("open")


def test_a_failing_allocation_is_no_crash_and_no_lie():
    fail_each("memory")


def test_a_failing_send_is_no_crash_and_no_lie():
    fail_each("send")


def test_a_failing_connect_is_no_crash_and_no_lie():
    fail_each("connect")
