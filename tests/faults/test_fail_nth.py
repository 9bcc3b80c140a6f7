"""Proves that one failing call of the C library, whichever it is, makes the program neither crash
nor lie: it refuses to start with a word, or answers, and what it acknowledged is there afterwards.

A preloaded library (fail_nth.c) fails the n-th write, sync, open, allocation, connect or send.
FAIL_POINTS times a kind (default 12), n spread over what one round of work makes; the long form is
FAIL_POINTS=2000."""

import contextlib
import http.client
import os
import random
import signal
import subprocess
import tempfile

import boxoffice
from boxoffice import Server, get_order, get_ticket
from check import Skip, expect, wait_for

POINTS = int(os.environ.get("FAIL_POINTS", "12"))
# How many calls of the kind a start and one round of work make, and some more.
CALLS = {"write": 260, "sync": 60, "open": 40, "memory": 12000, "send": 12}
FAILURES = (OSError, http.client.HTTPException)
KILLED_BY = {-int(number): number.name for number in signal.Signals}


def build_library(folder):
    library = os.path.join(folder, "fail_nth.so")
    source = os.path.join(boxoffice.ROOT, "tests", "faults", "fail_nth.c")
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


class Round:
    """One life of the program with one failing call, and one without."""

    def __init__(self, library, kind, number):
        self.name = f"{kind}:{number}"
        self.server = Server()
        self.mark = os.path.join(self.server.folder, "failed")
        self.server.env.update(LD_PRELOAD=library, FAIL_NTH=self.name, FAIL_NTH_MARK=self.mark)
        self.tickets, self.orders, self.paid = {}, {}, set()

    def run(self):
        """True when the call was reached at all."""
        try:
            if self.starts():
                with contextlib.suppress(*FAILURES):
                    self.work()
                self.ends()
            for name in ("LD_PRELOAD", "FAIL_NTH", "FAIL_NTH_MARK"):
                del self.server.env[name]
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
        status = self.server.process.wait(10)
        assert status == 1, f"{self.name}: {self.how(status)}"
        assert self.server.log().strip(), f"{self.name}: refused to start without a word"
        return False

    def work(self):
        seller, buyer = self.server.as_user(), self.server.as_user()
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
        assert answer.status in (status, 400, 429, 503), f"{self.name}: {answer}"
        return answer.status == status

    def ends(self):
        """It lives, and ends when it is told to."""
        status = self.server.process.poll()
        assert status is None, f"{self.name}: {self.how(status)}"
        self.server.process.terminate()
        status = self.server.process.wait(20)
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
    chance, reached = random.Random(f"fail {kind}"), 0
    with tempfile.TemporaryDirectory() as folder:
        library = build_library(folder)
        first = list(range(1, POINTS // 3 + 1))
        spread = chance.sample(range(1, CALLS[kind] + 1), min(POINTS, CALLS[kind]))
        for number in (first + spread)[:POINTS]:
            reached += Round(library, kind, number).run()
    print(f"# {kind}: {POINTS} places, {reached} of them reached")
    assert reached > 0, f"no {kind} was made to fail"


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
