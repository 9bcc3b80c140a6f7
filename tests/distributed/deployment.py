"""What the tests of the distributed set share: one deployment for all, buyers through its ingress, and what
must be true of its books, read from PostgreSQL."""

import http.client
import os
import random
import sys
import threading
import time

import boxoffice
from check import expect, wait_for

sys.path.insert(0, os.path.join(boxoffice.ROOT, "tools"))
from distributed import Distributed  # noqa: E402

KEY = "the first key of these tests 0123456789"
SETTINGS = {**boxoffice.NO_LIMITS, "JWT_KEY": KEY, "SESSION_SECONDS": "4",
            "LOG_LEVEL": "info"}

_deployment = None


def deployment():
    """Started when first needed, ended with the run."""
    global _deployment
    if _deployment is None:
        started = time.monotonic()
        _deployment = Distributed(env=SETTINGS).__enter__()
        boxoffice.at_end.append(_deployment.stop)
        print(f"# the whole set was ready after {time.monotonic() - started:.1f} s")
    return _deployment


class Buyer(threading.Thread):
    """Lists, reserves, now and then cancels, pays, through the ingress, until told to stop. Keeps what
    was acknowledged. What fails is tried again while the world is broken."""

    def __init__(self, market, number):
        super().__init__(daemon=True)
        self.market = market
        self.client = market.deployment.as_user()
        self.chance = random.Random(number)
        self.error = None

    def run(self):
        try:
            while not self.market.over.is_set():
                self.purchase()
        except BaseException as error:  # told by the main thread
            self.error = error

    def ask(self, method, path, body=None):
        """The answer, or None when there was none or a 5xx that says something broke."""
        try:
            answer = self.client.request(method, path, *([body] if body else []))
        except (OSError, http.client.HTTPException) as error:
            self.market.failed(f"{method} {path}: {error!r}")
            return None
        if answer.status >= 500 and not boxoffice.is_unheard_of(answer):
            self.market.failed(f"{method} {path}: {answer}")
            return None
        return answer

    def until(self, method, path, body, statuses, status):
        """Asked again until it has this status; others may be in the way meanwhile."""
        while not self.market.over.is_set():
            answer = self.ask(method, path, body)
            if answer is None or answer.status in statuses or boxoffice.is_unheard_of(answer):
                time.sleep(0.01)
                continue
            expect(answer, status)
            return answer.json if answer.body else {}
        return None

    def purchase(self):
        price = self.chance.randrange(100, 10000) / 100
        ticket = self.until("POST", "/api/tickets", {"title": "A seat", "price": price}, (), 201)
        if not ticket:
            return
        self.market.tickets.append(ticket["id"])
        answer = None
        while answer is None and not self.market.over.is_set():
            answer = self.ask("POST", "/api/orders", {"ticketId": ticket["id"]})
            if answer is not None and boxoffice.is_unheard_of(answer):
                answer = None  # orders has not heard of it yet
                time.sleep(0.01)
        if answer is None:
            return
        if answer.status == 400:
            return  # one that was not acknowledged happened all the same
        order = expect(answer, 201).json["id"]
        self.market.orders.append(order)
        if self.chance.random() < 0.2:
            if self.until("DELETE", f"/api/orders/{order}", None, (), 204) is not None:
                self.market.cancelled.append(order)
            return
        while not self.market.over.is_set():
            answer = self.ask("POST", "/api/payments", {"token": "tok_visa", "orderId": order})
            if answer is None or boxoffice.is_unheard_of(answer):
                time.sleep(0.01)
            elif answer.status == 400 and b"order_paid" in answer.body:
                return  # an answer was lost, the payment was not
            else:
                expect(answer, 201)
                self.market.paid.append(order)
                return


class Market:
    """with Market() as market: buyers are busy. At the end everything acknowledged is there, once."""

    def __init__(self, buyers=4, may_fail=True, at=None):
        """at: another deployment than the one all share."""
        self.deployment = at or deployment()
        self.may_fail = may_fail
        self.over = threading.Event()
        self.tickets, self.orders, self.cancelled, self.paid, self.failures = [], [], [], [], []
        self.buyers = [Buyer(self, number) for number in range(buyers)]

    def failed(self, what):
        self.failures.append(what)

    def __enter__(self):
        for buyer in self.buyers:
            buyer.start()
        self.goes_on()
        return self

    def __exit__(self, kind, *_):
        self.over.set()
        for buyer in self.buyers:
            buyer.join(60)
        if kind is None:
            errors = [buyer.error for buyer in self.buyers if buyer.error]
            assert not errors, errors[0]
            assert self.may_fail or not self.failures, \
                f"{len(self.failures)} of about {4 * len(self.orders)} failed: {self.failures[:3]}"
            self.check()

    def goes_on(self, more=12, timeout=30):
        """Waits for that many whole purchases from now on; how long the first that was begun since took,
        in seconds."""
        before, started = len(self.paid), time.monotonic()

        def came(number):
            errors = [buyer.error for buyer in self.buyers if buyer.error]
            assert not errors, errors[0]
            return len(self.paid) >= before + number
        wait_for(lambda: came(len(self.buyers) + 1), timeout,  # one at least was begun since
                 lambda: f"purchases; {self.failures[-2:]}")
        first = time.monotonic() - started
        wait_for(lambda: came(more), timeout, lambda: f"more purchases; {self.failures[-2:]}")
        return first

    def check(self):
        wait_quiet(self.deployment)
        check_books(self.deployment)
        orders = dict(self.deployment.database.rows("SELECT id, status FROM orders.orders"))
        tickets = {row[0] for row in self.deployment.database.rows("SELECT id FROM tickets.tickets")}
        assert set(self.tickets) <= tickets, "an acknowledged ticket is lost"
        assert set(self.orders) <= set(orders), "an acknowledged order is lost"
        wrong = [order for order in self.paid if orders[order] != "complete"] + \
            [order for order in self.cancelled if orders[order] != "cancelled"]
        assert not wrong, f"acknowledged, and not so: {[(one, orders[one]) for one in wrong[:3]]}"


def count(deployment_, sql):
    return int(deployment_.database.rows(sql)[0][0])


SOURCES = ("auth", "tickets", "orders", "expiration", "payments", "catalogue", "entries", "mail")


def wait_quiet(deployment_, timeout=40):
    """Until every event was published and applied, none waits, no charge is in flight."""
    unsettled = " + ".join(
        f"(SELECT COUNT(*) FROM {each}.outbox_unrelayed) + (SELECT COUNT(*) FROM {each}.bus_waiting)"
        for each in SOURCES)
    sql = (f"SELECT {unsettled} + (SELECT COUNT(*) FROM payments.charges WHERE status IN "
           "('pending', 'unknown', 'refund_pending'))")

    def quiet():
        return count(deployment_, sql) == 0 and not differences(deployment_)
    wait_for(quiet, timeout,
             lambda: f"quiet; {count(deployment_, sql)} unsettled, {differences(deployment_)[:3]}")


def differences(deployment_):
    """What one service knows of another's that is not so; all at once when it is quiet."""
    rows = deployment_.database.rows
    found = rows("SELECT t.id, t.version, c.version FROM tickets.tickets t FULL JOIN "
                 "orders.ticket_copies c ON c.id = t.id AND c.version = t.version AND "
                 "c.price_cents = t.price_cents AND c.title = t.title "
                 "WHERE t.id IS NULL OR c.id IS NULL LIMIT 5")
    for table, key in (("payments.order_copies", "id"), ("expiration.timers", "order_id"),
                       ("tickets.order_versions", "order_id")):
        found += rows(f"SELECT '{table}', o.id, o.version, c.version FROM orders.orders o FULL JOIN "
                      f"{table} c ON c.{key} = o.id AND c.version = o.version "
                      "WHERE o.id IS NULL OR c.version IS NULL LIMIT 5")
    found += rows("SELECT 'held', t.id, t.order_id, o.id FROM tickets.tickets t FULL JOIN (SELECT * FROM "
                  "orders.orders WHERE status <> 'cancelled') o ON o.ticket_id = t.id "
                  "WHERE t.order_id IS DISTINCT FROM o.id OR (t.sold = 1) <> (o.status = 'complete') "
                  "LIMIT 5")
    found += rows("SELECT 'paid', c.order_id, o.id, o.version FROM (SELECT * FROM payments.charges WHERE "
                  "status = 'captured') c FULL JOIN (SELECT * FROM orders.orders WHERE status = 'complete') "
                  "o ON o.id = c.order_id WHERE c.order_id IS NULL OR o.id IS NULL LIMIT 5")
    return found


def check_books(deployment_):
    """Nothing twice, nothing dead, money where it belongs."""
    for each in SOURCES:
        dead = deployment_.database.rows(f"SELECT subject, reason FROM {each}.bus_dead")
        assert not dead, f"{each}: {dead[:3]}"
    complete = set(deployment_.database.rows("SELECT id FROM orders.orders WHERE status = 'complete'"))
    captured = deployment_.database.rows("SELECT order_id FROM payments.charges WHERE status = 'captured'")
    assert len(captured) == len(set(captured)) and set(captured) == complete
    assert count(deployment_, "SELECT COUNT(*) FROM (SELECT ticket_id FROM orders.orders WHERE status <> "
                 "'cancelled' GROUP BY ticket_id HAVING COUNT(*) > 1) twice") == 0
    replica = next(one for one in deployment_.of("payments") if one.process.poll() is None)
    audit = boxoffice.run_cli("payments", "audit", "--data", replica.data, env=replica.env)
    assert audit.returncode == 0, audit.stdout + audit.stderr
